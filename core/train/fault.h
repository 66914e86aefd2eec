/* Where a number that is not finite came from: the run is replayed with every value kept. */
#ifndef ORR_TRAIN_FAULT_H
#define ORR_TRAIN_FAULT_H

#include "train/state.h"

struct orr_fault {
    const struct orr_train_job *job;
    const struct orr_step *step;
    const struct orr_train_state *good; /* the last state that was finite */
    uint64_t last;                      /* steps done when something was not finite; it arose in good->step .. last */
    const char *what;                   /* "the loss (nan)", "a parameter" */
};

/* Replay from the good state with every value kept until something is not finite, and say what: always an error,
 * ENUMERIC with the step, the first such value, its operation and shape, and what to try; or what kept it from
 * replaying (memory, a stop). Uses memory of the device beside that of the run. */
orr_status orr_fault_explain(const struct orr_fault *fault, struct orr_error *err);

#endif
