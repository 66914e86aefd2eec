/* Training steps of a real job on two devices at once: every value of every step compared, each step begun from the
 * other device's state. What `orrery run --check` does.
 */
#ifndef ORR_CONFORM_STEPS_H
#define ORR_CONFORM_STEPS_H

#include "train/train.h"

#include <stdio.h>

struct orr_steps_check {
    const struct orr_train_job *job; /* device: the one that is checked */
    struct orr_open_device *truth;   /* computes in f64 where it can, else in f32 */
    uint64_t steps;
};

struct orr_steps_result {
    size_t n_values;
    double worst;           /* distance over all values and steps */
    char worst_value[300];  /* which one */
    uint64_t diverged_step; /* the first step with a value beyond the bound ... */
    char diverged[300];     /* ... and the first such value in the order of the graph; "": none */
    double noise;           /* the largest distance that was allowed for what rounding does */
    size_t n_unjudged;      /* values that rounding alone may move too far to tell */
    double allowed;         /* what ||a - b|| / ||b|| was allowed there */
};

/* Run the steps and print a line for each of the values furthest apart to `to`. ENUMERIC when a value is further away
 * than rounding explains, which is measured on truth; the text names the first operation that diverges. */
ORR_CHECKED orr_status orr_steps_compare(const struct orr_steps_check *check, struct orr_steps_result *result, FILE *to,
                                         struct orr_error *err);

#endif
