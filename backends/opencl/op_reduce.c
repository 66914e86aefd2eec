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

/* One pass: chunks of the middle axis. */
static orr_status one_pass(struct orr_device *dev, const struct opencl_reduction *r, cl_mem y, int y_first,
                           float divisor, struct orr_error *err)
{
    const bool groups = dev->variant.groups, sums = r->kernel == OPENCL_reduce_sum;
    const bool one = groups ? r->inner == 1 : r->inner <= 8 && (r->inner & (r->inner - 1)) == 0;
    struct params_reduce params = {.in = r->in_first,
                                   .y = y_first,
                                   .length = r->length,
                                   .chunks = opencl_chunks(r->length),
                                   .inner = r->inner,
                                   .columns = 1,
                                   .divisor = divisor};
    struct opencl_launch launch = {.params = &params, .buffer = {r->in, y}};
    if (one) {
        launch.kernel = sums ? OPENCL_VARIANT(dev, reduce, sum) : OPENCL_VARIANT(dev, reduce, max);
        params.count = r->outer * params.chunks;
        opencl_share(dev, &launch, (uint64_t)params.count, REDUCE_CHUNK * (uint64_t)r->inner);
    } else {
        launch.kernel = sums ? OPENCL_VARIANT(dev, reduce, sum_columns) : OPENCL_VARIANT(dev, reduce, max_columns);
        params.columns = groups ? r->inner : (r->inner + 15) / 16;
        params.count = r->outer * params.chunks * params.columns;
        launch.items = (uint64_t)params.count;
        launch.visits = groups ? REDUCE_CHUNK : 16 * REDUCE_CHUNK;
        launch.group = groups ? 0 : 1;
    }
    return opencl_launch(dev, &launch, err);
}

orr_status opencl_reduce(struct orr_device *dev, const struct opencl_reduction *r, struct orr_error *err)
{
    struct opencl_reduction pass = *r;
    for (int chunks = opencl_chunks(pass.length); chunks > 1; chunks = opencl_chunks(pass.length)) {
        OPENCL_TRY(one_pass(dev, &pass, r->scratch, pass.scratch_first, 1.0f, err));
        pass.in = r->scratch;
        pass.in_first = pass.scratch_first;
        pass.scratch_first += pass.outer * chunks * pass.inner;
        pass.length = chunks;
    }
    return one_pass(dev, &pass, r->y, r->y_first, r->divisor, err);
}

/* Sums of columns by one pass, and the sums of its chunks with those of others. */
static orr_status join_columns(struct orr_device *dev, const struct opencl_reduction *r, struct orr_error *err)
{
    const int chunks = opencl_chunks(r->length);
    struct opencl_partials partials;
    OPENCL_TRY(opencl_partials(dev, (uint64_t)chunks * (uint64_t)r->inner, &partials, err));
    OPENCL_TRY(one_pass(dev, r, partials.memory, partials.first, 1.0f, err));
    const struct opencl_join join = {.memory = partials.memory,
                                     .first = partials.first,
                                     .chunks = chunks,
                                     .count = r->inner,
                                     .y = r->y,
                                     .y_first = r->y_first};
    return opencl_join(dev, &join, err);
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
    const int chunks = opencl_chunks(r.length);
    if (kernel == OPENCL_reduce_sum && r.outer == 1 && chunks > 1 && chunks <= OPENCL_JOIN_CHUNKS)
        return join_columns(dev, &r, err);
    const uint64_t needed = opencl_reduce_scratch(r.outer, r.length, r.inner);
    if (needed) OPENCL_TRY(opencl_scratch(dev, needed, &r.scratch, err));
    return opencl_reduce(dev, &r, err);
}

OPERATION(SUM) { return along_axis(dev, call, OPENCL_reduce_sum, err); }

OPERATION(MAX) { return along_axis(dev, call, OPENCL_reduce_max, err); }
