/* The interface as whole programs use it: optional functions, and memory that runs out half-way. */
#include "base/memory.h"
#include "conform/check.h"
#include "conform/distance.h"
#include "conform/layout.h"
#include "conform/lesser_device.h"
#include "conform/models.h"
#include "conform/pair.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A device's clock may be coarse, and not of the same rate. */
#define CLOCK_STEP 1e-3

/* The transformer's gradients on a device: the worst relative distance. */
static orr_status try_model(struct orr_session *s, struct orr_open_device *device, double *worst, struct orr_error *err)
{
    struct orr_model_graph m;
    struct orr_session way = *s;
    struct orr_pair p = {.narrow = NULL};
    *worst = 0.0;
    way.device = device;
    ORR_TRY(orr_model_graph(0, &m, err));
    orr_status status = orr_pair_init(&way, m.g, &p, err);
    if (status == ORR_OK) status = orr_pair_fill(&p, s->asked->seed, 0.5, err);
    if (status == ORR_OK) status = orr_pair_run(&p, err);
    for (size_t i = 0; i < m.n && status == ORR_OK; ++i) {
        double d = 0.0;
        status = orr_pair_distance(&p, m.gradient[i], &d, err);
        *worst = fmax(*worst, d);
    }
    orr_pair_fini(&p);
    return status;
}

