/* Random numbers, with the bits of orrery/random.h. */
#include "operations.h"

static orr_status random_numbers(struct orr_device *dev, const struct orr_call *call, const struct orr_tensor *plus,
                                 struct orr_error *err)
{
    const struct orr_tensor *step = &call->in[0], *y = &call->out[0];
    const bool normal = call->op == ORR_OP_RANDOM_NORMAL;
    const uint64_t seed = (uint64_t)call->attr.i[0];
    const struct params_random params = {.step = opencl_first(step),
                                         .y = opencl_first(y),
                                         .count = opencl_count(y),
                                         .seed_low = (int)(uint32_t)seed,
                                         .seed_high = (int)(uint32_t)(seed >> 32),
                                         .stream = (int)(uint32_t)call->attr.i[1],
                                         .below = (int)call->attr.i[2],
                                         .plus = plus ? opencl_first(plus) : 0,
                                         .with_plus = plus != NULL,
                                         .scale = (float)call->attr.f[0]};
    struct opencl_launch launch = {.kernel = normal ? OPENCL_random_normal : OPENCL_random_whole,
                                   .params = &params,
                                   .items = (opencl_vectors(dev, params.count) + 3) / 4,
                                   .visits = 64 * (uint64_t)opencl_vector(dev),
                                   .depth = opencl_vector(dev),
                                   .buffer = {step->buffer->memory, y->buffer->memory}};
    if (normal) {
        launch.buffer[1] = plus ? plus->buffer->memory : y->buffer->memory;
        launch.buffer[2] = y->buffer->memory;
    }
    return opencl_launch(dev, &launch, err);
}

orr_status opencl_random_normal(struct orr_device *dev, const struct orr_call *call, const struct orr_tensor *plus,
                                struct orr_error *err)
{
    return random_numbers(dev, call, plus, err);
}

OPERATION(RANDOM_INT) { return random_numbers(dev, call, NULL, err); }

OPERATION(RANDOM_NORMAL) { return opencl_random_normal(dev, call, NULL, err); }
