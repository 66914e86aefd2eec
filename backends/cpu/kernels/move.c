/* Operations that make or move elements of four bytes, whatever they mean: constants, conversions, copies, broadcast,
 * permute, slice, pad.
 */
#include "kernel.h"

typedef uint32_t __attribute__((may_alias)) word;

enum { REPEAT = 4096 }; /* words that are copied at once where many are alike: they stay near */

/* out[0, n) := its first `period` words again and again. n is a multiple of period. */
static void repeat(word *out, int64_t period, int64_t n)
{
    if (period == 1) {
        const word value = *out;
        for (int64_t i = 1; i < n; ++i)
            out[i] = value;
        return;
    }
    for (int64_t done = period, step = period; done < n; done += step) {
        if (done <= REPEAT) step = done;
        if (step > n - done) step = n - done;
        memcpy(out + done, out, (size_t)step * sizeof *out);
    }
}

/* --- constants, conversions -------------------------------------------------------------------- */

/* Towards zero, NaN as 0, and what is out of range as the nearest number that is in range. */
CPU_INLINE int32_t whole_number(double x)
{
    if (x != x) return 0;
    if (x >= (double)INT32_MAX) return INT32_MAX;
    if (x <= (double)INT32_MIN) return INT32_MIN;
    return (int32_t)x;
}

static void fill(const struct cpu_job *job)
{
    const int64_t n = cpu_elements(&job->out[0]);
    const double value = job->call->attr.f[0];
    const float real = (float)value;
    const int32_t whole = whole_number(value);
    if (n == 0) return;
    memcpy(job->out[0].data, job->out[0].dtype == ORR_I32 ? (const void *)&whole : (const void *)&real, sizeof(word));
    repeat(job->out[0].data, 1, n);
}

static void copy(const struct cpu_job *job)
{
    const int64_t n = cpu_elements(&job->out[0]);
    if (n > 0) memcpy(job->out[0].data, job->in[0].data, (size_t)n * sizeof(word));
}

static void cast(const struct cpu_job *job)
{
    const uint32_t from = job->in[0].dtype, to = job->out[0].dtype;
    const int64_t n = cpu_elements(&job->out[0]);
    if (from == to) {
        copy(job);
    } else if (to == ORR_I32) {
        const float *restrict in = job->in[0].data;
        int32_t *restrict out = job->out[0].data;
        for (int64_t i = 0; i < n; ++i)
            out[i] = whole_number((double)in[i]);
    } else {
        const int32_t *restrict in = job->in[0].data;
        float *restrict out = job->out[0].data;
        for (int64_t i = 0; i < n; ++i)
            out[i] = (float)in[i];
    }
}

/* --- broadcast, permute ------------------------------------------------------------------------ */

/* out (to[0], ..) := in (from[0], ..), axes of 1 repeating. Nothing is empty. */
static void spread(word *restrict out, const word *restrict in, const int64_t *to, const int64_t *from, uint32_t axes)
{
    int64_t of_in = 1, of_out = 1; /* elements of the other axes */
    for (uint32_t k = 1; k < axes; ++k) {
        of_in *= from[k];
        of_out *= to[k];
    }
    if (axes == 0) {
        *out = *in;
    } else if (of_in == of_out && from[0] == to[0]) {
        memcpy(out, in, (size_t)(to[0] * of_out) * sizeof *out);
    } else {
        for (int64_t i = 0; i < from[0]; ++i)
            spread(out + i * of_out, in + i * of_in, to + 1, from + 1, axes - 1);
        if (from[0] != to[0]) repeat(out, of_out, to[0] * of_out);
    }
}

static void broadcast(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[0], *out = &job->out[0];
    if (cpu_elements(out) > 0) spread(out->data, in->data, out->dim, in->dim, out->rank);
}

/* out (dim) := the elements of in at the given stride for each axis of out. The last axis is walked in pieces, since
 * its neighbours in memory are what the axis before needs next. */
