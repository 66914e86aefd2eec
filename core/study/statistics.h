/* Means with their 95 % intervals, for numbers that differ by seed only.
 *
 * Two intervals of one sample answer two questions: where the mean of all seeds lies, and where one more seed would. A
 * published number of a single seed is held against the second.
 */
#ifndef ORR_STUDY_STATISTICS_H
#define ORR_STUDY_STATISTICS_H

#include <stddef.h>

struct orr_mean {
    double mean;       /* NaN for no values */
    double half_width; /* of the two-sided 95 % interval by Student's t; NaN for less than two values */
    double one_more;   /* half width of the 95 % prediction interval of one further value; NaN likewise */
    size_t n;
};

/* Values that are NaN are left out. Any thread. */
struct orr_mean orr_mean_of(const double *value, size_t n);

/* Mean of a[i] - b[i] over the pairs of which neither is NaN: both of one seed, so that what the seed does to both
 * cancels. Any thread. */
struct orr_mean orr_mean_of_differences(const double *a, const double *b, size_t n);

/* The 0.975 quantile of Student's t distribution. */
double orr_student_975(size_t degrees_of_freedom);

#endif
