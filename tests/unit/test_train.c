/* Whole runs: learning, repeatability, progress, metrics, refusals, and losses that are not finite.
 *
 * In: tiny kepler jobs on the reference backend. Seeds: data 7, training 3 unless a test says otherwise.
 */
#include "base/memory.h"
#include "io/file.h"
#include "train_fixture.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mean square of the step from the last input point to the target: what repeating the last point would score. */
static double baseline(const struct train_fixture *f)
{
    double sum = 0;
    const size_t length = f->windows.length;
    for (size_t i = 0; i < f->windows.count; ++i) {
        const float *last = f->data->observed + ((size_t)f->windows.start[i] + length - 1) * 2;
        for (size_t c = 0; c < 2; ++c)
            sum += (double)(last[c + 2] - last[c]) * (double)(last[c + 2] - last[c]);
    }
    return sum / (double)(f->windows.count * 2);
}

static void it_learns_more_than_to_repeat_the_last_point(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    fixture_open(&f, 200, 50, 5);
    f.model.n_embd = 16;
    f.config.steps = 400;
    f.config.batch = 32;
    f.config.noise = 0;
    f.config.log_every = 100;
    f.config.schedule.learning_rate = 1e-2;
    fixture_train(&f, &result);
    const double repeated = baseline(&f);
    print_message("final loss %.4g, repeating the last point %.4g\n", result.final_loss, repeated);
    if (!(result.final_loss < 0.5 * repeated))
        fail_msg("final loss %.4g is not below half of %.4g", result.final_loss, repeated);
    orr_train_result_fini(&result);
    fixture_close(&f);
}

static void the_seed_decides_every_bit(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result a, b, other;
    fixture_open(&f, 6, 20, 5);
    fixture_train(&f, &a);
    f.config.log_every = 3; /* how often the host looks must not matter */
    fixture_train(&f, &b);
    f.config.seed += 1;
    fixture_train(&f, &other);
    const size_t bytes = (size_t)a.parameters.elements * sizeof(float);
    assert_memory_equal(a.initial, b.initial, bytes);
    assert_memory_equal(a.trained, b.trained, bytes);
    assert_memory_equal(a.loss, b.loss, f.config.steps * sizeof *a.loss);
    assert_memory_not_equal(a.initial, a.trained, bytes);
    assert_memory_not_equal(a.initial, other.initial, bytes);
    orr_train_result_fini(&a);
    orr_train_result_fini(&b);
    orr_train_result_fini(&other);
    fixture_close(&f);
}

/* A float rounds by 2^-24 of itself each step; gradients differ by 1e-6 of themselves (golden README), ten times that
 * for what steps make of it, and move a parameter by the learning rate of 1e-3. The key bias is not learned from and
 * left out: its gradient is rounding noise. */
static void assert_parameters_agree(const struct orr_train_result *single, const struct orr_train_result *wide,
                                    unsigned steps)
{
    for (size_t i = 0; i < single->parameters.count; ++i) {
        const struct orr_parameter *p = &single->parameters.item[i];
        const int64_t n = p->dim[0] * p->dim[1];
        const bool qkv = strcmp(p->name, "transformer.h.0.attn.c_attn.bias") == 0;
        for (int64_t k = 0; k < n; ++k) {
            if (qkv && k >= n / 3 && k < 2 * n / 3) continue;
            const double x = (double)single->trained[p->first + k], y = (double)wide->trained[p->first + k];
            const double tolerance = steps * (0x1p-24 * fmax(fabs(y), 0x1p-6) + 1e-3 * 1e-5);
            if (!(fabs(x - y) <= tolerance))
                fail_msg("%s, element %d: %.9g in single, %.9g in double, within %.3g expected", p->name, (int)k, x, y,
                         tolerance);
        }
    }
}

