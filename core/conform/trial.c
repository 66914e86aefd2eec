/* Making a trial, and judging results by the tolerances of ops.def.
 *
 * An f32 result is compared with the double one. u = 2^-24. ULP counts in the spacing of floats at the result, for
 * AdamW at its largest term, since its results are differences; ABS is relative where the result is above one.
 */
#include "conform/trial.h"

#include "base/memory.h"
#include "conform/layout.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double unit = 1.0 / 16777216.0;
/* What a lowering may add to the norm's bound, in tolerances of the operation itself: each of some ten operations errs
 * on the scale of the terms that the tolerance counts. */
#define LOWERED_SHARE 4.0

orr_status orr_numbers_init(struct orr_numbers *a, const struct orr_shape *shape, struct orr_error *err)
{
    *a = (struct orr_numbers){.shape = *shape, .count = (size_t)orr_shape_count(shape)};
    const bool whole = shape->dtype == ORR_I32;
    if (!whole) a->shape.dtype = ORR_F64;
    if (whole)
        a->whole = orr_memory_array(a->count, sizeof(*a->whole));
    else
        a->real = orr_memory_array(a->count, sizeof(*a->real));
    return a->whole || a->real ? ORR_OK : orr_memory_out(err, "the numbers of a case", a->count * sizeof(double));
}

void orr_numbers_fini(struct orr_numbers *a)
{
    orr_memory_free(a->real);
    orr_memory_free(a->whole);
    *a = (struct orr_numbers){.count = 0};
}

void orr_trial_fini(struct orr_trial *t)
{
    for (uint32_t k = 0; k < ORR_IN_MAX; ++k)
        orr_numbers_fini(&t->in[k]);
    for (uint32_t k = 0; k < ORR_OUT_MAX; ++k) {
        orr_numbers_fini(&t->out[k]);
        orr_memory_free(t->allowed[k]);
        t->allowed[k] = NULL;
    }
}

/* --- truth ------------------------------------------------------------------------------------- */

static orr_status compute_truth(struct orr_trial *t, struct orr_open_device *truth, struct orr_error *err)
{
    const struct orr_layout layout = {.real = ORR_F64};
    struct orr_outcome outcome;
    orr_status status = orr_layout_run(t, truth, &layout, &outcome, err);
    for (uint32_t k = 0; k < t->c.n_out && status == ORR_OK; ++k) {
        struct orr_numbers *a = &t->out[k];
        memcpy(a->whole ? (void *)a->whole : (void *)a->real, outcome.out[k],
               a->count * (a->whole ? sizeof(int32_t) : sizeof(double)));
    }
    orr_outcome_fini(&outcome);
    return status;
}

/* The forward operation's results, rounded to float, as inputs of its gradient. */
static orr_status derive_inputs(struct orr_trial *t, struct orr_open_device *truth, struct orr_error *err)
{
    const struct orr_forward *f = orr_case_forward(t->c.op);
    if (!f) return ORR_OK;
    const struct orr_op_info *op = orr_op_by_id(f->op);
    struct orr_trial forward = {.op = op};
    struct orr_shape in[ORR_IN_MAX], out[ORR_OUT_MAX] = {{0}};
    forward.c = (struct orr_case){.op = f->op, .n_in = f->n_in, .n_out = op->n_out, .attr = t->c.attr};
    for (uint32_t k = 0; k < f->n_in; ++k) {
        forward.in[k] = t->in[f->in[k]];
        in[k] = forward.in[k].shape;
    }
    const struct orr_shape_site site = {op->name, ORR_F64, f->n_in, op->n_out, in, &t->c.attr, false, out, err};
    /* Softmax's gradient has the result in the place where its input was drawn. */
    orr_status status = op->rule->shape(&site);
    for (uint32_t k = 0; k < op->n_out && status == ORR_OK; ++k)
        status = orr_numbers_init(&forward.out[k], &out[k], err);
    if (status == ORR_OK) status = compute_truth(&forward, truth, err);
    for (uint32_t k = 0; k < op->n_out; ++k) {
        if (status == ORR_OK && f->out[k] != ORR_NONE)
            for (size_t e = 0; e < forward.out[k].count; ++e)
                t->in[f->out[k]].real[e] = (double)(float)forward.out[k].real[e];
        orr_numbers_fini(&forward.out[k]);
    }
    return status;
}

