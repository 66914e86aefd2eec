/* Attention and its gradient (kernels/attention.cl) over fewer than sixteen places, for processors: an item takes one
 * head of sixteen sequences, one a lane, so that nothing is added up across lanes and what a query does not see is not
 * computed. Built once for each DEPTH = channels / heads, sixteen elements of a row at a time.
 */
#include "head.h"
#include "params.h"

/* Rows of a sequence, at most; and pairs of them. */
#define ROWS  15
#define PAIRS (ROWS * LANES)

/* The keys that query t sees, and the queries that see key k: [first, end). */
static int first_key(const struct params_attention *p, int t) { return max(t + 1 - p->window, 0); }

static int end_key(const struct params_attention *p, int t) { return p->causal ? t + 1 : min(t + p->window, p->time); }

static int first_query(const struct params_attention *p, int k) { return p->causal ? k : max(k + 1 - p->window, 0); }

static int end_query(const struct params_attention *p, int k) { return min(k + p->window, p->time); }

/* Chunk c of all rows of `count` sequences, `row` elements from one row to the next: to[16 t + d] holds element d of
 * row t, one sequence a lane. Lanes without a sequence repeat the last. */
static void take_rows(float16 *to, global const float *from, const struct params_attention *p, int row, int count,
                      int c)
{
    for (int t = 0; t < p->time; ++t) {
        float16 block[LANES];
#pragma unroll
        for (int j = 0; j < LANES; ++j)
            block[j] = load_chunk(from + (min(j, count - 1) * p->time + t) * row, c);
        transpose(block);
#pragma unroll
        for (int j = 0; j < LANES; ++j)
            to[LANES * t + j] = block[j];
    }
}

/* score[16 t + k] += row t of a times row k of b, over a chunk. */
static void add_products(float16 *score, const float16 *a, const float16 *b, const struct params_attention *p)
{
    for (int t = 0; t < p->time; ++t)
        for (int k = first_key(p, t); k < end_key(p, t); ++k) {
            float16 even = (float16)(0.0f), odd = (float16)(0.0f);
#pragma unroll
            for (int d = 0; d < LANES; d += 2) {
                even = fma(a[LANES * t + d], b[LANES * k + d], even);
                odd = fma(a[LANES * t + d + 1], b[LANES * k + d + 1], odd);
            }
            score[LANES * t + k] += even + odd;
        }
}

/* Chunk c of a row of `count` sequences, `apart` elements from one to the next, := the sum over i in [first, end) of
 * weight[i * step] times row i. */
static void give_sum(global float *to, int apart, int count, int c, const float16 *weight, int step,
                     const float16 *rows, int first, int end)
{
    float16 sum[LANES];
#pragma unroll
    for (int d = 0; d < LANES; ++d)
        sum[d] = (float16)(0.0f);
    for (int i = first; i < end; ++i) {
        const float16 w = weight[i * step];
#pragma unroll
        for (int d = 0; d < LANES; ++d)
            sum[d] = fma(w, rows[LANES * i + d], sum[d]);
    }
    transpose(sum);
#pragma unroll
    for (int j = 0; j < LANES; ++j)
        if (j < count) store_chunk(sum[j], to + j * apart, c);
}

/* Which head of which sequences an item has: `first` is the first, of `count`. */
#define ITEM_OF_SEQUENCES                                                                                              \
    ITEM(i, (p.batch + LANES - 1) / LANES * p.heads);                                                                  \
    const int pack = (int)i / p.heads, head = (int)i - pack * p.heads;                                                 \
    const int first = pack * LANES, count = min(LANES, p.batch - first);                                               \
    const int channels = p.heads * DEPTH, stride = 3 * channels

