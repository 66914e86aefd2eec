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
    struct opencl_launch launch = {.kernel = kernel, .params = &params, .buffer = {in->buffer->memory}};
    opencl_share(dev, &launch, (uint64_t)params.rows, 3 * (uint64_t)params.width);
    launch.buffer[1] = gradient ? second->buffer->memory : y->buffer->memory;
    launch.buffer[2] = y->buffer->memory;
    return opencl_launch(dev, &launch, err);
}

OPERATION(SOFTMAX) { return softmax(dev, call, OPENCL_VARIANT(dev, softmax, value), err); }

OPERATION(SOFTMAX_GRAD) { return softmax(dev, call, OPENCL_VARIANT(dev, softmax, grad), err); }

OPERATION(LOG_SOFTMAX) { return softmax(dev, call, OPENCL_VARIANT(dev, softmax, log), err); }

OPERATION(LOG_SOFTMAX_GRAD) { return softmax(dev, call, OPENCL_VARIANT(dev, softmax, log_grad), err); }

/* Rows of whole vectors and up to this width have a program each, of norm.cl; all others share one. */
enum { KNOWN_WIDTH_MAX = 256 };

/* What the program is built for. */
static int depth_of(const struct orr_device *dev, int width)
{
    return dev->variant.groups || width > KNOWN_WIDTH_MAX || width % 16 ? 0 : width;
}

/* A launch over the rows of x, with these tensors as buffers. */
static orr_status along_rows(struct orr_device *dev, enum opencl_kernel kernel, const struct params_norm *params,
                             const struct orr_tensor *const tensor[], int n, struct orr_error *err)
{
    struct opencl_launch launch = {.kernel = kernel, .params = params, .depth = depth_of(dev, params->width)};
    opencl_share(dev, &launch, (uint64_t)params->rows, 3 * (uint64_t)params->width);
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
    return along_rows(dev, OPENCL_VARIANT(dev, norm, layer), &params, tensor, 6, err);
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
    return along_rows(dev, OPENCL_VARIANT(dev, norm, square), &params, tensor, 4, err);
}

/* Rows of a chunk: a constant up to so many chunks, which one pass then adds up. */
enum { CHUNK_ROWS = 64, CHUNKS_MAX = 2048 };

/* dx and partial sums in one launch, whose buffer[last] they are, then the sums of the n results. `last` comes after
 * the buffers of `plus` and dx. */
static orr_status gradient(struct orr_device *dev, struct params_norm *params, struct opencl_launch *launch, int last,
                           const struct orr_tensor *plus, const struct orr_tensor *const result[], int n,
                           struct orr_error *err)
{
    const int rows = params->rows, width = params->width;
    struct opencl_partials partials;
    params->chunk = rows <= CHUNK_ROWS * CHUNKS_MAX ? CHUNK_ROWS : (rows + CHUNKS_MAX - 1) / CHUNKS_MAX;
    params->chunks = (rows + params->chunk - 1) / params->chunk;
    OPENCL_TRY(opencl_partials(dev, (uint64_t)n * (uint64_t)params->chunks * (uint64_t)width, &partials, err));
    params->dgain = partials.first;
    params->dbias = partials.first + params->chunks * width;
    params->with_plus = plus != NULL;
    params->plus = plus ? opencl_first(plus) : 0;
    launch->buffer[last - 2] = plus ? plus->buffer->memory : launch->buffer[0];
    launch->buffer[last] = partials.memory;
    opencl_share(dev, launch, (uint64_t)params->chunks, 6 * (uint64_t)params->chunk * (uint64_t)width);
    if (!dev->variant.groups) launch->group = 1;
    launch->depth = depth_of(dev, width);
    OPENCL_TRY(opencl_launch(dev, launch, err));
    for (int k = 0; k < n; ++k) {
        const struct opencl_join join = {.memory = partials.memory,
                                         .first = k == 0 ? params->dgain : params->dbias,
                                         .chunks = params->chunks,
                                         .count = width,
                                         .y = result[k]->buffer->memory,
                                         .y_first = opencl_first(result[k])};
        OPENCL_TRY(opencl_join(dev, &join, err));
    }
    return ORR_OK;
}

orr_status opencl_layernorm_grad(struct orr_device *dev, const struct orr_call *call, const struct orr_tensor *plus,
                                 struct orr_error *err)
{
    const struct orr_tensor *dy = &call->in[0], *x = &call->in[1], *gain = &call->in[2], *mean = &call->in[3];
    const struct orr_tensor *rstd = &call->in[4], *dx = &call->out[0];
    const struct orr_tensor *const result[] = {&call->out[1], &call->out[2]};
    struct params_norm params = {.dy = opencl_first(dy),
                                 .x = opencl_first(x),
                                 .gain = opencl_first(gain),
                                 .mean = opencl_first(mean),
                                 .rstd = opencl_first(rstd),
                                 .y = opencl_first(dx),
                                 .rows = opencl_rows(x),
                                 .width = opencl_width(x)};
    struct opencl_launch launch = {.kernel = OPENCL_VARIANT(dev, norm, layer_grad),
                                   .params = &params,
                                   .buffer = {dy->buffer->memory, x->buffer->memory, gain->buffer->memory,
                                              mean->buffer->memory, rstd->buffer->memory, NULL, dx->buffer->memory}};
    return gradient(dev, &params, &launch, 7, plus, result, 2, err);
}

OPERATION(LAYERNORM_GRAD) { return opencl_layernorm_grad(dev, call, NULL, err); }

orr_status opencl_rmsnorm_grad(struct orr_device *dev, const struct orr_call *call, const struct orr_tensor *plus,
                               struct orr_error *err)
{
    const struct orr_tensor *dy = &call->in[0], *x = &call->in[1], *gain = &call->in[2], *rstd = &call->in[3];
    const struct orr_tensor *dx = &call->out[0];
    const struct orr_tensor *const result[] = {&call->out[1]};
    struct params_norm params = {.dy = opencl_first(dy),
                                 .x = opencl_first(x),
                                 .gain = opencl_first(gain),
                                 .rstd = opencl_first(rstd),
                                 .y = opencl_first(dx),
                                 .rows = opencl_rows(x),
                                 .width = opencl_width(x)};
    struct opencl_launch launch = {.kernel = OPENCL_VARIANT(dev, norm, square_grad),
                                   .params = &params,
                                   .buffer = {dy->buffer->memory, x->buffer->memory, gain->buffer->memory,
                                              rstd->buffer->memory, NULL, dx->buffer->memory}};
    return gradient(dev, &params, &launch, 6, plus, result, 1, err);
}

OPERATION(RMSNORM_GRAD) { return opencl_rmsnorm_grad(dev, call, NULL, err); }
