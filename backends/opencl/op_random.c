/* Random numbers, with the bits of orrery/random.h. */
#include "operations.h"

static orr_status random_numbers(struct orr_device *dev, const struct orr_call *call, enum opencl_kernel kernel,
                                 struct orr_error *err)
{
    const struct orr_tensor *step = &call->in[0], *y = &call->out[0];
    const uint64_t seed = (uint64_t)call->attr.i[0];
    const struct params_random params = {.step = opencl_first(step),
                                         .y = opencl_first(y),
                                         .count = opencl_count(y),
                                         .seed_low = (int)(uint32_t)seed,
                                         .seed_high = (int)(uint32_t)(seed >> 32),
                                         .stream = (int)(uint32_t)call->attr.i[1],
                                         .below = (int)call->attr.i[2],
                                         .scale = (float)call->attr.f[0]};
    const struct opencl_launch launch = {.kernel = kernel,
                                         .params = &params,
                                         .items = ((uint64_t)params.count + 3) / 4,
                                         .visits = 64,
                                         .buffer = {step->buffer->memory, y->buffer->memory}};
    return opencl_launch(dev, &launch, err);
}

OPERATION(RANDOM_INT) { return random_numbers(dev, call, OPENCL_random_whole, err); }

OPERATION(RANDOM_NORMAL) { return random_numbers(dev, call, OPENCL_random_normal, err); }