kernel void attention_short_value(global const float *qkv, global float *y, global float *lse,
                                  const struct params_attention p)
{
    ITEM_OF_SEQUENCES;
    global const float *from = qkv + p.qkv + first * p.time * stride + head * DEPTH;
    global float *to = y + p.y + first * p.time * channels + head * DEPTH;
    global float *log_to = lse + p.lse + (first * p.heads + head) * p.time;
    float16 query[PAIRS], key[PAIRS], weight[PAIRS];
    const int rows = LANES * p.time; /* those of the next sequences lie behind them */
    for (int part = 0; part < 3; ++part)
        fetch_rows(from + part * channels + rows * stride, stride, rows);
    fetch_rows(to + rows * channels, channels, rows);
    for (int t = 0; t < LANES * p.time; ++t)
        weight[t] = (float16)(0.0f);
    for (int c = 0; c < CHUNKS; ++c) {
        take_rows(query, from, &p, stride, count, c);
        take_rows(key, from + channels, &p, stride, count, c);
        add_products(weight, query, key, &p);
    }
    const float scale = fabs(p.scale), sign = p.scale < 0.0f ? -1.0f : 1.0f;
    for (int t = 0; t < p.time; ++t) {
        float16 most = (float16)(-INFINITY), total = (float16)(0.0f), *const w = weight + LANES * t;
        const int begin = first_key(&p, t), end = end_key(&p, t);
        for (int k = begin; k < end; ++k) {
            w[k] *= sign;
            most = w[k] > most ? w[k] : most;
        }
        for (int k = begin; k < end; ++k) {
            /* The difference of scores that matter is exact; scaled before, it would not be. */
            w[k] = exp((w[k] - most) * scale);
            total += w[k];
        }
        float part[LANES];
        vstore16(most * scale + log(total), 0, part);
        for (int j = 0; j < count; ++j)
            log_to[j * p.heads * p.time + t] = part[j];
        for (int k = begin; k < end; ++k)
            w[k] /= total;
    }
    for (int c = 0; c < CHUNKS; ++c) {
        take_rows(key, from + 2 * channels, &p, stride, count, c);
        for (int t = 0; t < p.time; ++t)
            give_sum(to + t * channels, p.time * channels, count, c, weight + LANES * t, 1, key, first_key(&p, t),
                     end_key(&p, t));
    }
}

/* y is not read: the sum of dy * y over a row is that of probability times its gradient over the keys, which are few
 * and at hand. */
kernel void attention_short_grad(global const float *dy, global const float *qkv, global const float *y,
                                 global const float *lse, global float *dqkv, const struct params_attention p)
{
    ITEM_OF_SEQUENCES;
    global const float *from = qkv + p.qkv + first * p.time * stride + head * DEPTH;
    global const float *slope_from = dy + p.dy + first * p.time * channels + head * DEPTH;
    global const float *log_from = lse + p.lse + (first * p.heads + head) * p.time;
    global float *to = dqkv + p.dqkv + first * p.time * stride + head * DEPTH;
    float16 a[PAIRS], b[PAIRS], weight[PAIRS], dscore[PAIRS];
    const int rows = LANES * p.time; /* those of the next sequences lie behind them */
    for (int part = 0; part < 3; ++part) {
        fetch_rows(from + part * channels + rows * stride, stride, rows);
        fetch_rows(to + part * channels + rows * stride, stride, rows);
    }
    fetch_rows(slope_from + rows * channels, channels, rows);
    for (int t = 0; t < LANES * p.time; ++t)
        weight[t] = dscore[t] = (float16)(0.0f);
    for (int c = 0; c < CHUNKS; ++c) {
        take_rows(a, from, &p, stride, count, c);
        take_rows(b, from + channels, &p, stride, count, c);
        add_products(weight, a, b, &p);
        take_rows(a, slope_from, &p, channels, count, c);
        take_rows(b, from + 2 * channels, &p, stride, count, c);
        add_products(dscore, a, b, &p);
    }
    for (int t = 0; t < p.time; ++t) {
        float16 *const w = weight + LANES * t, *const d = dscore + LANES * t, along = (float16)(0.0f);
        const int begin = first_key(&p, t), end = end_key(&p, t);
        float part[LANES];
        for (int j = 0; j < LANES; ++j)
            part[j] = log_from[min(j, count - 1) * p.heads * p.time + t];
        const float16 log_sum = vload16(0, part);
        for (int k = begin; k < end; ++k) {
            w[k] = exp(w[k] * p.scale - log_sum);
            along = fma(w[k], d[k], along);
        }
        for (int k = begin; k < end; ++k)
            d[k] = w[k] * (d[k] - along) * p.scale;
    }
    const int apart = p.time * stride;
    for (int c = 0; c < CHUNKS; ++c) {
        take_rows(a, from + channels, &p, stride, count, c);
        for (int t = 0; t < p.time; ++t)
            give_sum(to + t * stride, apart, count, c, dscore + LANES * t, 1, a, first_key(&p, t), end_key(&p, t));
        take_rows(a, from, &p, stride, count, c);
        take_rows(b, slope_from, &p, channels, count, c);
        for (int k = 0; k < p.time; ++k) {
            global float *row = to + k * stride + channels;
            const int begin = first_query(&p, k), end = end_query(&p, k);
            give_sum(row, apart, count, c, dscore + k, LANES, a, begin, end);
            give_sum(row + channels, apart, count, c, weight + k, LANES, b, begin, end);
        }
    }
}
