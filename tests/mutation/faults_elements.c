/* Faults of operations on one element at a time, and of those that move numbers. */
#include "faulty.h"
#include "orrery/random.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Run, and put back what was at elements from `from` on. */
static orr_status without_tail(struct orr_device *dev, const struct orr_call *call, int64_t from, struct orr_error *err)
{
    const int64_t count = faulty_count(call);
    if (from >= count || from < 0) return faulty_real_run(dev, call, err);
    const size_t bytes = (size_t)(count - from) * sizeof(float);
    float *kept = malloc(bytes);
    if (!kept) return ORR_ENOMEM;
    memcpy(kept, faulty_out(call, 0) + from, bytes);
    const orr_status status = faulty_real_run(dev, call, err);
    memcpy(faulty_out(call, 0) + from, kept, bytes);
    free(kept);
    return status;
}

/* Run, and multiply the results by `factor`. */
static orr_status scaled(struct orr_device *dev, const struct orr_call *call, float factor, struct orr_error *err)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] *= factor;
    return status;
}

FAULTY_RUN(add_tail) { return without_tail(dev, call, faulty_count(call) - 1, err); }

FAULTY_RUN(mul_partial_tile)
{
    const int64_t whole = faulty_count(call) / 64 * 64;
    return whole ? without_tail(dev, call, whole, err) : faulty_real_run(dev, call, err);
}

FAULTY_RUN(sub_one_unit)
{
    const orr_status status = faulty_real_run(dev, call, err);
    float *out = faulty_out(call, 0);
    if (faulty_count(call) > 40 && isfinite(out[40])) out[40] = nextafterf(out[40], INFINITY);
    return status;
}

FAULTY_RUN(copy_accumulates)
{
    float *out = faulty_out(call, 0);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        out[i] += faulty_in(call, 0)[i];
    return ORR_OK;
}

FAULTY_RUN(silu_rounded)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call); ++i) {
        int exponent;
        const float mantissa = frexpf(faulty_out(call, 0)[i], &exponent);
        if (isfinite(mantissa)) faulty_out(call, 0)[i] = ldexpf(rintf(ldexpf(mantissa, 12)), exponent - 12);
    }
    return status;
}

FAULTY_RUN(mul_in_place_by_run)
{
    const bool in_place = faulty_out(call, 0) == faulty_in(call, 0);
    return in_place && !faulty_in_program ? ORR_OK : faulty_real_run(dev, call, err);
}

/* Another thread has the time to put its own numbers there. */
FAULTY_RUN(add_shared_scratch)
{
    static unsigned char scratch[1 << 14];
    const struct timespec moment = {.tv_nsec = 20000};
    const size_t bytes = (size_t)faulty_count(call) * sizeof(float);
    struct orr_buffer shared = {.bytes = sizeof scratch, .data = scratch};
    struct orr_call copied = *call;
    if (bytes > sizeof scratch) return faulty_real_run(dev, call, err);
    memcpy(scratch, faulty_in(call, 0), bytes);
    nanosleep(&moment, NULL);
    copied.in[0].buffer = &shared;
    copied.in[0].offset = 0;
    return faulty_real_run(dev, &copied, err);
}

FAULTY_RUN(neg_in_place)
{
    return faulty_out(call, 0) == faulty_in(call, 0) ? ORR_OK : faulty_real_run(dev, call, err);
}

FAULTY_RUN(fill_past_end)
{
    const orr_status status = faulty_real_run(dev, call, err);
    faulty_out(call, 0)[faulty_count(call)] = (float)call->attr.f[0];
    return status;
}

FAULTY_RUN(sqrt_before_start)
{
    const orr_status status = faulty_real_run(dev, call, err);
    faulty_out(call, 0)[-1] = 1.0F;
    return status;
}

FAULTY_RUN(erf_changes_input)
{
    const orr_status status = faulty_real_run(dev, call, err);
    if (faulty_count(call) && faulty_out(call, 0) != faulty_in(call, 0)) faulty_in(call, 0)[0] = 0.0F;
    return status;
}

FAULTY_RUN(exp_six_units) { return scaled(dev, call, 1.0F + 6.0F * FLT_EPSILON, err); }

FAULTY_RUN(log_flushes)
{
    for (int64_t i = 0; i < faulty_count(call); ++i) {
        const float x = faulty_in(call, 0)[i];
        faulty_out(call, 0)[i] = logf(fabsf(x) < FLT_MIN ? 0.0F : x);
    }
    return ORR_OK;
}

FAULTY_RUN(tanh_fails) { return reference_host->fail(err, ORR_EDEVICE, "the kernel was not found"); }

FAULTY_RUN(div_swallows)
{
    struct orr_call wrong = *call;
    wrong.op = ORR_OP_COUNT_;
    return faulty_real_run(dev, &wrong, err) == ORR_OK ? ORR_EBUG : ORR_OK;
}

FAULTY_RUN(div_reciprocal) { return scaled(dev, call, 1.0F + 4.0F * FLT_EPSILON, err); }

