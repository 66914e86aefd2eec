/* The solver of probe `linear`: golden coefficients, and its blocks against dgelsd on the whole matrix.
 *
 * In: plugins/probes/least_squares.c, tests/golden/probe.txt. Random data come from Philox.
 */
#include "../../plugins/probes/least_squares.h"
#include "../../plugins/probes/score.h"
#include "../../plugins/probes/select.h"
#include "../support/fake_study.h"
#include "../support/golden.h"

#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the two before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

static struct orr_error err;

static double *numbers(uint64_t n)
{
    double *value = malloc((n ? n : 1) * sizeof *value);
    assert_non_null(value);
    return value;
}

static void assert_near(const char *what, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g within %g (seed %d)", what, value, expected, tolerance, FAKE_SEED);
}

static const struct golden_tensor *tensor(const struct golden *golden, const char *name)
{
    const struct golden_tensor *t = golden_find(golden, name);
    if (!t) fail_msg("probe.txt has no %s", name);
    return t;
}

/* Predicting 0 and the unit vectors shows the intercept and the coefficients. */
static void test_golden_coefficients(void **state)
{
    (void)state;
    struct golden *golden;
    assert_int_equal(golden_load_named("probe.txt", &golden), 0);
    double basis[6][5] = {{0}}, truth[3][40], in_sample[3][40], shown[3][6];
    double *predicted[2] = {&in_sample[0][0], &shown[0][0]};
    for (int j = 0; j < 5; ++j)
        basis[j + 1][j] = 1;
    for (size_t t = 0; t < 3; ++t)
        for (size_t i = 0; i < 40; ++i)
            truth[t][i] = tensor(golden, "Y")->value[i * 3 + t];
    const struct linear_problem problem = {.site = "x",
                                           .features = {{tensor(golden, "X")->value, 40, 5}, {&basis[0][0], 6, 5}},
                                           .target = &truth[0][0],
                                           .n_targets = 3,
                                           .cut = 1e-6};
    struct linear_rank rank;

    assert_int_equal(linear_solve_double(fake_host(), &problem, predicted, &rank, &err), ORR_OK);

    assert_int_equal(rank.kept, 5);
    for (size_t t = 0; t < 3; ++t) {
        assert_near("intercept", shown[t][0], tensor(golden, "intercept")->value[t], 1e-10);
        for (size_t j = 0; j < 5; ++j)
            assert_near("coefficient", shown[t][j + 1] - shown[t][0], tensor(golden, "coef")->value[t * 5 + j], 1e-10);
    }
    golden_free(golden);
}

enum { WIDE = 24, RIGHT_SIDES = 3 };

/* Features whose last four columns are combinations of the first ones plus `gap` times something new. */
static double *nearly_collinear(uint64_t rows, double gap, uint32_t stream)
{
    double *x = fake_normals(rows * WIDE, stream);
    for (uint64_t i = 0; i < rows; ++i)
        for (int j = WIDE - 4; j < WIDE; ++j)
            x[i * WIDE + j] = x[i * WIDE] * (j + 1) - x[i * WIDE + 1] + gap * x[i * WIDE + j];
    return x;
}

static int plain_dgelsd(const double *x, const double *y, uint64_t rows, double cut, double *predicted)
{
    const uint64_t stride = rows > WIDE ? rows : WIDE;
    double *a = numbers(rows * WIDE), *copy = numbers(rows * WIDE), *b = numbers(stride * RIGHT_SIDES);
    double singular[WIDE], mean_y[RIGHT_SIDES] = {0};
    lapack_int rank = 0;
    for (int j = 0; j < WIDE; ++j) {
        double mean = 0, square = 0;
        for (uint64_t i = 0; i < rows; ++i)
            mean += x[i * WIDE + j] / (double)rows;
        for (uint64_t i = 0; i < rows; ++i)
            square += (x[i * WIDE + j] - mean) * (x[i * WIDE + j] - mean);
        for (uint64_t i = 0; i < rows; ++i)
            a[j * rows + i] = (x[i * WIDE + j] - mean) / sqrt(square / (double)rows);
    }
    memcpy(copy, a, rows * WIDE * sizeof *a);
    memset(b, 0, stride * RIGHT_SIDES * sizeof *b);
    for (int t = 0; t < RIGHT_SIDES; ++t) {
        for (uint64_t i = 0; i < rows; ++i)
            mean_y[t] += y[t * rows + i] / (double)rows;
        for (uint64_t i = 0; i < rows; ++i)
            b[t * stride + i] = y[t * rows + i] - mean_y[t];
    }
    assert_int_equal(LAPACKE_dgelsd(LAPACK_COL_MAJOR, (lapack_int)rows, WIDE, RIGHT_SIDES, a, (lapack_int)rows, b,
                                    (lapack_int)stride, singular, cut, &rank),
                     0);
    for (int t = 0; t < RIGHT_SIDES; ++t)
        for (uint64_t i = 0; i < rows; ++i) {
            double sum = mean_y[t];
            for (int j = 0; j < WIDE; ++j)
                sum += copy[j * rows + i] * b[t * stride + j];
            predicted[t * rows + i] = sum;
        }
    free(a), free(copy), free(b);
    return rank;
}

