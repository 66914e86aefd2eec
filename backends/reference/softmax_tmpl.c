/* Softmax and its logarithm along the last axis, with gradients.
 *
 * Inputs and result alike in dims (.., width); the largest of a row is subtracted first, so that exp cannot overflow. A
 * row of -infinity is NaN. Results may be input 0: a row is read whole before it is written, or element by element.
 */
#include "template.h"

#include <math.h>

static double largest(const element *row, int64_t width)
{
    double most = -HUGE_VAL;
    for (int64_t j = 0; j < width; ++j)
        if ((double)row[j] > most) most = (double)row[j]; /* a NaN reaches the sum of exponentials instead */
    return most;
}

KERNEL(SOFTMAX)
{
    const int64_t rows = reference_rows(&call->out[0]), width = reference_width(&call->out[0]);
    double *weight = reference_scratch(dev, width, err);
    if (!weight) return ORR_ENOMEM;
    const element *in = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < rows; ++i, in += width, out += width) {
        const double most = largest(in, width);
        double sum = 0;
        for (int64_t j = 0; j < width; ++j)
            sum += weight[j] = exp((double)in[j] - most);
        for (int64_t j = 0; j < width; ++j)
            out[j] = (element)(weight[j] / sum);
    }
    return ORR_OK;
}

/* dy, y -> dx = y (dy - sum(dy y)). */
KERNEL(SOFTMAX_GRAD)
{
    const int64_t rows = reference_rows(&call->out[0]), width = reference_width(&call->out[0]);
    const element *dy = reference_data(&call->in[0]), *y = reference_data(&call->in[1]);
    element *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < rows; ++i, dy += width, y += width, out += width) {
        double sum = 0;
        for (int64_t j = 0; j < width; ++j)
            sum += (double)dy[j] * (double)y[j];
        for (int64_t j = 0; j < width; ++j)
            out[j] = (element)((double)y[j] * ((double)dy[j] - sum));
    }
    return ORR_OK;
}

KERNEL(LOG_SOFTMAX)
{
    const int64_t rows = reference_rows(&call->out[0]), width = reference_width(&call->out[0]);
    const element *in = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < rows; ++i, in += width, out += width) {
        const double most = largest(in, width);
        double sum = 0;
        for (int64_t j = 0; j < width; ++j)
            sum += exp((double)in[j] - most);
        const double log_sum = log(sum);
        for (int64_t j = 0; j < width; ++j)
            out[j] = (element)((double)in[j] - most - log_sum);
    }
    return ORR_OK;
}

/* dy, y -> dx = dy - exp(y) sum(dy). */
KERNEL(LOG_SOFTMAX_GRAD)
{
    const int64_t rows = reference_rows(&call->out[0]), width = reference_width(&call->out[0]);
    const element *dy = reference_data(&call->in[0]), *y = reference_data(&call->in[1]);
    element *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < rows; ++i, dy += width, y += width, out += width) {
        double sum = 0;
        for (int64_t j = 0; j < width; ++j)
            sum += (double)dy[j];
        for (int64_t j = 0; j < width; ++j)
            out[j] = (element)((double)dy[j] - exp((double)y[j]) * sum);
    }
    return ORR_OK;
}
