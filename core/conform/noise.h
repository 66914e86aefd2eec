/* What a backend may err by, put on the reference: how far rounding moves the results of a graph is measured so. */
#ifndef ORR_CONFORM_NOISE_H
#define ORR_CONFORM_NOISE_H

#include "conform/trial.h"

/* How many times the measured distance is allowed: a draw of noise is one of many. */
#define ORR_NOISE_SHARE 8.0
/* More than this share of a norm is never allowed: what noise moves further says nothing of a device. */
#define ORR_NOISE_MOST 1e-2

/* The reference, primitives only, with relative noise of 16 units of rounding on every f32 number that they give. ops
 * must live as long as *out. One at a time in a process; its noise begins anew. */
void orr_noise_device(const struct orr_open_device *truth, struct orr_open_device *out, struct orr_backend_ops *ops);

/* The largest of a few distances ||noisy - truth|| / ||truth|| of result k of a trial, lowered; 0 where it is not real.
 */
ORR_CHECKED orr_status orr_noise_measure(const struct orr_trial *t, uint32_t k, const struct orr_open_device *truth,
                                         double *distance, struct orr_error *err);

#endif
