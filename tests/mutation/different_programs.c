/* Variants with programs: kept calls, scratch of their own, another order of what is independent. */
#include "different.h"

#include <stdlib.h>
#include <string.h>

struct program {
    size_t n, n_storages;
    struct orr_call *call;
    struct orr_buffer **scratch; /* by storage; NULL: the engine's */
};

static void discard(struct orr_device *dev, void *program)
{
    struct program *p = program;
    for (size_t i = 0; p->scratch && i < p->n_storages; ++i)
        if (p->scratch[i]) different_real.free(dev, p->scratch[i]);
    free(p->scratch);
    free(p->call);
    free(p);
}

static orr_status give_scratch(struct orr_device *dev, struct program *p, struct orr_tensor *t, struct orr_error *err)
{
    if (t->buffer) return ORR_OK;
    if (!p->scratch[t->storage]) {
        const orr_status status = different_real.alloc(dev, (size_t)t->storage_bytes, &p->scratch[t->storage], err);
        if (status != ORR_OK) return status;
    }
    if (different_chosen == DIFFERENT_plans_scratch) different_acted(1);
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

/* --- another order ---------------------------------------------------------------------------------- */

/* In a buffer two storages may follow one another, so that buffers are compared, not storages. */
static bool overlap(const struct orr_tensor *a, const struct orr_tensor *b)
{
    const uint64_t n_a = (uint64_t)reference_count(a) * reference_size(a->dtype),
                   n_b = (uint64_t)reference_count(b) * reference_size(b->dtype);
    return a->buffer == b->buffer && a->offset < b->offset + n_b && b->offset < a->offset + n_a;
}

/* One writes what the other reads or writes. */
static bool depend(const struct orr_call *a, const struct orr_call *b)
{
    bool found = false;
    for (uint32_t k = 0; k < a->n_out; ++k) {
        for (uint32_t j = 0; j < b->n_in; ++j)
            found = found || overlap(&a->out[k], &b->in[j]);
        for (uint32_t j = 0; j < b->n_out; ++j)
            found = found || overlap(&a->out[k], &b->out[j]);
    }
    for (uint32_t k = 0; k < a->n_in; ++k)
        for (uint32_t j = 0; j < b->n_out; ++j)
            found = found || overlap(&a->in[k], &b->out[j]);
    return found;
}

/* Each call goes ahead of the ones before it as far as it depends on none of them. */
static void reorder(struct program *p)
{
    for (size_t i = 1; i < p->n; ++i) {
        const struct orr_call call = p->call[i];
        size_t to = i;
        while (to > 0 && !depend(&call, &p->call[to - 1]))
            --to;
        memmove(&p->call[to + 1], &p->call[to], (i - to) * sizeof call);
        p->call[to] = call;
        if (to < i) different_acted(1);
    }
}

/* --- the optional functions ------------------------------------------------------------------------- */

static orr_status bind_calls(struct orr_device *dev, struct program *p, const struct orr_call *const *calls,
                             struct orr_error *err)
{
    for (size_t i = 0; i < p->n; ++i) {
        orr_status status = ORR_OK;
        if (!different_real.supports(dev, calls[i])) /* run says why */
            return different_real.run(dev, calls[i], err);
        p->call[i] = *calls[i];
        for (uint32_t k = 0; k < calls[i]->n_in && status == ORR_OK; ++k)
            status = give_scratch(dev, p, &p->call[i].in[k], err);
        for (uint32_t k = 0; k < calls[i]->n_out && status == ORR_OK; ++k)
            status = give_scratch(dev, p, &p->call[i].out[k], err);
        if (status != ORR_OK) return status;
    }
    return ORR_OK;
}

static orr_status prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                          struct orr_error *err)
{
    struct program *p = calloc(1, sizeof *p);
    if (!p) return REFERENCE_FAIL(err, ORR_ENOMEM, "out of memory for a program");
    for (size_t i = 0; i < n; ++i)
        p->n_storages = storages_of(calls[i]) > p->n_storages ? storages_of(calls[i]) : p->n_storages;
    p->n = n;
    p->call = calloc(n + 1, sizeof *p->call);
    p->scratch = calloc(p->n_storages + 1, sizeof(struct orr_buffer *));
    orr_status status = p->call && p->scratch ? ORR_OK : REFERENCE_FAIL(err, ORR_ENOMEM, "out of memory for a program");
    if (status == ORR_OK) status = bind_calls(dev, p, calls, err);
    if (status != ORR_OK) {
        discard(dev, p);
        return status;
    }
    if (different_chosen == DIFFERENT_reordered) reorder(p);
    *program = p;
    return ORR_OK;
}

static orr_status execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    const struct program *p = program;
    orr_status status = ORR_OK;
    for (size_t i = 0; i < p->n && status == ORR_OK; ++i)
        status = different_run(dev, &p->call[i], err);
    if (different_chosen == DIFFERENT_programs) different_acted(1);
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

void different_set_programs(struct orr_backend_ops *ops)
{
    if (different_chosen != DIFFERENT_programs && different_chosen != DIFFERENT_plans_scratch &&
        different_chosen != DIFFERENT_reordered)
        return;
    ops->prepare = prepare;
    ops->execute = execute;
    ops->discard = discard;
    ops->elapsed = elapsed;
}
