/* AdamW (Loshchilov and Hutter 2019), with the step's rate and bias corrections read from a row of the schedule.
 *
 * In: parameter, two moments and gradient, alike in shape, and the row {rate, 1/(1-b1^t), 1/sqrt(1-b2^t), 0}. Out: the
 * first three after the step. No gradient. */
#include "graph/build.h"
#include "graph/optable.h"

orr_status orr_shape_rule_adamw(const struct orr_shape_site *s)
{
    for (uint32_t k = 0; k < 5; ++k)
        if (s->in[k].dtype != s->real) return orr_shape_fail(s, ORR_EDTYPE, "input %u must be real", k);
    for (uint32_t k = 1; k < 4; ++k)
        if (!orr_shape_equal(&s->in[k], &s->in[0]))
            return orr_shape_fail(s, ORR_ESHAPE, "parameter, moments and gradient must be alike");
    if (orr_shape_count(&s->in[4]) != 4) return orr_shape_fail(s, ORR_ESHAPE, "a schedule row has 4 numbers");
    for (uint32_t k = 0; k < 3; ++k)
        s->out[k] = s->in[0];
    return ORR_OK;
}

double orr_flops_rule_adamw(const struct orr_call *call) { return 14.0 * orr_tensor_count(&call->in[0]); }

static orr_handle row_entry(struct orr_graph *g, orr_handle row, int64_t k, orr_handle like)
{
    return orr_scalar_like(g, orr_graph_view(g, row, k, 0, NULL), like);
}

void orr_lower_rule_adamw(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle p = node->in[0], grad = node->in[3], row = node->in[4];
    const double beta1 = node->attr.f[0], beta2 = node->attr.f[1];
    const orr_handle rate = row_entry(g, row, 0, p);
    const orr_handle m = orr_add(g, orr_affine(g, node->in[1], beta1, 0.0), orr_affine(g, grad, 1.0 - beta1, 0.0));
    const orr_handle v =
        orr_add(g, orr_affine(g, node->in[2], beta2, 0.0), orr_affine(g, orr_mul(g, grad, grad), 1.0 - beta2, 0.0));
    const orr_handle root = orr_mul(g, orr_unary(g, ORR_OP_SQRT, v), row_entry(g, row, 2, p));
    const orr_handle step =
        orr_div(g, orr_mul(g, m, row_entry(g, row, 1, p)), orr_affine(g, root, 1.0, node->attr.f[2]));
    const orr_handle kept = orr_mul(g, p, orr_affine(g, rate, -node->attr.f[3], 1.0));
    out[0] = orr_sub(g, kept, orr_mul(g, rate, step));
    out[1] = m;
    out[2] = v;
}

void orr_adamw_in_place(struct orr_graph *g, const struct orr_adamw *a, orr_handle parameter, orr_handle first_moment,
                        orr_handle second_moment, orr_handle gradient, orr_handle schedule_row)
{
    const orr_handle in[5] = {parameter, first_moment, second_moment, gradient, schedule_row};
    const struct orr_attr attr = {.f = {a->beta1, a->beta2, a->eps, a->weight_decay}};
    orr_graph_apply(g, ORR_OP_ADAMW, in, 5, &attr, NULL, 7, NULL);
}
