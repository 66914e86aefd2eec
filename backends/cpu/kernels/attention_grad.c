/* The gradient of attention from the saved logarithms of sums: dy, qkv, y, lse -> dqkv (batch, time, 3 channels).
 *
 * Probabilities p = exp(score - lse) are computed again; with along = sum(dy y) of a query, dscore = p (dy v - along)
 * scale, dq = dscore k, dk = dscore' q, dv = p' dy (Dao and others 2022, "FlashAttention", algorithm 4). Blocks of
 * QUERIES queries go over the keys they see, KEYS at a time, always in the same order.
 */
#include "attention.h"

/* The last block of rows may begin anywhere. */
enum { SCORE_ROWS = QUERIES + ROWS_AT_ONCE };

/* Of a group. */
struct gradient {
    struct rows query, key, dy;                /* as they are: to be read along the depth */
    struct rows query_wide, key_wide, dy_wide; /* readable vector by vector */
    const float *keys, *values;                /* turned, keys times the scale */
    const float *lse;
    float *along;                /* (time) */
    bool finite;                 /* lse and along: what is 0 where a query does not see a key is 0 in products too */
    float *probability, *dscore; /* (SCORE_ROWS, BLOCK_STRIDE) */
    float *dq, *dk, *dv;         /* rows 3 channels apart */
};

/* A block: queries t .. t + queries - 1, keys k .. k + keys - 1. */
struct block {
    int64_t t, queries, k, keys;
    bool first; /* of its queries */
};

CPU_INLINE void zero_rows(const struct attention *s, float *to)
{
    for (int64_t t = 0; t < s->time; ++t)
        for (int64_t d = 0; d < s->depth; d += LANES)
            row_store(to + t * 3 * s->channels + d, (vec){0}, s->depth - d);
}

/* along[t] = sum(dy y), LANES queries at once. */
CPU_INLINE void sums_along(const struct attention *s, struct rows dy, struct rows y, float *along)
{
    for (int64_t t = 0; t < s->time; t += LANES) {
        const int64_t rows = smaller(s->time - t, LANES);
        vec part[LANES];
        row_parts(part, (vec){0});
        for (int64_t r = 0; r < rows; ++r) {
            const float *a = dy.at + (t + r) * dy.stride, *b = y.at + (t + r) * y.stride;
            vec sum = {0};
            for (int64_t d = 0; d < s->depth; d += LANES)
                sum += row_load(a + d, s->depth - d) * row_load(b + d, s->depth - d);
            part[r] = sum;
        }
        row_store(along + t, lanes_sum(part), rows);
    }
}

/* A query or a dy that is not finite leaves an lse or a sum along it that is not. */
CPU_INLINE bool all_finite(const float *x, int64_t count)
{
    vec zero = {0};
    for (int64_t j = 0; j < count; j += LANES)
        zero += row_load(x + j, count - j) * 0.0f;
    for (int i = 0; i < LANES; ++i)
        if (zero[i] != 0.0f) return false;
    return true;
}

/* Scores and dy v of ROWS_AT_ONCE queries become probabilities and dscore. */
CPU_INLINE void slopes_of_rows(const struct attention *s, const struct gradient *g, int64_t t, int64_t k, int64_t count,
                               float *restrict probability, float *restrict dscore)
{
    float lse[ROWS_AT_ONCE], along[ROWS_AT_ONCE];
    for (int r = 0; r < ROWS_AT_ONCE; ++r) {
        const int64_t at = smaller(t + r, s->time - 1); /* rows beyond are whatever they are */
        lse[r] = g->lse[at];
        along[r] = g->along[at];
    }
    for (int64_t j = 0; j < count; j += LANES) {
        if (!all_seen(s, t, ROWS_AT_ONCE, k + j)) {
            CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r)
            {
                float *at = probability + r * BLOCK_STRIDE + j;
                vec_store(at, masked(s, t + r, k + j, vec_load(at)));
            }
        }
        CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r)
        {
            const int64_t at = r * BLOCK_STRIDE + j;
            const vec p = vec_exp_or_zero(vec_load(probability + at) - lse[r]);
            vec_store(probability + at, p);
            vec_store(dscore + at, p * s->scale * (vec_load(dscore + at) - along[r]));
        }
    }
}

