/* Operations that only move elements, or make constants and conversions. */
#include "operations.h"

#include <string.h>

orr_status opencl_move(struct orr_device *dev, struct opencl_launch *launch, int rows, int length,
                       struct orr_error *err)
{
    launch->items = (uint64_t)rows * opencl_vectors(dev, length);
    launch->visits = (uint64_t)opencl_vector(dev);
    launch->depth = opencl_vector(dev);
    return opencl_launch(dev, launch, err);
}

orr_status opencl_fill(struct orr_device *dev, cl_mem memory, int first, int count, int word, struct orr_error *err)
{
    const struct params_fill params = {.y = first, .count = count, .word = word};
    struct opencl_launch launch = {.kernel = OPENCL_move_fill, .params = &params, .buffer = {memory}};
    return opencl_move(dev, &launch, 1, count, err);
}

orr_status opencl_copy(struct orr_device *dev, struct opencl_pieces from, struct opencl_pieces to, int pieces,
                       int length, struct orr_error *err)
{
    const struct params_pieces params = {.in = from.first,
                                         .y = to.first,
                                         .pieces = pieces,
                                         .length = length,
                                         .from_stride = from.stride,
                                         .to_stride = to.stride};
    struct opencl_launch launch = {.kernel = OPENCL_move_pieces, .params = &params, .buffer = {from.memory, to.memory}};
    return opencl_move(dev, &launch, pieces, length, err);
}

orr_status opencl_copy_tensor(struct orr_device *dev, const struct orr_tensor *from, const struct orr_tensor *to,
                              struct orr_error *err)
{
    const struct opencl_pieces in = {from->buffer->memory, opencl_first(from), 0};
    const struct opencl_pieces out = {to->buffer->memory, opencl_first(to), 0};
    return opencl_copy(dev, in, out, 1, opencl_count(to), err);
}

/* f[0] as a word of the type: to i32 towards zero, NaN as 0, out of range as the nearest that is in range. */
int opencl_fill_word(double x, uint32_t dtype)
{
    const float real = (float)x;
    int word;
    if (dtype == ORR_I32) return x != x ? 0 : x >= INT32_MAX ? INT32_MAX : x <= INT32_MIN ? INT32_MIN : (int)x;
    memcpy(&word, &real, sizeof word);
    return word;
}

OPERATION(FILL)
{
    const struct orr_tensor *y = &call->out[0];
    return opencl_fill(dev, y->buffer->memory, opencl_first(y), opencl_count(y),
                       opencl_fill_word(call->attr.f[0], y->dtype), err);
}

OPERATION(COPY) { return opencl_copy_tensor(dev, &call->in[0], &call->out[0], err); }

OPERATION(CAST)
{
    const struct orr_tensor *in = &call->in[0], *y = &call->out[0];
    if (in->dtype == y->dtype) return opencl_copy_tensor(dev, in, y, err);
    const struct params_elementwise params = {.a = opencl_first(in), .y = opencl_first(y), .count = opencl_count(y)};
    struct opencl_launch launch = {.kernel = y->dtype == ORR_I32 ? OPENCL_move_to_whole : OPENCL_move_to_real,
                                   .params = &params,
                                   .buffer = {in->buffer->memory, y->buffer->memory}};
    return opencl_move(dev, &launch, 1, params.count, err);
}

/* Axes of y that lie in the input as one axis would become one, so that rows are long. */
static void merge_axes(struct params_strided *p)
{
    for (int axis = 2, last = 3; axis >= 0; --axis) {
        const int dim = p->dim[axis], stride = p->stride[axis];
        p->dim[axis] = 1;
        if (dim == 1) continue;
        if (p->dim[last] != 1 && stride == p->stride[last] * p->dim[last]) {
            p->dim[last] *= dim;
            continue;
        }
        if (p->dim[last] != 1) --last;
        p->dim[last] = dim;
        p->stride[last] = stride;
    }
}

orr_status opencl_move_strided(struct orr_device *dev, struct params_strided params, cl_mem in, cl_mem y,
                               struct orr_error *err)
{
    merge_axes(&params);
    params.rows = params.dim[0] * params.dim[1] * params.dim[2];
    struct opencl_launch launch = {.kernel = OPENCL_move_strided, .params = &params, .buffer = {in, y}};
    return opencl_move(dev, &launch, params.rows, params.dim[3], err);
}

/* Element (.., i, ..) of the result is the input's at the sum of stride times index, from element `start` on; axes of
 * the result are given from its first. */
static orr_status move_strided(struct orr_device *dev, const struct orr_call *call, const int stride[ORR_RANK_MAX],
                               int start, struct orr_error *err)
{
    const struct orr_tensor *in = &call->in[0], *y = &call->out[0];
    struct params_strided params = {.in = opencl_first(in) + start, .y = opencl_first(y), .dim = {1, 1, 1, 1}};
    for (uint32_t axis = 0, to = ORR_RANK_MAX - y->rank; axis < y->rank; ++axis, ++to) {
        params.dim[to] = (int)y->dim[axis];
        params.stride[to] = stride[axis];
    }
    return opencl_move_strided(dev, params, in->buffer->memory, y->buffer->memory, err);
}

OPERATION(BROADCAST)
{
    const struct orr_tensor *in = &call->in[0];
    int stride[ORR_RANK_MAX] = {0};
    for (uint32_t axis = 0; axis < in->rank; ++axis)
        stride[axis] = in->dim[axis] == 1 ? 0 : opencl_span(in, axis + 1, in->rank);
    return move_strided(dev, call, stride, 0, err);
}

OPERATION(PERMUTE)
{
    const struct orr_tensor *in = &call->in[0];
    int stride[ORR_RANK_MAX] = {0};
    for (uint32_t axis = 0; axis < in->rank; ++axis)
        stride[axis] = opencl_span(in, (uint32_t)call->attr.i[axis] + 1, in->rank);
    return move_strided(dev, call, stride, 0, err);
}

OPERATION(SLICE)
{
    const struct orr_tensor *in = &call->in[0];
    const uint32_t along = (uint32_t)call->attr.i[0];
    int stride[ORR_RANK_MAX] = {0};
    for (uint32_t axis = 0; axis < in->rank; ++axis)
        stride[axis] = opencl_span(in, axis + 1, in->rank);
    return move_strided(dev, call, stride, (int)call->attr.i[1] * stride[along], err);
}

OPERATION(PAD)
{
    const struct orr_tensor *in = &call->in[0], *y = &call->out[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int inner = opencl_span(y, axis + 1, y->rank);
    const struct params_pad params = {.in = opencl_first(in),
                                      .y = opencl_first(y),
                                      .rows = opencl_span(y, 0, axis),
                                      .length = (int)in->dim[axis] * inner,
                                      .to_length = (int)y->dim[axis] * inner,
                                      .start = (int)call->attr.i[1] * inner};
    struct opencl_launch launch = {
        .kernel = OPENCL_move_pad, .params = &params, .buffer = {in->buffer->memory, y->buffer->memory}};
    return opencl_move(dev, &launch, params.rows, params.to_length, err);
}
