/* Losses, each one number, with their gradients: the mean squared error of two values alike in shape, and the
 * cross-entropy of logits (.., classes) with i32 targets (..), of which -1 does not count.
 *
 * The gradient of cross-entropy is softmax minus one-hot (Bridle 1990), from the saved log-sum-exp of each row. */
#include "graph/build.h"
#include "graph/optable.h"

static struct orr_shape scalar_of(uint32_t dtype) { return (struct orr_shape){.dtype = dtype}; }

static orr_status need_scalar(const struct orr_shape_site *s, uint32_t k)
{
    if (s->in[k].dtype != s->real || orr_shape_count(&s->in[k]) != 1)
        return orr_shape_fail(s, ORR_ESHAPE, "input %u must be one real number", k);
    return ORR_OK;
}

static orr_status prediction_and_target(const struct orr_shape_site *s, uint32_t first)
{
    if (s->in[first].dtype != s->real || !orr_shape_equal(&s->in[first], &s->in[first + 1]))
        return orr_shape_fail(s, ORR_ESHAPE, "prediction and target must be real and alike");
    return ORR_OK;
}

orr_status orr_shape_rule_mse(const struct orr_shape_site *s)
{
    ORR_TRY(prediction_and_target(s, 0));
    s->out[0] = scalar_of(s->real);
    return ORR_OK;
}

orr_status orr_shape_rule_mse_grad(const struct orr_shape_site *s)
{
    ORR_TRY(need_scalar(s, 0));
    ORR_TRY(prediction_and_target(s, 1));
    s->out[0] = s->in[1];
    return ORR_OK;
}

/* logits (.., classes) and i32 target (..). */
static orr_status logits_and_target(const struct orr_shape_site *s, uint32_t first, struct orr_shape *lse)
{
    const struct orr_shape *logits = &s->in[first], *target = &s->in[first + 1];
    if (logits->dtype != s->real || target->dtype != ORR_I32)
        return orr_shape_fail(s, ORR_EDTYPE, "expected real logits and i32 targets");
    bool fits = logits->rank == target->rank + 1 && orr_shape_last(logits) > 0;
    for (uint32_t k = 0; fits && k < target->rank; ++k)
        fits = logits->dim[k] == target->dim[k];
    if (!fits) return orr_shape_fail(s, ORR_ESHAPE, "expected logits (.., classes) and target (..)");
    *lse = *target;
    lse->dtype = s->real;
    return ORR_OK;
}

orr_status orr_shape_rule_xent(const struct orr_shape_site *s)
{
    ORR_TRY(logits_and_target(s, 0, &s->out[1]));
    s->out[0] = scalar_of(s->real);
    return ORR_OK;
}

orr_status orr_shape_rule_xent_grad(const struct orr_shape_site *s)
{
    struct orr_shape lse;
    ORR_TRY(need_scalar(s, 0));
    ORR_TRY(logits_and_target(s, 1, &lse));
    if (!orr_shape_equal(&lse, &s->in[3])) return orr_shape_fail(s, ORR_ESHAPE, "lse must have the shape of target");
    s->out[0] = s->in[1];
    return ORR_OK;
}

/* --- gradients ------------------------------------------------------------------------------- */

void orr_gradient_rule_mse(struct orr_gradient_site *s)
{
    const orr_handle in[3] = {s->dout[0], s->node.in[0], s->node.in[1]};
    const orr_handle d = orr_graph_apply(s->g, ORR_OP_MSE_GRAD, in, 3, NULL, NULL, 0, NULL);
    s->din[0] = d;
    if (s->needed & 2u) s->din[1] = orr_unary(s->g, ORR_OP_NEG, d);
}

void orr_gradient_rule_xent(struct orr_gradient_site *s)
{
    if (s->dout[1] != ORR_NONE) {
        orr_graph_reject(s->g, ORR_EUNSUPPORTED, "xent: its log-sum-exp output has no gradient");
        return;
    }
    const orr_handle in[4] = {s->dout[0], s->node.in[0], s->node.in[1], s->node.out[1]};
    s->din[0] = orr_graph_apply(s->g, ORR_OP_XENT_GRAD, in, 4, NULL, NULL, 0, NULL);
}

/* --- lowerings ------------------------------------------------------------------------------- */

/* Every number added up, as a scalar. */
static orr_handle sum_all(struct orr_graph *g, orr_handle x)
{
    const int64_t row[2] = {1, orr_shape_count(orr_shape_of(g, x))};
    return orr_reshape(g, orr_sum(g, orr_reshape(g, x, 2, row), 1), 0, NULL);
}

