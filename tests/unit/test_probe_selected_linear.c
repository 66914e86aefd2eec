/* Probe `selected_linear`, alone: planted codes are found where they were planted, shuffled targets score nothing, and
 * no trajectory has a part in two of fitting, choosing and scoring.
 *
 * In: the built probe (ORRERY_TEST_PROBES), a fake study. Random data come from Philox.
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

enum { CUTS, VALIDATION_EVERY, DRAWS, SHUFFLE, POSITIONS, TARGETS, SITES, WINDOWS, N_PARAMS };

static const struct orr_plugin *plugin;
static struct fake_study fake;
static struct orr_error err;
static union orr_value param[N_PARAMS];

static void set_defaults(void)
{
    param[CUTS].s = "1e-2,1e-3,1e-4,1e-5,1e-6";
    param[VALIDATION_EVERY].i = 5;
    param[DRAWS].i = 200;
    param[SHUFFLE].b = false;
    param[POSITIONS].s = "last";
    param[TARGETS].s = "";
    param[SITES].s = "";
    param[WINDOWS].i = 0;
}

static double *numbers(uint64_t n)
{
    double *value = malloc((n ? n : 1) * sizeof *value);
    assert_non_null(value);
    return value;
}

/* 0, 0, .., 1, 1, ..: which trajectory a row is of. */
static double *trajectories(uint64_t rows, uint64_t rows_each)
{
    double *value = numbers(rows);
    for (uint64_t i = 0; i < rows; ++i)
        value[i] = (double)(i / rows_each);
    return value;
}

static void run_ok(void) { fake_probe_succeeds(plugin, param, &fake.study); }

static const struct fake_finding *find(const char *quantity, const char *site, enum orr_split split)
{
    const struct fake_finding *f = fake_study_finding(&fake, quantity, site, "y", split);
    if (!f) fail_msg("no %s at \"%s\", split %d", quantity, site, split);
    return f;
}

/* The one finding of a quantity, whatever its site. */
static const struct fake_finding *find_any(const char *quantity, enum orr_split split)
{
    for (uint32_t i = 0; i < fake.n_findings; ++i)
        if (strcmp(fake.finding[i].quantity, quantity) == 0 && fake.finding[i].split == split) return &fake.finding[i];
    fail_msg("no %s, split %d", quantity, split);
    return NULL;
}

static void assert_below(const char *what, double value, double limit)
{
    if (!(value <= limit)) fail_msg("%s: %.17g, expected at most %.17g (seed %d)", what, value, limit, FAKE_SEED);
}

static void assert_near(const char *what, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g within %g (seed %d)", what, value, expected, tolerance, FAKE_SEED);
}

/* ---- synthetic truths ---- */

/* Sites `noise` and `planted`; y is a linear map of the planted one. A trajectory has ROWS_EACH rows. */
enum { ROWS = 2000, ROWS_EACH = 4, WIDTH = 8 };

struct synthetic {
    double *noise[2], *planted[2], *y[2], *id[2];
};

static struct synthetic plant(void)
{
    struct synthetic s;
    set_defaults();
    fake_study_init(&fake, 1, ROWS, ROWS);
    for (uint32_t split = 0; split < 2; ++split) {
        s.noise[split] = fake_normals(ROWS * WIDTH, 30 + split);
        s.planted[split] = fake_normals(ROWS * WIDTH, 40 + split);
        s.y[split] = numbers(ROWS);
        s.id[split] = trajectories(ROWS, ROWS_EACH);
        for (int i = 0; i < ROWS; ++i) {
            s.y[split][i] = 7;
            for (int j = 0; j < WIDTH; ++j)
                s.y[split][i] += (j - 3) * s.planted[split][i * WIDTH + j];
        }
    }
    fake_study_add_site(&fake, "noise", WIDTH, s.noise[0], s.noise[1]);
    fake_study_add_site(&fake, "planted", WIDTH, s.planted[0], s.planted[1]);
    fake_study_add_column(&fake, "y", s.y[0], s.y[1]);
    fake_study_add_column(&fake, "trajectory", s.id[0], s.id[1]);
    return s;
}

static void plant_free(struct synthetic *s)
{
    for (int split = 0; split < 2; ++split)
        free(s->noise[split]), free(s->planted[split]), free(s->y[split]), free(s->id[split]);
    fake_study_fini(&fake);
}

