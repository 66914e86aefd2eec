/* The numbers of a case, from Philox: block e of the sequence (seed, stream of the case and input) gives element e. */
#include "conform/case.h"
#include "orrery/random.h"

#include <float.h>
#include <math.h>

/* One stream for each operation, case and input, apart from those of training (which are small numbers). */
static uint32_t stream_of(const struct orr_case *c, uint32_t k)
{
    return UINT32_C(0x40000000) + (c->op << 20) + ((c->number & 0x1FFFF) << 3) + k;
}

static double uniform(uint32_t word) { return ((double)word + 0.5) / 4294967296.0; }

static double draw_plain(enum orr_input_kind kind, const uint32_t word[4])
{
    return kind == ORR_INPUT_POSITIVE ? 0.5 + 1.5 * uniform(word[0]) : (double)orr_random_normal(word[0]);
}

/* Magnitudes from 2^-125 to 2^125 for logarithms and roots; beyond what exp, tanh and erf can tell for the others. On
 * the negative side of GELU and SiLU as far as rounding of the input leaves their tolerance; what comes from above a
 * gradient is plain. */
static double draw_wide(const struct orr_case *c, const struct orr_case_input *in, const uint32_t word[4])
{
    if (in->kind == ORR_INPUT_POSITIVE) return ldexp(1.0 + uniform(word[0]), (int)(uniform(word[1]) * 250.0) - 125);
    if (c->op == ORR_OP_CAST) return (uniform(word[0]) - 0.5) * ldexp(1.0, (int)(uniform(word[1]) * 36.0));
    if (c->op == ORR_OP_SILU) return -30.0 + 270.0 * uniform(word[0]);
    if (c->op == ORR_OP_GELU) return -3.0 + 243.0 * uniform(word[0]);
    if (c->n_in == 2 && in == &c->in[0]) return draw_plain(in->kind, word);
    return (uniform(word[0]) - 0.5) * (uniform(word[1]) < 0.5 ? 240.0 : 1e-3);
}

/* Attention multiplies queries with keys: whole numbers keep those products exact, so that only exp is judged. */
static double draw_large(const struct orr_case *c, const uint32_t word[4])
{
    if (c->op == ORR_OP_ATTENTION) return (double)orr_random_below(word[0], 97) - 48.0;
    return 2e4 * (uniform(word[0]) - 0.5);
}

static double draw_special(const struct orr_case *c, const struct orr_case_input *in, const uint32_t word[4])
{
    const double plain = draw_plain(in->kind, word);
    const uint32_t which = orr_random_below(word[1], 8);
    /* -infinity times the 0 that is left of it there: the two activations may give either. */
    const bool rising = c->op == ORR_OP_GELU || c->op == ORR_OP_SILU || in->kind == ORR_INPUT_POSITIVE;
    switch (c->values) {
    case ORR_VALUES_ZERO:
        return which < 2 ? 0.0 : which < 4 ? -0.0 : plain;
    case ORR_VALUES_INFINITE:
        return which == 0 ? HUGE_VAL : which == 1 && !rising ? -HUGE_VAL : plain;
    case ORR_VALUES_DENORMAL:
        if (c->op == ORR_OP_DIV && in->kind == ORR_INPUT_POSITIVE) return plain; /* so that quotients are denormal */
        return plain * (which < 6 ? ldexp(1.0, -128 - (int)which * 3) : 1e-19);
    case ORR_VALUES_WIDE:
        return draw_wide(c, in, word);
    case ORR_VALUES_LARGE:
        return draw_large(c, word);
    default:
        return plain;
    }
}

static int64_t width_of(const struct orr_shape *s) { return s->rank ? s->dim[s->rank - 1] : 1; }

static void mask_rows(const struct orr_shape *shape, uint64_t seed, uint32_t stream, double *real)
{
    const int64_t width = width_of(shape), count = orr_shape_count(shape);
    for (int64_t row = 0; width && row < count / width; ++row) {
        uint32_t word[4];
        orr_random_block(seed, stream, 1, (uint32_t)row, word);
        const int64_t kept = (int64_t)orr_random_below(word[0], (uint32_t)width);
        for (int64_t j = 0; j < width; ++j)
            if (j != kept) real[row * width + j] = -HUGE_VAL;
    }
}

/* Multiples of 1/64 up to 1/16: their sums are exact, and a mean that is one unit off stays below what is allowed
 * though 1 / sqrt(eps) multiplies it. */
static void level_rows(const struct orr_shape *shape, double *real)
{
    const int64_t width = width_of(shape), count = orr_shape_count(shape);
    for (int64_t e = 0; width && e < count; ++e)
        real[e] = e % width ? real[e - 1] : rint(fmin(fmax(real[e], -1.0), 1.0) * 4.0) / 64.0;
}

/* Pairs 1000 + d and 1000 - d, the first with d from 1 to 2, so that the variance is not zero; a last odd one is 1000.
 */
