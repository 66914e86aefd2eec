/* Learning rates and rows of AdamW against closed forms. */
#include "train/schedule.h"

#include <math.h>

/* cmocka.h needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* A few roundings of double arithmetic. */
static const double relative = 8 * 0x1p-53;

static void assert_near(const char *what, uint64_t step, double value, double expected)
{
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%s at step %llu: %.17g, expected %.17g", what, (unsigned long long)step, value, expected);
}

static void constant_rate_is_constant(void **state)
{
    (void)state;
    const struct orr_schedule s = {.kind = ORR_SCHEDULE_CONSTANT, .learning_rate = 3e-4};
    for (uint64_t step = 0; step < 3; ++step)
        assert_near("constant", step, orr_schedule_rate(&s, step, 3), 3e-4);
}

/* The paper's rule: multiplied by 0.1 once, at step n_steps // 2. */
static void step_drop_happens_at_half_of_the_steps_rounded_down(void **state)
{
    (void)state;
    const struct orr_schedule s = {
        .kind = ORR_SCHEDULE_STEP_DROP, .learning_rate = 1e-3, .drop_at = 0.5, .drop_factor = 0.1};
    const struct {
        uint64_t steps, first_low;
    } cases[] = {{20001, 10000}, {600, 300}, {2, 1}, {1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (uint64_t step = 0; step < cases[i].steps; ++step)
            assert_near("step drop", step, orr_schedule_rate(&s, step, cases[i].steps),
                        step < cases[i].first_low ? 1e-3 : 1e-4);
}

static void cosine_warms_up_peaks_and_ends_at_the_minimum(void **state)
{
    (void)state;
    const struct orr_schedule s = {
        .kind = ORR_SCHEDULE_COSINE, .learning_rate = 1e-2, .warmup_steps = 4, .minimum_learning_rate = 1e-3};
    const uint64_t steps = 15;
    for (uint64_t step = 0; step < 4; ++step)
        assert_near("warm-up", step, orr_schedule_rate(&s, step, steps), 1e-2 * (double)(step + 1) / 5);
    assert_near("peak", 4, orr_schedule_rate(&s, 4, steps), 1e-2);
    assert_near("half way", 9, orr_schedule_rate(&s, 9, steps), 5.5e-3);
    assert_near("last", 14, orr_schedule_rate(&s, 14, steps), 1e-3);
    for (uint64_t step = 5; step < steps; ++step)
        assert_true(orr_schedule_rate(&s, step, steps) < orr_schedule_rate(&s, step - 1, steps));
}

static void cosine_without_room_for_a_cosine_is_finite(void **state)
{
    (void)state;
    const struct orr_schedule s = {
        .kind = ORR_SCHEDULE_COSINE, .learning_rate = 1e-2, .warmup_steps = 4, .minimum_learning_rate = 1e-3};
    assert_near("one step, all warm-up", 0, orr_schedule_rate(&s, 0, 1), 2e-3);
    assert_near("the only step after warm-up", 4, orr_schedule_rate(&s, 4, 5), 1e-3);
}

/* The tail of Liu 2026's runs (arXiv 2602.05970): the last fifth in a line to a tenth. */
static void linear_tail_falls_from_its_first_step_to_the_last(void **state)
{
    (void)state;
    const struct orr_schedule s = {
        .kind = ORR_SCHEDULE_LINEAR_TAIL, .learning_rate = 2e-3, .tail_from = 0.75, .tail_factor = 0.1};
    for (uint64_t step = 0; step < 9; ++step)
        assert_near("before the tail", step, orr_schedule_rate(&s, step, 12), 2e-3);
    assert_near("first of the tail", 9, orr_schedule_rate(&s, 9, 12), 2e-3);
    assert_near("half way", 10, orr_schedule_rate(&s, 10, 12), 1.1e-3);
    assert_near("last", 11, orr_schedule_rate(&s, 11, 12), 2e-4);
}

static void a_tail_of_all_one_or_no_steps_is_finite(void **state)
{
    (void)state;
    struct orr_schedule s = {.kind = ORR_SCHEDULE_LINEAR_TAIL, .learning_rate = 1e-2, .tail_factor = 0.5};
    assert_near("all is tail", 0, orr_schedule_rate(&s, 0, 3), 1e-2);
    assert_near("all is tail", 1, orr_schedule_rate(&s, 1, 3), 7.5e-3);
    assert_near("all is tail", 2, orr_schedule_rate(&s, 2, 3), 5e-3);
    assert_near("one step", 0, orr_schedule_rate(&s, 0, 1), 5e-3);
    s.tail_from = 1;
    for (uint64_t step = 0; step < 3; ++step)
        assert_near("no tail", step, orr_schedule_rate(&s, step, 3), 1e-2);
}

static void every_schedule_warms_up_alike(void **state)
{
    (void)state;
    for (int kind = 0; kind < ORR_SCHEDULE_KINDS; ++kind) {
        const struct orr_schedule s = {.kind = (enum orr_schedule_kind)kind,
                                       .learning_rate = 1e-2,
                                       .drop_at = 0.5,
                                       .drop_factor = 0.1,
                                       .tail_from = 0.5,
                                       .warmup_steps = 3};
        assert_near(orr_schedule_names[kind], 0, orr_schedule_rate(&s, 0, 40), 2.5e-3);
        assert_near(orr_schedule_names[kind], 1, orr_schedule_rate(&s, 1, 40), 5e-3);
        assert_near(orr_schedule_names[kind], 2, orr_schedule_rate(&s, 2, 40), 7.5e-3);
        assert_near(orr_schedule_names[kind], 3, orr_schedule_rate(&s, 3, 40), 1e-2);
    }
}

static void rows_hold_rate_and_bias_corrections(void **state)
{
    (void)state;
    const struct orr_schedule s = {
        .kind = ORR_SCHEDULE_STEP_DROP, .learning_rate = 1e-3, .drop_at = 0.5, .drop_factor = 0.1};
    enum { STEPS = 2000 };
    static double rows[STEPS * 4];
    orr_schedule_rows(&s, STEPS, 0.9, 0.999, 0, STEPS, rows);
    long double power1 = 1, power2 = 1;
    for (uint64_t step = 0; step < STEPS; ++step) {
        power1 *= 0.9L;
        power2 *= 0.999L;
        /* 0.9 and 0.999 are themselves rounded to double: at t steps their powers are off by t units. */
        const double off = (double)(step + 1) * 0x1p-53 * 8;
        const double m = (double)(1 / (1 - power1)), v = (double)(1 / sqrtl(1 - power2));
        assert_near("rate", step, rows[4 * step], step < 1000 ? 1e-3 : 1e-4);
        if (!(fabs(rows[4 * step + 1] - m) <= off * 20 * m))
            fail_msg("first correction at step %llu: %.17g, expected %.17g", (unsigned long long)step,
                     rows[4 * step + 1], m);
        if (!(fabs(rows[4 * step + 2] - v) <= off * 1000 * v))
            fail_msg("second correction at step %llu: %.17g, expected %.17g", (unsigned long long)step,
                     rows[4 * step + 2], v);
        assert_true(rows[4 * step + 3] == 0);
    }
}

static void rows_may_be_asked_for_in_parts(void **state)
{
    (void)state;
    const struct orr_schedule s = {.kind = ORR_SCHEDULE_COSINE, .learning_rate = 1e-2, .warmup_steps = 3};
    double whole[7 * 4], parts[7 * 4];
    orr_schedule_rows(&s, 7, 0.9, 0.95, 0, 7, whole);
    orr_schedule_rows(&s, 7, 0.9, 0.95, 0, 0, parts);
    orr_schedule_rows(&s, 7, 0.9, 0.95, 0, 1, parts);
    orr_schedule_rows(&s, 7, 0.9, 0.95, 1, 6, parts + 4);
    assert_memory_equal(whole, parts, sizeof whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_rate_is_constant),
        cmocka_unit_test(step_drop_happens_at_half_of_the_steps_rounded_down),
        cmocka_unit_test(cosine_warms_up_peaks_and_ends_at_the_minimum),
        cmocka_unit_test(cosine_without_room_for_a_cosine_is_finite),
        cmocka_unit_test(linear_tail_falls_from_its_first_step_to_the_last),
        cmocka_unit_test(a_tail_of_all_one_or_no_steps_is_finite),
        cmocka_unit_test(every_schedule_warms_up_alike),
        cmocka_unit_test(rows_hold_rate_and_bias_corrections),
        cmocka_unit_test(rows_may_be_asked_for_in_parts),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
