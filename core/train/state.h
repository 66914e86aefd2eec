/* What a run carries from one step to the next, on the host: enough to go on with the same bits. */
#ifndef ORR_TRAIN_STATE_H
#define ORR_TRAIN_STATE_H

#include "train/step.h"

/* Blocks of `elements` numbers. Doubles hold floats exactly, so one state serves both types of device values. */
struct orr_train_state {
    uint64_t step; /* steps done */
    size_t elements;
    double *parameters;
    double *block[ORR_OPTIMISER_BLOCKS_MAX]; /* of the optimiser */
    uint32_t n_blocks;
    const struct orr_optimiser_block *name; /* (n_blocks) */
};

/* Zeroed blocks; the caller releases them by orr_train_state_fini. */
ORR_CHECKED orr_status orr_train_state_init(struct orr_train_state *state, const struct orr_optimiser *optimiser,
                                            size_t elements, struct orr_error *err);
void orr_train_state_fini(struct orr_train_state *state); /* zeroed is fine */

/* Between host and device. Reading waits for queued work; step->step is written, not read: state->step is the
 * caller's to set. */
ORR_CHECKED orr_status orr_train_state_write(const struct orr_train_state *state, const struct orr_step *step,
                                             struct orr_exec *exec, struct orr_error *err);
ORR_CHECKED orr_status orr_train_state_read(struct orr_train_state *state, const struct orr_step *step,
                                            struct orr_exec *exec, struct orr_error *err);

/* "a parameter", "a first moment", ...: what is not finite; NULL when all is. */
const char *orr_train_state_not_finite(const struct orr_train_state *state);

/* The n numbers as floats, the caller's to free by orr_memory_free; NULL when out of memory. */
float *orr_train_floats(const double *x, size_t n);

#endif
