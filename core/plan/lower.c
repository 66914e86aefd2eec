/* Lowering: a composite that the device lacks is replaced by its lowering rule, until nothing is left to replace.
 *
 * The graph is rebuilt node by node. Storages keep their numbers and every output ends up where the original had it,
 * so views, updates in place and kept blocks survive; new storages come after the old ones.
 */
#include "base/memory.h"
#include "graph/append.h"
#include "graph/build.h"
#include "graph/optable.h"
#include "plan/plan.h"

#include <string.h>

struct rebuild {
    const struct orr_graph *from;
    struct orr_graph *to;
    orr_handle *map; /* value of from -> value of to */
    const struct orr_plan_target *target;
    size_t n_lowered;
};

static bool is_supported(const struct orr_plan_target *target, const struct orr_graph *g, size_t node)
{
    struct orr_call call;
    if (!target->supports || g->node[node].op == ORR_NODE_VIEW) return true;
    orr_plan_call(g, node, &call);
    return target->supports(target->context, &call);
}

static void copy_value(struct rebuild *r, orr_handle v)
{
    struct orr_graph_value value = r->from->value[v];
    const char *name = value.name;
    value.node = value.node == ORR_NONE ? ORR_NONE : (int32_t)r->to->n_nodes;
    r->map[v] = orr_graph_append_value(r->to, &value);
    if (name) orr_graph_name(r->to, r->map[v], name);
}

static struct orr_graph_node mapped_node(const struct rebuild *r, size_t i)
{
    struct orr_graph_node node = r->from->node[i];
    for (uint32_t k = 0; k < node.n_in; ++k)
        node.in[k] = r->map[node.in[k]];
    return node;
}

static void copy_node(struct rebuild *r, size_t i)
{
    struct orr_graph_node node = mapped_node(r, i);
    for (uint32_t k = 0; k < node.n_out; ++k) {
        copy_value(r, r->from->node[i].out[k]);
        node.out[k] = r->map[r->from->node[i].out[k]];
    }
    orr_graph_append_node(r->to, &node);
}

/* Does the wanted place overlap an input of the node? Then it may be written only after everything was read. */
static bool updates_an_input(const struct orr_graph *g, const struct orr_graph_node *node, orr_handle out)
{
    for (uint32_t k = 0; k < node->n_in; ++k)
        if (g->value[node->in[k]].storage == g->value[out].storage) return true;
    return false;
}

/* Make v live where `wanted` (a value of from) lives: by moving its storage where nothing else is in it, else by a
 * copy. */
static orr_handle put_in_place(struct rebuild *r, orr_handle v, const struct orr_graph_value *wanted, bool must_copy)
{
    struct orr_graph *g = r->to;
    const struct orr_graph_value value = *orr_graph_value(g, v);
    const bool is_new = (size_t)value.storage >= r->from->n_storages && value.node != ORR_NONE;
    if (!is_new || must_copy || !orr_graph_fills_storage(g, v)) return orr_graph_append_copy(g, v, wanted);
    orr_graph_move_storage(g, value.storage, wanted->storage, wanted->offset);
    return v;
}

static bool all_outputs_are_empty(const struct rebuild *r, const struct orr_graph_node *node)
{
    for (uint32_t k = 0; k < node->n_out; ++k)
        if (orr_shape_count(&r->from->value[node->out[k]].shape) != 0) return false;
    return true;
}

/* The rule's nodes, or for outputs without elements a fill: rules may cut axes where there is nothing to cut. */
static void apply_rule(struct rebuild *r, const struct orr_graph_node *original, const struct orr_graph_node *node,
                       orr_handle *out)
{
    if (!all_outputs_are_empty(r, original)) {
        orr_op_by_id(node->op)->rule->lower(r->to, node, out);
        return;
    }
    for (uint32_t k = 0; k < node->n_out; ++k)
        out[k] = orr_fill(r->to, &r->from->value[original->out[k]].shape, 0.0);
}

