/* Layer normalisation (Ba, Kiros and Hinton 2016) and root-mean-square normalisation (Zhang and Sennrich 2019), along
 * the last axis, with gradients.
 *
 * x (.., width); gain, bias (width); mean, rstd (..): the dims of x without the last. f[0] is eps, added to the
 * variance (divided by width, not width - 1) or to the mean square.
 */
#include "template.h"

#include <math.h>

/* x, gain, bias -> y = (x - mean) rstd gain + bias, mean, rstd. */
KERNEL(LAYERNORM)
{
    const int64_t rows = reference_rows(&call->in[0]), width = reference_width(&call->in[0]);
    const element *restrict x = reference_data(&call->in[0]);
    const element *restrict gain = reference_data(&call->in[1]), *restrict bias = reference_data(&call->in[2]);
    element *restrict y = reference_data(&call->out[0]);
    element *restrict mean_out = reference_data(&call->out[1]), *restrict rstd_out = reference_data(&call->out[2]);
    for (int64_t i = 0; i < rows; ++i, x += width, y += width) {
        double sum = 0, squares = 0;
        for (int64_t j = 0; j < width; ++j)
            sum += (double)x[j];
        const double mean = sum / (double)width;
        for (int64_t j = 0; j < width; ++j)
            squares += ((double)x[j] - mean) * ((double)x[j] - mean);
        const double rstd = 1 / sqrt(squares / (double)width + call->attr.f[0]);
        for (int64_t j = 0; j < width; ++j)
            y[j] = (element)(((double)x[j] - mean) * rstd * (double)gain[j] + (double)bias[j]);
        mean_out[i] = (element)mean;
        rstd_out[i] = (element)rstd;
    }
    return ORR_OK;
}

/* dy, x, gain, mean, rstd -> dx, dgain, dbias; the latter two summed over all rows. With n = (x - mean) rstd and
 * g = dy gain: dx = rstd (g - average(g) - n average(g n)). */
KERNEL(LAYERNORM_GRAD)
{
    const int64_t rows = reference_rows(&call->in[1]), width = reference_width(&call->in[1]);
    double *restrict dgain = reference_scratch(dev, 2 * width, err);
    if (!dgain) return ORR_ENOMEM;
    double *restrict dbias = dgain + width;
    const element *restrict dy = reference_data(&call->in[0]), *restrict x = reference_data(&call->in[1]);
    const element *restrict gain = reference_data(&call->in[2]);
    const element *restrict means = reference_data(&call->in[3]), *restrict rstds = reference_data(&call->in[4]);
    element *restrict dx = reference_data(&call->out[0]);
    for (int64_t j = 0; j < 2 * width; ++j)
        dgain[j] = 0;
    for (int64_t i = 0; i < rows; ++i, dy += width, x += width, dx += width) {
        const double mean = (double)means[i], rstd = (double)rstds[i];
        double sum_g = 0, sum_gn = 0;
        for (int64_t j = 0; j < width; ++j) {
            const double n = ((double)x[j] - mean) * rstd, g = (double)dy[j] * (double)gain[j];
            sum_g += g;
            sum_gn += g * n;
        }
        for (int64_t j = 0; j < width; ++j) {
            const double n = ((double)x[j] - mean) * rstd, g = (double)dy[j] * (double)gain[j];
            dx[j] = (element)(rstd * (g - sum_g / (double)width - n * (sum_gn / (double)width)));
            dgain[j] += (double)dy[j] * n;
            dbias[j] += (double)dy[j];
        }
    }
    element *restrict dgain_out = reference_data(&call->out[1]), *restrict dbias_out = reference_data(&call->out[2]);
    for (int64_t j = 0; j < width; ++j) {
        dgain_out[j] = (element)dgain[j];
        dbias_out[j] = (element)dbias[j];
    }
    return ORR_OK;
}

/* x, gain -> y = x rstd gain, rstd = 1 / sqrt(average(x^2) + eps). */
KERNEL(RMSNORM)
{
    const int64_t rows = reference_rows(&call->in[0]), width = reference_width(&call->in[0]);
    const element *restrict x = reference_data(&call->in[0]), *restrict gain = reference_data(&call->in[1]);
    element *restrict y = reference_data(&call->out[0]), *restrict rstd_out = reference_data(&call->out[1]);
    for (int64_t i = 0; i < rows; ++i, x += width, y += width) {
        double squares = 0;
        for (int64_t j = 0; j < width; ++j)
            squares += (double)x[j] * (double)x[j];
        const double rstd = 1 / sqrt(squares / (double)width + call->attr.f[0]);
        for (int64_t j = 0; j < width; ++j)
            y[j] = (element)((double)x[j] * rstd * (double)gain[j]);
        rstd_out[i] = (element)rstd;
    }
    return ORR_OK;
}

/* dy, x, gain, rstd -> dx, dgain. With n = x rstd and g = dy gain: dx = rstd (g - n average(g n)). */
KERNEL(RMSNORM_GRAD)
{
    const int64_t rows = reference_rows(&call->in[1]), width = reference_width(&call->in[1]);
    double *restrict dgain = reference_scratch(dev, width, err);
    if (!dgain) return ORR_ENOMEM;
    const element *restrict dy = reference_data(&call->in[0]), *restrict x = reference_data(&call->in[1]);
    const element *restrict gain = reference_data(&call->in[2]), *restrict rstds = reference_data(&call->in[3]);
    element *restrict dx = reference_data(&call->out[0]), *restrict dgain_out = reference_data(&call->out[1]);
    for (int64_t j = 0; j < width; ++j)
        dgain[j] = 0;
    for (int64_t i = 0; i < rows; ++i, dy += width, x += width, dx += width) {
        const double rstd = (double)rstds[i];
        double sum_gn = 0;
        for (int64_t j = 0; j < width; ++j)
            sum_gn += (double)dy[j] * (double)gain[j] * ((double)x[j] * rstd);
        for (int64_t j = 0; j < width; ++j) {
            const double n = (double)x[j] * rstd, g = (double)dy[j] * (double)gain[j];
            dx[j] = (element)(rstd * (g - n * (sum_gn / (double)width)));
            dgain[j] += (double)dy[j] * n;
        }
    }
    for (int64_t j = 0; j < width; ++j)
        dgain_out[j] = (element)dgain[j];
    return ORR_OK;
}
