/* Backends that are right and work otherwise than the reference: ORRERY_VARIANT names one.
 *
 * A validator that flags one of these would send an author after a fault that is not there.
 */
#include "reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum variant {
    VARIANT_none,
#define VARIANT(name, ...) VARIANT_##name,
#include "variants.def"
#undef VARIANT
};

static const char *const names[] = {
    "none",
#define VARIANT(name, ...) #name,
#include "variants.def"
#undef VARIANT
};

static enum variant chosen;
static struct orr_backend_ops real, ops;
static struct orr_plugin plugin;

static float *in_of(const struct orr_call *call, uint32_t k) { return reference_data(&call->in[k]); }

static float *out_of(const struct orr_call *call) { return reference_data(&call->out[0]); }

static int64_t width_of(const struct orr_tensor *t) { return t->rank ? t->dim[t->rank - 1] : 1; }

/* --- sums ---------------------------------------------------------------------------------------- */

/* The sum of a[i * step_a] * b[i * step_b], in one of the ways; b NULL: of a alone. */
static float float_dot(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t n)
{
    if (chosen == VARIANT_sums_pairwise && n > 8) {
        const int64_t half = n / 2;
        return float_dot(a, step_a, b, step_b, half) +
               float_dot(a + half * step_a, step_a, b ? b + half * step_b : NULL, step_b, n - half);
    }
    double total = 0.0;
    float sum = 0.0F;
    for (int64_t k = 0; k < n; ++k) {
        const int64_t i = chosen == VARIANT_sums_reversed ? n - 1 - k : k;
        const float x = a[i * step_a], y = b ? b[i * step_b] : 1.0F;
        if (chosen == VARIANT_sums_reversed)
            total += (double)x * (double)y;
        else
            sum = chosen == VARIANT_fused_products ? fmaf(x, y, sum) : sum + x * y;
        if (chosen == VARIANT_blocked_products && k % 24 == 23) {
            total += (double)sum;
            sum = 0.0F;
        }
    }
    return (float)(total + (double)sum);
}

static void sum_axis(const struct orr_call *call)
{
    const struct orr_tensor *x = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(x, 0, axis), length = x->dim[axis],
                  inner = reference_span(x, axis + 1, x->rank);
    for (int64_t i = 0; i < outer * inner; ++i)
        out_of(call)[i] = float_dot(in_of(call, 0) + i / inner * length * inner + i % inner, inner, NULL, 0, length);
}

static void multiply(const struct orr_call *call)
{
    const struct orr_tensor *a = &call->in[0], *b = &call->in[1], *out = &call->out[0];
    const bool linear = call->op == ORR_OP_LINEAR;
    const bool ta = !linear && call->attr.i[0], tb = !linear && call->attr.i[1];
    const int64_t columns = width_of(out),
                  rows = linear ? reference_count(out) / (columns ? columns : 1) : out->dim[out->rank - 2];
    const int64_t depth = linear ? width_of(a) : a->dim[a->rank - 1 - ta];
    const int64_t products = linear ? 1 : reference_span(out, 0, out->rank - 2);
    (void)b;
    for (int64_t p = 0; p < products; ++p)
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < columns; ++j) {
                const float *row = in_of(call, 0) + p * rows * depth + (ta ? i : i * depth);
                const float *column = in_of(call, 1) + p * depth * columns + (tb ? j * depth : j);
                const float sum = float_dot(row, ta ? rows : 1, column, tb ? 1 : columns, depth);
                out_of(call)[(p * rows + i) * columns + j] = linear ? sum + in_of(call, 2)[j] : sum;
            }
}

/* --- rows in float ------------------------------------------------------------------------------- */

static void softmax_rows(const struct orr_call *call)
{
    const int64_t width = width_of(&call->in[0]), rows = width ? reference_count(&call->in[0]) / width : 0;
    for (int64_t r = 0; r < rows; ++r) {
        const float *x = in_of(call, 0) + r * width;
        float *y = out_of(call) + r * width, most = -INFINITY, sum = 0.0F;
        for (int64_t j = 0; j < width; ++j)
            most = x[j] > most || isnan(x[j]) ? x[j] : most;
        for (int64_t j = 0; j < width; ++j)
            sum += y[j] = expf(x[j] - most);
        const float share = 1.0F / sum;
        for (int64_t j = 0; j < width; ++j)
            y[j] *= share;
    }
}

