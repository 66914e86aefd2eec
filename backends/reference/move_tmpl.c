/* Operations that only move elements: copy, broadcast, permute, slice, pad. Also compiled for i32. */
#include "template.h"

#include <string.h>

/* in and out alike in dims. */
KERNEL(COPY)
{
    const int64_t count = reference_count(&call->out[0]);
    if (count) memcpy(reference_data(&call->out[0]), reference_data(&call->in[0]), (size_t)count * sizeof(element));
    return ORR_OK;
}

/* out (rank 4, dims as given) := the elements of in at the given stride for each axis of out. */
static void copy_strided(element *restrict out, const int64_t dim[4], const element *restrict in,
                         const int64_t stride[4])
{
    for (int64_t i = 0; i < dim[0]; ++i)
        for (int64_t j = 0; j < dim[1]; ++j)
            for (int64_t k = 0; k < dim[2]; ++k) {
                const element *from = in + i * stride[0] + j * stride[1] + k * stride[2];
                for (int64_t l = 0; l < dim[3]; ++l)
                    *out++ = from[l * stride[3]];
            }
}

/* The stride of each axis of t, in elements. */
static void strides(const struct orr_tensor *t, int64_t stride[ORR_RANK_MAX])
{
    for (uint32_t axis = 0; axis < t->rank; ++axis)
        stride[axis] = reference_span(t, axis + 1, t->rank);
}

/* in has the rank of out; its dims of 1 repeat. */
KERNEL(BROADCAST)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    int64_t of_in[ORR_RANK_MAX] = {0}, dim[4] = {1, 1, 1, 1}, stride[4] = {0};
    strides(in, of_in);
    for (uint32_t axis = 0, to = 4 - out->rank; axis < out->rank; ++axis, ++to) {
        dim[to] = out->dim[axis];
        stride[to] = in->dim[axis] == 1 ? 0 : of_in[axis];
    }
    copy_strided(reference_data(out), dim, reference_data(in), stride);
    return ORR_OK;
}

/* Axis k of out is axis i[k] of in. */
KERNEL(PERMUTE)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    int64_t of_in[ORR_RANK_MAX] = {0}, dim[4] = {1, 1, 1, 1}, stride[4] = {0};
    strides(in, of_in);
    for (uint32_t axis = 0, to = 4 - out->rank; axis < out->rank; ++axis, ++to) {
        dim[to] = out->dim[axis];
        stride[to] = of_in[call->attr.i[axis]];
    }
    copy_strided(reference_data(out), dim, reference_data(in), stride);
    return ORR_OK;
}

/* out := the range of in that begins at i[1] along axis i[0] and is as long as out there. */
KERNEL(SLICE)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(in, 0, axis), inner = reference_span(in, axis + 1, in->rank);
    const int64_t from = in->dim[axis] * inner, to = out->dim[axis] * inner;
    if (!to) return ORR_OK;
    const element *source = (const element *)reference_data(in) + call->attr.i[1] * inner;
    element *target = reference_data(out);
    for (int64_t i = 0; i < outer; ++i)
        memcpy(target + i * to, source + i * from, (size_t)to * sizeof(element));
    return ORR_OK;
}

/* out := zeros, but for the range that begins at i[1] along axis i[0], which is in. */
KERNEL(PAD)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(in, 0, axis), inner = reference_span(in, axis + 1, in->rank);
    const int64_t from = in->dim[axis] * inner, to = out->dim[axis] * inner;
    const int64_t before = call->attr.i[1] * inner, after = to - before - from;
    const element *source = reference_data(in);
    element *target = reference_data(out);
    for (int64_t i = 0; i < outer; ++i) {
        for (int64_t j = 0; j < before; ++j)
            *target++ = 0;
        for (int64_t j = 0; j < from; ++j)
            *target++ = *source++;
        for (int64_t j = 0; j < after; ++j)
            *target++ = 0;
    }
    return ORR_OK;
}
