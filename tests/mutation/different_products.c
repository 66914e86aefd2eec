/* Variants of sums, products and scattered rows: other orders of the same terms, in f32. */
#include "different.h"

#include <math.h>
#include <string.h>

enum { RUN = 8, BLOCK = 24, LANES = 8 };

/* One by one. */
static float straight(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t n)
{
    const bool backwards = different_chosen == DIFFERENT_sums_reversed;
    const bool fused = different_chosen == DIFFERENT_fused_products;
    float sum = 0.0F;
    for (int64_t k = 0; k < n; ++k) {
        const int64_t i = backwards ? n - 1 - k : k;
        const float x = a[i * step_a], y = b ? b[i * step_b] : 1.0F;
        sum = fused ? fmaf(x, y, sum) : sum + x * y;
    }
    return sum;
}

/* By halves down to runs of 8 terms, as errors then grow with the logarithm of n (Higham 1993). */
static float by_halves(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t n)
{
    if (n <= RUN) return straight(a, step_a, b, step_b, n);
    const int64_t half = n / 2;
    const float first = by_halves(a, step_a, b, step_b, half);
    return by_halves(a + half * step_a, step_a, b ? b + half * step_b : NULL, step_b, n - half) + first;
}

static float in_blocks(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t n)
{
    float sum = 0.0F;
    for (int64_t k = 0; k < n; k += BLOCK)
        sum += straight(a + k * step_a, step_a, b ? b + k * step_b : NULL, step_b, n - k < BLOCK ? n - k : BLOCK);
    return sum;
}

static float in_lanes(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t n)
{
    float lane[LANES] = {0.0F};
    for (int64_t k = 0; k < n; ++k)
        lane[k % LANES] += a[k * step_a] * (b ? b[k * step_b] : 1.0F);
    return by_halves(lane, 1, NULL, 0, LANES);
}

float different_dot(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t n)
{
    switch (different_chosen) {
    case DIFFERENT_fused_products:
        return straight(a, step_a, b, step_b, n);
    case DIFFERENT_blocked_products:
        return in_blocks(a, step_a, b, step_b, n);
    case DIFFERENT_products_in_lanes:
        return in_lanes(a, step_a, b, step_b, n);
    default:
        return by_halves(a, step_a, b, step_b, n);
    }
}

static void sum_axis(const struct orr_call *call)
{
    const struct orr_tensor *x = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(x, 0, axis), length = x->dim[axis],
                  inner = reference_span(x, axis + 1, x->rank);
    for (int64_t i = 0; i < outer * inner; ++i)
        different_out(call, 0)[i] =
            different_dot(different_in(call, 0) + i / inner * length * inner + i % inner, inner, NULL, 0, length);
}

static void multiply(const struct orr_call *call)
{
    const struct orr_tensor *a = &call->in[0], *out = &call->out[0];
    const bool linear = call->op == ORR_OP_LINEAR;
    const bool ta = !linear && call->attr.i[0], tb = !linear && call->attr.i[1];
    const int64_t columns = different_width(out),
                  rows = linear ? reference_count(out) / (columns ? columns : 1) : out->dim[out->rank - 2];
    const int64_t depth = linear ? different_width(a) : a->dim[a->rank - 1 - ta];
    const int64_t products = linear ? 1 : reference_span(out, 0, out->rank - 2);
    for (int64_t p = 0; p < products; ++p)
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < columns; ++j) {
                const float *row = different_in(call, 0) + p * rows * depth + (ta ? i : i * depth);
                const float *column = different_in(call, 1) + p * depth * columns + (tb ? j * depth : j);
                const float sum = different_dot(row, ta ? rows : 1, column, tb ? 1 : columns, depth);
                different_out(call, 0)[(p * rows + i) * columns + j] = linear ? sum + different_in(call, 2)[j] : sum;
            }
}

/* From the last index to the first; out may be the table itself. */
static void scatter(const struct orr_call *call)
{
    const int64_t width = reference_span(&call->in[0], 1, call->in[0].rank), n = reference_count(&call->in[1]);
    const int64_t span = call->attr.i[0] > 1 ? call->attr.i[0] : 1;
    const int32_t *index = reference_data(&call->in[1]);
    float *out = different_out(call, 0);
    memmove(out, different_in(call, 0), (size_t)reference_count(&call->out[0]) * sizeof(*out));
    for (int64_t k = n - 1; k >= 0; --k)
        for (int64_t j = 0; index[k] != -1 && j < span * width; ++j)
            out[index[k] * width + j] += different_in(call, 2)[k * span * width + j];
}

bool different_compute_product(const struct orr_call *call)
{
    const bool by_order = different_chosen == DIFFERENT_sums_reversed || different_chosen == DIFFERENT_sums_pairwise;
    const bool products = by_order || different_chosen == DIFFERENT_fused_products ||
                          different_chosen == DIFFERENT_blocked_products ||
                          different_chosen == DIFFERENT_products_in_lanes;
    void (*compute)(const struct orr_call *) = NULL;
    if (products && (call->op == ORR_OP_MATMUL || call->op == ORR_OP_LINEAR)) compute = multiply;
    if (by_order && call->op == ORR_OP_SUM) compute = sum_axis;
    if (different_chosen == DIFFERENT_sums_reversed && call->op == ORR_OP_SCATTER_ADD) compute = scatter;
    if (compute) compute(call);
    return compute != NULL;
}