/* R^2 of a fit that can know nothing: the fit's p parameters lose about p / n_fit, and both it and the mean of the rows
 * that score scatter: four deviations of a chi-square of p over the rows of the fit, plus as much for those that score.
 */
static double allowance(double p, double n_fit, double n_score) { return 4 * sqrt(2 * p) * (1 / n_fit + 1 / n_score); }

static void test_a_planted_code_is_found_where_it_was_planted(void **state)
{
    (void)state;
    struct synthetic s = plant();

    run_ok();

    const struct fake_finding *chosen = find_any("r2_selected", ORR_HELD_OUT);
    assert_string_equal(chosen->site, "planted");
    /* residuals are a few 2^-53 of the values, and R^2 squares them */
    assert_near("score", chosen->value, 1, 1e-14);
    assert_string_equal(find_any("cut_selected", ORR_TRAIN)->site, "planted");
    assert_below("the other site", find("r2", "noise", ORR_HELD_OUT)->value, allowance(WIDTH, 0.8 * ROWS, ROWS));
    assert_int_equal(chosen->n, ROWS);
    assert_int_equal(find_any("r2_selected", ORR_TRAIN)->n, ROWS / 5);
    plant_free(&s);
}

static void test_every_cut_and_site_is_recorded(void **state)
{
    (void)state;
    static const char *const cut[] = {"1e-2", "1e-3", "1e-4", "1e-5", "1e-6"};
    static const char *const site[] = {"noise", "planted"};
    struct synthetic s = plant();

    run_ok();

    for (size_t c = 0; c < 5; ++c)
        for (size_t k = 0; k < 2; ++k)
            for (int split = 0; split < 2; ++split) {
                char quantity[32];
                snprintf(quantity, sizeof quantity, "r2_cut_%s", cut[c]);
                assert_true(isfinite(find(quantity, site[k], (enum orr_split)split)->value));
            }
    /* two sites: 5 cuts of two splits, and r2, r2, cut; then what was selected */
    assert_int_equal(fake.n_findings, 2 * (5 * 2 + 3) + 3);
    plant_free(&s);
}

static void test_shuffled_targets_score_nothing(void **state)
{
    (void)state;
    struct synthetic s = plant();
    param[SHUFFLE].b = true;

    run_ok();

    const double limit = allowance(WIDTH, 0.8 * ROWS, ROWS);
    assert_below("allowance", limit, 0.05);
    assert_below("shuffled", find_any("r2_selected", ORR_HELD_OUT)->value, limit);
    assert_below("shuffled, where the code was", find("r2", "planted", ORR_HELD_OUT)->value, limit);
    assert_true(find("r2", "planted", ORR_HELD_OUT)->value > -0.1);
    plant_free(&s);
}

/* By the largest words each row changes places with itself, and the last one with nothing that lies beyond. */
static void test_shuffling_stays_within_the_rows(void **state)
{
    (void)state;
    struct synthetic s = plant();
    param[SHUFFLE].b = true;
    fake_host_draw_largest();

    run_ok();

    fake_host_reset();
    assert_near("not moved", find_any("r2_selected", ORR_HELD_OUT)->value, 1, 1e-14);
    plant_free(&s);
}

/* The target is drawn afresh for every trajectory, and the features say which trajectory it is: whoever has seen one
 * row of a trajectory knows the target of the others. */