static orr_status draw_inputs(struct orr_trial *t, uint64_t seed, struct orr_error *err)
{
    for (uint32_t k = 0; k < t->c.n_in; ++k) {
        ORR_TRY(orr_numbers_init(&t->in[k], &t->c.in[k].shape, err));
        orr_case_fill(&t->c, k, seed, t->in[k].real, t->in[k].whole);
    }
    /* What the forward operation works on, where the gradient takes its result in the same place. */
    const struct orr_forward *f = orr_case_forward(t->c.op);
    for (uint32_t k = 0; f && k < f->n_in; ++k) {
        if (t->c.in[f->in[k]].kind != ORR_INPUT_DERIVED) continue;
        struct orr_case drawn = t->c;
        drawn.in[f->in[k]].kind = ORR_INPUT_REAL;
        orr_case_fill(&drawn, f->in[k], seed, t->in[f->in[k]].real, NULL);
    }
    return ORR_OK;
}

/* --- what is allowed --------------------------------------------------------------------------- */

double orr_float_spacing(double x)
{
    int exponent;
    frexp(x, &exponent);
    return x == 0.0 || exponent < -125 ? ldexp(1.0, -149) : ldexp(1.0, exponent - 24);
}

/* What ABS is counted in where inputs of unit scale do not give results of unit scale: the gradient of a mean over n
 * targets is in units of |dloss| / n. */
static double scale_of(const struct orr_trial *t)
{
    size_t n = 0;
    if (t->c.op != ORR_OP_XENT_GRAD) return 1.0;
    for (size_t i = 0; i < t->in[2].count; ++i)
        n += t->in[2].whole[i] >= 0;
    return n ? fabs(t->in[0].real[0]) / (double)n : 0.0;
}

static orr_status set_allowed(struct orr_trial *t, uint32_t k, struct orr_open_device *truth, bool flushes,
                              struct orr_error *err)
{
    const enum orr_tolerance_kind kind = t->op->tolerance_kind;
    const struct orr_numbers *a = &t->out[k];
    const double n = t->op->tolerance, scale = scale_of(t);
    t->allowed[k] = orr_memory_array(a->count, sizeof(double));
    if (!t->allowed[k]) return orr_memory_out(err, "tolerances", a->count * sizeof(double));
    double *allowed = t->allowed[k];
    const bool terms = kind == ORR_TOLERANCE_SUM || t->c.op == ORR_OP_ADAMW;
    if (terms) ORR_TRY(orr_trial_magnitude(t, k, truth, allowed, err));
    for (size_t e = 0; e < a->count; ++e) {
        const double size = fabs(a->real[e]);
        if (kind == ORR_TOLERANCE_SUM) allowed[e] = n * (unit * allowed[e] + ldexp(1.0, -149));
        if (kind == ORR_TOLERANCE_ULP) allowed[e] = n * orr_float_spacing(terms ? fmax(size, allowed[e]) : size);
        if (kind == ORR_TOLERANCE_ABS) allowed[e] = n * fmax(scale, size);
        if (flushes) allowed[e] += 2.0 * (double)FLT_MIN;
    }
    return ORR_OK;
}

orr_status orr_trial_init(const struct orr_case *c, uint64_t seed, struct orr_open_device *truth, bool flushes,
                          struct orr_trial *out, struct orr_error *err)
{
    *out = (struct orr_trial){.c = *c, .op = orr_op_by_id(c->op)};
    ORR_TRY(draw_inputs(out, seed, err));
    for (uint32_t k = 0; k < c->n_out; ++k)
        ORR_TRY(orr_numbers_init(&out->out[k], &c->out[k], err));
    ORR_TRY(derive_inputs(out, truth, err));
    ORR_TRY(compute_truth(out, truth, err));
    for (uint32_t k = 0; k < c->n_out; ++k)
        if (out->out[k].real) ORR_TRY(set_allowed(out, k, truth, flushes, err));
    return ORR_OK;
}

/* --- judging ----------------------------------------------------------------------------------- */

