/* Student's t interval of a mean (Student 1908). Quantiles: NIST/SEMATECH Handbook of Statistical Methods, table
 * 1.3.6.7.2; beyond it the first terms of the Cornish-Fisher expansion (Abramowitz and Stegun 1964, 26.7.5). */
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
    return z + z * (z2 + 1) / (4 * v) + z * ((5 * z2 + 16) * z2 + 3) / (96 * v * v);
}

struct orr_mean orr_mean_of(const double *value, size_t n)
{
    struct orr_mean m = {.mean = (double)NAN, .half_width = (double)NAN};
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; ++i)
        if (!isnan(value[i])) {
            sum += value[i];
            ++m.n;
        }
    if (m.n == 0) return m;
    m.mean = sum / (double)m.n;
    for (size_t i = 0; i < n; ++i)
        if (!isnan(value[i])) square += (value[i] - m.mean) * (value[i] - m.mean);
    if (m.n >= 2) m.half_width = orr_student_975(m.n - 1) * sqrt(square / (double)(m.n - 1) / (double)m.n);
    return m;
}