static void test_a_trajectory_is_in_one_set_only(void **state)
{
    (void)state;
    enum { ORBITS = 60, EACH = 10, N = ORBITS * EACH, WIDE = 2 * ORBITS };
    double *draw = fake_normals(2 * ORBITS, 50), *x[2], *y[2], *id[2];
    set_defaults();
    fake_study_init(&fake, 1, N, N);
    for (int split = 0; split < 2; ++split) {
        x[split] = calloc(N * WIDE, sizeof **x);
        y[split] = numbers(N);
        id[split] = trajectories(N, EACH);
        assert_non_null(x[split]);
        for (int i = 0; i < N; ++i) {
            const int orbit = split * ORBITS + i / EACH;
            id[split][i] = orbit;
            x[split][i * WIDE + orbit] = 1;
            y[split][i] = draw[orbit];
        }
    }
    fake_study_add_site(&fake, "x", WIDE, x[0], x[1]);
    fake_study_add_column(&fake, "y", y[0], y[1]);
    fake_study_add_column(&fake, "trajectory", id[0], id[1]);

    run_ok();

    /* Of an unknown trajectory nothing but the mean of the fit is known, which cannot beat the mean of the rows. */
    assert_below("of those that choose", find("r2", "x", ORR_TRAIN)->value, 0);
    assert_below("of those that score", find("r2", "x", ORR_HELD_OUT)->value, 0);
    assert_int_equal(find("r2", "x", ORR_TRAIN)->n, ORBITS / 5 * EACH);

    /* The test can fail: rows that claim to be of trajectories of their own are known from their neighbours. */
    for (int i = 0; i < N; ++i)
        id[0][i] = i;
    fake.n_findings = 0;
    run_ok();
    assert_true(find("r2", "x", ORR_TRAIN)->value > 0.99);
    for (int split = 0; split < 2; ++split)
        free(x[split]), free(y[split]), free(id[split]);
    free(draw);
    fake_study_fini(&fake);
}

/* Numbers of one site and cut, so that nothing is left to choose. */
static double fitted_score(enum orr_split split)
{
    fake.n_findings = 0;
    run_ok();
    return find("r2", "noise", split)->value;
}

/* Means, deviations, directions and intercept are those of the rows that fit: of the other rows each changes its own
 * score alone, bit by bit. */
static void test_only_the_rows_that_fit_make_the_fit(void **state)
{
    (void)state;
    struct synthetic s = plant();
    param[CUTS].s = "1e-6";
    param[SITES].s = "noise";
    const double choosing = fitted_score(ORR_TRAIN), scoring = fitted_score(ORR_HELD_OUT);
    for (int i = 0; i < ROWS; ++i) {
        s.y[1][i] = 2 * s.y[1][i] + 100;
        for (int j = 0; j < WIDTH; ++j)
            s.noise[1][i * WIDTH + j] = 3 * s.noise[1][i * WIDTH + j] + 50;
    }
    assert_near("those that choose, after those that score changed", fitted_score(ORR_TRAIN), choosing, 0);
    const double changed = fitted_score(ORR_HELD_OUT);
    assert_true(changed < scoring - 1);
    for (int i = 0; i < ROWS; ++i) {
        if ((int)s.id[0][i] % 5 != 4) continue;
        s.y[0][i] = 2 * s.y[0][i] + 100;
        for (int j = 0; j < WIDTH; ++j)
            s.noise[0][i * WIDTH + j] = 3 * s.noise[0][i * WIDTH + j] + 50;
    }
    assert_near("those that score, after those that choose changed", fitted_score(ORR_HELD_OUT), changed, 0);
    assert_true(fitted_score(ORR_TRAIN) < choosing - 1);
    plant_free(&s);
}

/* ---- choosing ---- */

static void test_of_equal_sites_the_first_is_chosen(void **state)
{
    (void)state;
    struct synthetic s = plant();
    fake_study_add_site(&fake, "again", WIDTH, s.planted[0], s.planted[1]);

    run_ok();

    assert_string_equal(find_any("r2_selected", ORR_HELD_OUT)->site, "planted");
    plant_free(&s);
}

static void test_the_rows_that_score_do_not_choose(void **state)
{
    (void)state;
    struct synthetic s = plant();
    for (int i = 0; i < ROWS; ++i) {
        s.noise[1][i * WIDTH] = s.y[1][i]; /* where it would score, but nobody could know */
        for (int j = 0; j < WIDTH; ++j)
            s.planted[1][i * WIDTH + j] = 0;
    }

    run_ok();

    assert_string_equal(find_any("r2_selected", ORR_HELD_OUT)->site, "planted");
    assert_near("those that choose", find_any("r2_selected", ORR_TRAIN)->value, 1, 1e-14);
    assert_below("those that score", find_any("r2_selected", ORR_HELD_OUT)->value, 0);
    plant_free(&s);
}

