/* One case with its inputs, its true results in double, and how far from them a result may lie. */
#ifndef ORR_CONFORM_TRIAL_H
#define ORR_CONFORM_TRIAL_H

#include "conform/case.h"
#include "graph/optable.h"
#include "run/device.h"

struct orr_numbers {
    struct orr_shape shape; /* dtype ORR_F64 (real) or ORR_I32 (whole) */
    size_t count;
    double *real;
    int32_t *whole;
};

struct orr_trial {
    struct orr_case c;
    const struct orr_op_info *op;
    struct orr_numbers in[ORR_IN_MAX], out[ORR_OUT_MAX];
    double *allowed[ORR_OUT_MAX]; /* for each element of a real result; 0: the very number, rounded */
};

/* Draw the inputs, compute the results on truth (the reference, in double) and the allowed errors. The caller releases
 * *out by orr_trial_fini, also on failure. flushes: numbers below the smallest normal one may be taken as zero. */
ORR_CHECKED orr_status orr_trial_init(const struct orr_case *c, uint64_t seed, struct orr_open_device *truth,
                                      bool flushes, struct orr_trial *out, struct orr_error *err);
void orr_trial_fini(struct orr_trial *t);

/* Zeroed numbers of a shape, real ones in double. The caller releases *a by orr_numbers_fini. */
ORR_CHECKED orr_status orr_numbers_init(struct orr_numbers *a, const struct orr_shape *shape, struct orr_error *err);
/* Free the numbers; zeroed is fine. */
void orr_numbers_fini(struct orr_numbers *a);

/* How one result compares with the truth: the worst error as a share of what is allowed, and where. */
struct orr_distance {
    double fraction; /* infinite where nothing is allowed, or where only one of the two is a number */
    size_t at;
    double got, want, allowed;
    double noise; /* of a lowered operation: what was allowed beyond its bound, as a share of the norm */
};
/* data: of type real (ORR_F32) or i32, as many elements as result k. A larger distance replaces *worst; true then. */
bool orr_trial_compare(const struct orr_trial *t, uint32_t k, const void *data, struct orr_distance *worst);

/* The same of a device that computed in f64: a 2^-19th of what f32 is allowed. */
bool orr_trial_compare_wide(const struct orr_trial *t, uint32_t k, const void *data, struct orr_distance *worst);

/* A result that was computed by other operations (a lowering): the norm of the difference as a share of `bound` times
 * the norm of the truth, and some of what is allowed anyway; numbers that are not finite must be the same. */
bool orr_trial_compare_norm(const struct orr_trial *t, uint32_t k, const void *data, double bound,
                            struct orr_distance *worst);

/* The sum of |terms| behind each element of result k (n numbers): what SUM(n) is measured in, and the largest term of
 * an update by AdamW. truth computes with absolute values where the operation allows. */
ORR_CHECKED orr_status orr_trial_magnitude(const struct orr_trial *t, uint32_t k, struct orr_open_device *truth,
                                           double *sum, struct orr_error *err);

/* The spacing of floats at |x|, at least that of the denormal ones. */
double orr_float_spacing(double x);

#endif
