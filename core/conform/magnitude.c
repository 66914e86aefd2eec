/* The sum of |terms| behind each number of a result: the unit in which errors of sums are judged.
 *
 * Where an operation is a sum of products of its inputs, it is that operation on absolute values. Where it subtracts,
 * or exponentiates a sum, the terms are added up here, by the formulas of ops.def with every minus a plus.
 */
#include "base/memory.h"
#include "conform/layout.h"

#include <math.h>
#include <string.h>

static orr_status on_absolute_values(const struct orr_trial *t, uint32_t k, struct orr_open_device *truth, double *sum,
                                     struct orr_error *err)
{
    const struct orr_layout layout = {.real = ORR_F64};
    struct orr_trial positive = *t;
    struct orr_outcome outcome;
    orr_status status = ORR_OK;
    for (uint32_t i = 0; i < t->c.n_in; ++i) {
        if (!t->in[i].real) continue;
        positive.in[i].real = orr_memory_array(t->in[i].count, sizeof(double));
        if (!positive.in[i].real) status = orr_memory_out(err, "absolute values", t->in[i].count * sizeof(double));
        for (size_t e = 0; status == ORR_OK && e < t->in[i].count; ++e)
            positive.in[i].real[e] = fabs(t->in[i].real[e]);
    }
    for (uint32_t j = 0; j < 4; ++j)
        positive.c.attr.f[j] = fabs(t->c.attr.f[j]);
    if (status == ORR_OK) {
        status = orr_layout_run(&positive, truth, &layout, &outcome, err);
        if (status == ORR_OK) memcpy(sum, outcome.out[k], t->out[k].count * sizeof(double));
        orr_outcome_fini(&outcome);
    }
    for (uint32_t i = 0; i < t->c.n_in; ++i)
        if (t->in[i].real) orr_memory_free(positive.in[i].real);
    return status;
}

static size_t width_of(const struct orr_numbers *a)
{
    return a->shape.rank ? (size_t)a->shape.dim[a->shape.rank - 1] : 1;
}

/* The log of a sum of exponentials: the largest exponent, the log itself, and 1 for what the exponentials err by. */
static void cross_entropy(const struct orr_trial *t, uint32_t k, double *sum)
{
    const size_t width = width_of(&t->in[0]), rows = t->in[1].count;
    const double *lse = t->out[1].real;
    double total = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < rows; ++i) {
        const double *row = t->in[0].real + i * width;
        double most = 0.0;
        for (size_t j = 0; j < width; ++j)
            most = fmax(most, fabs(row[j]));
        const double own = most + fabs(lse[i]) + 1.0;
        if (k == 1) sum[i] = own;
        if (t->in[1].whole[i] == -1) continue;
        total += own + fabs(row[t->in[1].whole[i]]);
        ++n;
    }
    if (k == 0) sum[0] = n ? total / (double)n : 0.0;
}

/* Layer and root-mean-square normalisation backwards; mean is NULL for the latter. */
static void norm_gradient(const struct orr_trial *t, uint32_t k, const double *mean, const double *rstd, double *sum)
{
    const size_t width = width_of(&t->in[1]), rows = width ? t->in[1].count / width : 0;
    const double *dy = t->in[0].real, *x = t->in[1].real, *gain = t->in[2].real;
    for (size_t j = 0; k > 0 && j < width; ++j)
        sum[j] = 0.0;
    for (size_t i = 0; i < rows; ++i, dy += width, x += width) {
        double g = 0.0, gn = 0.0;
        for (size_t j = 0; j < width; ++j) {
            const double n = (fabs(x[j]) + (mean ? fabs(mean[i]) : 0.0)) * rstd[i];
            g += fabs(dy[j] * gain[j]) / (double)width;
            gn += fabs(dy[j] * gain[j]) * n / (double)width;
            if (k > 0) sum[j] += fabs(dy[j]) * (k == 1 ? n : 1.0);
        }
        for (size_t j = 0; k == 0 && j < width; ++j) {
            const double n = (fabs(x[j]) + (mean ? fabs(mean[i]) : 0.0)) * rstd[i];
            sum[i * width + j] = rstd[i] * (fabs(dy[j] * gain[j]) + (mean ? g : 0.0) + n * gn);
        }
    }
}

struct head {
    size_t time, stride, depth;
    const double *q, *k, *v, *dy, *y, *lse;
    double *dq, *dk, *dv;
    double scale;
};

