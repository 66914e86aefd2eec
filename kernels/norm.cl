/* Layer normalisation (Ba, Kiros and Hinton 2016) and root-mean-square normalisation (Zhang and Sennrich 2019) along
 * rows, with gradients: the variant for processors. One item a row; for gradients, a chunk of rows, whose parts of the
 * gradients of gain and bias it leaves to be added up. DEPTH is the width of rows, or 0 where only the parameters tell
 * it: loops over a width that is known cost half as much.
 */
#include "params.h"
#include "vector.h"

#if DEPTH
#define WIDTH(p) DEPTH
#else
#define WIDTH(p) ((p).width)
#endif

kernel void norm_layer(global const float *x, global const float *gain, global const float *bias, global float *y,
                       global float *mean_out, global float *rstd_out, const struct params_norm p)
{
    ITEM(i, p.rows);
    const int width = WIDTH(p), n = (width + 15) / 16;
    global const float *row = x + p.x + i * (uint)width;
    global float *to = y + p.y + i * (uint)width;
    float16 s = (float16)(0.0f), squares = (float16)(0.0f);
    ADD_ALONG(s, c, n, row_chunk(row, c, width, 0.0f))
    const float mean = add_lanes(s) / (float)width;
    for (int first = 0; first < n; first += 16) {
        float16 part = (float16)(0.0f);
        for (int c = first; c < min(first + 16, n); ++c) {
            const float16 away = row_chunk(row, c, width, mean) - mean;
            part = fma(away, away, part);
        }
        squares += part;
    }
    const float rstd = 1.0f / sqrt(add_lanes(squares) / (float)width + p.epsilon);
    for (int c = 0; c < n; ++c) {
        const float16 g = row_chunk(gain + p.gain, c, width, 0.0f), b = row_chunk(bias + p.bias, c, width, 0.0f);
        put_chunk((row_chunk(row, c, width, 0.0f) - mean) * rstd * g + b, to, c, width);
    }
    mean_out[p.mean + i] = mean;
    rstd_out[p.rstd + i] = rstd;
}

kernel void norm_square(global const float *x, global const float *gain, global float *y, global float *rstd_out,
                        const struct params_norm p)
{
    ITEM(i, p.rows);
    const int width = WIDTH(p), n = (width + 15) / 16;
    global const float *row = x + p.x + i * (uint)width;
    float16 squares = (float16)(0.0f);
    ADD_ALONG(squares, c, n, row_chunk(row, c, width, 0.0f) * row_chunk(row, c, width, 0.0f))
    const float rstd = 1.0f / sqrt(add_lanes(squares) / (float)width + p.epsilon);
    for (int c = 0; c < n; ++c)
        put_chunk(row_chunk(row, c, width, 0.0f) * rstd * row_chunk(gain + p.gain, c, width, 0.0f),
                  y + p.y + i * (uint)width, c, width);
    rstd_out[p.rstd + i] = rstd;
}

/* With n = (x - mean) rstd and g = dy gain: dx = rstd (g - average(g) - n average(g n)); without a mean, average(g) is
 * left out. */
static void grad_row(global const float *slope, global const float *row, global const float *gain, float mean,
                     float rstd, bool centred, global const float *plus, global float *to, int width)
{
    const int n = (width + 15) / 16;
    float16 sum_g = (float16)(0.0f), sum_gn = (float16)(0.0f);
    for (int first = 0; first < n; first += 16) {
        float16 part_g = (float16)(0.0f), part_gn = (float16)(0.0f);
        for (int c = first; c < min(first + 16, n); ++c) {
            const float16 g = row_chunk(slope, c, width, 0.0f) * row_chunk(gain, c, width, 0.0f);
            part_g += g;
            part_gn = fma(g, (row_chunk(row, c, width, mean) - mean) * rstd, part_gn);
        }
        sum_g += part_g;
        sum_gn += part_gn;
    }
    const float average_g = centred ? add_lanes(sum_g) / (float)width : 0.0f;
    const float average_gn = add_lanes(sum_gn) / (float)width;
    for (int c = 0; c < n; ++c) {
        const float16 g = row_chunk(slope, c, width, 0.0f) * row_chunk(gain, c, width, 0.0f);
        const float16 normal = (row_chunk(row, c, width, mean) - mean) * rstd;
        const float16 dx = rstd * (g - average_g - normal * average_gn);
        put_chunk(plus ? dx + row_chunk(plus, c, width, 0.0f) : dx, to, c, width);
    }
}

/* Item = chunk of rows: dx of them, and the chunk's part of dgain and dbias. */
kernel void norm_layer_grad(global const float *dy, global const float *x, global const float *gain,
                            global const float *mean, global const float *rstd, global const float *plus,
                            global float *dx, global float *part, const struct params_norm p)
{
    ITEM(i, p.chunks);
    const int width = WIDTH(p), first = (int)i * p.chunk, end = min(first + p.chunk, p.rows);
    for (int k = first; k < end; ++k)
        grad_row(dy + p.dy + k * width, x + p.x + k * width, gain + p.gain, mean[p.mean + k], rstd[p.rstd + k], true,
                 p.with_plus ? plus + p.plus + k * width : 0, dx + p.y + k * width, width);
    for (int c = 0; 16 * c < width; ++c) {
        float16 dgain = (float16)(0.0f), dbias = (float16)(0.0f);
        for (int begin = first; begin < end; begin += 16) {
            float16 part_gain = (float16)(0.0f), part_bias = (float16)(0.0f);
            for (int k = begin; k < min(begin + 16, end); ++k) {
                const float16 slope = row_chunk(dy + p.dy + k * width, c, width, 0.0f);
                const float16 row = row_chunk(x + p.x + k * width, c, width, 0.0f);
                part_gain = fma(slope, (row - mean[p.mean + k]) * rstd[p.rstd + k], part_gain);
                part_bias += slope;
            }
            dgain += part_gain;
            dbias += part_bias;
        }
        put_chunk(dgain, part + p.dgain + i * (uint)width, c, width);
        put_chunk(dbias, part + p.dbias + i * (uint)width, c, width);
    }
}

/* The same without mean and bias. */
kernel void norm_square_grad(global const float *dy, global const float *x, global const float *gain,
                             global const float *rstd, global const float *plus, global float *dx, global float *part,
                             const struct params_norm p)
{
    ITEM(i, p.chunks);
    const int width = WIDTH(p), first = (int)i * p.chunk, end = min(first + p.chunk, p.rows);
    for (int k = first; k < end; ++k)
        grad_row(dy + p.dy + k * width, x + p.x + k * width, gain + p.gain, 0.0f, rstd[p.rstd + k], false,
                 p.with_plus ? plus + p.plus + k * width : 0, dx + p.y + k * width, width);
    for (int c = 0; 16 * c < width; ++c) {
        float16 dgain = (float16)(0.0f);
        for (int begin = first; begin < end; begin += 16) {
            float16 part_gain = (float16)(0.0f);
            for (int k = begin; k < min(begin + 16, end); ++k)
                part_gain = fma(row_chunk(dy + p.dy + k * width, c, width, 0.0f),
                                row_chunk(x + p.x + k * width, c, width, 0.0f) * rstd[p.rstd + k], part_gain);
            dgain += part_gain;
        }
        put_chunk(dgain, part + p.dgain + i * (uint)width, c, width);
    }
}
