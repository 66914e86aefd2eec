/* What providers share: parameters, the places of an epilogue, and the second pass. */
#include "product.h"

struct params_product opencl_product_params(const struct product *p)
{
    const struct opencl_epilogue *more = &p->more;
    struct params_product params = {.a = opencl_first(p->a),
                                    .b = opencl_first(p->b),
                                    .y = opencl_first(p->y),
                                    .count = (int)p->count,
                                    .m = (int)p->m,
                                    .n = (int)p->n,
                                    .k = (int)p->k,
                                    .chunks = 1,
                                    .length = (int)p->k,
                                    .with = (p->ta ? PRODUCT_TURN_A : 0) | (p->tb ? PRODUCT_TURN_B : 0)};
    if (more->bias) {
        params.with |= PRODUCT_BIAS;
        params.bias = opencl_first(more->bias);
    }
    if (more->before) {
        params.with |= PRODUCT_BEFORE;
        params.before = opencl_first(more->before);
    }
    if (more->residual) {
        params.with |= PRODUCT_RESIDUAL;
        params.residual = opencl_first(more->residual);
        params.repeat = params.n ? opencl_count(more->residual) / params.n : 0;
    }
    if (more->sums) {
        params.with |= PRODUCT_SUMS;
        params.sums = opencl_first(more->sums);
    }
    if (more->slope) params.at = opencl_first(more->at);
    params.with |= more->activation == ORR_OP_SILU ? PRODUCT_SILU : more->activation == ORR_OP_GELU ? PRODUCT_GELU : 0;
    params.with |= more->slope == ORR_OP_SILU_GRAD   ? PRODUCT_SILU_GRAD
                   : more->slope == ORR_OP_GELU_GRAD ? PRODUCT_GELU_GRAD
                                                     : 0;
    return params;
}

void opencl_product_places(const struct product *p, struct opencl_launch *launch, int first)
{
    const struct opencl_epilogue *more = &p->more;
    const struct orr_tensor *const place[] = {more->bias, more->residual, more->before, more->slope ? more->at : NULL,
                                              more->sums};
    for (int i = 0; i < 5; ++i)
        launch->buffer[first + i] = (place[i] ? place[i] : p->y)->buffer->memory;
}

orr_status opencl_product_finish(struct orr_device *dev, const struct product *p, const struct params_product *params,
                                 cl_mem chunks, struct orr_error *err)
{
    const uint64_t width = dev->variant.groups ? 1 : (uint64_t)dev->variant.width;
    struct opencl_launch launch = {.kernel = OPENCL_product_finish_chunks,
                                   .params = params,
                                   .items = p->count * p->m * ((p->n + width - 1) / width),
                                   .visits = (uint64_t)params->chunks * width,
                                   .depth = (int)width,
                                   .buffer = {chunks, p->y->buffer->memory}};
    opencl_product_places(p, &launch, 2);
    return opencl_launch(dev, &launch, err);
}
