/* How far apart two tensors are, and what is allowed where operations are composed: one measure for all checks. */
#ifndef ORR_CONFORM_DISTANCE_H
#define ORR_CONFORM_DISTANCE_H

#include <stddef.h>

/* For results of many operations: a value of a small model passes through some tens of roundings of 6e-8, which is 1e-6
 * for gradients and 3e-6 at most in the paper's model with OpenCL. */
#define ORR_COMPOSED_BOUND 2e-5

/* ||a - b|| / ||b|| over n numbers; 0 where they are equal. Infinite where only one of two numbers is finite, where
 * they are not the same infinity or both NaN, and where b has no norm. floor: norms below that a number count as it.
 * Any thread. */
double orr_distance_relative(const double *a, const double *b, size_t n, double floor);

#endif
