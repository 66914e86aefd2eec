/* Reductions over one axis, which stays with size 1, and the softmax family over the last axis.
 *
 * Softmax subtracts a row's largest first, so that no exponential overflows; its gradient is y (dy - sum(dy y)) (Bridle
 * 1990). Elements that tie for a maximum share its gradient equally. */
#include "graph/build.h"
#include "graph/optable.h"

#include <string.h>

orr_status orr_shape_rule_reduced(const struct orr_shape_site *s)
{
    const int64_t axis = s->attr->i[0];
    if (s->in[0].dtype != s->real) return orr_shape_fail(s, ORR_EDTYPE, "input must be %s", orr_dtype_name(s->real));
    if (axis < 0 || axis >= s->in[0].rank)
        return orr_shape_fail(s, ORR_EINVAL, "axis %lld of rank %u", (long long)axis, s->in[0].rank);
    if (strcmp(s->name, "max") == 0 && s->in[0].dim[axis] == 0)
        return orr_shape_fail(s, ORR_ESHAPE, "axis %lld is empty, and nothing is the largest of nothing",
                              (long long)axis);
    s->out[0] = s->in[0];
    s->out[0].dim[axis] = 1;
    if (axis == 0) s->out[0].batch = 0;
    return ORR_OK;
}

/* --- gradients ------------------------------------------------------------------------------- */

static orr_handle spread(struct orr_graph *g, orr_handle reduced, orr_handle like)
{
    const struct orr_shape shape = *orr_shape_of(g, like);
    return orr_broadcast(g, reduced, shape.rank, shape.dim);
}

void orr_gradient_rule_sum(struct orr_gradient_site *s) { s->din[0] = spread(s->g, s->dout[0], s->node.in[0]); }

/* Elements that tie for the maximum share the gradient equally. */
void orr_gradient_rule_max(struct orr_gradient_site *s)
{
    const orr_handle x = s->node.in[0];
    const orr_handle below = orr_unary(s->g, ORR_OP_STEP, orr_sub(s->g, spread(s->g, s->node.out[0], x), x));
    const orr_handle is_max = orr_affine(s->g, below, -1.0, 1.0);
    const orr_handle ties = orr_sum(s->g, is_max, (uint32_t)s->node.attr.i[0]);
    s->din[0] = orr_mul(s->g, is_max, spread(s->g, orr_div(s->g, s->dout[0], ties), x));
}

void orr_gradient_rule_softmax(struct orr_gradient_site *s)
{
    s->din[0] = orr_apply2(s->g, ORR_OP_SOFTMAX_GRAD, s->dout[0], s->node.out[0], NULL);
}

void orr_gradient_rule_log_softmax(struct orr_gradient_site *s)
{
    s->din[0] = orr_apply2(s->g, ORR_OP_LOG_SOFTMAX_GRAD, s->dout[0], s->node.out[0], NULL);
}

/* --- lowerings ------------------------------------------------------------------------------- */

static orr_handle minus_row_max(struct orr_graph *g, orr_handle x)
{
    const uint32_t last = orr_shape_of(g, x)->rank - 1;
    return orr_sub(g, x, spread(g, orr_max(g, x, last), x));
}

void orr_lower_rule_softmax(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle e = orr_unary(g, ORR_OP_EXP, minus_row_max(g, node->in[0]));
    out[0] = orr_div(g, e, spread(g, orr_sum_last(g, e), e));
}

void orr_lower_rule_softmax_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle dy = node->in[0], y = node->in[1];
    const orr_handle mean = orr_sum_last(g, orr_mul(g, dy, y));
    out[0] = orr_mul(g, y, orr_sub(g, dy, spread(g, mean, dy)));
}

void orr_lower_rule_log_softmax(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle shifted = minus_row_max(g, node->in[0]);
    const orr_handle total = orr_unary(g, ORR_OP_LOG, orr_sum_last(g, orr_unary(g, ORR_OP_EXP, shifted)));
    out[0] = orr_sub(g, shifted, spread(g, total, shifted));
}

void orr_lower_rule_log_softmax_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle dy = node->in[0], y = node->in[1];
    const orr_handle total = spread(g, orr_sum_last(g, dy), dy);
    out[0] = orr_sub(g, dy, orr_mul(g, orr_unary(g, ORR_OP_EXP, y), total));
}

/* --- builders -------------------------------------------------------------------------------- */

orr_handle orr_sum(struct orr_graph *g, orr_handle x, uint32_t axis)
{
    const struct orr_attr attr = {.i = {axis}};
    return orr_apply1(g, ORR_OP_SUM, x, &attr);
}

orr_handle orr_max(struct orr_graph *g, orr_handle x, uint32_t axis)
{
    const struct orr_attr attr = {.i = {axis}};
    return orr_apply1(g, ORR_OP_MAX, x, &attr);
}

orr_handle orr_softmax(struct orr_graph *g, orr_handle x) { return orr_apply1(g, ORR_OP_SOFTMAX, x, NULL); }

orr_handle orr_log_softmax(struct orr_graph *g, orr_handle x) { return orr_apply1(g, ORR_OP_LOG_SOFTMAX, x, NULL); }
