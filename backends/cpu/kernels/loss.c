/* Losses with their gradients: mean square, and cross-entropy over classes (target -1: ignored).
 *
 * A part gives its share of the loss: the sum over its rows, divided by the count of the whole.
 */
#include "lanes.h"
#include "math.h"

static void put_loss(const struct cpu_job *job, double sum, int64_t count)
{
    const double share = count > 0 ? sum / (double)count : 0.0;
    put_totals(job->out[0].data, &share, 1, job->add);
}

/* x, target (alike in dims) -> the mean of (x - target)^2; of nothing 0. */
static void mse(const struct cpu_job *job)
{
    const float *restrict x = job->in[0].data, *restrict target = job->in[1].data;
    const int64_t n = cpu_elements(&job->in[0]);
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; ++j) {
            const double error = (double)x[i + j] - (double)target[i + j];
            lane[j] += error * error;
        }
    for (int j = 0; i < n; ++i, ++j) {
        const double error = (double)x[i] - (double)target[i];
        lane[j] += error * error;
    }
    for (int j = 0; j < LANES; ++j)
        sum += lane[j];
    put_loss(job, sum, orr_tensor_elements(&job->call->in[0]));
}

/* dloss (one element), x, target -> dx = dloss 2 (x - target) / count. */
static void mse_grad(const struct cpu_job *job)
{
    const float *restrict dloss = job->in[0].data, *restrict x = job->in[1].data, *restrict target = job->in[2].data;
    float *restrict dx = job->out[0].data;
    const int64_t n = cpu_elements(&job->out[0]);
    if (n == 0) return;
    const double factor = (double)*dloss * 2.0 / (double)orr_tensor_elements(&job->call->out[0]);
    for (int64_t i = 0; i < n; ++i)
        dx[i] = (float)(factor * ((double)x[i] - (double)target[i]));
}

/* --- cross-entropy ----------------------------------------------------------------------------- */

/* The targets of the whole that are not -1. */
static int64_t counted(const struct cpu_view *target)
{
    const int32_t *at = target->data;
    const int64_t n = cpu_elements(target);
    int64_t count = 0;
    for (int64_t i = 0; i < n; ++i)
        count += at[i] != -1;
    return count;
}

/* The targets of this part, whose logits are (.., classes). */
static const int32_t *targets(const struct cpu_job *job, const struct cpu_view *target, const struct orr_tensor *logits)
{
    const uint32_t last = logits->rank - 1;
    return (const int32_t *)target->data +
           (last > 0 ? cpu_rows_before(job, logits) * orr_tensor_span(logits, 1, last) : 0);
}

/* Over the lanes of the result, the largest of n numbers. */
CPU_INLINE vec largest(const float *x, int64_t n)
{
    vec m[4];
    m[0] = m[1] = m[2] = m[3] = vec_all(-__builtin_inff());
    int64_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES)
        for (int k = 0; k < 4; ++k)
            m[k] = lanes_larger(vec_load(x + j + k * LANES), m[k]);
    for (; j + LANES <= n; j += LANES)
        m[0] = lanes_larger(vec_load(x + j), m[0]);
    if (j < n)
        m[1] = lanes_larger(vec_choose(lanes_numbers() < (int32_t)(n - j), vec_load_some(x + j, n - j), m[1]), m[1]);
    return lanes_larger(lanes_larger(m[0], m[1]), lanes_larger(m[2], m[3]));
}

/* Over the lanes of the result, the sum of exp(x - most). */
CPU_INLINE vec sum_of_exp(const float *x, int64_t n, float most)
{
    vec s[4] = {{0}, {0}, {0}, {0}};
    int64_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES)
        for (int k = 0; k < 4; ++k)
            s[k] += vec_exp_or_zero(vec_load(x + j + k * LANES) - most);
    for (; j + LANES <= n; j += LANES)
        s[0] += vec_exp_or_zero(vec_load(x + j) - most);
    if (j < n) {
        const vec e = vec_exp_or_zero(vec_load_some(x + j, n - j) - most);
        s[1] += vec_choose(lanes_numbers() < (int32_t)(n - j), e, (vec){0});
    }
    return (s[0] + s[1]) + (s[2] + s[3]);
}