static void double_agrees_with_single(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result single, wide;
    fixture_open(&f, 6, 20, 5);
    f.config.steps = 5;
    f.config.noise = 0;
    fixture_train(&f, &single);
    f.job.real = ORR_F64;
    fixture_train(&f, &wide);
    for (size_t s = 0; s < 5; ++s)
        if (!(fabs(single.loss[s] - wide.loss[s]) <= 1e-5 * wide.loss[s]))
            fail_msg("step %zu: loss %.9g in single, %.9g in double", s, single.loss[s], wide.loss[s]);
    assert_parameters_agree(&single, &wide, 5);
    orr_train_result_fini(&single);
    orr_train_result_fini(&wide);
    fixture_close(&f);
}

static void the_final_loss_is_the_mean_of_the_last_tenth(void **state)
{
    (void)state;
    const struct {
        uint64_t steps, last;
    } cases[] = {{1, 1}, {2, 1}, {9, 1}, {20, 2}, {39, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct train_fixture f;
        struct orr_train_result result;
        fixture_open(&f, 4, 10, 1);
        f.config.steps = cases[i].steps;
        fixture_train(&f, &result);
        double sum = 0;
        for (uint64_t s = cases[i].steps - cases[i].last; s < cases[i].steps; ++s)
            sum += result.loss[s];
        assert_int_equal(result.steps, cases[i].steps);
        assert_true(result.final_loss == sum / (double)cases[i].last);
        orr_train_result_fini(&result);
        fixture_close(&f);
    }
}

/* ---- progress ---- */

struct seen {
    uint64_t calls, next;
    double loss[64];
};

static void watch(void *context, const struct orr_train_progress *progress)
{
    struct seen *seen = context;
    assert_int_equal(progress->first, seen->next);
    assert_true(progress->tokens_per_second > 0 && progress->seconds > 0 && progress->seconds_left >= 0);
    memcpy(seen->loss + progress->first, progress->loss, progress->count * sizeof(double));
    seen->next += progress->count;
    ++seen->calls;
}

static void every_loss_is_shown_once(void **state)
{
    (void)state;
    const struct {
        uint64_t log_every, checkpoint_every, calls;
    } cases[] = {{0, 0, 1}, {1, 0, 17}, {5, 0, 4}, {17, 0, 1}, {100, 0, 1}, {5, 3, 4}, {3, 5, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct train_fixture f;
        struct orr_train_result result;
        struct seen seen = {0};
        fixture_open(&f, 4, 10, 2);
        f.config.steps = 17;
        f.config.log_every = cases[i].log_every;
        f.config.checkpoint_every = cases[i].checkpoint_every;
        f.job.watch = watch;
        f.job.watch_context = &seen;
        fixture_train(&f, &result);
        assert_int_equal(seen.calls, cases[i].calls);
        assert_int_equal(seen.next, 17);
        assert_memory_equal(seen.loss, result.loss, 17 * sizeof(double));
        orr_train_result_fini(&result);
        fixture_close(&f);
    }
}

static void metrics_hold_a_line_each_log_every_steps(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    struct orr_error err = {0};
    char *directory = fixture_directory(), *text;
    size_t n;
    fixture_open(&f, 4, 10, 2);
    f.config.steps = 12;
    f.job.directory = directory;
    fixture_train(&f, &result);
    assert_ok(orr_file_read(fixture_path(directory, "metrics.jsonl"), 1 << 20, &text, &n, &err), &err);
    const char *line = text;
    const uint64_t steps[] = {5, 10, 12};
    for (size_t i = 0; i < 3; ++i) {
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(object);
        const uint64_t first = i ? steps[i - 1] : 0;
        double mean = 0;
        for (uint64_t s = first; s < steps[i]; ++s)
            mean += result.loss[s];
        assert_int_equal(json_integer_value(json_object_get(object, "step")), steps[i]);
        assert_true(json_number_value(json_object_get(object, "loss")) == mean / (double)(steps[i] - first));
        assert_true(json_number_value(json_object_get(object, "last_loss")) == result.loss[steps[i] - 1]);
        assert_true(json_number_value(json_object_get(object, "learning_rate")) == (i ? 1e-3 * 0.1 : 1e-3));
        assert_true(json_number_value(json_object_get(object, "tokens_per_second")) > 0);
        json_decref(object);
        line = end + 1;
    }
    assert_int_equal(*line, '\0');
    orr_memory_free(text);
    orr_train_result_fini(&result);
    fixture_close(&f);
    fixture_remove(directory);
}

/* ---- refusals ---- */

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct train_fixture f;
    fixture_open(&f, 4, 10, 5);
    const struct orr_train_config good = f.config;
    f.config.steps = 0;
    fixture_refuse(&f, ORR_EINVAL, "train.steps 0", "1 to");
    f.config = good;
    f.config.batch = 0;
    fixture_refuse(&f, ORR_EINVAL, "batch of 0", "train.batch_size");
    f.config = good;
    f.config.noise = -0.5;
    fixture_refuse(&f, ORR_EINVAL, "train.noise -0.5", "0 or more");
    f.config = good;
    f.model.block_size = 4;
    fixture_refuse(&f, ORR_EINVAL, "windows of 5 points", "block_size 4");
    f.model.block_size = 5;
    f.model.n_input = 3;
    fixture_refuse(&f, ORR_EINVAL, "takes 3", "data have 2");
    f.model.n_input = 2;
    f.model.n_head = 3;
    fixture_refuse(&f, ORR_EINVAL, "3", "8");
    fixture_close(&f);
}

static void numbers_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct train_fixture f;
    fixture_open(&f, 4, 10, 5);
    struct orr_schedule *s = &f.config.schedule;
    struct orr_optimiser *a = &f.config.optimiser;
    const struct {
        double *number, bad;
        const char *part, *advice;
    } cases[] = {
        {&f.config.noise, (double)NAN, "train.noise nan", "0 or more"},
        {&s->learning_rate, -1e-3, "train.learning_rate -0.001", "0 or more"},
        {&s->learning_rate, (double)INFINITY, "train.learning_rate inf", "0 or more"},
        {&s->drop_at, 1.5, "train.drop_at 1.5", "0 to 1"},
        {&s->drop_factor, (double)NAN, "train.drop_factor nan", "0 or more"},
        {&a->beta1, 1, "train.beta1 1", "below 1"},
        {&a->beta2, -0.1, "train.beta2 -0.1", "below 1"},
        {&a->eps, -1e-8, "train.eps -1e-08", "0 or more"},
        {&a->momentum, 1, "train.momentum 1", "below 1"},
        {&a->weight_decay, (double)NAN, "train.weight_decay nan", "0 or more"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        const double good = *cases[i].number;
        *cases[i].number = cases[i].bad;
        fixture_refuse(&f, ORR_EINVAL, cases[i].part, cases[i].advice);
        *cases[i].number = good;
    }
    s->kind = ORR_SCHEDULE_COSINE;
    s->minimum_learning_rate = -1;
    fixture_refuse(&f, ORR_EINVAL, "train.minimum_learning_rate -1", "0 or more");
    s->kind = ORR_SCHEDULE_LINEAR_TAIL;
    s->tail_from = -0.5;
    fixture_refuse(&f, ORR_EINVAL, "train.tail_from -0.5", "0 to 1");
    s->tail_from = 1;
    s->tail_factor = (double)NAN;
    fixture_refuse(&f, ORR_EINVAL, "train.tail_factor nan", "0 or more");
    s->kind = ORR_SCHEDULE_KINDS;
    fixture_refuse(&f, ORR_EINVAL, "train.schedule", "4");
    s->kind = ORR_SCHEDULE_CONSTANT;
    a->kind = ORR_OPTIMISER_KINDS;
    fixture_refuse(&f, ORR_EINVAL, "train.optimiser", "2");
    a->kind = ORR_OPTIMISER_ADAMW;
    f.config.batch = UINT32_MAX;
    fixture_refuse(&f, ORR_EINVAL, "train.batch_size 4294967295", "2147483647");
    fixture_close(&f);
}

static void batches_and_evaluations_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct train_fixture f;
    fixture_open(&f, 4, 10, 5);
    f.config.fresh = true;
    f.config.batch = INT32_MAX / 10 + 1;
    fixture_refuse(&f, ORR_EINVAL, "214748365 fresh trajectories of 10 points", "lower train.batch_size");
    f.config.full_batch = true;
    fixture_refuse(&f, ORR_EINVAL, "train.batch: full", "choose one");
    f.config.fresh = f.config.full_batch = false;
    f.config.batch = 4;
    f.config.evaluation.kind = ORR_EVALUATE_LOG;
    fixture_refuse(&f, ORR_EINVAL, "train.evaluations 0", "at least one");
    f.config.evaluation.kind = ORR_EVALUATION_KINDS;
    fixture_refuse(&f, ORR_EINVAL, "train.evaluate", "3");
    fixture_close(&f);
}

