/* Normalisation over the last axis: LayerNorm (Ba, Kiros and Hinton 2016) and RMSNorm (Zhang and Sennrich 2019).
 *
 * In: x (.., width), gain and bias (width). Out: y like x, and the statistics that the gradients read, with the dims of
 * x without the last; variance is the biased one. */
#include "graph/build.h"
#include "graph/optable.h"

static orr_status normalised(const struct orr_shape_site *s, uint32_t x_at)
{
    for (uint32_t k = 0; k < s->n_in; ++k)
        if (s->in[k].dtype != s->real) return orr_shape_fail(s, ORR_EDTYPE, "input %u must be real", k);
    if (s->in[x_at].rank < 1 || orr_shape_last(&s->in[x_at]) < 1)
        return orr_shape_fail(s, ORR_ESHAPE, "x needs a last axis of at least 1");
    return ORR_OK;
}

static struct orr_shape statistics_of(const struct orr_shape *x)
{
    struct orr_shape stat = *x;
    stat.rank -= 1;
    stat.dim[stat.rank] = 0;
    if (stat.rank == 0) stat.batch = 0;
    return stat;
}

static bool is_vector_of(const struct orr_shape *v, int64_t size) { return v->rank == 1 && v->dim[0] == size; }

orr_status orr_shape_rule_layernorm(const struct orr_shape_site *s)
{
    const struct orr_shape *x = &s->in[0];
    ORR_TRY(normalised(s, 0));
    if (!is_vector_of(&s->in[1], orr_shape_last(x)) || !is_vector_of(&s->in[2], orr_shape_last(x)))
        return orr_shape_fail(s, ORR_ESHAPE, "gain and bias must have the size of the last axis");
    s->out[0] = *x;
    s->out[1] = s->out[2] = statistics_of(x);
    return ORR_OK;
}

orr_status orr_shape_rule_rmsnorm(const struct orr_shape_site *s)
{
    const struct orr_shape *x = &s->in[0];
    ORR_TRY(normalised(s, 0));
    if (!is_vector_of(&s->in[1], orr_shape_last(x)))
        return orr_shape_fail(s, ORR_ESHAPE, "gain must have the size of the last axis");
    s->out[0] = *x;
    s->out[1] = statistics_of(x);
    return ORR_OK;
}

static orr_status norm_grad(const struct orr_shape_site *s, uint32_t n_statistics, uint32_t n_parameters)
{
    const struct orr_shape *x = &s->in[1];
    ORR_TRY(normalised(s, 1));
    const struct orr_shape stat = statistics_of(x);
    if (!orr_shape_equal(&s->in[0], x) || !is_vector_of(&s->in[2], orr_shape_last(x)))
        return orr_shape_fail(s, ORR_ESHAPE, "expected dy and x alike, gain of the last axis");
    for (uint32_t k = 0; k < n_statistics; ++k)
        if (!orr_shape_equal(&s->in[3 + k], &stat))
            return orr_shape_fail(s, ORR_ESHAPE, "statistics must have the dims of x without the last");
    s->out[0] = *x;
    for (uint32_t k = 0; k < n_parameters; ++k)
        s->out[1 + k] = s->in[2];
    return ORR_OK;
}

orr_status orr_shape_rule_layernorm_grad(const struct orr_shape_site *s) { return norm_grad(s, 2, 2); }

orr_status orr_shape_rule_rmsnorm_grad(const struct orr_shape_site *s) { return norm_grad(s, 1, 1); }

double orr_flops_rule_norm(const struct orr_call *call) { return 8.0 * orr_tensor_count(&call->in[0]); }

double orr_flops_rule_norm_grad(const struct orr_call *call) { return 14.0 * orr_tensor_count(&call->in[1]); }

/* --- gradients ------------------------------------------------------------------------------- */

static bool only_first_output(struct orr_gradient_site *s)
{
    for (uint32_t k = 1; k < s->node.n_out; ++k)
        if (s->dout[k] != ORR_NONE) {
            orr_graph_reject(s->g, ORR_EUNSUPPORTED, "%s: only the first output has a gradient, not output %u",
                             orr_op_by_id(s->node.op)->name, k);
            return false;
        }
    return s->dout[0] != ORR_NONE;
}

void orr_gradient_rule_layernorm(struct orr_gradient_site *s)
{
    if (!only_first_output(s)) return;
    const orr_handle in[5] = {s->dout[0], s->node.in[0], s->node.in[1], s->node.out[1], s->node.out[2]};
    orr_graph_apply(s->g, ORR_OP_LAYERNORM_GRAD, in, 5, NULL, NULL, 0, s->din);
}

void orr_gradient_rule_rmsnorm(struct orr_gradient_site *s)
{
    if (!only_first_output(s)) return;
    const orr_handle in[4] = {s->dout[0], s->node.in[0], s->node.in[1], s->node.out[1]};
    orr_graph_apply(s->g, ORR_OP_RMSNORM_GRAD, in, 4, NULL, NULL, 0, s->din);
}

/* --- lowerings, on x as (rows, n) ------------------------------------------------------------ */

static orr_handle row_mean(struct orr_graph *g, orr_handle x)
{
    return orr_affine(g, orr_sum_last(g, x), 1.0 / (double)orr_shape_last(orr_shape_of(g, x)), 0.0);
}

