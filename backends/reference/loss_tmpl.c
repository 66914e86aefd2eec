/* Losses with their gradients: mean square, and cross-entropy over classes (target -1: ignored). */
#include "index.h"
#include "template.h"

#include <math.h>

/* x, target (alike in dims) -> the mean of (x - target)^2, one element; of nothing 0. */
KERNEL(MSE)
{
    const element *restrict x = reference_data(&call->in[0]), *restrict target = reference_data(&call->in[1]);
    element *restrict loss = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->in[0]);
    double sum = 0;
    for (int64_t i = 0; i < count; ++i)
        sum += ((double)x[i] - (double)target[i]) * ((double)x[i] - (double)target[i]);
    *loss = (element)(count ? sum / (double)count : 0);
    return ORR_OK;
}

/* dloss (one element), x, target -> dx = dloss 2 (x - target) / count. */
KERNEL(MSE_GRAD)
{
    const element *restrict dloss = reference_data(&call->in[0]), *restrict x = reference_data(&call->in[1]);
    const element *restrict target = reference_data(&call->in[2]);
    element *restrict dx = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i)
        dx[i] = (element)((double)*dloss * 2 * ((double)x[i] - (double)target[i]) / (double)count);
    return ORR_OK;
}

static int64_t counted(const int32_t *target, int64_t rows)
{
    int64_t count = 0;
    for (int64_t i = 0; i < rows; ++i)
        count += target[i] != -1;
    return count;
}

/* logits (.., classes), target (.., i32) -> the mean of lse - logits[target] over targets that are not -1 (of none 0),
 * one element; lse (..) = log sum exp of each row, ignored or not. Errors: ORR_EINVAL for a target out of range. */
KERNEL(XENT)
{
    const int64_t rows = reference_rows(&call->in[0]), classes = reference_width(&call->in[0]);
    const orr_status status = reference_index_check(call, &call->in[1], classes - 1, err);
    if (status != ORR_OK) return status;
    const element *restrict logits = reference_data(&call->in[0]);
    const int32_t *restrict target = reference_data(&call->in[1]);
    element *restrict loss = reference_data(&call->out[0]), *restrict lse_out = reference_data(&call->out[1]);
    double total = 0;
    for (int64_t i = 0; i < rows; ++i, logits += classes) {
        double most = -HUGE_VAL, sum = 0;
        for (int64_t j = 0; j < classes; ++j)
            if ((double)logits[j] > most) most = (double)logits[j];
        for (int64_t j = 0; j < classes; ++j)
            sum += exp((double)logits[j] - most);
        const double log_sum = log(sum);
        lse_out[i] = (element)(most + log_sum);
        if (target[i] != -1) total += most - (double)logits[target[i]] + log_sum;
    }
    const int64_t count = counted(target, rows);
    *loss = (element)(count ? total / (double)count : 0);
    return ORR_OK;
}

/* dloss (one element), logits, target, lse -> dlogits = dloss (exp(logits - lse) - [target]) / (targets counted); rows
 * with target -1 are zero. Errors: ORR_EINVAL for a target out of range. */
KERNEL(XENT_GRAD)
{
    const int64_t rows = reference_rows(&call->in[1]), classes = reference_width(&call->in[1]);
    const orr_status status = reference_index_check(call, &call->in[2], classes - 1, err);
    if (status != ORR_OK) return status;
    const element *restrict dloss = reference_data(&call->in[0]), *restrict logits = reference_data(&call->in[1]);
    const int32_t *restrict target = reference_data(&call->in[2]);
    const element *restrict lse = reference_data(&call->in[3]);
    element *restrict out = reference_data(&call->out[0]);
    const int64_t count = counted(target, rows);
    for (int64_t i = 0; i < rows; ++i, logits += classes, out += classes)
        for (int64_t j = 0; j < classes; ++j) {
            const double error = exp((double)logits[j] - (double)lse[i]) - (j == target[i] ? 1 : 0);
            out[j] = (element)(target[i] == -1 ? 0 : (double)*dloss * error / (double)count);
        }
    return ORR_OK;
}
