/* Losses with their gradients: mean square, and cross-entropy over classes. */
#include "operations.h"

/* The parts of the mean, and their sum: by opencl_join, or by opencl_reduce where they are many. */
OPERATION(MSE)
{
    const struct orr_tensor *x = &call->in[0], *target = &call->in[1], *loss = &call->out[0];
    const int count = opencl_count(x), chunks = opencl_chunks(count);
    const bool few = chunks <= OPENCL_JOIN_CHUNKS;
    struct opencl_partials parts = {.first = 0};
    if (count == 0) return opencl_fill(dev, loss->buffer->memory, opencl_first(loss), 1, 0, err);
    if (few)
        OPENCL_TRY(opencl_partials(dev, (uint64_t)chunks, &parts, err));
    else
        OPENCL_TRY(opencl_scratch(dev, (uint64_t)chunks + opencl_reduce_scratch(1, chunks, 1), &parts.memory, err));
    const struct params_loss params = {
        .x = opencl_first(x), .target = opencl_first(target), .term = parts.first, .count = count, .chunks = chunks};
    struct opencl_launch launch = {.kernel = OPENCL_VARIANT(dev, loss, squares),
                                   .params = &params,
                                   .buffer = {x->buffer->memory, target->buffer->memory, parts.memory}};
    opencl_share(dev, &launch, (uint64_t)chunks, 2 * REDUCE_CHUNK);
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    const struct opencl_join join = {.memory = parts.memory,
                                     .first = parts.first,
                                     .chunks = chunks,
                                     .count = 1,
                                     .y = loss->buffer->memory,
                                     .y_first = opencl_first(loss)};
    if (few) return opencl_join(dev, &join, err);
    const struct opencl_reduction r = {.kernel = OPENCL_reduce_sum,
                                       .in = parts.memory,
                                       .y = loss->buffer->memory,
                                       .scratch = parts.memory,
                                       .y_first = opencl_first(loss),
                                       .scratch_first = chunks,
                                       .outer = 1,
                                       .length = chunks,
                                       .inner = 1,
                                       .divisor = 1.0f};
    return opencl_reduce(dev, &r, err);
}

OPERATION(MSE_GRAD)
{
    const struct orr_tensor *dloss = &call->in[0], *x = &call->in[1], *target = &call->in[2], *dx = &call->out[0];
    const struct params_loss params = {.dloss = opencl_first(dloss),
                                       .x = opencl_first(x),
                                       .target = opencl_first(target),
                                       .y = opencl_first(dx),
                                       .count = opencl_count(dx)};
    const struct opencl_launch launch = {
        .kernel = OPENCL_loss_squares_grad,
        .params = &params,
        .items = ((uint64_t)params.count + 15) / 16,
        .visits = 16,
        .buffer = {dloss->buffer->memory, x->buffer->memory, target->buffer->memory, dx->buffer->memory}};
    return opencl_launch(dev, &launch, err);
}

/* scratch[to ..] := the sums of `outer` times `count` elements from scratch[0] on. */
static orr_status sum_scratch(struct orr_device *dev, cl_mem scratch, int outer, int count, int to,
                              struct orr_error *err)
{
    const struct opencl_reduction r = {.kernel = OPENCL_reduce_sum,
                                       .in = scratch,
                                       .y = scratch,
                                       .scratch = scratch,
                                       .y_first = to,
                                       .scratch_first = to + outer,
                                       .outer = outer,
                                       .length = count,
                                       .inner = 1,
                                       .divisor = 1.0f};
    return opencl_reduce(dev, &r, err);
}

/* Scratch: the rows' terms, whether they count, the two sums, and what adding up needs. */
OPERATION(XENT)
{
    const struct orr_tensor *logits = &call->in[0], *target = &call->in[1], *loss = &call->out[0];
    const struct orr_tensor *lse = &call->out[1];
    const int rows = opencl_rows(logits);
    cl_mem scratch;
    OPENCL_TRY(opencl_scratch(dev, 2 * (uint64_t)rows + 2 + opencl_reduce_scratch(2, rows, 1), &scratch, err));
    struct params_loss params = {.x = opencl_first(logits),
                                 .target = opencl_first(target),
                                 .lse = opencl_first(lse),
                                 .term = 0,
                                 .counted = rows,
                                 .count = rows,
                                 .width = opencl_width(logits)};
    struct opencl_launch launch = {
        .kernel = OPENCL_VARIANT(dev, loss, classes),
        .params = &params,
        .buffer = {logits->buffer->memory, target->buffer->memory, lse->buffer->memory, scratch}};
    opencl_share(dev, &launch, (uint64_t)rows, 2 * (uint64_t)params.width);
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    params.total = 2 * rows;
    params.counted = 2 * rows + 1;
    OPENCL_TRY(sum_scratch(dev, scratch, 2, rows, params.total, err));
    params.y = opencl_first(loss);
    launch = (struct opencl_launch){
        .kernel = OPENCL_loss_mean, .params = &params, .items = 1, .buffer = {scratch, loss->buffer->memory}};
    return opencl_launch(dev, &launch, err);
}

OPERATION(XENT_GRAD)
{
    const struct orr_tensor *dloss = &call->in[0], *logits = &call->in[1], *target = &call->in[2];
    const struct orr_tensor *lse = &call->in[3], *dlogits = &call->out[0];
    const int rows = opencl_rows(logits);
    cl_mem scratch;
    OPENCL_TRY(opencl_scratch(dev, (uint64_t)rows + 1 + opencl_reduce_scratch(1, rows, 1), &scratch, err));
    struct params_loss params = {.dloss = opencl_first(dloss),
                                 .x = opencl_first(logits),
                                 .target = opencl_first(target),
                                 .lse = opencl_first(lse),
                                 .y = opencl_first(dlogits),
                                 .count = rows,
                                 .width = opencl_width(dlogits)};
    struct opencl_launch launch = {.kernel = OPENCL_loss_counted,
                                   .params = &params,
                                   .items = (uint64_t)rows,
                                   .buffer = {target->buffer->memory, scratch}};
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    OPENCL_TRY(sum_scratch(dev, scratch, 1, rows, rows, err));
    params.counted = rows;
    launch = (struct opencl_launch){.kernel = OPENCL_VARIANT(dev, loss, classes_grad),
                                    .params = &params,
                                    .buffer = {dloss->buffer->memory, logits->buffer->memory, target->buffer->memory,
                                               lse->buffer->memory, scratch, dlogits->buffer->memory}};
    opencl_share(dev, &launch, (uint64_t)rows, 2 * (uint64_t)params.width);
    return opencl_launch(dev, &launch, err);
}