/* x times factor / n; the mean of nothing is 0. */
static orr_handle scaled_by_count(struct orr_graph *g, orr_handle x, double factor, orr_handle counted)
{
    const int64_t n = orr_shape_count(orr_shape_of(g, counted));
    return orr_affine(g, x, n ? factor / (double)n : 0.0, 0.0);
}

void orr_lower_rule_mse(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle d = orr_sub(g, node->in[0], node->in[1]);
    out[0] = scaled_by_count(g, sum_all(g, orr_mul(g, d, d)), 1.0, d);
}

void orr_lower_rule_mse_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle d = orr_sub(g, node->in[1], node->in[2]);
    out[0] = orr_mul(g, scaled_by_count(g, d, 2.0, d), orr_scalar_like(g, node->in[0], d));
}

/* Targets as (rows) indices, their one-hot rows, which rows count, and 1 / (number that count, at least 1). */
struct targets {
    orr_handle one_hot, valid, share;
};

static struct targets targets_of(struct orr_graph *g, orr_handle target, int64_t classes)
{
    const int64_t rows = orr_shape_count(orr_shape_of(g, target));
    const orr_handle one_hot = orr_one_hot(g, orr_reshape(g, target, 1, &rows), classes);
    const orr_handle valid = orr_sum_last(g, one_hot);
    const struct orr_shape scalar = scalar_of(g->real);
    const orr_handle one = orr_fill(g, &scalar, 1.0);
    return (struct targets){one_hot, valid, orr_div(g, one, orr_maximum(g, sum_all(g, valid), one))};
}

void orr_lower_rule_xent(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle x = orr_as_matrix(g, node->in[0]);
    const int64_t classes = orr_shape_last(orr_shape_of(g, x));
    const struct targets t = targets_of(g, node->in[1], classes);
    const orr_handle top = orr_max(g, x, 1);
    const orr_handle e = orr_unary(g, ORR_OP_EXP, orr_sub(g, x, orr_repeat_last(g, top, classes)));
    const orr_handle lse = orr_add(g, top, orr_unary(g, ORR_OP_LOG, orr_sum_last(g, e)));
    /* Choosing by adding minus infinity elsewhere, since 0 times a logit of minus infinity is no number; a row without
     * a target chooses its largest, which then counts for nothing. */
    const orr_handle ignored = orr_repeat_last(g, orr_affine(g, t.valid, -1.0, 1.0), classes);
    const orr_handle elsewhere = orr_unary(g, ORR_OP_LOG, orr_add(g, t.one_hot, ignored));
    const orr_handle chosen = orr_max(g, orr_add(g, x, elsewhere), 1);
    const orr_handle each = orr_mul(g, t.valid, orr_sub(g, lse, chosen));
    out[0] = orr_mul(g, sum_all(g, each), t.share);
    const struct orr_shape shape = *orr_shape_of(g, node->in[1]);
    out[1] = orr_reshape(g, lse, shape.rank, shape.dim);
}

void orr_lower_rule_xent_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle x = orr_as_matrix(g, node->in[1]);
    const struct orr_shape shape = *orr_shape_of(g, x);
    const struct targets t = targets_of(g, node->in[2], shape.dim[1]);
    const int64_t column[2] = {shape.dim[0], 1};
    const orr_handle lse = orr_repeat_last(g, orr_reshape(g, node->in[3], 2, column), shape.dim[1]);
    const orr_handle p = orr_unary(g, ORR_OP_EXP, orr_sub(g, x, lse));
    const orr_handle weight = orr_mul(g, orr_reshape(g, node->in[0], 0, NULL), t.share);
    const orr_handle counted = orr_mul(g, p, orr_repeat_last(g, t.valid, shape.dim[1]));
    const orr_handle d = orr_mul(g, orr_sub(g, counted, t.one_hot), orr_scalar_like(g, weight, x));
    out[0] = orr_reshape_like(g, d, node->in[1]);
}

/* --- builders -------------------------------------------------------------------------------- */

orr_handle orr_mse(struct orr_graph *g, orr_handle x, orr_handle target)
{
    return orr_apply2(g, ORR_OP_MSE, x, target, NULL);
}

orr_handle orr_cross_entropy(struct orr_graph *g, orr_handle logits, orr_handle target)
{
    return orr_apply2(g, ORR_OP_XENT, logits, target, NULL);
}
