/* Evaluations during training: at which steps, what is written, that they change no bit, and that they survive a
 * resume.
 *
 * In: tiny kepler jobs on the reference backend. Seeds: data 7, training 3 (train_fixture.c).
 */
#include "base/memory.h"
#include "io/file.h"
#include "train/checkpoint.h"
#include "train_fixture.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In one walk the same steps as each asked for by itself. */
static void expect_walk(const struct orr_evaluation_plan *plan, uint64_t steps)
{
    struct orr_evaluation_place place = {0};
    for (uint64_t from = 0; from <= steps + 1; ++from) {
        const uint64_t walked = orr_evaluation_walk(plan, steps, &place, from);
        if (walked != orr_evaluation_next(plan, steps, from))
            fail_msg("%s, %" PRIu64 " of %" PRIu64 " steps: from %" PRIu64 " on %" PRIu64 ", expected %" PRIu64,
                     orr_evaluation_names[plan->kind], plan->count, steps, from, walked,
                     orr_evaluation_next(plan, steps, from));
    }
}

static void expect_steps(enum orr_evaluation_kind kind, uint64_t count, uint64_t steps, const uint64_t *expected)
{
    const struct orr_evaluation_plan plan = {kind, count};
    size_t i = 0;
    for (uint64_t step = orr_evaluation_next(&plan, steps, 0); step != UINT64_MAX;
         step = orr_evaluation_next(&plan, steps, step + 1), ++i)
        if (step != expected[i])
            fail_msg("%s, %" PRIu64 " of %" PRIu64 " steps: number %zu is %" PRIu64 ", expected %" PRIu64,
                     orr_evaluation_names[kind], count, steps, i, step, expected[i]);
    assert_int_equal(expected[i], UINT64_MAX);
    expect_walk(&plan, steps);
}