/* The largest logit, and the log of the sum of exponentials relative to it, of each of n <= LANES rows. */
static void log_sums(const float *logits, int64_t n, int64_t classes, float most[LANES], float log_sum[LANES])
{
    vec part[LANES];
    for (int64_t r = 0; r < LANES; ++r)
        part[r] = r < n ? largest(logits + r * classes, classes) : (vec){0};
    vec_store(most, lanes_largest(part));
    for (int64_t r = 0; r < LANES; ++r)
        part[r] = r < n ? sum_of_exp(logits + r * classes, classes, most[r]) : (vec){0};
    vec_store(log_sum, vec_log(lanes_sum(part)));
}

/* logits (.., classes), target (.., i32) -> the mean of lse - logits[target] over targets that are not -1 (of none 0);
 * lse (..) = log sum exp of each row, ignored or not. A target out of range gives NaN. */
static void xent(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[0];
    const int64_t rows = cpu_rows(in), classes = cpu_width(in);
    const int32_t *restrict target = targets(job, &job->in[1], &job->call->in[0]);
    const float *restrict logits = in->data;
    float *restrict lse = job->out[1].data;
    double total = 0;
    float most[LANES], log_sum[LANES]; /* of LANES rows */
    for (int64_t i = 0; i < rows; ++i, logits += classes) {
        const int64_t r = i % LANES;
        if (r == 0) log_sums(logits, rows - i < LANES ? rows - i : LANES, classes, most, log_sum);
        lse[i] = most[r] + log_sum[r];
        if (target[i] == -1) continue;
        const bool there = target[i] >= 0 && target[i] < classes;
        const float wanted = there ? logits[target[i]] : __builtin_nanf("");
        total += (double)most[r] - (double)wanted + (double)log_sum[r];
    }
    put_loss(job, total, counted(&job->in[1]));
}

/* dloss (one element), logits, target, lse -> dlogits = dloss (exp(logits - lse) - [target]) / (targets counted); rows
 * with target -1 are zero. */
static void xent_grad(const struct cpu_job *job)
{
    const struct cpu_view *in = &job->in[1];
    const int64_t rows = cpu_rows(in), classes = cpu_width(in);
    const int32_t *restrict target = targets(job, &job->in[2], &job->call->in[1]);
    const float *restrict dloss = job->in[0].data, *restrict logits = in->data, *restrict lse = job->in[3].data;
    float *restrict out = job->out[0].data;
    if (rows == 0) return;
    const float mean = (float)((double)*dloss / (double)counted(&job->in[2]));
    for (int64_t i = 0; i < rows; ++i, logits += classes, out += classes) {
        if (target[i] == -1) {
            memset(out, 0, (size_t)classes * sizeof *out);
            continue;
        }
        const bool there = target[i] >= 0 && target[i] < classes;
        const float factor = there ? mean : __builtin_nanf(""), log_sum = lse[i];
        int64_t j = 0;
        for (; j + LANES <= classes; j += LANES)
            vec_store(out + j, vec_exp_or_zero(vec_load(logits + j) - log_sum) * factor);
        if (j < classes)
            vec_store_some(out + j, vec_exp_or_zero(vec_load_some(logits + j, classes - j) - log_sum) * factor,
                           classes - j);
        if (there) out[target[i]] -= mean;
    }
}

const struct cpu_kernel CPU_KERNEL(MSE) = {.run = mse};
const struct cpu_kernel CPU_KERNEL(MSE_GRAD) = {.run = mse_grad};
const struct cpu_kernel CPU_KERNEL(XENT) = {.run = xent};
const struct cpu_kernel CPU_KERNEL(XENT_GRAD) = {.run = xent_grad};
