/* The windows that probes look at, of both splits, with the simulator's columns beside every position.
 *
 * One sample serves every network of a point, so that all are asked the same questions. It belongs to one thread at a
 * time and must not outlive its data set.
 */
#ifndef ORR_STUDY_SAMPLE_H
#define ORR_STUDY_SAMPLE_H

#include "data/dataset.h"

struct orr_sample {
    const struct orr_dataset *data;
    uint32_t length;          /* inputs in a window */
    bool whole;               /* the loss is on all positions, else on the last */
    int32_t *start[2];        /* by split, ascending: rows of (trajectories * steps) */
    size_t count[2];          /* windows */
    struct orr_field *column; /* observed, hidden, constant, then "trajectory" and "step" */
    uint32_t n_columns;
    double *table[2][2]; /* by split and enum orr_positions: (n_columns, rows); NULL until asked for */
};

/* Choose up to `windows` windows of each split, without replacement, by Philox from the data's seed. On success the
 * caller destroys *out. ENOMEM. */
ORR_CHECKED orr_status orr_sample_create(const struct orr_dataset *data, size_t windows, struct orr_sample **out,
                                         struct orr_error *err);
void orr_sample_destroy(struct orr_sample *sample); /* NULL is fine */

/* Rows of matrices: windows, or windows * length. */
size_t orr_sample_rows(const struct orr_sample *sample, enum orr_split split, enum orr_positions positions);

/* One column (rows, 1), borrowed from the sample. EINVAL names the nearest column. */
ORR_CHECKED orr_status orr_sample_column(struct orr_sample *sample, const char *name, enum orr_split split,
                                         enum orr_positions positions, struct orr_matrix *out, struct orr_error *err);

/* Inputs of windows first .. first+count-1 as the network sees them: (count, length, n_observed), caller's array. */
void orr_sample_inputs(const struct orr_sample *sample, enum orr_split split, size_t first, size_t count, double *out);
/* What should be predicted there, one point later; the same shape. */
void orr_sample_targets(const struct orr_sample *sample, enum orr_split split, size_t first, size_t count, double *out);

/* How often each token of an observed column occurs among the points of the training trajectories: (bins.count)
 * numbers, the caller's. */
void orr_sample_token_counts(const struct orr_sample *sample, uint32_t column, double *count);

#endif
