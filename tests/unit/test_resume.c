/* A run that is interrupted and resumed ends with the bits of one that was not: stopped, killed, or with a damaged
 * checkpoint.
 *
 * In: a tiny kepler job on the reference backend, checkpoints each 7 of 30 steps, log lines each 5. Seeds: data 7,
 * training 3.
 */
#include "base/memory.h"
#include "capture.h"
#include "io/file.h"
#include "run/device.h"
#include "train_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOTAL = 30 };

static volatile sig_atomic_t stop;

struct setting {
    struct train_fixture f;
    struct orr_train_result whole; /* never interrupted, in the directory `expected` */
    char *directory, *expected;
};

static void setting_open(struct setting *s, uint32_t real)
{
    struct orr_error err = {0};
    fixture_open(&s->f, 6, 20, 5);
    s->directory = fixture_directory();
    s->expected = fixture_directory();
    s->f.config.steps = TOTAL;
    s->f.config.checkpoint_every = 7;
    s->f.job.real = real;
    s->f.job.directory = s->expected;
    assert_ok(orr_train_run(&s->f.job, &s->whole, &err), &err);
    s->f.job.directory = s->directory;
    s->f.job.stop = &stop;
    stop = 0;
}

static void setting_close(struct setting *s)
{
    orr_train_result_fini(&s->whole);
    fixture_close(&s->f);
    fixture_remove(s->directory);
    fixture_remove(s->expected);
}

/* Lines of metrics.jsonl up to the speed, which differs from run to run. */
static char *metrics_of(const char *directory)
{
    char *text, *to, *from;
    size_t n;
    struct orr_error err = {0};
    assert_ok(orr_file_read(fixture_path(directory, "metrics.jsonl"), 1 << 20, &text, &n, &err), &err);
    for (to = from = text; *from;) {
        char *speed = strstr(from, ",\"tokens_per_second\""), *end = strchr(from, '\n');
        assert_non_null(speed);
        assert_non_null(end);
        memmove(to, from, (size_t)(speed - from));
        to += speed - from;
        *to++ = '\n';
        from = end + 1;
    }
    *to = '\0';
    return text;
}

static void resume_and_compare(struct setting *s)
{
    struct orr_train_result result;
    struct orr_error err = {0};
    stop = 0;
    s->f.job.watch = NULL;
    s->f.job.resume = true;
    assert_ok(orr_train_run(&s->f.job, &result, &err), &err);
    assert_int_equal(result.steps, TOTAL);
    assert_memory_equal(result.trained, s->whole.trained, (size_t)s->whole.parameters.elements * sizeof(float));
    assert_memory_equal(result.initial, s->whole.initial, (size_t)s->whole.parameters.elements * sizeof(float));
    assert_memory_equal(result.loss, s->whole.loss, TOTAL * sizeof(double));
    assert_true(result.final_loss == s->whole.final_loss);
    char *ours = metrics_of(s->directory), *expected = metrics_of(s->expected);
    assert_string_equal(ours, expected);
    orr_memory_free(ours);
    orr_memory_free(expected);
    orr_train_result_fini(&result);
}

/* ---- the device fails ---- */

/* The reference, which fails in some step as a lost device does, or one without memory. */
static const struct orr_backend_ops *healthy;
static int steps_begun, lost_at;
static orr_status lost_as;

static orr_status run_until_lost(struct orr_device *device, const struct orr_call *call, struct orr_error *err)
{
    /* A step puts its loss into the ring once. */
    if (call->op == ORR_OP_PUT && ++steps_begun >= lost_at) return orr_fail(err, lost_as, "the device has gone");
    return healthy->run(device, call, err);
}

static void lose(struct setting *s, orr_status as, int at, const char *advice)
{
    struct orr_train_result result;
    struct orr_error err = {0};
    struct orr_backend_ops failing = *s->f.device->ops;
    healthy = s->f.device->ops;
    failing.run = run_until_lost;
    failing.prepare = NULL;
    failing.execute = NULL;
    steps_begun = 0;
    lost_at = at;
    lost_as = as;
    s->f.device->ops = &failing;
    assert_error(orr_train_run(&s->f.job, &result, &err), &err, as, "the device has gone", advice, NULL);
    assert_null(result.trained);
    s->f.device->ops = healthy;
}

