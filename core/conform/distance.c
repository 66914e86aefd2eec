/* The relative distance of two tensors in the Euclidean norm. */
#include "conform/distance.h"

#include <math.h>

double orr_distance_relative(const double *a, const double *b, size_t n, double floor)
{
    double difference = 0.0, norm = 0.0;
    for (size_t e = 0; e < n; ++e) {
        if (!isfinite(a[e]) || !isfinite(b[e])) {
            if (isnan(b[e]) ? !isnan(a[e]) : a[e] != b[e]) return HUGE_VAL;
            continue;
        }
        difference += (a[e] - b[e]) * (a[e] - b[e]);
        norm += b[e] * b[e];
    }
    return difference > 0.0 ? sqrt(difference) / fmax(sqrt(norm), floor * sqrt((double)n)) : 0.0;
}
