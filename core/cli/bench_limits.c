/* Limits of a device.
 *
 * In: an open device. Out: the best rate of square products, and of copies and sums of arrays that no cache holds. */
#include "cli/bench_limits.h"

#include "cli/host_limits.h"
#include "graph/graph.h"
#include "graph/optable.h"

#include <stdio.h>

/* 64 MB each: beyond the caches of most processors. */
enum { ARRAY = 1 << 24 };

static struct orr_tensor tensor(uint32_t storage, uint32_t rank, int64_t rows, int64_t columns)
{
    struct orr_tensor t = {.rank = rank, .dtype = ORR_F32, .storage = storage, .dim = {rows, columns}};
    t.storage_bytes = (uint64_t)orr_tensor_elements(&t) * sizeof(float);
    return t;
}

static struct orr_call call_of(uint32_t op, uint32_t n_in, uint32_t rank, int64_t size)
{
    struct orr_call call = {.size = sizeof call, .op = op, .n_in = n_in, .n_out = 1};
    for (uint32_t k = 0; k < n_in; ++k)
        call.in[k] = tensor(k, rank, size, rank == 2 ? size : 0);
    call.out[0] = tensor(n_in, rank, size, rank == 2 ? size : 0);
    return call;
}

static void keep_best(double rate, const struct orr_call *call, double *best, char *text, size_t size)
{
    if (rate <= *best) return;
    const struct orr_tensor *t = &call->out[0];
    struct orr_shape shape = {.dtype = t->dtype, .rank = t->rank, .dim = {t->dim[0], t->dim[1], t->dim[2], t->dim[3]}};
    char out[96];
    orr_shape_print(&shape, out, sizeof out);
    snprintf(text, size, "%.32s to %.56s", orr_op_by_id(call->op)->name, out);
    *best = rate;
}

/* Squares that double until one would take longer than half a second. */
static orr_status measure_products(struct orr_open_device *device, const struct orr_timing_plan *plan,
                                   struct orr_bench_limits *l, struct orr_error *err)
{
    struct orr_timing t = {.median = 0};
    for (int64_t size = 128; size <= 2048 && t.median * 8 < 0.5; size *= 2) {
        const struct orr_call call = call_of(ORR_OP_MATMUL, 2, 2, size);
        ORR_TRY(orr_time_call(device, &call, plan, &t, NULL, err));
        keep_best(orr_plan_call_flops(&call) / t.median, &call, &l->flops, l->product, sizeof l->product);
    }
    return ORR_OK;
}

static orr_status measure_movement(struct orr_open_device *device, const struct orr_timing_plan *plan,
                                   struct orr_bench_limits *l, struct orr_error *err)
{
    static const struct {
        uint32_t op, n_in;
    } kinds[] = {{ORR_OP_COPY, 1}, {ORR_OP_ADD, 2}};
    int64_t size = ARRAY;
    const uint64_t most = device->info.max_alloc, memory = device->info.memory_bytes;
    while (size > 1024 && ((most && (uint64_t)size * 4 > most) || (memory && (uint64_t)size * 16 > memory)))
        size /= 2;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; ++k) {
        const struct orr_call call = call_of(kinds[k].op, kinds[k].n_in, 1, size);
        struct orr_timing t;
        ORR_TRY(orr_time_call(device, &call, plan, &t, NULL, err));
        keep_best(orr_plan_call_bytes(&call) / t.median, &call, &l->bytes, l->movement, sizeof l->movement);
    }
    return ORR_OK;
}

orr_status orr_bench_limits_measure(struct orr_open_device *device, uint32_t repeats, struct orr_bench_limits *out,
                                    struct orr_error *err)
{
    const struct orr_timing_plan plan = {.repeats = repeats, .seconds = 0.02, .most = 10000};
    *out = (struct orr_bench_limits){.flops = 0};
    ORR_TRY(measure_products(device, &plan, out, err));
    ORR_TRY(measure_movement(device, &plan, out, err));
    if (device->info.kind != 0) return ORR_OK;
    return orr_host_limits(repeats, &out->host_flops, &out->host_bytes, &out->host_threads, &out->host_instructions,
                           err);
}

void orr_bench_limits_raise(struct orr_bench_limits *l, const struct orr_bench_calls *calls)
{
    struct orr_product_shape shape;
    for (size_t i = 0; i < calls->n; ++i) {
        const struct orr_bench_call *c = &calls->item[i];
        if (c->timing.median > 0 && orr_bench_is_product(&c->call, &shape))
            keep_best(c->flops / c->timing.median, &c->call, &l->flops, l->product, sizeof l->product);
    }
}