static void layernorm_rows(const struct orr_call *call)
{
    const int64_t width = width_of(&call->in[0]), rows = reference_count(&call->in[0]) / width;
    float *mean_out = reference_data(&call->out[1]), *rstd_out = reference_data(&call->out[2]);
    for (int64_t r = 0; r < rows; ++r) {
        const float *x = in_of(call, 0) + r * width;
        float sum = 0.0F, squares = 0.0F;
        for (int64_t j = 0; j < width; ++j)
            sum += x[j];
        const float mean = sum / (float)width;
        for (int64_t j = 0; j < width; ++j)
            squares = fmaf(x[j] - mean, x[j] - mean, squares);
        const float rstd = 1.0F / sqrtf(squares / (float)width + (float)call->attr.f[0]);
        for (int64_t j = 0; j < width; ++j)
            out_of(call)[r * width + j] = fmaf((x[j] - mean) * rstd, in_of(call, 1)[j], in_of(call, 2)[j]);
        mean_out[r] = mean;
        rstd_out[r] = rstd;
    }
}

static void activate(const struct orr_call *call)
{
    for (int64_t i = 0; i < reference_count(&call->out[0]); ++i) {
        const float x = in_of(call, 0)[i];
        if (call->op == ORR_OP_SILU) out_of(call)[i] = x / (1.0F + expf(-x));
        if (call->op == ORR_OP_GELU) out_of(call)[i] = 0.5F * x * erfcf(-0.70710678F * x);
    }
}

/* --- numbers changed after the reference has run ------------------------------------------------- */

static float flushed(float x) { return fabsf(x) < FLT_MIN ? copysignf(0.0F, x) : x; }

static float changed(uint32_t op, float x)
{
    union {
        uint32_t bits;
        float x;
    } nan = {.bits = UINT32_C(0xFFE12345)};
    static const float units[ORR_OP_COUNT_] = {
        [ORR_OP_EXP] = 1.25F, [ORR_OP_LOG] = 1.25F, [ORR_OP_TANH] = 3.0F, [ORR_OP_ERF] = 6.0F, [ORR_OP_SQRT] = 1.25F};
    switch (chosen) {
    case VARIANT_flushed_denormals:
        return flushed(x);
    case VARIANT_exp_three_units:
        return units[op] > 0.0F ? x * (1.0F + units[op] * FLT_EPSILON) : x;
    case VARIANT_lowered_coarse:
        return op == ORR_OP_ERF ? x * (1.0F - 7.0F * FLT_EPSILON) : x;
    case VARIANT_negative_zeros:
        return x == 0.0F ? -x : x;
    case VARIANT_other_nans:
        return isnan(x) ? nan.x : x;
    default:
        return x;
    }
}

static bool computes(const struct orr_call *call)
{
    return call->op != ORR_OP_COPY && call->op != ORR_OP_GATHER && call->op != ORR_OP_PUT;
}

static orr_status run_changed(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    const orr_status status = real.run(dev, call, err);
    for (uint32_t k = 0; k < call->n_out && status == ORR_OK && computes(call); ++k) {
        float *x = reference_data(&call->out[k]);
        for (int64_t i = 0; i < reference_count(&call->out[k]); ++i)
            x[i] = changed(call->op, x[i]);
    }
    return status;
}

static bool sums_otherwise(void)
{
    return chosen == VARIANT_sums_reversed || chosen == VARIANT_sums_pairwise || chosen == VARIANT_fused_products ||
           chosen == VARIANT_blocked_products;
}

