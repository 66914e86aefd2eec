/* From a node to the call that a backend receives, and what a call costs.
 *
 * In: a graph and a node of it. Out: a struct orr_call whose buffers are still NULL; its floating-point operations by
 * the rule of rules.def, and its traffic, every byte of an input or output once, of a gathered table only the rows. */
#include "graph/optable.h"
#include "plan/plan.h"

#include <string.h>

static void fill_tensor(const struct orr_graph *g, orr_handle h, struct orr_tensor *t)
{
    const struct orr_graph_value *v = &g->value[h];
    const struct orr_graph_storage *storage = &g->storage[v->storage];
    t->offset = v->offset;
    t->storage_bytes = storage->bytes;
    memcpy(t->dim, v->shape.dim, sizeof(t->dim));
    t->rank = v->shape.rank;
    t->dtype = v->shape.dtype;
    t->storage = (uint32_t)v->storage;
    t->batch = v->shape.batch;
    t->flags = storage->kept ? ORR_KEPT : 0;
}

void orr_plan_call(const struct orr_graph *g, size_t node, struct orr_call *call)
{
    const struct orr_graph_node *n = &g->node[node];
    memset(call, 0, sizeof(*call));
    call->size = sizeof(*call);
    call->op = n->op;
    call->n_in = n->n_in;
    call->n_out = n->n_out;
    call->attr = n->attr;
    for (uint32_t k = 0; k < n->n_in; ++k)
        fill_tensor(g, n->in[k], &call->in[k]);
    for (uint32_t k = 0; k < n->n_out; ++k)
        fill_tensor(g, n->out[k], &call->out[k]);
}

double orr_plan_call_flops(const struct orr_call *call)
{
    const struct orr_op_info *op = orr_op_by_id(call->op);
    return op ? op->rule->flops(call) : 0.0;
}

static double tensor_bytes(const struct orr_tensor *t)
{
    return (double)orr_dtype_bytes(t->dtype) * orr_tensor_count(t);
}

double orr_plan_call_bytes(const struct orr_call *call)
{
    double bytes = 0.0;
    for (uint32_t k = 0; k < call->n_in; ++k)
        bytes += tensor_bytes(&call->in[k]);
    for (uint32_t k = 0; k < call->n_out; ++k)
        bytes += tensor_bytes(&call->out[k]);
    /* Gathering reads the rows it wants, not the table. */
    if (call->op == ORR_OP_GATHER) bytes += tensor_bytes(&call->out[0]) - tensor_bytes(&call->in[0]);
    return bytes;
}
