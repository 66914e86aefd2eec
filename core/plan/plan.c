/* The plan: what a device lacks, where every storage lives, and the calls of every program.
 *
 * In: a graph and a target. Out: the lowered graph, a buffer and an offset for each storage, the bytes of every buffer,
 * and the calls in order. Nothing is allocated on a device here. */
#include "plan/plan.h"

#include "base/log.h"
#include "base/memory.h"
#include "graph/optable.h"
#include "plan/arena.h"

#include <stdio.h>
#include <string.h>

/* --- what the device can do ------------------------------------------------------------------ */

/* "tanh x30, first tanh(f32[3,5]) at node 4" */
static void describe_missing(const struct orr_graph *g, const struct orr_op_info *op, size_t count, size_t first,
                             char *text, size_t size)
{
    const struct orr_graph_node *node = &g->node[first];
    size_t at = (size_t)snprintf(text, size, "%s x%zu, first %s(", op->name, count, op->name);
    for (uint32_t k = 0; k < node->n_in && at < size; ++k) {
        char shape[96];
        orr_shape_print(&g->value[node->in[k]].shape, shape, sizeof(shape));
        at += (size_t)snprintf(text + at, size - at, "%s%s", k ? ", " : "", shape);
    }
    if (at < size) snprintf(text + at, size - at, ") at node %zu", first);
}

static bool is_missing(const struct orr_graph *g, const struct orr_plan_target *target, size_t node, uint32_t op)
{
    struct orr_call call;
    if (g->node[node].op != op) return false;
    orr_plan_call(g, node, &call);
    return !target->supports(target->context, &call);
}

/* One entry an operation, so that the message names every one; the log has them all where the message is cut. */
static orr_status check_support(const struct orr_graph *g, const struct orr_plan_target *target, struct orr_error *err)
{
    char missing[400] = "", one[200];
    size_t n_ops, n_missing = 0, at = 0;
    const struct orr_op_info *ops = orr_op_list(&n_ops);
    for (size_t i = 0; i < g->n_values; ++i)
        if (target->dtypes && !(target->dtypes & (1u << g->value[i].shape.dtype)))
            return orr_fail(err, ORR_EUNSUPPORTED, "the device does not compute in %s: choose another element type",
                            orr_dtype_name(g->value[i].shape.dtype));
    for (size_t k = 0; target->supports && k < n_ops; ++k) {
        size_t count = 0, first = 0;
        for (size_t i = g->n_nodes; i-- > 0;)
            if (is_missing(g, target, i, ops[k].id)) {
                ++count;
                first = i;
            }
        if (!count) continue;
        ++n_missing;
        describe_missing(g, &ops[k], count, first, one, sizeof(one));
        orr_log(ORR_LOG_WARN, "plan", "the device lacks %s", one);
        if (at < sizeof(missing))
            at += (size_t)snprintf(missing + at, sizeof(missing) - at, "%s%s", at ? "; " : "", one);
    }
    if (!n_missing) return ORR_OK;
    return orr_fail(err, ORR_EUNSUPPORTED, "the device lacks %zu operation%s: %s%s", n_missing,
                    n_missing > 1 ? "s" : "", missing, at >= sizeof(missing) ? " ..." : "");
}

