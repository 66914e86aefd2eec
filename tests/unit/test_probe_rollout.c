/* Probe `rollout`, alone: models whose error is known in closed form, windows, splits and every refusal.
 *
 * In: the built probe (ORRERY_TEST_PROBES), a fake study. No random numbers.
 */
#include "../support/fake_study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the two before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

enum { CONDITION, HORIZON, TRAJECTORIES, SPLIT, N_PARAMS };

static const struct orr_plugin *plugin;
static struct fake_study fake;
static struct orr_error err;

static const union orr_value *params(int64_t condition, int64_t horizon, int64_t trajectories, const char *split)
{
    static union orr_value value[N_PARAMS];
    value[CONDITION].i = condition;
    value[HORIZON].i = horizon;
    value[TRAJECTORIES].i = trajectories;
    value[SPLIT].s = split;
    return value;
}

static void run_ok(const union orr_value *param) { fake_probe_succeeds(plugin, param, &fake.study); }

static void run_fails(const union orr_value *param, orr_status expected, const char *part)
{
    fake_probe_fails(plugin, param, &fake.study, expected, part);
}

static const struct fake_finding *finding(const char *quantity, enum orr_split split)
{
    const struct fake_finding *f = fake_study_finding(&fake, quantity, "", "", split);
    if (!f) fail_msg("no finding %s, split %d", quantity, split);
    return f;
}

/* Both NaN, or within the tolerance. */
static void assert_near(const char *what, double value, double expected, double tolerance)
{
    if (isnan(value) && isnan(expected)) return;
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g within %g", what, value, expected, tolerance);
}

static void assert_finding(const char *quantity, double value, double uncertainty)
{
    const struct fake_finding *f = finding(quantity, ORR_HELD_OUT);
    /* Sums of a few numbers of this size, in double. */
    assert_near(quantity, f->value, value, 1e-13 * fabs(value));
    assert_near(quantity, f->uncertainty, uncertainty, 1e-12 * fabs(uncertainty));
}

/* ---- truths and models ---- */

/* Trajectory k (counted from 1) stands still at (k, 0, ..). */
static double *standing_still(uint32_t n, uint32_t steps, uint32_t width)
{
    double *value = calloc((size_t)n * steps * width, sizeof *value);
    assert_non_null(value);
    for (uint32_t i = 0; i < n * steps; ++i)
        value[(size_t)i * width] = i / steps + 1;
    return value;
}

/* Predicts twice the current point: after h points trajectory k is k (2^h - 1) away from standing still. */
static orr_status doubling(void *user, const double *input, uint32_t n, uint32_t steps, double *prediction,
                           struct orr_error *e)
{
    const uint32_t width = *(const uint32_t *)user;
    (void)e;
    for (uint32_t i = 0; i < n * steps * width; ++i)
        prediction[i] = 2 * input[i];
    return ORR_OK;
}

static void rotate(const double *from, double *to)
{
    to[0] = 0.8 * from[0] - 0.6 * from[1];
    to[1] = 0.6 * from[0] + 0.8 * from[1];
}

static orr_status rotating(void *user, const double *input, uint32_t n, uint32_t steps, double *prediction,
                           struct orr_error *e)
{
    (void)user;
    (void)e;
    for (uint32_t i = 0; i < n * steps; ++i)
        rotate(input + 2 * i, prediction + 2 * i);
    return ORR_OK;
}

/* Predicts, at the last position, the first point of what it was given. */
static orr_status repeating_first(void *user, const double *input, uint32_t n, uint32_t steps, double *prediction,
                                  struct orr_error *e)
{
    (void)user;
    (void)e;
    for (uint32_t k = 0; k < n; ++k)
        for (uint32_t i = 0; i < steps; ++i)
            prediction[k * steps + i] = i + 1 == steps ? input[k * steps] : -1e6;
    return ORR_OK;
}

/* Stands still, but from call number *user on the second trajectory is not a number. */
static orr_status breaking(void *user, const double *input, uint32_t n, uint32_t steps, double *prediction,
                           struct orr_error *e)
{
    (void)e;
    memcpy(prediction, input, (size_t)n * steps * 2 * sizeof *prediction);
    if (fake.n_forward_calls >= *(const uint32_t *)user) prediction[2 * 2 * steps - 1] = (double)NAN;
    return ORR_OK;
}

static orr_status failing(void *user, const double *input, uint32_t n, uint32_t steps, double *prediction,
                          struct orr_error *e)
{
    (void)user;
    (void)input;
    (void)n;
    (void)steps;
    (void)prediction;
    /* in parentheses: cmocka has a macro of this name */
    return (fake_host()->fail)(e, ORR_EDEVICE, "the device is gone");
}

