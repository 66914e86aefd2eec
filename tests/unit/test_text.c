/* Texts from outside: which are UTF-8, control characters, how they end. */
#include "base/text.h"
#include "expect.h"

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "plain\n",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "m \xC2\xB5s\xE2\x88\x9A"};
    static const char *const bad[] = {
        "\x80",         "\xBF",         "\xC0\x80",         "\xC1\xBF",        "\xC2",
        "\xC2 ",        "\xE0\x9F\xBF", "\xE2\x88",         "\xED\xA0\x80",    "\xF0\x8F\xBF\xBF",
        "\xF0\x90\x80", "a\xFFz",       "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i)
        if (!orr_text_is_utf8(good[i])) fail_msg("good text %zu is refused", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        if (orr_text_is_utf8(bad[i])) fail_msg("bad text %zu is accepted", i);
}

static void test_flatten(void **state)
{
    (void)state;
    char text[] = "a\n\tb\x1B[2J\x7F\xC2\xB5\r";
    orr_text_flatten(text, sizeof text - 2); /* all but the last character */
    assert_string_equal(text, "a  b [2J \xC2\xB5\r");
    orr_text_flatten(text, 0);
    assert_string_equal(text, "a  b [2J \xC2\xB5\r");

    char hostile[] = "\xC2\x9B"
                     "31m \xFF\xE2\x88 \xE2\x88\x9A \xC2\xA0\xE2\x88\x9A";
    orr_text_flatten(hostile, sizeof hostile - 2); /* the last character is cut */
    assert_string_equal(hostile, "  31m ??? \xE2\x88\x9A \xC2\xA0??\x9A");
    assert_false(orr_text_is_utf8(hostile));
    orr_text_flatten(hostile, sizeof hostile - 1);
    assert_true(orr_text_is_utf8(hostile));
}

static void test_ends(void **state)
{
    (void)state;
    assert_true(orr_text_ends_with("a.csv", ".csv"));
    assert_true(orr_text_ends_with(".csv", ".csv"));
    assert_true(orr_text_ends_with("a", ""));
    assert_false(orr_text_ends_with("csv", ".csv"));
    assert_false(orr_text_ends_with("a.csv ", ".csv"));
    assert_false(orr_text_ends_with("", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_flatten),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