static void test_blocks_equal_plain_dgelsd(void **state)
{
    (void)state;
    static const struct {
        uint64_t rows;
        double gap, cut, tolerance;
        uint32_t rank;
    } cases[] = {
        /* Tolerance: 2^-52 times the condition number of what is kept, times a hundred for the size of the sums. */
        {3000, 1.0, 1e-6, 1e-10, WIDE},     /* three blocks */
        {1024, 1.0, 1e-6, 1e-10, WIDE},     /* exactly one */
        {1025, 1.0, 1e-6, 1e-10, WIDE},     /* a second one of a single row */
        {3000, 0.0, 1e-6, 1e-10, WIDE - 4}, /* rank deficient */
        {3000, 1e-9, 1e-6, 1e-7, WIDE - 4}, /* deficient below the cut: what is cut leaks in at 1e-9 */
        {3000, 1e-3, 1e-6, 1e-8, WIDE},     /* ill conditioned above it */
        {3000, 1e-3, 1e-2, 1e-8, WIDE - 4}, /* the same, cut higher */
        {20, 1.0, 1e-6, 1e-9, 19},          /* fewer rows than features; the mean costs one */
        {2, 1.0, 1e-6, 1e-9, 1},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        const uint64_t rows = cases[c].rows;
        double *x = nearly_collinear(rows, cases[c].gap, 1), *y = fake_normals(rows * RIGHT_SIDES, 2);
        double *expected = numbers(rows * RIGHT_SIDES), *one = numbers(rows * RIGHT_SIDES);
        double *two = numbers(rows * RIGHT_SIDES), *predicted[2] = {one, two};
        const struct linear_problem problem = {.site = "x",
                                               .features = {{x, rows, WIDE}, {x, rows, WIDE}},
                                               .target = y,
                                               .n_targets = RIGHT_SIDES,
                                               .cut = cases[c].cut};
        struct linear_rank rank;

        const int plain_rank = plain_dgelsd(x, y, rows, cases[c].cut, expected);
        assert_int_equal(linear_solve_double(fake_host(), &problem, predicted, &rank, &err), ORR_OK);

        assert_int_equal(rank.kept, cases[c].rank);
        assert_int_equal(plain_rank, cases[c].rank);
        for (uint64_t i = 0; i < rows * RIGHT_SIDES; ++i) {
            assert_near("training prediction", one[i], expected[i], cases[c].tolerance);
            assert_near("the same rows as held-out", two[i], one[i], 0);
        }
        free(x), free(y), free(expected), free(one), free(two);
    }
}