static orr_status run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    if (call->out[0].dtype != ORR_F32) return real.run(dev, call, err);
    if (sums_otherwise() && (call->op == ORR_OP_MATMUL || call->op == ORR_OP_LINEAR)) {
        multiply(call);
        return ORR_OK;
    }
    if (sums_otherwise() && chosen != VARIANT_fused_products && call->op == ORR_OP_SUM) {
        sum_axis(call);
        return ORR_OK;
    }
    if (chosen == VARIANT_fused_products && call->op == ORR_OP_AFFINE) {
        for (int64_t i = 0; i < reference_count(&call->out[0]); ++i)
            out_of(call)[i] = fmaf((float)call->attr.f[0], in_of(call, 0)[i], (float)call->attr.f[1]);
        return ORR_OK;
    }
    if (chosen == VARIANT_norms_in_float) {
        if (call->op == ORR_OP_SOFTMAX) softmax_rows(call);
        if (call->op == ORR_OP_LAYERNORM) layernorm_rows(call);
        if (call->op == ORR_OP_SILU || call->op == ORR_OP_GELU) activate(call);
        if (call->op == ORR_OP_SOFTMAX || call->op == ORR_OP_LAYERNORM || call->op == ORR_OP_SILU ||
            call->op == ORR_OP_GELU)
            return ORR_OK;
    }
    return run_changed(dev, call, err);
}

/* --- other shapes of the interface ---------------------------------------------------------------- */

static uint32_t device_count(void) { return chosen == VARIANT_two_devices ? 2 : 1; }

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    struct orr_device_info info = {.size = sizeof info};
    if (chosen == VARIANT_silent && index > 0) return ORR_EINVAL;
    const orr_status status = real.device_info(index < device_count() ? 0 : index, &info, err);
    if (status != ORR_OK) return status;
    info.size = out->size;
    if (chosen == VARIANT_large_alignment) info.align = 4096;
    if (chosen == VARIANT_small_buffers) info.max_alloc = UINT64_C(2) << 20;
    if (chosen == VARIANT_f32_only) info.dtypes = 1u << ORR_F32 | 1u << ORR_I32;
    info.flushes_denormals = chosen == VARIANT_flushed_denormals;
    info.plans_scratch = chosen == VARIANT_plans_scratch;
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    if (chosen == VARIANT_silent && index > 0) return ORR_EINVAL;
    return real.open(index < device_count() ? 0 : index, param, out, err);
}

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    if (chosen == VARIANT_small_buffers && bytes > (size_t)2 << 20)
        return reference_host->fail(err, ORR_ENOMEM, "a buffer holds at most 2 MiB, not %zu bytes", bytes);
    if (chosen == VARIANT_silent && bytes > (size_t)1 << 40) return ORR_ENOMEM;
    return real.alloc(dev, bytes, out, err);
}

static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    static const bool composite[ORR_OP_COUNT_] = {
#define PRIM                                           false
#define COMP                                           true
#define ORR_OP(id, NAME, name, n_in, n_out, kind, ...) [id] = kind,
#include "orrery/ops.def"
#undef ORR_OP
    };
    const bool lowers = chosen == VARIANT_lowered || chosen == VARIANT_lowered_coarse;
    if (lowers && call->op < ORR_OP_COUNT_ && composite[call->op]) return false;
    return real.supports(dev, call);
}

/* --- work that waits -------------------------------------------------------------------------------- */

enum { QUEUE = 256 };
static struct orr_call queue[QUEUE];
static size_t queued;

static orr_status drain(struct orr_device *dev, struct orr_error *err)
{
    orr_status status = ORR_OK;
    for (size_t i = 0; i < queued && status == ORR_OK; ++i)
        status = real.run(dev, &queue[i], err);
    queued = 0;
    return status;
}

static orr_status run_later(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    if (queued == QUEUE) {
        const orr_status status = drain(dev, err);
        if (status != ORR_OK) return status;
    }
    queue[queued++] = *call;
    return ORR_OK;
}

static orr_status write_after(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                              struct orr_error *err)
{
    const orr_status status = drain(dev, err);
    return status == ORR_OK ? real.write(dev, buf, at, src, n, err) : status;
}

static orr_status read_after(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                             struct orr_error *err)
{
    const orr_status status = drain(dev, err);
    return status == ORR_OK ? real.read(dev, buf, at, dst, n, err) : status;
}

/* --- programs, with scratch of their own -------------------------------------------------------------- */

struct program {
    size_t n, n_storages;
    struct orr_call *call;
    struct orr_buffer **scratch; /* by storage; NULL: the engine's */
};

