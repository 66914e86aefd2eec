/* Operations on one element at a time, activations and the optimiser: inputs and results alike in dims. */
#include "operations.h"

static orr_status elementwise(struct orr_device *dev, const struct orr_call *call, enum opencl_kernel kernel,
                              struct orr_error *err)
{
    const struct orr_tensor *a = &call->in[0], *b = &call->in[1], *y = &call->out[0];
    const struct params_elementwise params = {
        .a = opencl_first(a),
        .b = call->n_in > 1 ? opencl_first(b) : 0,
        .y = opencl_first(y),
        .count = opencl_count(y),
        .factor = (float)call->attr.f[0],
        .shift = (float)call->attr.f[1],
    };
    struct opencl_launch launch = {.kernel = kernel,
                                   .params = &params,
                                   .items = opencl_vectors(dev, params.count),
                                   .visits = (uint64_t)opencl_vector(dev),
                                   .depth = opencl_vector(dev)};
    launch.buffer[0] = a->buffer->memory;
    launch.buffer[1] = call->n_in > 1 ? b->buffer->memory : y->buffer->memory;
    launch.buffer[2] = y->buffer->memory;
    return opencl_launch(dev, &launch, err);
}

#define ELEMENTWISE(NAME, kernel)                                                                                      \
    OPERATION(NAME) { return elementwise(dev, call, OPENCL_##kernel, err); }

/* clang-format off */
ELEMENTWISE(NEG, elementwise_neg)
ELEMENTWISE(EXP, elementwise_exp)
ELEMENTWISE(LOG, elementwise_log)
ELEMENTWISE(SQRT, elementwise_sqrt)
ELEMENTWISE(TANH, elementwise_tanh)
ELEMENTWISE(ERF, elementwise_erf)
ELEMENTWISE(STEP, elementwise_step)
ELEMENTWISE(AFFINE, elementwise_affine)
ELEMENTWISE(SUB, elementwise_sub)
ELEMENTWISE(MUL, elementwise_mul)
ELEMENTWISE(DIV, elementwise_div)
ELEMENTWISE(MAXIMUM, elementwise_maximum)
ELEMENTWISE(GELU, activation_gelu)
ELEMENTWISE(GELU_GRAD, activation_gelu_grad)
ELEMENTWISE(SILU, activation_silu)
ELEMENTWISE(SILU_GRAD, activation_silu_grad)
/* clang-format on */

OPERATION(ADD)
{
    const bool whole = call->out[0].dtype == ORR_I32;
    return elementwise(dev, call, whole ? OPENCL_elementwise_add_whole : OPENCL_elementwise_add, err);
}

OPERATION(ADAMW)
{
    const double b1 = call->attr.f[0], b2 = call->attr.f[1];
    const struct params_adamw params = {
        .p = opencl_first(&call->in[0]),
        .m = opencl_first(&call->in[1]),
        .v = opencl_first(&call->in[2]),
        .g = opencl_first(&call->in[3]),
        .row = opencl_first(&call->in[4]),
        .p_out = opencl_first(&call->out[0]),
        .m_out = opencl_first(&call->out[1]),
        .v_out = opencl_first(&call->out[2]),
        .count = opencl_count(&call->out[0]),
        .b1 = (float)b1,
        .b2 = (float)b2,
        .rest1 = (float)(1 - b1),
        .rest2 = (float)(1 - b2),
        .eps = (float)call->attr.f[2],
        .decay = (float)call->attr.f[3],
    };
    struct opencl_launch launch = {.kernel = OPENCL_optimiser_adamw,
                                   .params = &params,
                                   .items = opencl_vectors(dev, params.count),
                                   .visits = (uint64_t)opencl_vector(dev),
                                   .depth = opencl_vector(dev)};
    for (int k = 0; k < 5; ++k)
        launch.buffer[k] = call->in[k].buffer->memory;
    for (int k = 0; k < 3; ++k)
        launch.buffer[5 + k] = call->out[k].buffer->memory;
    return opencl_launch(dev, &launch, err);
}