static void copy_strided(word *restrict out, const int64_t dim[4], const word *restrict in, const int64_t stride[4])
{
    enum { PIECE = 16 };
    const int64_t piece = stride[3] == 1 ? dim[3] : PIECE;
    for (int64_t i = 0; i < dim[0]; ++i)
        for (int64_t j = 0; j < dim[1]; ++j, out += dim[2] * dim[3])
            for (int64_t l = 0; l < dim[3]; l += piece)
                for (int64_t k = 0; k < dim[2]; ++k) {
                    const word *from = in + i * stride[0] + j * stride[1] + k * stride[2] + l * stride[3];
                    word *to = out + k * dim[3] + l;
                    const int64_t n = dim[3] - l < piece ? dim[3] - l : piece;
                    if (stride[3] == 1)
                        memcpy(to, from, (size_t)n * sizeof *to);
                    else
                        for (int64_t m = 0; m < n; ++m)
                            to[m] = from[m * stride[3]];
                }
}

/* Axis k of out is axis i[k] of in. Axes that stay together are taken as one. */
static void permute(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[0], *out = &job->out[0];
    const int64_t *source = job->call->attr.i;
    int64_t dim[4] = {1, 1, 1, 1}, stride[4] = {0, 0, 0, 1};
    if (cpu_elements(out) == 0) return;
    uint32_t to = 4;
    for (uint32_t axis = out->rank; axis-- > 0;) {
        const bool joins = axis + 1 < out->rank && source[axis] + 1 == source[axis + 1];
        if (!joins) stride[--to] = cpu_span(in, (uint32_t)source[axis] + 1, in->rank);
        dim[to] *= out->dim[axis];
    }
    copy_strided(out->data, dim, in->data, stride);
}

/* --- slice, pad -------------------------------------------------------------------------------- */

/* out := the range of in that begins at i[1] along axis i[0] and is as long as out there. */
static void slice(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[0], *out = &job->out[0];
    const uint32_t axis = (uint32_t)job->call->attr.i[0];
    const int64_t outer = cpu_span(out, 0, axis), inner = cpu_span(in, axis + 1, in->rank);
    const int64_t from = in->dim[axis] * inner, to = out->dim[axis] * inner;
    if (outer * to == 0) return;
    const word *source = (const word *)in->data + job->call->attr.i[1] * inner;
    word *target = out->data;
    for (int64_t i = 0; i < outer; ++i)
        memcpy(target + i * to, source + i * from, (size_t)to * sizeof *target);
}

/* out := zeros, but for the range that begins at i[1] along axis i[0], which is in. */
static void pad(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[0], *out = &job->out[0];
    const uint32_t axis = (uint32_t)job->call->attr.i[0];
    const int64_t outer = cpu_span(out, 0, axis), inner = cpu_span(out, axis + 1, out->rank);
    const int64_t from = in->dim[axis] * inner, to = out->dim[axis] * inner;
    const int64_t before = job->call->attr.i[1] * inner, after = to - before - from;
    const word *source = in->data;
    word *target = out->data;
    if (outer * to == 0) return;
    for (int64_t i = 0; i < outer; ++i, target += to) {
        memset(target, 0, (size_t)before * sizeof *target);
        if (from > 0) memcpy(target + before, source + i * from, (size_t)from * sizeof *target);
        memset(target + before + from, 0, (size_t)after * sizeof *target);
    }
}

const struct cpu_kernel CPU_KERNEL(FILL) = {.run = fill};
const struct cpu_kernel CPU_KERNEL(COPY) = {.run = copy};
const struct cpu_kernel CPU_KERNEL(CAST) = {.run = cast};
const struct cpu_kernel CPU_KERNEL(BROADCAST) = {.run = broadcast};
const struct cpu_kernel CPU_KERNEL(PERMUTE) = {.run = permute};
const struct cpu_kernel CPU_KERNEL(SLICE) = {.run = slice};
const struct cpu_kernel CPU_KERNEL(PAD) = {.run = pad};