/* --- memory ---------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t bytes, uint64_t align)
{
    const uint64_t unit = align ? align : 64;
    return (bytes ? bytes + unit - 1 : unit) / unit * unit;
}

static orr_status append_buffer(struct orr_plan *plan, size_t *capacity, uint64_t bytes, int32_t *out,
                                struct orr_error *err)
{
    ORR_TRY(
        orr_memory_grow((void **)&plan->buffer_bytes, capacity, plan->n_buffers + 1, sizeof(*plan->buffer_bytes), err));
    plan->buffer_bytes[plan->n_buffers] = bytes;
    *out = (int32_t)plan->n_buffers++;
    return ORR_OK;
}

static orr_status check_buffer(const struct orr_graph *g, const struct orr_plan_target *target, size_t storage,
                               uint64_t bytes, struct orr_error *err)
{
    const char *name = NULL;
    if (!target->max_alloc || bytes <= target->max_alloc) return ORR_OK;
    for (size_t i = 0; i < g->n_values && !name; ++i)
        if ((size_t)g->value[i].storage == storage) name = g->value[i].name;
    return orr_fail(err, ORR_ENOMEM,
                    "%s needs %.1f MiB and the device's largest buffer is %.1f MiB: lower the batch, the context or "
                    "n_embd",
                    name ? name : "one value", (double)bytes / 1048576.0, (double)target->max_alloc / 1048576.0);
}

/* Scratch shares one arena, cut into chunks where the device's largest buffer is smaller. */
static orr_status place_scratch(struct orr_plan *plan, const struct orr_plan_target *target,
                                const struct orr_lifetime *life, size_t *capacity, struct orr_arena_item *item,
                                int32_t *storage_of, struct orr_error *err)
{
    size_t n = 0, n_chunks = 0;
    uint64_t *chunk_bytes = NULL;
    for (size_t i = 0; i < plan->graph->n_storages; ++i) {
        if (life[i].first == ORR_NONE || plan->graph->storage[i].kept) continue;
        item[n] =
            (struct orr_arena_item){.bytes = aligned(plan->graph->storage[i].bytes, target->align), .life = life[i]};
        ORR_TRY(check_buffer(plan->graph, target, i, item[n].bytes, err));
        plan->unshared_bytes += item[n].bytes;
        storage_of[n++] = (int32_t)i;
    }
    if (target->plans_scratch) return ORR_OK;
    ORR_TRY(orr_arena_place(item, n, target->max_alloc, &chunk_bytes, &n_chunks, err));
    const int32_t first = (int32_t)plan->n_buffers;
    orr_status status = ORR_OK;
    for (size_t c = 0; c < n_chunks && status == ORR_OK; ++c) {
        int32_t buffer;
        plan->scratch_bytes += chunk_bytes[c];
        status = append_buffer(plan, capacity, chunk_bytes[c], &buffer, err);
    }
    for (size_t i = 0; i < n; ++i)
        plan->place[storage_of[i]] = (struct orr_plan_place){first + item[i].chunk, item[i].offset};
    orr_memory_free(chunk_bytes);
    return status;
}

static orr_status place_kept(struct orr_plan *plan, const struct orr_plan_target *target,
                             const struct orr_lifetime *life, size_t *capacity, struct orr_error *err)
{
    for (size_t i = 0; i < plan->graph->n_storages; ++i) {
        plan->place[i].buffer = ORR_NONE;
        if (life[i].first == ORR_NONE || !plan->graph->storage[i].kept) continue;
        const uint64_t bytes = aligned(plan->graph->storage[i].bytes, target->align);
        ORR_TRY(check_buffer(plan->graph, target, i, bytes, err));
        ORR_TRY(append_buffer(plan, capacity, bytes, &plan->place[i].buffer, err));
        plan->kept_bytes += bytes;
    }
    return ORR_OK;
}

static orr_status place_storages(struct orr_plan *plan, const struct orr_plan_target *target, struct orr_lifetime *life,
                                 struct orr_error *err)
{
    const size_t n = plan->graph->n_storages;
    size_t capacity = 0;
    orr_lifetime_find(plan->graph, life);
    if (target->keep_all)
        for (size_t i = 0; i < n; ++i)
            plan->graph->storage[i].kept = true;
    if (target->plans_scratch) orr_lifetime_keep_across_cuts(plan->graph, life);
    orr_lifetime_share(plan->graph, life);
    plan->place = orr_memory_array(n, sizeof(*plan->place));
    if (!plan->place) return orr_memory_out(err, "planning memory", n * sizeof(*plan->place));
    ORR_TRY(place_kept(plan, target, life, &capacity, err));
    struct orr_arena_item *item = orr_memory_array(n, sizeof(*item));
    int32_t *storage_of = orr_memory_array(n, sizeof(*storage_of));
    const orr_status status = item && storage_of ? place_scratch(plan, target, life, &capacity, item, storage_of, err)
                                                 : orr_memory_out(err, "planning memory", n * sizeof(*item));
    orr_memory_free(item);
    orr_memory_free(storage_of);
    return status;
}

