/* norm.cl by groups: one group a row; for gradients, a chunk of rows. */
#include "group.h"
#include "params.h"
#include "sum.h"

GROUP_KERNEL norm_groups_layer(global const float *x, global const float *gain, global const float *bias,
                               global float *y, global float *mean_out, global float *rstd_out,
                               const struct params_norm p)
{
    local float part[GROUP];
    const int width = p.width, i = GROUP_NUMBER;
    global const float *row = x + p.x + i * width;
    struct sum s = {0.0f, 0.0f}, squares = {0.0f, 0.0f};
    SHARE(j, width) sum_add(&s, row[j]);
    const float mean = group_sum(sum_result(&s), part) / (float)width;
    SHARE(j, width) sum_add(&squares, (row[j] - mean) * (row[j] - mean));
    const float rstd = 1.0f / sqrt(group_sum(sum_result(&squares), part) / (float)width + p.epsilon);
    SHARE(j, width) y[p.y + i * width + j] = (row[j] - mean) * rstd * gain[p.gain + j] + bias[p.bias + j];
    if (MEMBER == 0) {
        mean_out[p.mean + i] = mean;
        rstd_out[p.rstd + i] = rstd;
    }
}

GROUP_KERNEL norm_groups_square(global const float *x, global const float *gain, global float *y,
                                global float *rstd_out, const struct params_norm p)
{
    local float part[GROUP];
    const int width = p.width, i = GROUP_NUMBER;
    global const float *row = x + p.x + i * width;
    struct sum squares = {0.0f, 0.0f};
    SHARE(j, width) sum_add(&squares, row[j] * row[j]);
    const float rstd = 1.0f / sqrt(group_sum(sum_result(&squares), part) / (float)width + p.epsilon);
    SHARE(j, width) y[p.y + i * width + j] = row[j] * rstd * gain[p.gain + j];
    if (MEMBER == 0) rstd_out[p.rstd + i] = rstd;
}

/* dx of one row, as in norm.cl. */
static void grad_row(global const float *slope, global const float *row, global const float *gain, float mean,
                     float rstd, bool centred, global const float *plus, global float *to, int width, local float *part)
{
    struct sum sum_g = {0.0f, 0.0f}, sum_gn = {0.0f, 0.0f};
    SHARE(j, width)
    {
        const float g = slope[j] * gain[j];
        sum_add(&sum_g, g);
        sum_add(&sum_gn, g * ((row[j] - mean) * rstd));
    }
    const float average_g = centred ? group_sum(sum_result(&sum_g), part) / (float)width : 0.0f;
    const float average_gn = group_sum(sum_result(&sum_gn), part) / (float)width;
    SHARE(j, width)
    {
        const float dx = rstd * (slope[j] * gain[j] - average_g - (row[j] - mean) * rstd * average_gn);
        to[j] = plus ? dx + plus[j] : dx;
    }
}

GROUP_KERNEL norm_groups_layer_grad(global const float *dy, global const float *x, global const float *gain,
                                    global const float *mean, global const float *rstd, global const float *plus,
                                    global float *dx, global float *parts, const struct params_norm p)
{
    local float part[GROUP];
    const int width = p.width, i = GROUP_NUMBER, first = i * p.chunk, end = min(first + p.chunk, p.rows);
    for (int k = first; k < end; ++k)
        grad_row(dy + p.dy + k * width, x + p.x + k * width, gain + p.gain, mean[p.mean + k], rstd[p.rstd + k], true,
                 p.with_plus ? plus + p.plus + k * width : 0, dx + p.y + k * width, width, part);
    SHARE(j, width)
    {
        struct sum dgain = {0.0f, 0.0f}, dbias = {0.0f, 0.0f};
        for (int k = first; k < end; ++k) {
            const float slope = dy[p.dy + k * width + j];
            sum_add(&dgain, slope * ((x[p.x + k * width + j] - mean[p.mean + k]) * rstd[p.rstd + k]));
            sum_add(&dbias, slope);
        }
        parts[p.dgain + i * width + j] = sum_result(&dgain);
        parts[p.dbias + i * width + j] = sum_result(&dbias);
    }
}

GROUP_KERNEL norm_groups_square_grad(global const float *dy, global const float *x, global const float *gain,
                                     global const float *rstd, global const float *plus, global float *dx,
                                     global float *parts, const struct params_norm p)
{
    local float part[GROUP];
    const int width = p.width, i = GROUP_NUMBER, first = i * p.chunk, end = min(first + p.chunk, p.rows);
    for (int k = first; k < end; ++k)
        grad_row(dy + p.dy + k * width, x + p.x + k * width, gain + p.gain, 0.0f, rstd[p.rstd + k], false,
                 p.with_plus ? plus + p.plus + k * width : 0, dx + p.y + k * width, width, part);
    SHARE(j, width)
    {
        struct sum dgain = {0.0f, 0.0f};
        for (int k = first; k < end; ++k)
            sum_add(&dgain, dy[p.dy + k * width + j] * (x[p.x + k * width + j] * rstd[p.rstd + k]));
        parts[p.dgain + i * width + j] = sum_result(&dgain);
    }
}
