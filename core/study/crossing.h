/* Where two curves cross, over seeds: the context at which one score overtakes another.
 *
 * Every seed has a difference at each of several places, such as contexts. Its crossings are the changes of sign
 * between neighbouring places, interpolated linearly in the logarithm of the place. A seed with exactly one has a
 * crossing.
 */
#ifndef ORR_STUDY_CROSSING_H
#define ORR_STUDY_CROSSING_H

#include <stdbool.h>
#include <stddef.h>

struct orr_crossing {
    size_t n_seeds;        /* with a number at every place */
    size_t n_one;          /* of them, with exactly one crossing */
    size_t n_none, n_more; /* with none, with several */
    bool identified;       /* n_one / n_seeds is at least the share that was asked for, and n_seeds is not 0 */
    double place;          /* geometric mean over the seeds with exactly one; NaN: none has */
    double low, high;      /* of its 95 % interval by Student's t of the logarithms; NaN for fewer than two seeds */
};

/* How many changes of sign d (n) has over ascending places (n, above 0), and in *place the first. Zeros belong to the
 * side before them; those at the beginning to the side after them. */
size_t orr_crossings_of(const double *place, const double *d, size_t n, double *first);

/* difference (n_seeds, n_places); a seed with a NaN is left out. Any thread. */
struct orr_crossing orr_crossing_of(const double *place, size_t n_places, const double *difference, size_t n_seeds,
                                    double share);

/* Slope of the least-squares line of d (n) against the logarithm of the place; NaN for fewer than two places. Over
 * seeds, orr_mean_of of their slopes has the interval. Any thread. */
double orr_slope_of(const double *place, const double *d, size_t n);

#endif