/* Features of any size give the same answer: they are standardised. Powers of two are exact, so are the bits. */
static void test_features_of_any_size(void **state)
{
    (void)state;
    enum { ROWS = 200 };
    static const double factors[] = {0x1p-560, 0x1p-520, 0x1p520, 0x1p1000, 1e160, 1e-170};
    double *y = fake_normals(ROWS * RIGHT_SIDES, 2), *x = fake_normals(ROWS * WIDE, 3);
    double *plain = numbers(ROWS * RIGHT_SIDES), *scaled = numbers(ROWS * RIGHT_SIDES);
    double *unused = numbers(ROWS * RIGHT_SIDES), *larger = numbers(ROWS * WIDE);
    struct linear_problem problem = {.site = "x",
                                     .features = {{x, ROWS, WIDE}, {x, ROWS, WIDE}},
                                     .target = y,
                                     .n_targets = RIGHT_SIDES,
                                     .cut = 1e-6};
    struct linear_rank rank;
    assert_int_equal(linear_solve_double(fake_host(), &problem, (double *[]){plain, unused}, &rank, &err), ORR_OK);
    for (size_t k = 0; k < sizeof factors / sizeof *factors; ++k) {
        for (size_t i = 0; i < ROWS * WIDE; ++i)
            larger[i] = x[i] * factors[k];
        problem.features[0].data = problem.features[1].data = larger;
        const orr_status status = linear_solve_double(fake_host(), &problem, (double *[]){scaled, unused}, &rank, &err);
        if (status != ORR_OK) fail_msg("times %g: %s", factors[k], err.text);
        assert_int_equal(rank.kept, WIDE);
        /* Rounding of the factor, times the condition number of random columns (about 3), times a hundred. */
        for (size_t i = 0; i < ROWS * RIGHT_SIDES; ++i)
            assert_near("prediction", scaled[i], plain[i], k < 4 ? 0 : 1e-13);
    }
    free(x), free(y), free(plain), free(scaled), free(unused), free(larger);
}

static void test_features_beyond_double_are_refused(void **state)
{
    (void)state;
    static const double sizes[] = {1.7e308, 1e-310};
    for (size_t k = 0; k < 2; ++k) {
        double x[4] = {sizes[k], -sizes[k], sizes[k], 0}, y[4] = {1, 2, 3, 4}, predicted[4], unused[4];
        const struct linear_problem problem = {
            .site = "blocks.0", .features = {{x, 4, 1}, {x, 4, 1}}, .target = y, .n_targets = 1, .cut = 1e-6};
        struct linear_rank rank;
        const orr_status status =
            linear_solve_double(fake_host(), &problem, (double *[]){predicted, unused}, &rank, &err);
        assert_int_equal(status, ORR_ENUMERIC);
        if (!strstr(err.text, "feature 0 of site blocks.0")) fail_msg("\"%s\"", err.text);
    }
}

static void test_targets_of_any_size(void **state)
{
    (void)state;
    static const double factors[] = {1, 0x1p-660, 0x1p660, 1e200, 1e-200};
    const double truth[] = {1, 2, 3, 4}, guess[] = {1, 2, 3, 3};
    for (size_t k = 0; k < sizeof factors / sizeof *factors; ++k) {
        double t[4], p[4];
        for (int i = 0; i < 4; ++i) {
            t[i] = truth[i] * factors[k];
            p[i] = guess[i] * factors[k];
        }
        assert_near("R^2", linear_r2(t, p, 4), 0.8, 1e-15); /* 1 - 1/5, some roundings */
    }
}

/* The nearest name may come after the list that fits into the message is full. */
static void test_the_nearest_name_is_found_in_a_long_list(void **state)
{
    (void)state;
    enum { NAMES = 40 };
    char text[NAMES][64];
    const char *known[NAMES];
    bool chosen[NAMES] = {false};
    for (int i = 0; i < NAMES; ++i) {
        snprintf(text[i], sizeof text[i], "some_rather_long_name_of_a_column_%d", i);
        known[i] = text[i];
    }
    known[NAMES - 1] = "phase";
    assert_int_equal(linear_select(fake_host(), "targets", "phsae", known, NAMES, chosen, &err), ORR_EINVAL);
    if (!strstr(err.text, "(nearest: phase)") || !strstr(err.text, ", ...")) fail_msg("\"%s\"", err.text);
    const char *one = "a_name_of_no_use";
    assert_int_equal(linear_select(fake_host(), "targets", "phsae", &one, 1, chosen, &err), ORR_EINVAL);
    if (!strstr(err.text, "known: a_name_of_no_use")) fail_msg("\"%s\"", err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_coefficients),  cmocka_unit_test(test_blocks_equal_plain_dgelsd),
        cmocka_unit_test(test_features_of_any_size), cmocka_unit_test(test_features_beyond_double_are_refused),
        cmocka_unit_test(test_targets_of_any_size),  cmocka_unit_test(test_the_nearest_name_is_found_in_a_long_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
