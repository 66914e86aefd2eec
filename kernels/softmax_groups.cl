/* softmax.cl by groups: one group a row. */
#include "group.h"
#include "params.h"
#include "sum.h"

#define ROW                                                                                                            \
    local float part[GROUP];                                                                                           \
    const int width = p.width, i = GROUP_NUMBER;                                                                       \
    global const float *row = in + p.in + i * width;                                                                   \
    global float *to = y + p.y + i * width

/* A NaN reaches the sum of exponentials instead. */
static float largest(global const float *row, int width, local float *part)
{
    float most = -INFINITY;
    SHARE(j, width) most = row[j] > most ? row[j] : most;
    return group_max(most, part);
}

static float sum_of_exponentials(global const float *row, int width, float most, local float *part)
{
    struct sum s = {0.0f, 0.0f};
    SHARE(j, width) sum_add(&s, exp(row[j] - most));
    return group_sum(sum_result(&s), part);
}

GROUP_KERNEL softmax_groups_value(global const float *in, global float *y, const struct params_along_rows p)
{
    ROW;
    const float most = largest(row, width, part), total = sum_of_exponentials(row, width, most, part);
    SHARE(j, width) to[j] = exp(row[j] - most) / total;
}

GROUP_KERNEL softmax_groups_log(global const float *in, global float *y, const struct params_along_rows p)
{
    ROW;
    const float most = largest(row, width, part), log_total = log(sum_of_exponentials(row, width, most, part));
    SHARE(j, width) to[j] = row[j] - most - log_total;
}

GROUP_KERNEL softmax_groups_grad(global const float *in, global const float *in2, global float *y,
                                 const struct params_along_rows p)
{
    ROW;
    global const float *value = in2 + p.in2 + i * width;
    struct sum s = {0.0f, 0.0f};
    SHARE(j, width) sum_add(&s, row[j] * value[j]);
    const float total = group_sum(sum_result(&s), part);
    SHARE(j, width) to[j] = value[j] * (row[j] - total);
}

GROUP_KERNEL softmax_groups_log_grad(global const float *in, global const float *in2, global float *y,
                                     const struct params_along_rows p)
{
    ROW;
    global const float *value = in2 + p.in2 + i * width;
    struct sum s = {0.0f, 0.0f};
    SHARE(j, width) sum_add(&s, row[j]);
    const float total = group_sum(sum_result(&s), part);
    SHARE(j, width) to[j] = row[j] - exp(value[j]) * total;
}
