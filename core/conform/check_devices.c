/* Two devices of one backend at once, the same one opened twice where there is no other: neither disturbs the other.
 *
 * What a backend keeps for itself (a queue, scratch, staging, the last call) belongs to a device: where it belongs to
 * the process, work on one device spoils that of the other. backend.h lets a device be used by one thread at a time and
 * different devices at once.
 */
#include "base/memory.h"
#include "conform/check.h"
#include "conform/distance.h"
#include "conform/layout.h"
#include "conform/models.h"
#include "conform/pair.h"
#include "data/ranges.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ADDS: whole numbers up to 3 * ADDS are exact. ROUNDS: threads meet in most operations. */
enum { DEVICES = 2, TURNS = 3, ROUNDS = 12, ADDS = 40, ELEMENTS = 1000 };
enum { CASE_IN_TURN, CASE_QUEUED_MODELS, CASE_QUEUED_CALLS, CASE_THREADS };

/* A model on one of the devices, and what is known of it. */
struct twin {
    struct orr_open_device *device;
    struct orr_model_graph m;
    struct orr_pair p;
    double *want, *got; /* the gradient that is looked at by a thread */
    size_t n;
    double worst; /* its distance over all rounds */
    bool wrong_sum;
};

/* --- calls in memory of their own ------------------------------------------------------------- */

/* a = a + b on a device. */
struct adder {
    struct orr_open_device *device;
    struct orr_buffer *buffer[2];
    struct orr_call call;
    float number[ELEMENTS];
};

static orr_status adder_open(struct adder *a, struct orr_open_device *device, struct orr_error *err)
{
    *a = (struct adder){.device = device, .call = {.size = sizeof(a->call), .op = ORR_OP_ADD, .n_in = 2, .n_out = 1}};
    for (uint32_t k = 0; k < 2; ++k) {
        ORR_TRY(orr_device_alloc(device, sizeof(a->number), &a->buffer[k], err));
        a->call.in[k] = orr_layout_line(a->buffer[k], ELEMENTS, k);
    }
    a->call.out[0] = a->call.in[0];
    return ORR_OK;
}

static void adder_close(struct adder *a)
{
    for (uint32_t k = 0; k < 2; ++k)
        if (a->buffer[k]) orr_device_free(a->device, a->buffer[k], sizeof(a->number));
}

