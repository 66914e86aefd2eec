/* Layer normalisation (Ba, Kiros and Hinton 2016) and root-mean-square normalisation (Zhang and Sennrich 2019) along
 * rows, with gradients; one item a row, or one item a column of REDUCE_CHUNK rows for the gradients of gain and bias.
 */
#include "params.h"
#include "sum.h"

kernel void norm_layer(global const float *x, global const float *gain, global const float *bias, global float *y,
                       global float *mean_out, global float *rstd_out, const struct params_norm p)
{
    ITEM(i, p.rows);
    global const float *row = x + p.x + i * (uint)p.width;
    global float *to = y + p.y + i * (uint)p.width;
    struct sum s = {0.0f, 0.0f}, squares = {0.0f, 0.0f};
    for (int j = 0; j < p.width; ++j)
        sum_add(&s, row[j]);
    const float mean = sum_result(&s) / (float)p.width;
    for (int j = 0; j < p.width; ++j)
        sum_add(&squares, (row[j] - mean) * (row[j] - mean));
    const float rstd = 1.0f / sqrt(sum_result(&squares) / (float)p.width + p.epsilon);
    for (int j = 0; j < p.width; ++j)
        to[j] = (row[j] - mean) * rstd * gain[p.gain + j] + bias[p.bias + j];
    mean_out[p.mean + i] = mean;
    rstd_out[p.rstd + i] = rstd;
}

/* With n = (x - mean) rstd and g = dy gain: dx = rstd (g - average(g) - n average(g n)). */
kernel void norm_layer_grad(global const float *dy, global const float *x, global const float *gain,
                            global const float *mean, global const float *rstd, global float *dx,
                            const struct params_norm p)
{
    ITEM(i, p.rows);
    global const float *slope = dy + p.dy + i * (uint)p.width, *row = x + p.x + i * (uint)p.width;
    global float *to = dx + p.y + i * (uint)p.width;
    const float m = mean[p.mean + i], r = rstd[p.rstd + i];
    struct sum sum_g = {0.0f, 0.0f}, sum_gn = {0.0f, 0.0f};
    for (int j = 0; j < p.width; ++j) {
        const float g = slope[j] * gain[p.gain + j];
        sum_add(&sum_g, g);
        sum_add(&sum_gn, g * ((row[j] - m) * r));
    }
    const float average_g = sum_result(&sum_g) / (float)p.width, average_gn = sum_result(&sum_gn) / (float)p.width;
    for (int j = 0; j < p.width; ++j)
        to[j] = r * (slope[j] * gain[p.gain + j] - average_g - (row[j] - m) * r * average_gn);
}

/* Item (chunk of rows, column): the chunk's part of dgain and dbias. */
kernel void norm_layer_columns(global const float *dy, global const float *x, global const float *mean,
                               global const float *rstd, global float *part, const struct params_norm p)
{
    ITEM(i, p.chunks * p.width);
    const int chunk = (int)(i / (uint)p.width), j = (int)i - chunk * p.width;
    const int first = chunk * REDUCE_CHUNK, end = min(first + REDUCE_CHUNK, p.rows);
    struct sum dgain = {0.0f, 0.0f}, dbias = {0.0f, 0.0f};
    for (int k = first; k < end; ++k) {
        const float slope = dy[p.dy + k * p.width + j];
        sum_add(&dgain, slope * ((x[p.x + k * p.width + j] - mean[p.mean + k]) * rstd[p.rstd + k]));
        sum_add(&dbias, slope);
    }
    part[p.dgain + i] = sum_result(&dgain);
    part[p.dbias + i] = sum_result(&dbias);
}

kernel void norm_square(global const float *x, global const float *gain, global float *y, global float *rstd_out,
                        const struct params_norm p)
{
    ITEM(i, p.rows);
    global const float *row = x + p.x + i * (uint)p.width;
    global float *to = y + p.y + i * (uint)p.width;
    struct sum squares = {0.0f, 0.0f};
    for (int j = 0; j < p.width; ++j)
        sum_add(&squares, row[j] * row[j]);
    const float rstd = 1.0f / sqrt(sum_result(&squares) / (float)p.width + p.epsilon);
    for (int j = 0; j < p.width; ++j)
        to[j] = row[j] * rstd * gain[p.gain + j];
    rstd_out[p.rstd + i] = rstd;
}

/* With n = x rstd and g = dy gain: dx = rstd (g - n average(g n)). */
kernel void norm_square_grad(global const float *dy, global const float *x, global const float *gain,
                             global const float *rstd, global float *dx, const struct params_norm p)
{
    ITEM(i, p.rows);
    global const float *slope = dy + p.dy + i * (uint)p.width, *row = x + p.x + i * (uint)p.width;
    global float *to = dx + p.y + i * (uint)p.width;
    const float r = rstd[p.rstd + i];
    struct sum sum_gn = {0.0f, 0.0f};
    for (int j = 0; j < p.width; ++j)
        sum_add(&sum_gn, slope[j] * gain[p.gain + j] * (row[j] * r));
    const float average_gn = sum_result(&sum_gn) / (float)p.width;
    for (int j = 0; j < p.width; ++j)
        to[j] = r * (slope[j] * gain[p.gain + j] - row[j] * r * average_gn);
}

kernel void norm_square_columns(global const float *dy, global const float *x, global const float *rstd,
                                global float *part, const struct params_norm p)
{
    ITEM(i, p.chunks * p.width);
    const int chunk = (int)(i / (uint)p.width), j = (int)i - chunk * p.width;
    const int first = chunk * REDUCE_CHUNK, end = min(first + REDUCE_CHUNK, p.rows);
    struct sum dgain = {0.0f, 0.0f};
    for (int k = first; k < end; ++k)
        sum_add(&dgain, dy[p.dy + k * p.width + j] * (x[p.x + k * p.width + j] * rstd[p.rstd + k]));
    part[p.dgain + i] = sum_result(&dgain);
}
