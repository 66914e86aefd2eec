/* reduce.cl by groups: one group a chunk; for more than one column (_columns) one item a chunk of each, as neighbours
 * then read neighbours.
 */
#include "group.h"
#include "params.h"
#include "sum.h"

#define CHUNK(which)                                                                                                   \
    const int rest = (int)(which) / p.inner, inner = (int)(which)-rest * p.inner;                                      \
    const int outer = rest / p.chunks, first = (rest - outer * p.chunks) * REDUCE_CHUNK;                               \
    const int places = min(REDUCE_CHUNK, p.length - first);                                                            \
    global const float *from = in + p.in + (outer * p.length + first) * p.inner + inner

GROUP_KERNEL reduce_groups_sum(global const float *in, global float *y, const struct params_reduce p)
{
    local float part[GROUP];
    CHUNK(GROUP_NUMBER);
    struct sum s = {0.0f, 0.0f};
    SHARE(k, places) sum_add(&s, from[k]);
    const float all = group_sum(sum_result(&s), part);
    if (MEMBER == 0) y[p.y + rest] = all / p.divisor;
}

kernel void reduce_groups_sum_columns(global const float *in, global float *y, const struct params_reduce p)
{
    ITEM(i, p.count);
    CHUNK(i);
    struct sum s = {0.0f, 0.0f};
    for (int k = 0; k < places; ++k)
        sum_add(&s, from[k * p.inner]);
    y[p.y + i] = sum_result(&s) / p.divisor;
}

static float larger(float a, float b) { return a > b || a != a ? a : b; }

GROUP_KERNEL reduce_groups_max(global const float *in, global float *y, const struct params_reduce p)
{
    local float part[GROUP];
    CHUNK(GROUP_NUMBER);
    float most = -INFINITY;
    SHARE(k, places) most = larger(most, from[k]);
    most = group_max(most, part);
    if (MEMBER == 0) y[p.y + rest] = most;
}

kernel void reduce_groups_max_columns(global const float *in, global float *y, const struct params_reduce p)
{
    ITEM(i, p.count);
    CHUNK(i);
    float most = from[0];
    for (int k = 1; k < places; ++k)
        most = larger(most, from[k * p.inner]);
    y[p.y + i] = most;
}
