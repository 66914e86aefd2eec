/* Scaled dot-product attention (Vaswani and others 2017) over fused queries, keys and values, with its gradient: the
 * variant for processors.
 *
 * qkv (batch, time, 3 * channels); built once for each DEPTH = channels / heads. An item takes a block of up to sixteen
 * queries of a sequence, one a lane, and tiles of keys. Scores and their exponentials stay in the tile; a running
 * maximum and sum (Milakov and Gimelshein 2018) carry on from tile to tile, so that probabilities are never stored; the
 * gradient makes them again from lse. Keys that no query of a block sees are skipped. Of sequences shorter than a block
 * most of it would be wasted: kernels/attention_short.cl.
 */
#include "head.h"
#include "params.h"

/* The keys of a tile. */
#define KEYS 64
/* Terms of a sum of products before it is put by: a long sum rounds what is large against each term. */
#define PART 32

/* Rows [first, first + count) of all sequences put end to end; they see keys of [begin, end), lane j those of
 * [low, high). */
struct block {
    int first, count, begin, end;
    int16 low, high;
};

/* The block from row `first` on: place t of its sequence. */
static struct block make_block(const struct params_attention *p, int first, int t)
{
    struct block b;
    b.first = first;
    b.count = min(LANES, p->time - t);
    const int base = first - t, last = t + b.count - 1;
    const int16 place = t + lane_numbers();
    b.low = base + max(place + 1 - p->window, (int16)(0));
    b.high = base + (p->causal ? place + 1 : min(place + p->window, (int16)(p->time)));
    b.begin = base + max(t + 1 - p->window, 0);
    b.end = base + (p->causal ? last + 1 : min(last + p->window, p->time));
    return b;
}

/* The block's rows as columns: turned[d] holds element d of all of them. */
static void turn_rows(float16 *turned, global const float *from, int stride, int count)
{
    for (int c = 0; c < CHUNKS; ++c) {
        float16 block[LANES];
#pragma unroll
        for (int j = 0; j < LANES; ++j)
            block[j] = load_chunk(from + min(j, count - 1) * stride, c);
        transpose(block);
#pragma unroll
        for (int j = 0; j < LANES; ++j)
            turned[16 * c + j] = block[j];
    }
}

#define EIGHT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define FOUR(DO)  DO(0) DO(1) DO(2) DO(3)
#define TWO(DO)   DO(0) DO(1)
#define ONE(DO)   DO(0)

/* out[j] := the products of all queries with row k + j, of eight rows; those from `end` on repeat the last. */
static void dot_rows(float16 *out, const float16 *turned, global const float *from, int stride, int k, int end)
{
#define ROW(j) global const float *row##j = from + min(k + j, end - 1) * stride;
    EIGHT(ROW)
#undef ROW
#pragma unroll
    for (int first = 0; first < DEPTH; first += PART) {
#define CLEAR(j) float16 sum##j = (float16)(0.0f);
        EIGHT(CLEAR)
#undef CLEAR
        for (int d = first; d < min(first + PART, DEPTH); ++d) {
            const float16 q = turned[d];
#define STEP(j) sum##j = fma(q, (float16)(row##j[d]), sum##j);
            EIGHT(STEP)
#undef STEP
        }
#define GIVE(j) out[j] = first ? out[j] + sum##j : sum##j;
        EIGHT(GIVE)
#undef GIVE
    }
}

/* Body of add_rows for the sums that MANY names: their products with chunk c, and with c + 1 where PAIR(..) is itself.
 */
#define ADD_CHUNK(MANY)                                                                                                \
    MANY(TAKE)                                                                                                         \
    for (int i = 0; i < n; ++i) {                                                                                      \
        const float16 x = load_chunk(from + i * stride, c);                                                            \
        MANY(ADD)                                                                                                      \
    }                                                                                                                  \
    MANY(PUT)