static orr_status adder_fill(struct adder *a, uint32_t k, float number, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    for (int e = 0; e < ELEMENTS; ++e)
        a->number[e] = number;
    const orr_status status =
        a->device->ops->write(a->device->handle, a->buffer[k], 0, a->number, sizeof(a->number), &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(a->device, status, "writing", &own, err);
}

static orr_status adder_run(struct adder *a, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    const orr_status status = a->device->ops->run(a->device->handle, &a->call, &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(a->device, status, "add", &own, err);
}

/* *wrong: some element is not `want`. */
static orr_status adder_read(struct adder *a, float want, bool *wrong, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    const orr_status status =
        a->device->ops->read(a->device->handle, a->buffer[0], 0, a->number, sizeof(a->number), &own);
    for (int e = 0; e < ELEMENTS && status == ORR_OK; ++e)
        *wrong = *wrong || a->number[e] != want;
    return status == ORR_OK ? ORR_OK : orr_device_failed(a->device, status, "reading", &own, err);
}

/* Call by call in turn on both, and only then what came of it. */
static orr_status add_in_turn(struct twin *twin, struct orr_check_result *r, struct orr_error *err)
{
    static const float term[DEVICES] = {1.0F, 3.0F};
    struct adder *a = orr_memory_array(DEVICES, sizeof(*a));
    if (!a) return orr_memory_out(err, "numbers to add", DEVICES * sizeof(*a));
    orr_status status = ORR_OK;
    for (uint32_t k = 0; k < DEVICES && status == ORR_OK; ++k)
        status = adder_open(&a[k], twin[k].device, err);
    for (uint32_t b = 0; b < 2; ++b)
        for (uint32_t k = 0; k < DEVICES && status == ORR_OK; ++k)
            status = adder_fill(&a[k], b, b ? term[k] : 0.0F, err);
    for (uint32_t i = 0; i < ADDS; ++i)
        for (uint32_t k = 0; k < DEVICES && status == ORR_OK; ++k)
            status = adder_run(&a[k], err);
    for (uint32_t k = 0; k < DEVICES && status == ORR_OK; ++k) {
        bool wrong = false;
        status = adder_read(&a[k], term[k] * (float)ADDS, &wrong, err);
        if (status == ORR_OK && wrong)
            orr_check_fail(r, CASE_QUEUED_CALLS,
                           "device %u of two with work queued call by call in turn: %d times add %g gives %.9g", k,
                           ADDS, (double)term[k], (double)a[k].number[0]);
    }
    for (uint32_t k = 0; k < DEVICES; ++k)
        adder_close(&a[k]);
    orr_memory_free(a);
    return status;
}

/* --- models ------------------------------------------------------------------------------------ */

static orr_status compare_twins(struct twin *twin, uint32_t first, uint32_t number, const char *how,
                                struct orr_check_result *r, struct orr_error *err)
{
    for (uint32_t i = 0; i < DEVICES; ++i) {
        const uint32_t k = (first + i) % DEVICES;
        for (size_t j = 0; j < twin[k].m.n; ++j) {
            double d = 0.0;
            char where[300];
            ORR_TRY(orr_pair_distance(&twin[k].p, twin[k].m.gradient[j], &d, err));
            snprintf(where, sizeof(where), "device %u of two %s: gradient of %s is off by %.3g, allowed %.3g", k, how,
                     twin[k].m.parameter[j], d, ORR_COMPOSED_BOUND);
            orr_check_fraction(r, number, d / ORR_COMPOSED_BOUND, where);
        }
    }
    return ORR_OK;
}

/* One after the other, each to its end. */
static orr_status models_in_turn(struct orr_session *s, struct twin *twin, struct orr_check_result *r,
                                 struct orr_error *err)
{
    for (uint32_t k = 0; k < DEVICES; ++k)
        ORR_TRY(orr_pair_fill(&twin[k].p, s->asked->seed + k, 0.5, err));
    for (uint32_t turn = 0; turn < TURNS; ++turn)
        for (uint32_t k = 0; k < DEVICES; ++k)
            ORR_TRY(orr_pair_run(&twin[k].p, err));
    return compare_twins(twin, 0, CASE_IN_TURN, "in turn", r, err);
}

/* Both written, both run, and nothing waited for before the first is read; which is read first changes. */
static orr_status models_queued(struct orr_session *s, struct twin *twin, struct orr_check_result *r,
                                struct orr_error *err)
{
    for (uint32_t turn = 0; turn < TURNS; ++turn) {
        for (uint32_t k = 0; k < DEVICES; ++k)
            ORR_TRY(orr_pair_fill(&twin[k].p, s->asked->seed + 2 * turn + k, 0.5, err));
        for (uint32_t k = 0; k < DEVICES; ++k)
            ORR_TRY(orr_exec_run(twin[k].p.truth, err));
        for (uint32_t k = 0; k < DEVICES; ++k)
            ORR_TRY(orr_exec_run(twin[k].p.tested, err));
        ORR_TRY(compare_twins(twin, turn % 2, CASE_QUEUED_MODELS, "with work queued on both", r, err));
    }
    return ORR_OK;
}

/* --- threads ----------------------------------------------------------------------------------- */

static orr_status look_at_gradient(struct twin *t, struct orr_error *err)
{
    ORR_TRY(orr_exec_read_real(t->p.tested, t->m.gradient[0], t->got, t->n, err));
    t->worst = fmax(t->worst, orr_distance_relative(t->got, t->want, t->n, 0.0));
    return ORR_OK;
}

static orr_status add_alone(struct twin *t, struct orr_error *err)
{
    struct adder *a = orr_memory_array(1, sizeof(*a));
    if (!a) return orr_memory_out(err, "numbers to add", sizeof(*a));
    orr_status status = adder_open(a, t->device, err);
    if (status == ORR_OK) status = adder_fill(a, 0, 0.0F, err);
    if (status == ORR_OK) status = adder_fill(a, 1, 1.0F, err);
    for (uint32_t i = 0; i < ADDS && status == ORR_OK; ++i)
        status = adder_run(a, err);
    if (status == ORR_OK) status = adder_read(a, (float)ADDS, &t->wrong_sum, err);
    adder_close(a);
    orr_memory_free(a);
    return status;
}

/* One thread: everything that it uses is its own, but for the backend's code. */
static orr_status work_alone(void *context, uint64_t first, uint64_t count, struct orr_error *err)
{
    struct twin *twin = context;
    for (uint64_t k = first; k < first + count; ++k)
        for (uint32_t i = 0; i < ROUNDS; ++i) {
            ORR_TRY(orr_exec_run(twin[k].p.tested, err));
            ORR_TRY(look_at_gradient(&twin[k], err));
            ORR_TRY(add_alone(&twin[k], err));
        }
    return ORR_OK;
}

static orr_status models_in_threads(struct orr_session *s, struct twin *twin, struct orr_check_result *r,
                                    struct orr_error *err)
{
    for (uint32_t k = 0; k < DEVICES; ++k) {
        struct twin *t = &twin[k];
        t->n = (size_t)orr_shape_count(&t->p.narrow->value[t->m.gradient[0]].shape);
        t->want = orr_memory_array(t->n, sizeof(*t->want));
        t->got = orr_memory_array(t->n, sizeof(*t->got));
        if (!t->want || !t->got) return orr_memory_out(err, "a gradient", t->n * sizeof(*t->want));
        ORR_TRY(orr_pair_fill(&t->p, s->asked->seed + k, 0.5, err));
        ORR_TRY(orr_exec_run(t->p.truth, err));
        ORR_TRY(orr_exec_read_real(t->p.truth, t->m.gradient[0], t->want, t->n, err));
    }
    ORR_TRY(orr_ranges_run(DEVICES, DEVICES, work_alone, twin, err));
    for (uint32_t k = 0; k < DEVICES; ++k) {
        char where[300];
        const struct twin *t = &twin[k];
        snprintf(where, sizeof(where), "device %u of two, a thread each: gradient of %s is off by %.3g, allowed %.3g",
                 k, t->m.parameter[0], t->worst, ORR_COMPOSED_BOUND);
        orr_check_fraction(r, CASE_THREADS, t->worst / ORR_COMPOSED_BOUND, where);
        if (t->wrong_sum)
            orr_check_fail(r, CASE_THREADS, "device %u of two, a thread each: %d times add 1 gives another number", k,
                           ADDS);
    }
    return ORR_OK;
}

/* --- the check --------------------------------------------------------------------------------- */

static orr_status open_twins(struct orr_session *s, struct twin *twin, struct orr_open_device **other,
                             struct orr_error *err)
{
    char name[4200];
    const uint32_t count = s->device->ops->device_count(), index = (s->device->index + 1) % (count ? count : 1);
    const char *path = orr_loader_path(s->loader, s->device->plugin);
    snprintf(name, sizeof(name), "%s:%u", path && strchr(path, '/') ? path : s->device->plugin->name, index);
    ORR_TRY(orr_device_open(s->loader, name, other, err));
    for (uint32_t k = 0; k < DEVICES; ++k) {
        struct orr_session way = *s;
        way.device = twin[k].device = k ? *other : s->device;
        ORR_TRY(orr_model_graph(k, &twin[k].m, err));
        ORR_TRY(orr_pair_init(&way, twin[k].m.g, &twin[k].p, err));
    }
    return ORR_OK;
}

void orr_check_two_devices(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    struct orr_open_device *other = NULL;
    struct orr_error err = {.code = ORR_OK};
    struct twin *twin = orr_memory_array(DEVICES, sizeof(*twin));
    (void)check;
    if (!twin) {
        orr_check_fail(r, 0, "out of memory");
        return;
    }
    orr_status status = ORR_OK;
    for (uint32_t number = CASE_IN_TURN; number <= CASE_THREADS && status == ORR_OK; ++number) {
        if (!orr_check_begin(s, r, number)) continue;
        if (!other) status = open_twins(s, twin, &other, &err);
        if (status == ORR_OK && number == CASE_IN_TURN) status = models_in_turn(s, twin, r, &err);
        if (status == ORR_OK && number == CASE_QUEUED_MODELS) status = models_queued(s, twin, r, &err);
        if (status == ORR_OK && number == CASE_QUEUED_CALLS) status = add_in_turn(twin, r, &err);
        if (status == ORR_OK && number == CASE_THREADS) status = models_in_threads(s, twin, r, &err);
        if (status != ORR_OK) orr_check_fail(r, number, "two devices at once: %s", err.text);
    }
    if (s->device->ops->device_count() < 2)
        snprintf(r->note, sizeof(r->note), "there is one device: it was opened twice");
    for (uint32_t k = 0; k < DEVICES; ++k) {
        orr_pair_fini(&twin[k].p);
        orr_memory_free(twin[k].want);
        orr_memory_free(twin[k].got);
    }
    orr_memory_free(twin);
    orr_device_close(other);
}
