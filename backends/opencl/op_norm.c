/* Operations along rows: softmax and its logarithm, layer and root-mean-square normalisation, with gradients. */
#include "operations.h"

static orr_status softmax(struct orr_device *dev, const struct orr_call *call, enum opencl_kernel kernel,
                          struct orr_error *err)
{
    const struct orr_tensor *in = &call->in[0], *second = &call->in[1], *y = &call->out[0];
    const bool gradient = call->n_in > 1;
    const struct params_along_rows params = {.in = opencl_first(in),
                                             .in2 = gradient ? opencl_first(second) : 0,
                                             .y = opencl_first(y),
                                             .rows = opencl_rows(y),
                                             .width = opencl_width(y)};
    struct opencl_launch launch = {.kernel = kernel,
                                   .params = &params,
                                   .items = (uint64_t)params.rows,
                                   .visits = 3 * (uint64_t)params.width,
                                   .buffer = {in->buffer->memory}};
    launch.buffer[1] = gradient ? second->buffer->memory : y->buffer->memory;
    launch.buffer[2] = y->buffer->memory;
    return opencl_launch(dev, &launch, err);
}

OPERATION(SOFTMAX) { return softmax(dev, call, OPENCL_softmax_value, err); }

OPERATION(SOFTMAX_GRAD) { return softmax(dev, call, OPENCL_softmax_grad, err); }

OPERATION(LOG_SOFTMAX) { return softmax(dev, call, OPENCL_softmax_log, err); }

OPERATION(LOG_SOFTMAX_GRAD) { return softmax(dev, call, OPENCL_softmax_log_grad, err); }

/* A launch over the rows of x, with these tensors as buffers. */
static orr_status along_rows(struct orr_device *dev, enum opencl_kernel kernel, const struct params_norm *params,
                             const struct orr_tensor *const tensor[], int n, struct orr_error *err)
{
    struct opencl_launch launch = {
        .kernel = kernel, .params = params, .items = (uint64_t)params->rows, .visits = 3 * (uint64_t)params->width};
    for (int k = 0; k < n; ++k)
        launch.buffer[k] = tensor[k]->buffer->memory;
    return opencl_launch(dev, &launch, err);
}

OPERATION(LAYERNORM)
{
    const struct orr_tensor *x = &call->in[0];
    const struct orr_tensor *const tensor[] = {
        x, &call->in[1], &call->in[2], &call->out[0], &call->out[1], &call->out[2]};
    const struct params_norm params = {.x = opencl_first(x),
                                       .gain = opencl_first(tensor[1]),
                                       .bias = opencl_first(tensor[2]),
                                       .y = opencl_first(tensor[3]),
                                       .mean = opencl_first(tensor[4]),
                                       .rstd = opencl_first(tensor[5]),
                                       .rows = opencl_rows(x),
                                       .width = opencl_width(x),
                                       .epsilon = (float)call->attr.f[0]};
    return along_rows(dev, OPENCL_norm_layer, &params, tensor, 6, err);
}

OPERATION(RMSNORM)
{
    const struct orr_tensor *x = &call->in[0];
    const struct orr_tensor *const tensor[] = {x, &call->in[1], &call->out[0], &call->out[1]};
    const struct params_norm params = {.x = opencl_first(x),
                                       .gain = opencl_first(tensor[1]),
                                       .y = opencl_first(tensor[2]),
                                       .rstd = opencl_first(tensor[3]),
                                       .rows = opencl_rows(x),
                                       .width = opencl_width(x),
                                       .epsilon = (float)call->attr.f[0]};
    return along_rows(dev, OPENCL_norm_square, &params, tensor, 4, err);
}

/* The columns' sums: a launch over chunks of rows, then the sums of the chunks of each of the n results. */
static orr_status columns(struct orr_device *dev, struct params_norm *params, struct opencl_launch *launch,
                          cl_mem *scratch_argument, const struct orr_tensor *const result[], int n,
                          struct orr_error *err)
{
    const int chunks = opencl_chunks(params->rows), part = chunks * params->width;
    cl_mem scratch;
    OPENCL_TRY(opencl_scratch(dev, (uint64_t)n * (uint64_t)part + opencl_reduce_scratch(1, chunks, params->width),
                              &scratch, err));
    *scratch_argument = scratch;
    params->chunks = chunks;
    params->dgain = 0;
    params->dbias = part;
    launch->items = (uint64_t)part;
    launch->visits = 2 * REDUCE_CHUNK;
    OPENCL_TRY(opencl_launch(dev, launch, err));
    for (int k = 0; k < n; ++k) {
        const struct opencl_reduction r = {.kernel = OPENCL_reduce_sum,
                                           .in = scratch,
                                           .y = result[k]->buffer->memory,
                                           .scratch = scratch,
                                           .in_first = k * part,
                                           .y_first = opencl_first(result[k]),
                                           .scratch_first = n * part,
                                           .outer = 1,
                                           .length = chunks,
                                           .inner = params->width,
                                           .divisor = 1.0f};
        OPENCL_TRY(opencl_reduce(dev, &r, err));
    }
    return ORR_OK;
}

OPERATION(LAYERNORM_GRAD)
{
    const struct orr_tensor *dy = &call->in[0], *x = &call->in[1], *mean = &call->in[3], *rstd = &call->in[4];
    const struct orr_tensor *const tensor[] = {dy, x, &call->in[2], mean, rstd, &call->out[0]};
    const struct orr_tensor *const result[] = {&call->out[1], &call->out[2]};
    struct params_norm params = {.dy = opencl_first(dy),
                                 .x = opencl_first(x),
                                 .gain = opencl_first(tensor[2]),
                                 .mean = opencl_first(mean),
                                 .rstd = opencl_first(rstd),
                                 .y = opencl_first(tensor[5]),
                                 .rows = opencl_rows(x),
                                 .width = opencl_width(x)};
    struct opencl_launch launch = {
        .kernel = OPENCL_norm_layer_columns,
        .params = &params,
        .buffer = {dy->buffer->memory, x->buffer->memory, mean->buffer->memory, rstd->buffer->memory}};
    OPENCL_TRY(along_rows(dev, OPENCL_norm_layer_grad, &params, tensor, 6, err));
    return columns(dev, &params, &launch, &launch.buffer[4], result, 2, err);
}

OPERATION(RMSNORM_GRAD)
{
    const struct orr_tensor *dy = &call->in[0], *x = &call->in[1], *rstd = &call->in[3];
    const struct orr_tensor *const tensor[] = {dy, x, &call->in[2], rstd, &call->out[0]};
    const struct orr_tensor *const result[] = {&call->out[1]};
    struct params_norm params = {.dy = opencl_first(dy),
                                 .x = opencl_first(x),
                                 .gain = opencl_first(tensor[2]),
                                 .rstd = opencl_first(rstd),
                                 .y = opencl_first(tensor[4]),
                                 .rows = opencl_rows(x),
                                 .width = opencl_width(x)};
    struct opencl_launch launch = {.kernel = OPENCL_norm_square_columns,
                                   .params = &params,
                                   .buffer = {dy->buffer->memory, x->buffer->memory, rstd->buffer->memory}};
    OPENCL_TRY(along_rows(dev, OPENCL_norm_square_grad, &params, tensor, 5, err));
    return columns(dev, &params, &launch, &launch.buffer[3], result, 1, err);
}
