/* Student's t interval of a mean (Student 1908), and of one further value of a normal sample (Whitmore 1986, The
 * American Statistician 40, 141-143: mean +- t s sqrt(1 + 1/n)). Quantiles: NIST/SEMATECH Handbook of Statistical
 * Methods, table 1.3.6.7.2; beyond it the first terms of the Cornish-Fisher expansion (Abramowitz and Stegun
 * 1964, 26.7.5). */
#include "study/statistics.h"

#include <math.h>

double orr_student_975(size_t degrees_of_freedom)
{
    static const double quantile[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                      2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
    const size_t n = sizeof quantile / sizeof *quantile;
    if (degrees_of_freedom == 0) return (double)NAN;
    if (degrees_of_freedom <= n) return quantile[degrees_of_freedom - 1];
    const double z = 1.959963984540054, z2 = z * z, v = (double)degrees_of_freedom;
    return z + z * (z2 + 1) / (4 * v) + z * ((5 * z2 + 16) * z2 + 3) / (96 * v * v) +
           z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * v * v * v);
}

/* b NULL: zeros. */
static double difference(const double *a, const double *b, size_t i) { return b ? a[i] - b[i] : a[i]; }

static struct orr_mean mean_of(const double *a, const double *b, size_t n)
{
    struct orr_mean m = {.mean = (double)NAN, .half_width = (double)NAN, .one_more = (double)NAN};
    double first = 0, sum = 0, square = 0;
    for (size_t i = 0; i < n; ++i)
        if (!isnan(difference(a, b, i))) {
            /* Summed from the first on, so that equal values have no deviation. */
            if (m.n == 0 && isfinite(difference(a, b, i))) first = difference(a, b, i);
            sum += difference(a, b, i) - first;
            ++m.n;
        }
    if (m.n == 0) return m;
    m.mean = first + sum / (double)m.n;
    if (m.n < 2) return m;
    for (size_t i = 0; i < n; ++i) {
        const double off = difference(a, b, i) - m.mean;
        if (!isnan(off)) square += off * off;
    }
    const double t = orr_student_975(m.n - 1), deviation = sqrt(square / (double)(m.n - 1));
    m.half_width = t * deviation / sqrt((double)m.n);
    m.one_more = t * deviation * sqrt(1 + 1 / (double)m.n);
    return m;
}

struct orr_mean orr_mean_of(const double *value, size_t n) { return mean_of(value, NULL, n); }

struct orr_mean orr_mean_of_differences(const double *a, const double *b, size_t n) { return mean_of(a, b, n); }
