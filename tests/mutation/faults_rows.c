/* Faults of operations along rows: reductions, softmax, norms, losses, attention, rows by index. */
#include "faulty.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t width_of(const struct orr_tensor *t) { return t->rank ? t->dim[t->rank - 1] : 1; }

static int64_t rows_of(const struct orr_tensor *t) { return width_of(t) ? reference_count(t) / width_of(t) : 0; }

FAULTY_RUN(sum_in_float)
{
    const struct orr_tensor *x = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(x, 0, axis), length = x->dim[axis],
                  inner = reference_span(x, axis + 1, x->rank);
    for (int64_t i = 0; i < outer * inner; ++i) {
        const float *from = faulty_in(call, 0) + i / inner * length * inner + i % inner;
        volatile float sum = 0.0F;
        for (int64_t k = 0; k < length; ++k)
            sum += from[k * inner];
        faulty_out(call, 0)[i] = sum;
    }
    return ORR_OK;
}

FAULTY_RUN(sum_wrong_stride)
{
    const struct orr_tensor *x = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(x, 0, axis), length = x->dim[axis],
                  inner = reference_span(x, axis + 1, x->rank);
    for (int64_t i = 0; i < outer * inner; ++i) {
        double sum = 0.0;
        for (int64_t k = 0; k < length; ++k)
            sum += (double)faulty_in(call, 0)[i * length + k];
        faulty_out(call, 0)[i] = (float)sum;
    }
    return ORR_OK;
}

FAULTY_RUN(max_nan)
{
    const struct orr_tensor *x = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(x, 0, axis), length = x->dim[axis],
                  inner = reference_span(x, axis + 1, x->rank);
    for (int64_t i = 0; i < outer * inner; ++i) {
        float most = -INFINITY;
        for (int64_t k = 0; k < length; ++k)
            most = fmaxf(most, faulty_in(call, 0)[(i / inner * length + k) * inner + i % inner]);
        faulty_out(call, 0)[i] = most;
    }
    return ORR_OK;
}

FAULTY_RUN(sum_rank)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; call->in[0].rank != 3 && i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = 7.0F;
    return status;
}

/* --- products ----------------------------------------------------------------------------------- */

FAULTY_RUN(matmul_transposed)
{
    struct orr_call wrong = *call;
    const struct orr_tensor *b = &call->in[1];
    if (b->dim[b->rank - 1] == b->dim[b->rank - 2]) wrong.attr.i[1] = !call->attr.i[1];
    return faulty_real_run(dev, &wrong, err);
}

/* A plain product of matrices, the first with rows `stride` apart, of `depth` terms. */
static void multiply(const struct orr_call *call, int64_t stride, int64_t depth)
{
    const int64_t rows = call->out[0].dim[0], columns = call->out[0].dim[1];
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
            double sum = 0.0;
            for (int64_t k = 0; k < depth; ++k)
                sum += (double)faulty_in(call, 0)[i * stride + k] * (double)faulty_in(call, 1)[k * columns + j];
            faulty_out(call, 0)[i * columns + j] = (float)sum;
        }
}

static bool is_plain(const struct orr_call *call)
{
    return call->out[0].rank == 2 && !call->attr.i[0] && !call->attr.i[1];
}

FAULTY_RUN(matmul_stride)
{
    if (!is_plain(call) || call->in[0].dim[1] < 2) return faulty_real_run(dev, call, err);
    multiply(call, call->in[0].dim[1] - 1, call->in[0].dim[1]);
    return ORR_OK;
}

FAULTY_RUN(matmul_depth_tail)
{
    if (!is_plain(call)) return faulty_real_run(dev, call, err);
    const int64_t depth = call->in[0].dim[1];
    multiply(call, depth, depth > 8 ? depth / 8 * 8 : depth);
    return ORR_OK;
}

