/* Scaled dot-product attention (Vaswani and others 2017) over fused queries, keys and values, with its gradient.
 *
 * qkv (batch, time, 3 * channels): q, k, v side by side; head h has columns h * depth .. of each, depth = channels /
 * heads. Probabilities are never stored: the forward pass keeps lse (batch, heads, time), the log of the sum of the
 * exponentials of the scaled scores, and the gradient computes them again from it. Masked keys are skipped, not added.
 */
#include "product.h"
#include "template.h"

#include <math.h>

struct attention {
    int64_t batch, time, channels, heads, depth;
    int64_t window; /* keys seen, the query's own among them; time when all are */
    bool causal;
    double scale;
};

static struct attention read_shape(const struct orr_call *call, const struct orr_tensor *qkv)
{
    struct attention s = {.batch = qkv->dim[0], .time = qkv->dim[1], .channels = qkv->dim[2] / 3};
    s.heads = call->attr.i[2];
    s.depth = s.channels / s.heads;
    s.causal = call->attr.i[0] != 0;
    s.window = call->attr.i[1] > 0 && call->attr.i[1] < s.time ? call->attr.i[1] : s.time;
    s.scale = call->attr.f[0];
    return s;
}

/* The keys that query t sees are [first, end): within the window behind it and, when not causal, ahead of it. */
static int64_t first_key(const struct attention *s, int64_t t) { return t + 1 > s->window ? t + 1 - s->window : 0; }

static int64_t end_key(const struct attention *s, int64_t t)
{
    if (s->causal) return t + 1;
    return t + s->window < s->time ? t + s->window : s->time;
}

/* to (time, depth) := one head's columns of from, whose rows are stride apart. */
static void load_rows(const struct attention *s, const element *from, int64_t stride, double *restrict to)
{
    for (int64_t t = 0; t < s->time; ++t)
        for (int64_t d = 0; d < s->depth; ++d)
            to[t * s->depth + d] = (double)from[t * stride + d];
}

/* The same, turned: to (depth, time). */
static void load_columns(const struct attention *s, const element *from, int64_t stride, double *restrict to)
{
    for (int64_t t = 0; t < s->time; ++t)
        for (int64_t d = 0; d < s->depth; ++d)
            to[d * s->time + t] = (double)from[t * stride + d];
}

/* score[first..end) := row (depth) times the columns of turned (depth, time), over the keys that query t sees. */
static void dot_keys(const struct attention *s, int64_t t, const double *row, const double *turned, double *score)
{
    const int64_t first = first_key(s, t), count = end_key(s, t) - first;
    for (int64_t k = 0; k < count; ++k)
        score[first + k] = 0;
    reference_add_product(score + first, count, row, turned + first, s->time, s->depth);
}

/* qkv -> y (batch, time, channels), lse. i[0] causal, i[1] window (0: all), i[2] heads; f[0] scale of the scores. Query
 * t sees key k when |t - k| < window, and k <= t if causal. */
KERNEL(ATTENTION)
{
    const struct attention s = read_shape(call, &call->in[0]);
    const int64_t size = s.time * s.depth, stride = 3 * s.channels;
    double *keys = reference_scratch(dev, 3 * size + s.time + s.depth, err);
    if (!keys) return ORR_ENOMEM;
    double *values = keys + size, *queries = values + size, *score = queries + size, *sum = score + s.time;
    element *lse = reference_data(&call->out[1]);
    for (int64_t group = 0; group < s.batch * s.heads; ++group) {
        const int64_t b = group / s.heads, h = group % s.heads;
        const element *qkv = (const element *)reference_data(&call->in[0]) + b * s.time * stride + h * s.depth;
        element *y = (element *)reference_data(&call->out[0]) + b * s.time * s.channels + h * s.depth;
        load_rows(&s, qkv, stride, queries);
        load_columns(&s, qkv + s.channels, stride, keys);
        load_rows(&s, qkv + 2 * s.channels, stride, values);
        for (int64_t t = 0; t < s.time; ++t) {
            const int64_t first = first_key(&s, t), end = end_key(&s, t);
            dot_keys(&s, t, queries + t * s.depth, keys, score);
            double most = -HUGE_VAL, total = 0;
            for (int64_t k = first; k < end; ++k) {
                score[k] *= s.scale;
                if (score[k] > most) most = score[k];
            }
            for (int64_t k = first; k < end; ++k)
                total += score[k] = exp(score[k] - most);
            for (int64_t d = 0; d < s.depth; ++d)
                sum[d] = 0;
            reference_add_product(sum, s.depth, score + first, values + first * s.depth, s.depth, end - first);
            for (int64_t d = 0; d < s.depth; ++d)
                y[t * s.channels + d] = (element)(sum[d] / total);
            lse[group * s.time + t] = (element)(most + log(total));
        }
    }
    return ORR_OK;
}