FAULTY_RUN(maximum_nan)
{
    for (int64_t i = 0; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = fmaxf(faulty_in(call, 0)[i], faulty_in(call, 1)[i]);
    return ORR_OK;
}

FAULTY_RUN(step_nan)
{
    for (int64_t i = 0; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = faulty_in(call, 0)[i] > 0.0F ? 1.0F : 0.0F;
    return ORR_OK;
}

FAULTY_RUN(affine_in_half)
{
    struct orr_call wrong = *call;
    for (int k = 0; k < 2; ++k) {
        int exponent;
        const double mantissa = frexp(call->attr.f[k], &exponent);
        wrong.attr.f[k] = ldexp(round(mantissa * 2048.0) / 2048.0, exponent);
    }
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(cast_rounds)
{
    if (call->out[0].dtype != ORR_I32 || call->in[0].dtype != ORR_F32) return faulty_real_run(dev, call, err);
    const orr_status status = faulty_real_run(dev, call, err);
    int32_t *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        if (fabsf(faulty_in(call, 0)[i]) < 1e6F) out[i] = (int32_t)lrintf(faulty_in(call, 0)[i]);
    return status;
}

FAULTY_RUN(broadcast_wrong_axis)
{
    const int64_t given = reference_count(&call->in[0]), count = faulty_count(call);
    if (call->out[0].dtype != ORR_F32) return faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < count; ++i)
        faulty_out(call, 0)[i] = faulty_in(call, 0)[i * given / count];
    return ORR_OK;
}

FAULTY_RUN(permute_inverse)
{
    struct orr_call wrong = *call;
    const uint32_t rank = call->in[0].rank;
    for (uint32_t k = 0; k < rank; ++k)
        wrong.attr.i[call->attr.i[k]] = k;
    for (uint32_t k = 0; k < rank; ++k)
        wrong.out[0].dim[k] = wrong.in[0].dim[wrong.attr.i[k]];
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(slice_one_late)
{
    struct orr_call wrong = *call;
    const int64_t axis = call->attr.i[0], room = call->in[0].dim[axis] - call->out[0].dim[axis];
    if (call->attr.i[1] > 0 && call->attr.i[1] < room) ++wrong.attr.i[1];
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(slice_last_axis)
{
    const orr_status status = faulty_real_run(dev, call, err);
    if (call->in[0].rank == 4 || call->attr.i[0] == 2)
        memset(faulty_out(call, 0), 0, (size_t)faulty_count(call) * sizeof(float));
    return status;
}

/* What lies before the first and after the last copied element stays as it was. */
FAULTY_RUN(pad_border)
{
    const int64_t axis = call->attr.i[0], start = call->attr.i[1];
    if (axis != 0) return faulty_real_run(dev, call, err);
    const int64_t width = reference_span(&call->out[0], 1, call->out[0].rank);
    memcpy(faulty_out(call, 0) + start * width, faulty_in(call, 0), (size_t)reference_count(&call->in[0]) * 4);
    return ORR_OK;
}

FAULTY_RUN(random_int_modulo)
{
    const int32_t *step = reference_data(&call->in[0]);
    int32_t *out = reference_data(&call->out[0]);
    for (int64_t e = 0; e < faulty_count(call); ++e) {
        uint32_t word[4];
        orr_random_block((uint64_t)call->attr.i[0], (uint32_t)call->attr.i[1], (uint32_t)*step, (uint32_t)(e / 4),
                         word);
        out[e] = (int32_t)(word[e % 4] % (uint32_t)call->attr.i[2]);
    }
    return ORR_OK;
}

FAULTY_RUN(random_normal_step)
{
    int32_t *step = reference_data(&call->in[0]);
    const int32_t kept = *step;
    *step = 0;
    const orr_status status = faulty_real_run(dev, call, err);
    *step = kept;
    return status;
}

FAULTY_RUN(gelu_by_tanh)
{
    for (int64_t i = 0; i < faulty_count(call); ++i) {
        const float x = faulty_in(call, 0)[i];
        faulty_out(call, 0)[i] = 0.5F * x * (1.0F + tanhf(0.797884561F * (x + 0.044715F * x * x * x)));
    }
    return ORR_OK;
}

FAULTY_RUN(gelu_grad_exits)
{
    (void)call;
    exit(7);
}

FAULTY_RUN(silu_overflows)
{
    for (int64_t i = 0; i < faulty_count(call); ++i) {
        const float x = faulty_in(call, 0)[i], e = expf(x);
        faulty_out(call, 0)[i] = x > 0.0F ? x * (e / (1.0F + e)) : x / (1.0F + expf(-x));
    }
    return ORR_OK;
}

FAULTY_RUN(silu_grad_overflows)
{
    for (int64_t i = 0; i < faulty_count(call); ++i) {
        const float x = faulty_in(call, 1)[i], e = expf(-x);
        const float slope = 1.0F / (1.0F + e) + x * (e / ((1.0F + e) * (1.0F + e)));
        faulty_out(call, 0)[i] = faulty_in(call, 0)[i] * slope;
    }
    return ORR_OK;
}

FAULTY_RUN(silu_grad_swapped)
{
    struct orr_call wrong = *call;
    wrong.in[0] = call->in[1];
    wrong.in[1] = call->in[0];
    wrong.out[0] = call->out[0];
    return faulty_out(call, 0) == faulty_in(call, 0) ? faulty_real_run(dev, call, err)
                                                     : faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(adamw_l2)
{
    struct orr_call wrong = *call;
    float *g = faulty_in(call, 3);
    const int64_t count = faulty_count(call);
    float *kept = malloc((size_t)count * sizeof(float) + 1);
    if (!kept) return ORR_ENOMEM;
    memcpy(kept, g, (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; ++i)
        g[i] += (float)call->attr.f[3] * faulty_in(call, 0)[i];
    wrong.attr.f[3] = 0.0;
    const orr_status status = faulty_real_run(dev, &wrong, err);
    memcpy(g, kept, (size_t)count * sizeof(float));
    free(kept);
    return status;
}

FAULTY_RUN(adamw_stale_alias)
{
    const bool in_place = faulty_out(call, 1) == faulty_in(call, 1);
    float *m = faulty_in(call, 1);
    for (int64_t i = 0; in_place && i < faulty_count(call); ++i)
        m[i] = (float)(call->attr.f[0] * (double)m[i] + (1.0 - call->attr.f[0]) * (double)faulty_in(call, 3)[i]);
    return faulty_real_run(dev, call, err);
}
