/* Runs on fresh data and on full batches: reproducible, resumable to the bit, explained when they fail. What a step of
 * them trains on is in test_train_step.c.
 *
 * In: tiny kepler jobs on the reference backend. Seeds: data 7, training 3 (train_fixture.c).
 */
#include "train_fixture.h"

static void fresh_runs_repeat_and_differ_from_others(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result once, again, from_set;
    fixture_open(&f, 6, 20, 5);
    f.config.fresh = true;
    fixture_train(&f, &once);
    fixture_train(&f, &again);
    assert_memory_equal(once.loss, again.loss, once.steps * sizeof(double));
    f.config.fresh = false;
    fixture_train(&f, &from_set);
    assert_true(once.loss[0] != from_set.loss[0]);
    orr_train_result_fini(&once);
    orr_train_result_fini(&again);
    orr_train_result_fini(&from_set);
    fixture_close(&f);
}

/* A run of fresh data does not see the same windows again, so that it fits them no better than others: its loss is that
 * of new data, to the last step. */
static void no_fresh_window_comes_twice(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    fixture_open(&f, 2, 20, 5);
    f.config.fresh = true;
    f.config.noise = 0;
    f.config.schedule.learning_rate = 0; /* the same network at every step */
    f.config.steps = 200;
    f.config.batch = 1;
    fixture_train(&f, &result);
    for (uint64_t i = 0; i < result.steps; ++i)
        for (uint64_t k = 0; k < i; ++k)
            if (result.loss[i] == result.loss[k])
                fail_msg("steps %llu and %llu have the same loss %.17g", (unsigned long long)k, (unsigned long long)i,
                         result.loss[i]);
    orr_train_result_fini(&result);
    fixture_close(&f);
}

/* With all trajectories on the device at once, and with some: then the resumed run cuts the steps elsewhere. */
static void fresh_runs_resume_to_the_bit(void **state)
{
    (void)state;
    const uint32_t points[] = {20, 2000};
    for (size_t i = 0; i < 2; ++i) {
        struct train_fixture f;
        char *whole, *resumed;
        fixture_open(&f, 4, points[i], 5);
        f.config.fresh = true;
        f.config.batch = 40; /* 160,000 numbers a step: 6 steps at a time */
        fixture_resumes(&f, 10, &whole, &resumed);
        fixture_remove(whole);
        fixture_remove(resumed);
        fixture_close(&f);
    }
}

static void full_batches_resume_to_the_bit(void **state)
{
    (void)state;
    struct train_fixture f;
    char *whole, *resumed;
    fixture_open(&f, 6, 20, 5);
    f.config.full_batch = true;
    fixture_resumes(&f, 10, &whole, &resumed);
    fixture_remove(whole);
    fixture_remove(resumed);
    fixture_close(&f);
}

/* Of tokens, which are made from each chunk of points anew. */
static void tokens_resume_to_the_bit(void **state)
{
    (void)state;
    for (int fresh = 0; fresh < 2; ++fresh) {
        struct train_fixture f;
        char *whole, *resumed;
        fixture_open(&f, 6, 20, 5);
        fixture_use_tokens(&f, 9);
        f.config.fresh = fresh;
        f.config.full_batch = !fresh;
        fixture_resumes(&f, 10, &whole, &resumed);
        fixture_remove(whole);
        fixture_remove(resumed);
        fixture_close(&f);
    }
}

/* Without noise or a step in between, the loss of the full batch is one number. */
static void the_full_batch_has_one_loss(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    fixture_open(&f, 6, 20, 5);
    f.config.full_batch = true;
    f.config.noise = 0;
    f.config.schedule.learning_rate = 0;
    fixture_train(&f, &result);
    for (uint64_t i = 1; i < result.steps; ++i)
        assert_true(result.loss[i] == result.loss[0]);
    orr_train_result_fini(&result);
    fixture_close(&f);
}

/* The replay trains on the same trajectories. */
static void what_is_not_finite_is_explained(void **state)
{
    (void)state;
    struct train_fixture f;
    fixture_open(&f, 6, 20, 5);
    f.config.fresh = true;
    f.config.schedule.learning_rate = 1e30;
    fixture_refuse(&f, ORR_ENUMERIC, "in step 2 of 20; the first value that is not: blocks.0.attn.qkv",
                   "The initial state is good");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_runs_repeat_and_differ_from_others),
        cmocka_unit_test(no_fresh_window_comes_twice),
        cmocka_unit_test(fresh_runs_resume_to_the_bit),
        cmocka_unit_test(full_batches_resume_to_the_bit),
        cmocka_unit_test(tokens_resume_to_the_bit),
        cmocka_unit_test(the_full_batch_has_one_loss),
        cmocka_unit_test(what_is_not_finite_is_explained),
    };
    return cmocka_run_group_tests_name("fresh", tests, NULL, NULL);
}