static void a_directory_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct train_fixture f;
    fixture_open(&f, 4, 10, 5);
    f.job.directory = "/proc/no-such-place";
    fixture_refuse(&f, ORR_EIO, "/proc/no-such-place", "check the name");
    fixture_close(&f);
}

/* ---- not finite ---- */

static void a_loss_that_is_not_finite_is_explained(void **state)
{
    (void)state;
    struct train_fixture f;
    char *directory = fixture_directory();
    fixture_open(&f, 6, 20, 5);
    f.config.schedule.learning_rate = 1e30;
    /* The first update makes parameters of 1e30; their products with one another are what overflows. */
    const char *const first = "in step 2 of 20; the first value that is not: blocks.0.attn.qkv (linear f32[4,5,24])";
    fixture_refuse(&f, ORR_ENUMERIC, first, "The initial state is good. Try a lower train.learning_rate (now 1e+30)");
    f.job.directory = directory;
    f.config.checkpoint_every = 1;
    fixture_refuse(&f, ORR_ENUMERIC, first,
                   "The state after 1 steps is good. Try a lower train.learning_rate (now 1e+30)");
    fixture_close(&f);
    fixture_remove(directory);
}

static void noise_that_is_not_finite_is_named(void **state)
{
    (void)state;
    struct train_fixture f;
    fixture_open(&f, 6, 20, 5);
    f.config.noise = 1e39; /* infinite as a float */
    fixture_refuse(&f, ORR_ENUMERIC, "in step 1 of 20",
                   "the first value that is not: noise (random_normal f32[4,5,2])");
    fixture_close(&f);
}

