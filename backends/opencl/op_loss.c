/* Losses with their gradients: mean square, and cross-entropy over classes. */
#include "operations.h"

OPERATION(MSE)
{
    const struct orr_tensor *x = &call->in[0], *target = &call->in[1], *loss = &call->out[0];
    const int count = opencl_count(x), chunks = opencl_chunks(count);
    const struct params_loss params = {
        .x = opencl_first(x), .target = opencl_first(target), .count = count, .chunks = chunks};
    struct opencl_reduction r = {.kernel = OPENCL_reduce_sum,
                                 .y = loss->buffer->memory,
                                 .y_first = opencl_first(loss),
                                 .scratch_first = chunks,
                                 .outer = 1,
                                 .length = chunks,
                                 .inner = 1,
                                 .divisor = count ? (float)count : 1.0f};
    OPENCL_TRY(opencl_scratch(dev, (uint64_t)chunks + opencl_reduce_scratch(1, chunks, 1), &r.scratch, err));
    r.in = r.scratch;
    const struct opencl_launch launch = {.kernel = OPENCL_loss_squares,
                                         .params = &params,
                                         .items = (uint64_t)chunks,
                                         .visits = 2 * REDUCE_CHUNK,
                                         .buffer = {x->buffer->memory, target->buffer->memory, r.scratch}};
    OPENCL_TRY(opencl_launch(dev, &launch, err));
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
        .items = (uint64_t)params.count,
        .buffer = {dloss->buffer->memory, x->buffer->memory, target->buffer->memory, dx->buffer->memory}};
    return opencl_launch(dev, &launch, err);
}

/* scratch[to] := sum of scratch[from .. from + count). */
static orr_status sum_scratch(struct orr_device *dev, cl_mem scratch, int from, int count, int to, int spare,
                              struct orr_error *err)
{
    const struct opencl_reduction r = {.kernel = OPENCL_reduce_sum,
                                       .in = scratch,
                                       .y = scratch,
                                       .scratch = scratch,
                                       .in_first = from,
                                       .y_first = to,
                                       .scratch_first = spare,
                                       .outer = 1,
                                       .length = count,
                                       .inner = 1,
                                       .divisor = 1.0f};
    return opencl_reduce(dev, &r, err);
}

/* scratch[to] := how many of `count` targets are not -1, by way of scratch[from .. from + count). */
static orr_status count_targets(struct orr_device *dev, const struct orr_tensor *target, cl_mem scratch, int from,
                                int to, int spare, struct orr_error *err)
{
    const struct params_loss params = {.target = opencl_first(target), .counted = from, .count = opencl_count(target)};
    const struct opencl_launch launch = {.kernel = OPENCL_loss_counted,
                                         .params = &params,
                                         .items = (uint64_t)params.count,
                                         .buffer = {target->buffer->memory, scratch}};
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    return sum_scratch(dev, scratch, from, params.count, to, spare, err);
}

/* Scratch: the rows' terms, whether they count, the two sums, and what adding up needs. */
OPERATION(XENT)
{
    const struct orr_tensor *logits = &call->in[0], *target = &call->in[1], *loss = &call->out[0];
    const struct orr_tensor *lse = &call->out[1];
    const int rows = opencl_rows(logits), spare = 2 * rows + 2;
    cl_mem scratch;
    OPENCL_TRY(opencl_scratch(dev, (uint64_t)spare + opencl_reduce_scratch(1, rows, 1), &scratch, err));
    struct params_loss params = {.x = opencl_first(logits),
                                 .target = opencl_first(target),
                                 .lse = opencl_first(lse),
                                 .term = 0,
                                 .count = rows,
                                 .width = opencl_width(logits)};
    struct opencl_launch launch = {
        .kernel = OPENCL_loss_classes,
        .params = &params,
        .items = (uint64_t)rows,
        .visits = 2 * (uint64_t)params.width,
        .buffer = {logits->buffer->memory, target->buffer->memory, lse->buffer->memory, scratch}};
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    params.total = 2 * rows;
    params.counted = 2 * rows + 1;
    OPENCL_TRY(sum_scratch(dev, scratch, 0, rows, params.total, spare, err));
    OPENCL_TRY(count_targets(dev, target, scratch, rows, params.counted, spare, err));
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
    OPENCL_TRY(count_targets(dev, target, scratch, 0, rows, rows + 1, err));
    const struct params_loss params = {.dloss = opencl_first(dloss),
                                       .x = opencl_first(logits),
                                       .target = opencl_first(target),
                                       .lse = opencl_first(lse),
                                       .y = opencl_first(dlogits),
                                       .counted = rows,
                                       .count = opencl_count(dlogits),
                                       .width = opencl_width(logits)};
    const struct opencl_launch launch = {.kernel = OPENCL_loss_classes_grad,
                                         .params = &params,
                                         .items = (uint64_t)params.count,
                                         .buffer = {dloss->buffer->memory, logits->buffer->memory,
                                                    target->buffer->memory, lse->buffer->memory, scratch,
                                                    dlogits->buffer->memory}};
    return opencl_launch(dev, &launch, err);
}