static void judge_model(struct orr_session *s, struct orr_open_device *device, uint32_t number, const char *how,
                        struct orr_check_result *r)
{
    struct orr_error err = {.code = ORR_OK};
    double worst = 0.0;
    char where[200];
    if (try_model(s, device, &worst, &err) != ORR_OK) {
        orr_check_fail(r, number, "a model %s: %s", how, err.text);
        return;
    }
    snprintf(where, sizeof(where), "a model %s: gradients are off by %.3g, allowed %.3g", how, worst,
             ORR_COMPOSED_BOUND);
    orr_check_fraction(r, number, worst / ORR_COMPOSED_BOUND, where);
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check_elapsed(struct orr_session *s, uint32_t number, struct orr_check_result *r)
{
    enum { N = 64 };
    const int64_t dim[1] = {N};
    const struct orr_backend_ops *ops = s->device->ops;
    struct orr_graph *g = NULL;
    struct orr_exec *exec = NULL;
    struct orr_error err = {.code = ORR_OK};
    orr_status status = orr_graph_create(ORR_F32, &g, &err);
    if (status == ORR_OK) {
        orr_handle x = orr_graph_input(g, NULL, ORR_F32, 1, dim);
        x = orr_apply1(g, ORR_OP_EXP, x, NULL);
        orr_graph_keep(g, orr_apply1(g, ORR_OP_TANH, x, NULL));
        status = orr_exec_create(g, s->device, NULL, &exec, &err);
    }
    const struct orr_plan *plan = status == ORR_OK ? orr_exec_plan(exec) : NULL;
    if (plan && plan->n_calls == 2) {
        /* The executor keeps its programs to itself: prepare the same calls here, in memory of their own. */
        struct orr_buffer *buffer[3] = {NULL, NULL, NULL};
        struct orr_call call[2] = {plan->call[0], plan->call[1]};
        const struct orr_call *calls[2] = {&call[0], &call[1]};
        const float zeros[N] = {0.0F};
        double seconds[2] = {-1.0, -1.0};
        void *program = NULL;
        for (uint32_t k = 0; k < 3 && status == ORR_OK; ++k)
            status = orr_device_alloc(s->device, sizeof(zeros), &buffer[k], &err);
        for (uint32_t k = 0; k < 2; ++k) {
            call[k].in[0] = orr_layout_line(buffer[k], N, k);
            call[k].out[0] = orr_layout_line(buffer[k + 1], N, k + 1);
        }
        if (status == ORR_OK) status = ops->write(s->device->handle, buffer[0], 0, zeros, sizeof(zeros), &err);
        if (status == ORR_OK) status = ops->prepare(s->device->handle, calls, 2, &program, &err);
        if (status == ORR_OK) status = orr_device_watch(s->device, true, &err);
        const double start = seconds_now();
        if (status == ORR_OK) status = ops->execute(s->device->handle, program, &err);
        if (status == ORR_OK) status = ops->finish(s->device->handle, &err);
        const double most = 1.01 * (seconds_now() - start) + CLOCK_STEP;
        if (status == ORR_OK) status = ops->elapsed(s->device->handle, program, seconds, &err);
        if (status == ORR_EUNSUPPORTED) {
            status = ORR_OK; /* a device without clocks may say so */
            snprintf(r->note, sizeof(r->note), "elapsed not tested: this device does not keep time");
        } else if (status == ORR_OK &&
                   !(seconds[0] >= 0.0 && seconds[1] >= 0.0 && seconds[0] <= most && seconds[1] <= most)) {
            orr_check_fail(r, number, "elapsed gives %g and %g seconds for two calls that took at most %g together",
                           seconds[0], seconds[1], most);
        }
        if (status == ORR_OK) status = orr_device_watch(s->device, false, &err);
        if (program) ops->discard(s->device->handle, program);
        for (uint32_t k = 0; k < 3; ++k)
            orr_device_free(s->device, buffer[k], sizeof(zeros));
    }
    if (status != ORR_OK) orr_check_fail(r, number, "elapsed: %s", err.text);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
}

/* The struct of an engine that knows fewer fields: what lies behind them is not the backend's. */
static void check_short_counters(struct orr_session *s, uint32_t number, struct orr_check_result *r)
{
    struct orr_counters counters;
    const size_t known = offsetof(struct orr_counters, bytes_read);
    memset(&counters, 0xA5, sizeof(counters));
    const struct orr_counters untouched = counters;
    counters.size = (uint32_t)known;
    s->device->ops->counters(s->device->handle, &counters);
    if (counters.size != known)
        orr_check_fail(r, number, "counters changes the size that the engine set, %zu, to %u", known, counters.size);
    if (memcmp((char *)&counters + known, (const char *)&untouched + known, sizeof(counters) - known) != 0)
        orr_check_fail(r, number, "counters writes beyond the %zu bytes that size allows", known);
}

/* Numbers that only grow, of providers that keep their names. */
static void check_counters(struct orr_session *s, uint32_t number, struct orr_check_result *r)
{
    struct orr_counters before = {.size = sizeof(before)}, now = {.size = sizeof(now)};
    s->device->ops->counters(s->device->handle, &before);
    judge_model(s, s->device, number, "while its counters are read", r);
    s->device->ops->counters(s->device->handle, &now);
    if (now.n_providers > ORR_PROVIDERS_MAX || now.n_providers < before.n_providers) {
        orr_check_fail(r, number, "counters names %u implementations of products after %u: at most %d, and never fewer",
                       now.n_providers, before.n_providers, ORR_PROVIDERS_MAX);
        return;
    }
    if (now.launches < before.launches || now.library_calls < before.library_calls ||
        now.bytes_written < before.bytes_written || now.bytes_read < before.bytes_read)
        orr_check_fail(r, number, "counters falls from one call to the next");
    for (uint32_t k = 0; k < before.n_providers; ++k)
        if (memcmp(now.provider[k].name, before.provider[k].name, sizeof(now.provider[k].name)) != 0 ||
            now.provider[k].products < before.provider[k].products ||
            now.provider[k].multiply_adds < before.provider[k].multiply_adds)
            orr_check_fail(r, number, "counters changes the name of implementation %u of products, or falls", k);
    check_short_counters(s, number, r);
}

/* Text of a program, in room enough for all and in less: ended, and nothing beyond. */
static void check_describe(struct orr_session *s, uint32_t number, struct orr_check_result *r)
{
    enum { N = 16, ROOM = 4096, UNWRITTEN = 0x5A };
    static const size_t sizes[] = {ROOM, 20, 1, 0};
    const struct orr_backend_ops *ops = s->device->ops;
    struct orr_buffer *buffer = NULL;
    struct orr_error err = {.code = ORR_OK};
    void *program = NULL;
    char text[ROOM];
    orr_status status = orr_device_alloc(s->device, N * sizeof(float), &buffer, &err);
    struct orr_call call = {.size = sizeof(call), .op = ORR_OP_FILL, .n_out = 1};
    const struct orr_call *calls[1] = {&call};
    call.out[0] = orr_layout_line(buffer, N, 0);
    if (status == ORR_OK) status = ops->prepare(s->device->handle, calls, 1, &program, &err);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && status == ORR_OK; ++i) {
        memset(text, UNWRITTEN, sizeof(text));
        status = ops->describe(s->device->handle, program, text, sizes[i], &err);
        if (status == ORR_OK && sizes[i] && !memchr(text, '\0', sizes[i]))
            orr_check_fail(r, number, "describe leaves its text in %zu bytes without an end", sizes[i]);
        for (size_t at = sizes[i]; at < sizeof(text); ++at) {
            if (text[at] == UNWRITTEN) continue;
            orr_check_fail(r, number, "describe writes byte %zu of a text of %zu", at, sizes[i]);
            break;
        }
    }
    if (status != ORR_OK) orr_check_fail(r, number, "describe: %s", err.text);
    if (program) ops->discard(s->device->handle, program);
    orr_device_free(s->device, buffer, N * sizeof(float));
}

