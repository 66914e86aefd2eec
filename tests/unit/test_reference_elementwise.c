/* One element at a time, against the same function in long double: sizes 0, 1, 2 and odd, ranks 0 to 4, specials. */
#include "reference_fixture.h"

#include <math.h>

/* libm's double functions are within 1 unit in the last place (2.2e-16), erf within 2; one more for the rounding. */
#define LIBM_ERROR 1e-15L

static const double specials[] = {0.0, -0.0, NAN,  INFINITY, -INFINITY, 1e-30, -1e-30,
                                  1.0, -1.0, 80.0, -80.0,    1e4,       -1e4};
enum { SPECIALS = sizeof specials / sizeof specials[0] };

static long double negated(long double x) { return -x; }

static long double step(long double x) { return isnan(x) ? x : x > 0 ? 1 : 0; }

static long double affine(long double x) { return 1.5L * x - 0.25L; }

static long double copied(long double x) { return x; }

struct unary {
    uint32_t op;
    long double (*function)(long double);
    long double relative;
    unsigned ulps; /* in f32: above 0 only where the op computes in f32 */
};
static const struct unary unaries[] = {
    {ORR_OP_NEG, negated, 0, 0},       {ORR_OP_COPY, copied, 0, 0},         {ORR_OP_EXP, expl, LIBM_ERROR, 0},
    {ORR_OP_LOG, logl, LIBM_ERROR, 0}, {ORR_OP_SQRT, sqrtl, LIBM_ERROR, 0}, {ORR_OP_TANH, tanhl, LIBM_ERROR, 0},
    {ORR_OP_ERF, erfl, LIBM_ERROR, 0}, {ORR_OP_STEP, step, 0, 0},           {ORR_OP_AFFINE, affine, LIBM_ERROR, 2},
};

static void apply(struct trial *t, long double (*function)(long double))
{
    for (int64_t i = 0; i < operand_count(&t->in[0]); ++i)
        t->out[0].value[i] = function(t->in[0].value[i]);
}

static struct operand like(const struct operand *t)
{
    return operand_make(t->dtype, t->rank, t->dim[0], t->dim[1], t->dim[2], t->dim[3]);
}

static void unary_functions(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 37};
    for (size_t u = 0; u < sizeof unaries / sizeof unaries[0]; ++u) {
        struct trial t = {.op = unaries[u].op, .relative = unaries[u].relative, .attr = {.f = {1.5, -0.25}}};
        for (size_t s = 0; s < 4; ++s) {
            t.in[0] = operand_random(3, 1, sizes[s], 0, 0, 0);
            /* A logarithm is relative to its value only away from 1, a sum only where nothing cancels. */
            for (int64_t i = 0; i < sizes[s]; ++i)
                if (t.op == ORR_OP_LOG || t.op == ORR_OP_SQRT || t.op == ORR_OP_AFFINE)
                    t.in[0].value[i] = 1.25L + fabsl(t.in[0].value[i]);
            t.out[0] = like(&t.in[0]);
            apply(&t, unaries[u].function);
            trial_check(&t, unaries[u].ulps);
        }
        t.in[0] = operand_list(0, SPECIALS, specials);
        t.out[0] = like(&t.in[0]);
        apply(&t, unaries[u].function);
        trial_check(&t, unaries[u].ulps);
    }
}

static void every_rank(void **state)
{
    (void)state;
    for (uint32_t rank = 0; rank <= ORR_RANK_MAX; ++rank) {
        struct trial t = {.op = ORR_OP_NEG, .in = {operand_random(1, rank, 3, 2, 5, 1)}};
        t.out[0] = like(&t.in[0]);
        apply(&t, negated);
        trial_check(&t, 0);
    }
}

static long double combine(uint32_t op, long double a, long double b)
{
    switch (op) {
    case ORR_OP_ADD:
        return a + b;
    case ORR_OP_SUB:
        return a - b;
    case ORR_OP_MUL:
        return a * b;
    case ORR_OP_DIV:
        return a / b;
    default:
        return isnan(a) || isnan(b) ? (long double)NAN : a > b ? a : b;
    }
}

/* All pairs of specials, and random numbers; the operands are floats near to one another in size, so that sums and
 * products are exact in double and EXACT means equal. */
