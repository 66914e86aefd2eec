/* Operations on rows chosen by index. */
#include "operations.h"

static bool same_place(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->buffer == b->buffer && a->offset == b->offset;
}

/* Consecutive rows an index stands for: attribute 0, where 0 means 1. */
static int rows_of_index(const struct orr_call *call) { return call->attr.i[0] > 1 ? (int)call->attr.i[0] : 1; }

orr_status opencl_gather(struct orr_device *dev, const struct orr_call *call, int shift, struct orr_error *err)
{
    const struct orr_tensor *table = &call->in[0], *index = &call->in[1], *y = &call->out[0];
    const struct params_rows params = {.table = opencl_first(table),
                                       .index = opencl_first(index),
                                       .y = opencl_first(y),
                                       .count = opencl_count(index),
                                       .rows = (int)table->dim[0],
                                       .width = opencl_span(table, 1, table->rank),
                                       .run = rows_of_index(call),
                                       .missing = y->dtype == ORR_F32 ? 0x7FC00000 : INT32_MIN,
                                       .shift = shift};
    struct opencl_launch launch = {.kernel = OPENCL_move_gather,
                                   .params = &params,
                                   .buffer = {table->buffer->memory, index->buffer->memory, y->buffer->memory}};
    return opencl_move(dev, &launch, params.count, params.run * params.width, err);
}

OPERATION(GATHER) { return opencl_gather(dev, call, 0, err); }

OPERATION(PUT)
{
    const struct orr_tensor *table = &call->in[0], *index = &call->in[1], *row = &call->in[2], *y = &call->out[0];
    const int width = opencl_span(table, 1, table->rank);
    if (!same_place(table, y)) OPENCL_TRY(opencl_copy_tensor(dev, table, y, err));
    const struct params_rows params = {.index = opencl_first(index),
                                       .row = opencl_first(row),
                                       .y = opencl_first(y),
                                       .count = width,
                                       .rows = (int)table->dim[0],
                                       .width = width};
    const struct opencl_launch launch = {.kernel = OPENCL_rows_put,
                                         .params = &params,
                                         .items = (uint64_t)width,
                                         .buffer = {index->buffer->memory, row->buffer->memory, y->buffer->memory}};
    return opencl_launch(dev, &launch, err);
}

OPERATION(ONE_HOT)
{
    const struct orr_tensor *index = &call->in[0], *y = &call->out[0];
    const struct params_rows params = {.index = opencl_first(index),
                                       .y = opencl_first(y),
                                       .count = opencl_count(index),
                                       .width = (int)call->attr.i[0]};
    struct opencl_launch launch = {
        .kernel = OPENCL_move_one_hot, .params = &params, .buffer = {index->buffer->memory, y->buffer->memory}};
    return opencl_move(dev, &launch, params.count, params.width, err);
}

/* keys := rows (count) and positions (count) as pairs, sorted. */
static orr_status sort_pairs(struct orr_device *dev, const struct orr_call *call, cl_mem keys, int count,
                             struct orr_error *err)
{
    const struct orr_tensor *index = &call->in[1];
    struct params_sort params = {.count = count,
                                 .index = opencl_first(index),
                                 .indices = opencl_count(index),
                                 .rows = (int)call->in[0].dim[0],
                                 .run = rows_of_index(call)};
    struct opencl_launch launch = {.kernel = OPENCL_rows_keys,
                                   .params = &params,
                                   .items = (uint64_t)count,
                                   .buffer = {index->buffer->memory, keys}};
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    launch.kernel = OPENCL_rows_sort;
    launch.buffer[0] = keys;
    for (int64_t block = 2; block <= count; block *= 2)
        for (int64_t distance = block / 2; distance > 0; distance /= 2) {
            params.block = (int)block;
            params.distance = (int)distance;
            OPENCL_TRY(opencl_launch(dev, &launch, err));
        }
    return ORR_OK;
}

OPERATION(SCATTER_ADD)
{
    const struct orr_tensor *table = &call->in[0], *update = &call->in[2], *y = &call->out[0];
    const int pairs = opencl_count(&call->in[1]) * rows_of_index(call), width = opencl_span(table, 1, table->rank);
    if (!same_place(table, y)) OPENCL_TRY(opencl_copy_tensor(dev, table, y, err));
    if (pairs == 0 || width == 0) return ORR_OK;
    int padded = 1;
    while (padded < pairs)
        padded *= 2;
    /* Keys and positions, then the sums of chunks. */
    const int chunks = opencl_chunks(pairs);
    cl_mem scratch;
    OPENCL_TRY(opencl_scratch(dev, 2 * (uint64_t)padded + (uint64_t)chunks * (uint64_t)width, &scratch, err));
    OPENCL_TRY(sort_pairs(dev, call, scratch, padded, err));
    struct params_rows params = {.table = 2 * padded,
                                 .index = padded,
                                 .row = opencl_first(update),
                                 .y = opencl_first(y),
                                 .count = pairs * width,
                                 .width = width};
    const struct opencl_launch add = {.kernel = OPENCL_rows_add,
                                      .params = &params,
                                      .items = (uint64_t)params.count,
                                      .buffer = {scratch, update->buffer->memory, scratch, y->buffer->memory}};
    OPENCL_TRY(opencl_launch(dev, &add, err));
    if (chunks == 1) return ORR_OK;
    params.count = chunks * width;
    const struct opencl_launch join = {.kernel = OPENCL_rows_join,
                                       .params = &params,
                                       .items = (uint64_t)params.count,
                                       .buffer = {scratch, scratch, y->buffer->memory}};
    return opencl_launch(dev, &join, err);
}
