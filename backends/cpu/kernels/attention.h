/* What attention and its gradient share: the shape, which keys a query sees, and products of blocks by the tiles of
 * product_tile.h.
 *
 * Contexts up to SHORT_TIME are worked off LANES sequences at a time, one in each lane (attention_short.c); longer ones
 * by blocks of TILE_ROWS queries and of KEYS keys, so that scratch does not grow with the square of the time (after Dao
 * and others 2022, "FlashAttention").
 */
#ifndef CPU_ATTENTION_H
#define CPU_ATTENTION_H

#include "kernel.h"
#include "math.h"
#include "product_tile.h"
#include "rows.h"

enum {
    SHORT_TIME = 14,          /* where the two ways take equally long */
    KEYS = 256,               /* of a block */
    BLOCK_STRIDE = KEYS + 16, /* not a power of two: columns of a block would share few sets of a cache */
    ROWS_AT_ONCE = 4,         /* of scores, so that an exponential need not wait for the one before */
    QUERIES = 4 * TILE_ROWS,  /* of a block of the gradient */
    QUERY_ROWS =
        (int)TILE_ROWS < (int)LANES ? (int)TILE_ROWS : (int)LANES, /* of a block of the forward pass: a lane each */
};

struct attention {
    int64_t groups; /* sequences times heads: each is on its own */
    int64_t time, channels, heads, depth;
    int64_t window; /* keys seen in one direction, the query's own among them */
    bool causal;
    float scale;
};

CPU_INLINE struct attention attention_read(const struct orr_call *call, const int64_t *qkv_dim)
{
    struct attention s = {.time = qkv_dim[1], .channels = qkv_dim[2] / 3, .heads = call->attr.i[2]};
    s.groups = qkv_dim[0] * s.heads;
    s.depth = s.channels / s.heads;
    s.causal = call->attr.i[0] != 0;
    s.window = call->attr.i[1] > 0 && call->attr.i[1] < s.time ? call->attr.i[1] : s.time;
    s.scale = (float)call->attr.f[0];
    return s;
}

/* Where a group begins in tensors (batch, time, columns wide), whose heads have `depth` columns. */
CPU_INLINE int64_t attention_at(const struct attention *s, int64_t group, int64_t columns)
{
    return group / s->heads * s->time * columns + group % s->heads * s->depth;
}

CPU_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
CPU_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Query t sees keys [first_key, end_key), key k is seen by queries [first_query, end_query). */
CPU_INLINE int64_t first_key(const struct attention *s, int64_t t) { return larger(t + 1 - s->window, 0); }
CPU_INLINE int64_t end_key(const struct attention *s, int64_t t)
{
    return s->causal ? t + 1 : smaller(t + s->window, s->time);
}
CPU_INLINE int64_t first_query(const struct attention *s, int64_t k)
{
    return s->causal ? k : larger(k + 1 - s->window, 0);
}
CPU_INLINE int64_t end_query(const struct attention *s, int64_t k) { return smaller(k + s->window, s->time); }

CPU_INLINE int64_t lanes_down(int64_t n) { return n / LANES * LANES; }

/* Columns of keys or values that are turned, zeros behind the last. */
CPU_INLINE int64_t turned_stride(const struct attention *s)
{
    const int64_t n = whole_vectors(s->time);
    return n % 256 ? n : n + LANES;
}

/* Rows that the tiles may read vector by vector: as they are, or copied with zeros behind. */
CPU_INLINE int64_t padded_floats(const struct attention *s)
{
    return s->depth % LANES ? s->time * whole_vectors(s->depth) : 0;
}

struct rows {
    const float *at;
    int64_t stride;
};

CPU_INLINE struct rows padded_rows(const struct attention *s, struct rows from, float *space)
{
    const int64_t wide = whole_vectors(s->depth);
    if (s->depth == wide) return from;
    for (int64_t t = 0; t < s->time; ++t)
        for (int64_t d = 0; d < s->depth; d += LANES)
            vec_store(space + t * wide + d, row_load(from.at + t * from.stride + d, s->depth - d));
    return (struct rows){space, wide};
}

/* (time, depth) to (depth, turned_stride), times a number. */
CPU_INLINE void turn_rows(const struct attention *s, struct rows from, float times, float *to)
{
    const int64_t stride = turned_stride(s);
    for (int64_t t = 0; t < s->time; t += LANES)
        for (int64_t d = 0; d < s->depth; d += LANES) {
            const int64_t rows = smaller(s->time - t, LANES), columns = smaller(s->depth - d, LANES);
            const float *at = from.at + t * from.stride + d;
            vec v[LANES];
            if (columns == LANES) {
                CPU_UNROLL for (int i = 0; i < LANES; ++i) v[i] = i < rows ? vec_load(at + i * from.stride) : (vec){0};
            } else {
                CPU_UNROLL for (int i = 0; i < LANES; ++i) v[i] =
                    i < rows ? vec_load_some(at + i * from.stride, columns) : (vec){0};
            }
            lanes_turn(v);
            CPU_UNROLL for (int i = 0; i < LANES; ++i) if (i < columns)
                vec_store(to + (d + i) * stride + t, v[i] * times);
        }
}

/* c (rows, t.columns) of up to TILE_ROWS rows. */
CPU_INLINE void block_product(struct tile t, int64_t rows, bool turned)
{
    if (rows < 1) return;
    for (int64_t left = t.columns; left > 0; left -= PANEL) {
        t.columns = smaller(left, PANEL);
        product_tiles[turned][t.columns > LANES][rows - 1](&t);
        t.b += PANEL;
        t.c += PANEL;
        if (t.plus) t.plus += PANEL;
    }
}

/* Does every query of t .. t + rows - 1 see every key of k .. k + LANES - 1? */
CPU_INLINE bool all_seen(const struct attention *s, int64_t t, int64_t rows, int64_t k)
{
    return k >= first_key(s, t + rows - 1) && k + LANES <= end_key(s, t);
}

/* Scores of query t for keys k .. k + LANES - 1: -infinity where it does not see the key. */
CPU_INLINE vec masked(const struct attention *s, int64_t t, int64_t k, vec score)
{
    const ivec key = lanes_numbers() + (int32_t)k;
    const ivec seen = (key >= (int32_t)first_key(s, t)) & (key < (int32_t)end_key(s, t));
    return vec_choose(seen, score, vec_all(-__builtin_inff()));
}

/* Out of line: unrolled among other things, GCC 12 takes its choices apart lane by lane. */
static __attribute__((noinline, unused)) vec lanes_log(vec x) { return vec_log(x); }

/* The same for groups of up to SHORT_TIME steps; attention_short.c. */
void CPU_NAME(attention_short)(const struct attention *s, const struct cpu_job *job);
void CPU_NAME(attention_short_grad)(const struct attention *s, const struct cpu_job *job);

#endif