/* A probability errs by what its exponent errs by, half of the sum of |terms| of that, in units of the row's bound. */
static void attention_pair(const struct head *h, size_t t, size_t s)
{
    const double *q = h->q + t * h->stride, *k = h->k + s * h->stride, *v = h->v + s * h->stride;
    const double *dy = h->dy + t * h->stride / 3, *y = h->y + t * h->stride / 3;
    double score = 0.0, terms = 0.0, slope = 0.0;
    for (size_t d = 0; d < h->depth; ++d) {
        score += q[d] * k[d];
        terms += fabs(q[d] * k[d]);
        slope += fabs(dy[d] * v[d]) + fabs(dy[d] * y[d]);
    }
    const double doubt = 1.0 + 0.5 * (terms * fabs(h->scale) + fabs(h->lse[t]));
    const double p = exp(score * h->scale - h->lse[t]) * doubt, ds = p * slope * fabs(h->scale);
    for (size_t d = 0; d < h->depth; ++d) {
        h->dq[t * h->stride + d] += ds * fabs(k[d]);
        h->dk[s * h->stride + d] += ds * fabs(q[d]);
        h->dv[s * h->stride + d] += p * fabs(dy[d]);
    }
}

static void attention_gradient(const struct orr_trial *t, double *sum)
{
    const int64_t *dim = t->in[1].shape.dim;
    const size_t batch = (size_t)dim[0], time = (size_t)dim[1], stride = (size_t)dim[2], channel = stride / 3;
    const size_t heads = (size_t)t->c.attr.i[2], depth = channel / heads;
    const int64_t window = t->c.attr.i[1] ? t->c.attr.i[1] : (int64_t)time;
    memset(sum, 0, t->out[0].count * sizeof(double));
    for (size_t group = 0; group < batch * heads; ++group) {
        const size_t wide = group / heads * time * stride + group % heads * depth;
        const size_t narrow = group / heads * time * channel + group % heads * depth;
        const double *qkv = t->in[1].real + wide;
        const struct head h = {.time = time,
                               .stride = stride,
                               .depth = depth,
                               .q = qkv,
                               .k = qkv + channel,
                               .v = qkv + 2 * channel,
                               .dy = t->in[0].real + narrow,
                               .y = t->in[2].real + narrow,
                               .lse = t->in[3].real + group * time,
                               .dq = sum + wide,
                               .dk = sum + wide + channel,
                               .dv = sum + wide + 2 * channel,
                               .scale = t->c.attr.f[0]};
        for (int64_t i = 0; i < (int64_t)time; ++i)
            for (int64_t j = 0; j < (int64_t)time; ++j)
                if ((j <= i || !t->c.attr.i[0]) && (j > i ? j - i : i - j) < window)
                    attention_pair(&h, (size_t)i, (size_t)j);
    }
}

static void adamw(const struct orr_trial *t, uint32_t k, double *sum)
{
    const double *row = t->in[4].real, *f = t->c.attr.f;
    for (size_t e = 0; e < t->out[k].count; ++e) {
        const double g = fabs(t->in[3].real[e]), m = f[0] * fabs(t->in[1].real[e]) + (1.0 - f[0]) * g;
        const double v = t->out[2].real[e];
        const double step = row[0] * row[1] * m / (sqrt(v) * row[2] + f[2]);
        sum[e] = k == 0 ? fabs(t->in[0].real[e]) + step : k == 1 ? m : v;
    }
}

orr_status orr_trial_magnitude(const struct orr_trial *t, uint32_t k, struct orr_open_device *truth, double *sum,
                               struct orr_error *err)
{
    switch (t->c.op) {
    case ORR_OP_XENT:
        cross_entropy(t, k, sum);
        return ORR_OK;
    case ORR_OP_LAYERNORM_GRAD:
        norm_gradient(t, k, t->in[3].real, t->in[4].real, sum);
        return ORR_OK;
    case ORR_OP_RMSNORM_GRAD:
        norm_gradient(t, k, NULL, t->in[3].real, sum);
        return ORR_OK;
    case ORR_OP_ATTENTION_GRAD:
        attention_gradient(t, sum);
        return ORR_OK;
    case ORR_OP_MSE: /* squares: the sum is that of its absolute values */
        memcpy(sum, t->out[0].real, sizeof(double));
        return ORR_OK;
    case ORR_OP_ADAMW:
        adamw(t, k, sum);
        return ORR_OK;
    default:
        return on_absolute_values(t, k, truth, sum, err);
    }
}
