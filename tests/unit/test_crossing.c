/* Crossings against curves whose crossings are known. */
#include "expect.h"
#include "study/crossing.h"
#include "study/statistics.h"

#include <math.h>

static const double contexts[] = {1, 2, 5, 10, 20, 50, 100};
enum { PLACES = 7 };

static void expect_near(const char *what, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g within %g", what, value, expected, tolerance);
}

/* A line in the logarithm of the context is interpolated exactly, but for rounding. */
static void fill_line(double zero_at, double *d)
{
    for (size_t i = 0; i < PLACES; ++i)
        d[i] = log(contexts[i]) - log(zero_at);
}

static void test_changes_of_sign(void **state)
{
    (void)state;
    static const struct {
        double d[4];
        size_t n, count;
        double first;
    } cases[] = {
        {{-1, 1}, 2, 1, 2},             /* halfway between 1 and 4, in the logarithm */
        {{1, -3}, 2, 1, 1.41421356237}, /* a quarter of the way: 4^(1/4) */
        {{1, 2, 3}, 3, 0, NAN},
        {{-1, 0, 1}, 3, 1, 4},
        {{-1, 0, 0, 1}, 4, 1, 16}, /* from the last of the zeros on */
        {{-1, 0, -1}, 3, 0, NAN},
        {{0, 1}, 2, 0, NAN},
        {{-1, 1, -1, 1}, 4, 3, 2},
        {{5}, 1, 0, NAN},
        {{0}, 0, 0, NAN},
    };
    static const double place[] = {1, 4, 16, 64};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        double first;
        const size_t count = orr_crossings_of(place, cases[c].d, cases[c].n, &first);
        if (count != cases[c].count) fail_msg("case %zu: %zu crossings, expected %zu", c, count, cases[c].count);
        if (isnan(cases[c].first))
            assert_true(isnan(first));
        else
            expect_near("place", first, cases[c].first, 1e-10); /* digits of the case */
    }
}

static void test_mean_over_seeds_with_its_interval(void **state)
{
    (void)state;
    static const double at[] = {4, 6, 9};
    double d[3 * PLACES];
    for (size_t s = 0; s < 3; ++s)
        fill_line(at[s], d + s * PLACES);

    const struct orr_crossing c = orr_crossing_of(contexts, PLACES, d, 3, 0.8);

    /* The logarithms are log 6 and log 1.5 to either side of it. */
    const double half = orr_student_975(2) * log(1.5) / sqrt(3);
    assert_true(c.identified);
    assert_int_equal(c.n_one, 3);
    expect_near("place", c.place, 6, 1e-13);
    expect_near("low", c.low, 6 * exp(-half), 1e-13);
    expect_near("high", c.high, 6 * exp(half), 1e-11);
}

static void test_too_few_seeds_with_one_crossing(void **state)
{
    (void)state;
    double d[5 * PLACES];
    for (size_t s = 0; s < 5; ++s)
        fill_line(s < 3 ? 6 : 1e6, d + s * PLACES);
    d[2 * PLACES] = 1; /* this one crosses twice */

    const struct orr_crossing c = orr_crossing_of(contexts, PLACES, d, 5, 0.8);

    assert_false(c.identified);
    assert_int_equal(c.n_seeds, 5);
    assert_int_equal(c.n_one, 2);
    assert_int_equal(c.n_more, 1);
    assert_int_equal(c.n_none, 2);
    assert_true(orr_crossing_of(contexts, PLACES, d, 5, 0.4).identified);
}

/* 0.55 times 100 is above 55 in doubles, and 55 of 100 are a share of 0.55. */
static void test_the_share_that_was_asked_for_is_enough(void **state)
{
    (void)state;
    enum { SEEDS = 100, ONE = 55 };
    static double d[SEEDS * PLACES];
    for (size_t s = 0; s < SEEDS; ++s)
        fill_line(s < ONE ? 6 : 1e6, d + s * PLACES);

    const struct orr_crossing c = orr_crossing_of(contexts, PLACES, d, SEEDS, 0.55);

    assert_int_equal(c.n_one, ONE);
    assert_true(c.identified);
    for (size_t i = 0; i < PLACES; ++i)
        d[i] = 1;
    assert_false(orr_crossing_of(contexts, PLACES, d, SEEDS, 0.55).identified);
}

static void test_few_seeds(void **state)
{
    (void)state;
    double d[2 * PLACES];
    fill_line(6, d);
    fill_line(8, d + PLACES);
    assert_false(orr_crossing_of(contexts, PLACES, d, 0, 0.8).identified);
    const struct orr_crossing one = orr_crossing_of(contexts, PLACES, d, 1, 0.8);
    assert_true(one.identified && isnan(one.low) && isnan(one.high));
    assert_true(orr_crossing_of(contexts, PLACES, d, 2, 0.8).low < 6);
    d[3] = (double)NAN; /* a seed that is not finished */
    assert_int_equal(orr_crossing_of(contexts, PLACES, d, 2, 0.8).n_seeds, 1);
}

static void test_slopes(void **state)
{
    (void)state;
    double d[PLACES];
    for (size_t i = 0; i < PLACES; ++i)
        d[i] = 3 - 0.25 * log(contexts[i]);
    expect_near("slope", orr_slope_of(contexts, d, PLACES), -0.25, 1e-15); /* some roundings of numbers near 1 */
    assert_true(isnan(orr_slope_of(contexts, d, 1)) && isnan(orr_slope_of(contexts, d, 0)));
    expect_near("of two", orr_slope_of(contexts, d, 2), -0.25, 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_of_sign),
        cmocka_unit_test(test_mean_over_seeds_with_its_interval),
        cmocka_unit_test(test_too_few_seeds_with_one_crossing),
        cmocka_unit_test(test_the_share_that_was_asked_for_is_enough),
        cmocka_unit_test(test_few_seeds),
        cmocka_unit_test(test_slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