/* y is in what sets the columns of a site apart, which is `size` of what they share. */
static double cut_for(double size, double noise)
{
    struct synthetic s = plant();
    double *e = fake_normals(ROWS * WIDTH, 60);
    for (int split = 0; split < 2; ++split)
        for (int i = 0; i < ROWS; ++i)
            for (int j = 0; j < WIDTH; ++j) {
                const double shared = s.noise[split][i * WIDTH];
                s.planted[split][i * WIDTH + j] = shared + (j == 1 ? size * (s.y[split][i] - 7) : 0);
                if (noise > 0)
                    s.planted[split][i * WIDTH + j] += noise * e[(i * WIDTH + j + split * 4003) % (ROWS * WIDTH)];
            }
    param[SITES].s = "planted";
    run_ok();
    const double cut = find("cut", "planted", ORR_TRAIN)->value;
    free(e);
    plant_free(&s);
    return cut;
}

static void test_the_cut_that_reads_best_is_chosen(void **state)
{
    (void)state;
    /* The deviation of y is about 9, and the second singular value size * 9 * sqrt(7/8) / sqrt(8) of the first: cuts
     * at or above it lose the answer, and of those below the first is taken. */
    assert_near("near 3e-1", cut_for(1e-1, 0), 1e-2, 0);
    assert_near("near 3e-4", cut_for(1e-4, 0), 1e-4, 0);
    assert_near("near 3e-6", cut_for(1e-6, 0), 1e-6, 0);
}

/* With hardly more rows than features, all that sets the columns apart is noise, 1e-5 of what they share: reading it
 * costs. Its singular values lie below 1e-5 of the first, so that four cuts choose alike, and the first is taken. */
static void test_a_high_cut_is_chosen_where_low_ones_read_noise(void **state)
{
    (void)state;
    enum { FEW = 200, WIDE = 60 };
    double *x[2], *y[2], *id[2];
    set_defaults();
    param[VALIDATION_EVERY].i = 2;
    fake_study_init(&fake, 1, FEW, FEW);
    for (uint32_t split = 0; split < 2; ++split) {
        double *e = fake_normals(FEW * (WIDE + 2), 70 + split);
        x[split] = numbers(FEW * WIDE);
        y[split] = numbers(FEW);
        id[split] = trajectories(FEW, 1);
        for (int i = 0; i < FEW; ++i) {
            const double shared = e[i];
            y[split][i] = shared + e[FEW + i];
            for (int j = 0; j < WIDE; ++j)
                x[split][i * WIDE + j] = shared + 1e-5 * e[2 * FEW + i * WIDE + j];
        }
        free(e);
    }
    fake_study_add_site(&fake, "x", WIDE, x[0], x[1]);
    fake_study_add_column(&fake, "y", y[0], y[1]);
    fake_study_add_column(&fake, "trajectory", id[0], id[1]);

    run_ok();

    assert_near("cut", find("cut", "x", ORR_TRAIN)->value, 1e-2, 0);
    assert_true(find("r2_cut_1e-6", "x", ORR_HELD_OUT)->value < find("r2_cut_1e-2", "x", ORR_HELD_OUT)->value - 0.1);
    assert_near("score", find("r2", "x", ORR_HELD_OUT)->value, find("r2_cut_1e-2", "x", ORR_HELD_OUT)->value, 0);
    for (int split = 0; split < 2; ++split)
        free(x[split]), free(y[split]), free(id[split]);
    fake_study_fini(&fake);
}

static void test_a_constant_target_has_no_score(void **state)
{
    (void)state;
    struct synthetic s = plant();
    for (int split = 0; split < 2; ++split)
        for (int i = 0; i < ROWS; ++i)
            s.y[split][i] = 0.1;

    run_ok();

    assert_true(isnan(find_any("r2_selected", ORR_TRAIN)->value));
    assert_true(isnan(find_any("r2_selected", ORR_HELD_OUT)->value));
    assert_true(isnan(find_any("r2_selected", ORR_HELD_OUT)->uncertainty));
    plant_free(&s);
}

/* ---- replicates ---- */

