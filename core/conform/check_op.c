/* One operation: every case in every layout, or by its lowering where the device lacks it. */
#include "base/memory.h"
#include "conform/check.h"
#include "conform/layout.h"
#include "conform/noise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A lowering computes the same formula by other operations, each with its own rounding: tens of roundings, judged by
 * the norm over a result rather than number by number. Where terms cancel (1 + erf below zero) those roundings grow: by
 * how much is measured on the reference. */
#define LOWERED_BOUND (16.0 / 16777216.0)
/* Repeats of an operation that must give the same bits: at every size, since threads and pieces often come in only
 * where there is much to do. A few at the sizes of the full level, and beyond MANY elements. */
enum { REPEATS = 19, REPEATS_LARGE = 2, REPEATS_FULL = 2, MANY = 100000 };

static void print_number(double x, bool whole, char *text, size_t size)
{
    snprintf(text, size, whole ? "%.0f" : "%.9g", x);
}

static void describe(const struct orr_trial *t, const char *layout, uint32_t k, const struct orr_distance *d,
                     char *text, size_t size)
{
    char shapes[300], got[40], want[40], share[64];
    const bool whole = t->out[k].whole != NULL;
    orr_case_describe(&t->c, shapes, sizeof(shapes));
    print_number(d->got, whole, got, sizeof(got));
    print_number(d->want, whole, want, sizeof(want));
    if (isfinite(d->fraction))
        snprintf(share, sizeof(share), "%.3g times the allowed %.3g", d->fraction, d->allowed);
    else
        snprintf(share, sizeof(share), d->allowed > 0.0 ? "not a finite number" : "no error is allowed");
    snprintf(text, size, "%s; %s: result %u, element %zu: got %s, expected %s (%s)", shapes, layout, k, d->at, got,
             want, share);
}

orr_status orr_trial_compare_lowered(const struct orr_trial *t, uint32_t k, const void *data,
                                     const struct orr_open_device *truth, struct orr_distance *worst,
                                     struct orr_error *err)
{
    struct orr_distance first = {.fraction = -1.0};
    double moved = 0.0;
    orr_trial_compare_norm(t, k, data, LOWERED_BOUND, &first);
    if (first.fraction > 1.0 && isfinite(first.fraction)) {
        ORR_TRY(orr_noise_measure(t, k, truth, &moved, err));
        first.fraction = -1.0;
        first.noise = fmin(ORR_NOISE_SHARE * moved, ORR_NOISE_MOST);
        orr_trial_compare_norm(t, k, data, LOWERED_BOUND + first.noise, &first);
    }
    *worst = first;
    return ORR_OK;
}

/* real: of the results. lowered: the reference, which says what is allowed then; NULL: not lowered. */
static void judge(const struct orr_trial *t, const struct orr_outcome *o, const char *layout, uint32_t real,
                  const struct orr_open_device *lowered, struct orr_check_result *r)
{
    char shapes[300], text[900];
    if (o->fault[0]) {
        orr_case_describe(&t->c, shapes, sizeof(shapes));
        snprintf(text, sizeof(text), "%s; %s: %s", shapes, layout, o->fault);
        orr_check_fraction(r, t->c.number, HUGE_VAL, text);
        return;
    }
    for (uint32_t k = 0; k < t->c.n_out; ++k) {
        struct orr_distance d = {.fraction = -1.0};
        struct orr_error err = {.code = ORR_OK};
        if (real == ORR_F64)
            orr_trial_compare_wide(t, k, o->out[k], &d);
        else if (!lowered)
            orr_trial_compare(t, k, o->out[k], &d);
        else if (orr_trial_compare_lowered(t, k, o->out[k], lowered, &d, &err) != ORR_OK)
            orr_check_fail(r, t->c.number, "the reference cannot say: %s", err.text);
        r->noise = fmax(r->noise, d.noise);
        if (d.fraction < 0.0) continue;
        text[0] = '\0';
        if (!(d.fraction <= 1.0)) describe(t, layout, k, &d, text, sizeof(text));
        orr_check_fraction(r, t->c.number, d.fraction, text);
    }
}

static void run_layout(struct orr_session *s, const struct orr_trial *t, const struct orr_layout *layout,
                       struct orr_check_result *r)
{
    struct orr_outcome outcome;
    struct orr_error err = {.code = ORR_OK};
    char name[80], shapes[300];
    if (!orr_layout_fits(t, s->device, layout)) {
        ++r->too_large;
        return;
    }
    orr_layout_describe(layout, name, sizeof(name));
    if (orr_layout_run(t, s->device, layout, &outcome, &err) == ORR_OK) {
        judge(t, &outcome, name, layout->real, NULL, r);
    } else {
        orr_case_describe(&t->c, shapes, sizeof(shapes));
        orr_check_fail(r, t->c.number, "%s; %s: %s", shapes, name, err.text);
    }
    orr_outcome_fini(&outcome);
}

static uint32_t repeats_of(const struct orr_trial *t)
{
    if (t->c.values != ORR_VALUES_UNIT) return 0;
    if (t->c.level == ORR_CONFORM_FULL) return REPEATS_FULL;
    return orr_shape_count(&t->c.out[0]) > MANY ? REPEATS_LARGE : REPEATS;
}

