/* Scaled dot-product attention (Vaswani and others 2017) over fused queries, keys and values, with its gradient.
 *
 * qkv (batch, time, 3 * channels); built once for each DEPTH = channels / heads, so that a row lies in registers.
 * Probabilities are never stored: they are computed again from lse. One item a query, or a key for the gradients of
 * keys and values; masked keys are skipped, so that a step costs what is seen.
 */
#include "params.h"
#include "sum.h"

/* Item i is (batch, head, t). Sets where its rows begin in qkv and in y. */
#define POSITION                                                                                                       \
    ITEM(i, p.batch *p.heads *p.time);                                                                                 \
    const int group = (int)(i / (uint)p.time), t = (int)i - group * p.time, batch = group / p.heads;                   \
    const int channels = p.heads * DEPTH, head = (group - batch * p.heads) * DEPTH, first_row = batch * p.time;        \
    global const float *from = qkv + p.qkv + first_row * 3 * channels + head

/* The keys that query t sees are [first_key, end_key), the queries that see key t are [first_query, end_query). */
static int first_key(const struct params_attention *p, int t) { return max(t + 1 - p->window, 0); }
static int end_key(const struct params_attention *p, int t) { return p->causal ? t + 1 : min(t + p->window, p->time); }
static int first_query(const struct params_attention *p, int t) { return p->causal ? t : max(t + 1 - p->window, 0); }
static int end_query(const struct params_attention *p, int t) { return min(t + p->window, p->time); }

static void load_row(float *to, global const float *from)
{
    for (int d = 0; d < DEPTH; ++d)
        to[d] = from[d];
}

/* Eight sums, so that each stays small: scores are exponents, where every rounding counts. */
static float dot_row(const float *a, global const float *b)
{
    float part[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    for (int d = 0; d < DEPTH; ++d)
        part[d % 8] += a[d] * b[d];
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

kernel void attention_value(global const float *qkv, global float *y, global float *lse,
                            const struct params_attention p)
{
    POSITION;
    const int stride = 3 * channels, begin = first_key(&p, t), end = end_key(&p, t);
    float query[DEPTH], sum[DEPTH], most = -INFINITY;
    for (int d = 0; d < DEPTH; ++d)
        query[d] = p.scale < 0.0f ? -from[t * stride + d] : from[t * stride + d];
    for (int k = begin; k < end; ++k) {
        const float score = dot_row(query, from + k * stride + channels);
        most = score > most ? score : most;
    }
    struct sum total = {0.0f, 0.0f};
    for (int d = 0; d < DEPTH; ++d)
        sum[d] = 0.0f;
    for (int k = begin; k < end; ++k) {
        global const float *value = from + k * stride + 2 * channels;
        /* The difference of scores that matter is exact; scaled before, it would not be. */
        const float weight = exp((dot_row(query, from + k * stride + channels) - most) * fabs(p.scale));
        sum_add(&total, weight);
        for (int d = 0; d < DEPTH; ++d)
            sum[d] += weight * value[d];
    }
    const float all = sum_result(&total);
    global float *to = y + p.y + (first_row + t) * channels + head;
    for (int d = 0; d < DEPTH; ++d)
        to[d] = sum[d] / all;
    lse[p.lse + i] = most * fabs(p.scale) + log(all);
}

/* dq of one query, and along (batch, heads, time), the sum of dy * y over the head. */
kernel void attention_grad_query(global const float *dy, global const float *qkv, global const float *y,
                                 global const float *lse, global float *along_out, global float *dqkv,
                                 const struct params_attention p)
{
    POSITION;
    const int stride = 3 * channels, begin = first_key(&p, t), end = end_key(&p, t);
    float query[DEPTH], slope[DEPTH], sum[DEPTH];
    load_row(query, from + t * stride);
    load_row(slope, dy + p.dy + (first_row + t) * channels + head);
    const float along = dot_row(slope, y + p.y + (first_row + t) * channels + head), log_sum = lse[p.lse + i];
    for (int d = 0; d < DEPTH; ++d)
        sum[d] = 0.0f;
    for (int k = begin; k < end; ++k) {
        global const float *key = from + k * stride + channels;
        const float weight = exp(dot_row(query, key) * p.scale - log_sum);
        const float dscore = weight * (dot_row(slope, key + channels) - along) * p.scale;
        for (int d = 0; d < DEPTH; ++d)
            sum[d] += dscore * key[d];
    }
    along_out[p.along + i] = along;
    global float *to = dqkv + p.dqkv + (first_row + t) * stride + head;
    for (int d = 0; d < DEPTH; ++d)
        to[d] = sum[d];
}

/* dk and dv of one key; here t is the key's place. */
kernel void attention_grad_key(global const float *dy, global const float *qkv, global const float *lse,
                               global const float *along, global float *dqkv, const struct params_attention p)
{
    POSITION;
    const int stride = 3 * channels, begin = first_query(&p, t), end = end_query(&p, t);
    float key[DEPTH], value[DEPTH], dkey[DEPTH], dvalue[DEPTH];
    load_row(key, from + t * stride + channels);
    load_row(value, from + t * stride + 2 * channels);
    for (int d = 0; d < DEPTH; ++d)
        dkey[d] = dvalue[d] = 0.0f;
    for (int k = begin; k < end; ++k) {
        global const float *query = from + k * stride, *slope = dy + p.dy + (first_row + k) * channels + head;
        const int seen = group * p.time + k;
        const float weight = exp(dot_row(key, query) * p.scale - lse[p.lse + seen]);
        const float dscore = weight * (dot_row(value, slope) - along[p.along + seen]) * p.scale;
        for (int d = 0; d < DEPTH; ++d) {
            dkey[d] += dscore * query[d];
            dvalue[d] += weight * slope[d];
        }
    }
    global float *to = dqkv + p.dqkv + (first_row + t) * stride + channels + head;
    for (int d = 0; d < DEPTH; ++d) {
        to[d] = dkey[d];
        to[channels + d] = dvalue[d];
    }
}