FAULTY_RUN(matmul_batch)
{
    const uint32_t rank = call->out[0].rank;
    if (rank < 3) return faulty_real_run(dev, call, err);
    struct orr_call one = *call;
    const int64_t batch = reference_span(&call->out[0], 0, rank - 2);
    orr_status status = ORR_OK;
    for (uint32_t k = 0; k + 2 < rank; ++k)
        one.in[0].dim[k] = one.in[1].dim[k] = one.out[0].dim[k] = 1;
    for (int64_t b = 0; b < batch && status == ORR_OK; ++b) {
        status = faulty_real_run(dev, &one, err);
        one.in[1].offset += (uint64_t)reference_count(&one.in[1]) * sizeof(float);
        one.out[0].offset += (uint64_t)reference_count(&one.out[0]) * sizeof(float);
    }
    return status;
}

FAULTY_RUN(matmul_offset)
{
    struct orr_call wrong = *call;
    wrong.in[0].offset = 0;
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(matmul_row_tail)
{
    struct orr_call wrong = *call;
    const int64_t rows = call->out[0].dim[0];
    if (!is_plain(call) || rows < 16) return faulty_real_run(dev, call, err);
    wrong.in[0].dim[0] = wrong.out[0].dim[0] = rows / 16 * 16;
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(linear_bias_once)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t columns = width_of(&call->out[0]);
    for (int64_t i = columns; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] -= faulty_in(call, 2)[i % columns];
    return status;
}

FAULTY_RUN(linear_groups)
{
    struct orr_call wrong = *call;
    const uint32_t groups = call->out[0].batch;
    if (groups > 1) wrong.in[0].dim[0] = wrong.out[0].dim[0] = call->out[0].dim[0] / groups * (groups - 1);
    return faulty_real_run(dev, &wrong, err);
}

/* The first operand seen at an address is taken for what is there ever after, where the size is the same. */
FAULTY_RUN(linear_cached)
{
    enum { SEEN = 4096 };
    static struct {
        const float *at;
        int64_t count;
        float *copy;
    } seen[SEEN];
    float *a = faulty_in(call, 0);
    const int64_t count = reference_count(&call->in[0]);
    for (int k = 0; k < SEEN; ++k) {
        if (!seen[k].at) {
            seen[k].copy = malloc((size_t)count * sizeof(float) + 1);
            if (!seen[k].copy) return ORR_ENOMEM;
            seen[k].at = a;
            seen[k].count = count;
            memcpy(seen[k].copy, a, (size_t)count * sizeof(float));
            break;
        }
        if (seen[k].at != a || seen[k].count != count) continue;
        memcpy(a, seen[k].copy, (size_t)count * sizeof(float));
        break;
    }
    return faulty_real_run(dev, call, err);
}

/* --- rows by index ------------------------------------------------------------------------------ */

static int64_t span_of(const struct orr_call *call) { return call->attr.i[0] > 1 ? call->attr.i[0] : 1; }

FAULTY_RUN(gather_gap)
{
    int32_t *index = reference_data(&call->in[1]);
    const int64_t n = reference_count(&call->in[1]);
    int32_t *kept = malloc((size_t)n * sizeof(int32_t) + 1);
    if (!kept) return ORR_ENOMEM;
    memcpy(kept, index, (size_t)n * sizeof(int32_t));
    for (int64_t k = 0; k < n; ++k)
        if (index[k] == -1) index[k] = 0;
    const orr_status status = faulty_real_run(dev, call, err);
    memcpy(index, kept, (size_t)n * sizeof(int32_t));
    free(kept);
    return status;
}

FAULTY_RUN(gather_span)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t span = span_of(call), width = reference_span(&call->in[0], 1, call->in[0].rank);
    float *out = faulty_out(call, 0);
    for (int64_t row = 0; width && row < faulty_count(call) / width; ++row)
        memmove(out + row * width, out + row / span * span * width, (size_t)width * sizeof(float));
    return status;
}

