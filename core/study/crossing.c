/* Crossings of every seed, and their mean with its interval. */
#include "study/crossing.h"

#include "study/statistics.h"

#include <math.h>

size_t orr_crossings_of(const double *place, const double *d, size_t n, double *first)
{
    size_t count = 0, last = n; /* the last place that is not zero */
    *first = (double)NAN;
    for (size_t i = 0; i < n; ++i) {
        if (!(d[i] < 0) && !(d[i] > 0)) continue;
        if (last < n && (d[i] < 0) != (d[last] < 0)) {
            /* Of zeros between the two the last one: there share is 0. */
            const size_t from = i - 1;
            const double share = d[from] / (d[from] - d[i]);
            if (count++ == 0) *first = exp(log(place[from]) + share * (log(place[i]) - log(place[from])));
        }
        last = i;
    }
    return count;
}

double orr_slope_of(const double *place, const double *d, size_t n)
{
    double x = 0, y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < n; ++i) {
        x += log(place[i]) / (double)n;
        y += d[i] / (double)n;
    }
    for (size_t i = 0; i < n; ++i) {
        xx += (log(place[i]) - x) * (log(place[i]) - x);
        xy += (log(place[i]) - x) * (d[i] - y);
    }
    return n > 1 ? xy / xx : (double)NAN;
}

static bool is_complete(const double *d, size_t n)
{
    for (size_t i = 0; i < n; ++i)
        if (isnan(d[i])) return false;
    return n > 0;
}

/* Mean and variance in one pass (Welford 1962), since the number of seeds has no bound. */
struct orr_crossing orr_crossing_of(const double *place, size_t n_places, const double *difference, size_t n_seeds,
                                    double share)
{
    struct orr_crossing c = {.place = (double)NAN, .low = (double)NAN, .high = (double)NAN};
    double mean = 0, square = 0;
    for (size_t s = 0; s < n_seeds; ++s) {
        const double *d = difference + s * n_places;
        double first;
        if (!is_complete(d, n_places)) continue;
        const size_t count = orr_crossings_of(place, d, n_places, &first);
        ++c.n_seeds;
        c.n_none += count == 0;
        c.n_more += count > 1;
        if (count != 1) continue;
        ++c.n_one;
        const double before = log(first) - mean;
        mean += before / (double)c.n_one;
        square += before * (log(first) - mean);
    }
    /* A quotient is rounded as the share was when it was read; a product is not. */
    c.identified = c.n_one > 0 && (double)c.n_one / (double)c.n_seeds >= share;
    if (c.n_one > 0) c.place = exp(mean);
    if (c.n_one < 2) return c;
    const double n = (double)c.n_one, half = orr_student_975(c.n_one - 1) * sqrt(square / (n - 1) / n);
    c.low = exp(mean - half);
    c.high = exp(mean + half);
    return c;
}
