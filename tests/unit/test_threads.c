/* How many threads the user wants, by OMP_NUM_THREADS and by --threads. */
#include "base/threads.h"
#include "expect.h"

#include <stdlib.h>

static void wanted_by_the_environment(void **state)
{
    (void)state;
    const uint32_t all = orr_threads_processors();
    const struct {
        const char *text;
        uint32_t wanted;
    } cases[] = {{"1", 1},    {"3", 3},  {"4,2", 4},   {"1024", 1024}, {"1025", all}, {"0", all},
                 {"-2", all}, {"", all}, {"two", all}, {"3x", all},    {",2", all},   {"00000000000000000002", all}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        assert_int_equal(setenv("OMP_NUM_THREADS", cases[i].text, 1), 0);
        if (orr_threads_wanted() != cases[i].wanted)
            fail_msg("OMP_NUM_THREADS=%s: %u threads, expected %u", cases[i].text, orr_threads_wanted(),
                     cases[i].wanted);
    }
    assert_int_equal(unsetenv("OMP_NUM_THREADS"), 0);
    assert_int_equal(orr_threads_wanted(), all);
    assert_in_range(all, 1, ORR_THREADS_MAX);
}

static void set_by_the_user(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "-1", "", "1.5", "two", "1025", "2,3"};
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_threads_set("5", &err), ORR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        assert_int_equal(orr_threads_set(bad[i], &err), ORR_EINVAL);
        assert_non_null(strstr(err.text, "from 1 to 1024"));
        assert_int_equal(orr_threads_wanted(), 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wanted_by_the_environment),
        cmocka_unit_test(set_by_the_user),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
