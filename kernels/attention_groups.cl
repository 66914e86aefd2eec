/* attention.cl by groups: a group takes a tile of queries, or of keys for their gradients, and goes through the tiles
 * of what they see in local memory, which 32 KiB are enough for; scores stay there. Rows of all sequences are put end
 * to end, so that a tile may hold several short ones; each row goes through those of its own sequence only.
 */
#include "group.h"
#include "params.h"

#define TILE (DEPTH <= 64 ? 16 : DEPTH <= 128 ? 8 : 4)
/* Rows of a tile lie apart so that rows of one column are in different banks. */
#define ROW (DEPTH + 1)
/* Elements of a tile that an item holds the sums of. */
#define HELD ((TILE * DEPTH + GROUP - 1) / GROUP)
#define PART 32

/* Each element e of an n-element array once, by the items of the group. */
#define EACH_SCORE(e)  SHARE(e, TILE *TILE)
#define EACH_SUM(m, e) for (int m = 0, e = MEMBER; m < HELD && e < TILE * DEPTH; ++m, e += GROUP)

/* The rows that row `row` sees as a query, and that see it as a key, are [first, end). */
static int first_key(const struct params_attention *p, int row)
{
    const int t = row - row / p->time * p->time;
    return row - min(t, p->window - 1);
}

static int end_key(const struct params_attention *p, int row)
{
    const int t = row - row / p->time * p->time;
    return p->causal ? row + 1 : row - t + min(t + p->window, p->time);
}

static int first_query(const struct params_attention *p, int row) { return p->causal ? row : first_key(p, row); }

static int end_query(const struct params_attention *p, int row)
{
    const int t = row - row / p->time * p->time;
    return row - t + min(t + p->window, p->time);
}

/* Rows [first, end) of `from`, and zeros up to TILE of them. */
static void load_tile(local float *to, global const float *from, int stride, int first, int end)
{
    SHARE(e, TILE * DEPTH)
    {
        const int r = e / DEPTH, d = e - r * DEPTH;
        to[r * ROW + d] = first + r < end ? from[(first + r) * stride + d] : 0.0f;
    }
}

static float dot_rows(local const float *a, local const float *b)
{
    float all = 0.0f;
    for (int first = 0; first < DEPTH; first += PART) {
        float sum = 0.0f;
        for (int d = first; d < min(first + PART, DEPTH); ++d)
            sum = fma(a[d], b[d], sum);
        all += sum;
    }
    return all;
}

/* Group (tile of queries, head). */
#define GROUP_OF_ROWS                                                                                                  \
    const int tile = GROUP_NUMBER / p.heads, head = GROUP_NUMBER - tile * p.heads, rows = p.batch * p.time;            \
    const int channels = p.heads * DEPTH, stride = 3 * channels, first = tile * TILE, end = min(first + TILE, rows);   \
    global const float *query_rows = qkv + p.qkv + head * DEPTH, *key_rows = query_rows + channels,                    \
                       *value_rows = key_rows + channels

/* Where lse and along keep what belongs to a row and a head. */
static int place(const struct params_attention *p, int row, int head)
{
    const int sequence = row / p->time;
    return (sequence * p->heads + head) * p->time + row - sequence * p->time;
}

