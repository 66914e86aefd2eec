/* Element by element: arithmetic, activations and their gradients. Inputs and output are alike in shape.
 *
 * GELU is x Phi(x), by erf (Hendrycks and Gimpel 2016); SiLU is x sigmoid(x) (the same; Elfwing, Uchibe and Doya 2018).
 * Here as in every op_*.c are the rules that rules.def names, and the builders. */
#include "graph/build.h"
#include "graph/optable.h"

#include <math.h>

/* --- shapes ---------------------------------------------------------------------------------- */

static orr_status need_real(const struct orr_shape_site *s)
{
    for (uint32_t k = 0; k < s->n_in; ++k)
        if (s->in[k].dtype != s->real)
            return orr_shape_fail(s, ORR_EDTYPE, "input %u must be %s", k, orr_dtype_name(s->real));
    return ORR_OK;
}

orr_status orr_shape_rule_as_wanted(const struct orr_shape_site *s)
{
    return s->wanted ? ORR_OK : orr_shape_fail(s, ORR_EINVAL, "needs the shape of its output");
}

orr_status orr_shape_rule_same(const struct orr_shape_site *s)
{
    s->out[0] = s->in[0];
    return ORR_OK;
}

orr_status orr_shape_rule_real(const struct orr_shape_site *s)
{
    ORR_TRY(need_real(s));
    return orr_shape_rule_same(s);
}

orr_status orr_shape_rule_real_rows(const struct orr_shape_site *s)
{
    if (s->in[0].rank == 0) return orr_shape_fail(s, ORR_ESHAPE, "a scalar has no last axis");
    return orr_shape_rule_real(s);
}

orr_status orr_shape_rule_pair(const struct orr_shape_site *s)
{
    if (!orr_shape_equal(&s->in[0], &s->in[1])) return orr_shape_fail(s, ORR_ESHAPE, "shapes must be equal");
    s->out[0] = s->in[0];
    if (!s->in[0].batch) s->out[0].batch = s->in[1].batch;
    return ORR_OK;
}

orr_status orr_shape_rule_real_pair(const struct orr_shape_site *s)
{
    ORR_TRY(need_real(s));
    return orr_shape_rule_pair(s);
}

/* --- cost ------------------------------------------------------------------------------------ */

double orr_flops_rule_moved(const struct orr_call *call)
{
    (void)call;
    return 0.0;
}

double orr_flops_rule_per_element(const struct orr_call *call) { return orr_tensor_count(&call->out[0]); }

double orr_flops_rule_per_input(const struct orr_call *call) { return orr_tensor_count(&call->in[0]); }

double orr_flops_rule_twice(const struct orr_call *call) { return 2.0 * orr_tensor_count(&call->out[0]); }

double orr_flops_rule_silu(const struct orr_call *call)
{
    return (call->op == ORR_OP_SILU ? 4.0 : 8.0) * orr_tensor_count(&call->out[0]);
}

double orr_flops_rule_gelu(const struct orr_call *call)
{
    return (call->op == ORR_OP_GELU ? 5.0 : 10.0) * orr_tensor_count(&call->out[0]);
}

/* Softmax, losses and the like: about five operations for each number read. */
double orr_flops_rule_rows(const struct orr_call *call)
{
    double largest = 0.0;
    for (uint32_t k = 0; k < call->n_in; ++k)
        largest = fmax(largest, orr_tensor_count(&call->in[k]));
    return 5.0 * largest;
}

/* --- gradients ------------------------------------------------------------------------------- */

void orr_gradient_rule_none(struct orr_gradient_site *s)
{
    orr_graph_reject(s->g, ORR_EUNSUPPORTED, "%s has no gradient: use orr_graph_stop_gradient before it",
                     orr_op_by_id(s->node.op)->name);
}

void orr_gradient_rule_zero(struct orr_gradient_site *s)
{
    (void)s; /* piecewise constant: what flows back is nothing */
}

void orr_gradient_rule_copy(struct orr_gradient_site *s) { s->din[0] = s->dout[0]; }

void orr_gradient_rule_neg(struct orr_gradient_site *s) { s->din[0] = orr_unary(s->g, ORR_OP_NEG, s->dout[0]); }

void orr_gradient_rule_exp(struct orr_gradient_site *s) { s->din[0] = orr_mul(s->g, s->dout[0], s->node.out[0]); }

void orr_gradient_rule_log(struct orr_gradient_site *s) { s->din[0] = orr_div(s->g, s->dout[0], s->node.in[0]); }

void orr_gradient_rule_sqrt(struct orr_gradient_site *s)
{
    s->din[0] = orr_div(s->g, orr_affine(s->g, s->dout[0], 0.5, 0.0), s->node.out[0]);
}

void orr_gradient_rule_tanh(struct orr_gradient_site *s)
{
    const orr_handle y = s->node.out[0];
    s->din[0] = orr_mul(s->g, s->dout[0], orr_affine(s->g, orr_mul(s->g, y, y), -1.0, 1.0));
}

/* exp(-scale x^2) */
static orr_handle bell(struct orr_graph *g, orr_handle x, double scale)
{
    return orr_unary(g, ORR_OP_EXP, orr_affine(g, orr_mul(g, x, x), -scale, 0.0));
}

void orr_gradient_rule_erf(struct orr_gradient_site *s)
{
    const orr_handle slope = orr_affine(s->g, bell(s->g, s->node.in[0], 1.0), M_2_SQRTPI, 0.0);
    s->din[0] = orr_mul(s->g, s->dout[0], slope);
}

void orr_gradient_rule_add(struct orr_gradient_site *s) { s->din[0] = s->din[1] = s->dout[0]; }

