/* Sum and maximum along the middle axis of (outer, length, inner), REDUCE_CHUNK places an item; the host repeats it
 * until one is left. The variant for processors: _columns take sixteen columns an item, the others all of 1, 2, 4 or 8.
 */
#include "params.h"
#include "vector.h"

/* Sets the chunk's first element and its number of places, and where its result goes. */
#define CHUNK                                                                                                          \
    ITEM(i, p.count);                                                                                                  \
    const int rest = (int)i / p.columns, column = ((int)i - rest * p.columns) * LANES, inner = p.inner;                \
    const int outer = rest / p.chunks, first = (rest - outer * p.chunks) * REDUCE_CHUNK;                               \
    const int places = min(REDUCE_CHUNK, p.length - first);                                                            \
    global const float *from = in + p.in + (outer * p.length + first) * inner;                                         \
    global float *to = y + p.y + rest * inner

/* NaN when any is. */
#define LARGER(a, b)        select(b, a, ((a) > (b)) | ((a) != (a)))
#define LARGER_OF_ONE(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define PLUS(a, b)          ((a) + (b))

/* Lanes that stand for the same column become one. */
#define FOLD(all, JOIN, JOIN_ONE)                                                                                      \
    const float8 eight = JOIN(all.lo, UPPER(all));                                                                     \
    const float4 four = JOIN(eight.lo, eight.hi);                                                                      \
    const float2 two = JOIN(four.lo, four.hi);                                                                         \
    if (inner == 8) vstore8(eight, 0, to);                                                                             \
    if (inner == 4) vstore4(four, 0, to);                                                                              \
    if (inner == 2) vstore2(two, 0, to);                                                                               \
    if (inner == 1) to[0] = JOIN_ONE(two.x, two.y)

kernel void reduce_sum(global const float *in, global float *y, const struct params_reduce p)
{
    CHUNK;
    const int n = places * inner;
    float16 s = (float16)(0.0f);
    ADD_ALONG(s, c, (n + 15) / 16, row_chunk(from, c, n, 0.0f))
    s /= p.divisor;
    FOLD(s, PLUS, PLUS);
}

kernel void reduce_sum_columns(global const float *in, global float *y, const struct params_reduce p)
{
    CHUNK;
    float16 s = (float16)(0.0f);
    ADD_ALONG(s, k, places, row_chunk(from + k * inner + column, 0, inner - column, 0.0f))
    put_chunk(s / p.divisor, to + column, 0, inner - column);
}

kernel void reduce_max(global const float *in, global float *y, const struct params_reduce p)
{
    CHUNK;
    const int n = places * inner;
    float16 most = (float16)(-INFINITY);
    for (int c = 0; 16 * c < n; ++c) {
        const float16 x = row_chunk(from, c, n, -INFINITY);
        most = LARGER(most, x);
    }
    FOLD(most, LARGER, LARGER_OF_ONE);
}

kernel void reduce_max_columns(global const float *in, global float *y, const struct params_reduce p)
{
    CHUNK;
    float16 most = (float16)(-INFINITY);
    for (int k = 0; k < places; ++k) {
        const float16 x = row_chunk(from + k * inner + column, 0, inner - column, -INFINITY);
        most = LARGER(most, x);
    }
    put_chunk(most, to + column, 0, inner - column);
}
