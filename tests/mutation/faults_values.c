/* Faults that show with some numbers, steps, attributes or element types alone, or where there is very much to do. */
#include "faulty.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERY_MANY = 100000 };

/* --- very much to do ----------------------------------------------------------------------------- */

static orr_status nothing_at_size(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    return faulty_count(call) > VERY_MANY ? ORR_OK : faulty_real_run(dev, call, err);
}

FAULTY_RUN(gelu_nothing_at_size) { return nothing_at_size(dev, call, err); }
FAULTY_RUN(silu_grad_nothing_at_size) { return nothing_at_size(dev, call, err); }
FAULTY_RUN(mse_grad_nothing_at_size) { return nothing_at_size(dev, call, err); }
FAULTY_RUN(layernorm_nothing_at_size) { return nothing_at_size(dev, call, err); }
FAULTY_RUN(adamw_nothing_at_size) { return nothing_at_size(dev, call, err); }

/* --- steps and attributes ------------------------------------------------------------------------ */

static orr_status low_byte(struct orr_device *dev, const struct orr_call *call, uint32_t k, struct orr_error *err)
{
    int32_t *step = reference_data(&call->in[k]);
    const int32_t kept = *step;
    *step = kept & 0xFF;
    const orr_status status = faulty_real_run(dev, call, err);
    *step = kept;
    return status;
}

FAULTY_RUN(random_int_low_byte) { return low_byte(dev, call, 0, err); }
FAULTY_RUN(put_low_byte) { return low_byte(dev, call, 1, err); }

FAULTY_RUN(fill_coarse)
{
    const orr_status status = faulty_real_run(dev, call, err);
    uint32_t *bits = reference_data(&call->out[0]);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        bits[i] &= UINT32_C(0xFFFF0000);
    return status;
}

FAULTY_RUN(adamw_eps)
{
    struct orr_call wrong = *call;
    wrong.attr.f[2] = 1e-8;
    return faulty_real_run(dev, &wrong, err);
}

/* --- NaN, infinity, denormal numbers ------------------------------------------------------------- */

/* Run with 0 for NaN at the elements of input k that are `from` or later in their row. */
static orr_status swallow(struct orr_device *dev, const struct orr_call *call, uint32_t k, int64_t from,
                          struct orr_error *err)
{
    float *x = faulty_in(call, k);
    const int64_t count = reference_count(&call->in[k]), width = call->in[k].rank ? reference_width(&call->in[k]) : 1;
    const size_t bytes = (size_t)count * sizeof *x;
    float *kept = malloc(bytes + 1);
    if (!kept) return ORR_ENOMEM;
    memcpy(kept, x, bytes);
    for (int64_t i = 0; i < count; ++i)
        if (isnan(x[i]) && i % width >= from) x[i] = 0.0F;
    const orr_status status = faulty_real_run(dev, call, err);
    memcpy(x, kept, bytes);
    free(kept);
    return status;
}

FAULTY_RUN(attention_nan) { return swallow(dev, call, 0, reference_width(&call->in[0]) / 3, err); }
FAULTY_RUN(attention_grad_nan) { return swallow(dev, call, 0, 0, err); }
FAULTY_RUN(xent_grad_nan) { return swallow(dev, call, 0, 0, err); }

FAULTY_RUN(matmul_nan)
{
    const bool plain = !call->attr.i[0] && !call->attr.i[1];
    return plain ? faulty_real_run(dev, call, err) : swallow(dev, call, 0, 0, err);
}

FAULTY_RUN(matmul_batched_nan)
{
    return call->in[0].rank < 3 ? faulty_real_run(dev, call, err) : swallow(dev, call, 0, 0, err);
}

FAULTY_RUN(gelu_infinite)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        if (isinf(faulty_out(call, 0)[i])) faulty_out(call, 0)[i] = NAN;
    return status;
}

static orr_status flushed(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        if (fabsf(faulty_out(call, 0)[i]) < FLT_MIN) faulty_out(call, 0)[i] = 0.0F;
    return status;
}

FAULTY_RUN(matmul_flushes) { return flushed(dev, call, err); }
FAULTY_RUN(sum_flushes) { return flushed(dev, call, err); }
FAULTY_RUN(div_flushes) { return flushed(dev, call, err); }

/* --- accuracy ------------------------------------------------------------------------------------ */

FAULTY_RUN(xent_grad_coarse)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t width = reference_width(&call->out[0]), rows = reference_count(&call->in[2]);
    const int32_t *target = reference_data(&call->in[2]);
    for (int64_t i = 0; rows > 1000 && i < faulty_count(call); ++i)
        if (target[i / width] != i % width) faulty_out(call, 0)[i] *= 1.04F;
    return status;
}

FAULTY_RUN(matmul_wide_in_float)
{
    const orr_status status = faulty_real_run(dev, call, err);
    double *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        out[i] = (double)(float)out[i];
    return status;
}