static void steps_are_distinct_and_hold_both_ends(void **state)
{
    (void)state;
    expect_steps(ORR_EVALUATE_NONE, 5, 100, (const uint64_t[]){UINT64_MAX});
    expect_steps(ORR_EVALUATE_LOG, 5, 10000, (const uint64_t[]){0, 1, 10, 100, 1000, 10000, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LOG, 8, 16, (const uint64_t[]){0, 1, 2, 3, 4, 5, 7, 11, 16, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LOG, 2, 7, (const uint64_t[]){0, 1, 7, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LOG, 1, 7, (const uint64_t[]){0, 7, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LOG, 20, 3, (const uint64_t[]){0, 1, 2, 3, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LOG, 3, 1, (const uint64_t[]){0, 1, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LINEAR, 4, 10, (const uint64_t[]){0, 3, 5, 8, 10, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LINEAR, 1, 10, (const uint64_t[]){0, 10, UINT64_MAX});
    expect_steps(ORR_EVALUATE_LINEAR, 9, 2, (const uint64_t[]){0, 1, 2, UINT64_MAX});
}

/* However many: never more than asked for, never the same twice, the last step at the end. */
static void any_number_ends_at_the_last_step(void **state)
{
    (void)state;
    for (uint64_t steps = 1; steps <= 60; ++steps)
        for (uint64_t count = 1; count <= 70; ++count)
            for (int kind = ORR_EVALUATE_LOG; kind <= ORR_EVALUATE_LINEAR; ++kind) {
                const struct orr_evaluation_plan plan = {(enum orr_evaluation_kind)kind, count};
                uint64_t last = 0, n = 0, step;
                while ((step = orr_evaluation_next(&plan, steps, last + 1)) != UINT64_MAX) {
                    last = step;
                    ++n;
                }
                if (last != steps || n != (count < steps ? count : steps))
                    fail_msg("%s, %" PRIu64 " of %" PRIu64 " steps: %" PRIu64 " evaluations, the last after %" PRIu64,
                             orr_evaluation_names[kind], count, steps, n, last);
            }
}

/* Stands for a measurement: numbers that the parameters decide. */
static orr_status sum_up(void *context, uint64_t step, const float *parameters, struct orr_evaluated *out,
                         struct orr_error *err)
{
    const size_t n = *(const size_t *)context;
    double sum = 0, squares = 0;
    (void)err;
    for (size_t i = 0; i < n; ++i) {
        sum += (double)parameters[i];
        squares += (double)parameters[i] * (double)parameters[i];
    }
    *out = (struct orr_evaluated){.train_loss = sum, .held_out_loss = step == 5 ? (double)NAN : squares};
    return ORR_OK;
}

static void open_evaluated(struct train_fixture *f, size_t *n)
{
    struct orr_parameters p = {.item = NULL};
    struct orr_error err = {0};
    fixture_open(f, 6, 20, 5);
    assert_ok(orr_model_parameters(&f->model, &p, &err), &err);
    assert_ok(orr_parameters_arrange(&p, NULL, 0, &err), &err);
    *n = (size_t)p.elements;
    orr_parameters_fini(&p);
    f->config.evaluation = (struct orr_evaluation_plan){ORR_EVALUATE_LOG, 6};
    f->job.evaluate = sum_up;
    f->job.evaluate_context = n;
}

static char *read_text(const char *directory, const char *name)
{
    char *text;
    size_t n;
    struct orr_error err = {0};
    assert_ok(orr_file_read(fixture_path(directory, name), 1 << 24, &text, &n, &err), &err);
    return text;
}

static void a_line_each_evaluation(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    size_t n;
    char *directory = fixture_directory();
    open_evaluated(&f, &n);
    f.config.schedule = (struct orr_schedule){.kind = ORR_SCHEDULE_CONSTANT, .learning_rate = 0.25};
    f.job.directory = directory;
    fixture_train(&f, &result);
    char *text = read_text(directory, "evaluations.jsonl"), *line = text;
    /* 20^(k/5): 1, 1.8, 3.3, 6.03, 11, 20 */
    const uint64_t steps[] = {0, 1, 2, 3, 6, 11, 20};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
        char expected[120];
        snprintf(expected, sizeof expected, "{\"step\":%" PRIu64 ",\"learning_rate_sum\":%g,\"train_loss\":", steps[i],
                 0.25 * (double)steps[i]);
        if (strncmp(line, expected, strlen(expected)) != 0) fail_msg("\"%s\" does not begin with %s", line, expected);
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "");
    orr_memory_free(text);
    orr_train_result_fini(&result);
    fixture_close(&f);
    fixture_remove(directory);
}

static void a_loss_that_is_no_number_is_null(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    size_t n;
    char *directory = fixture_directory();
    open_evaluated(&f, &n);
    f.config.evaluation = (struct orr_evaluation_plan){ORR_EVALUATE_LINEAR, 4};
    f.job.directory = directory;
    fixture_train(&f, &result);
    char *text = read_text(directory, "evaluations.jsonl");
    const char *fifth = strstr(text, "{\"step\":5,");
    assert_non_null(fifth);
    const char *null = strstr(fifth, ",\"held_out_loss\":null}\n");
    if (!null || memchr(fifth, '\n', (size_t)(null - fifth))) fail_msg("no null after step 5 in \"%s\"", text);
    orr_memory_free(text);
    orr_train_result_fini(&result);
    fixture_close(&f);
    fixture_remove(directory);
}

/* The file that a run ends with, with and without evaluations and the checkpoints kept for them. */
static void evaluations_change_no_bit(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    struct orr_error err = {0};
    size_t n, bytes[2];
    char *directory[] = {fixture_directory(), fixture_directory()}, *file[2];
    open_evaluated(&f, &n);
    for (size_t i = 0; i < 2; ++i) {
        f.job.directory = directory[i];
        fixture_train(&f, &result);
        assert_ok(orr_file_read(fixture_path(directory[i], "checkpoints/step-00000020.safetensors"), 1 << 24, &file[i],
                                &bytes[i], &err),
                  &err);
        orr_train_result_fini(&result);
        f.config.evaluation.kind = ORR_EVALUATE_NONE;
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_memory_equal(file[0], file[1], bytes[0]);
    assert_int_not_equal(access(fixture_path(directory[1], "evaluations.jsonl"), F_OK), 0);
    for (size_t i = 0; i < 2; ++i) {
        orr_memory_free(file[i]);
        fixture_remove(directory[i]);
    }
    fixture_close(&f);
}

/* A stop at an evaluated step, and between two. */
static void evaluations_are_whole_after_a_resume(void **state)
{
    (void)state;
    const uint64_t stops[] = {10, 15};
    for (size_t i = 0; i < 2; ++i) {
        struct train_fixture f;
        size_t n;
        char *whole, *resumed;
        open_evaluated(&f, &n);
        f.config.evaluation = (struct orr_evaluation_plan){ORR_EVALUATE_LINEAR, 6}; /* 0 3 7 10 13 17 20 */
        fixture_resumes(&f, stops[i], &whole, &resumed);
        char *expected = read_text(whole, "evaluations.jsonl"), *text = read_text(resumed, "evaluations.jsonl");
        assert_string_equal(text, expected);
        orr_memory_free(expected);
        orr_memory_free(text);
        fixture_remove(whole);
        fixture_remove(resumed);
        fixture_close(&f);
    }
}

static void evaluated_checkpoints_are_kept_and_read_back(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    struct orr_error err = {0};
    const uint64_t kept[] = {1, 2, 3, 6, 11, 15, 18, 20}; /* those evaluated, and the newest two of the others */
    uint64_t *steps;
    size_t n, count;
    char *directory = fixture_directory();
    open_evaluated(&f, &n);
    f.config.keep_evaluated = true;
    f.config.checkpoint_every = 3;
    f.job.directory = directory;
    fixture_train(&f, &result);
    assert_ok(orr_checkpoint_list(directory, &steps, &count, &err), &err);
    assert_int_equal(count, sizeof kept / sizeof *kept);
    assert_memory_equal(steps, kept, sizeof kept);

    float *block = orr_memory_array(n, sizeof *block);
    assert_ok(orr_checkpoint_parameters(&f.job, &result.parameters, 20, block, &err), &err);
    assert_memory_equal(block, result.trained, n * sizeof *block);
    assert_ok(orr_checkpoint_parameters(&f.job, &result.parameters, 1, block, &err), &err);
    assert_memory_not_equal(block, result.trained, n * sizeof *block);
    assert_error(orr_checkpoint_parameters(&f.job, &result.parameters, 9, block, &err), &err, ORR_EIO,
                 "step-00000009.safetensors", NULL);
    orr_memory_free(block);
    orr_memory_free(steps);
    orr_train_result_fini(&result);
    fixture_close(&f);
    fixture_remove(directory);
}

static orr_status fail_at_six(void *context, uint64_t step, const float *parameters, struct orr_evaluated *out,
                              struct orr_error *err)
{
    if (step == 6) return orr_fail(err, ORR_ENOMEM, "no room");
    return sum_up(context, step, parameters, out, err);
}

static void an_evaluation_that_fails_says_which(void **state)
{
    (void)state;
    struct train_fixture f;
    size_t n;
    open_evaluated(&f, &n);
    f.job.evaluate = fail_at_six;
    fixture_refuse(&f, ORR_ENOMEM, "evaluation after step 6", "no room");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_distinct_and_hold_both_ends),
        cmocka_unit_test(any_number_ends_at_the_last_step),
        cmocka_unit_test(a_line_each_evaluation),
        cmocka_unit_test(a_loss_that_is_no_number_is_null),
        cmocka_unit_test(evaluations_change_no_bit),
        cmocka_unit_test(evaluations_are_whole_after_a_resume),
        cmocka_unit_test(evaluated_checkpoints_are_kept_and_read_back),
        cmocka_unit_test(an_evaluation_that_fails_says_which),
    };
    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
