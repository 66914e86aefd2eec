/* Softmax and its logarithm along rows, with gradients: the variant for processors, one item a row.
 *
 * The largest of a row is subtracted first, so that exp cannot overflow; a row of -infinity is NaN. Results may be
 * input 0: a row is read whole before it is written, or piece by piece.
 */
#include "params.h"
#include "vector.h"

#define ROW                                                                                                            \
    ITEM(i, p.rows);                                                                                                   \
    const int width = p.width, n = (width + 15) / 16;                                                                  \
    global const float *row = in + p.in + i * (uint)width;                                                             \
    global float *to = y + p.y + i * (uint)width

static float sum_of_exponentials(global const float *row, int width, float most)
{
    const int n = (width + 15) / 16;
    float16 s = (float16)(0.0f);
    ADD_ALONG(s, c, n, exp(row_chunk(row, c, width, -INFINITY) - most))
    return add_lanes(s);
}

kernel void softmax_value(global const float *in, global float *y, const struct params_along_rows p)
{
    ROW;
    const float most = row_largest(row, width), total = sum_of_exponentials(row, width, most);
    for (int c = 0; c < n; ++c)
        put_chunk(exp(row_chunk(row, c, width, 0.0f) - most) / total, to, c, width);
}

kernel void softmax_log(global const float *in, global float *y, const struct params_along_rows p)
{
    ROW;
    const float most = row_largest(row, width), log_total = log(sum_of_exponentials(row, width, most));
    for (int c = 0; c < n; ++c)
        put_chunk(row_chunk(row, c, width, 0.0f) - most - log_total, to, c, width);
}

/* in is dy, in2 is y of the forward pass: dx = y (dy - sum(dy y)). */
kernel void softmax_grad(global const float *in, global const float *in2, global float *y,
                         const struct params_along_rows p)
{
    ROW;
    global const float *value = in2 + p.in2 + i * (uint)width;
    float16 s = (float16)(0.0f);
    ADD_ALONG(s, c, n, row_chunk(row, c, width, 0.0f) * row_chunk(value, c, width, 0.0f))
    const float total = add_lanes(s);
    for (int c = 0; c < n; ++c)
        put_chunk(row_chunk(value, c, width, 0.0f) * (row_chunk(row, c, width, 0.0f) - total), to, c, width);
}

/* The same of the logarithm: dx = dy - exp(y) sum(dy). */
kernel void softmax_log_grad(global const float *in, global const float *in2, global float *y,
                             const struct params_along_rows p)
{
    ROW;
    global const float *value = in2 + p.in2 + i * (uint)width;
    float16 s = (float16)(0.0f);
    ADD_ALONG(s, c, n, row_chunk(row, c, width, 0.0f))
    const float total = add_lanes(s);
    for (int c = 0; c < n; ++c)
        put_chunk(row_chunk(row, c, width, 0.0f) - exp(row_chunk(value, c, width, 0.0f)) * total, to, c, width);
}
