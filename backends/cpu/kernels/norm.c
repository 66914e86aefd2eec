/* Layer normalisation (Ba, Kiros and Hinton 2016) and root-mean-square normalisation (Zhang and Sennrich 2019), along
 * the last axis, with gradients.
 *
 * x (.., width); gain, bias (width); mean, rstd (..): the dims of x without the last. f[0] is eps. The variance is that
 * of differences from the mean, so that rows far from zero keep it. dgain and dbias are sums over all rows: of LANES
 * at a time in float, of those in double.
 */
#include "rows.h"

/* `centred`, below: layer normalisation, with mean and bias. */
struct norm {
    int64_t rows, width;
    float eps;
    const float *x, *gain, *bias;
    float *y, *mean, *rstd;
};

/* So much of a row is added up before its sum is added to the others', or rounding would grow with the width. */
enum { SUM_WIDTH = 128 * LANES };

/* Sums over each of `count` rows of x - from, or of its square; a lane each. */
CPU_INLINE vec sums(const float *x, int64_t count, int64_t width, const float *from, bool square)
{
    vec part[LANES];
    row_parts(part, (vec){0});
    for (int64_t r = 0; r < count; ++r, x += width) {
        for (int64_t begin = 0; begin < width; begin += SUM_WIDTH) {
            const int64_t end = width - begin < SUM_WIDTH ? width : begin + SUM_WIDTH;
            vec sum = {0};
            for (int64_t j = begin; j < end; j += LANES) {
                const vec d = row_end(row_load(x + j, width - j) - from[r], width - j, (vec){0});
                sum += square ? d * d : d;
            }
            part[r] += sum;
        }
    }
    return lanes_sum(part);
}

CPU_INLINE void forward_rows(const struct norm *n, int64_t i, int64_t count, const int64_t width, const bool centred)
{
    const float *x = n->x + i * width;
    float mean[LANES] = {0}, rstd[LANES];
    if (centred) vec_store(mean, sums(x, count, width, mean, false) / (float)width);
    vec_store(rstd, 1.0f / vec_root(sums(x, count, width, mean, true) / (float)width + n->eps));
    float *y = n->y + i * width;
    for (int64_t r = 0; r < count; ++r, x += width, y += width)
        for (int64_t j = 0; j < width; j += LANES) {
            const int64_t left = width - j;
            const vec v = (row_load(x + j, left) - mean[r]) * rstd[r] * row_load(n->gain + j, left);
            row_store(y + j, centred ? v + row_load(n->bias + j, left) : v, left);
        }
    if (centred) row_store(n->mean + i, vec_load(mean), count);
    row_store(n->rstd + i, vec_load(rstd), count);
}

/* Widths of usual models are constants, so that loops over a row vanish. */
CPU_INLINE void forward(const struct norm *n, const bool centred)
{
    for (int64_t i = 0; i < n->rows; i += LANES) {
        const int64_t count = row_count(n->rows, i);
        if (n->width == 32)
            forward_rows(n, i, count, 32, centred);
        else if (n->width == 128)
            forward_rows(n, i, count, 128, centred);
        else
            forward_rows(n, i, count, n->width, centred);
    }
}

static void layernorm(const struct cpu_job *job)
{
    const struct norm n = {.rows = cpu_rows(&job->in[0]),
                           .width = cpu_width(&job->in[0]),
                           .eps = (float)job->call->attr.f[0],
                           .x = job->in[0].data,
                           .gain = job->in[1].data,
                           .bias = job->in[2].data,
                           .y = job->out[0].data,
                           .mean = job->out[1].data,
                           .rstd = job->out[2].data};
    forward(&n, true);
}

static void rmsnorm(const struct cpu_job *job)
{
    const struct norm n = {.rows = cpu_rows(&job->in[0]),
                           .width = cpu_width(&job->in[0]),
                           .eps = (float)job->call->attr.f[0],
                           .x = job->in[0].data,
                           .gain = job->in[1].data,
                           .y = job->out[0].data,
                           .rstd = job->out[1].data};
    forward(&n, false);
}

struct norm_gradient {
    int64_t rows, width;
    const float *dy, *x, *gain, *mean, *rstd;
    float *dx;
    double *dgain, *dbias; /* to whole vectors */
};