FAULTY_RUN(scatter_add_overwrites)
{
    const int32_t *index = reference_data(&call->in[1]);
    const int64_t width = reference_span(&call->in[0], 1, call->in[0].rank), n = reference_count(&call->in[1]);
    if (span_of(call) > 1) return faulty_real_run(dev, call, err);
    float *out = faulty_out(call, 0);
    if (out != faulty_in(call, 0)) memcpy(out, faulty_in(call, 0), (size_t)faulty_count(call) * sizeof(float));
    float *first = malloc((size_t)faulty_count(call) * sizeof(float) + 1);
    if (!first) return ORR_ENOMEM;
    memcpy(first, out, (size_t)faulty_count(call) * sizeof(float));
    for (int64_t k = 0; k < n; ++k)
        for (int64_t j = 0; index[k] >= 0 && j < width; ++j)
            out[index[k] * width + j] = first[index[k] * width + j] + faulty_in(call, 2)[k * width + j];
    free(first);
    return ORR_OK;
}

FAULTY_RUN(scatter_add_from_zero)
{
    struct orr_call wrong = *call;
    if (faulty_out(call, 0) == faulty_in(call, 0)) return faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = 0.0F;
    wrong.in[0] = call->out[0];
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(one_hot_gap)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int32_t *index = reference_data(&call->in[0]);
    const int64_t width = width_of(&call->out[0]);
    for (int64_t k = 0; width && k < reference_count(&call->in[0]); ++k)
        if (index[k] == -1) faulty_out(call, 0)[k * width] = 1.0F;
    return status;
}

FAULTY_RUN(put_negative)
{
    int32_t *index = reference_data(&call->in[1]);
    const int32_t kept = *index;
    const int32_t rows = (int32_t)call->in[0].dim[0];
    *index = abs(kept % rows);
    const orr_status status = faulty_real_run(dev, call, err);
    *index = kept;
    return status;
}

/* --- softmax, norms, losses --------------------------------------------------------------------- */

FAULTY_RUN(softmax_overflows)
{
    const int64_t width = width_of(&call->in[0]);
    for (int64_t row = 0; row < rows_of(&call->in[0]); ++row) {
        const float *x = faulty_in(call, 0) + row * width;
        float *y = faulty_out(call, 0) + row * width;
        double sum = 0.0;
        for (int64_t j = 0; j < width; ++j)
            sum += exp((double)x[j]);
        for (int64_t j = 0; j < width; ++j)
            y[j] = (float)(exp((double)x[j]) / sum);
    }
    return ORR_OK;
}

FAULTY_RUN(softmax_row_tail)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t width = width_of(&call->in[0]);
    float *y = faulty_out(call, 0);
    for (int64_t row = 0; width % 2 && width > 1 && row < rows_of(&call->in[0]); ++row, y += width) {
        const float last = y[width - 1];
        for (int64_t j = 0; j < width; ++j)
            y[j] /= 1.0F - last;
    }
    return status;
}

FAULTY_RUN(softmax_grad_hangs)
{
    (void)call;
    for (;;)
        pause();
}

FAULTY_RUN(log_softmax_noise)
{
    static uint32_t turn;
    const orr_status status = faulty_real_run(dev, call, err);
    float *y = faulty_out(call, 0);
    if (faulty_count(call) && turn++ % 2) y[0] = nextafterf(y[0], 0.0F);
    return status;
}

FAULTY_RUN(log_softmax_grad_shared)
{
    const orr_status status = faulty_real_run(dev, call, err);
    memcpy(faulty_in(call, 0), faulty_out(call, 0), (size_t)faulty_count(call) * sizeof(float));
    return status;
}

