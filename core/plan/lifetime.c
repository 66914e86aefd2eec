/* Lifetimes of storages over the order of nodes, and in-place results.
 *
 * In: a lowered graph. Out: the first and last node that touch each storage; then, where ops.def allows it, outputs
 * moved to the storage of an input that dies there, which joins the two lifetimes. */
#include "plan/lifetime.h"

#include "graph/append.h"
#include "graph/optable.h"

static void touch(struct orr_lifetime *life, int32_t node)
{
    if (life->first == ORR_NONE) life->first = node;
    life->last = node;
}

void orr_lifetime_find(const struct orr_graph *g, struct orr_lifetime *life)
{
    for (size_t i = 0; i < g->n_storages; ++i)
        life[i] = (struct orr_lifetime){ORR_NONE, ORR_NONE};
    for (size_t i = 0; i < g->n_values; ++i)
        if (g->storage[g->value[i].storage].kept) touch(&life[g->value[i].storage], 0);
    for (size_t i = 0; i < g->n_nodes; ++i) {
        const struct orr_graph_node *node = &g->node[i];
        if (node->op == ORR_NODE_VIEW) continue;
        for (uint32_t k = 0; k < node->n_in; ++k)
            touch(&life[g->value[node->in[k]].storage], (int32_t)i);
        for (uint32_t k = 0; k < node->n_out; ++k)
            touch(&life[g->value[node->out[k]].storage], (int32_t)i);
    }
}

void orr_lifetime_keep_across_cuts(struct orr_graph *g, const struct orr_lifetime *life)
{
    for (size_t c = 0; c < g->n_cuts; ++c)
        for (size_t i = 0; i < g->n_storages; ++i)
            if (life[i].first != ORR_NONE && life[i].first < g->cut[c].first && life[i].last >= g->cut[c].first)
                g->storage[i].kept = true;
}

static bool may_share(const struct orr_graph *g, const struct orr_lifetime *life, int32_t node_index, uint32_t k)
{
    const struct orr_graph_node *node = &g->node[node_index];
    const struct orr_graph_value *in = &g->value[node->in[k]], *out = &g->value[node->out[k]];
    if (in->storage == out->storage || !orr_graph_fills_storage(g, node->in[k]) ||
        !orr_graph_fills_storage(g, node->out[k]) || orr_shape_bytes(&in->shape) != orr_shape_bytes(&out->shape) ||
        life[in->storage].last != node_index || life[out->storage].first != node_index)
        return false;
    for (uint32_t j = 0; j < node->n_in; ++j)
        if (j != k && g->value[node->in[j]].storage == in->storage) return false;
    return true;
}

void orr_lifetime_share(struct orr_graph *g, struct orr_lifetime *life)
{
    for (size_t i = 0; i < g->n_nodes; ++i) {
        const struct orr_op_info *op = orr_op_by_id(g->node[i].op);
        if (!op) continue;
        for (uint32_t k = 0; k < op->n_out && k < op->n_in; ++k) {
            if (!(op->alias & (1u << k)) || !may_share(g, life, (int32_t)i, k)) continue;
            const int32_t kept = g->value[g->node[i].in[k]].storage, gone = g->value[g->node[i].out[k]].storage;
            orr_graph_move_storage(g, gone, kept, 0);
            life[kept].last = life[gone].last;
            life[gone] = (struct orr_lifetime){ORR_NONE, ORR_NONE};
        }
    }
}
