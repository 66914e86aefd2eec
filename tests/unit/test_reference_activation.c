/* GELU and SiLU and their gradients, against their formulas in long double and against differences of them. */
#include "reference_fixture.h"

#include <math.h>

/* erfc and exp of double are within 2 units in the last place; in GELU's lower tail (down to -6) the rounding of
 * x / sqrt 2 grows by x^2 = 36. */
#define TAIL_ERROR 2e-14L

static long double gelu(long double x) { return 0.5L * x * erfcl(-x / sqrtl(2)); }

static long double silu(long double x) { return x / (1 + expl(-x)); }

struct activation {
    uint32_t op, gradient;
    long double (*function)(long double);
};
static const struct activation activations[] = {{ORR_OP_GELU, ORR_OP_GELU_GRAD, gelu},
                                                {ORR_OP_SILU, ORR_OP_SILU_GRAD, silu}};

static void values(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 101};
    for (size_t a = 0; a < 2; ++a)
        for (size_t s = 0; s < 4; ++s) {
            struct trial t = {.op = activations[a].op, .relative = TAIL_ERROR};
            t.in[0] = operand_random(6, 1, sizes[s], 0, 0, 0);
            t.out[0] = operand_make(0, 1, sizes[s], 0, 0, 0);
            for (int64_t i = 0; i < sizes[s]; ++i)
                t.out[0].value[i] = activations[a].function(t.in[0].value[i]);
            trial_check(&t, 0);
        }
}

static void gradients(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 101};
    const long double step = 1e-6L;
    for (size_t a = 0; a < 2; ++a)
        for (size_t s = 0; s < 4; ++s) {
            /* Central differences in long double: step^2 / 6 times the third derivative (below 2), and rounding. */
            struct trial t = {.op = activations[a].gradient, .absolute = 1e-11L};
            t.in[0] = operand_random(1, 1, sizes[s], 0, 0, 0);
            t.in[1] = operand_random(6, 1, sizes[s], 0, 0, 0);
            t.out[0] = operand_make(0, 1, sizes[s], 0, 0, 0);
            for (int64_t i = 0; i < sizes[s]; ++i) {
                const long double x = t.in[1].value[i];
                const long double rise = activations[a].function(x + step) - activations[a].function(x - step);
                t.out[0].value[i] = t.in[0].value[i] * rise / (2 * step);
            }
            trial_check(&t, 0);
        }
}

/* Values and slopes where formulas overflow or multiply infinity by 0. */
static void extremes(void **state)
{
    (void)state;
    static const double x[] = {NAN, INFINITY, -INFINITY, 1e4, -1e4, 0.0, -0.0, 88.0, 720.0};
    static const double y[] = {NAN, INFINITY, 0, 1e4, 0, 0, 0, 88.0, 720.0};
    static const double slope[] = {NAN, 1, 0, 1, 0, 0.5, 0.5, 1, 1};
    for (size_t a = 0; a < 2; ++a) {
        struct trial t = {.op = activations[a].op, .in = {operand_list(0, 9, x)}, .out = {operand_list(0, 9, y)}};
        trial_check(&t, 0);
        t = (struct trial){.op = activations[a].gradient};
        t.in[0] = operand_make(0, 1, 9, 0, 0, 0);
        for (int i = 0; i < 9; ++i)
            t.in[0].value[i] = 1;
        t.in[1] = operand_list(0, 9, x);
        t.out[0] = operand_list(0, 9, slope);
        trial_check(&t, 0);
    }
}

int test_reference_activation(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values, fixture_setup),
        cmocka_unit_test_setup(gradients, fixture_setup),
        cmocka_unit_test_setup(extremes, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference activation", tests, fixture_open, fixture_close);
}