static void set_up(uint32_t context, uint32_t width, uint32_t steps, double *held_out, uint32_t n, fake_forward model,
                   void *user)
{
    fake_host_reset();
    fake_study_init(&fake, 1, 1, 1);
    fake_study_set_model(&fake, context, width, steps, model, user);
    fake_study_add_column(&fake, "x", NULL, NULL);
    fake.trajectory[ORR_HELD_OUT] = held_out;
    fake.n_trajectories[ORR_HELD_OUT] = n;
}

/* ---- tests ---- */

static void test_exact_map_has_no_error(void **state)
{
    (void)state;
    double path[3][20][2];
    for (int k = 0; k < 3; ++k) {
        path[k][0][0] = k + 1;
        path[k][0][1] = -k;
        for (int i = 1; i < 20; ++i)
            rotate(path[k][i - 1], path[k][i]);
    }
    for (uint32_t context = 1; context <= 20; context += 19) {
        set_up(context, 2, 20, &path[0][0][0], 3, rotating, NULL);
        run_ok(params(5, 15, 3, "held_out"));
        assert_int_equal(fake.n_findings, 4);
        assert_finding("rollout_error", 0, 0);
        assert_finding("rollout_error_last", 0, 0);
        fake_study_fini(&fake);
    }
}

static void test_doubling_map_errs_as_it_must(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 2, 3};
    for (int w = 0; w < 3; ++w) {
        uint32_t width = widths[w];
        double *truth = standing_still(9, 10, width);
        set_up(4, width, 10, truth, 9, doubling, &width);

        run_ok(params(6, 3, 9, "held_out"));

        /* Points at 1, 3 and 7 times k: the mean over the horizon is 11/3 k. Over k = 1..9: mean 5, median 5, sample
         * variance 7.5. The median's interval: order statistics (9-3)/2 - 1 = 2 and (9+3)/2 = 6 of 0..8, k = 3 and 7.
         */
        const double deviation = sqrt(7.5 / 9);
        assert_finding("rollout_error", 5 * 11.0 / 3, deviation * 11 / 3);
        assert_finding("rollout_error_median", 5 * 11.0 / 3, 2 * 11.0 / 3);
        assert_finding("rollout_error_first", 5, deviation);
        assert_finding("rollout_error_last", 35, 7 * deviation);
        assert_int_equal(finding("rollout_error", ORR_HELD_OUT)->n, 9);
        assert_string_equal(finding("rollout_error", ORR_HELD_OUT)->unit, "m");
        assert_int_equal(fake.n_forward_calls, 3);
        assert_int_equal(fake.longest_input, 4);

        assert_int_equal(fake.n_saved, 1);
        assert_string_equal(fake.saved[0].name, "rollout_curve");
        assert_int_equal(fake.saved[0].rows, 3);
        assert_int_equal(fake.saved[0].cols, 3);
        for (int h = 0; h < 3; ++h) {
            const double *row = fake.saved[0].data + (ptrdiff_t)3 * h;
            assert_near("step", row[0], 6 + h, 0);
            assert_near("mean", row[1], 5 * ((2 << h) - 1), 1e-13);
            assert_near("median", row[2], 5 * ((2 << h) - 1), 0);
        }
        free(truth);
        fake_study_fini(&fake);
    }
}

/* Even numbers of trajectories have a median between two; one or two have no, or hardly any, error. */
static void test_one_and_two_trajectories(void **state)
{
    (void)state;
    uint32_t width = 2;
    double *truth = standing_still(2, 10, width);
    set_up(10, width, 10, truth, 2, doubling, &width);
    run_ok(params(1, 1, 1, "held_out"));
    assert_finding("rollout_error", 1, (double)NAN);
    assert_finding("rollout_error_median", 1, (double)NAN);
    assert_int_equal(fake_host_warnings(), 0);

    fake.n_findings = 0;
    run_ok(params(9, 1, 500, "held_out")); /* asks for more than there are */
    assert_finding("rollout_error", 1.5, 0.5);
    assert_finding("rollout_error_median", 1.5, (double)NAN);
    assert_int_equal(finding("rollout_error", ORR_HELD_OUT)->n, 2);
    assert_int_equal(fake_host_warnings(), 1);
    free(truth);
    fake_study_fini(&fake);
}

