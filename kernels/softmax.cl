/* Softmax and its logarithm along rows, with gradients; one item a row.
 *
 * The largest of a row is subtracted first, so that exp cannot overflow; a row of -infinity is NaN. Results may be
 * input 0: a row is read whole before it is written, or element by element.
 */
#include "params.h"
#include "sum.h"

#define ROW                                                                                                            \
    ITEM(i, p.rows);                                                                                                   \
    global const float *row = in + p.in + i * (uint)p.width;                                                           \
    global float *to = y + p.y + i * (uint)p.width

/* A NaN reaches the sum of exponentials instead. */
static float largest(global const float *row, int width)
{
    float most = -INFINITY;
    for (int j = 0; j < width; ++j)
        most = row[j] > most ? row[j] : most;
    return most;
}

static float sum_of_exponentials(global const float *row, int width, float most)
{
    struct sum s = {0.0f, 0.0f};
    for (int j = 0; j < width; ++j)
        sum_add(&s, exp(row[j] - most));
    return sum_result(&s);
}

kernel void softmax_value(global const float *in, global float *y, const struct params_along_rows p)
{
    ROW;
    const float most = largest(row, p.width), total = sum_of_exponentials(row, p.width, most);
    for (int j = 0; j < p.width; ++j)
        to[j] = exp(row[j] - most) / total;
}

kernel void softmax_log(global const float *in, global float *y, const struct params_along_rows p)
{
    ROW;
    const float most = largest(row, p.width), log_total = log(sum_of_exponentials(row, p.width, most));
    for (int j = 0; j < p.width; ++j)
        to[j] = row[j] - most - log_total;
}

/* in is dy, in2 is y of the forward pass: dx = y (dy - sum(dy y)). */
kernel void softmax_grad(global const float *in, global const float *in2, global float *y,
                         const struct params_along_rows p)
{
    ROW;
    global const float *value = in2 + p.in2 + i * (uint)p.width;
    struct sum s = {0.0f, 0.0f};
    for (int j = 0; j < p.width; ++j)
        sum_add(&s, row[j] * value[j]);
    const float total = sum_result(&s);
    for (int j = 0; j < p.width; ++j)
        to[j] = value[j] * (row[j] - total);
}

/* The same of the logarithm: dx = dy - exp(y) sum(dy). */
kernel void softmax_log_grad(global const float *in, global const float *in2, global float *y,
                             const struct params_along_rows p)
{
    ROW;
    global const float *value = in2 + p.in2 + i * (uint)p.width;
    struct sum s = {0.0f, 0.0f};
    for (int j = 0; j < p.width; ++j)
        sum_add(&s, row[j]);
    const float total = sum_result(&s);
    for (int j = 0; j < p.width; ++j)
        to[j] = row[j] - exp(value[j]) * total;
}
