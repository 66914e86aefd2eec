/* Faults of reading one element past the last row, and of a result that is not written where it is NaN. */
#include "faulty.h"

#include <math.h>

static int64_t width_of(const struct orr_tensor *t) { return t->rank ? t->dim[t->rank - 1] : 1; }

/* The largest along an axis, of `extra` terms more in the last row; NaN where there is one. */
static float largest_of(const struct orr_call *call, int64_t i, int64_t extra)
{
    const struct orr_tensor *x = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t length = x->dim[axis], inner = reference_span(x, axis + 1, x->rank);
    const int64_t terms = length + (i + 1 == faulty_count(call) ? extra : 0);
    float most = -INFINITY;
    for (int64_t k = 0; k < terms; ++k) {
        const float term = faulty_in(call, 0)[(i / inner * length + k) * inner + i % inner];
        if (isnan(term)) return term;
        most = fmaxf(most, term);
    }
    return most;
}

FAULTY_RUN(max_over_read)
{
    for (int64_t i = 0; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = largest_of(call, i, 1);
    return ORR_OK;
}

FAULTY_RUN(max_nan_unwritten)
{
    for (int64_t i = 0; i < faulty_count(call); ++i) {
        const float most = largest_of(call, i, 0);
        if (!isnan(most)) faulty_out(call, 0)[i] = most;
    }
    return ORR_OK;
}

/* The log of the sum of exponentials of n numbers. */
static double log_sum(const float *x, int64_t n)
{
    double most = -INFINITY, sum = 0.0;
    for (int64_t j = 0; j < n; ++j)
        most = isnan(x[j]) || (double)x[j] > most ? (double)x[j] : most;
    for (int64_t j = 0; j < n; ++j)
        sum += exp((double)x[j] - most);
    return most + log(sum);
}

static void over_read(const struct orr_call *call, bool logarithm)
{
    const int64_t width = width_of(&call->in[0]), rows = width ? reference_count(&call->in[0]) / width : 0;
    for (int64_t r = 0; r < rows; ++r) {
        const float *x = faulty_in(call, 0) + r * width;
        const double all = log_sum(x, r + 1 == rows ? width + 1 : width);
        for (int64_t j = 0; j < width; ++j) {
            const double y = (double)x[j] - all;
            faulty_out(call, 0)[r * width + j] = (float)(logarithm ? y : exp(y));
        }
    }
}

FAULTY_RUN(softmax_over_read)
{
    over_read(call, false);
    return ORR_OK;
}

FAULTY_RUN(log_softmax_over_read)
{
    over_read(call, true);
    return ORR_OK;
}
