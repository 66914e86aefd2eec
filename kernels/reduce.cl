/* Sum and maximum along the middle axis, REDUCE_CHUNK elements an item; the host repeats it until one is left. */
#include "params.h"
#include "sum.h"

/* Item i is (outer, chunk, inner); sets the range [k, end) of the middle axis and `from`, the first element. */
#define CHUNK                                                                                                          \
    ITEM(i, p.count);                                                                                                  \
    const int rest = (int)(i / (uint)p.inner), inner = (int)i - rest * p.inner;                                        \
    const int outer = rest / p.chunks, first = (rest - outer * p.chunks) * REDUCE_CHUNK;                               \
    const int end = min(first + REDUCE_CHUNK, p.length);                                                               \
    global const float *from = in + p.in + outer * p.length * p.inner + inner

kernel void reduce_sum(global const float *in, global float *y, const struct params_reduce p)
{
    CHUNK;
    struct sum s = {0.0f, 0.0f};
    for (int k = first; k < end; ++k)
        sum_add(&s, from[k * p.inner]);
    y[p.y + i] = sum_result(&s) / p.divisor;
}

/* NaN when any is. */
kernel void reduce_max(global const float *in, global float *y, const struct params_reduce p)
{
    CHUNK;
    float most = from[first * p.inner];
    for (int k = first + 1; k < end; ++k) {
        const float x = from[k * p.inner];
        most = most > x || most != most ? most : x;
    }
    y[p.y + i] = most;
}
