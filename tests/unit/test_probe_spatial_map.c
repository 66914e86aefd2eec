/* Probe `spatial_map`, alone: tables whose map is known, tokens that do not occur, and every refusal.
 *
 * In: the built probe (ORRERY_TEST_PROBES), a fake study whose tables this file makes.
 */
#include "../support/fake_study.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* cmocka.h needs the two before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

enum { PARAMETER, CUT, USED, N_PARAMS };
enum { TOKENS = 40, CHANNELS = 3, COLUMNS = 2 };

static const struct orr_plugin *plugin;
static struct fake_study fake;

static double table[COLUMNS][TOKENS * CHANNELS], meaning[COLUMNS][TOKENS * 2];
static uint64_t table_rows;
static orr_status parameter_status;

static const union orr_value *params(const char *parameter, double cut)
{
    static union orr_value value[N_PARAMS];
    value[PARAMETER].s = parameter;
    value[CUT].r = cut;
    value[USED].s = "used";
    return value;
}

static const union orr_value *usual(void) { return params("transformer.wte.weight", 0); }

/* ---- the study ---- */

static orr_status lend_parameter(struct orr_study_state *state, const char *name, struct orr_matrix *out,
                                 struct orr_error *err)
{
    (void)state;
    if (parameter_status != ORR_OK) return (fake_host()->fail)(err, parameter_status, "no parameter today");
    const int column = strcmp(name, "transformer.wte.1.weight") == 0;
    if (!column && strcmp(name, "transformer.wte.weight") != 0 && strcmp(name, "transformer.wte.0.weight") != 0)
        return (fake_host()->fail)(err, ORR_EINVAL, "no parameter %s", name);
    *out = (struct orr_matrix){table[column], table_rows, CHANNELS};
    return ORR_OK;
}

static orr_status lend_tokens(struct orr_study_state *state, uint32_t column, struct orr_matrix *out,
                              struct orr_error *err)
{
    (void)state;
    (void)err;
    *out = (struct orr_matrix){meaning[column], TOKENS, 2};
    return ORR_OK;
}

/* Every token occurs, and its row is a line in its coordinate; of the second column a curve, x and x^2. */
static int open_study(void **state)
{
    (void)state;
    fake_study_init(&fake, 1, 1, 1);
    fake_host_reset();
    fake.study.vocabulary = TOKENS;
    fake.study.n_observed = 1;
    fake.study.parameter = lend_parameter;
    fake.study.tokens = lend_tokens;
    fake_study_add_column(&fake, "x", NULL, NULL);
    fake_study_add_column(&fake, "y", NULL, NULL);
    table_rows = TOKENS;
    parameter_status = ORR_OK;
    for (int c = 0; c < COLUMNS; ++c)
        for (int i = 0; i < TOKENS; ++i) {
            const double x = (i + 0.5) / TOKENS, row[CHANNELS] = {2 * x, c ? x * x : 1 - x, 7};
            memcpy(&table[c][i * CHANNELS], row, sizeof row);
            meaning[c][2 * i] = c ? x * x * x : x;
            meaning[c][2 * i + 1] = 1;
        }
    return 0;
}

static int close_study(void **state)
{
    (void)state;
    fake_study_fini(&fake);
    return 0;
}

static const struct fake_finding *finding(const char *site, const char *target, enum orr_split split)
{
    const struct fake_finding *f = fake_study_finding(&fake, "r2", site, target, split);
    if (!f) fail_msg("no r2 of %s, %s, split %d", site, target, (int)split);
    return f;
}

static void assert_near(const char *what, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g within %g", what, value, expected, tolerance);
}

/* ---- maps ---- */

static void test_a_line_is_a_perfect_map(void **state)
{
    (void)state;
    fake_probe_succeeds(plugin, usual(), &fake.study);
    assert_int_equal(fake.n_findings, 2);
    for (int split = 0; split < 2; ++split) {
        const struct fake_finding *f = finding("transformer.wte.weight", "x", (enum orr_split)split);
        /* Least squares in double on numbers of size 1. */
        assert_near("R2 of a line", f->value, 1, 1e-13);
        assert_int_equal(f->n, split == ORR_TRAIN ? TOKENS : TOKENS / 5);
        assert_true(isnan(f->uncertainty));
    }
    assert_int_equal(fake.n_saved, 1);
    assert_string_equal(fake.saved[0].name, "map_x");
    assert_int_equal(fake.saved[0].rows, TOKENS);
    for (int i = 0; i < TOKENS; ++i) {
        assert_near("centre", fake.saved[0].data[2 * i], meaning[0][2 * i], 0);
        assert_near("map", fake.saved[0].data[2 * i + 1], meaning[0][2 * i], 1e-13);
    }
}

static void test_every_column_has_its_own_table(void **state)
{
    (void)state;
    fake.study.n_observed = COLUMNS;
    fake_probe_succeeds(plugin, usual(), &fake.study);
    assert_int_equal(fake.n_findings, 4);
    assert_near("R2 of x", finding("transformer.wte.0.weight", "x", ORR_TRAIN)->value, 1, 1e-13);
    /* The best parabola through x^3 on [0, 1] leaves 1 - R2 = (1/2800) / (9/112) = 1/225 of the variance; the grid of
     * 40 midpoints changes that by parts of 1/40^2. */
    const double curve = finding("transformer.wte.1.weight", "y", ORR_TRAIN)->value;
    assert_near("R2 of y", curve, 1 - 1.0 / 225, 2e-4);
}

