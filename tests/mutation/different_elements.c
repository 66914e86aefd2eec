/* Variants of operations on one element at a time, and of what the reference has computed. */
#include "different.h"

#include <float.h>
#include <math.h>

static void activate(const struct orr_call *call)
{
    for (int64_t i = 0; i < reference_count(&call->out[0]); ++i) {
        const float x = different_in(call, 0)[i];
        different_out(call, 0)[i] =
            call->op == ORR_OP_SILU ? x / (1.0F + expf(-x)) : 0.5F * x * erfcf(-0.70710678F * x);
    }
}

static void divide(const struct orr_call *call)
{
    for (int64_t i = 0; i < reference_count(&call->out[0]); ++i) {
        const float inverse = 1.0F / different_in(call, 1)[i];
        different_out(call, 0)[i] = different_in(call, 0)[i] * inverse;
    }
}

static void affine(const struct orr_call *call)
{
    const float factor = (float)call->attr.f[0], shift = (float)call->attr.f[1];
    for (int64_t i = 0; i < reference_count(&call->out[0]); ++i)
        different_out(call, 0)[i] = fmaf(factor, different_in(call, 0)[i], shift);
}

static void update(const struct orr_call *call)
{
    const float b1 = (float)call->attr.f[0], b2 = (float)call->attr.f[1], eps = (float)call->attr.f[2];
    const float *row = different_in(call, 4);
    const float step = row[0] * row[1], keep = 1.0F - row[0] * (float)call->attr.f[3];
    /* 1 - b2 in f32 would lose the digits of a b2 near 1. */
    const float rest1 = (float)(1.0 - call->attr.f[0]), rest2 = (float)(1.0 - call->attr.f[1]);
    for (int64_t i = 0; i < reference_count(&call->out[0]); ++i) {
        const float g = different_in(call, 3)[i], p = different_in(call, 0)[i];
        const float m = fmaf(b1, different_in(call, 1)[i], rest1 * g);
        const float v = fmaf(b2, different_in(call, 2)[i], rest2 * g * g);
        different_out(call, 0)[i] = fmaf(p, keep, -step * m / fmaf(sqrtf(v), row[2], eps));
        different_out(call, 1)[i] = m;
        different_out(call, 2)[i] = v;
    }
}

bool different_compute(const struct orr_call *call)
{
    void (*compute)(const struct orr_call *) = NULL;
    if (different_chosen == DIFFERENT_norms_in_float && (call->op == ORR_OP_SILU || call->op == ORR_OP_GELU))
        compute = activate;
    if (different_chosen == DIFFERENT_division_by_inverse && call->op == ORR_OP_DIV) compute = divide;
    if (different_chosen == DIFFERENT_fused_products && call->op == ORR_OP_AFFINE) compute = affine;
    if (different_chosen == DIFFERENT_fused_update && call->op == ORR_OP_ADAMW) compute = update;
    if (compute) compute(call);
    return compute || different_compute_product(call) || different_compute_rows(call);
}

/* --- results of the reference, changed --------------------------------------------------------------- */

/* x, so many units in the last place nearer to 0; what is not finite stays. */
static float moved(float x, int units)
{
    for (int k = 0; k < units && isfinite(x); ++k)
        x = nextafterf(x, 0.0F);
    return x;
}

static float changed(uint32_t op, float x)
{
    static const int units[ORR_OP_COUNT_] = {
        [ORR_OP_EXP] = 3, [ORR_OP_LOG] = 3, [ORR_OP_SQRT] = 3, [ORR_OP_TANH] = 6, [ORR_OP_ERF] = 12};
    union {
        uint32_t bits;
        float x;
    } nan = {.bits = UINT32_C(0xFFE12345)};
    switch (different_chosen) {
    case DIFFERENT_flushed_denormals:
        return fabsf(x) < FLT_MIN ? copysignf(0.0F, x) : x;
    case DIFFERENT_exp_three_units:
        return moved(x, units[op]);
    case DIFFERENT_lowered_coarse:
        return op == ORR_OP_ERF ? x * (1.0F - 7.0F * FLT_EPSILON) : x;
    case DIFFERENT_negative_zeros:
        return x == 0.0F ? -x : x;
    case DIFFERENT_other_nans:
        return isnan(x) ? nan.x : x;
    default:
        return x;
    }
}

static bool same_bits(float a, float b)
{
    union {
        float x;
        uint32_t bits;
    } of_a = {.x = a}, of_b = {.x = b};
    return of_a.bits == of_b.bits;
}

void different_change_results(const struct orr_call *call)
{
    uint64_t others = 0;
    if (call->op == ORR_OP_COPY || call->op == ORR_OP_GATHER || call->op == ORR_OP_PUT) return;
    for (uint32_t k = 0; k < call->n_out; ++k) {
        float *x = different_out(call, k);
        for (int64_t i = 0; i < reference_count(&call->out[k]); ++i) {
            const float y = changed(call->op, x[i]);
            others += !same_bits(x[i], y);
            x[i] = y;
        }
    }
    if (others) different_acted(others);
}