/* With every optional function, with none, and with every value kept. */
void orr_check_optional(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    struct orr_backend_ops ops;
    struct orr_open_device bare = orr_device_lesser(s->device, &ops);
    (void)check;
    ops.prepare = NULL;
    ops.execute = NULL;
    ops.discard = NULL;
    ops.elapsed = NULL;
    ops.watch = NULL;
    ops.counters = NULL;
    ops.describe = NULL;
    bare.info.plans_scratch = false;
    if (orr_check_begin(s, r, 0)) judge_model(s, s->device, 0, "as the backend offers itself", r);
    if (orr_check_begin(s, r, 1)) judge_model(s, &bare, 1, "by run alone", r);
    if (ORR_HAS(s->device->ops, elapsed) && orr_check_begin(s, r, 2)) check_elapsed(s, 2, r);
    if (ORR_HAS(s->device->ops, counters) && orr_check_begin(s, r, 3)) check_counters(s, 3, r);
    if (ORR_HAS(s->device->ops, describe) && orr_check_begin(s, r, 4)) check_describe(s, 4, r);
}

/* The table of functions in which alloc fails at one call. Not for two checks at once: a child runs one. */
static struct {
    const struct orr_backend_ops *real;
    uint32_t left; /* allocations that still succeed */
    int64_t open;  /* buffers not yet freed */
} scarce;

static orr_status scarce_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    if (scarce.left == 0) return orr_fail(err, ORR_ENOMEM, "out of memory, as arranged");
    --scarce.left;
    const orr_status status = scarce.real->alloc(dev, bytes, out, err);
    scarce.open += status == ORR_OK;
    return status;
}

static void scarce_free(struct orr_device *dev, struct orr_buffer *buffer)
{
    --scarce.open;
    scarce.real->free(dev, buffer);
}

/* Memory that runs out at each buffer of a plan in turn: the rest is given back, and the device works afterwards. */
void orr_check_out_of_memory(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    enum { ALLOCATIONS = 12 };
    struct orr_backend_ops ops;
    struct orr_open_device poor = orr_device_lesser(s->device, &ops);
    (void)check;
    ops.alloc = scarce_alloc;
    ops.free = scarce_free;
    for (uint32_t i = 0; i < ALLOCATIONS; ++i) {
        struct orr_error err = {.code = ORR_OK};
        double worst = 0.0;
        if (!orr_check_begin(s, r, i)) continue;
        scarce.real = s->device->ops;
        scarce.left = i;
        scarce.open = 0;
        const orr_status status = try_model(s, &poor, &worst, &err);
        if (status == ORR_OK) break;
        if (status != ORR_ENOMEM)
            orr_check_fail(r, i, "buffer %u is refused, and the failure becomes: %s", i, err.text);
        if (scarce.open != 0) orr_check_fail(r, i, "%lld buffers were not freed", (long long)scarce.open);
    }
    if (orr_check_begin(s, r, ALLOCATIONS)) judge_model(s, s->device, ALLOCATIONS, "after memory ran out", r);
}