static orr_handle over_rows(struct orr_graph *g, orr_handle vector, orr_handle x)
{
    const struct orr_shape shape = *orr_shape_of(g, x);
    return orr_broadcast(g, vector, shape.rank, shape.dim);
}

static orr_handle one_over_root(struct orr_graph *g, orr_handle mean_square, double eps)
{
    const orr_handle root = orr_unary(g, ORR_OP_SQRT, orr_affine(g, mean_square, 1.0, eps));
    const struct orr_shape shape = *orr_shape_of(g, root);
    return orr_div(g, orr_fill(g, &shape, 1.0), root);
}

/* (rows, 1) as the statistics of x. */
static orr_handle as_statistics(struct orr_graph *g, orr_handle column, orr_handle x)
{
    const struct orr_shape stat = statistics_of(orr_shape_of(g, x));
    return orr_reshape(g, column, stat.rank, stat.dim);
}

static orr_handle as_column(struct orr_graph *g, orr_handle statistics)
{
    const int64_t dim[2] = {orr_shape_count(orr_shape_of(g, statistics)), 1};
    return orr_reshape(g, statistics, 2, dim);
}

void orr_lower_rule_layernorm(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle x = orr_as_matrix(g, node->in[0]);
    const int64_t n = orr_shape_last(orr_shape_of(g, x));
    const orr_handle mean = row_mean(g, x);
    const orr_handle centred = orr_sub(g, x, orr_repeat_last(g, mean, n));
    const orr_handle rstd = one_over_root(g, row_mean(g, orr_mul(g, centred, centred)), node->attr.f[0]);
    const orr_handle unit = orr_mul(g, centred, orr_repeat_last(g, rstd, n));
    const orr_handle y = orr_add(g, orr_mul(g, unit, over_rows(g, node->in[1], unit)), over_rows(g, node->in[2], unit));
    out[0] = orr_reshape_like(g, y, node->in[0]);
    out[1] = as_statistics(g, mean, node->in[0]);
    out[2] = as_statistics(g, rstd, node->in[0]);
}

void orr_lower_rule_rmsnorm(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle x = orr_as_matrix(g, node->in[0]);
    const int64_t n = orr_shape_last(orr_shape_of(g, x));
    const orr_handle rstd = one_over_root(g, row_mean(g, orr_mul(g, x, x)), node->attr.f[0]);
    const orr_handle unit = orr_mul(g, x, orr_repeat_last(g, rstd, n));
    out[0] = orr_reshape_like(g, orr_mul(g, unit, over_rows(g, node->in[1], unit)), node->in[0]);
    out[1] = as_statistics(g, rstd, node->in[0]);
}

void orr_lower_rule_layernorm_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle dy = orr_as_matrix(g, node->in[0]), x = orr_as_matrix(g, node->in[1]);
    const int64_t n = orr_shape_last(orr_shape_of(g, x));
    const orr_handle rstd = orr_repeat_last(g, as_column(g, node->in[4]), n);
    const orr_handle centred = orr_sub(g, x, orr_repeat_last(g, as_column(g, node->in[3]), n));
    const orr_handle unit = orr_mul(g, centred, rstd);
    const orr_handle dunit = orr_mul(g, dy, over_rows(g, node->in[2], dy));
    const orr_handle along = orr_mul(g, unit, orr_repeat_last(g, row_mean(g, orr_mul(g, dunit, unit)), n));
    const orr_handle across = orr_sub(g, dunit, orr_repeat_last(g, row_mean(g, dunit), n));
    out[0] = orr_reshape_like(g, orr_mul(g, rstd, orr_sub(g, across, along)), node->in[1]);
    out[1] = orr_sum_rows(g, orr_mul(g, dy, unit));
    out[2] = orr_sum_rows(g, dy);
}

void orr_lower_rule_rmsnorm_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle dy = orr_as_matrix(g, node->in[0]), x = orr_as_matrix(g, node->in[1]);
    const int64_t n = orr_shape_last(orr_shape_of(g, x));
    const orr_handle rstd = orr_repeat_last(g, as_column(g, node->in[3]), n);
    const orr_handle unit = orr_mul(g, x, rstd);
    const orr_handle dunit = orr_mul(g, dy, over_rows(g, node->in[2], dy));
    const orr_handle along = orr_mul(g, unit, orr_repeat_last(g, row_mean(g, orr_mul(g, dunit, unit)), n));
    out[0] = orr_reshape_like(g, orr_mul(g, rstd, orr_sub(g, dunit, along)), node->in[1]);
    out[1] = orr_sum_rows(g, orr_mul(g, dy, unit));
}

/* --- builders -------------------------------------------------------------------------------- */

orr_handle orr_layernorm(struct orr_graph *g, orr_handle x, orr_handle gain, orr_handle bias, double eps)
{
    const orr_handle in[3] = {x, gain, bias};
    const struct orr_attr attr = {.f = {eps}};
    return orr_graph_apply(g, ORR_OP_LAYERNORM, in, 3, &attr, NULL, 0, NULL);
}

orr_handle orr_rmsnorm(struct orr_graph *g, orr_handle x, orr_handle gain, double eps)
{
    const struct orr_attr attr = {.f = {eps}};
    return orr_apply2(g, ORR_OP_RMSNORM, x, gain, &attr);
}
