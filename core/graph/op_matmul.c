/* Matrix products: matmul (.., m, k) x (.., k, n) over equal leading dims, either side transposed, and the linear layer
 * x (.., in), weight (in, out), bias (out).
 *
 * Of C = A B the gradients are dA = dC B' and dB = A' dC (Giles 2008). */
#include "graph/build.h"
#include "graph/optable.h"

orr_status orr_shape_rule_matmul(const struct orr_shape_site *s)
{
    const struct orr_shape *a = &s->in[0], *b = &s->in[1];
    const bool ta = s->attr->i[0] != 0, tb = s->attr->i[1] != 0;
    if (a->dtype != s->real || b->dtype != s->real) return orr_shape_fail(s, ORR_EDTYPE, "both must be real");
    if (a->rank < 2 || a->rank != b->rank) return orr_shape_fail(s, ORR_ESHAPE, "ranks must be equal and at least 2");
    const uint32_t r = a->rank;
    for (uint32_t k = 0; k + 2 < r; ++k)
        if (a->dim[k] != b->dim[k]) return orr_shape_fail(s, ORR_ESHAPE, "axis %u differs", k);
    const int64_t m = a->dim[ta ? r - 1 : r - 2], inner_a = a->dim[ta ? r - 2 : r - 1];
    const int64_t n = b->dim[tb ? r - 2 : r - 1], inner_b = b->dim[tb ? r - 1 : r - 2];
    if (inner_a != inner_b)
        return orr_shape_fail(s, ORR_ESHAPE, "inner sizes %lld and %lld differ (transposed: %d, %d)",
                              (long long)inner_a, (long long)inner_b, ta, tb);
    s->out[0] = *a;
    s->out[0].dim[r - 2] = m;
    s->out[0].dim[r - 1] = n;
    if (r == 2) s->out[0].batch = ta ? 0 : a->batch;
    return ORR_OK;
}

orr_status orr_shape_rule_linear(const struct orr_shape_site *s)
{
    const struct orr_shape *x = &s->in[0], *weight = &s->in[1], *bias = &s->in[2];
    for (uint32_t k = 0; k < 3; ++k)
        if (s->in[k].dtype != s->real) return orr_shape_fail(s, ORR_EDTYPE, "input %u must be real", k);
    if (x->rank < 1 || weight->rank != 2 || bias->rank != 1 || orr_shape_last(x) != weight->dim[0] ||
        weight->dim[1] != bias->dim[0])
        return orr_shape_fail(s, ORR_ESHAPE, "expected x (.., in), weight (in, out), bias (out)");
    s->out[0] = *x;
    s->out[0].dim[x->rank - 1] = weight->dim[1];
    if (x->rank == 1) s->out[0].batch = 0;
    return ORR_OK;
}

/* --- cost ------------------------------------------------------------------------------------ */

double orr_flops_rule_matmul(const struct orr_call *call)
{
    const uint32_t r = call->in[0].rank;
    return 2.0 * orr_tensor_count(&call->out[0]) * (double)call->in[0].dim[call->attr.i[0] ? r - 2 : r - 1];
}

double orr_flops_rule_linear(const struct orr_call *call)
{
    return orr_tensor_count(&call->out[0]) * (2.0 * (double)call->in[1].dim[0] + 1.0);
}

/* --- gradients ------------------------------------------------------------------------------- */

void orr_gradient_rule_matmul(struct orr_gradient_site *s)
{
    const orr_handle a = s->node.in[0], b = s->node.in[1], d = s->dout[0];
    const bool ta = s->node.attr.i[0] != 0, tb = s->node.attr.i[1] != 0;
    if (s->needed & 1u) s->din[0] = ta ? orr_matmul(s->g, b, d, tb, true) : orr_matmul(s->g, d, b, false, !tb);
    if (s->needed & 2u) s->din[1] = tb ? orr_matmul(s->g, d, a, true, ta) : orr_matmul(s->g, a, d, !ta, false);
}

void orr_gradient_rule_linear(struct orr_gradient_site *s)
{
    struct orr_graph *g = s->g;
    const orr_handle x = orr_as_matrix(g, s->node.in[0]), d = orr_as_matrix(g, s->dout[0]);
    if (s->needed & 1u) s->din[0] = orr_reshape_like(g, orr_matmul(g, d, s->node.in[1], false, true), s->node.in[0]);
    if (s->needed & 2u) s->din[1] = orr_matmul(g, x, d, true, false);
    if (s->needed & 4u) s->din[2] = orr_sum_rows(g, d);
}

/* --- lowering and builders ------------------------------------------------------------------- */

void orr_lower_rule_linear(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle product = orr_matmul(g, orr_as_matrix(g, node->in[0]), node->in[1], false, false);
    const struct orr_shape shape = *orr_shape_of(g, product);
    const orr_handle sum = orr_add(g, product, orr_broadcast(g, node->in[2], shape.rank, shape.dim));
    struct orr_shape full = *orr_shape_of(g, node->in[0]);
    full.dim[full.rank - 1] = orr_shape_last(&shape);
    out[0] = full.rank == 2 ? sum : orr_reshape(g, sum, full.rank, full.dim);
}

orr_handle orr_matmul(struct orr_graph *g, orr_handle a, orr_handle b, bool transpose_a, bool transpose_b)
{
    const struct orr_attr attr = {.i = {transpose_a, transpose_b}};
    return orr_apply2(g, ORR_OP_MATMUL, a, b, &attr);
}

orr_handle orr_linear(struct orr_graph *g, orr_handle x, orr_handle weight, orr_handle bias)
{
    const orr_handle in[3] = {x, weight, bias};
    return orr_graph_apply(g, ORR_OP_LINEAR, in, 3, NULL, NULL, 0, NULL);
}
