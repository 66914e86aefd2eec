/* Scaled dot-product attention (Vaswani et al. 2017), causal and windowed; its gradient from the saved lse and delta =
 * sum(dy y) of each row (FlashAttention-2, Dao 2023).
 *
 * qkv (batch, time, 3*channel) holds q | k | v; head h takes columns h*depth .. h*depth+depth-1 of each. lse (batch,
 * heads, time) is the log of the sum of exponentials of the scaled, masked scores of a row. */
#include "graph/build.h"
#include "graph/optable.h"

struct sizes {
    int64_t batch, time, channel, heads, depth;
};

static struct sizes sizes_of(const struct orr_shape *qkv, const struct orr_attr *attr)
{
    const int64_t heads = attr->i[2] > 0 ? attr->i[2] : 1, channel = qkv->dim[2] / 3;
    return (struct sizes){qkv->dim[0], qkv->dim[1], channel, heads, channel / heads};
}

static orr_status check_qkv(const struct orr_shape_site *s, const struct orr_shape *qkv)
{
    const int64_t heads = s->attr->i[2];
    for (uint32_t k = 0; k < s->n_in; ++k)
        if (s->in[k].dtype != s->real) return orr_shape_fail(s, ORR_EDTYPE, "input %u must be real", k);
    if (qkv->rank != 3 || qkv->dim[2] % 3 != 0 || heads < 1 || (qkv->dim[2] / 3) % heads != 0)
        return orr_shape_fail(s, ORR_ESHAPE, "expected qkv (batch, time, 3*channel), channel a multiple of %lld heads",
                              (long long)heads);
    if (s->attr->i[1] < 0) return orr_shape_fail(s, ORR_EINVAL, "window %lld: 0 or more", (long long)s->attr->i[1]);
    return ORR_OK;
}

static void shapes_of_outputs(const struct orr_shape *qkv, const struct sizes *n, struct orr_shape *y,
                              struct orr_shape *lse)
{
    *y = *qkv;
    y->dim[2] = n->channel;
    *lse = *qkv;
    lse->dim[1] = n->heads;
    lse->dim[2] = n->time;
}

orr_status orr_shape_rule_attention(const struct orr_shape_site *s)
{
    ORR_TRY(check_qkv(s, &s->in[0]));
    const struct sizes n = sizes_of(&s->in[0], s->attr);
    shapes_of_outputs(&s->in[0], &n, &s->out[0], &s->out[1]);
    return ORR_OK;
}

orr_status orr_shape_rule_attention_grad(const struct orr_shape_site *s)
{
    struct orr_shape y, lse;
    ORR_TRY(check_qkv(s, &s->in[1]));
    const struct sizes n = sizes_of(&s->in[1], s->attr);
    shapes_of_outputs(&s->in[1], &n, &y, &lse);
    if (!orr_shape_equal(&s->in[0], &y) || !orr_shape_equal(&s->in[2], &y) || !orr_shape_equal(&s->in[3], &lse))
        return orr_shape_fail(s, ORR_ESHAPE, "expected dy and y (batch, time, channel), lse (batch, heads, time)");
    s->out[0] = s->in[1];
    return ORR_OK;
}

/* Query-key pairs that the mask lets through, per sequence and head. */
static double pairs(const struct orr_call *call, int64_t time)
{
    const int64_t window = call->attr.i[1] > 0 && call->attr.i[1] < time ? call->attr.i[1] : time;
    if (call->attr.i[0]) return (double)window * (double)time - 0.5 * (double)window * (double)(window - 1);
    return (double)time * (double)(2 * window - 1) - (double)window * (double)(window - 1);
}

double orr_flops_rule_attention(const struct orr_call *call)
{
    const struct orr_tensor *qkv = &call->in[0];
    const double each = 4.0 * (double)qkv->dim[2] / 3.0 + 5.0 * (double)call->attr.i[2];
    return (double)qkv->dim[0] * pairs(call, qkv->dim[1]) * each;
}