static void discard(struct orr_device *dev, void *program)
{
    struct program *p = program;
    for (size_t i = 0; p->scratch && i < p->n_storages; ++i)
        if (p->scratch[i]) real.free(dev, p->scratch[i]);
    free(p->scratch);
    free(p->call);
    free(p);
}

static orr_status give_scratch(struct orr_device *dev, struct program *p, struct orr_tensor *t, struct orr_error *err)
{
    if (t->buffer) return ORR_OK;
    if (!p->scratch[t->storage]) {
        const orr_status status = real.alloc(dev, (size_t)t->storage_bytes, &p->scratch[t->storage], err);
        if (status != ORR_OK) return status;
    }
    t->buffer = p->scratch[t->storage];
    return ORR_OK;
}

static size_t storages_of(const struct orr_call *call)
{
    size_t n = 0;
    for (uint32_t k = 0; k < call->n_in; ++k)
        n = call->in[k].storage >= n ? call->in[k].storage + 1 : n;
    for (uint32_t k = 0; k < call->n_out; ++k)
        n = call->out[k].storage >= n ? call->out[k].storage + 1 : n;
    return n;
}

static orr_status prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                          struct orr_error *err)
{
    struct program *p = calloc(1, sizeof *p);
    if (!p) return reference_host->fail(err, ORR_ENOMEM, "out of memory for a program");
    for (size_t i = 0; i < n; ++i)
        p->n_storages = storages_of(calls[i]) > p->n_storages ? storages_of(calls[i]) : p->n_storages;
    p->n = n;
    p->call = calloc(n + 1, sizeof *p->call);
    p->scratch = calloc(p->n_storages + 1, sizeof(struct orr_buffer *));
    orr_status status = p->call && p->scratch ? ORR_OK : ORR_ENOMEM;
    for (size_t i = 0; i < n && status == ORR_OK; ++i) {
        p->call[i] = *calls[i];
        for (uint32_t k = 0; k < calls[i]->n_in && status == ORR_OK; ++k)
            status = give_scratch(dev, p, &p->call[i].in[k], err);
        for (uint32_t k = 0; k < calls[i]->n_out && status == ORR_OK; ++k)
            status = give_scratch(dev, p, &p->call[i].out[k], err);
    }
    if (status != ORR_OK) {
        discard(dev, p);
        return status;
    }
    *program = p;
    return ORR_OK;
}

static orr_status execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    const struct program *p = program;
    orr_status status = ORR_OK;
    for (size_t i = 0; i < p->n && status == ORR_OK; ++i)
        status = real.run(dev, &p->call[i], err);
    return status;
}

static orr_status elapsed(struct orr_device *dev, void *program, double *seconds, struct orr_error *err)
{
    const struct program *p = program;
    (void)dev;
    (void)err;
    for (size_t i = 0; i < p->n; ++i)
        seconds[i] = 1e-6;
    return ORR_OK;
}

/* --- the plugin ----------------------------------------------------------------------------------------- */

static void change(const struct orr_plugin *reference)
{
    const char *name = getenv("ORRERY_VARIANT");
    for (size_t k = 0; name && k < sizeof names / sizeof *names; ++k)
        if (strcmp(name, names[k]) == 0) chosen = (enum variant)k;
    real = *(const struct orr_backend_ops *)reference->ops;
    ops = real;
    ops.device_count = device_count;
    ops.device_info = device_info;
    ops.open = device_open;
    ops.alloc = buffer_alloc;
    ops.supports = supports;
    ops.run = run;
    if (chosen == VARIANT_deferred) {
        ops.run = run_later;
        ops.write = write_after;
        ops.read = read_after;
        ops.finish = drain;
    }
    if (chosen == VARIANT_programs || chosen == VARIANT_plans_scratch) {
        ops.prepare = prepare;
        ops.execute = execute;
        ops.discard = discard;
        ops.elapsed = elapsed;
    }
    plugin = *reference;
    plugin.name = "different";
    plugin.summary = "the reference, right but otherwise";
    plugin.ops = &ops;
}

/* The reference's own query, renamed by the build. */
const struct orr_plugin *reference_query(const struct orr_host *host);

const struct orr_plugin *orr_plugin_query(const struct orr_host *host)
{
    if (!plugin.magic) change(reference_query(host));
    return &plugin;
}