/* Scratch of the gradient for one head, all (time, depth) but the last three. */
struct gradient {
    double *q, *k, *dk, *dv;
    double *k_turned, *v_turned;  /* (depth, time) */
    double *probability, *dscore; /* (time) */
    double *dy, *dq;              /* (depth) */
};

static int64_t gradient_count(const struct attention *s) { return 6 * s->time * s->depth + 2 * s->time + 2 * s->depth; }

static struct gradient gradient_divide(const struct attention *s, double *scratch)
{
    const int64_t size = s->time * s->depth;
    struct gradient g = {.q = scratch};
    g.k = g.q + size;
    g.dk = g.k + size;
    g.dv = g.dk + size;
    g.k_turned = g.dv + size;
    g.v_turned = g.k_turned + size;
    g.probability = g.v_turned + size;
    g.dscore = g.probability + s->time;
    g.dy = g.dscore + s->time;
    g.dq = g.dy + s->depth;
    return g;
}

/* One query of the gradient: dq is set; dk and dv are added to. `along` is the sum of dy * y over the head. */
static void query_gradient(const struct attention *s, const struct gradient *g, int64_t t, double lse, double along)
{
    const int64_t first = first_key(s, t), end = end_key(s, t), depth = s->depth;
    const double *restrict q = g->q + t * depth, *restrict dy = g->dy;
    dot_keys(s, t, q, g->k_turned, g->probability);
    dot_keys(s, t, dy, g->v_turned, g->dscore);
    for (int64_t k = first; k < end; ++k) {
        const double probability = exp(g->probability[k] * s->scale - lse), slope = g->dscore[k];
        const double dscore = probability * (slope - along) * s->scale;
        double *restrict dk = g->dk + k * depth, *restrict dv = g->dv + k * depth;
        for (int64_t d = 0; d < depth; ++d) {
            dk[d] += dscore * q[d];
            dv[d] += probability * dy[d];
        }
        g->dscore[k] = dscore;
    }
    for (int64_t d = 0; d < depth; ++d)
        g->dq[d] = 0;
    reference_add_product(g->dq, depth, g->dscore + first, g->k + first * depth, depth, end - first);
}

/* dy, qkv, y, lse -> dqkv (batch, time, 3 * channels); attributes as attention. */
KERNEL(ATTENTION_GRAD)
{
    const struct attention s = read_shape(call, &call->in[1]);
    const int64_t size = s.time * s.depth, stride = 3 * s.channels;
    double *scratch = reference_scratch(dev, gradient_count(&s), err);
    if (!scratch) return ORR_ENOMEM;
    const struct gradient g = gradient_divide(&s, scratch);
    const element *lse = reference_data(&call->in[3]);
    for (int64_t group = 0; group < s.batch * s.heads; ++group) {
        const int64_t b = group / s.heads, h = group % s.heads;
        const int64_t narrow = b * s.time * s.channels + h * s.depth, wide = b * s.time * stride + h * s.depth;
        const element *dy = (const element *)reference_data(&call->in[0]) + narrow;
        const element *qkv = (const element *)reference_data(&call->in[1]) + wide;
        const element *y = (const element *)reference_data(&call->in[2]) + narrow;
        element *dqkv = (element *)reference_data(&call->out[0]) + wide;
        load_rows(&s, qkv, stride, g.q);
        load_rows(&s, qkv + s.channels, stride, g.k);
        load_columns(&s, qkv + s.channels, stride, g.k_turned);
        load_columns(&s, qkv + 2 * s.channels, stride, g.v_turned);
        for (int64_t i = 0; i < size; ++i)
            g.dk[i] = g.dv[i] = 0;
        for (int64_t t = 0; t < s.time; ++t) {
            double along = 0;
            for (int64_t d = 0; d < s.depth; ++d) {
                g.dy[d] = (double)dy[t * s.channels + d];
                along += g.dy[d] * (double)y[t * s.channels + d];
            }
            query_gradient(&s, &g, t, (double)lse[group * s.time + t], along);
            for (int64_t d = 0; d < s.depth; ++d)
                dqkv[t * stride + d] = (element)g.dq[d];
        }
        for (int64_t t = 0; t < s.time; ++t)
            for (int64_t d = 0; d < s.depth; ++d) {
                dqkv[t * stride + s.channels + d] = (element)g.dk[t * s.depth + d];
                dqkv[t * stride + 2 * s.channels + d] = (element)g.dv[t * s.depth + d];
            }
    }
    return ORR_OK;
}