double orr_flops_rule_attention_grad(const struct orr_call *call)
{
    const struct orr_tensor *qkv = &call->in[1];
    const double each = 10.0 * (double)qkv->dim[2] / 3.0 + 6.0 * (double)call->attr.i[2];
    return (double)qkv->dim[0] * pairs(call, qkv->dim[1]) * each;
}

void orr_gradient_rule_attention(struct orr_gradient_site *s)
{
    if (s->dout[1] != ORR_NONE) {
        orr_graph_reject(s->g, ORR_EUNSUPPORTED, "attention: its log-sum-exp output has no gradient");
        return;
    }
    const orr_handle in[4] = {s->dout[0], s->node.in[0], s->node.out[0], s->node.out[1]};
    s->din[0] = orr_graph_apply(s->g, ORR_OP_ATTENTION_GRAD, in, 4, &s->node.attr, NULL, 0, NULL);
}

/* --- from primitives ------------------------------------------------------------------------- */

/* The mask as numbers to add, 0 or minus infinity: (time, time). Only the distance key - query matters, so a row of
 * 2*time flags indexed by it modulo 2*time is repeated; reading that with rows one element shorter shifts each row by
 * one place against the last, which makes the matrix of all distances without any index arithmetic. */
static orr_handle mask_of(struct orr_graph *g, const struct sizes *n, const struct orr_attr *attr)
{
    const int64_t t = n->time, size = 2 * t;
    const int64_t reach = attr->i[1] > 0 && attr->i[1] < t ? attr->i[1] : t;
    const struct orr_shape here = {.dtype = g->real, .rank = 1, .dim = {attr->i[0] ? 1 : reach}};
    orr_handle allowed = orr_pad(g, orr_fill(g, &here, 1.0), 0, 0, size);
    if (reach > 1) {
        const struct orr_shape before = {.dtype = g->real, .rank = 1, .dim = {reach - 1}};
        allowed = orr_add(g, allowed, orr_pad(g, orr_fill(g, &before, 1.0), 0, size - (reach - 1), size));
    }
    const int64_t rows[2] = {t, size}, shifted[2] = {t, size - 1};
    const orr_handle repeated = orr_broadcast(g, allowed, 2, rows);
    const orr_handle distances = orr_graph_view(g, repeated, 0, 2, shifted);
    return orr_unary(g, ORR_OP_LOG, orr_slice(g, distances, 1, 0, t));
}

/* Columns first .. first+channel-1 of qkv as (batch, time, heads, depth). */
static orr_handle part_of(struct orr_graph *g, orr_handle qkv, const struct sizes *n, int64_t first)
{
    const int64_t dim[4] = {n->batch, n->time, n->heads, n->depth};
    return orr_reshape(g, orr_slice(g, qkv, 2, first, n->channel), 4, dim);
}

/* (a, b, c, d) to (a, c, b, d); its own inverse. */
static orr_handle swap_middle(struct orr_graph *g, orr_handle x)
{
    static const int64_t axis[4] = {0, 2, 1, 3};
    return orr_permute(g, x, axis);
}

static orr_handle scores_of(struct orr_graph *g, orr_handle q, orr_handle k, const struct sizes *n,
                            const struct orr_attr *attr)
{
    const int64_t full[4] = {n->batch, n->heads, n->time, n->time};
    const orr_handle raw = orr_matmul(g, swap_middle(g, q), swap_middle(g, k), false, true);
    return orr_add(g, orr_affine(g, raw, attr->f[0], 0.0), orr_broadcast(g, mask_of(g, n, attr), 4, full));
}

static struct orr_attr attributes_of(const struct orr_attention *a)
{
    return (struct orr_attr){.i = {a->causal, a->window, a->heads}, .f = {a->scale}};
}