#define TAKE(j) float16 a##j = sums[j * CHUNKS + c];
#define ADD(j)  a##j = fma((float16)(weight[i * across + j * along]), x, a##j);
#define PUT(j)  sums[j * CHUNKS + c] = a##j;
#define ADD_PAIR(MANY)                                                                                                 \
    MANY(TAKE_PAIR)                                                                                                    \
    for (int i = 0; i < n; ++i) {                                                                                      \
        const float16 x = load_chunk(from + i * stride, c), y = load_chunk(from + i * stride, c + 1);                  \
        MANY(ADD_BOTH)                                                                                                 \
    }                                                                                                                  \
    MANY(PUT_PAIR)
#define TAKE_PAIR(j) float16 a##j = sums[j * CHUNKS + c], b##j = sums[j * CHUNKS + c + 1];
#define ADD_BOTH(j)                                                                                                    \
    const float16 w##j = (float16)(weight[i * across + j * along]);                                                    \
    a##j = fma(w##j, x, a##j);                                                                                         \
    b##j = fma(w##j, y, b##j);
#define PUT_PAIR(j)                                                                                                    \
    sums[j * CHUNKS + c] = a##j;                                                                                       \
    sums[j * CHUNKS + c + 1] = b##j;

/* How many of n sums are made at once: 4, 2 or 1. */
static int together_of(int n) { return n >= 4 ? 4 : n >= 2 ? 2 : 1; }

/* sums[j] (of CHUNKS vectors each) += sum over i in [0, n) of weight[i * across + j * along] * row i, for `together`
 * values of j. */
static void add_rows(float16 *sums, int together, const float *weight, int across, int along, global const float *from,
                     int stride, int n)
{
    int c = 0;
    for (; c + 1 < CHUNKS; c += 2) {
        if (together == 4) {
            ADD_PAIR(FOUR)
        } else if (together == 2) {
            ADD_PAIR(TWO)
        } else {
            ADD_PAIR(ONE)
        }
    }
    if (c < CHUNKS) {
        if (together == 4) {
            ADD_CHUNK(FOUR)
        } else if (together == 2) {
            ADD_CHUNK(TWO)
        } else {
            ADD_CHUNK(ONE)
        }
    }
}

static int16 seen(const struct block *b, int k) { return (k >= b->low) & (k < b->high); }

/* sums of the block's rows += weight (of the tile's keys [first, end)) times the keys' rows. */
static void add_keys(float16 *sums, const struct block *b, const float16 *weight, int first, int end,
                     global const float *from, int stride)
{
    int low[LANES], high[LANES];
    vstore16(b->low, 0, low);
    vstore16(b->high, 0, high);
    for (int r = 0, together; r < b->count; r += together) {
        together = together_of(b->count - r);
        const int k = max(first, low[r]), n = min(end, high[r + together - 1]) - k;
        add_rows(sums + r * CHUNKS, together, (const float *)(weight + (k - first)) + r, LANES, 1, from + k * stride,
                 stride, n);
    }
}

