/* The interface as whole programs use it: optional functions, and memory that runs out half-way. */
#include "base/memory.h"
#include "conform/check.h"
#include "conform/layout.h"
#include "conform/models.h"
#include "conform/pair.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* As for gradients in check_graphs.c. */
#define LOSS_BOUND 2e-5

static void copy_ops(const struct orr_open_device *device, struct orr_backend_ops *ops)
{
    memset(ops, 0, sizeof(*ops));
    memcpy(ops, device->ops, device->ops->size < sizeof(*ops) ? device->ops->size : sizeof(*ops));
    ops->size = sizeof(*ops);
}

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
    snprintf(where, sizeof(where), "a model %s: gradients are off by %.3g, allowed %.3g", how, worst, LOSS_BOUND);
    orr_check_fraction(r, number, worst / LOSS_BOUND, where);
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
        if (status == ORR_OK) status = ops->execute(s->device->handle, program, &err);
        if (status == ORR_OK) status = ops->finish(s->device->handle, &err);
        if (status == ORR_OK) status = ops->elapsed(s->device->handle, program, seconds, &err);
        if (status == ORR_EUNSUPPORTED) {
            status = ORR_OK; /* a device without clocks may say so */
        } else if (status == ORR_OK && !(seconds[0] >= 0.0 && seconds[1] >= 0.0 && seconds[0] + seconds[1] < 60.0)) {
            orr_check_fail(r, number, "elapsed gives %g and %g seconds for two calls", seconds[0], seconds[1]);
        }
        if (program) ops->discard(s->device->handle, program);
        for (uint32_t k = 0; k < 3; ++k)
            orr_device_free(s->device, buffer[k], sizeof(zeros));
    }
    if (status != ORR_OK) orr_check_fail(r, number, "elapsed: %s", err.text);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
}

/* With every optional function, with none, and with every value kept. */
void orr_check_optional(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    struct orr_backend_ops ops;
    struct orr_open_device bare = *s->device;
    (void)check;
    copy_ops(s->device, &ops);
    ops.prepare = NULL;
    ops.execute = NULL;
    ops.discard = NULL;
    ops.elapsed = NULL;
    bare.ops = &ops;
    bare.info.plans_scratch = false;
    if (orr_check_begin(s, r, 0)) judge_model(s, s->device, 0, "as the backend offers itself", r);
    if (orr_check_begin(s, r, 1)) judge_model(s, &bare, 1, "by run alone", r);
    if (ORR_HAS(s->device->ops, elapsed) && orr_check_begin(s, r, 2)) check_elapsed(s, 2, r);
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
    struct orr_open_device poor = *s->device;
    (void)check;
    copy_ops(s->device, &ops);
    ops.alloc = scarce_alloc;
    ops.free = scarce_free;
    poor.ops = &ops;
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
