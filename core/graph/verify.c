/* The graph verifier: every promise of graph.h, checked node by node in order.
 *
 * In: a graph. Out: ORR_OK, or EBUG with the first node that reads what is not there yet or no longer, writes where it
 * must not, or has another shape than its rule's. Who wrote which bytes is remembered, to find stale reads. */
#include "base/memory.h"
#include "graph/append.h"
#include "graph/optable.h"

/* Bytes [begin, end) of a storage were written by a node; `before` is the write to the same storage before this one. */
struct write {
    int32_t node, before;
    uint64_t begin, end;
};

struct check {
    const struct orr_graph *g;
    struct orr_error *err;
    size_t *node; /* out: the node at fault */
    struct write *write;
    int32_t *last_write; /* storage: the latest write to it */
    size_t n_writes;
    int32_t *version; /* value: the node after which its bytes are the right ones */
    bool *is_input;   /* value: its memory is filled from outside, directly or through views */
};

static orr_status broken(const struct check *c, size_t node, const char *what, orr_handle v)
{
    const struct orr_op_info *op = orr_op_by_id(c->g->node[node].op);
    *c->node = node;
    return orr_fail(c->err, ORR_EBUG, "graph: node %zu (%s): %s (%%%d)", node, op ? op->name : "view", what, (int)v);
}

static uint64_t end_of(const struct orr_graph_value *v) { return v->offset + orr_shape_bytes(&v->shape); }

static orr_status check_value(const struct check *c, size_t i)
{
    const struct orr_graph *g = c->g;
    const struct orr_graph_value *v = &g->value[i];
    if (v->storage < 0 || (size_t)v->storage >= g->n_storages || v->shape.rank > ORR_RANK_MAX ||
        !orr_dtype_bytes(v->shape.dtype))
        return orr_fail(c->err, ORR_EBUG, "graph: %%%zu has no storage or no shape", i);
    if (v->offset % orr_dtype_bytes(v->shape.dtype) || v->offset > g->storage[v->storage].bytes ||
        end_of(v) > g->storage[v->storage].bytes)
        return orr_fail(c->err, ORR_EBUG, "graph: %%%zu (bytes %llu to %llu) does not lie in its storage of %llu", i,
                        (unsigned long long)v->offset, (unsigned long long)end_of(v),
                        (unsigned long long)g->storage[v->storage].bytes);
    if (v->shape.batch && (v->shape.rank == 0 || v->shape.dim[0] % v->shape.batch))
        return orr_fail(c->err, ORR_EBUG, "graph: %%%zu: its rows are not %u equal groups", i, v->shape.batch);
    if (v->shape.dtype != ORR_I32 && v->shape.dtype != g->real)
        return orr_fail(c->err, ORR_EBUG, "graph: %%%zu is %s in a graph of %s", i, orr_dtype_name(v->shape.dtype),
                        orr_dtype_name(g->real));
    if (v->node == ORR_NONE && !g->storage[v->storage].kept)
        return orr_fail(c->err, ORR_EBUG, "graph: %%%zu is an input in memory that is not kept", i);
    if (v->node != ORR_NONE && (v->node < 0 || (size_t)v->node >= g->n_nodes))
        return orr_fail(c->err, ORR_EBUG, "graph: %%%zu is made by a node that does not exist", i);
    return ORR_OK;
}

static orr_status check_reads(const struct check *c, size_t i)
{
    const struct orr_graph_node *node = &c->g->node[i];
    for (uint32_t k = 0; k < node->n_in; ++k) {
        const orr_handle h = node->in[k];
        const struct orr_graph_value *v = orr_graph_value(c->g, h);
        if (!v) return broken(c, i, "an input is no value", h);
        if (v->node != ORR_NONE && (size_t)v->node >= i) return broken(c, i, "an input is made later", h);
        if (node->op == ORR_NODE_VIEW && c->is_input[h]) continue; /* sees what is there by then */
        /* Newest first, so that those before the value's own need not be looked at. */
        for (int32_t w = c->last_write[v->storage]; w != ORR_NONE && c->write[w].node > c->version[h];
             w = c->write[w].before)
            if (c->write[w].begin < end_of(v) && v->offset < c->write[w].end)
                return broken(c, i, "an input was overwritten before this node reads it", h);
    }
    return ORR_OK;
}

static orr_status check_shapes(const struct check *c, size_t i, const struct orr_op_info *op)
{
    const struct orr_graph_node *node = &c->g->node[i];
    struct orr_shape in[ORR_IN_MAX], out[ORR_OUT_MAX];
    for (uint32_t k = 0; k < node->n_in; ++k)
        in[k] = c->g->value[node->in[k]].shape;
    for (uint32_t k = 0; k < node->n_out; ++k)
        out[k] = c->g->value[node->out[k]].shape;
    const struct orr_shape_site site = {.name = op->name,
                                        .real = c->g->real,
                                        .n_in = node->n_in,
                                        .n_out = node->n_out,
                                        .in = in,
                                        .attr = &node->attr,
                                        .wanted = true,
                                        .out = out,
                                        .err = c->err};
    const orr_status status = op->rule->shape(&site);
    if (status != ORR_OK) {
        *c->node = i;
        orr_error_prefix(c->err, "graph: node %zu", i);
        return status;
    }
    for (uint32_t k = 0; k < node->n_out; ++k)
        if (!orr_shape_equal(&out[k], &c->g->value[node->out[k]].shape))
            return broken(c, i, "an output does not have the shape of its rule", node->out[k]);
    return ORR_OK;
}

