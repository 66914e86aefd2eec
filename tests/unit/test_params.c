/* Parameter tables: sound and unsound ones, defaults, setting, printing back to the same bits. */
#include "base/number.h"
#include "base/params.h"
#include "base/suggest.h"
#include "expect.h"

#include <float.h>
#include <math.h>

static struct orr_error err;

static const struct orr_param table[] = {
    {"mass", ORR_PARAM_REAL, "1", 0.0, 100.0, "kg", "Mass of the body."},
    {"count", ORR_PARAM_INT, "20", 1.0, 1000.0, "1", "How many."},
    {"random_phase", ORR_PARAM_BOOL, "false", 0.0, 0.0, "1", "Start anywhere on the orbit."},
    {"label", ORR_PARAM_STRING, "none", 0.0, 0.0, "1", "A name."},
    {.type = ORR_PARAM_END}};
static const struct orr_param no_rows[] = {{.type = ORR_PARAM_END}};

static void test_sound_tables(void **state)
{
    (void)state;
    expect_ok(orr_params_check_table(table, &err), &err);
    expect_ok(orr_params_check_table(no_rows, &err), &err);
    assert_int_equal(orr_params_count(table), 4);
    assert_int_equal(orr_params_count(no_rows), 0);
}

static void check_bad_row(struct orr_param row, const char *fragment)
{
    const struct orr_param bad[] = {table[0], row, {.type = ORR_PARAM_END}};
    expect_error(orr_params_check_table(bad, &err), &err, ORR_EINVAL, fragment);
}

static void test_unsound_tables(void **state)
{
    (void)state;
    check_bad_row((struct orr_param){"Mass", ORR_PARAM_REAL, "1", 0, 2, "1", "d"}, "lower_snake_case");
    check_bad_row((struct orr_param){"m-s", ORR_PARAM_REAL, "1", 0, 2, "1", "d"}, "lower_snake_case");
    check_bad_row((struct orr_param){NULL, ORR_PARAM_REAL, "1", 0, 2, "1", "d"}, "lower_snake_case");
    check_bad_row((struct orr_param){"mass", ORR_PARAM_REAL, "1", 0, 2, "1", "d"}, "given twice");
    check_bad_row((struct orr_param){"a", ORR_PARAM_REAL, NULL, 0, 2, "1", "d"}, "default is missing");
    check_bad_row((struct orr_param){"a", ORR_PARAM_REAL, "1", 0, 2, NULL, "d"}, "unit is missing");
    check_bad_row((struct orr_param){"a", ORR_PARAM_REAL, "1", 0, 2, "1", ""}, "documentation is missing");
    check_bad_row((struct orr_param){"a", ORR_PARAM_REAL, "1", 2, 0, "1", "d"}, "range is empty");
    check_bad_row((struct orr_param){"a", ORR_PARAM_REAL, "1", 0, (double)NAN, "1", "d"}, "range is empty");
    check_bad_row((struct orr_param){"a", ORR_PARAM_REAL, "3", 0, 2, "1", "d"}, "default: a: 3 is out of range");
    check_bad_row((struct orr_param){"a", ORR_PARAM_INT, "1.5", 0, 2, "1", "d"}, "not a whole number");
    check_bad_row((struct orr_param){"a", ORR_PARAM_BOOL, "yes", 0, 0, "1", "d"}, "not true or false");
    check_bad_row((struct orr_param){"a", (enum orr_param_type)9, "1", 0, 2, "1", "d"}, "unknown parameter type 9");
}

static void test_a_table_without_end_is_found(void **state)
{
    (void)state;
    static struct orr_param endless[ORR_PARAMS_MAX + 1];
    static char keys[ORR_PARAMS_MAX + 1][8];
    for (size_t i = 0; i <= ORR_PARAMS_MAX; ++i) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        endless[i] = (struct orr_param){keys[i], ORR_PARAM_INT, "1", 0, 2, "1", "d"};
    }
    expect_error(orr_params_check_table(endless, &err), &err, ORR_EINVAL, "no ORR_PARAM_END");
}

