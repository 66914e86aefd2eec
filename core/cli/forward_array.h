/* Inputs and targets of `orrery forward`: a .npy file as a batch of what a model takes. */
#ifndef ORR_CLI_FORWARD_ARRAY_H
#define ORR_CLI_FORWARD_ARRAY_H

#include "model/model.h"

struct orr_forward_array {
    int64_t dim[3]; /* batch, time, columns */
    bool bare;      /* tokens of one column whose file has no axis for it: (batch, time) */
    double *number; /* of a model of numbers */
    int32_t *token; /* of one of tokens; one of the two is NULL */
    size_t elements;
};

/* Read what a model takes, or with `target` what it should have given: (batch, time, columns) numbers, or tokens, whose
 * column axis may be left out where there is one column. Checked: columns, that numbers are finite and tokens in the
 * vocabulary (or a target -1: ignored). On success the caller releases *out. EINVAL, EFORMAT name the file; ENOMEM. */
ORR_CHECKED orr_status orr_forward_array_read(const char *path, const struct orr_model *model, bool target,
                                              struct orr_forward_array *out, struct orr_error *err);
void orr_forward_array_fini(struct orr_forward_array *array); /* zeroed is fine */

#endif
