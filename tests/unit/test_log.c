/* The log: levels, areas, refusals, lines that stay whole. */
#include "base/log.h"
#include "capture.h"
#include "expect.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>

static struct orr_error err;

/* This program's write stands before the C library's: the next so many calls are interrupted by a signal. */
static int interrupted;

ORR_EXPORT ssize_t write(int fd, const void *data, size_t n)
{
    if (interrupted == 0) return syscall(SYS_write, fd, data, n);
    --interrupted;
    errno = EINTR;
    return -1;
}

static char taken[256];

static void take_line(void *context, const char *level, const char *area, const char *text)
{
    snprintf(taken, sizeof taken, "%s|%s|%s|%s", (const char *)context, level, area, text);
}

static void test_lines_can_be_redirected(void **state)
{
    (void)state;
    char context[] = "mine";
    taken[0] = '\0';
    orr_log_redirect(take_line, context);
    orr_log(ORR_LOG_ERROR, "plan", "a\nline of %d", 7);
    orr_log_redirect(NULL, NULL);
    assert_string_equal(taken, "mine|error|plan|a line of 7");
}

static void test_default_is_warn(void **state)
{
    (void)state;
    assert_true(orr_log_enabled(ORR_LOG_ERROR, "loader"));
    assert_true(orr_log_enabled(ORR_LOG_WARN, "loader"));
    assert_false(orr_log_enabled(ORR_LOG_INFO, "loader"));
}

static void test_level_for_all_and_for_areas(void **state)
{
    (void)state;
    expect_ok(orr_log_configure("error,debug:loader,trace:plan", &err), &err);
    assert_false(orr_log_enabled(ORR_LOG_WARN, "graph"));
    assert_true(orr_log_enabled(ORR_LOG_DEBUG, "loader"));
    assert_false(orr_log_enabled(ORR_LOG_TRACE, "loader"));
    assert_true(orr_log_enabled(ORR_LOG_TRACE, "plan"));
}

static void test_last_rule_of_an_area_holds(void **state)
{
    (void)state;
    expect_ok(orr_log_configure("debug:plan,error:plan", &err), &err);
    assert_false(orr_log_enabled(ORR_LOG_WARN, "plan"));
}

static void test_unknown_words_are_refused(void **state)
{
    (void)state;
    expect_ok(orr_log_configure("info", &err), &err);
    expect_error(orr_log_configure("debgu", &err), &err, ORR_EINVAL, "\"debgu\"", "did you mean \"debug\"");
    expect_error(orr_log_configure("", &err), &err, ORR_EINVAL, "\"\"");
    expect_error(orr_log_configure("debug:", &err), &err, ORR_EINVAL, "debug:");
    expect_error(orr_log_configure("info,,warn", &err), &err, ORR_EINVAL, "\"\"");
    expect_error(orr_log_configure("errorerrorerrorerrorerror", &err), &err, ORR_EINVAL, "errorerrorerror");
    assert_true(orr_log_enabled(ORR_LOG_INFO, "any")); /* a refused setting changes nothing */
    assert_false(orr_log_enabled(ORR_LOG_DEBUG, "any"));
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *number)
{
    for (int i = 0; i < LINES; ++i)
        orr_log(ORR_LOG_WARN, "area", "thread %d says %0100d", *(int *)number, i);
    return NULL;
}

/* What `write_log` writes to stderr. */
static const char *captured(void (*write_log)(void))
{
    capture_begin();
    write_log();
    return capture_end();
}

static void log_a_few(void)
{
    char longer[4000];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    orr_log(ORR_LOG_WARN, "loader", "two\nlines and %d%%\x1B[2J", 5);
    orr_log(ORR_LOG_DEBUG, "loader", "not seen");
    orr_log(ORR_LOG_ERROR, NULL, "%s", longer);
}

static void test_lines_are_whole_and_marked(void **state)
{
    (void)state;
    expect_ok(orr_log_configure("warn", &err), &err);
    const char *text = captured(log_a_few);
    static const char first[] = "warn loader: two lines and 5% [2J\nerror ?: yyy";
    assert_memory_equal(text, first, sizeof first - 1);
    assert_ptr_equal(strrchr(text, '\n'), text + strlen(text) - 1);
    assert_null(strstr(text, "not seen"));
}

static void log_from_threads(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; ++i)
        pthread_join(threads[i], NULL);
}

static void test_threads_do_not_interleave(void **state)
{
    (void)state;
    expect_ok(orr_log_configure("warn", &err), &err);
    const char *at = captured(log_from_threads);
    int next[THREADS] = {0}, lines = 0;
    for (; *at; ++lines) {
        int thread = -1, i = -1, used = 0;
        assert_int_equal(sscanf(at, "warn area: thread %d says %100d%n", &thread, &i, &used), 2);
        assert_in_range(thread, 0, THREADS - 1);
        assert_int_equal(i, next[thread]++);
        assert_int_equal(at[used], '\n');
        at += used + 1;
    }
    assert_int_equal(lines, THREADS * LINES);
}

static void log_through_signals(void)
{
    interrupted = 3;
    orr_log(ORR_LOG_WARN, "loader", "still here");
}

static void test_a_signal_does_not_cost_a_line(void **state)
{
    (void)state;
    expect_ok(orr_log_configure("warn", &err), &err);
    assert_string_equal(captured(log_through_signals), "warn loader: still here\n");
    assert_int_equal(interrupted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_is_warn),
        cmocka_unit_test(test_lines_can_be_redirected),
        cmocka_unit_test(test_level_for_all_and_for_areas),
        cmocka_unit_test(test_last_rule_of_an_area_holds),
        cmocka_unit_test(test_unknown_words_are_refused),
        cmocka_unit_test(test_lines_are_whole_and_marked),
        cmocka_unit_test(test_threads_do_not_interleave),
        cmocka_unit_test(test_a_signal_does_not_cost_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