/* A model that repeats the first point of its window is exact on a truth whose period is the window. */
static void test_window_is_the_last_context_points(void **state)
{
    (void)state;
    double path[2][12];
    for (int k = 0; k < 2; ++k)
        for (int i = 0; i < 12; ++i)
            path[k][i] = (k + 1) * (i % 4);
    set_up(4, 1, 12, &path[0][0], 2, repeating_first, NULL);
    run_ok(params(5, 7, 2, "held_out"));
    assert_finding("rollout_error", 0, 0);
    assert_int_equal(fake.longest_input, 4);
    fake_study_fini(&fake);

    /* Room for the whole path: the window grows, and its first point stays point 0, which is 0. */
    set_up(12, 1, 12, &path[0][0], 2, repeating_first, NULL);
    run_ok(params(5, 7, 2, "held_out"));
    assert_finding("rollout_error_first", 1.5, 0.5); /* point 5 is 1 k */
    assert_finding("rollout_error_last", 4.5, 1.5);  /* point 11 is 3 k */
    assert_int_equal(fake.longest_input, 11);
    fake_study_fini(&fake);
}

static void test_splits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool train, held_out;
    } cases[] = {{"train", true, false}, {"held_out", false, true}, {"both", true, true}};
    uint32_t width = 2;
    double *held_out = standing_still(3, 5, width), *train = standing_still(4, 5, width);
    for (int c = 0; c < 3; ++c) {
        set_up(5, width, 5, held_out, 3, doubling, &width);
        fake.trajectory[ORR_TRAIN] = train;
        fake.n_trajectories[ORR_TRAIN] = 4;
        run_ok(params(4, 1, 500, cases[c].name));
        const struct fake_finding *f[2] = {fake_study_finding(&fake, "rollout_error", "", "", ORR_TRAIN),
                                           fake_study_finding(&fake, "rollout_error", "", "", ORR_HELD_OUT)};
        assert_int_equal(f[0] != NULL, cases[c].train);
        assert_int_equal(f[1] != NULL, cases[c].held_out);
        if (f[0]) assert_near("train", f[0]->value, 2.5, 1e-15);
        if (f[1]) assert_near("held out", f[1]->value, 2, 1e-15);
        assert_int_equal(fake.n_saved, cases[c].train + cases[c].held_out);
        if (f[0]) assert_string_equal(fake.saved[0].name, "rollout_curve_train");
        fake_study_fini(&fake);
    }
    free(train), free(held_out);
}

static void test_refusals(void **state)
{
    (void)state;
    uint32_t width = 2, breaks_at = 3;
    double *truth = standing_still(2, 10, width);
    set_up(10, width, 10, truth, 2, breaking, &breaks_at);

    run_fails(params(5, 5, 2, "held_out"), ORR_ENUMERIC,
              "the prediction of point 7 (generated point 3) of trajectory 1 is nan");
    assert_int_equal(fake.n_findings, 0);
    run_fails(params(6, 5, 2, "held_out"), ORR_EINVAL,
              "condition 6 + horizon 5 is longer than a trajectory (10 steps)");
    run_fails(params(5, 5, 2, "test"), ORR_EINVAL, "split is \"test\": give held_out, train or both");
    fake.model = failing;
    run_fails(params(5, 5, 2, "held_out"), ORR_EDEVICE, "the device is gone");
    fake.model = rotating;
    truth[2 * 9] = (double)INFINITY;
    run_fails(params(5, 5, 2, "held_out"), ORR_ENUMERIC, "point 9 of trajectory 0 is at no finite distance");
    fake.study.context = 0;
    run_fails(params(5, 5, 2, "held_out"), ORR_ESHAPE, "context 0");
    fake.study.forward = NULL;
    run_fails(params(5, 5, 2, "held_out"), ORR_EUNSUPPORTED, "cannot run the model forward");
    free(truth);
    fake_study_fini(&fake);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    uint32_t width = 2;
    double *truth = standing_still(2, 10, width);
    int64_t failed = 0;
    for (;; ++failed) {
        set_up(10, width, 10, truth, 2, doubling, &width);
        fake_host_fail_allocation(failed);
        const orr_status status = fake_probe_run(plugin, params(5, 5, 2, "held_out"), &fake.study, &err);
        assert_int_equal(fake_host_live(), 0);
        fake_study_fini(&fake);
        if (status == ORR_OK) break;
        assert_int_equal(status, ORR_ENOMEM);
    }
    assert_true(failed >= 7); /* the probe, six arrays */
    free(truth);
}

static int load(void **state)
{
    (void)state;
    plugin = fake_probe_load("rollout");
    return plugin ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_map_has_no_error),
        cmocka_unit_test(test_doubling_map_errs_as_it_must),
        cmocka_unit_test(test_one_and_two_trajectories),
        cmocka_unit_test(test_window_is_the_last_context_points),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
