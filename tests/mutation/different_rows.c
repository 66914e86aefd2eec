/* Variants of operations along rows, all in f32: softmax, norms, attention, losses.
 *
 * Running moments are those of Welford (1962), the running maximum that of Milakov and Gimelshein (2018).
 */
#include "different.h"

#include <math.h>

static int64_t rows_of(const struct orr_tensor *t)
{
    return different_width(t) ? reference_count(t) / different_width(t) : 0;
}

static float largest(const float *x, int64_t n)
{
    float most = -INFINITY;
    for (int64_t j = 0; j < n; ++j)
        most = x[j] > most || isnan(x[j]) ? x[j] : most;
    return most;
}

/* The sum of exp(x[j] - most), by halves. */
static float exponentials(const float *x, float most, int64_t n)
{
    if (n > 8) return exponentials(x, most, n / 2) + exponentials(x + n / 2, most, n - n / 2);
    float sum = 0.0F;
    for (int64_t j = 0; j < n; ++j)
        sum += expf(x[j] - most);
    return sum;
}

static void softmax_rows(const struct orr_call *call)
{
    const int64_t width = different_width(&call->in[0]);
    for (int64_t r = 0; r < rows_of(&call->in[0]); ++r) {
        const float *x = different_in(call, 0) + r * width;
        const float most = largest(x, width), share = 1.0F / exponentials(x, most, width);
        for (int64_t j = 0; j < width; ++j)
            different_out(call, 0)[r * width + j] = expf(x[j] - most) * share;
    }
}

/* The sum of x, by halves; and of the squares of what x is from `mean`. */
static float sum_of(const float *x, int64_t n)
{
    if (n > 8) return sum_of(x, n / 2) + sum_of(x + n / 2, n - n / 2);
    float sum = 0.0F;
    for (int64_t j = 0; j < n; ++j)
        sum += x[j];
    return sum;
}

static float deviation_of(const float *x, float mean, int64_t n)
{
    if (n > 8) return deviation_of(x, mean, n / 2) + deviation_of(x + n / 2, mean, n - n / 2);
    float sum = 0.0F;
    for (int64_t j = 0; j < n; ++j)
        sum = fmaf(x[j] - mean, x[j] - mean, sum);
    return sum;
}

static void two_passes(const float *x, int64_t n, float *mean, float *variance)
{
    *mean = sum_of(x, n) / (float)n;
    *variance = deviation_of(x, *mean, n) / (float)n;
}

static void one_pass(const float *x, int64_t n, float *mean, float *variance)
{
    float running = 0.0F, squares = 0.0F;
    for (int64_t j = 0; j < n; ++j) {
        const float before = x[j] - running;
        running += before / (float)(j + 1);
        squares = fmaf(before, x[j] - running, squares);
    }
    *mean = running;
    *variance = squares / (float)n;
}

static void layernorm_rows(const struct orr_call *call)
{
    const int64_t width = different_width(&call->in[0]);
    for (int64_t r = 0; r < rows_of(&call->in[0]); ++r) {
        const float *x = different_in(call, 0) + r * width;
        float mean, variance;
        (different_chosen == DIFFERENT_running_moments ? one_pass : two_passes)(x, width, &mean, &variance);
        const float rstd = 1.0F / sqrtf(variance + (float)call->attr.f[0]);
        for (int64_t j = 0; j < width; ++j)
            different_out(call, 0)[r * width + j] =
                fmaf((x[j] - mean) * rstd, different_in(call, 1)[j], different_in(call, 2)[j]);
        different_out(call, 1)[r] = mean;
        different_out(call, 2)[r] = rstd;
    }
}

/* --- attention ------------------------------------------------------------------------------------ */

enum { DEPTH_MAX = 128 };

struct query {
    const float *q, *k, *v; /* of this head; rows `stride` apart */
    int64_t stride, depth;
    float most, sum, scale;
    float y[DEPTH_MAX]; /* not yet divided by sum */
};

static float score(const struct query *a, int64_t s)
{
    float total = 0.0F;
    for (int64_t d = 0; d < a->depth; ++d)
        total = fmaf(a->q[d], a->k[s * a->stride + d], total);
    return total * a->scale;
}

/* Take one key in: what was summed so far is scaled to a new maximum. */
static void take(struct query *a, int64_t s)
{
    const float x = score(a, s), most = x > a->most || isnan(x) ? x : a->most;
    const float old = expf(a->most - most), weight = expf(x - most);
    a->sum = a->sum * old + weight;
    for (int64_t d = 0; d < a->depth; ++d)
        a->y[d] = fmaf(weight, a->v[s * a->stride + d], a->y[d] * old);
    a->most = most;
}

static bool sees(const struct orr_call *call, int64_t t, int64_t s)
{
    const int64_t apart = s > t ? s - t : t - s;
    return !(call->attr.i[0] && s > t) && (!call->attr.i[1] || apart < call->attr.i[1]);
}