static orr_status check_writes(struct check *c, size_t i, const struct orr_op_info *op)
{
    const struct orr_graph_node *node = &c->g->node[i];
    for (uint32_t k = 0; k < node->n_out; ++k) {
        const struct orr_graph_value *v = orr_graph_value(c->g, node->out[k]);
        if (!v || v->node != (int32_t)i) return broken(c, i, "an output is not this node's", node->out[k]);
        for (uint32_t j = 0; j < k; ++j)
            if (orr_graph_overlap(v, &c->g->value[node->out[j]]))
                return broken(c, i, "two outputs overlap", node->out[k]);
        for (uint32_t j = 0; j < node->n_in; ++j) {
            const struct orr_graph_value *in = &c->g->value[node->in[j]];
            if (!orr_graph_overlap(v, in)) continue;
            if (j != k || !(op->alias & (1u << k)) || v->offset != in->offset || end_of(v) != end_of(in))
                return broken(c, i, "an output overlaps an input where ops.def does not allow it", node->out[k]);
        }
        c->version[node->out[k]] = (int32_t)i;
        c->write[c->n_writes] = (struct write){(int32_t)i, c->last_write[v->storage], v->offset, end_of(v)};
        c->last_write[v->storage] = (int32_t)c->n_writes++;
    }
    return ORR_OK;
}

static orr_status check_view(struct check *c, size_t i)
{
    const struct orr_graph_node *node = &c->g->node[i];
    if (node->n_in != 1 || node->n_out != 1 || !orr_graph_value(c->g, node->out[0]))
        return broken(c, i, "a view has one input and one output", node->out[0]);
    const struct orr_graph_value *base = &c->g->value[node->in[0]], *view = &c->g->value[node->out[0]];
    if (node->attr.i[0] < 0 || node->attr.i[0] > orr_shape_count(&base->shape))
        return broken(c, i, "a view begins outside its input", node->out[0]);
    const uint64_t first = (uint64_t)node->attr.i[0] * orr_dtype_bytes(base->shape.dtype);
    if (view->node != (int32_t)i || view->storage != base->storage || view->shape.dtype != base->shape.dtype ||
        view->offset != base->offset + first || end_of(view) > end_of(base))
        return broken(c, i, "a view does not lie where it says", node->out[0]);
    c->is_input[node->out[0]] = c->is_input[node->in[0]];
    c->version[node->out[0]] = c->is_input[node->in[0]] ? (int32_t)i : c->version[node->in[0]];
    return ORR_OK;
}

static orr_status check_node(struct check *c, size_t i)
{
    const struct orr_graph_node *node = &c->g->node[i];
    if (node->n_in > ORR_IN_MAX || node->n_out > ORR_OUT_MAX)
        return broken(c, i, "too many inputs or outputs", ORR_NONE);
    ORR_TRY(check_reads(c, i));
    if (node->op == ORR_NODE_VIEW) return check_view(c, i);
    const struct orr_op_info *op = orr_op_by_id(node->op);
    if (!op || node->n_in != op->n_in || node->n_out != op->n_out)
        return broken(c, i, "no such operation, or not with so many inputs and outputs", ORR_NONE);
    ORR_TRY(check_writes(c, i, op));
    return check_shapes(c, i, op);
}

static orr_status check_all(struct check *c)
{
    for (size_t i = 0; i < c->g->n_storages; ++i)
        c->last_write[i] = ORR_NONE;
    for (size_t i = 0; i < c->g->n_values; ++i)
        ORR_TRY(check_value(c, i));
    for (size_t i = 0; i < c->g->n_values; ++i) {
        c->version[i] = ORR_NONE;
        c->is_input[i] = c->g->value[i].node == ORR_NONE;
    }
    for (size_t i = 0; i < c->g->n_nodes; ++i)
        ORR_TRY(check_node(c, i));
    for (size_t i = 0; i < c->g->n_cuts; ++i)
        if (c->g->cut[i].first < 0 || (size_t)c->g->cut[i].first > c->g->n_nodes ||
            (i && c->g->cut[i].first < c->g->cut[i - 1].first))
            return orr_fail(c->err, ORR_EBUG, "graph: cut '%s' is out of order", c->g->cut[i].name);
    return ORR_OK;
}

orr_status orr_graph_verify_at(const struct orr_graph *g, size_t *node, struct orr_error *err)
{
    ORR_TRY(orr_graph_status(g, err));
    struct check c = {.g = g, .err = err, .node = node};
    c.write = orr_memory_array(g->n_nodes * ORR_OUT_MAX, sizeof(*c.write));
    c.last_write = orr_memory_array(g->n_storages, sizeof(*c.last_write));
    c.version = orr_memory_array(g->n_values, sizeof(*c.version));
    c.is_input = orr_memory_array(g->n_values, sizeof(*c.is_input));
    const orr_status status = c.write && c.last_write && c.version && c.is_input
                                  ? check_all(&c)
                                  : orr_memory_out(err, "checking a graph", g->n_nodes * sizeof(*c.write));
    orr_memory_free(c.write);
    orr_memory_free(c.last_write);
    orr_memory_free(c.version);
    orr_memory_free(c.is_input);
    return status;
}

orr_status orr_graph_verify(const struct orr_graph *g, struct orr_error *err)
{
    size_t node;
    return orr_graph_verify_at(g, &node, err);
}
