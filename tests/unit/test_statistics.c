/* Intervals of means, of paired differences and of one more value, beside published quantiles and hand-made sums. */
#include "expect.h"
#include "study/statistics.h"

#include <math.h>

/* Three additions and a square root: a few roundings of numbers of size 1 to 10. */
static const double roundings = 1e-14;

static void expect_close(double value, double expected, double tolerance, const char *what)
{
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%s: %.17g, expected %.17g", what, value, expected);
}

/* NIST/SEMATECH Handbook, table 1.3.6.7.2 (three decimals). */
static void test_quantiles_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        size_t degrees;
        double quantile;
    } table[] = {{1, 12.706}, {2, 4.303},  {4, 2.776},  {9, 2.262},  {10, 2.228}, {19, 2.093},
                 {20, 2.086}, {21, 2.080}, {29, 2.045}, {30, 2.042}, {60, 2.000}, {100, 1.984}};
    for (size_t i = 0; i < sizeof table / sizeof *table; ++i)
        expect_close(orr_student_975(table[i].degrees), table[i].quantile, 5.1e-4, "quantile");
    expect_close(orr_student_975(1000000), 1.96, 5e-4, "quantile in the limit");
    assert_true(isnan(orr_student_975(0)));
}

static void test_no_value_and_one_value_have_no_interval(void **state)
{
    (void)state;
    const double value[] = {1, NAN};
    const struct orr_mean none = orr_mean_of(value, 0), one = orr_mean_of(value, 2);
    assert_true(isnan(none.mean) && none.n == 0 && isnan(none.half_width) && isnan(none.one_more));
    assert_true(one.mean == 1 && one.n == 1 && isnan(one.half_width) && isnan(one.one_more));
}

static void test_two_values(void **state)
{
    (void)state;
    const double value[] = {0, 2};
    const struct orr_mean m = orr_mean_of(value, 2);
    /* Deviation sqrt(2), one degree of freedom: 12.706 sqrt(2) / sqrt(2), and 12.706 sqrt(2) sqrt(3/2). */
    assert_true(m.mean == 1 && m.n == 2);
    expect_close(m.half_width, 12.706, 12.706 * roundings, "interval of two");
    expect_close(m.one_more, 12.706 * sqrt(3), 22 * roundings, "one more than two");
}

/* Deviation 1, of values of which one is missing. */
static void test_three_values(void **state)
{
    (void)state;
    const double value[] = {1, NAN, 2, 3};
    const struct orr_mean m = orr_mean_of(value, 4);
    assert_true(m.mean == 2 && m.n == 3);
    expect_close(m.half_width, 4.303 / sqrt(3), roundings, "interval of three");
    expect_close(m.one_more, 4.303 * sqrt(1 + 1.0 / 3), 5 * roundings, "one more than three");
}

/* A tenth has no exact double: a sum of ten of them, divided by ten, is another number. */
static void test_equal_values_have_no_deviation(void **state)
{
    (void)state;
    double value[10];
    for (size_t i = 0; i < 10; ++i)
        value[i] = 0.1;
    const struct orr_mean m = orr_mean_of(value, 10);
    if (m.mean != 0.1 || m.half_width != 0 || m.one_more != 0)
        fail_msg("%.17g +- %g, one more %g, expected %.17g +- 0", m.mean, m.half_width, m.one_more, 0.1);
}

/* What a seed does to both is in no difference; pairs of which one is missing are left out. */
static void test_differences_are_paired(void **state)
{
    (void)state;
    const double a[] = {101, 202, 303, NAN, 7}, b[] = {100, 200, 300, 1, NAN};
    const struct orr_mean m = orr_mean_of_differences(a, b, 5);
    assert_true(m.mean == 2 && m.n == 3);
    expect_close(m.half_width, 4.303 / sqrt(3), roundings, "interval of three differences");
    assert_int_equal(orr_mean_of_differences(a, b, 0).n, 0);
    assert_true(orr_mean_of_differences(a, b, 1).mean == 1 && isnan(orr_mean_of_differences(a, b, 1).half_width));
    assert_true(orr_mean_of_differences(a, b, 2).mean == 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_are_the_published_ones),
        cmocka_unit_test(test_no_value_and_one_value_have_no_interval),
        cmocka_unit_test(test_two_values),
        cmocka_unit_test(test_three_values),
        cmocka_unit_test(test_equal_values_have_no_deviation),
        cmocka_unit_test(test_differences_are_paired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
