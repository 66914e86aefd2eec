/* Lists and ranges of seeds as they are written on the command line. */
#include "base/memory.h"
#include "expect.h"
#include "study/seeds.h"

static void expect_list(const char *text, const char *expected)
{
    struct orr_error err;
    char *list;
    expect_ok(orr_seeds_list(text, &list, &err), &err);
    assert_string_equal(list, expected);
    orr_memory_free(list);
}

static void test_ranges_are_written_out(void **state)
{
    (void)state;
    expect_list("0", "0");
    expect_list("0,7", "0,7");
    expect_list("5..5", "5");
    expect_list("100..103", "100,101,102,103");
    expect_list("1,2,100..102,7", "1,2,100,101,102,7");
    expect_list("3..4,1..2", "3,4,1,2");
    expect_list("9223372036854775806..9223372036854775807", "9223372036854775806,9223372036854775807");
}

static void test_what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      ",",
                                      "1,",    "-1",
                                      "x",     "1.5",
                                      "1..",   "..2",
                                      "1...3", "1..2..3",
                                      "1..x",  "1 ..2",
                                      "1e3",   "9223372036854775808",
                                      "1,,2",  "000000000000000000000000001"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        struct orr_error err;
        char *list;
        expect_error(orr_seeds_list(bad[i], &list, &err), &err, ORR_EINVAL, "--seeds", bad[i], "100..109");
        assert_null(list);
    }
}

static void test_ranges_that_run_backwards_or_have_no_end(void **state)
{
    (void)state;
    struct orr_error err;
    char *list;
    expect_error(orr_seeds_list("1,9..5", &list, &err), &err, ORR_EINVAL, "9..5", "write 5..9");
    expect_error(orr_seeds_list("0..9223372036854775807", &list, &err), &err, ORR_EINVAL, "more than 100000 seeds");
    expect_error(orr_seeds_list("1..99999,5..6", &list, &err), &err, ORR_EINVAL, "more than 100000 seeds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_are_written_out),
        cmocka_unit_test(test_what_is_no_list_is_refused),
        cmocka_unit_test(test_ranges_that_run_backwards_or_have_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