static void offset_rows(const struct orr_shape *shape, double *real)
{
    const int64_t width = width_of(shape), count = orr_shape_count(shape);
    for (int64_t e = 0; width && e < count; ++e) {
        const int64_t j = e % width;
        const double d = rint(fmin(fmax(real[e], -2.0), 2.0));
        real[e] = 1000.0 + (j % 2 ? 1000.0 - real[e - 1] : j + 1 == width ? 0.0 : j == 0 && d == 0.0 ? 1.0 : d);
    }
}

static int32_t draw_whole(const struct orr_case *c, uint32_t k, uint64_t seed, int64_t e)
{
    const struct orr_case_input *in = &c->in[k];
    uint32_t word[4];
    orr_random_block(seed, stream_of(c, k), 0, (uint32_t)e, word);
    if (in->kind == ORR_INPUT_STEP) return (int32_t)in->below;
    if (in->kind == ORR_INPUT_WHOLE)
        return (int32_t)(word[0] >> 2) - (INT32_C(1) << 29); /* the sum of two stays in range */
    /* 0 times NaN: what an ignored row has where the loss's gradient is NaN may be either. */
    const bool no_gap = c->op == ORR_OP_XENT_GRAD && c->values == ORR_VALUES_NAN;
    if (no_gap && in->below > 0) return (int32_t)orr_random_below(word[0], (uint32_t)in->below);
    if (c->values == ORR_VALUES_GAPS || in->below < 1 || orr_random_below(word[1], 8) == 0) return -1;
    return (int32_t)orr_random_below(word[0], (uint32_t)in->below);
}

/* Where the NaN of an attention is, in the last query, the first key or the first value: those are masked from no
 * query, and what a masked key holds is not read by every right implementation. */
static int64_t nan_in_attention(const struct orr_case *c, const struct orr_shape *shape, uint32_t part)
{
    const int64_t wide = shape->dim[2], channel = wide / 3, last = (shape->dim[1] - 1) * wide;
    return part == 0 ? last : (int64_t)part * channel + c->number % channel;
}

/* The element of input k that is NaN; -1: none. Which input has it goes by the number of the case. */
static int64_t nan_at(const struct orr_case *c, uint32_t k)
{
    const struct orr_shape *shape = &c->in[k].shape;
    const int64_t count = orr_shape_count(shape);
    uint32_t candidates[ORR_IN_MAX], n = 0;
    if (!count) return -1;
    if (c->op == ORR_OP_ATTENTION) return nan_in_attention(c, shape, c->number % 3);
    if (c->op == ORR_OP_ATTENTION_GRAD && k == 1)
        return c->number % 4 < 3 ? nan_in_attention(c, shape, c->number % 4) : -1;
    if (c->op == ORR_OP_ATTENTION_GRAD) return k == 0 && c->number % 4 == 3 ? count - 1 : -1;
    for (uint32_t j = 0; j < c->n_in; ++j)
        if (!c->in[j].shape.dtype && c->in[j].kind != ORR_INPUT_DERIVED && c->in[j].kind != ORR_INPUT_SCHEDULE)
            candidates[n++] = j;
    return n && candidates[c->number % n] == k ? (int64_t)c->number * 7 % count : -1;
}

static void fill_real(const struct orr_case *c, uint32_t k, uint64_t seed, double *real)
{
    static const double schedule[4] = {0.0123, 1.7, 2.3, 0.0};
    const struct orr_case_input *in = &c->in[k];
    const int64_t count = orr_shape_count(&in->shape);
    const uint32_t stream = stream_of(c, c->values == ORR_VALUES_EQUAL ? 0 : k);
    for (int64_t e = 0; e < count; ++e) {
        uint32_t word[4];
        orr_random_block(seed, stream, 0, (uint32_t)e, word);
        real[e] = (double)(float)draw_special(c, in, word);
        if (in->kind == ORR_INPUT_SCHEDULE) real[e] = (double)(float)schedule[e & 3];
    }
    if (c->values == ORR_VALUES_MASKED) mask_rows(&in->shape, seed, stream, real);
    if (c->values == ORR_VALUES_CONSTANT && k == 0) level_rows(&in->shape, real);
    if (c->values == ORR_VALUES_OFFSET && k == 0) offset_rows(&in->shape, real);
    for (int64_t e = 0; c->values == ORR_VALUES_ALIKE && e < count; ++e)
        real[e] = (double)1.1F;
    const int64_t at = c->values == ORR_VALUES_NAN ? nan_at(c, k) : -1;
    if (at >= 0) real[at] = NAN;
}

static void fill_whole(const struct orr_case *c, uint32_t k, uint64_t seed, int32_t *whole)
{
    const int64_t count = orr_shape_count(&c->in[k].shape);
    for (int64_t e = 0; e < count; ++e)
        whole[e] = draw_whole(c, k, seed, e);
}

void orr_case_fill(const struct orr_case *c, uint32_t k, uint64_t seed, double *real, int32_t *whole)
{
    if (c->in[k].kind == ORR_INPUT_DERIVED) return;
    if (c->in[k].shape.dtype == ORR_I32)
        fill_whole(c, k, seed, whole);
    else
        fill_real(c, k, seed, real);
}