orr_handle orr_attention_open(struct orr_graph *g, orr_handle qkv, const struct orr_attention *a,
                              struct orr_attention_parts *parts)
{
    const struct orr_shape shape = *orr_shape_of(g, qkv);
    const struct orr_attr attr = attributes_of(a);
    if (g->error.code != ORR_OK) return ORR_NONE;
    if (shape.rank != 3 || a->heads < 1 || shape.dim[2] % (3 * a->heads) != 0 || a->window < 0)
        return orr_graph_reject(g, ORR_ESHAPE,
                                "attention: expected qkv (batch, time, 3*channel), channel a multiple of "
                                "%lld heads, window 0 or more",
                                (long long)a->heads);
    const struct sizes n = sizes_of(&shape, &attr);
    parts->q = part_of(g, qkv, &n, 0);
    parts->k = part_of(g, qkv, &n, n.channel);
    parts->v = part_of(g, qkv, &n, 2 * n.channel);
    parts->scores = scores_of(g, parts->q, parts->k, &n, &attr);
    parts->pattern = orr_softmax(g, parts->scores);
    parts->z = swap_middle(g, orr_matmul(g, parts->pattern, swap_middle(g, parts->v), false, false));
    const int64_t dim[3] = {n.batch, n.time, n.channel};
    return orr_reshape(g, parts->z, 3, dim);
}

void orr_lower_rule_attention(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const struct sizes n = sizes_of(orr_shape_of(g, node->in[0]), &node->attr);
    const struct orr_attention a = {node->attr.i[0] != 0, node->attr.i[1], node->attr.i[2], node->attr.f[0]};
    struct orr_attention_parts parts;
    out[0] = orr_attention_open(g, node->in[0], &a, &parts);
    const orr_handle top = orr_max(g, parts.scores, 3);
    const orr_handle shifted = orr_sub(g, parts.scores, orr_repeat_last(g, top, n.time));
    const orr_handle total = orr_sum_last(g, orr_unary(g, ORR_OP_EXP, shifted));
    const int64_t dim[3] = {n.batch, n.heads, n.time};
    out[1] = orr_reshape(g, orr_add(g, top, orr_unary(g, ORR_OP_LOG, total)), 3, dim);
}

void orr_lower_rule_attention_grad(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out)
{
    const orr_handle qkv = node->in[1];
    const struct sizes n = sizes_of(orr_shape_of(g, qkv), &node->attr);
    const int64_t split[4] = {n.batch, n.time, n.heads, n.depth}, row[4] = {n.batch, n.heads, n.time, 1};
    const orr_handle q = part_of(g, qkv, &n, 0), k = part_of(g, qkv, &n, n.channel);
    const orr_handle v = swap_middle(g, part_of(g, qkv, &n, 2 * n.channel));
    const orr_handle dy = swap_middle(g, orr_reshape(g, node->in[0], 4, split));
    const orr_handle y = swap_middle(g, orr_reshape(g, node->in[2], 4, split));
    const orr_handle scores = scores_of(g, q, k, &n, &node->attr);
    const orr_handle lse = orr_repeat_last(g, orr_reshape(g, node->in[3], 4, row), n.time);
    const orr_handle p = orr_unary(g, ORR_OP_EXP, orr_sub(g, scores, lse));
    const orr_handle dp = orr_matmul(g, dy, v, false, true);
    const orr_handle delta = orr_repeat_last(g, orr_sum_last(g, orr_mul(g, dy, y)), n.time);
    const orr_handle ds = orr_affine(g, orr_mul(g, p, orr_sub(g, dp, delta)), node->attr.f[0], 0.0);
    const orr_handle grad[3] = {orr_matmul(g, ds, swap_middle(g, k), false, false),
                                orr_matmul(g, ds, swap_middle(g, q), true, false), orr_matmul(g, p, dy, true, false)};
    const int64_t flat[3] = {n.batch, n.time, n.channel};
    for (int part = 0; part < 3; ++part) {
        const orr_handle d = orr_reshape(g, swap_middle(g, grad[part]), 3, flat);
        const orr_handle wide = orr_pad(g, d, 2, part * n.channel, 3 * n.channel);
        out[0] = part ? orr_add(g, out[0], wide) : wide;
    }
}

orr_handle orr_attention(struct orr_graph *g, orr_handle qkv, const struct orr_attention *a)
{
    const struct orr_attr attr = attributes_of(a);
    return orr_apply1(g, ORR_OP_ATTENTION, qkv, &attr);
}