/* Item (head, block of queries). */
kernel void attention_value(global const float *qkv, global float *y, global float *lse,
                            const struct params_attention p)
{
    const int per = (p.time + LANES - 1) / LANES;
    ITEM(i, p.batch * per * p.heads);
    const int which = (int)i / p.heads, head = (int)i - which * p.heads, sequence = which / per;
    const int t = (which - sequence * per) * LANES;
    const struct block b = make_block(&p, sequence * p.time + t, t);
    const int channels = p.heads * DEPTH, stride = 3 * channels;
    global const float *from = qkv + p.qkv + head * DEPTH;
    float16 turned[16 * CHUNKS], weight[KEYS], sums[LANES * CHUNKS];
    const int next = b.first + LANES;
    for (int part = 0; part < 3; ++part)
        fetch_rows(from + part * channels + next * stride, stride, LANES);
    fetch_rows(y + p.y + next * channels + head * DEPTH, channels, LANES);
    turn_rows(turned, from + b.first * stride, stride, b.count);
    const float scale = fabs(p.scale);
    if (p.scale < 0.0f)
        for (int d = 0; d < DEPTH; ++d)
            turned[d] = -turned[d];
    for (int c = 0; c < LANES * CHUNKS; ++c)
        sums[c] = (float16)(0.0f);
    float16 most = (float16)(-INFINITY), total = (float16)(0.0f);
    for (int first = b.begin; first < b.end; first += KEYS) {
        const int end = min(first + KEYS, b.end);
        float16 before = most;
        for (int k = first; k < end; k += 8) {
            dot_rows(weight + (k - first), turned, from + channels, stride, k, end);
            for (int j = 0; j < 8; ++j) {
                const float16 score = weight[k - first + j];
                most = seen(&b, k + j) && score > most ? score : most;
            }
        }
        const int16 moved = most != before;
        if (first > b.begin && any(moved)) {
            const float16 shrink = select((float16)(1.0f), exp((before - most) * scale), moved);
            float part[LANES];
            vstore16(shrink, 0, part);
            total *= shrink;
            for (int r = 0; r < b.count; ++r)
                for (int c = 0; c < CHUNKS; ++c)
                    sums[r * CHUNKS + c] *= part[r];
        }
        float16 sum = (float16)(0.0f);
        for (int k = first; k < end; ++k) {
            /* The difference of scores that matter is exact; scaled before, it would not be. */
            const float16 w = exp((weight[k - first] - most) * scale);
            weight[k - first] = select((float16)(0.0f), w, seen(&b, k));
            sum += weight[k - first];
        }
        total += sum;
        add_keys(sums, &b, weight, first, end, from + 2 * channels, stride);
    }
    float all[LANES], log_sum[LANES];
    vstore16(total, 0, all);
    vstore16(most * scale + log(total), 0, log_sum);
    for (int r = 0; r < b.count; ++r) {
        global float *to = y + p.y + (b.first + r) * channels + head * DEPTH;
        for (int c = 0; c < CHUNKS; ++c)
            store_chunk(sums[r * CHUNKS + c] / all[r], to, c);
        lse[p.lse + (sequence * p.heads + head) * p.time + t + r] = log_sum[r];
    }
}

/* Row k of `to`, of the tile's keys [first, end): plus the sum over the queries of the block, or that sum where the
 * block is the first to see the key. */
static void add_queries(global float *to, int to_stride, const struct params_attention *p, const struct block *b,
                        const float16 *weight, int first, int end, global const float *from, int stride)
{
    for (int k = first, together; k < end; k += together) {
        const bool fresh = p->causal && k >= b->first;
        together = together_of((!fresh && p->causal ? min(end, b->first) : end) - k);
        const int r = p->causal ? max(0, k - b->first) : 0;
        float16 sums[4 * CHUNKS];
        for (int j = 0; j < together; ++j)
            for (int c = 0; c < CHUNKS; ++c)
                sums[j * CHUNKS + c] = fresh ? (float16)(0.0f) : load_chunk(to + (k + j) * to_stride, c);
        add_rows(sums, together, (const float *)(weight + (k - first)) + r, 1, LANES, from + (b->first + r) * stride,
                 stride, b->count - r);
        for (int j = 0; j < together; ++j)
            for (int c = 0; c < CHUNKS; ++c)
                store_chunk(sums[j * CHUNKS + c], to + (k + j) * to_stride, c);
    }
}

/* The block's log sums of exponentials, and sums of dy * y over the head. */
static void along_queries(const struct params_attention *p, const struct block *b, int head, global const float *y,
                          global const float *lse, const float16 *slope, float16 *log_sum, float16 *along)
{
    const int channels = p->heads * DEPTH;
    float16 turned[16 * CHUNKS];
    float part[LANES];
    turn_rows(turned, y + b->first * channels, channels, b->count);
    *along = (float16)(0.0f);
    for (int c = 0; c < CHUNKS; ++c) {
        float16 sum = (float16)(0.0f);
        for (int d = 16 * c; d < min(16 * c + 16, DEPTH); ++d)
            sum = fma(slope[d], turned[d], sum);
        *along += sum;
    }
    for (int r = 0; r < LANES; ++r) {
        const int row = b->first + min(r, b->count - 1), sequence = row / p->time;
        part[r] = lse[(sequence * p->heads + head) * p->time + row - sequence * p->time];
    }
    *log_sum = vload16(0, part);
}

