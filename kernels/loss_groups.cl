/* What differs from loss.cl where a group shares a row, or neighbours take neighbours. */
#include "group.h"
#include "params.h"
#include "sum.h"

/* Group = chunk of REDUCE_CHUNK elements: its part of the mean of (x - target)^2. */
GROUP_KERNEL loss_groups_squares(global const float *x, global const float *target, global float *parts,
                                 const struct params_loss p)
{
    local float part[GROUP];
    const int i = GROUP_NUMBER, first = i * REDUCE_CHUNK, n = min(REDUCE_CHUNK, p.count - first);
    struct sum s = {0.0f, 0.0f};
    SHARE(k, n)
    {
        const float error = x[p.x + first + k] - target[p.target + first + k];
        sum_add(&s, error * error);
    }
    const float all = group_sum(sum_result(&s), part);
    if (MEMBER == 0) parts[p.term + i] = all / (float)p.count;
}

/* Group = row. */
GROUP_KERNEL loss_groups_classes(global const float *logits, global const int *target, global float *lse,
                                 global float *scratch, const struct params_loss p)
{
    local float part[GROUP];
    const int i = GROUP_NUMBER, label = target[p.target + i], width = p.width;
    global const float *row = logits + p.x + i * width;
    float most = -INFINITY;
    SHARE(j, width) most = row[j] > most ? row[j] : most;
    most = group_max(most, part);
    struct sum s = {0.0f, 0.0f};
    SHARE(j, width) sum_add(&s, exp(row[j] - most));
    const float log_sum = log(group_sum(sum_result(&s), part));
    if (MEMBER != 0) return;
    float term = NOT_A_NUMBER;
    if (label == -1) term = 0.0f;
    if (label >= 0 && label < width) term = most - row[label] + log_sum;
    lse[p.lse + i] = most + log_sum;
    scratch[p.term + i] = term;
    scratch[p.counted + i] = label == -1 ? 0.0f : 1.0f;
}

/* Group = row. */
GROUP_KERNEL loss_groups_classes_grad(global const float *dloss, global const float *logits, global const int *target,
                                      global const float *lse, global const float *scratch, global float *dlogits,
                                      const struct params_loss p)
{
    const int row = GROUP_NUMBER, label = target[p.target + row], width = p.width;
    SHARE(j, width)
    {
        const float error = exp(logits[p.x + row * width + j] - lse[p.lse + row]) - (j == label ? 1.0f : 0.0f);
        float slope = dloss[p.dloss] * error / scratch[p.counted];
        if (label == -1) slope = 0.0f;
        if (label < -1 || label >= width) slope = NOT_A_NUMBER;
        dlogits[p.y + row * width + j] = slope;
    }
}
