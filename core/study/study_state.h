/* The inside of a study: used by the files that make it up only. */
#ifndef ORR_STUDY_STUDY_STATE_H
#define ORR_STUDY_STUDY_STATE_H

#include "study/study.h"

/* Activations of one site, (rows, width). */
struct orr_capture {
    uint32_t site;
    enum orr_split split;
    enum orr_positions positions;
    double *data;
    size_t rows, width;
};

struct orr_study_state {
    struct orr_study_config config;
    struct orr_study face;
    struct orr_capture *capture;
    size_t n_captures, capture_capacity, capture_bytes;
    struct orr_forward *forward; /* the last shape asked for, without patches; NULL: none yet */
    uint32_t forward_batch;
    double *forward_input, *forward_prediction; /* one batch of whole contexts */
    double *trajectories[2];                    /* by split, as last asked for */
    double **lent;                              /* matrices that live until a probe has measured */
    size_t n_lent, lent_capacity;
    const char *probe; /* label of the one that measures */
    struct orr_findings *findings;
};

/* ORR_ECANCELLED when the user asked to stop. */
ORR_CHECKED orr_status orr_study_check_stop(const struct orr_study_state *study, struct orr_error *err);

/* orr_study.activations. */
ORR_CHECKED orr_status orr_study_activations(struct orr_study_state *study, const char *site, enum orr_split split,
                                             enum orr_positions positions, struct orr_matrix *out,
                                             struct orr_error *err);
/* Forget all activations. */
void orr_study_forget(struct orr_study_state *study);

/* orr_study.forward: input (n, steps, n_observed). */
ORR_CHECKED orr_status orr_study_forward(struct orr_study_state *study, const double *input, uint32_t n, uint32_t steps,
                                         const struct orr_patch *patches, uint32_t n_patches, double *prediction,
                                         struct orr_error *err);
void orr_study_forward_fini(struct orr_study_state *study);

/* orr_study.parameter and orr_study.tokens. */
ORR_CHECKED orr_status orr_study_parameter(struct orr_study_state *study, const char *name, struct orr_matrix *out,
                                           struct orr_error *err);
ORR_CHECKED orr_status orr_study_tokens(struct orr_study_state *study, uint32_t column, struct orr_matrix *out,
                                        struct orr_error *err);
/* Free what the two have lent. */
void orr_study_take_back(struct orr_study_state *study);

#endif