GROUP_KERNEL attention_groups_value(global const float *qkv, global float *y, global float *lse,
                                    const struct params_attention p)
{
    local float query[TILE * ROW], key[TILE * ROW], value[TILE * ROW], weight[TILE * TILE];
    local float most[TILE], total[TILE], shrink[TILE];
    local int low[TILE], high[TILE];
    GROUP_OF_ROWS;
    const float scale = fabs(p.scale), sign = p.scale < 0.0f ? -1.0f : 1.0f;
    float sums[HELD];
    for (int m = 0; m < HELD; ++m)
        sums[m] = 0.0f;
    load_tile(query, query_rows, stride, first, end);
    SHARE(q, TILE)
    {
        low[q] = first + q < end ? first_key(&p, first + q) : 0;
        high[q] = first + q < end ? end_key(&p, first + q) : 0;
        most[q] = -INFINITY;
        total[q] = 0.0f;
    }
    const int last_key = end_key(&p, end - 1);
    for (int at = first_key(&p, first); at < last_key; at += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(key, key_rows, stride, at, last_key);
        load_tile(value, value_rows, stride, at, last_key);
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_SCORE(e)
        {
            const int q = e / TILE, k = e - q * TILE;
            weight[e] = sign * dot_rows(query + q * ROW, key + k * ROW);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        SHARE(q, TILE)
        {
            const float before = most[q];
            float now = before;
            for (int k = max(low[q] - at, 0); k < min(high[q] - at, TILE); ++k)
                now = weight[q * TILE + k] > now ? weight[q * TILE + k] : now;
            most[q] = now;
            shrink[q] = now == before ? 1.0f : exp((before - now) * scale);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        /* The difference of scores that matter is exact; scaled before, it would not be. */
        EACH_SCORE(e) weight[e] = exp((weight[e] - most[e / TILE]) * scale);
        barrier(CLK_LOCAL_MEM_FENCE);
        SHARE(q, TILE)
        {
            float sum = 0.0f;
            for (int k = max(low[q] - at, 0); k < min(high[q] - at, TILE); ++k)
                sum += weight[q * TILE + k];
            total[q] = total[q] * shrink[q] + sum;
        }
        EACH_SUM(m, e)
        {
            const int q = e / DEPTH, d = e - q * DEPTH;
            float sum = 0.0f;
            for (int k = max(low[q] - at, 0); k < min(high[q] - at, TILE); ++k)
                sum = fma(weight[q * TILE + k], value[k * ROW + d], sum);
            sums[m] = sums[m] * shrink[q] + sum;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH_SUM(m, e)
    {
        const int q = e / DEPTH, d = e - q * DEPTH;
        if (first + q < end) y[p.y + (first + q) * channels + head * DEPTH + d] = sums[m] / total[q];
    }
    SHARE(q, end - first) lse[p.lse + place(&p, first + q, head)] = most[q] * scale + log(total[q]);
}

/* dq of a tile of queries, and along (batch, heads, time), the sum of dy * y over the head. */
GROUP_KERNEL attention_groups_grad_query(global const float *dy, global const float *qkv, global const float *y,
                                         global const float *lse, global float *along_out, global float *dqkv,
                                         const struct params_attention p)
{
    local float query[TILE * ROW], slope[TILE * ROW], key[TILE * ROW], value[TILE * ROW], dscore[TILE * TILE];
    local float log_sum[TILE], along[TILE];
    local int low[TILE], high[TILE];
    GROUP_OF_ROWS;
    float sums[HELD];
    for (int m = 0; m < HELD; ++m)
        sums[m] = 0.0f;
    load_tile(query, query_rows, stride, first, end);
    load_tile(slope, dy + p.dy + head * DEPTH, channels, first, end);
    load_tile(key, y + p.y + head * DEPTH, channels, first, end);
    barrier(CLK_LOCAL_MEM_FENCE);
    SHARE(q, TILE)
    {
        const bool there = first + q < end;
        low[q] = there ? first_key(&p, first + q) : 0;
        high[q] = there ? end_key(&p, first + q) : 0;
        log_sum[q] = there ? lse[p.lse + place(&p, first + q, head)] : 0.0f;
        along[q] = dot_rows(slope + q * ROW, key + q * ROW);
        if (there) along_out[p.along + place(&p, first + q, head)] = along[q];
    }
    const int last_key = end_key(&p, end - 1);
    for (int at = first_key(&p, first); at < last_key; at += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(key, key_rows, stride, at, last_key);
        load_tile(value, value_rows, stride, at, last_key);
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_SCORE(e)
        {
            const int q = e / TILE, k = e - q * TILE;
            const float weight = exp(dot_rows(query + q * ROW, key + k * ROW) * p.scale - log_sum[q]);
            dscore[e] = weight * (dot_rows(slope + q * ROW, value + k * ROW) - along[q]) * p.scale;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_SUM(m, e)
        {
            const int q = e / DEPTH, d = e - q * DEPTH;
            float sum = 0.0f;
            for (int k = max(low[q] - at, 0); k < min(high[q] - at, TILE); ++k)
                sum = fma(dscore[q * TILE + k], key[k * ROW + d], sum);
            sums[m] += sum;
        }
    }
    EACH_SUM(m, e)
    {
        const int q = e / DEPTH, d = e - q * DEPTH;
        if (first + q < end) dqkv[p.dqkv + (first + q) * stride + head * DEPTH + d] = sums[m];
    }
}

/* dk and dv of a tile of keys. */
GROUP_KERNEL attention_groups_grad_key(global const float *dy, global const float *qkv, global const float *lse,
                                       global const float *along_in, global float *dqkv,
                                       const struct params_attention p)
{
    local float query[TILE * ROW], slope[TILE * ROW], key[TILE * ROW], value[TILE * ROW];
    local float weight[TILE * TILE], dscore[TILE * TILE], log_sum[TILE], along[TILE];
    local int low[TILE], high[TILE];
    GROUP_OF_ROWS;
    float dkey[HELD], dvalue[HELD];
    for (int m = 0; m < HELD; ++m)
        dkey[m] = dvalue[m] = 0.0f;
    load_tile(key, key_rows, stride, first, end);
    load_tile(value, value_rows, stride, first, end);
    SHARE(k, TILE)
    {
        low[k] = first + k < end ? first_query(&p, first + k) : 0;
        high[k] = first + k < end ? end_query(&p, first + k) : 0;
    }
    const int last_query = end_query(&p, end - 1);
    for (int at = first_query(&p, first); at < last_query; at += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(query, query_rows, stride, at, last_query);
        load_tile(slope, dy + p.dy + head * DEPTH, channels, at, last_query);
        SHARE(q, TILE)
        {
            const int from = place(&p, min(at + q, last_query - 1), head);
            log_sum[q] = lse[p.lse + from];
            along[q] = along_in[p.along + from];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_SCORE(e)
        {
            const int q = e / TILE, k = e - q * TILE;
            weight[e] = exp(dot_rows(query + q * ROW, key + k * ROW) * p.scale - log_sum[q]);
            dscore[e] = weight[e] * (dot_rows(slope + q * ROW, value + k * ROW) - along[q]) * p.scale;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_SUM(m, e)
        {
            const int k = e / DEPTH, d = e - k * DEPTH;
            float sum_key = 0.0f, sum_value = 0.0f;
            for (int q = max(low[k] - at, 0); q < min(high[k] - at, TILE); ++q) {
                sum_key = fma(dscore[q * TILE + k], query[q * ROW + d], sum_key);
                sum_value = fma(weight[q * TILE + k], slope[q * ROW + d], sum_value);
            }
            dkey[m] += sum_key;
            dvalue[m] += sum_value;
        }
    }
    EACH_SUM(m, e)
    {
        const int k = e / DEPTH, d = e - k * DEPTH;
        global float *to = dqkv + p.dqkv + (first + k) * stride + channels + head * DEPTH + d;
        if (first + k < end) {
            to[0] = dkey[m];
            to[channels] = dvalue[m];
        }
    }
}