/* dq of a block, and its part of dk and dv. */
static void grad_block(const struct params_attention *p, const struct block *b, int head, global const float *dy,
                       global const float *qkv, global const float *y, global const float *lse, global float *dqkv)
{
    const int channels = p->heads * DEPTH, stride = 3 * channels;
    float16 query[16 * CHUNKS], slope[16 * CHUNKS], weight[KEYS], dscore[KEYS], sums[LANES * CHUNKS], log_sum, along;
    turn_rows(query, qkv + b->first * stride, stride, b->count);
    turn_rows(slope, dy + b->first * channels, channels, b->count);
    along_queries(p, b, head, y, lse, slope, &log_sum, &along);
    for (int c = 0; c < LANES * CHUNKS; ++c)
        sums[c] = (float16)(0.0f);
    for (int first = b->begin; first < b->end; first += KEYS) {
        const int end = min(first + KEYS, b->end);
        for (int k = first; k < end; k += 8) {
            dot_rows(weight + (k - first), query, qkv + channels, stride, k, end);
            dot_rows(dscore + (k - first), slope, qkv + 2 * channels, stride, k, end);
        }
        for (int k = first; k < end; ++k) {
            const float16 w = exp(weight[k - first] * p->scale - log_sum);
            const int16 mask = seen(b, k);
            weight[k - first] = select((float16)(0.0f), w, mask);
            dscore[k - first] = select((float16)(0.0f), w * (dscore[k - first] - along) * p->scale, mask);
        }
        add_keys(sums, b, dscore, first, end, qkv + channels, stride);
        add_queries(dqkv + channels, stride, p, b, dscore, first, end, qkv, stride);
        add_queries(dqkv + 2 * channels, stride, p, b, weight, first, end, dy, channels);
    }
    for (int r = 0; r < b->count; ++r)
        for (int c = 0; c < CHUNKS; ++c)
            store_chunk(sums[r * CHUNKS + c], dqkv + (b->first + r) * stride, c);
}

/* Item (head, sequence): every block in its turn, so that dk and dv are sums in a fixed order. */
kernel void attention_grad(global const float *dy, global const float *qkv, global const float *y,
                           global const float *lse, global float *dqkv, const struct params_attention p)
{
    ITEM(i, p.batch * p.heads);
    const int sequence = (int)i / p.heads, head = (int)i - sequence * p.heads, first = sequence * p.time;
    const int channels = p.heads * DEPTH, stride = 3 * channels, end = first + p.time;
    global float *to = dqkv + p.dqkv + head * DEPTH;
    for (int k = first; k < end && !p.causal; ++k)
        for (int c = 0; c < CHUNKS; ++c) {
            store_chunk((float16)(0.0f), to + k * stride + channels, c);
            store_chunk((float16)(0.0f), to + k * stride + 2 * channels, c);
        }
    for (int k = first; k < end; k += LANES) {
        const struct block b = make_block(&p, k, k - first);
        const int next = k + LANES;
        for (int part = 0; part < 3; ++part) {
            fetch_rows(qkv + p.qkv + head * DEPTH + part * channels + next * stride, stride, LANES);
            fetch_rows(to + part * channels + next * stride, stride, LANES);
        }
        fetch_rows(dy + p.dy + head * DEPTH + next * channels, channels, LANES);
        fetch_rows(y + p.y + head * DEPTH + next * channels, channels, LANES);
        grad_block(&p, &b, head, dy + p.dy + head * DEPTH, qkv + p.qkv + head * DEPTH, y + p.y + head * DEPTH,
                   lse + p.lse, to);
    }
}