CPU_INLINE void zero_part(float *row, int64_t from, int64_t end)
{
    for (int64_t j = from; j < end; j += LANES)
        vec_store(row + j, (vec){0});
}

/* Probabilities and dscore of `rows` queries from t on, and their dq. */
static void query_rows(const struct attention *s, const struct gradient *g, const struct block *b, int64_t t,
                       int64_t rows)
{
    const int64_t width = whole_vectors(b->keys), stride = turned_stride(s);
    const int64_t seen = smaller(end_key(s, t + rows - 1) - b->k, b->keys);
    const int64_t end = larger(whole_vectors(seen), 0),
                  from = smaller(larger(lanes_down(first_key(s, t)) - b->k, 0), end);
    float *probability = g->probability + (t - b->t) * BLOCK_STRIDE;
    float *dscore = g->dscore + (t - b->t) * BLOCK_STRIDE;
    struct tile product = {.a = g->query.at + t * g->query.stride,
                           .a_stride = g->query.stride,
                           .b = g->keys + b->k + from,
                           .b_stride = stride,
                           .c = probability + from,
                           .c_stride = BLOCK_STRIDE,
                           .inner = s->depth,
                           .columns = end - from};
    block_product(product, rows, false);
    product.a = g->dy.at + t * g->dy.stride;
    product.a_stride = g->dy.stride;
    product.b = g->values + b->k + from;
    product.c = dscore + from;
    block_product(product, rows, false);
    for (int64_t r = 0; r < rows; r += ROWS_AT_ONCE)
        slopes_of_rows(s, g, t + r, b->k + from, end - from, probability + r * BLOCK_STRIDE + from,
                       dscore + r * BLOCK_STRIDE + from);
    for (int64_t r = 0; r < rows; ++r) {
        zero_part(probability + r * BLOCK_STRIDE, 0, from);
        zero_part(probability + r * BLOCK_STRIDE, end, width);
        zero_part(dscore + r * BLOCK_STRIDE, 0, from);
        zero_part(dscore + r * BLOCK_STRIDE, end, width);
    }
    float *dq = g->dq + t * 3 * s->channels;
    block_product((struct tile){.a = dscore + from,
                                .a_stride = BLOCK_STRIDE,
                                .b = g->key_wide.at + (b->k + from) * g->key_wide.stride,
                                .b_stride = g->key_wide.stride,
                                .plus = b->first ? NULL : dq,
                                .c = dq,
                                .c_stride = 3 * s->channels,
                                .inner = larger(seen - from, 0),
                                .columns = s->depth},
                  rows, false);
}

/* What the queries of a block add to dk and dv of `rows` keys from k on. */
static void key_rows(const struct attention *s, const struct gradient *g, const struct block *b, int64_t k,
                     int64_t rows)
{
    const int64_t from = larger(first_query(s, k), b->t), end = smaller(end_query(s, k + rows - 1), b->t + b->queries);
    if (from >= end) return;
    const int64_t at = (from - b->t) * BLOCK_STRIDE + k - b->k;
    float *dk = g->dk + k * 3 * s->channels, *dv = g->dv + k * 3 * s->channels;
    struct tile product = {.a = g->probability + at,
                           .a_stride = BLOCK_STRIDE,
                           .b = g->dy_wide.at + from * g->dy_wide.stride,
                           .b_stride = g->dy_wide.stride,
                           .plus = dv,
                           .c = dv,
                           .c_stride = 3 * s->channels,
                           .inner = end - from,
                           .columns = s->depth};
    block_product(product, rows, true);
    product.a = g->dscore + at;
    product.b = g->query_wide.at + from * g->query_wide.stride;
    product.b_stride = g->query_wide.stride;
    product.plus = product.c = dk;
    block_product(product, rows, true);
}

