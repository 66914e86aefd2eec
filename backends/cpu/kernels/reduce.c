/* Sum and maximum along one axis, which stays as a dim of 1: in (outer, length, inner) -> out (outer, 1, inner).
 *
 * Sums are of floats over at most BLOCK rows, and of doubles over the blocks, so that the error does not grow with the
 * length.
 */
#include "kernel.h"

enum { BLOCK = 32, WIDE = 4 * LANES };

/* total[j] += column j of rows x, `stride` floats apart; w <= LANES columns. */
CPU_INLINE void add_columns(double *total, const float *x, int64_t rows, int64_t stride, int64_t w)
{
    while (rows > 0) {
        const int64_t n = rows < BLOCK ? rows : BLOCK;
        vec s[4] = {{0}, {0}, {0}, {0}}; /* four, since one addition waits for the other */
        int64_t i = 0;
        for (; i + 4 <= n; i += 4)
            for (int k = 0; k < 4; ++k)
                s[k] += vec_load_some(x + (i + k) * stride, w);
        for (; i < n; ++i)
            s[0] += vec_load_some(x + i * stride, w);
        s[0] = (s[0] + s[1]) + (s[2] + s[3]);
        vec_add_to(total, s[0]);
        x += n * stride;
        rows -= n;
    }
}

/* The same for WIDE columns. Four rows are added to each other first, so that no sum is of more than a dozen terms. */
CPU_INLINE void add_wide_columns(double *total, const float *x, int64_t rows, int64_t stride)
{
    while (rows > 0) {
        const int64_t n = rows < BLOCK ? rows : BLOCK;
        vec s[4] = {{0}, {0}, {0}, {0}};
        int64_t i = 0;
        for (; i + 4 <= n; i += 4, x += 4 * stride)
            CPU_UNROLL for (int k = 0; k < 4; ++k)
            {
                const float *at = x + k * LANES;
                s[k] +=
                    (vec_load(at) + vec_load(at + stride)) + (vec_load(at + 2 * stride) + vec_load(at + 3 * stride));
            }
        for (; i < n; ++i, x += stride)
            CPU_UNROLL for (int k = 0; k < 4; ++k) s[k] += vec_load(x + k * LANES);
        CPU_UNROLL for (int k = 0; k < 4; ++k) vec_add_to(total + k * LANES, s[k]);
        rows -= n;
    }
}

static void sum_columns(float *out, const float *x, int64_t rows, int64_t width, bool add)
{
    int64_t j = 0;
    for (; j + WIDE <= width; j += WIDE) {
        double total[WIDE] = {0};
        add_wide_columns(total, x + j, rows, width);
        put_totals(out + j, total, WIDE, add);
    }
    for (; j < width; j += LANES) {
        const int64_t w = width - j < LANES ? width - j : LANES;
        double total[LANES] = {0};
        if (w == LANES)
            add_columns(total, x + j, rows, width, LANES);
        else
            add_columns(total, x + j, rows, width, w);
        put_totals(out + j, total, w, add);
    }
}

static double sum_run(const float *x, int64_t n)
{
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; ++j)
            lane[j] += (double)x[i + j];
    for (int j = 0; i < n; ++i, ++j)
        lane[j] += (double)x[i];
    for (int j = 0; j < LANES; ++j)
        sum += lane[j];
    return sum;
}

/* Parts of a sum over axis 0 are added up. */
static void run_sum(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[0];
    const uint32_t axis = (uint32_t)job->call->attr.i[0];
    const int64_t outer = cpu_span(in, 0, axis), length = in->dim[axis], inner = cpu_span(in, axis + 1, in->rank);
    const bool add = job->add && axis == 0;
    const float *x = in->data;
    float *out = job->out[0].data;
    for (int64_t i = 0; i < outer; ++i, x += length * inner, out += inner) {
        if (inner == 1) {
            const double sum = sum_run(x, length);
            put_totals(out, &sum, 1, add);
        } else {
            sum_columns(out, x, length, inner, add);
        }
    }
}

/* n > 0. */
static float max_run(const float *x, int64_t n)
{
    vec most = vec_all(x[0]);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        most = vec_maximum(most, vec_load(x + i));
    float result = x[0];
    for (int j = 0; j < LANES; ++j)
        result = result > most[j] || result != result ? result : most[j];
    for (; i < n; ++i)
        result = result > x[i] || result != result ? result : x[i];
    return result;
}

/* rows > 0. */
static void max_columns(float *out, const float *x, int64_t rows, int64_t width)
{
    for (int64_t j = 0; j < width; j += LANES) {
        const int64_t w = width - j < LANES ? width - j : LANES;
        vec most = vec_load_some(x + j, w);
        for (int64_t i = 1; i < rows; ++i)
            most = vec_maximum(most, vec_load_some(x + i * width + j, w));
        vec_store_some(out + j, most, w);
    }
}

static void run_max(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[0];
    const uint32_t axis = (uint32_t)job->call->attr.i[0];
    const int64_t outer = cpu_span(in, 0, axis), length = in->dim[axis], inner = cpu_span(in, axis + 1, in->rank);
    const float *x = in->data;
    float *out = job->out[0].data;
    for (int64_t i = 0; i < outer; ++i, x += length * inner, out += inner) {
        if (inner == 1)
            *out = max_run(x, length);
        else
            max_columns(out, x, length, inner);
    }
}

const struct cpu_kernel CPU_KERNEL(SUM) = {.run = run_sum};
const struct cpu_kernel CPU_KERNEL(MAX) = {.run = run_max};
