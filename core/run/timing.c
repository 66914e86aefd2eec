/* Timing work, and single calls.
 *
 * In: a planned call, without buffers. Out: seconds on the host's clock, from handing the calls over until the device
 * has done them; a repetition is many calls, so that waiting costs little. */
#include "run/timing.h"

#include "base/memory.h"
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- repetitions ------------------------------------------------------------------------------ */

static orr_status time_units(orr_timed_work work, void *context, uint64_t n, double *seconds, struct orr_error *err)
{
    const double began = now();
    ORR_TRY(work(context, n, err));
    *seconds = (now() - began) / (double)n;
    return ORR_OK;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(double *sample, uint32_t n, struct orr_timing *out)
{
    qsort(sample, n, sizeof *sample, by_size);
    out->repeats = n;
    out->least = sample[0];
    out->most = sample[n - 1];
    out->median = n % 2 ? sample[n / 2] : 0.5 * (sample[n / 2 - 1] + sample[n / 2]);
}

orr_status orr_time_work(orr_timed_work work, void *context, const struct orr_timing_plan *plan, struct orr_timing *out,
                         struct orr_error *err)
{
    double one;
    *out = (struct orr_timing){.units = 1};
    ORR_TRY(work(context, 1, err));
    ORR_TRY(time_units(work, context, 1, &one, err));
    const double wanted = one > 0 ? plan->seconds / one : (double)plan->most;
    if (wanted > 1) out->units = wanted < (double)plan->most ? (uint64_t)wanted : plan->most;
    double *sample = orr_memory_array(plan->repeats, sizeof *sample);
    if (!sample) return orr_memory_out(err, "times", plan->repeats * sizeof *sample);
    orr_status status = ORR_OK;
    for (uint32_t k = 0; k < plan->repeats && status == ORR_OK; ++k)
        status = time_units(work, context, out->units, &sample[k], err);
    if (status == ORR_OK) summarise(sample, plan->repeats, out);
    orr_memory_free(sample);
    return status;
}

/* --- one call --------------------------------------------------------------------------------- */

enum { TENSORS_MAX = ORR_IN_MAX + ORR_OUT_MAX, PIECE = 1 << 16 };

struct bound_call {
    struct orr_open_device *device;
    struct orr_call call;
    const struct orr_call *calls[1];
    struct orr_buffer *buffer[TENSORS_MAX]; /* one for each storage */
    uint32_t storage[TENSORS_MAX];
    uint64_t bytes[TENSORS_MAX];
    uint32_t n;
    void *program; /* NULL where the backend has no prepare */
};

/* Values of input k are indices below this. */
static int64_t index_limit(const struct orr_call *call, uint32_t k)
{
    const int64_t span = call->attr.i[0] > 1 ? call->attr.i[0] : 1;
    int64_t limit = 1;
    if ((call->op == ORR_OP_GATHER || call->op == ORR_OP_SCATTER_ADD) && k == 1) limit = call->in[0].dim[0] - span + 1;
    if (call->op == ORR_OP_ONE_HOT) limit = call->attr.i[0];
    if (call->op == ORR_OP_XENT && k == 1) limit = call->in[0].dim[call->in[0].rank - 1];
    if (call->op == ORR_OP_XENT_GRAD && k == 2) limit = call->in[1].dim[call->in[1].rank - 1];
    return limit > 1 ? limit : 1;
}

/* Neither denormal nor otherwise special, and spread, so that no arithmetic and no table is quicker than usual. */
static void make_numbers(uint32_t dtype, int64_t limit, uint32_t first, void *piece)
{
    for (uint32_t i = 0; i < PIECE; ++i) {
        const uint32_t mixed = (first + i) * UINT32_C(2654435761);
        if (dtype == ORR_F32) ((float *)piece)[i] = 0.5F + (float)(mixed >> 8) * 0x1p-24F;
        if (dtype == ORR_I32) ((int32_t *)piece)[i] = (int32_t)((int64_t)(mixed >> 1) % limit);
        if (dtype == ORR_F64) ((double *)piece)[i] = 0.5 + (double)mixed * 0x1p-32;
    }
}

static orr_status fill_buffer(struct bound_call *b, uint32_t at, uint32_t dtype, int64_t limit, void *piece,
                              struct orr_error *err)
{
    const uint64_t size = orr_dtype_bytes(dtype) * PIECE;
    for (uint64_t done = 0; done < b->bytes[at]; done += size) {
        struct orr_error own = {.code = ORR_OK};
        const uint64_t left = b->bytes[at] - done;
        make_numbers(dtype, limit, (uint32_t)(done / size) * PIECE, piece);
        const orr_status status = b->device->ops->write(b->device->handle, b->buffer[at], (size_t)done, piece,
                                                        (size_t)(left < size ? left : size), &own);
        if (status != ORR_OK) return orr_device_failed(b->device, status, "writing", &own, err);
    }
    return ORR_OK;
}

static orr_status bind(struct bound_call *b, struct orr_tensor *t, int64_t limit, void *piece, struct orr_error *err)
{
    uint32_t at = 0;
    while (at < b->n && b->storage[at] != t->storage)
        ++at;
    if (at == b->n) {
        b->storage[at] = t->storage;
        b->bytes[at] = t->storage_bytes;
        ORR_TRY(orr_device_alloc(b->device, (size_t)t->storage_bytes, &b->buffer[at], err));
        ++b->n;
        ORR_TRY(fill_buffer(b, at, t->dtype, limit, piece, err));
    }
    t->buffer = b->buffer[at];
    t->flags |= ORR_KEPT;
    return ORR_OK;
}

static orr_status bind_all(struct bound_call *b, struct orr_error *err)
{
    void *piece = orr_memory_array(PIECE, sizeof(double));
    orr_status status = piece ? ORR_OK : orr_memory_out(err, "numbers", PIECE * sizeof(double));
    for (uint32_t k = 0; k < b->call.n_in && status == ORR_OK; ++k)
        status = bind(b, &b->call.in[k], index_limit(&b->call, k), piece, err);
    for (uint32_t k = 0; k < b->call.n_out && status == ORR_OK; ++k)
        status = bind(b, &b->call.out[k], 1, piece, err);
    orr_memory_free(piece);
    return status;
}

static orr_status prepare(struct bound_call *b, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    if (!ORR_HAS(b->device->ops, prepare)) return ORR_OK;
    b->calls[0] = &b->call;
    const orr_status status = b->device->ops->prepare(b->device->handle, b->calls, 1, &b->program, &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(b->device, status, "preparing a call", &own, err);
}

static void release(struct bound_call *b)
{
    if (b->program) b->device->ops->discard(b->device->handle, b->program);
    for (uint32_t k = 0; k < b->n; ++k)
        orr_device_free(b->device, b->buffer[k], (size_t)b->bytes[k]);
}

static orr_status run_calls(void *context, uint64_t n, struct orr_error *err)
{
    struct bound_call *b = context;
    const struct orr_backend_ops *ops = b->device->ops;
    struct orr_error own = {.code = ORR_OK};
    orr_status status = ORR_OK;
    for (; n && status == ORR_OK; --n)
        status = b->program ? ops->execute(b->device->handle, b->program, &own)
                            : ops->run(b->device->handle, &b->call, &own);
    if (status == ORR_OK) status = ops->finish(b->device->handle, &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(b->device, status, "a timed call", &own, err);
}

static orr_status time_bound(struct bound_call *b, const struct orr_timing_plan *plan, struct orr_timing *out,
                             struct orr_counters *counters, struct orr_error *err)
{
    struct orr_counters before;
    ORR_TRY(bind_all(b, err));
    ORR_TRY(prepare(b, err));
    ORR_TRY(orr_time_work(run_calls, b, plan, out, err));
    if (!counters) return ORR_OK;
    orr_device_counters(b->device, &before);
    ORR_TRY(run_calls(b, 1, err));
    orr_device_counters(b->device, counters);
    orr_counters_since(&before, counters);
    return ORR_OK;
}

orr_status orr_time_call(struct orr_open_device *device, const struct orr_call *call,
                         const struct orr_timing_plan *plan, struct orr_timing *out, struct orr_counters *counters,
                         struct orr_error *err)
{
    struct bound_call b = {.device = device, .call = *call};
    const orr_status status = time_bound(&b, plan, out, counters, err);
    release(&b);
    return status;
}