/* In place, each result alone and all of them: by run, and as a program where the device has programs. */
static void run_in_place(struct orr_session *s, const struct orr_trial *t, uint32_t before, struct orr_check_result *r)
{
    const uint32_t ways = ORR_HAS(s->device->ops, prepare) ? 2 : 1;
    struct orr_layout layout = {.kind = ORR_LAYOUT_APART, .real = ORR_F32};
    for (uint32_t bits = 1; bits <= t->op->alias; ++bits) {
        const bool one = (bits & (bits - 1)) == 0, all = bits == t->op->alias;
        if ((bits & ~t->op->alias) || (!one && !all)) continue;
        layout.alias = bits;
        for (uint32_t way = 0; way < ways && r->failed == before; ++way) {
            layout.prepared = way == 1;
            run_layout(s, t, &layout, r);
        }
    }
}

static void run_native(struct orr_session *s, const struct orr_trial *t, struct orr_check_result *r)
{
    const bool prepares = ORR_HAS(s->device->ops, prepare);
    struct orr_layout layout = {.kind = ORR_LAYOUT_APART, .real = ORR_F32};
    const uint32_t before = r->failed;
    run_layout(s, t, &layout, r);
    layout.kind = ORR_LAYOUT_PACKED;
    layout.prepared = prepares;
    layout.repeat = repeats_of(t);
    if (r->failed == before) run_layout(s, t, &layout, r);
    run_in_place(s, t, before, r);
}

/* The same case in f64, where the device has that type and it is quick enough: apart, and in place or in a program as
 * far as there is that. */
static void run_wide(struct orr_session *s, const struct orr_trial *t, struct orr_check_result *r)
{
    struct orr_layout layout = {.kind = ORR_LAYOUT_APART, .real = ORR_F64};
    struct orr_call call;
    const uint32_t before = r->failed;
    if (!(s->device->info.dtypes & (1u << ORR_F64))) return;
    if (t->c.level == ORR_CONFORM_QUICK && orr_shape_count(&t->c.out[0]) > MANY) return;
    orr_layout_call(t, ORR_F64, &call);
    if (!s->device->ops->supports(s->device->handle, &call)) {
        if (!t->op->composite)
            orr_check_fail(r, t->c.number, "supports() refuses this primitive in f64, though dtypes has f64");
        return;
    }
    ++r->wide;
    run_layout(s, t, &layout, r);
    layout.alias = t->op->alias;
    layout.prepared = ORR_HAS(s->device->ops, prepare);
    if ((layout.alias || layout.prepared) && r->failed == before) run_layout(s, t, &layout, r);
}

orr_status orr_case_graph(const struct orr_case *c, uint32_t real, struct orr_graph **g, orr_handle *in,
                          orr_handle *out, struct orr_error *err)
{
    struct orr_shape wanted = c->wanted;
    const bool has_wanted = wanted.rank || wanted.dtype;
    ORR_TRY(orr_graph_create(real, g, err));
    for (uint32_t k = 0; k < c->n_in; ++k) {
        const struct orr_shape *shape = &c->in[k].shape;
        in[k] = orr_graph_input(*g, NULL, shape->dtype ? shape->dtype : real, shape->rank, shape->dim);
    }
    if (!wanted.dtype) wanted.dtype = real;
    orr_graph_apply(*g, c->op, in, c->n_in, &c->attr, has_wanted ? &wanted : NULL, 0, out);
    for (uint32_t k = 0; k < c->n_out; ++k)
        orr_graph_keep(*g, out[k]);
    const orr_status status = orr_graph_status(*g, err);
    if (status != ORR_OK) {
        orr_graph_destroy(*g);
        *g = NULL;
    }
    return status;
}

static orr_status exchange(const struct orr_trial *t, struct orr_exec *exec, const orr_handle *in,
                           const orr_handle *out, struct orr_outcome *o, struct orr_error *err)
{
    for (uint32_t k = 0; k < t->c.n_in; ++k) {
        const struct orr_numbers *a = &t->in[k];
        ORR_TRY(a->whole ? orr_exec_write(exec, in[k], a->whole, a->count * sizeof(int32_t), err)
                         : orr_exec_write_real(exec, in[k], a->real, a->count, err));
    }
    ORR_TRY(orr_exec_run(exec, err));
    ORR_TRY(orr_exec_finish(exec, err));
    for (uint32_t k = 0; k < t->c.n_out; ++k) {
        const size_t bytes = t->out[k].count * sizeof(float);
        o->out[k] = orr_memory_aligned(bytes, 64);
        if (!o->out[k]) return orr_memory_out(err, "a result", bytes);
        ORR_TRY(orr_exec_read(exec, out[k], o->out[k], bytes, err));
    }
    return ORR_OK;
}