/* The loss of the only step is finite; its update is not. */
static void parameters_that_are_not_finite_are_explained(void **state)
{
    (void)state;
    static const char *const all[] = {"*"};
    struct train_fixture f;
    fixture_open(&f, 6, 20, 5);
    f.config.steps = 1;
    f.config.schedule = (struct orr_schedule){.kind = ORR_SCHEDULE_CONSTANT, .learning_rate = 1e39};
    fixture_refuse(&f, ORR_ENUMERIC, "a parameter is not finite in step 1 of 1", "schedule"); /* inf as a float */
    f.config.schedule.learning_rate = 1e30;
    f.config.optimiser.weight_decay = 1e30;
    f.config.decay_patterns = all;
    f.config.n_decay_patterns = 1;
    fixture_refuse(&f, ORR_ENUMERIC, "a parameter is not finite in step 1 of 1", "adamw");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_more_than_to_repeat_the_last_point),
        cmocka_unit_test(the_seed_decides_every_bit),
        cmocka_unit_test(double_agrees_with_single),
        cmocka_unit_test(the_final_loss_is_the_mean_of_the_last_tenth),
        cmocka_unit_test(every_loss_is_shown_once),
        cmocka_unit_test(metrics_hold_a_line_each_log_every_steps),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(numbers_that_make_no_sense_are_refused),
        cmocka_unit_test(batches_and_evaluations_that_make_no_sense_are_refused),
        cmocka_unit_test(a_directory_that_cannot_be_written_is_named),
        cmocka_unit_test(a_loss_that_is_not_finite_is_explained),
        cmocka_unit_test(noise_that_is_not_finite_is_named),
        cmocka_unit_test(parameters_that_are_not_finite_are_explained),
    };
    return cmocka_run_group_tests_name("train", tests, NULL, NULL);
}