/* Overflow: where the truth lies within the allowed error of the largest float, infinity is right too. */
static double fraction_of(double got, double want, double allowed)
{
    const double rounded = (double)(float)want;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0.0 : HUGE_VAL;
    if (got == rounded) return allowed > 0.0 && isfinite(rounded) ? fabs(got - want) / allowed : 0.0;
    if (isinf(got) && got * want > 0.0 && fabs(want) + allowed >= (double)FLT_MAX) return 1.0;
    if (isinf(rounded) && isfinite(got) && got * want > 0.0 && isfinite(want))
        return fabs(want) - fabs(got) <= allowed ? 1.0 : HUGE_VAL;
    if (!isfinite(got) || !isfinite(rounded)) return HUGE_VAL;
    return allowed > 0.0 ? fabs(got - want) / allowed : HUGE_VAL;
}

/* The truth is a computation in double too, whose errors add up in its own order: 1024 units of rounding for each one
 * of f32. Arithmetic in f32 is half a million times beyond. */
static const double wide_share = 1.0 / 524288.0;

static double wide_fraction(double got, double want, double allowed)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0.0 : HUGE_VAL;
    if (got == want) return 0.0;
    if (!isfinite(got) || !isfinite(want)) return HUGE_VAL;
    return allowed > 0.0 ? fabs(got - want) / allowed : HUGE_VAL;
}

bool orr_trial_compare_wide(const struct orr_trial *t, uint32_t k, const void *data, struct orr_distance *worst)
{
    const struct orr_numbers *a = &t->out[k];
    const double *got = data;
    bool larger = false;
    if (a->whole) return orr_trial_compare(t, k, data, worst);
    for (size_t e = 0; e < a->count; ++e) {
        const double allowed = wide_share * t->allowed[k][e];
        const double fraction = wide_fraction(got[e], a->real[e], allowed);
        if (fraction <= worst->fraction) continue;
        *worst =
            (struct orr_distance){.fraction = fraction, .at = e, .got = got[e], .want = a->real[e], .allowed = allowed};
        larger = true;
    }
    return larger;
}

static double whole_fraction(int32_t got, int32_t want) { return got == want ? 0.0 : HUGE_VAL; }

bool orr_trial_compare(const struct orr_trial *t, uint32_t k, const void *data, struct orr_distance *worst)
{
    const struct orr_numbers *a = &t->out[k];
    const bool exact = t->op->tolerance_kind == ORR_TOLERANCE_EXACT;
    bool larger = false;
    for (size_t e = 0; e < a->count; ++e) {
        const double got = a->whole ? (double)((const int32_t *)data)[e] : (double)((const float *)data)[e];
        const double want = a->whole ? (double)a->whole[e] : exact ? (double)(float)a->real[e] : a->real[e];
        const double allowed = a->whole ? 0.0 : t->allowed[k][e];
        const double fraction =
            a->whole ? whole_fraction(((const int32_t *)data)[e], a->whole[e]) : fraction_of(got, want, allowed);
        if (fraction <= worst->fraction) continue;
        *worst = (struct orr_distance){.fraction = fraction, .at = e, .got = got, .want = want, .allowed = allowed};
        larger = true;
    }
    return larger;
}

bool orr_trial_compare_norm(const struct orr_trial *t, uint32_t k, const void *data, double bound,
                            struct orr_distance *worst)
{
    const struct orr_numbers *a = &t->out[k];
    const float *got = data;
    double difference = 0.0, norm = 0.0, own = 0.0, largest = -1.0;
    struct orr_distance here = {.fraction = 0.0};
    if (a->whole) return orr_trial_compare(t, k, data, worst);
    for (size_t e = 0; e < a->count; ++e) {
        const double want = a->real[e], d = (double)got[e] - want;
        const bool alike = isnan(want) ? isnan(got[e]) : (double)got[e] == want;
        if (!isfinite(want) || !isfinite(got[e])) {
            if (!alike)
                here = (struct orr_distance){.fraction = HUGE_VAL, .at = e, .got = (double)got[e], .want = want};
            continue;
        }
        difference += d * d;
        norm += want * want;
        own += t->allowed[k][e] * t->allowed[k][e];
        if (fabs(d) <= largest) continue;
        largest = fabs(d);
        if (here.fraction == 0.0) here = (struct orr_distance){.at = e, .got = (double)got[e], .want = want};
    }
    here.allowed = bound * sqrt(norm) + LOWERED_SHARE * sqrt(own);
    if (here.fraction == 0.0 && here.allowed > 0.0) here.fraction = sqrt(difference) / here.allowed;
    if (here.fraction <= worst->fraction) return false;
    here.noise = worst->noise;
    *worst = here;
    return true;
}