void orr_gradient_rule_sub(struct orr_gradient_site *s)
{
    s->din[0] = s->dout[0];
    if (s->needed & 2u) s->din[1] = orr_unary(s->g, ORR_OP_NEG, s->dout[0]);
}

void orr_gradient_rule_mul(struct orr_gradient_site *s)
{
    if (s->needed & 1u) s->din[0] = orr_mul(s->g, s->dout[0], s->node.in[1]);
    if (s->needed & 2u) s->din[1] = orr_mul(s->g, s->dout[0], s->node.in[0]);
}

void orr_gradient_rule_div(struct orr_gradient_site *s)
{
    const orr_handle over = orr_div(s->g, s->dout[0], s->node.in[1]);
    if (s->needed & 1u) s->din[0] = over;
    if (s->needed & 2u) s->din[1] = orr_unary(s->g, ORR_OP_NEG, orr_mul(s->g, over, s->node.out[0]));
}

/* At a tie the whole gradient goes to the second input. */
void orr_gradient_rule_maximum(struct orr_gradient_site *s)
{
    const orr_handle first = orr_unary(s->g, ORR_OP_STEP, orr_sub(s->g, s->node.in[0], s->node.in[1]));
    if (s->needed & 1u) s->din[0] = orr_mul(s->g, s->dout[0], first);
    if (s->needed & 2u) s->din[1] = orr_mul(s->g, s->dout[0], orr_affine(s->g, first, -1.0, 1.0));
}

void orr_gradient_rule_affine(struct orr_gradient_site *s)
{
    s->din[0] = orr_affine(s->g, s->dout[0], s->node.attr.f[0], 0.0);
}

void orr_gradient_rule_gelu(struct orr_gradient_site *s)
{
    s->din[0] = orr_apply2(s->g, ORR_OP_GELU_GRAD, s->dout[0], s->node.in[0], NULL);
}

void orr_gradient_rule_silu(struct orr_gradient_site *s)
{
    s->din[0] = orr_apply2(s->g, ORR_OP_SILU_GRAD, s->dout[0], s->node.in[0], NULL);
}

/* --- lowerings ------------------------------------------------------------------------------- */

void orr_lower_rule_none(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    (void)out;
    orr_graph_reject(g, ORR_EUNSUPPORTED, "%s is a primitive: a backend must have it", orr_op_by_id(node->op)->name);
}

/* (1 + erf(x / sqrt 2)) / 2 */
static orr_handle normal_distribution(struct orr_graph *g, orr_handle x)
{
    return orr_affine(g, orr_unary(g, ORR_OP_ERF, orr_affine(g, x, M_SQRT1_2, 0.0)), 0.5, 0.5);
}

void orr_lower_rule_gelu(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    out[0] = orr_mul(g, node->in[0], normal_distribution(g, node->in[0]));
}

void orr_lower_rule_gelu_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle x = node->in[1];
    const orr_handle density = orr_affine(g, bell(g, x, 0.5), 0.5 * M_2_SQRTPI * M_SQRT1_2, 0.0);
    out[0] = orr_mul(g, node->in[0], orr_add(g, normal_distribution(g, x), orr_mul(g, x, density)));
}

/* 1 + exp(-x): infinite for very negative x, which the division below turns into the right 0. */
static orr_handle one_plus_exp(struct orr_graph *g, orr_handle x)
{
    return orr_affine(g, orr_unary(g, ORR_OP_EXP, orr_unary(g, ORR_OP_NEG, x)), 1.0, 1.0);
}

void orr_lower_rule_silu(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    out[0] = orr_div(g, node->in[0], one_plus_exp(g, node->in[0]));
}

void orr_lower_rule_silu_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle x = node->in[1];
    const struct orr_shape shape = *orr_shape_of(g, x);
    const orr_handle s = orr_div(g, orr_fill(g, &shape, 1.0), one_plus_exp(g, x));
    const orr_handle slope = orr_affine(g, orr_mul(g, x, orr_affine(g, s, -1.0, 1.0)), 1.0, 1.0);
    out[0] = orr_mul(g, node->in[0], orr_mul(g, s, slope));
}

/* --- builders -------------------------------------------------------------------------------- */

orr_handle orr_unary(struct orr_graph *g, enum orr_op op, orr_handle x) { return orr_apply1(g, op, x, NULL); }

orr_handle orr_add(struct orr_graph *g, orr_handle a, orr_handle b) { return orr_apply2(g, ORR_OP_ADD, a, b, NULL); }

orr_handle orr_sub(struct orr_graph *g, orr_handle a, orr_handle b) { return orr_apply2(g, ORR_OP_SUB, a, b, NULL); }

orr_handle orr_mul(struct orr_graph *g, orr_handle a, orr_handle b) { return orr_apply2(g, ORR_OP_MUL, a, b, NULL); }

orr_handle orr_div(struct orr_graph *g, orr_handle a, orr_handle b) { return orr_apply2(g, ORR_OP_DIV, a, b, NULL); }

orr_handle orr_maximum(struct orr_graph *g, orr_handle a, orr_handle b)
{
    return orr_apply2(g, ORR_OP_MAXIMUM, a, b, NULL);
}

orr_handle orr_affine(struct orr_graph *g, orr_handle x, double scale, double shift)
{
    const struct orr_attr attr = {.f = {scale, shift}};
    return orr_apply1(g, ORR_OP_AFFINE, x, &attr);
}

orr_handle orr_add_in_place(struct orr_graph *g, orr_handle state, orr_handle x)
{
    const orr_handle in[2] = {state, x};
    return orr_graph_apply(g, ORR_OP_ADD, in, 2, NULL, NULL, 1, NULL);
}