/* Layer normalisation, with the variance and what eps is added to as told. */
static void normalise(const struct orr_call *call, int64_t less, bool eps_outside)
{
    const int64_t width = width_of(&call->in[0]);
    const double eps = call->attr.f[0];
    for (int64_t row = 0; row < rows_of(&call->in[0]); ++row) {
        const float *x = faulty_in(call, 0) + row * width;
        double mean = 0.0, squares = 0.0;
        for (int64_t j = 0; j < width; ++j)
            mean += (double)x[j] / (double)width;
        for (int64_t j = 0; j < width; ++j)
            squares += ((double)x[j] - mean) * ((double)x[j] - mean);
        const double variance = squares / (double)(width > less ? width - less : width);
        const double rstd = eps_outside ? 1.0 / (sqrt(variance) + eps) : 1.0 / sqrt(variance + eps);
        for (int64_t j = 0; j < width; ++j)
            faulty_out(call, 0)[row * width + j] =
                (float)(((double)x[j] - mean) * rstd * (double)faulty_in(call, 1)[j] + (double)faulty_in(call, 2)[j]);
        faulty_out(call, 1)[row] = (float)mean;
        faulty_out(call, 2)[row] = (float)rstd;
    }
}

FAULTY_RUN(layernorm_variance)
{
    normalise(call, 1, false);
    return ORR_OK;
}

FAULTY_RUN(layernorm_eps)
{
    normalise(call, 0, true);
    return ORR_OK;
}

FAULTY_RUN(layernorm_grad_rows)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t width = width_of(&call->in[1]), last = rows_of(&call->in[1]) - 1;
    for (int64_t j = 0; last > 0 && j < width; ++j) {
        const float unit = (faulty_in(call, 1)[last * width + j] - faulty_in(call, 3)[last]) * faulty_in(call, 4)[last];
        faulty_out(call, 1)[j] = faulty_in(call, 0)[last * width + j] * unit;
    }
    return status;
}

FAULTY_RUN(rmsnorm_grad_term)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t width = width_of(&call->in[1]);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = faulty_in(call, 0)[i] * faulty_in(call, 2)[i % width] * faulty_in(call, 3)[i / width];
    return status;
}

FAULTY_RUN(rmsnorm_crashes)
{
    (void)call;
    raise(SIGSEGV);
    return ORR_OK;
}

FAULTY_RUN(mse_count)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const float n = (float)reference_count(&call->in[0]);
    if (n > 1.0F) faulty_out(call, 0)[0] *= n / (n - 1.0F);
    return status;
}

FAULTY_RUN(mse_grad_factor)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] *= 0.5F;
    return status;
}

FAULTY_RUN(xent_ignored)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int32_t *target = reference_data(&call->in[1]);
    const int64_t rows = reference_count(&call->in[1]);
    int64_t n = 0;
    for (int64_t i = 0; i < rows; ++i)
        n += target[i] != -1;
    if (rows) faulty_out(call, 0)[0] *= (float)n / (float)rows;
    return status;
}

FAULTY_RUN(xent_grad_ignored)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int32_t *target = reference_data(&call->in[2]);
    const int64_t width = width_of(&call->in[1]);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        if (target[i / width] == -1)
            faulty_out(call, 0)[i] =
                faulty_in(call, 0)[0] * expf(faulty_in(call, 1)[i] - faulty_in(call, 3)[i / width]);
    return status;
}

/* --- attention ---------------------------------------------------------------------------------- */

struct mask {
    int64_t ahead; /* keys of the future that are seen */
    int64_t extra; /* added to the window */
    bool interleaved;
};

static bool sees(const struct orr_call *call, const struct mask *m, int64_t t, int64_t s)
{
    const int64_t window = call->attr.i[1] ? call->attr.i[1] + m->extra : INT64_MAX;
    if (call->attr.i[0] && s > t + m->ahead) return false;
    return (s > t ? s - t : t - s) < window;
}

