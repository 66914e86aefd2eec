/* Which calls to time.
 *
 * In: the plan of a step. Out: its distinct calls, and one of every other operation of ops.def that shapes of the step
 * allow. */
#include "cli/bench_calls.h"

#include "base/memory.h"
#include "graph/build.h"
#include "graph/optable.h"

#include <string.h>

/* --- the list --------------------------------------------------------------------------------- */

static bool same_tensor(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

static bool same_call(const struct orr_call *a, const struct orr_call *b)
{
    bool same = a->op == b->op && a->n_in == b->n_in && a->n_out == b->n_out;
    for (uint32_t k = 0; same && k < a->n_in; ++k)
        same = same_tensor(&a->in[k], &b->in[k]);
    for (uint32_t k = 0; same && k < a->n_out; ++k)
        same = same_tensor(&a->out[k], &b->out[k]);
    return same && memcmp(&a->attr, &b->attr, sizeof a->attr) == 0;
}

static orr_status append(struct orr_bench_calls *calls, const struct orr_call *call, enum orr_bench_origin origin,
                         struct orr_error *err)
{
    if (calls->n == calls->capacity) {
        const size_t capacity = calls->capacity ? 2 * calls->capacity : 32;
        struct orr_bench_call *item = orr_memory_array(capacity, sizeof *item);
        if (!item) return orr_memory_out(err, "a table of calls", capacity * sizeof *item);
        if (calls->n) memcpy(item, calls->item, calls->n * sizeof *item);
        orr_memory_free(calls->item);
        calls->item = item;
        calls->capacity = capacity;
    }
    calls->item[calls->n++] = (struct orr_bench_call){.call = *call,
                                                      .count = origin == ORR_BENCH_STEP,
                                                      .origin = origin,
                                                      .flops = orr_plan_call_flops(call),
                                                      .bytes = orr_plan_call_bytes(call)};
    return ORR_OK;
}

orr_status orr_bench_calls_init(struct orr_bench_calls *out, const struct orr_plan *plan, struct orr_error *err)
{
    *out = (struct orr_bench_calls){.item = NULL};
    for (size_t i = 0; i < plan->n_calls; ++i) {
        size_t k = 0;
        while (k < out->n && !same_call(&out->item[k].call, &plan->call[i]))
            ++k;
        if (k < out->n)
            ++out->item[k].count;
        else if (append(out, &plan->call[i], ORR_BENCH_STEP, err) != ORR_OK) {
            orr_bench_calls_fini(out);
            return err->code;
        }
    }
    return ORR_OK;
}

void orr_bench_calls_fini(struct orr_bench_calls *calls)
{
    orr_memory_free(calls->item);
    *calls = (struct orr_bench_calls){.item = NULL};
}

/* --- operations that the step lacks ----------------------------------------------------------- */

/* Of each operation that the list lacks, the largest call of the plan. */
static orr_status add_missing(struct orr_bench_calls *calls, const struct orr_plan *plan, enum orr_bench_origin origin,
                              struct orr_error *err)
{
    const size_t before = calls->n;
    for (size_t i = 0; i < plan->n_calls; ++i) {
        size_t k = 0;
        while (k < calls->n && calls->item[k].call.op != plan->call[i].op)
            ++k;
        if (k == calls->n) ORR_TRY(append(calls, &plan->call[i], origin, err));
        if (k < before || orr_plan_call_bytes(&plan->call[i]) <= calls->item[k].bytes) continue;
        calls->item[k].call = plan->call[i];
        calls->item[k].flops = orr_plan_call_flops(&plan->call[i]);
        calls->item[k].bytes = orr_plan_call_bytes(&plan->call[i]);
    }
    return ORR_OK;
}

static bool is_primitive(void *context, const struct orr_call *call)
{
    (void)context;
    const struct orr_op_info *op = orr_op_by_id(call->op);
    return op && !op->composite;
}

/* Only planned, so the device's memory is no limit. */
static orr_status add_plan_of(struct orr_bench_calls *calls, const struct orr_graph *g,
                              const struct orr_plan_target *target, enum orr_bench_origin origin, struct orr_error *err)
{
    struct orr_plan *plan;
    ORR_TRY(orr_plan_create(g, target, &plan, err));
    const orr_status status = add_missing(calls, plan, origin, err);
    orr_plan_destroy(plan);
    return status;
}

/* Rows and width of the step's largest real matrix; at least one number. */
static void widest(const struct orr_plan *plan, int64_t dim[2])
{
    dim[0] = dim[1] = 1;
    for (size_t i = 0; i < plan->n_calls; ++i) {
        const struct orr_tensor *t = &plan->call[i].out[0];
        if (t->dtype != ORR_F32 || t->rank < 2) continue;
        const int64_t width = t->dim[t->rank - 1], rows = orr_tensor_span(t, 0, t->rank - 1);
        if (rows * width <= dim[0] * dim[1]) continue;
        dim[0] = rows;
        dim[1] = width;
    }
}

/* Of everything that has a gradient, the mean square is asked for one. */
static orr_handle add_square(struct orr_graph *g, orr_handle all, orr_handle v, orr_handle target)
{
    const orr_handle one = orr_mse(g, v, target);
    return all == ORR_NONE ? one : orr_add(g, all, one);
}

static void add_every_operation(struct orr_graph *g, const int64_t dim[2])
{
    static const enum orr_op unary[] = {ORR_OP_NEG, ORR_OP_EXP,  ORR_OP_LOG,  ORR_OP_SQRT, ORR_OP_TANH,
                                        ORR_OP_ERF, ORR_OP_STEP, ORR_OP_GELU, ORR_OP_SILU};
    const int64_t swap[ORR_RANK_MAX] = {1, 0}, width = dim[1];
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 2, dim), y = orr_graph_input(g, "y", ORR_F32, 2, dim);
    const orr_handle gain = orr_graph_input(g, "gain", ORR_F32, 1, &width);
    const orr_handle index = orr_graph_input(g, "index", ORR_I32, 1, dim), wrt[] = {x, gain};
    orr_handle all = ORR_NONE, gradient[2];
    for (size_t k = 0; k < sizeof unary / sizeof *unary; ++k)
        all = add_square(g, all, orr_unary(g, unary[k], x), y);
    all = add_square(g, all, orr_sub(g, x, y), y);
    all = add_square(g, all, orr_mul(g, x, y), y);
    all = add_square(g, all, orr_div(g, x, y), y);
    all = add_square(g, all, orr_maximum(g, x, y), y);
    all = add_square(g, all, orr_affine(g, x, 2, 1), y);
    all = add_square(g, all, orr_softmax(g, x), y);
    all = add_square(g, all, orr_log_softmax(g, x), y);
    all = add_square(g, all, orr_rmsnorm(g, x, gain, 1e-5), y);
    all = add_square(g, all, orr_layernorm(g, x, gain, gain, 1e-5), y);
    all = add_square(g, all, orr_gather(g, x, index, 0), y);
    all = add_square(g, all, orr_permute(g, orr_permute(g, x, swap), swap), y);
    all = add_square(g, all, orr_pad(g, orr_slice(g, x, 0, 0, dim[0]), 0, 0, dim[0]), y);
    all = orr_add(g, all, orr_cross_entropy(g, x, index));
    orr_max(g, x, 1);
    orr_one_hot(g, index, width);
    orr_cast(g, x, ORR_I32);
    orr_graph_gradient(g, all, wrt, 2, gradient);
}

