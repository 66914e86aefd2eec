/* Losses with their gradients: mean square, and cross-entropy over classes (target -1: ignored). */
#include "params.h"
#include "sum.h"

/* Item = chunk of REDUCE_CHUNK elements: its sum of (x - target)^2. */
kernel void loss_squares(global const float *x, global const float *target, global float *part,
                         const struct params_loss p)
{
    ITEM(i, p.chunks);
    const int first = (int)i * REDUCE_CHUNK, end = min(first + REDUCE_CHUNK, p.count);
    struct sum s = {0.0f, 0.0f};
    for (int k = first; k < end; ++k) {
        const float error = x[p.x + k] - target[p.target + k];
        sum_add(&s, error * error);
    }
    part[p.term + i] = sum_result(&s);
}

kernel void loss_squares_grad(global const float *dloss, global const float *x, global const float *target,
                              global float *dx, const struct params_loss p)
{
    ITEM(i, p.count);
    dx[p.y + i] = dloss[p.dloss] * 2.0f * (x[p.x + i] - target[p.target + i]) / (float)p.count;
}

/* Item = row: lse, and the row's term lse - logits[target]; 0 where ignored, NaN where the target is out of range. */
kernel void loss_classes(global const float *logits, global const int *target, global float *lse, global float *scratch,
                         const struct params_loss p)
{
    ITEM(i, p.count);
    global const float *row = logits + p.x + i * (uint)p.width;
    const int label = target[p.target + i];
    float most = -INFINITY;
    for (int j = 0; j < p.width; ++j)
        most = row[j] > most ? row[j] : most;
    struct sum s = {0.0f, 0.0f};
    for (int j = 0; j < p.width; ++j)
        sum_add(&s, exp(row[j] - most));
    const float log_sum = log(sum_result(&s));
    float term = NOT_A_NUMBER;
    if (label == -1) term = 0.0f;
    if (label >= 0 && label < p.width) term = most - row[label] + log_sum;
    lse[p.lse + i] = most + log_sum;
    scratch[p.term + i] = term;
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

/* dlogits = dloss (exp(logits - lse) - [target]) / (targets counted); rows with target -1 are zero. */
kernel void loss_classes_grad(global const float *dloss, global const float *logits, global const int *target,
                              global const float *lse, global const float *scratch, global float *dlogits,
                              const struct params_loss p)
{
    ITEM(i, p.count);
    const int row = (int)(i / (uint)p.width), j = (int)i - row * p.width, label = target[p.target + row];
    const float error = exp(logits[p.x + i] - lse[p.lse + row]) - (j == label ? 1.0f : 0.0f);
    float slope = dloss[p.dloss] * error / scratch[p.counted];
    if (label == -1) slope = 0.0f;
    if (label < -1 || label >= p.width) slope = NOT_A_NUMBER;
    dlogits[p.y + i] = slope;
}