static void test_tokens_that_do_not_occur_are_left_out(void **state)
{
    (void)state;
    for (int i = 0; i < TOKENS; i += 4) {
        meaning[0][2 * i + 1] = 0;
        table[0][i * CHANNELS] = i % 8 ? 1e6 : -1e6;
    }
    fake_probe_succeeds(plugin, usual(), &fake.study);
    assert_near("R2", finding("transformer.wte.weight", "x", ORR_TRAIN)->value, 1, 1e-13);
    assert_int_equal(finding("transformer.wte.weight", "x", ORR_TRAIN)->n, 30);
    assert_int_equal(finding("transformer.wte.weight", "x", ORR_HELD_OUT)->n, 6);
}

/* As published: rows that were never trained count, and spoil the map. */
static void test_all_tokens_may_be_asked_for(void **state)
{
    (void)state;
    static union orr_value all[N_PARAMS];
    memcpy(all, usual(), sizeof all);
    all[USED].s = "all";
    for (int i = 0; i < TOKENS; i += 4) {
        meaning[0][2 * i + 1] = 0;
        table[0][i * CHANNELS] = table[0][i * CHANNELS + 1] = 0;
    }
    fake_probe_succeeds(plugin, all, &fake.study);
    const double in_sample = finding("transformer.wte.weight", "x", ORR_TRAIN)->value;
    if (!(in_sample > 0 && in_sample < 0.9)) fail_msg("R2 %g with rows of zeros", in_sample);
    assert_int_equal(finding("transformer.wte.weight", "x", ORR_TRAIN)->n, TOKENS);
    assert_int_equal(finding("transformer.wte.weight", "x", ORR_HELD_OUT)->n, TOKENS / 5);
    all[USED].s = "some";
    fake_probe_fails(plugin, all, &fake.study, ORR_EINVAL, "tokens is \"some\": give used or all");
}

/* Only the held-out rows are spoilt: the fit is the same, its score there is not. */
static void test_held_out_tokens_have_no_part_in_the_fit(void **state)
{
    (void)state;
    for (int i = 2; i < TOKENS; i += 5)
        table[0][i * CHANNELS] = table[0][i * CHANNELS + 1] = 0;
    fake_probe_succeeds(plugin, usual(), &fake.study);
    const double held_out = finding("transformer.wte.weight", "x", ORR_HELD_OUT)->value;
    const double in_sample = finding("transformer.wte.weight", "x", ORR_TRAIN)->value;
    /* Fitted x are (channel 0) / 2 = 1 - (channel 1): a minimum-norm blend of both, by their standardised weights.
     * Zeros are predicted as one value for all, which explains nothing. */
    if (!(held_out <= 0 && in_sample > 0 && in_sample < 1))
        fail_msg("R2 %g held out, %g in sample", held_out, in_sample);
}

/* ---- refusals ---- */

static void test_the_control_without_a_network_finds_nothing(void **state)
{
    (void)state;
    parameter_status = ORR_EUNSUPPORTED;
    fake_probe_succeeds(plugin, usual(), &fake.study);
    assert_int_equal(fake.n_findings, 0);
}

static void test_what_is_no_map_is_refused(void **state)
{
    (void)state;
    fake_probe_fails(plugin, params("", 0), &fake.study, ORR_EINVAL, "parameter");
    /* Names in findings have 63 characters, with the number of a column. */
    fake_probe_fails(plugin, params("0123456789012345678901234567890123456789012345678901234567", 0), &fake.study,
                     ORR_EINVAL, "has 58 characters: give 1 to 57");
    fake_probe_fails(plugin, params("transformer.wpe.weight", 0), &fake.study, ORR_EINVAL, "transformer.wpe.weight");
    table_rows = TOKENS - 1;
    fake_probe_fails(plugin, usual(), &fake.study, ORR_EINVAL, "39 x 3");
    table_rows = TOKENS;
    table[0][4 * CHANNELS] = (double)NAN;
    fake_probe_fails(plugin, usual(), &fake.study, ORR_ENUMERIC, "row 4");
    table[0][4 * CHANNELS] = 0;
    for (int i = 9; i < TOKENS; ++i)
        meaning[0][2 * i + 1] = 0;
    fake_probe_fails(plugin, usual(), &fake.study, ORR_EINVAL, "9 of 40 tokens");
    fake.study.vocabulary = 0;
    fake_probe_fails(plugin, usual(), &fake.study, ORR_EINVAL, "data.bins");
    assert_int_equal(fake.n_findings, 0);
}

static void test_an_engine_that_lends_nothing_is_refused(void **state)
{
    (void)state;
    fake.study.size = offsetof(struct orr_study, parameter);
    fake_probe_fails(plugin, usual(), &fake.study, ORR_EABI, "newer");
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    struct orr_error err;
    int64_t failures = 0;
    for (orr_status status = ORR_ENOMEM; status != ORR_OK; ++failures) {
        close_study(NULL);
        open_study(NULL);
        fake_host_fail_allocation(failures);
        status = fake_probe_run(plugin, usual(), &fake.study, &err);
        if (status != ORR_OK && status != ORR_ENOMEM) fail_msg("allocation %d: %s", (int)failures, err.text);
        assert_int_equal(fake_host_live(), 0);
    }
    if (failures < 10) fail_msg("only %d allocations were made", (int)failures - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line_is_a_perfect_map, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_every_column_has_its_own_table, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_tokens_that_do_not_occur_are_left_out, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_all_tokens_may_be_asked_for, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_held_out_tokens_have_no_part_in_the_fit, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_the_control_without_a_network_finds_nothing, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_what_is_no_map_is_refused, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_an_engine_that_lends_nothing_is_refused, open_study, close_study),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, open_study, close_study),
    };
    plugin = fake_probe_load("spatial_map");
    return plugin ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
