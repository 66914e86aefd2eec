/* Means with their 95 % intervals, for numbers that differ by seed only. */
#ifndef ORR_STUDY_STATISTICS_H
#define ORR_STUDY_STATISTICS_H

#include <stddef.h>

struct orr_mean {
    double mean;       /* NaN for no values */
    double half_width; /* of the two-sided 95 % interval by Student's t; NaN for less than two values */
    size_t n;
};

/* Values that are NaN are left out. Any thread. */
struct orr_mean orr_mean_of(const double *value, size_t n);

/* The 0.975 quantile of Student's t distribution. */
double orr_student_975(size_t degrees_of_freedom);

#endif