static void test_defaults(void **state)
{
    (void)state;
    union orr_value values[4];
    expect_ok(orr_params_defaults(table, values, &err), &err);
    assert_true(values[0].r == 1.0);
    assert_int_equal(values[1].i, 20);
    assert_false(values[2].b);
    assert_string_equal(values[3].s, "none");
}

static void test_set(void **state)
{
    (void)state;
    union orr_value values[4];
    static const char label[] = "  any text ";
    expect_ok(orr_params_defaults(table, values, &err), &err);
    expect_ok(orr_params_set(table, values, "mass", "1e-3", &err), &err);
    expect_ok(orr_params_set(table, values, "count", "1000", &err), &err);
    expect_ok(orr_params_set(table, values, "random_phase", "true", &err), &err);
    expect_ok(orr_params_set(table, values, "label", label, &err), &err);
    assert_true(values[0].r == 1e-3);
    assert_int_equal(values[1].i, 1000);
    assert_true(values[2].b);
    assert_ptr_equal(values[3].s, label);
}

static void test_refusals_keep_the_values(void **state)
{
    (void)state;
    union orr_value values[4];
    expect_ok(orr_params_defaults(table, values, &err), &err);
    expect_error(orr_params_set(table, values, "mas", "1", &err), &err, ORR_EINVAL, "\"mas\"", "did you mean \"mass\"",
                 "mass, count, random_phase, label");
    expect_error(orr_params_set(table, values, "temperature", "1", &err), &err, ORR_EINVAL, "\"temperature\"",
                 "mass, count");
    expect_error(orr_params_set(no_rows, NULL, "mass", "1", &err), &err, ORR_EINVAL, "there are none");
    expect_error(orr_params_set(table, values, "mass", "heavy", &err), &err, ORR_EINVAL, "mass", "\"heavy\"");
    expect_error(orr_params_set(table, values, "mass", "nan", &err), &err, ORR_EINVAL, "finite");
    expect_error(orr_params_set(table, values, "mass", "101", &err), &err, ORR_EINVAL, "101", "0 to 100 kg");
    expect_error(orr_params_set(table, values, "count", "0", &err), &err, ORR_EINVAL, "1 to 1000");
    expect_error(orr_params_set(table, values, "count", "2.5", &err), &err, ORR_EINVAL, "whole number");
    expect_error(orr_params_set(table, values, "count", "99999999999999999999", &err), &err, ORR_EINVAL, "64 bits");
    expect_error(orr_params_set(table, values, "random_phase", "1", &err), &err, ORR_EINVAL, "true or false");
    assert_true(values[0].r == 1.0);
    assert_int_equal(values[1].i, 20);
    assert_false(values[2].b);
}

static void test_range_is_exact_beyond_double(void **state)
{
    (void)state;
    const struct orr_param wide[] = {{"n", ORR_PARAM_INT, "0", 0.0, 9007199254740992.0, "1", "To 2^53."},
                                     {.type = ORR_PARAM_END}};
    union orr_value value = {.i = 0};
    expect_ok(orr_params_set(wide, &value, "n", "9007199254740992", &err), &err);
    expect_error(orr_params_set(wide, &value, "n", "9007199254740993", &err), &err, ORR_EINVAL, "out of range");
}

static void test_print_reads_back_to_the_same_bits(void **state)
{
    (void)state;
    const struct orr_param reals[] = {{"x", ORR_PARAM_REAL, "0", -DBL_MAX, DBL_MAX, "1", "Any."},
                                      {.type = ORR_PARAM_END}};
    const double some[] = {0.0,         -0.0,      1.0,
                           0.1,         1.0 / 3.0, 6.62607015e-34,
                           DBL_MAX,     DBL_MIN,   4.9406564584124654e-324,
                           123456789.0, 1e23,      9007199254740993.0};
    for (size_t i = 0; i < sizeof some / sizeof *some; ++i) {
        char text[ORR_NUMBER_SIZE];
        union orr_value value = {.r = some[i]}, back = {.r = 7.0};
        expect_ok(orr_params_print(reals, &value, 0, text, sizeof text), &err);
        expect_ok(orr_params_set(reals, &back, "x", text, &err), &err);
        assert_memory_equal(&back.r, &value.r, sizeof(double));
    }
}

