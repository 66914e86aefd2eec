/* Losses with their gradients: mean square, and cross-entropy over classes (target -1: ignored). The variant for
 * processors: vectors, and one item a row where a row is summed.
 */
#include "params.h"
#include "vector.h"

/* Item = chunk of REDUCE_CHUNK elements: its part of the mean of (x - target)^2. */
kernel void loss_squares(global const float *x, global const float *target, global float *part,
                         const struct params_loss p)
{
    ITEM(i, p.chunks);
    const int first = (int)i * REDUCE_CHUNK, n = min(REDUCE_CHUNK, p.count - first);
    global const float *value = x + p.x + first, *wanted = target + p.target + first;
    float16 s = (float16)(0.0f);
    for (int c = 0; 16 * c < n; ++c) {
        const float16 error = row_chunk(value, c, n, 0.0f) - row_chunk(wanted, c, n, 0.0f);
        s += error * error;
    }
    part[p.term + i] = add_lanes(s) / (float)p.count;
}

/* Item = sixteen elements. */
kernel void loss_squares_grad(global const float *dloss, global const float *x, global const float *target,
                              global float *dx, const struct params_loss p)
{
    ITEM(i, ((uint)p.count + 15) / 16);
    const float16 error =
        row_chunk(x + p.x, (int)i, p.count, 0.0f) - row_chunk(target + p.target, (int)i, p.count, 0.0f);
    put_chunk(dloss[p.dloss] * 2.0f * error / (float)p.count, dx + p.y, (int)i, p.count);
}

/* Item = row: lse, and in scratch the row's term lse - logits[target] and whether it counts; 0 where ignored, NaN where
 * the target is out of range. */
kernel void loss_classes(global const float *logits, global const int *target, global float *lse, global float *scratch,
                         const struct params_loss p)
{
    ITEM(i, p.count);
    const int label = target[p.target + i], width = p.width;
    global const float *row = logits + p.x + i * (uint)width;
    const float most = row_largest(row, width);
    float16 s = (float16)(0.0f);
    ADD_ALONG(s, c, (width + 15) / 16, exp(row_chunk(row, c, width, -INFINITY) - most))
    const float log_sum = log(add_lanes(s));
    float term = NOT_A_NUMBER;
    if (label == -1) term = 0.0f;
    if (label >= 0 && label < width) term = most - row[label] + log_sum;
    lse[p.lse + i] = most + log_sum;
    scratch[p.term + i] = term;
    scratch[p.counted + i] = label == -1 ? 0.0f : 1.0f;
}

/* 1 for every target that is not -1. */
kernel void loss_counted(global const int *target, global float *scratch, const struct params_loss p)
{
    ITEM(i, p.count);
    scratch[p.counted + i] = target[p.target + i] == -1 ? 0.0f : 1.0f;
}

/* The mean of the terms that count; of none 0. */
kernel void loss_mean(global const float *scratch, global float *loss, const struct params_loss p)
{
    ITEM(i, 1);
    const float counted = scratch[p.counted];
    loss[p.y] = counted > 0.0f ? scratch[p.total] / counted : 0.0f;
}

/* dlogits = dloss (exp(logits - lse) - [target]) / (targets counted); rows with target -1 are zero. Item = row. */
kernel void loss_classes_grad(global const float *dloss, global const float *logits, global const int *target,
                              global const float *lse, global const float *scratch, global float *dlogits,
                              const struct params_loss p)
{
    ITEM(i, p.count);
    const int label = target[p.target + i], width = p.width;
    const float slope = dloss[p.dloss], counted = scratch[p.counted], log_sum = lse[p.lse + i];
    global const float *row = logits + p.x + i * (uint)width;
    global float *to = dlogits + p.y + i * (uint)width;
    for (int c = 0; 16 * c < width; ++c) {
        const int16 wanted = (lane_numbers() + 16 * c) == label;
        const float16 error =
            exp(row_chunk(row, c, width, 0.0f) - log_sum) - select((float16)(0.0f), (float16)(1.0f), wanted);
        float16 d = slope * error / counted;
        if (label == -1) d = (float16)(0.0f);
        if (label < -1 || label >= width) d = (float16)(NOT_A_NUMBER);
        put_chunk(d, to, c, width);
    }
}