static orr_status check_memory(const struct orr_plan *plan, const struct orr_plan_target *target, struct orr_error *err)
{
    const uint64_t needed = orr_plan_peak_bytes(plan);
    if (!target->memory_bytes || needed <= target->memory_bytes) return ORR_OK;
    return orr_fail(err, ORR_ENOMEM,
                    "this needs %.1f MiB (%.1f kept, %.1f scratch) and the device has %.1f MiB: lower the batch, the "
                    "context, n_embd or n_layer",
                    (double)needed / 1048576.0, (double)plan->kept_bytes / 1048576.0,
                    (double)plan->scratch_bytes / 1048576.0, (double)target->memory_bytes / 1048576.0);
}

/* --- calls and programs ---------------------------------------------------------------------- */

static orr_status list_calls(struct orr_plan *plan, struct orr_error *err)
{
    const struct orr_graph *g = plan->graph;
    plan->call = orr_memory_array(g->n_nodes, sizeof(*plan->call));
    plan->call_node = orr_memory_array(g->n_nodes, sizeof(*plan->call_node));
    plan->program = orr_memory_array(g->n_cuts + 1, sizeof(*plan->program));
    if (!plan->call || !plan->call_node || !plan->program)
        return orr_memory_out(err, "a plan's calls", g->n_nodes * sizeof(*plan->call));
    plan->program[plan->n_programs++] = (struct orr_plan_program){.name = "step"};
    size_t cut = 0;
    for (size_t i = 0; i <= g->n_nodes; ++i) {
        for (; cut < g->n_cuts && (size_t)g->cut[cut].first == i; ++cut)
            plan->program[plan->n_programs++] =
                (struct orr_plan_program){.name = g->cut[cut].name, .first = plan->n_calls};
        if (i == g->n_nodes || g->node[i].op == ORR_NODE_VIEW) continue;
        plan->call_node[plan->n_calls] = (int32_t)i;
        orr_plan_call(g, i, &plan->call[plan->n_calls++]);
        plan->program[plan->n_programs - 1].count += 1;
    }
    return ORR_OK;
}

static orr_status make_plan(const struct orr_graph *g, const struct orr_plan_target *target, struct orr_plan *plan,
                            struct orr_error *err)
{
    ORR_TRY(orr_graph_verify(g, err));
    ORR_TRY(orr_plan_lower(g, target, &plan->graph, &plan->map, &plan->n_lowered, err));
    plan->n_map = g->n_values;
    ORR_TRY(orr_graph_verify(plan->graph, err));
    ORR_TRY(check_support(plan->graph, target, err));
    struct orr_lifetime *life = orr_memory_array(plan->graph->n_storages, sizeof(*life));
    const orr_status status = life ? place_storages(plan, target, life, err)
                                   : orr_memory_out(err, "planning memory", plan->graph->n_storages * sizeof(*life));
    orr_memory_free(life);
    if (status != ORR_OK) return status;
    ORR_TRY(check_memory(plan, target, err));
    return list_calls(plan, err);
}

orr_status orr_plan_create(const struct orr_graph *g, const struct orr_plan_target *target, struct orr_plan **out,
                           struct orr_error *err)
{
    struct orr_plan *plan = orr_memory_array(1, sizeof(*plan));
    *out = NULL;
    if (!plan) return orr_memory_out(err, "a plan", sizeof(*plan));
    const orr_status status = make_plan(g, target, plan, err);
    if (status != ORR_OK) {
        orr_plan_destroy(plan);
        return status;
    }
    *out = plan;
    return ORR_OK;
}

void orr_plan_destroy(struct orr_plan *plan)
{
    if (!plan) return;
    orr_graph_destroy(plan->graph);
    orr_memory_free(plan->map);
    orr_memory_free(plan->place);
    orr_memory_free(plan->buffer_bytes);
    orr_memory_free(plan->call);
    orr_memory_free(plan->call_node);
    orr_memory_free(plan->program);
    orr_memory_free(plan);
}

uint64_t orr_plan_peak_bytes(const struct orr_plan *plan) { return plan->kept_bytes + plan->scratch_bytes; }