static void test_replicates_are_of_the_same_draws_everywhere(void **state)
{
    (void)state;
    struct synthetic s = plant();
    fake_study_add_site(&fake, "again", WIDTH, s.noise[0], s.noise[1]);

    run_ok();

    const struct fake_finding *one = find("r2", "noise", ORR_HELD_OUT), *two = find("r2", "again", ORR_HELD_OUT);
    assert_int_equal(one->n_replicates, 200);
    /* Another network is another call of the probe, on the same trajectories. */
    const uint32_t of_one_call = fake.n_findings, place = (uint32_t)(one - fake.finding);
    run_ok();
    assert_memory_equal(&fake.finding[of_one_call + place].first_replicate, &one->first_replicate, sizeof(double));
    assert_true(isfinite(one->first_replicate));
    assert_memory_equal(&one->first_replicate, &two->first_replicate, sizeof(double));
    assert_memory_equal(&one->uncertainty, &two->uncertainty, sizeof(double));
    assert_true(one->uncertainty > 0);
    assert_int_equal(find("r2", "noise", ORR_TRAIN)->n_replicates, 0);
    assert_true(isnan(find("r2", "noise", ORR_TRAIN)->uncertainty));
    assert_memory_equal(&find_any("r2_selected", ORR_HELD_OUT)->first_replicate,
                        &find("r2", "planted", ORR_HELD_OUT)->first_replicate, sizeof(double));
    plant_free(&s);
}

/* ---- refusals ---- */

static void refuses(orr_status status, const char *part) { fake_probe_fails(plugin, param, &fake.study, status, part); }

static void test_refusals(void **state)
{
    (void)state;
    struct synthetic s = plant();
    param[CUTS].s = "1e-2,x";
    refuses(ORR_EINVAL, "\"x\" in cuts");
    param[CUTS].s = " , ";
    refuses(ORR_EINVAL, "cuts is empty");
    param[CUTS].s = "1";
    refuses(ORR_EINVAL, "\"1\" in cuts");
    param[CUTS].s = "nan";
    refuses(ORR_EINVAL, "\"nan\" in cuts");
    param[CUTS].s = "0.01,1e-2";
    refuses(ORR_EINVAL, "cuts has 1e-2 twice");
    param[CUTS].s = "0,.1,.2,.3,.4,.5,.6,.7,.8,.9,.01,.02,.03,.04,.05,.06,.07";
    refuses(ORR_EINVAL, "more than 16");
    set_defaults();
    param[POSITIONS].s = "first";
    refuses(ORR_EINVAL, "positions is \"first\"");
    set_defaults();
    param[VALIDATION_EVERY].i = 100000;
    refuses(ORR_EINVAL, "2000 fit and 0 choose");
    set_defaults();
    param[WINDOWS].i = 2;
    fake.study.context = 1;
    fake.study.n_steps = 10;
    refuses(ORR_EINVAL, "2 fit and 0 choose");
    set_defaults();
    s.planted[1][3] = (double)INFINITY;
    refuses(ORR_ENUMERIC, "site planted holds inf");
    plant_free(&s);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    struct synthetic s = plant();
    fake.rows[0] = fake.rows[1] = 60;
    param[POSITIONS].s = "all"; /* the fake study lends these without a copy */
    int64_t failed = 0;
    for (;; ++failed) {
        fake_host_reset();
        fake_host_fail_allocation(failed);
        fake.n_findings = 0;
        const orr_status status = fake_probe_run(plugin, param, &fake.study, &err);
        assert_int_equal(fake_host_live(), 0);
        if (status == ORR_OK) break;
        if (status != ORR_ENOMEM) fail_msg("allocation %d: status %d, %s", (int)failed, status, err.text);
    }
    assert_true(failed > 30);
    fake_host_reset();
    plant_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_planted_code_is_found_where_it_was_planted),
        cmocka_unit_test(test_every_cut_and_site_is_recorded),
        cmocka_unit_test(test_shuffled_targets_score_nothing),
        cmocka_unit_test(test_shuffling_stays_within_the_rows),
        cmocka_unit_test(test_a_trajectory_is_in_one_set_only),
        cmocka_unit_test(test_only_the_rows_that_fit_make_the_fit),
        cmocka_unit_test(test_of_equal_sites_the_first_is_chosen),
        cmocka_unit_test(test_the_rows_that_score_do_not_choose),
        cmocka_unit_test(test_the_cut_that_reads_best_is_chosen),
        cmocka_unit_test(test_a_high_cut_is_chosen_where_low_ones_read_noise),
        cmocka_unit_test(test_a_constant_target_has_no_score),
        cmocka_unit_test(test_replicates_are_of_the_same_draws_everywhere),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    plugin = fake_probe_load("selected_linear");
    return plugin ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