static orr_status add_alone(struct orr_bench_calls *calls, const struct orr_plan *plan,
                            const struct orr_plan_target *target, struct orr_error *err)
{
    struct orr_graph *g;
    int64_t dim[2];
    widest(plan, dim);
    ORR_TRY(orr_graph_create(ORR_F32, &g, err));
    add_every_operation(g, dim);
    orr_status status = orr_graph_status(g, err);
    if (status == ORR_OK) status = add_plan_of(calls, g, target, ORR_BENCH_ALONE, err);
    orr_graph_destroy(g);
    return status;
}

orr_status orr_bench_calls_complete(struct orr_bench_calls *calls, const struct orr_planned_point *point,
                                    struct orr_error *err)
{
    const struct orr_plan_target apart = {.supports = is_primitive};
    struct orr_plan_target target;
    orr_exec_target(point->job.device, false, &target);
    target.memory_bytes = target.max_alloc = 0;
    ORR_TRY(add_plan_of(calls, point->made.step.graph, &apart, ORR_BENCH_LOWERED, err));
    return add_alone(calls, point->made.plan, &target, err);
}

/* --- timing ----------------------------------------------------------------------------------- */

bool orr_bench_is_product(const struct orr_call *call, struct orr_product_shape *shape)
{
    const struct orr_tensor *a = &call->in[0], *b = &call->in[1], *c = &call->out[0];
    if (call->op != ORR_OP_MATMUL && call->op != ORR_OP_LINEAR) return false;
    const bool linear = call->op == ORR_OP_LINEAR;
    *shape = (struct orr_product_shape){.n = c->dim[c->rank - 1], .batch = 1};
    if (linear) {
        shape->m = orr_tensor_span(c, 0, c->rank - 1);
        shape->k = b->dim[0];
        return true;
    }
    shape->m = c->dim[c->rank - 2];
    shape->batch = orr_tensor_span(c, 0, c->rank - 2);
    shape->transposed[0] = call->attr.i[0] != 0;
    shape->transposed[1] = call->attr.i[1] != 0;
    shape->k = a->dim[a->rank - (shape->transposed[0] ? 2 : 1)];
    return true;
}

orr_status orr_bench_calls_time(struct orr_bench_calls *calls, bool only_products, struct orr_open_device *device,
                                const struct orr_timing_plan *plan, struct orr_error *err)
{
    struct orr_product_shape shape;
    for (size_t i = 0; i < calls->n; ++i) {
        struct orr_bench_call *c = &calls->item[i];
        if (only_products && !orr_bench_is_product(&c->call, &shape)) continue;
        if (orr_time_call(device, &c->call, plan, &c->timing, &c->counters, err) != ORR_OK)
            return orr_error_prefix(err, "timing %s", orr_op_by_id(c->call.op)->name);
    }
    return ORR_OK;
}