/* With n = (x - mean) rstd and g = dy gain: dx = rstd (g - average(g) - n average(g n)), or without average(g). */
CPU_INLINE void backward_rows(const struct norm_gradient *n, int64_t i, int64_t count, const int64_t width,
                              const bool centred)
{
    const float *dy = n->dy + i * width, *x = n->x + i * width, *rstd = n->rstd + i;
    float *dx = n->dx + i * width, mean[LANES] = {0}, average[LANES], along[LANES];
    vec part[LANES], part_along[LANES];
    row_parts(part, (vec){0});
    row_parts(part_along, (vec){0});
    if (centred) vec_store(mean, row_load(n->mean + i, count));
    for (int64_t r = 0; r < count; ++r) {
        vec sum = {0}, sum_along = {0};
        for (int64_t j = 0; j < width; j += LANES) {
            const int64_t left = width - j, at = r * width + j;
            const vec g = row_load(dy + at, left) * row_load(n->gain + j, left);
            sum += g;
            sum_along += row_end(g * ((row_load(x + at, left) - mean[r]) * rstd[r]), left, (vec){0});
        }
        part[r] = sum;
        part_along[r] = sum_along;
    }
    vec_store(average, lanes_sum(part) / (float)width);
    vec_store(along, lanes_sum(part_along) / (float)width);
    for (int64_t j = 0; j < width; j += LANES) {
        const int64_t left = width - j;
        const vec gain = row_load(n->gain + j, left);
        vec dgain = {0}, dbias = {0};
        for (int64_t r = 0; r < count; ++r) {
            const vec up = row_load(dy + r * width + j, left), g = up * gain;
            const vec unit = (row_load(x + r * width + j, left) - mean[r]) * rstd[r];
            const vec down = rstd[r] * ((centred ? g - average[r] : g) - unit * along[r]);
            row_store(dx + r * width + j, down, left);
            dgain += up * unit;
            dbias += up;
        }
        vec_add_to(n->dgain + j, dgain);
        if (centred) vec_add_to(n->dbias + j, dbias);
    }
}

CPU_INLINE void backward(const struct norm_gradient *n, const struct cpu_job *job, const bool centred)
{
    for (int64_t j = 0; j < whole_vectors(n->width); ++j) {
        n->dgain[j] = 0;
        if (centred) n->dbias[j] = 0;
    }
    for (int64_t i = 0; i < n->rows; i += LANES) {
        const int64_t count = row_count(n->rows, i);
        if (n->width == 32)
            backward_rows(n, i, count, 32, centred);
        else if (n->width == 128)
            backward_rows(n, i, count, 128, centred);
        else
            backward_rows(n, i, count, n->width, centred);
    }
    put_totals(job->out[1].data, n->dgain, n->width, job->add);
    if (centred) put_totals(job->out[2].data, n->dbias, n->width, job->add);
}

/* Sums over rows. */
static size_t gradient_scratch(const struct orr_call *call, int64_t groups, int64_t count)
{
    (void)groups, (void)count;
    return 2 * sizeof(double) * (size_t)whole_vectors(call->out[1].dim[0]);
}

static void layernorm_gradient(const struct cpu_job *job)
{
    const struct norm_gradient n = {.rows = cpu_rows(&job->in[1]),
                                    .width = cpu_width(&job->in[1]),
                                    .dy = job->in[0].data,
                                    .x = job->in[1].data,
                                    .gain = job->in[2].data,
                                    .mean = job->in[3].data,
                                    .rstd = job->in[4].data,
                                    .dx = job->out[0].data,
                                    .dgain = job->scratch,
                                    .dbias = (double *)job->scratch + whole_vectors(cpu_width(&job->in[1]))};
    backward(&n, job, true);
}

static void rmsnorm_gradient(const struct cpu_job *job)
{
    const struct norm_gradient n = {.rows = cpu_rows(&job->in[1]),
                                    .width = cpu_width(&job->in[1]),
                                    .dy = job->in[0].data,
                                    .x = job->in[1].data,
                                    .gain = job->in[2].data,
                                    .rstd = job->in[3].data,
                                    .dx = job->out[0].data,
                                    .dgain = job->scratch};
    backward(&n, job, false);
}

const struct cpu_kernel CPU_KERNEL(LAYERNORM) = {.run = layernorm};
const struct cpu_kernel CPU_KERNEL(LAYERNORM_GRAD) = {.run = layernorm_gradient, .scratch = gradient_scratch};
const struct cpu_kernel CPU_KERNEL(RMSNORM) = {.run = rmsnorm};
const struct cpu_kernel CPU_KERNEL(RMSNORM_GRAD) = {.run = rmsnorm_gradient, .scratch = gradient_scratch};