static void query_block(const struct attention *s, const struct gradient *g, int64_t t, int64_t queries)
{
    const int64_t from = lanes_down(first_key(s, t)), end = end_key(s, t + queries - 1);
    const int64_t keys_at_once = g->finite ? TILE_ROWS : 1; /* which all queries from the first to the last see */
    struct block b = {.t = t, .queries = queries, .k = from, .first = true};
    for (; b.k < end; b.k += KEYS, b.first = false) {
        b.keys = smaller(end - b.k, KEYS);
        for (int64_t r = 0; r < queries; r += TILE_ROWS)
            query_rows(s, g, &b, t + r, smaller(queries - r, TILE_ROWS));
        for (int64_t r = 0; r < b.keys; r += keys_at_once)
            key_rows(s, g, &b, b.k + r, smaller(b.keys - r, keys_at_once));
    }
}

static void run(const struct cpu_job *job)
{
    const struct attention s = attention_read(job->call, job->in[1].dim);
    if (s.time <= SHORT_TIME) {
        CPU_NAME(attention_short_grad)(&s, job);
        return;
    }
    const int64_t padded = padded_floats(&s), wide = 3 * s.channels;
    float *keys = job->scratch, *values = keys + s.depth * turned_stride(&s);
    float *probability = values + s.depth * turned_stride(&s), *dscore = probability + SCORE_ROWS * BLOCK_STRIDE;
    float *along = dscore + SCORE_ROWS * BLOCK_STRIDE, *space = along + whole_vectors(s.time);
    for (int64_t n = 0; n < s.groups; ++n) {
        const float *qkv = (const float *)job->in[1].data + attention_at(&s, n, wide);
        const struct rows y = {(const float *)job->in[2].data + attention_at(&s, n, s.channels), s.channels};
        struct gradient g = {.query = {qkv, wide},
                             .key = {qkv + s.channels, wide},
                             .dy = {(const float *)job->in[0].data + attention_at(&s, n, s.channels), s.channels},
                             .keys = keys,
                             .values = values,
                             .lse = (const float *)job->in[3].data + n * s.time,
                             .along = along,
                             .probability = probability,
                             .dscore = dscore,
                             .dq = (float *)job->out[0].data + attention_at(&s, n, wide)};
        g.dk = g.dq + s.channels;
        g.dv = g.dk + s.channels;
        g.query_wide = padded_rows(&s, g.query, space);
        g.key_wide = padded_rows(&s, g.key, space + padded);
        g.dy_wide = padded_rows(&s, g.dy, space + 2 * padded);
        turn_rows(&s, g.key, s.scale, keys);
        turn_rows(&s, (struct rows){qkv + 2 * s.channels, wide}, 1, values);
        sums_along(&s, g.dy, y, along);
        g.finite = all_finite(g.lse, s.time) && all_finite(along, s.time);
        zero_rows(&s, g.dk);
        zero_rows(&s, g.dv);
        for (int64_t t = 0; t < s.time; t += QUERIES)
            query_block(&s, &g, t, smaller(s.time - t, QUERIES));
    }
}

static size_t scratch(const struct orr_call *call, int64_t groups, int64_t count)
{
    (void)groups, (void)count;
    const struct attention s = attention_read(call, call->in[1].dim);
    const int64_t pairs = 2 * s.time * s.time * LANES;
    const int64_t blocks =
        2 * s.depth * turned_stride(&s) + 2 * SCORE_ROWS * BLOCK_STRIDE + whole_vectors(s.time) + 3 * padded_floats(&s);
    return (size_t)(s.time <= SHORT_TIME ? pairs : blocks) * sizeof(float);
}

const struct cpu_kernel CPU_KERNEL(ATTENTION_GRAD) = {.run = run, .scratch = scratch};
