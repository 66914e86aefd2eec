/* Sum and maximum along an axis: passes that each shrink the axis by REDUCE_CHUNK, which depends on nothing else. */
#include "operations.h"

int opencl_chunks(int length)
{
    return length <= REDUCE_CHUNK ? 1 : (int)(((int64_t)length + REDUCE_CHUNK - 1) / REDUCE_CHUNK);
}

uint64_t opencl_reduce_scratch(int outer, int length, int inner)
{
    uint64_t needed = 0;
    for (int chunks = opencl_chunks(length); chunks > 1; chunks = opencl_chunks(chunks))
        needed += (uint64_t)outer * (uint64_t)chunks * (uint64_t)inner;
    return needed;
}

orr_status opencl_reduce(struct orr_device *dev, const struct opencl_reduction *r, struct orr_error *err)
{
    cl_mem in = r->in;
    int in_first = r->in_first, scratch_first = r->scratch_first, length = r->length;
    for (bool last = false; !last; in = r->scratch) {
        const int chunks = opencl_chunks(length);
        last = chunks == 1;
        const struct params_reduce params = {.in = in_first,
                                             .y = last ? r->y_first : scratch_first,
                                             .count = r->outer * chunks * r->inner,
                                             .length = length,
                                             .chunks = chunks,
                                             .inner = r->inner,
                                             .divisor = last ? r->divisor : 1.0f};
        const struct opencl_launch launch = {.kernel = r->kernel,
                                             .params = &params,
                                             .items = (uint64_t)params.count,
                                             .visits = REDUCE_CHUNK,
                                             .buffer = {in, last ? r->y : r->scratch}};
        OPENCL_TRY(opencl_launch(dev, &launch, err));
        in_first = scratch_first;
        scratch_first += params.count;
        length = chunks;
    }
    return ORR_OK;
}

static orr_status along_axis(struct orr_device *dev, const struct orr_call *call, enum opencl_kernel kernel,
                             struct orr_error *err)
{
    const struct orr_tensor *in = &call->in[0], *y = &call->out[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    struct opencl_reduction r = {.kernel = kernel,
                                 .in = in->buffer->memory,
                                 .y = y->buffer->memory,
                                 .in_first = opencl_first(in),
                                 .y_first = opencl_first(y),
                                 .outer = opencl_span(in, 0, axis),
                                 .length = (int)in->dim[axis],
                                 .inner = opencl_span(in, axis + 1, in->rank),
                                 .divisor = 1.0f};
    const uint64_t needed = opencl_reduce_scratch(r.outer, r.length, r.inner);
    if (needed) OPENCL_TRY(opencl_scratch(dev, needed, &r.scratch, err));
    return opencl_reduce(dev, &r, err);
}

OPERATION(SUM) { return along_axis(dev, call, OPENCL_reduce_sum, err); }

OPERATION(MAX) { return along_axis(dev, call, OPENCL_reduce_max, err); }
