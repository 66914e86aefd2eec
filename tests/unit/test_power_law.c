/* Power laws against laws that are known, in both spaces, and their standard errors against repetition. */
#include "expect.h"
#include "orrery/random.h"
#include "study/power_law.h"

#include <math.h>

enum { SIDE = 5, N = SIDE * SIDE, SEED = 7 };

/* The paper's grid and its numbers: V and N in 64 .. 1024, A 2.571e-3, alpha 1.328, beta -1.152. */
static double v[N], d[N], y[N];

/* noise: relative deviation, normal. */
static void fill(double noise, uint32_t repetition)
{
    for (uint32_t i = 0; i < N; ++i) {
        uint32_t word[4];
        orr_random_block(SEED, 1, repetition, i, word);
        v[i] = 64 << i % SIDE;
        d[i] = 64 << i / SIDE;
        y[i] = 2.571e-3 * pow(v[i], 1.328) * pow(d[i], -1.152) * exp(noise * (double)orr_random_normal(word[0]));
    }
}

static void expect_near(const char *what, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g within %g (seed %d)", what, value, expected, tolerance, SEED);
}

static void expect_law(const struct orr_power_law *law)
{
    /* Logarithms near 10 with some roundings each, over a grid of width 2.8; Gauss-Newton stops at steps of 1e-12. */
    expect_near("A", law->a, 2.571e-3, 1e-13);
    expect_near("alpha", law->alpha, 1.328, 1e-11);
    expect_near("beta", law->beta, -1.152, 1e-11);
    expect_near("R2", law->r2, 1, 1e-12);
    assert_int_equal(law->n, N);
    assert_true(law->converged);
}

static void test_exact_laws_are_found(void **state)
{
    (void)state;
    fill(0, 0);
    const struct orr_power_law logarithms = orr_power_law_of_logarithms(v, d, y, N);
    const struct orr_power_law values = orr_power_law_of_values(v, d, y, N);
    expect_law(&logarithms);
    expect_law(&values);
}

/* Standard errors of the logarithms are exact: the spread of estimates over repetitions has them. */
static void test_standard_errors_are_the_spread_of_estimates(void **state)
{
    (void)state;
    enum { REPETITIONS = 400 };
    double estimate[2][REPETITIONS], variance[2] = {0};
    for (uint32_t r = 0; r < REPETITIONS; ++r) {
        fill(0.1, r);
        const struct orr_power_law law = orr_power_law_of_logarithms(v, d, y, N);
        estimate[0][r] = log(law.a);
        estimate[1][r] = law.alpha;
        variance[0] += law.a_error * law.a_error / (law.a * law.a) / REPETITIONS;
        variance[1] += law.alpha_error * law.alpha_error / REPETITIONS;
    }
    for (int k = 0; k < 2; ++k) {
        double mean = 0, square = 0;
        for (int r = 0; r < REPETITIONS; ++r)
            mean += estimate[k][r] / REPETITIONS;
        for (int r = 0; r < REPETITIONS; ++r)
            square += (estimate[k][r] - mean) * (estimate[k][r] - mean) / (REPETITIONS - 1);
        /* A variance of n normal numbers is known to sqrt(2/n): four deviations. */
        expect_near("variance", square / variance[k], 1, 4 * sqrt(2.0 / REPETITIONS));
    }
}

/* The largest values decide the fit of values, and do not bend that of logarithms. */
static void test_the_two_spaces_weigh_differently(void **state)
{
    (void)state;
    fill(0, 0);
    for (size_t i = 0; i < N; ++i)
        if (y[i] < 1e-3) y[i] *= 3;
    const struct orr_power_law logarithms = orr_power_law_of_logarithms(v, d, y, N);
    const struct orr_power_law values = orr_power_law_of_values(v, d, y, N);
    assert_true(values.converged);
    assert_true(fabs(logarithms.beta + 1.152) > 0.1);
    /* What was changed is below a hundredth of the largest value. */
    expect_near("beta of values", values.beta, -1.152, 0.02);
}

static void test_what_cannot_be_fitted(void **state)
{
    (void)state;
    fill(0.1, 0);
    assert_true(isnan(orr_power_law_of_logarithms(v, d, y, 0).alpha));
    assert_true(isnan(orr_power_law_of_logarithms(v, d, y, 1).alpha));
    assert_true(isnan(orr_power_law_of_values(v, d, y, 2).alpha));
    assert_true(isnan(orr_power_law_of_values(v, d, y, SIDE).alpha)); /* one d only */
    y[3] = 0;
    y[4] = (double)NAN;
    const struct orr_power_law law = orr_power_law_of_values(v, d, y, N);
    assert_int_equal(law.n, N - 2);
    assert_true(law.converged && law.alpha_error > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_laws_are_found),
        cmocka_unit_test(test_standard_errors_are_the_spread_of_estimates),
        cmocka_unit_test(test_the_two_spaces_weigh_differently),
        cmocka_unit_test(test_what_cannot_be_fitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
