/* Attention and its gradient, by programs that are built for the depth of a head. */
#include "operations.h"

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

static struct opencl_launch make_launch(enum opencl_kernel kernel, const struct params_attention *params, int depth)
{
    return (struct opencl_launch){
        .kernel = kernel,
        .params = params,
        .items = (uint64_t)params->batch * (uint64_t)params->heads * (uint64_t)params->time,
        .visits = 4 * (uint64_t)params->window * (uint64_t)depth,
        .depth = depth,
    };
}

OPERATION(ATTENTION)
{
    const struct orr_tensor *qkv = &call->in[0], *y = &call->out[0], *lse = &call->out[1];
    int depth;
    struct params_attention params = read_shape(call, qkv, &depth);
    params.y = opencl_first(y);
    params.lse = opencl_first(lse);
    struct opencl_launch launch = make_launch(OPENCL_attention_value, &params, depth);
    launch.buffer[0] = qkv->buffer->memory;
    launch.buffer[1] = y->buffer->memory;
    launch.buffer[2] = lse->buffer->memory;
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
    cl_mem along;
    OPENCL_TRY(opencl_scratch(dev, (uint64_t)opencl_count(lse), &along, err));
    struct opencl_launch launch = make_launch(OPENCL_attention_grad_query, &params, depth);
    launch.buffer[0] = dy->buffer->memory;
    launch.buffer[1] = qkv->buffer->memory;
    launch.buffer[2] = y->buffer->memory;
    launch.buffer[3] = lse->buffer->memory;
    launch.buffer[4] = along;
    launch.buffer[5] = dqkv->buffer->memory;
    OPENCL_TRY(opencl_launch(dev, &launch, err));
    launch.kernel = OPENCL_attention_grad_key;
    launch.buffer[2] = lse->buffer->memory;
    launch.buffer[3] = along;
    launch.buffer[4] = dqkv->buffer->memory;
    return opencl_launch(dev, &launch, err);
}