static void a_run_whose_device_fails_goes_on(void **state)
{
    (void)state;
    struct setting s;
    setting_open(&s, ORR_F32);
    lose(&s, ORR_EDEVICE, 5, "in step 5 or before (nothing to save yet; the same command with --resume begins again)");
    s.f.job.resume = true;
    lose(&s, ORR_ENOMEM, 17, "in step 17 or before (the checkpoint of step 14 is good; the same command with --resume");
    resume_and_compare(&s);
    s.f.job.directory = NULL;
    s.f.job.resume = false;
    lose(&s, ORR_EDEVICE, 2, "in step 2 or before (nothing was saved)");
    setting_close(&s);
}

/* ---- stopped ---- */

static uint64_t stop_at, kill_at;

static void watch(void *context, const struct orr_train_progress *progress)
{
    (void)context;
    const uint64_t done = progress->first + progress->count;
    if (done == stop_at) stop = 1;
    if (done == kill_at) kill(getpid(), SIGKILL);
}

static void run_until_stopped(struct setting *s, uint64_t step)
{
    struct orr_train_result result;
    struct orr_error err = {0};
    stop = 0;
    stop_at = step;
    kill_at = 0;
    s->f.job.watch = watch;
    const orr_status status = orr_train_run(&s->f.job, &result, &err);
    char expected[64];
    snprintf(expected, sizeof expected, "stopped at step %llu of %d", (unsigned long long)step, TOTAL);
    assert_error(status, &err, ORR_ECANCELLED, expected, "--resume", s->directory, NULL);
    assert_int_equal(result.steps, step);
    assert_memory_equal(result.loss, s->whole.loss, step * sizeof(double));
    orr_train_result_fini(&result);
    assert_int_equal(access(fixture_path(s->directory, "checkpoints"), F_OK), 0);
}

static void a_stopped_run_goes_on(void **state)
{
    (void)state;
    const uint32_t reals[] = {ORR_F32, ORR_F64};
    for (size_t i = 0; i < 2; ++i) {
        struct setting s;
        setting_open(&s, reals[i]);
        run_until_stopped(&s, 10);
        s.f.job.resume = true;
        run_until_stopped(&s, 20);
        resume_and_compare(&s);
        setting_close(&s);
    }
}

