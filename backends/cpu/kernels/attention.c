/* Scaled dot-product attention (Vaswani and others 2017) over fused queries, keys and values.
 *
 * qkv (batch, time, 3 channels) -> y (batch, time, channels), lse (batch, heads, time). A block of queries goes over
 * the keys it sees, KEYS at a time, with the largest score so far and the sum of exponentials relative to it (Milakov
 * and Gimelshein 2018, "Online normalizer calculation for softmax"); what a block of all keys above the diagonal would
 * give is left out.
 */
#include "attention.h"

#include <float.h>

/* Of a group. */
struct forward {
    struct rows query, value;
    const float *keys; /* turned, times the scale */
    float *score;      /* (SCORE_ROWS, BLOCK_STRIDE) */
    float *y, *lse;
};

/* What is known of up to QUERY_ROWS queries so far, one in each lane. */
struct progress {
    vec most, total;
};

enum { SCORE_ROWS = (QUERY_ROWS + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE * ROWS_AT_ONCE };

/* The largest of each of ROWS_AT_ONCE rows of scores, which are masked. */
CPU_INLINE void largest_of_rows(const struct attention *s, float *score, int64_t t, int64_t k, int64_t count,
                                vec *largest)
{
    vec most[ROWS_AT_ONCE];
    CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r) most[r] = vec_all(-__builtin_inff());
    for (int64_t j = 0; j < count; j += LANES) {
        if (!all_seen(s, t, ROWS_AT_ONCE, k + j)) {
            CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r)
            {
                float *at = score + r * BLOCK_STRIDE + j;
                vec_store(at, masked(s, t + r, k + j, vec_load(at)));
            }
        }
        CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r) most[r] =
            lanes_larger(vec_load(score + r * BLOCK_STRIDE + j), most[r]);
    }
    CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r) largest[r] = most[r];
}

/* Rows of scores become exponentials of what they are above `most`. */
CPU_INLINE void exponentials_of_rows(float *score, const float *most, int64_t count, vec *total)
{
    vec sum[ROWS_AT_ONCE] = {{0}};
    for (int64_t j = 0; j < count; j += LANES) {
        CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r)
        {
            float *at = score + r * BLOCK_STRIDE + j;
            const vec e = vec_exp_or_zero(vec_load(at) - most[r]);
            vec_store(at, e);
            sum[r] += e;
        }
    }
    CPU_UNROLL for (int r = 0; r < ROWS_AT_ONCE; ++r) total[r] = sum[r];
}

/* Scores of `rows` queries from t on and `count` keys from k on become exponentials, their sum is added to progress;
 * result: the factor by which what was summed before is too large. Rows beyond are whatever they are. */
CPU_INLINE vec exponentials(const struct attention *s, float *score, int64_t t, int64_t rows, int64_t k, int64_t count,
                            struct progress *p)
{
    vec part[LANES];
    float most[LANES];
    row_parts(part, (vec){0});
    for (int64_t r = 0; r < rows; r += ROWS_AT_ONCE)
        largest_of_rows(s, score + r * BLOCK_STRIDE, t + r, k, count, part + r);
    const vec before = p->most;
    p->most = lanes_larger(lanes_largest(part), before);
    vec_store(most, p->most);
    for (int64_t r = 0; r < rows; r += ROWS_AT_ONCE)
        exponentials_of_rows(score + r * BLOCK_STRIDE, most + r, count, part + r);
    const vec factor = vec_exp_or_zero(before - p->most);
    p->total = p->total * factor + lanes_sum(part);
    return factor;
}

/* Rows of y times a number each. */
CPU_INLINE void scale_rows(const struct attention *s, float *y, int64_t rows, vec factor)
{
    float by[LANES];
    vec_store(by, factor);
    for (int64_t r = 0; r < rows; ++r) {
        float *row = y + r * s->channels;
        for (int64_t d = 0; d < s->depth; d += LANES)
            row_store(row + d, row_load(row + d, s->depth - d) * by[r], s->depth - d);
    }
}

static void query_block(const struct attention *s, const struct forward *f, int64_t t, int64_t rows)
{
    const int64_t from = lanes_down(first_key(s, t)), end = end_key(s, t + rows - 1), stride = turned_stride(s);
    struct progress p = {.most = vec_all(-FLT_MAX)};
    float *y = f->y + t * s->channels;
    for (int64_t k = from; k < end; k += KEYS) {
        const int64_t count = smaller(end - k, KEYS);
        block_product((struct tile){.a = f->query.at + t * f->query.stride,
                                    .a_stride = f->query.stride,
                                    .b = f->keys + k,
                                    .b_stride = stride,
                                    .c = f->score,
                                    .c_stride = BLOCK_STRIDE,
                                    .inner = s->depth,
                                    .columns = whole_vectors(count)},
                      rows, false);
        const vec factor = exponentials(s, f->score, t, rows, k, whole_vectors(count), &p);
        if (k > from) scale_rows(s, y, rows, factor);
        block_product((struct tile){.a = f->score,
                                    .a_stride = BLOCK_STRIDE,
                                    .b = f->value.at + k * f->value.stride,
                                    .b_stride = f->value.stride,
                                    .plus = k > from ? y : NULL,
                                    .c = y,
                                    .c_stride = s->channels,
                                    .inner = count,
                                    .columns = s->depth},
                      rows, false);
    }
    scale_rows(s, y, rows, 1.0f / p.total);
    row_store(f->lse + t, p.most + lanes_log(p.total), rows);
}

static void run(const struct cpu_job *job)
{
    const struct attention s = attention_read(job->call, job->in[0].dim);
    if (s.time <= SHORT_TIME) {
        CPU_NAME(attention_short)(&s, job);
        return;
    }
    float *keys = job->scratch, *score = keys + s.depth * turned_stride(&s),
          *values = score + SCORE_ROWS * BLOCK_STRIDE;
    for (int64_t g = 0; g < s.groups; ++g) {
        const float *qkv = (const float *)job->in[0].data + attention_at(&s, g, 3 * s.channels);
        const struct rows query = {qkv, 3 * s.channels}, key = {qkv + s.channels, 3 * s.channels};
        const struct rows value = {qkv + 2 * s.channels, 3 * s.channels};
        turn_rows(&s, key, s.scale, keys);
        const struct forward f = {.query = query,
                                  .value = padded_rows(&s, value, values),
                                  .keys = keys,
                                  .score = score,
                                  .y = (float *)job->out[0].data + attention_at(&s, g, s.channels),
                                  .lse = (float *)job->out[1].data + g * s.time};
        for (int64_t t = 0; t < s.time; t += QUERY_ROWS)
            query_block(&s, &f, t, smaller(s.time - t, QUERY_ROWS));
    }
}

static size_t scratch(const struct orr_call *call, int64_t groups, int64_t count)
{
    (void)groups, (void)count;
    const struct attention s = attention_read(call, call->in[0].dim);
    const int64_t pairs = s.time * s.time * LANES;
    const int64_t blocks = s.depth * turned_stride(&s) + SCORE_ROWS * BLOCK_STRIDE + padded_floats(&s);
    return (size_t)(s.time <= SHORT_TIME ? pairs : blocks) * sizeof(float);
}

const struct cpu_kernel CPU_KERNEL(ATTENTION) = {.run = run, .scratch = scratch};
