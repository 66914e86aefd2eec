/* A power law of two variables, y = A v^alpha d^beta, fitted to points of a sweep.
 *
 * As arXiv 2602.06923 fits 1 - R2 of a map to the size of the vocabulary and the amount of data. In the logarithms
 * every point counts alike; in y itself, as published, the largest decide.
 */
#ifndef ORR_STUDY_POWER_LAW_H
#define ORR_STUDY_POWER_LAW_H

#include <stdbool.h>
#include <stddef.h>

struct orr_power_law {
    double a, alpha, beta;                   /* NaN where there is no fit */
    double a_error, alpha_error, beta_error; /* standard errors; NaN for fewer than four points */
    double r2;                               /* of what was fitted: of log y, or of y */
    size_t n;                                /* points used */
    bool converged;
};

/* Least squares of log y. Points of which a number is not above 0 are left out; no fit for fewer than three, or for v
 * and d that do not vary independently. Any thread. */
struct orr_power_law orr_power_law_of_logarithms(const double *v, const double *d, const double *y, size_t n);

/* Least squares of y, by Gauss-Newton from the fit of the logarithms (Nocedal and Wright 2006, chapter 10.3). */
struct orr_power_law orr_power_law_of_values(const double *v, const double *d, const double *y, size_t n);

#endif