static void attend(const struct orr_call *call)
{
    const int64_t batch = call->in[0].dim[0], time = call->in[0].dim[1], stride = call->in[0].dim[2];
    const int64_t channels = stride / 3, heads = call->attr.i[2], depth = channels / heads;
    for (int64_t i = 0; i < batch * heads * time; ++i) {
        const int64_t b = i / (heads * time), h = i / time % heads, t = i % time;
        const float *base = different_in(call, 0) + b * time * stride + h * depth;
        struct query a = {.q = base + t * stride,
                          .k = base + channels,
                          .v = base + 2 * channels,
                          .stride = stride,
                          .depth = depth,
                          .most = -INFINITY,
                          .scale = (float)call->attr.f[0]};
        for (int64_t s = 0; s < time; ++s)
            if (sees(call, t, s)) take(&a, s);
        for (int64_t d = 0; d < depth; ++d)
            different_out(call, 0)[(b * time + t) * channels + h * depth + d] = a.y[d] / a.sum;
        different_out(call, 1)[i] = a.most + logf(a.sum);
    }
}

/* --- losses ----------------------------------------------------------------------------------------- */

static float squares(const float *x, const float *target, int64_t n)
{
    if (n > 8) return squares(x, target, n / 2) + squares(x + n / 2, target + n / 2, n - n / 2);
    float sum = 0.0F;
    for (int64_t i = 0; i < n; ++i)
        sum = fmaf(x[i] - target[i], x[i] - target[i], sum);
    return sum;
}

static void mse(const struct orr_call *call)
{
    const int64_t n = reference_count(&call->in[0]);
    different_out(call, 0)[0] = n ? squares(different_in(call, 0), different_in(call, 1), n) / (float)n : 0.0F;
}

static void mse_grad(const struct orr_call *call)
{
    const int64_t n = reference_count(&call->out[0]);
    const float factor = different_in(call, 0)[0] * 2.0F / (float)n;
    for (int64_t i = 0; i < n; ++i)
        different_out(call, 0)[i] = factor * (different_in(call, 1)[i] - different_in(call, 2)[i]);
}

static int64_t counted(const int32_t *target, int64_t rows)
{
    int64_t n = 0;
    for (int64_t r = 0; r < rows; ++r)
        n += target[r] != -1;
    return n;
}

static void xent(const struct orr_call *call)
{
    const int64_t width = different_width(&call->in[0]), rows = rows_of(&call->in[0]);
    const int32_t *target = reference_data(&call->in[1]);
    const int64_t n = counted(target, rows);
    float loss = 0.0F;
    for (int64_t r = 0; r < rows; ++r) {
        const float *x = different_in(call, 0) + r * width, most = largest(x, width);
        const float lse = most + logf(exponentials(x, most, width));
        if (target[r] != -1) loss += (lse - x[target[r]]) / (float)n;
        different_out(call, 1)[r] = lse;
    }
    different_out(call, 0)[0] = loss;
}

static void xent_grad(const struct orr_call *call)
{
    const int64_t width = different_width(&call->in[1]), rows = rows_of(&call->in[1]);
    const int32_t *target = reference_data(&call->in[2]);
    const float factor = different_in(call, 0)[0] / (float)counted(target, rows);
    for (int64_t i = 0; i < rows * width; ++i) {
        const int64_t r = i / width;
        const float p = expf(different_in(call, 1)[i] - different_in(call, 3)[r]);
        different_out(call, 0)[i] = target[r] == -1 ? 0.0F : factor * (target[r] == i % width ? p - 1.0F : p);
    }
}

typedef void (*computation)(const struct orr_call *call);

bool different_compute_rows(const struct orr_call *call)
{
    static const computation losses[ORR_OP_COUNT_] = {
        [ORR_OP_MSE] = mse, [ORR_OP_MSE_GRAD] = mse_grad, [ORR_OP_XENT] = xent, [ORR_OP_XENT_GRAD] = xent_grad};
    static const computation norms[ORR_OP_COUNT_] = {
        [ORR_OP_SOFTMAX] = softmax_rows, [ORR_OP_LAYERNORM] = layernorm_rows};
    computation compute = NULL;
    if (different_chosen == DIFFERENT_losses_in_float) compute = losses[call->op];
    if (different_chosen == DIFFERENT_norms_in_float) compute = norms[call->op];
    if (different_chosen == DIFFERENT_running_moments && call->op == ORR_OP_LAYERNORM) compute = layernorm_rows;
    if (different_chosen == DIFFERENT_attention_in_turn && call->op == ORR_OP_ATTENTION &&
        call->in[0].dim[2] / 3 / call->attr.i[2] <= DEPTH_MAX)
        compute = attend;
    if (compute) compute(call);
    return compute != NULL;
}
