/* Reverse-mode differentiation (Griewank and Walther 2008, chapter 3), graph to graph.
 *
 * In: a graph, one number of it, and the values to differentiate by. Out: the graph with the nodes of one walk
 * backwards appended by the rules of rules.def; what flows back to a value from several readers is added up. */
#include "base/memory.h"
#include "graph/append.h"
#include "graph/build.h"
#include "graph/optable.h"

#include <string.h>

struct walk {
    struct orr_graph *g;
    size_t n_nodes, n_values; /* of the forward part */
    bool *needed;             /* value: does the answer depend on its gradient? */
    orr_handle *grad;         /* value: its gradient so far, or ORR_NONE */
};

static void mark_needed(struct walk *w, const orr_handle *wrt, size_t n)
{
    for (size_t i = 0; i < n; ++i)
        w->needed[wrt[i]] = true;
    for (size_t i = 0; i < w->n_nodes; ++i) {
        const struct orr_graph_node *node = &w->g->node[i];
        bool any = false;
        for (uint32_t k = 0; k < node->n_in; ++k)
            any = any || w->needed[node->in[k]];
        if (!any || node->stops_gradient) continue;
        for (uint32_t k = 0; k < node->n_out; ++k)
            w->needed[node->out[k]] = true;
    }
}

static void accumulate(struct walk *w, orr_handle v, orr_handle d)
{
    if (d == ORR_NONE || !w->needed[v]) return;
    d = orr_reshape_like(w->g, d, v);
    w->grad[v] = w->grad[v] == ORR_NONE ? d : orr_add(w->g, w->grad[v], d);
}

/* A view's gradient is the same numbers, with zeros around them where the view is a part. */
static void view_gradient(struct walk *w, const struct orr_graph_node *node)
{
    struct orr_graph *g = w->g;
    if (node->stops_gradient) return;
    orr_handle d = w->grad[node->out[0]];
    const int64_t part = orr_shape_count(orr_shape_of(g, d));
    const int64_t whole = orr_shape_count(orr_shape_of(g, node->in[0]));
    if (part != whole) d = orr_pad(g, orr_reshape(g, d, 1, &part), 0, node->attr.i[0], whole);
    accumulate(w, node->in[0], d);
}

static void node_gradient(struct walk *w, const struct orr_graph_node *node)
{
    struct orr_gradient_site site = {.g = w->g, .node = *node};
    bool flows = false;
    for (uint32_t k = 0; k < ORR_OUT_MAX; ++k) {
        site.dout[k] = k < node->n_out ? w->grad[node->out[k]] : ORR_NONE;
        flows = flows || site.dout[k] != ORR_NONE;
    }
    for (uint32_t k = 0; k < ORR_IN_MAX; ++k)
        site.din[k] = ORR_NONE;
    for (uint32_t k = 0; k < node->n_in; ++k)
        if (w->needed[node->in[k]]) site.needed |= 1u << k;
    if (!flows || !site.needed) return;
    if (node->op == ORR_NODE_VIEW) {
        view_gradient(w, node);
        return;
    }
    orr_op_by_id(node->op)->rule->gradient(&site);
    for (uint32_t k = 0; k < node->n_in; ++k)
        if (site.needed & (1u << k)) accumulate(w, node->in[k], site.din[k]);
}

static void walk_back(struct walk *w, orr_handle loss)
{
    const struct orr_shape shape = *orr_shape_of(w->g, loss);
    w->grad[loss] = orr_fill(w->g, &shape, 1.0);
    for (size_t i = w->n_nodes; i-- > 0 && w->g->error.code == ORR_OK;) {
        const struct orr_graph_node node = w->g->node[i]; /* the array moves while nodes are appended */
        node_gradient(w, &node);
    }
}

void orr_graph_gradient(struct orr_graph *g, orr_handle loss, const orr_handle *wrt, size_t n, orr_handle *grad)
{
    for (size_t i = 0; i < n; ++i)
        grad[i] = ORR_NONE;
    if (!orr_graph_has(g, loss, "gradient")) return;
    for (size_t i = 0; i < n; ++i)
        if (!orr_graph_has(g, wrt[i], "gradient")) return;
    if (orr_shape_of(g, loss)->dtype != g->real || orr_shape_count(orr_shape_of(g, loss)) != 1) {
        orr_graph_reject(g, ORR_ESHAPE, "gradient: the loss must be one real number");
        return;
    }
    struct walk w = {.g = g, .n_nodes = g->n_nodes, .n_values = g->n_values};
    w.needed = orr_memory_array(w.n_values, sizeof(*w.needed));
    w.grad = orr_memory_array(w.n_values, sizeof(*w.grad));
    if (!w.needed || !w.grad) {
        orr_graph_reject(g, ORR_ENOMEM, "out of memory for the gradient of %zu values", w.n_values);
    } else {
        for (size_t i = 0; i < w.n_values; ++i)
            w.grad[i] = ORR_NONE;
        mark_needed(&w, wrt, n);
        if (w.needed[loss]) walk_back(&w, loss);
        for (size_t i = 0; i < n && g->error.code == ORR_OK; ++i)
            grad[i] = w.grad[wrt[i]];
    }
    orr_memory_free(w.needed);
    orr_memory_free(w.grad);
}