orr_status orr_trial_run_graph(const struct orr_trial *t, struct orr_open_device *device, struct orr_outcome *outcome,
                               struct orr_error *err)
{
    struct orr_graph *g = NULL;
    struct orr_exec *exec = NULL;
    orr_handle in[ORR_IN_MAX], out[ORR_OUT_MAX];
    *outcome = (struct orr_outcome){.status = ORR_OK};
    orr_status status = orr_case_graph(&t->c, ORR_F32, &g, in, out, err);
    if (status == ORR_OK) status = orr_exec_create(g, device, NULL, &exec, err);
    if (status == ORR_OK) status = exchange(t, exec, in, out, outcome, err);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
    outcome->status = status;
    return status;
}

/* Infinities and what is masked by them may come out otherwise through a lowering: those are the engine's formulas. */
static bool lowers_alike(const struct orr_case *c)
{
    return c->values == ORR_VALUES_UNIT || c->values == ORR_VALUES_ZERO || c->values == ORR_VALUES_GAPS;
}

static void run_lowered(struct orr_session *s, const struct orr_trial *t, struct orr_check_result *r)
{
    struct orr_outcome outcome;
    struct orr_error err = {.code = ORR_OK};
    char shapes[300];
    ++r->lowered;
    if (orr_trial_run_graph(t, s->device, &outcome, &err) == ORR_OK) {
        judge(t, &outcome, "lowered", ORR_F32, s->truth, r);
    } else {
        orr_case_describe(&t->c, shapes, sizeof(shapes));
        orr_check_fail(r, t->c.number, "%s; lowered: %s", shapes, err.text);
    }
    orr_outcome_fini(&outcome);
}

static void run_case(struct orr_session *s, const struct orr_case *c, struct orr_check_result *r)
{
    struct orr_trial t;
    struct orr_error err = {.code = ORR_OK};
    struct orr_call call;
    char shapes[300];
    if (orr_trial_init(c, s->asked->seed, s->truth, s->device->info.flushes_denormals, &t, &err) != ORR_OK) {
        orr_check_fail(r, c->number, "the reference cannot say: %s", err.text);
        orr_trial_fini(&t);
        return;
    }
    orr_layout_call(&t, ORR_F32, &call);
    const struct orr_layout apart = {.kind = ORR_LAYOUT_APART, .real = ORR_F32};
    if (!orr_layout_fits(&t, s->device, &apart)) {
        --r->cases;
        ++r->left_out;
    } else if (s->device->ops->supports(s->device->handle, &call)) {
        run_native(s, &t, r);
        run_wide(s, &t, r);
    } else if (t.op->composite && lowers_alike(c)) {
        run_lowered(s, &t, r);
    } else if (t.op->composite) {
        --r->cases;
        ++r->left_out;
    } else {
        r->state = ORR_CHECK_MISSING;
        orr_case_describe(c, shapes, sizeof(shapes));
        orr_check_fail(r, c->number, "%s: supports() refuses a primitive, which every backend must have", shapes);
    }
    orr_trial_fini(&t);
}

static bool fits_device(const struct orr_session *s, const struct orr_case *c)
{
    const struct orr_device_info *info = &s->device->info;
    for (uint32_t k = 0; k < c->n_in; ++k)
        if (c->in[k].shape.dtype == ORR_I32 && !orr_device_has_type(info, ORR_I32)) return false;
    if (c->values == ORR_VALUES_DENORMAL && info->flushes_denormals) return false;
    return orr_device_has_type(info, ORR_F32);
}

void orr_check_operation(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    const uint32_t n = orr_case_count(check->op);
    for (uint32_t i = 0; i < n; ++i) {
        struct orr_case c;
        struct orr_error err = {.code = ORR_OK};
        if (s->asked->only_case >= 0 && s->asked->only_case != (int64_t)i) continue;
        if (orr_case_get(check->op, i, &c, &err) != ORR_OK) {
            orr_check_fail(r, i, "%s", err.text);
            continue;
        }
        if (c.level > s->asked->level && s->asked->only_case < 0) continue;
        if (!fits_device(s, &c)) {
            ++r->left_out;
            continue;
        }
        if (orr_check_begin(s, r, i)) run_case(s, &c, r);
    }
    if (r->state == ORR_CHECK_PASSED && r->lowered && r->lowered == r->cases) r->state = ORR_CHECK_LOWERED;
    if (r->state == ORR_CHECK_PASSED && !r->cases) r->state = ORR_CHECK_NOT_TESTED;
    size_t at = 0;
    if (r->lowered && r->lowered < r->cases)
        at = (size_t)snprintf(r->note, sizeof(r->note), "%u of %u cases lowered", r->lowered, r->cases);
    if (r->too_large && at < sizeof(r->note))
        at += (size_t)snprintf(r->note + at, sizeof(r->note) - at,
                               "%s%u layouts not tested: above the device's largest buffer", at ? "; " : "",
                               r->too_large);
    if (r->left_out && at < sizeof(r->note))
        snprintf(r->note + at, sizeof(r->note) - at, "%s%u cases not tested: %s", at ? "; " : "", r->left_out,
                 r->lowered ? "special values are judged in the operations that it is made of"
                            : "the device lacks the element type or the memory, or flushes denormals");
}
