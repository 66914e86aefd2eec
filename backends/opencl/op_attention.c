/* Attention and its gradient, by programs that are built for the depth of a head. */
#include "operations.h"
#include "product.h"

/* On processors, the queries of a block, and, of shorter sequences, how many an item takes: kernels/attention.cl,
 * attention_short.cl. */
enum { BLOCK = 16 };

/* Shape and attributes, from the operand qkv (batch, time, 3 * channels). */
static struct params_attention read_shape(const struct orr_call *call, const struct orr_tensor *qkv, int *depth)
{
    struct params_attention params = {.qkv = opencl_first(qkv),
                                      .batch = (int)qkv->dim[0],
                                      .time = (int)qkv->dim[1],
                                      .heads = (int)call->attr.i[2],
                                      .causal = call->attr.i[0] != 0,
                                      .scale = (float)call->attr.f[0]};
    const int64_t window = call->attr.i[1];
    params.window = window > 0 && window < params.time ? (int)window : params.time;
    *depth = (int)(qkv->dim[2] / 3) / params.heads;
    return params;
}

static uint64_t divide_up(int n, int by) { return ((uint64_t)n + (uint64_t)by - 1) / (uint64_t)by; }

/* Of one query: its multiply-adds count as those of products do. */
static uint64_t row_visits(const struct params_attention *params, int depth)
{
    return 4 * (uint64_t)params->window * ((uint64_t)depth / PRODUCT_WORK + 1);
}

/* An item is a head of a block of queries, or (whole) of every block of a sequence; of short sequences, of BLOCK of
 * them. */
static struct opencl_launch rows_launch(enum opencl_kernel kernel, const struct params_attention *params, int depth,
                                        bool whole)
{
    const bool is_short = params->time < BLOCK;
    const uint64_t time = (uint64_t)params->time, blocks = whole ? time > 0 : divide_up(params->time, BLOCK);
    const uint64_t rows = is_short ? BLOCK * time : whole ? time : BLOCK;
    return (struct opencl_launch){
        .kernel = kernel,
        .params = params,
        .items =
            (is_short ? divide_up(params->batch, BLOCK) : (uint64_t)params->batch) * blocks * (uint64_t)params->heads,
        .visits = row_visits(params, depth) * rows,
        .depth = depth,
        .group = 1,
    };
}

/* A group is a tile of rows of all sequences put end to end: kernels/attention_groups.cl. */
static struct opencl_launch groups_launch(enum opencl_kernel kernel, const struct params_attention *params, int depth)
{
    const int tile = depth <= 64 ? 16 : depth <= 128 ? 8 : 4;
    return (struct opencl_launch){
        .kernel = kernel,
        .params = params,
        .items = OPENCL_GROUP * divide_up(params->batch * params->time, tile) * (uint64_t)params->heads,
        .visits = row_visits(params, depth) * (uint64_t)tile / OPENCL_GROUP + 1,
        .depth = depth,
        .group = OPENCL_GROUP,
    };
}

OPERATION(ATTENTION)
{
    const struct orr_tensor *qkv = &call->in[0], *y = &call->out[0], *lse = &call->out[1];
    int depth;
    struct params_attention params = read_shape(call, qkv, &depth);
    params.y = opencl_first(y);
    params.lse = opencl_first(lse);
    const enum opencl_kernel by_rows = params.time < BLOCK ? OPENCL_attention_short_value : OPENCL_attention_value;
    struct opencl_launch launch = dev->variant.groups ? groups_launch(OPENCL_attention_groups_value, &params, depth)
                                                      : rows_launch(by_rows, &params, depth, false);
    launch.buffer[0] = qkv->buffer->memory;
    launch.buffer[1] = y->buffer->memory;
    launch.buffer[2] = lse->buffer->memory;
    return opencl_launch(dev, &launch, err);
}

static orr_status gradient_by_groups(struct orr_device *dev, const struct orr_call *call,
                                     const struct params_attention *params, int depth, struct orr_error *err)
{
    const struct orr_tensor *dy = &call->in[0], *qkv = &call->in[1], *y = &call->in[2], *lse = &call->in[3];
    const struct orr_tensor *dqkv = &call->out[0];
    cl_mem along;
    OPENCL_TRY(opencl_scratch(dev, (uint64_t)opencl_count(lse), &along, err));
    struct opencl_launch launch = groups_launch(OPENCL_attention_groups_grad_query, params, depth);
    launch.buffer[0] = dy->buffer->memory;
    launch.buffer[1] = qkv->buffer->memory;
    launch.buffer[2] = y->buffer->memory;
    launch.buffer[3] = lse->buffer->memory;
    launch.buffer[4] = along;
    launch.buffer[5] = dqkv->buffer->memory;
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    launch.kernel = OPENCL_attention_groups_grad_key;
    launch.buffer[2] = lse->buffer->memory;
    launch.buffer[3] = along;
    launch.buffer[4] = dqkv->buffer->memory;
    return opencl_launch(dev, &launch, err);
}

OPERATION(ATTENTION_GRAD)
{
    const struct orr_tensor *dy = &call->in[0], *qkv = &call->in[1], *y = &call->in[2], *lse = &call->in[3];
    const struct orr_tensor *dqkv = &call->out[0];
    int depth;
    struct params_attention params = read_shape(call, qkv, &depth);
    params.dy = opencl_first(dy);
    params.y = opencl_first(y);
    params.lse = opencl_first(lse);
    params.dqkv = opencl_first(dqkv);
    if (dev->variant.groups) return gradient_by_groups(dev, call, &params, depth, err);
    const enum opencl_kernel by_rows = params.time < BLOCK ? OPENCL_attention_short_grad : OPENCL_attention_grad;
    struct opencl_launch launch = rows_launch(by_rows, &params, depth, true);
    launch.buffer[0] = dy->buffer->memory;
    launch.buffer[1] = qkv->buffer->memory;
    launch.buffer[2] = y->buffer->memory;
    launch.buffer[3] = lse->buffer->memory;
    launch.buffer[4] = dqkv->buffer->memory;
    return opencl_launch(dev, &launch, err);
}