static void test_print_is_short_and_typed(void **state)
{
    (void)state;
    char text[16];
    const union orr_value values[] = {{.r = 100}, {.i = -3}, {.b = true}, {.s = "abc"}};
    static const char *const expected[] = {"100", "-3", "true", "abc"};
    for (size_t i = 0; i < 4; ++i) {
        expect_ok(orr_params_print(table, values, i, text, sizeof text), &err);
        assert_string_equal(text, expected[i]);
    }
    assert_int_equal(orr_params_print(table, values, 4, text, sizeof text), ORR_EINVAL);
    assert_int_equal(orr_params_print(table, values, 3, text, 3), ORR_EINVAL);
}

static void test_numbers_are_strict(void **state)
{
    (void)state;
    static const char *const no_integers[] = {"", "-", "+", " 1", "1 ", "0x10", "1e3", "--1", "1_000", "1.0"};
    static const char *const no_reals[] = {"",      "-",  ".",     "1 ",  " 1",    "inf", "nan",
                                           "0x1p3", "1e", "1e999", "1,5", "1.2.3", "e5",  "infinity"};
    int64_t i;
    double r;
    for (size_t k = 0; k < sizeof no_integers / sizeof *no_integers; ++k)
        if (orr_number_integer(no_integers[k], &i)) fail_msg("\"%s\" was read as %lld", no_integers[k], (long long)i);
    for (size_t k = 0; k < sizeof no_reals / sizeof *no_reals; ++k)
        if (orr_number_real(no_reals[k], &r)) fail_msg("\"%s\" was read as %g", no_reals[k], r);
    assert_true(orr_number_integer("-9223372036854775808", &i) && i == INT64_MIN);
    assert_true(orr_number_integer("+7", &i) && i == 7);
    assert_true(orr_number_real(".5", &r) && r == 0.5);
    assert_true(orr_number_real("-2.", &r) && r == -2.0);
}

/* A caller who passes no struct sees the same status. */
static void test_statuses_without_an_error_struct(void **state)
{
    (void)state;
    const struct orr_param bad[] = {{"x", ORR_PARAM_INT, "one", 0, 1, "1", "A number."}, {.type = ORR_PARAM_END}};
    assert_int_equal(orr_params_check_table(bad, NULL), ORR_EINVAL);
}

static void test_suggestions(void **state)
{
    (void)state;
    static const char *const known[] = {"train", "steps", "learning_rate", "data"};
    assert_string_equal(orr_suggest("stesp", known, 4), "steps");
    assert_string_equal(orr_suggest("Train", known, 4), "train");
    assert_string_equal(orr_suggest("learning-rate", known, 4), "learning_rate");
    assert_string_equal(orr_suggest("date", known, 4), "data");
    assert_null(orr_suggest("quixotic", known, 4));
    assert_null(orr_suggest("", known, 4));
    assert_null(orr_suggest("steps", known, 0));
    assert_string_equal(orr_suggest("steps", known, 2), "steps");
    assert_null(orr_suggest("a word of more than sixty-three characters, which is longer than any key", known, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_tables),
        cmocka_unit_test(test_unsound_tables),
        cmocka_unit_test(test_a_table_without_end_is_found),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_refusals_keep_the_values),
        cmocka_unit_test(test_range_is_exact_beyond_double),
        cmocka_unit_test(test_print_reads_back_to_the_same_bits),
        cmocka_unit_test(test_print_is_short_and_typed),
        cmocka_unit_test(test_numbers_are_strict),
        cmocka_unit_test(test_statuses_without_an_error_struct),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
