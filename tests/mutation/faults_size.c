/* Faults that show at some size alone: in long rows, in many rows, and where there is much to add up. */
#include "faulty.h"

#include <math.h>
#include <stdatomic.h>

enum { MANY = 1 << 16 };

/* Right, but for one unit in the last place at every other run. */
static orr_status unsteady(struct orr_device *dev, const struct orr_call *call, bool large, uint32_t k,
                           struct orr_error *err)
{
    static atomic_uint turn;
    const orr_status status = faulty_real_run(dev, call, err);
    float *out = faulty_out(call, k);
    if (large && atomic_fetch_add(&turn, 1) % 2) out[0] = nextafterf(out[0], INFINITY);
    return status;
}

FAULTY_RUN(sum_noise_at_size) { return unsteady(dev, call, reference_count(&call->in[0]) > MANY, 0, err); }

FAULTY_RUN(matmul_noise_at_size)
{
    const struct orr_tensor *a = &call->in[0];
    const int64_t depth = a->dim[a->rank - (call->attr.i[0] ? 2 : 1)];
    return unsteady(dev, call, faulty_count(call) * depth > 16 * MANY, 0, err);
}

FAULTY_RUN(scatter_add_noise_at_size) { return unsteady(dev, call, reference_count(&call->in[2]) > MANY, 0, err); }

FAULTY_RUN(layernorm_grad_noise_at_size) { return unsteady(dev, call, reference_count(&call->in[1]) > MANY, 1, err); }

FAULTY_RUN(softmax_long_tail)
{
    enum { SEEN = 1000 };
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t width = reference_width(&call->out[0]), rows = reference_rows(&call->out[0]);
    for (int64_t row = 0; width > SEEN && row < rows; ++row) {
        float *y = faulty_out(call, 0) + row * width;
        double seen = 0.0;
        for (int64_t j = 0; j < SEEN; ++j)
            seen += (double)y[j];
        for (int64_t j = 0; j < width; ++j)
            y[j] = (float)((double)y[j] / seen);
    }
    return status;
}

FAULTY_RUN(xent_grad_rows)
{
    enum { SEEN = 300 };
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t width = reference_width(&call->out[0]);
    for (int64_t i = SEEN * width; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = 0.0F;
    return status;
}