static void a_run_stopped_before_its_first_step_goes_on(void **state)
{
    (void)state;
    struct setting s;
    struct orr_train_result result;
    struct orr_error err = {0};
    setting_open(&s, ORR_F32);
    stop = 1;
    assert_error(orr_train_run(&s.f.job, &result, &err), &err, ORR_ECANCELLED, "before the first of 30 steps",
                 "nothing to save yet", "--resume", NULL);
    assert_int_equal(result.steps, 0);
    assert_memory_equal(result.trained, result.initial, (size_t)result.parameters.elements * sizeof(float));
    orr_train_result_fini(&result);
    resume_and_compare(&s);
    setting_close(&s);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

/* Between any two steps, as Ctrl-C comes; a run that was faster than the alarm is a finished one. */
static void a_stop_may_come_at_any_time(void **state)
{
    (void)state;
    struct setting s;
    setting_open(&s, ORR_F32);
    signal(SIGALRM, on_alarm);
    for (int i = 0; i < 5; ++i) {
        struct orr_train_result result;
        struct orr_error err = {0};
        const struct itimerval soon = {.it_value = {.tv_usec = 800}};
        stop = 0;
        assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
        const orr_status status = orr_train_run(&s.f.job, &result, &err);
        if (status != ORR_OK) assert_error(status, &err, ORR_ECANCELLED, "stopped", "--resume", NULL);
        assert_memory_equal(result.loss, s.whole.loss, result.steps * sizeof(double));
        orr_train_result_fini(&result);
        s.f.job.resume = true;
    }
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
    resume_and_compare(&s);
    setting_close(&s);
}

static void a_stop_without_a_directory_says_that_nothing_is_kept(void **state)
{
    (void)state;
    struct setting s;
    struct orr_train_result result;
    struct orr_error err = {0};
    setting_open(&s, ORR_F32);
    stop_at = 5;
    s.f.job.directory = NULL;
    s.f.job.watch = watch;
    assert_error(orr_train_run(&s.f.job, &result, &err), &err, ORR_ECANCELLED, "nothing was saved", NULL);
    assert_int_equal(result.steps, 5);
    orr_train_result_fini(&result);
    setting_close(&s);
}

static void a_finished_run_is_only_read(void **state)
{
    (void)state;
    struct setting s;
    setting_open(&s, ORR_F32);
    run_until_stopped(&s, 10);
    resume_and_compare(&s);
    resume_and_compare(&s);
    setting_close(&s);
}

/* ---- killed ---- */

/* kill -9 from within: no handler runs, nothing is flushed. */
static void run_until_killed(struct setting *s, uint64_t step)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct orr_train_result result;
        struct orr_error err = {0};
        stop_at = 0;
        kill_at = step;
        s->f.job.watch = watch;
        (void)!orr_train_run(&s->f.job, &result, &err);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_killed_run_goes_on(void **state)
{
    (void)state;
    /* Before the first checkpoint; one step after one; at the end, before the last. */
    const uint64_t steps[] = {5, 15, 30};
    for (size_t i = 0; i < 3; ++i) {
        struct setting s;
        setting_open(&s, ORR_F32);
        run_until_killed(&s, steps[i]);
        resume_and_compare(&s);
        setting_close(&s);
    }
}

/* A line that was cut short by the kill, and what an atomic write left behind. */
static void what_a_kill_leaves_behind_does_no_harm(void **state)
{
    (void)state;
    struct setting s;
    setting_open(&s, ORR_F32);
    run_until_killed(&s, 15);
    FILE *file = fopen(fixture_path(s.directory, "metrics.jsonl"), "a");
    assert_non_null(file);
    fputs("{\"step\":5,\"lo", file);
    fclose(file);
    file = fopen(fixture_path(s.directory, "checkpoints/step-00000021.safetensors.99-0.tmp"), "w");
    assert_non_null(file);
    fclose(file);
    file = fopen(fixture_path(s.directory, "metrics.jsonl.99-0.tmp"), "w");
    assert_non_null(file);
    fclose(file);
    resume_and_compare(&s);
    assert_int_not_equal(access(fixture_path(s.directory, "checkpoints/step-00000021.safetensors.99-0.tmp"), F_OK), 0);
    assert_int_not_equal(access(fixture_path(s.directory, "metrics.jsonl.99-0.tmp"), F_OK), 0);
    setting_close(&s);
}

/* A line that no run wrote goes, with a warning. */
static void a_foreign_line_is_dropped_aloud(void **state)
{
    (void)state;
    struct setting s;
    setting_open(&s, ORR_F32);
    run_until_killed(&s, 15);
    FILE *file = fopen(fixture_path(s.directory, "metrics.jsonl"), "a");
    assert_non_null(file);
    fputs("a note\n", file);
    fclose(file);
    capture_begin();
    resume_and_compare(&s);
    const char *log = capture_end();
    if (!strstr(log, "dropped") || !strstr(log, "a note")) fail_msg("the log says \"%s\"", log);
    setting_close(&s);
}

/* ---- damaged ---- */

static void truncate_file(const char *path)
{
    char *data;
    size_t n;
    struct orr_error err = {0};
    assert_ok(orr_file_read(path, 1 << 24, &data, &n, &err), &err);
    orr_memory_free(data);
    assert_int_equal(truncate(path, (off_t)(n / 2)), 0);
}

/* One bit of a tensor, where only the checksum can tell. */
static void flip_bit(const char *path)
{
    char *data;
    size_t n;
    struct orr_error err = {0};
    assert_ok(orr_file_read(path, 1 << 24, &data, &n, &err), &err);
    data[n - 100] ^= 1;
    assert_ok(orr_file_write_atomic(path, data, n, &err), &err);
    orr_memory_free(data);
}

static void empty_file(const char *path) { assert_int_equal(truncate(path, 0), 0); }

static void a_damaged_checkpoint_gives_way_to_the_one_before(void **state)
{
    (void)state;
    void (*const damage[])(const char *path) = {truncate_file, flip_bit, empty_file};
    for (size_t i = 0; i < 3; ++i) {
        struct setting s;
        struct orr_train_result result;
        struct orr_error err = {0};
        setting_open(&s, ORR_F32);
        run_until_stopped(&s, 20);
        damage[i](fixture_path(s.directory, "checkpoints/step-00000020.safetensors"));
        stop = 1; /* before anything newer is on disk */
        s.f.job.resume = true;
        assert_error(orr_train_run(&s.f.job, &result, &err), &err, ORR_ECANCELLED, "step 14 of 30", NULL);
        orr_train_result_fini(&result);
        assert_int_equal(access(fixture_path(s.directory, "checkpoints/step-00000020.safetensors"), F_OK), 0);
        resume_and_compare(&s);
        assert_int_equal(access(fixture_path(s.directory, "checkpoints/step-00000020.safetensors.damaged"), F_OK), 0);
        setting_close(&s);
    }
}

static void without_a_good_checkpoint_the_run_begins_again(void **state)
{
    (void)state;
    struct setting s;
    setting_open(&s, ORR_F32);
    run_until_stopped(&s, 20);
    truncate_file(fixture_path(s.directory, "checkpoints/step-00000020.safetensors"));
    truncate_file(fixture_path(s.directory, "checkpoints/step-00000014.safetensors"));
    capture_begin();
    resume_and_compare(&s);
    const char *log = capture_end();
    if (!strstr(log, "warn train") || !strstr(log, "no good checkpoint")) fail_msg("the log says \"%s\"", log);
    setting_close(&s);
}

/* A sound file under another step's name is not what it says. */
static void a_renamed_checkpoint_is_passed_over(void **state)
{
    (void)state;
    struct setting s;
    char from[600], to[600];
    setting_open(&s, ORR_F32);
    run_until_stopped(&s, 20);
    snprintf(from, sizeof from, "%s/checkpoints/step-00000020.safetensors", s.directory);
    snprintf(to, sizeof to, "%s/checkpoints/step-00000025.safetensors", s.directory);
    assert_int_equal(rename(from, to), 0);
    capture_begin();
    resume_and_compare(&s);
    const char *log = capture_end();
    if (!strstr(log, "named after step 25 but holds step 20")) fail_msg("the log says \"%s\"", log);
    setting_close(&s);
}

/* ---- two at once ---- */

static int to_parent[2], to_child[2];

/* Tell the parent that training is under way, and wait for its word. */
static void hold(void *context, const struct orr_train_progress *progress)
{
    char word;
    (void)context;
    if (progress->first > 0) return;
    (void)!write(to_parent[1], "x", 1);
    (void)!read(to_child[0], &word, 1);
}

static void a_directory_in_use_is_refused(void **state)
{
    (void)state;
    struct setting s;
    struct orr_train_result result;
    struct orr_error err = {0};
    char word;
    int status;
    setting_open(&s, ORR_F32);
    assert_int_equal(pipe(to_parent) | pipe(to_child), 0);
    s.f.job.watch = hold;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(orr_train_run(&s.f.job, &result, &err) == ORR_OK ? 0 : 1);
    assert_int_equal(read(to_parent[0], &word, 1), 1);
    s.f.job.watch = NULL;
    s.f.job.resume = true;
    const orr_status refused = orr_train_run(&s.f.job, &result, &err);
    assert_int_equal(write(to_child[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_error(refused, &err, ORR_EINVAL, s.directory, "another process", "wait", NULL);
    assert_int_equal(status, 0);
    resume_and_compare(&s);
    for (int i = 0; i < 2; ++i)
        close(to_parent[i]), close(to_child[i]);
    setting_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_run_goes_on),
        cmocka_unit_test(a_run_stopped_before_its_first_step_goes_on),
        cmocka_unit_test(a_stop_may_come_at_any_time),
        cmocka_unit_test(a_stop_without_a_directory_says_that_nothing_is_kept),
        cmocka_unit_test(a_finished_run_is_only_read),
        cmocka_unit_test(a_run_whose_device_fails_goes_on),
        cmocka_unit_test(a_killed_run_goes_on),
        cmocka_unit_test(what_a_kill_leaves_behind_does_no_harm),
        cmocka_unit_test(a_damaged_checkpoint_gives_way_to_the_one_before),
        cmocka_unit_test(without_a_good_checkpoint_the_run_begins_again),
        cmocka_unit_test(a_foreign_line_is_dropped_aloud),
        cmocka_unit_test(a_renamed_checkpoint_is_passed_over),
        cmocka_unit_test(a_directory_in_use_is_refused),
    };
    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