static void binary_functions(void **state)
{
    (void)state;
    for (uint32_t op = ORR_OP_ADD; op <= ORR_OP_MAXIMUM; ++op) {
        static const int64_t sizes[] = {0, 1, 2, 41, SPECIALS * SPECIALS};
        for (size_t s = 0; s < 5; ++s) {
            struct trial t = {.op = op, .relative = op == ORR_OP_DIV ? 2.3e-16L : 0};
            t.in[0] = operand_random(2, 1, sizes[s], 0, 0, 0);
            t.in[1] = operand_random(2, 1, sizes[s], 0, 0, 0);
            for (int64_t i = 0; s == 4 && i < sizes[s]; ++i) {
                t.in[0].value[i] = (long double)(float)specials[i % SPECIALS];
                t.in[1].value[i] = (long double)(float)specials[i / SPECIALS];
            }
            if (s == 4) t.relative = 2.3e-16L; /* 1e4 + 1e-30 rounds: once to double, within a unit there */
            t.out[0] = like(&t.in[0]);
            for (int64_t i = 0; i < sizes[s]; ++i)
                t.out[0].value[i] = combine(op, t.in[0].value[i], t.in[1].value[i]);
            trial_check(&t, 0);
        }
    }
}

static void adds_whole_numbers_and_wraps_round(void **state)
{
    (void)state;
    static const double a[] = {1, -7, 2147483647, -2147483648.0}, b[] = {2, 3, 1, -1};
    static const double sum[] = {3, -4, -2147483648.0, 2147483647};
    struct trial t = {.op = ORR_OP_ADD};
    t.in[0] = operand_list(ORR_I32, 4, a);
    t.in[1] = operand_list(ORR_I32, 4, b);
    t.out[0] = operand_list(ORR_I32, 4, sum);
    trial_check(&t, 0);
}

/* x + x where both inputs and the result are one piece of memory. */
static void doubles_in_place(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_buffer *buffer = NULL;
    float x[5] = {1, 2, 3, 4, 5};
    assert_int_equal(fixture_backend->alloc(fixture_device, sizeof x, &buffer, &err), ORR_OK);
    assert_int_equal(fixture_backend->write(fixture_device, buffer, 0, x, sizeof x, &err), ORR_OK);
    const struct orr_tensor t = {.buffer = buffer, .rank = 1, .dim = {5}, .dtype = ORR_F32};
    const struct orr_call call = {
        .size = sizeof call, .op = ORR_OP_ADD, .n_in = 2, .n_out = 1, .in = {t, t}, .out = {t}};
    assert_int_equal(fixture_backend->run(fixture_device, &call, &err), ORR_OK);
    assert_int_equal(fixture_backend->read(fixture_device, buffer, 0, x, sizeof x, &err), ORR_OK);
    for (int i = 0; i < 5; ++i)
        assert_float_equal(x[i], 2 * (i + 1), 0);
    fixture_backend->free(fixture_device, buffer);
}

static void fills_and_casts(void **state)
{
    (void)state;
    static const double from[] = {0.75, -0.75, 2.5, -2.5, 3e9, -3e9, NAN, INFINITY, -INFINITY, 2147483520.0};
    static const double to[] = {0, 0, 2, -2, 2147483647, -2147483648.0, 0, 2147483647, -2147483648.0, 2147483520.0};
    static const uint32_t types[] = {0, ORR_F32, ORR_F64};
    for (size_t i = 0; i < 3; ++i) {
        struct trial t = {.op = ORR_OP_CAST};
        t.in[0] = operand_list(types[i], 10, from);
        t.out[0] = operand_list(ORR_I32, 10, to);
        trial_check(&t, 0);
        t.out[0] = operand_make(0, 1, 10, 0, 0, 0);
        for (int k = 0; k < 10; ++k)
            t.out[0].value[k] = (long double)from[k];
        trial_check(&t, 0);
        static const double whole[] = {16777217, -3, 0};
        t.in[0] = operand_list(ORR_I32, 3, whole);
        t.out[0] = operand_list(i == 0 ? (uint32_t)ORR_I32 : i == 1 ? 0 : (uint32_t)ORR_F64, 3, whole);
        trial_check(&t, 0);
    }
    static const uint32_t filled[] = {0, ORR_I32};
    for (size_t i = 0; i < 2; ++i)
        for (int64_t size = 0; size < 4; ++size) {
            struct trial t = {.op = ORR_OP_FILL, .attr = {.f = {-5}}};
            t.out[0] = operand_make(filled[i], 2, size, 3, 0, 0);
            for (int64_t k = 0; k < 3 * size; ++k)
                t.out[0].value[k] = -5;
            trial_check(&t, 0);
        }
}

int test_reference_elementwise(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(unary_functions, fixture_setup),
        cmocka_unit_test_setup(every_rank, fixture_setup),
        cmocka_unit_test_setup(binary_functions, fixture_setup),
        cmocka_unit_test_setup(adds_whole_numbers_and_wraps_round, fixture_setup),
        cmocka_unit_test_setup(doubles_in_place, fixture_setup),
        cmocka_unit_test_setup(fills_and_casts, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference elementwise", tests, fixture_open, fixture_close);
}
