/* Errors: code and text, prefixes, cutting, names. */
#include "expect.h"

static void test_code_and_text_are_written(void **state)
{
    (void)state;
    struct orr_error err = {0};
    const orr_status status = orr_fail(&err, ORR_ESHAPE, "context %d is longer than %s", 120, "100 steps");
    assert_int_equal(status, ORR_ESHAPE);
    assert_int_equal(err.code, ORR_ESHAPE);
    assert_string_equal(err.text, "context 120 is longer than 100 steps");
}

static void test_no_error_struct_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(orr_fail(NULL, ORR_EIO, "lost"), ORR_EIO);
}

static void test_text_is_one_line(void **state)
{
    (void)state;
    struct orr_error err;
    orr_fail(&err, ORR_EIO, "a\nb\r\nc");
    assert_string_equal(err.text, "a b  c");
}

static void test_long_text_is_cut_and_marked(void **state)
{
    (void)state;
    struct orr_error err;
    char text[600];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    orr_fail(&err, ORR_EIO, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err.text + sizeof err.text - 5, "x...");
}

static void test_cut_keeps_characters_whole(void **state)
{
    (void)state;
    /* Of two-byte characters behind `before` others, one straddles the cut for one of the two parities. */
    for (int before = 0; before < 2; ++before) {
        struct orr_error err;
        char text[700] = "x";
        size_t at = (size_t)before;
        for (; at + 2 < sizeof text; at += 2)
            memcpy(text + at, "\xC3\xA9", 2);
        text[at] = '\0';
        orr_fail(&err, ORR_EIO, "%s", text);
        const size_t dots = strlen(err.text) - 3;
        assert_string_equal(err.text + dots, "...");
        assert_int_equal((dots - (size_t)before) % 2, 0);
    }
}

static void test_prefix_keeps_code(void **state)
{
    (void)state;
    struct orr_error err;
    orr_fail(&err, ORR_EINVAL, "3 is odd");
    assert_int_equal(orr_error_prefix(&err, "recipe.yaml:%d", 7), ORR_EINVAL);
    assert_string_equal(err.text, "recipe.yaml:7: 3 is odd");
    assert_int_equal(orr_error_prefix(NULL, "nothing to put it before"), ORR_EBUG);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(orr_status_name(ORR_OK), "OK");
    assert_string_equal(orr_status_name(ORR_EINVAL), "EINVAL");
    assert_string_equal(orr_status_name(ORR_EABI), "EABI");
    assert_string_equal(orr_status_name(ORR_EBUG), "EBUG");
    assert_string_equal(orr_status_name((orr_status)99), "unknown status");
}

static orr_status tries(orr_status status)
{
    ORR_TRY(status);
    return ORR_ECANCELLED;
}

static void test_try_returns_failures_only(void **state)
{
    (void)state;
    assert_int_equal(tries(ORR_ENOMEM), ORR_ENOMEM);
    assert_int_equal(tries(ORR_OK), ORR_ECANCELLED);
}

static void test_text_is_safe_to_show(void **state)
{
    (void)state;
    struct orr_error err;
    orr_fail(&err, ORR_EINVAL, "a\x1B[31m red\t\x7F%s", "\xC2\xB5");
    assert_string_equal(err.text, "a [31m red  \xC2\xB5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_and_text_are_written),
        cmocka_unit_test(test_no_error_struct_is_allowed),
        cmocka_unit_test(test_text_is_one_line),
        cmocka_unit_test(test_long_text_is_cut_and_marked),
        cmocka_unit_test(test_cut_keeps_characters_whole),
        cmocka_unit_test(test_prefix_keeps_code),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_try_returns_failures_only),
        cmocka_unit_test(test_text_is_safe_to_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
