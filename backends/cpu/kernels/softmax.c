/* Softmax and its logarithm along the last axis, with gradients: dims (.., width).
 *
 * The largest of a row is subtracted first, so that exp cannot overflow; a row of -infinity is NaN. A row is read whole
 * before it is written, or number by number, so that results may be input 0.
 */
#include "math.h"
#include "rows.h"

/* The largest of `rows` rows, a lane each. */
CPU_INLINE vec largest_of(const float *in, int64_t rows, int64_t width)
{
    const vec least = vec_all(-__builtin_inff());
    vec part[LANES];
    row_parts(part, least);
    for (int64_t r = 0; r < rows; ++r, in += width)
        for (int64_t j = 0; j < width; j += LANES)
            part[r] = lanes_larger(row_end(row_load(in + j, width - j), width - j, least), part[r]);
    return lanes_largest(part);
}

/* The sum of exponentials of what rows are above `most`; out: NULL, or gets the exponentials. */
CPU_INLINE vec sum_of_exponentials(const float *in, int64_t rows, int64_t width, vec most, float *out)
{
    float top[LANES];
    vec part[LANES];
    vec_store(top, most);
    row_parts(part, (vec){0});
    for (int64_t r = 0; r < rows; ++r, in += width) {
        const vec least = vec_all(top[r]);
        vec sum = {0};
        for (int64_t j = 0; j < width; j += LANES) {
            const vec e = vec_exp_or_zero(row_load(in + j, width - j) - least);
            sum += row_end(e, width - j, (vec){0});
            if (out) row_store(out + r * width + j, e, width - j);
        }
        part[r] = sum;
    }
    return lanes_sum(part);
}

static void softmax(const struct cpu_job *job)
{
    const int64_t rows = cpu_rows(&job->out[0]), width = cpu_width(&job->out[0]);
    const float *in = job->in[0].data;
    float *out = job->out[0].data;
    for (int64_t i = 0; i < rows; i += LANES, in += LANES * width, out += LANES * width) {
        const int64_t count = row_count(rows, i);
        const vec sum = sum_of_exponentials(in, count, width, largest_of(in, count, width), out);
        float over[LANES];
        vec_store(over, 1.0f / sum);
        for (int64_t r = 0; r < count; ++r)
            for (int64_t j = 0; j < width; j += LANES) {
                float *at = out + r * width + j;
                row_store(at, row_load(at, width - j) * over[r], width - j);
            }
    }
}

static void log_softmax(const struct cpu_job *job)
{
    const int64_t rows = cpu_rows(&job->out[0]), width = cpu_width(&job->out[0]);
    const float *in = job->in[0].data;
    float *out = job->out[0].data;
    for (int64_t i = 0; i < rows; i += LANES, in += LANES * width, out += LANES * width) {
        const int64_t count = row_count(rows, i);
        const vec most = largest_of(in, count, width);
        float top[LANES], log_sum[LANES];
        vec_store(top, most);
        vec_store(log_sum, vec_log(sum_of_exponentials(in, count, width, most, NULL)));
        for (int64_t r = 0; r < count; ++r)
            for (int64_t j = 0; j < width; j += LANES) {
                const int64_t at = r * width + j;
                row_store(out + at, row_load(in + at, width - j) - top[r] - log_sum[r], width - j);
            }
    }
}

/* dy, y -> softmax: y (dy - sum(dy y)); its logarithm: dy - exp(y) sum(dy). */
CPU_INLINE void gradient(const struct cpu_job *job, bool log)
{
    const int64_t rows = cpu_rows(&job->out[0]), width = cpu_width(&job->out[0]);
    const float *dy = job->in[0].data, *y = job->in[1].data;
    float *dx = job->out[0].data;
    for (int64_t i = 0; i < rows; i += LANES) {
        const int64_t count = row_count(rows, i);
        vec part[LANES];
        float sum[LANES];
        row_parts(part, (vec){0});
        for (int64_t r = 0; r < count; ++r)
            for (int64_t j = 0; j < width; j += LANES) {
                const int64_t at = (i + r) * width + j;
                const vec g = row_load(dy + at, width - j);
                part[r] += log ? g : g * row_load(y + at, width - j);
            }
        vec_store(sum, lanes_sum(part));
        for (int64_t r = 0; r < count; ++r)
            for (int64_t j = 0; j < width; j += LANES) {
                const int64_t at = (i + r) * width + j;
                const vec g = row_load(dy + at, width - j), v = row_load(y + at, width - j);
                row_store(dx + at, log ? g - vec_exp(v) * sum[r] : v * (g - sum[r]), width - j);
            }
    }
}

static void softmax_gradient(const struct cpu_job *job) { gradient(job, false); }

static void log_softmax_gradient(const struct cpu_job *job) { gradient(job, true); }

const struct cpu_kernel CPU_KERNEL(SOFTMAX) = {.run = softmax};
const struct cpu_kernel CPU_KERNEL(SOFTMAX_GRAD) = {.run = softmax_gradient};
const struct cpu_kernel CPU_KERNEL(LOG_SOFTMAX) = {.run = log_softmax};
const struct cpu_kernel CPU_KERNEL(LOG_SOFTMAX_GRAD) = {.run = log_softmax_gradient};