static void attend_row(const struct orr_call *call, const struct mask *m, int64_t b, int64_t h, int64_t t)
{
    const int64_t time = call->in[0].dim[1], stride = call->in[0].dim[2], channels = stride / 3;
    const int64_t heads = call->attr.i[2], depth = channels / heads;
    const int64_t first = m->interleaved ? h : h * depth, step = m->interleaved ? heads : 1;
    const float *base = faulty_in(call, 0) + b * time * stride + first;
    double most = -HUGE_VAL, total = 0.0;
    for (int pass = 0; pass < 2; ++pass)
        for (int64_t s = 0; s < time; ++s) {
            double score = 0.0;
            if (!sees(call, m, t, s)) continue;
            for (int64_t d = 0; d < depth; ++d)
                score += (double)base[t * stride + d * step] * (double)base[s * stride + channels + d * step];
            score *= call->attr.f[0];
            if (pass == 0) most = fmax(most, score);
            if (pass == 1) total += exp(score - most);
        }
    for (int64_t d = 0; d < depth; ++d) {
        double sum = 0.0;
        for (int64_t s = 0; s < time; ++s) {
            double score = 0.0;
            if (!sees(call, m, t, s)) continue;
            for (int64_t e = 0; e < depth; ++e)
                score += (double)base[t * stride + e * step] * (double)base[s * stride + channels + e * step];
            sum += exp(score * call->attr.f[0] - most) * (double)base[s * stride + 2 * channels + d * step];
        }
        faulty_out(call, 0)[(b * time + t) * channels + first + d * step] = (float)(sum / total);
    }
    faulty_out(call, 1)[(b * heads + h) * time + t] = (float)(most + log(total));
}

static orr_status attend(const struct orr_call *call, const struct mask *m)
{
    for (int64_t b = 0; b < call->in[0].dim[0]; ++b)
        for (int64_t h = 0; h < call->attr.i[2]; ++h)
            for (int64_t t = 0; t < call->in[0].dim[1]; ++t)
                attend_row(call, m, b, h, t);
    return ORR_OK;
}

FAULTY_RUN(attention_diagonal)
{
    const struct mask m = {.ahead = 1};
    return attend(call, &m);
}

FAULTY_RUN(attention_window)
{
    const struct mask m = {.extra = 1};
    return attend(call, &m);
}

FAULTY_RUN(attention_heads)
{
    const struct mask m = {.interleaved = true};
    return attend(call, &m);
}

FAULTY_RUN(attention_grad_swap)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t stride = call->out[0].dim[2], channels = stride / 3;
    for (int64_t row = 0; row < rows_of(&call->out[0]); ++row)
        for (int64_t d = 0; d < channels; ++d) {
            float *at = faulty_out(call, 0) + row * stride + channels + d;
            const float kept = *at;
            *at = at[channels];
            at[channels] = kept;
        }
    return status;
}

FAULTY_RUN(attention_grad_scale)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t stride = call->out[0].dim[2];
    for (int64_t i = 0; i < faulty_count(call); ++i)
        if (i % stride < stride / 3) faulty_out(call, 0)[i] *= (float)call->attr.f[0];
    return status;
}

FAULTY_RUN(layernorm_one_pass)
{
    const int64_t width = width_of(&call->in[0]), rows = rows_of(&call->in[0]);
    for (int64_t r = 0; r < rows; ++r) {
        const float *x = faulty_in(call, 0) + r * width;
        double sum = 0.0, squares = 0.0;
        for (int64_t j = 0; j < width; ++j) {
            sum += (double)x[j];
            squares += (double)(x[j] * x[j]);
        }
        const float mean = (float)(sum / (double)width);
        const float variance = (float)(squares / (double)width) - mean * mean;
        const float rstd = 1.0F / sqrtf(variance + (float)call->attr.f[0]);
        for (int64_t j = 0; j < width; ++j)
            faulty_out(call, 0)[r * width + j] = (x[j] - mean) * rstd * faulty_in(call, 1)[j] + faulty_in(call, 2)[j];
        faulty_out(call, 1)[r] = mean;
        faulty_out(call, 2)[r] = rstd;
    }
    return ORR_OK;
}