static void lower_node(struct rebuild *r, size_t i)
{
    const struct orr_graph_node *original = &r->from->node[i];
    const struct orr_graph_node node = mapped_node(r, i);
    orr_handle out[ORR_OUT_MAX] = {ORR_NONE, ORR_NONE, ORR_NONE, ORR_NONE};
    ++r->n_lowered;
    apply_rule(r, original, &node, out);
    for (uint32_t k = 0; k < node.n_out && r->to->error.code == ORR_OK; ++k) {
        const struct orr_graph_value wanted = r->from->value[original->out[k]];
        const orr_handle placed =
            put_in_place(r, out[k], &wanted, updates_an_input(r->from, original, original->out[k]));
        if (placed == ORR_NONE) return;
        r->to->value[placed].shape.batch = wanted.shape.batch;
        r->map[original->out[k]] = placed;
        if (wanted.name) orr_graph_name(r->to, placed, wanted.name);
    }
}

static void rebuild_all(struct rebuild *r)
{
    const struct orr_graph *g = r->from;
    for (size_t i = 0; i < g->n_storages; ++i)
        orr_graph_append_storage(r->to, g->storage[i].bytes, g->storage[i].kept);
    for (size_t i = 0; i < g->n_values; ++i)
        if (g->value[i].node == ORR_NONE) copy_value(r, (orr_handle)i);
    size_t cut = 0;
    for (size_t i = 0; i <= g->n_nodes && r->to->error.code == ORR_OK; ++i) {
        for (; cut < g->n_cuts && (size_t)g->cut[cut].first == i; ++cut)
            orr_graph_cut(r->to, g->cut[cut].name);
        if (i == g->n_nodes) break;
        const struct orr_op_info *op = orr_op_by_id(g->node[i].op);
        if (op && op->composite && !is_supported(r->target, g, i))
            lower_node(r, i);
        else
            copy_node(r, i);
    }
}

/* One pass. Lowerings may use composites themselves, hence the loop in orr_plan_lower. */
static orr_status pass(const struct orr_graph *g, const struct orr_plan_target *target, struct orr_graph **out,
                       orr_handle **map, size_t *n_lowered, struct orr_error *err)
{
    struct rebuild r = {.from = g, .target = target};
    *out = NULL;
    r.map = orr_memory_array(g->n_values, sizeof(*r.map));
    if (!r.map) return orr_memory_out(err, "lowering a graph", g->n_values * sizeof(*r.map));
    orr_status status = orr_graph_create(g->real, &r.to, err);
    if (status == ORR_OK) {
        rebuild_all(&r);
        status = orr_graph_status(r.to, err);
    }
    if (status != ORR_OK) {
        orr_graph_destroy(r.to);
        orr_memory_free(r.map);
        return status;
    }
    *out = r.to;
    *map = r.map;
    *n_lowered = r.n_lowered;
    return ORR_OK;
}

orr_status orr_plan_lower(const struct orr_graph *g, const struct orr_plan_target *target, struct orr_graph **out,
                          orr_handle **map, size_t *n_lowered, struct orr_error *err)
{
    size_t lowered = 0;
    *n_lowered = 0;
    *map = NULL;
    ORR_TRY(pass(g, target, out, map, &lowered, err));
    while (lowered > 0) {
        struct orr_graph *next = NULL;
        orr_handle *next_map = NULL;
        *n_lowered += lowered;
        const orr_status status = pass(*out, target, &next, &next_map, &lowered, err);
        if (status == ORR_OK)
            for (size_t i = 0; i < g->n_values; ++i)
                (*map)[i] = next_map[(*map)[i]];
        orr_graph_destroy(*out);
        orr_memory_free(next_map);
        *out = next;
        if (status != ORR_OK) {
            orr_memory_free(*map);
            *map = NULL;
            return status;
        }
    }
    return ORR_OK;
}
