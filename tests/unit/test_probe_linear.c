/* Probe `linear`, alone: golden numbers, synthetic truths, choices, and every refusal.
 *
 * In: the built probe (ORRERY_TEST_PROBES), tests/golden/probe.txt, a fake study. Random data come from Philox.
 */
#include "../support/fake_study.h"
#include "../support/golden.h"

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

enum { CUT, POSITIONS, TARGETS, SITES, PRECISION, WINDOWS, N_PARAMS };

static const struct orr_plugin *plugin;
static struct fake_study fake;
static struct orr_error err;

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

static void assert_near(const char *what, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g within %g (seed %d)", what, value, expected, tolerance, FAKE_SEED);
}

static const union orr_value *params(double cut, const char *positions, const char *targets, const char *sites,
                                     const char *precision)
{
    static union orr_value value[N_PARAMS];
    value[CUT].r = cut;
    value[POSITIONS].s = positions;
    value[TARGETS].s = targets;
    value[SITES].s = sites;
    value[PRECISION].s = precision;
    value[WINDOWS].i = 0;
    return value;
}

static const union orr_value *defaults(void) { return params(1e-6, "last", "", "", "double"); }

static void run_ok(const union orr_value *param) { fake_probe_succeeds(plugin, param, &fake.study); }

static void run_fails(const union orr_value *param, orr_status expected, const char *part)
{
    fake_probe_fails(plugin, param, &fake.study, expected, part);
}

static double r2(const char *site, const char *target, enum orr_split split)
{
    const struct fake_finding *f = fake_study_finding(&fake, "r2", site, target, split);
    if (!f) fail_msg("no r2 of %s at %s, split %d", target, site, split);
    return f ? f->value : (double)NAN;
}

/* ---- golden ---- */

static struct golden *golden;

static const struct golden_tensor *tensor(const char *name)
{
    const struct golden_tensor *t = golden_find(golden, name);
    if (!t) fail_msg("probe.txt has no %s", name);
    return t;
}

static double *golden_column(const char *name, size_t column)
{
    const struct golden_tensor *t = tensor(name);
    double *value = numbers(t->dim[0]);
    for (size_t i = 0; i < t->dim[0]; ++i)
        value[i] = t->value[i * t->dim[1] + column];
    return value;
}

static void golden_scores(const char *precision, const char *quantity, double tolerance)
{
    static const char *const name[3] = {"y0", "y1", "y2"};
    double *y[3][2], *id[2] = {trajectories(40, 1), trajectories(15, 1)};
    assert_int_equal(golden_load_named("probe.txt", &golden), 0);
    fake_study_init(&fake, 1, 40, 15);
    fake_study_add_site(&fake, "x", 5, tensor("X")->value, tensor("X_heldout")->value);
    for (size_t t = 0; t < 3; ++t) {
        y[t][0] = golden_column("Y", t);
        y[t][1] = golden_column("Y_heldout", t);
        fake_study_add_column(&fake, name[t], y[t][0], y[t][1]);
    }
    fake_study_add_column(&fake, "trajectory", id[0], id[1]);

    run_ok(params(1e-6, "last", "", "", precision));

    assert_int_equal(fake.n_findings, 6);
    for (size_t t = 0; t < 3; ++t)
        for (int split = 0; split < 2; ++split) {
            const double expected = tensor(split == ORR_TRAIN ? "r2_in_sample" : "r2_heldout")->value[t];
            const struct fake_finding *f =
                fake_study_finding(&fake, quantity, "x", name[t], split == ORR_TRAIN ? ORR_TRAIN : ORR_HELD_OUT);
            assert_non_null(f);
            assert_near(name[t], f->value, expected, tolerance);
            assert_int_equal(f->n, split == ORR_TRAIN ? 40 : 15);
            assert_int_equal(isnan(f->uncertainty) != 0, split == ORR_TRAIN);
        }
    for (size_t t = 0; t < 3; ++t)
        free(y[t][0]), free(y[t][1]);
    free(id[0]), free(id[1]);
    fake_study_fini(&fake);
    golden_free(golden);
}

static void test_golden_scores(void **state)
{
    (void)state;
    golden_scores("double", "r2", 1e-10); /* the tolerance that the golden data are held to */
}

static void test_golden_scores_single(void **state)
{
    (void)state;
    /* 40 rows, condition number about 10: the error is some 10 * 2^-24 times the size of the sums. */
    golden_scores("single", "r2_single", 1e-5);
}

/* ---- synthetic truths through the probe ---- */

enum { ROWS = 4000, WIDTH = 16 };

struct synthetic {
    double *x[2], *y[2], *id[2];
};

/* y = signal * (a unit-variance linear map of x) + noise; a trajectory is one row. */
static struct synthetic synthesise(double signal, double noise)
{
    struct synthetic s;
    for (uint32_t split = 0; split < 2; ++split) {
        s.x[split] = fake_normals(ROWS * WIDTH, 10 + split);
        s.y[split] = fake_normals(ROWS, 20 + split);
        s.id[split] = trajectories(ROWS, 1);
        for (int i = 0; i < ROWS; ++i) {
            double map = 0;
            for (int j = 0; j < WIDTH; ++j)
                map += s.x[split][i * WIDTH + j] * (j % 2 ? -1 : 1) / sqrt(WIDTH);
            s.y[split][i] = 3 + signal * map + noise * s.y[split][i];
        }
    }
    fake_study_init(&fake, 1, ROWS, ROWS);
    fake_study_add_site(&fake, "x", WIDTH, s.x[0], s.x[1]);
    fake_study_add_column(&fake, "y", s.y[0], s.y[1]);
    fake_study_add_column(&fake, "trajectory", s.id[0], s.id[1]);
    return s;
}

static void synthetic_free(struct synthetic *s)
{
    for (int split = 0; split < 2; ++split)
        free(s->x[split]), free(s->y[split]), free(s->id[split]);
    fake_study_fini(&fake);
}

static void test_exact_map_scores_one(void **state)
{
    (void)state;
    struct synthetic s = synthesise(1, 0);

    run_ok(defaults());

    /* residuals are a few 2^-53 of the values, and R^2 squares them */
    assert_near("in-sample", r2("x", "y", ORR_TRAIN), 1, 1e-14);
    assert_near("held out", r2("x", "y", ORR_HELD_OUT), 1, 1e-14);
    synthetic_free(&s);
}

static void test_noise_scores_its_share(void **state)
{
    (void)state;
    struct synthetic s = synthesise(1, 1);

    run_ok(defaults());

    /* R^2 of the population is 1/2; a sample's deviates by 2 rho (1 - rho^2) / sqrt(n) (delta method), the fit moves
     * it by about WIDTH / n up in-sample and down held out. Four deviations. */
    const double deviation = 2 * sqrt(0.5) * 0.5 / sqrt(ROWS), optimism = 0.5 * WIDTH / ROWS;
    assert_near("in-sample", r2("x", "y", ORR_TRAIN), 0.5 + optimism, 4 * deviation);
    assert_near("held out", r2("x", "y", ORR_HELD_OUT), 0.5 - optimism, 4 * deviation);
    /* a hundred draws know a deviation to 7 %, and the delta method's to first order: within 30 % */
    const struct fake_finding *f = fake_study_finding(&fake, "r2", "x", "y", ORR_HELD_OUT);
    assert_near("standard error", f->uncertainty, deviation, 0.3 * deviation);
    synthetic_free(&s);
}

/* The first windows of each split are a study of their own: the same bits as a study that has no more. */
static void test_only_the_first_windows_are_used(void **state)
{
    (void)state;
    enum { FEW = 300 };
    double expected[2];
    struct synthetic s = synthesise(1, 1);
    union orr_value few[N_PARAMS];
    memcpy(few, defaults(), sizeof few);
    few[WINDOWS].i = FEW;
    run_ok(few);
    for (int split = 0; split < 2; ++split) {
        const struct fake_finding *f = fake_study_finding(&fake, "r2", "x", "y", (enum orr_split)split);
        assert_non_null(f);
        assert_int_equal(f->n, FEW);
        expected[split] = f->value;
    }
    fake_study_fini(&fake);
    fake_study_init(&fake, 1, FEW, FEW);
    fake_study_add_site(&fake, "x", WIDTH, s.x[0], s.x[1]);
    fake_study_add_column(&fake, "y", s.y[0], s.y[1]);
    fake_study_add_column(&fake, "trajectory", s.id[0], s.id[1]);

    run_ok(defaults());

    for (int split = 0; split < 2; ++split)
        assert_near("r2 of the first windows", r2("x", "y", (enum orr_split)split), expected[split], 0);
    synthetic_free(&s);
}

static void test_unrelated_target_scores_nothing(void **state)
{
    (void)state;
    struct synthetic s = synthesise(0, 1);

    run_ok(defaults());

    /* In-sample R^2 is Beta(WIDTH/2, (n-WIDTH-1)/2): mean WIDTH/n, deviation sqrt(2 WIDTH)/n. Held out it is as much
     * below zero, with the same scatter from the fit. Five deviations. */
    const double scatter = 5 * sqrt(2.0 * WIDTH) / ROWS;
    assert_near("in-sample", r2("x", "y", ORR_TRAIN), (double)WIDTH / ROWS, scatter);
    assert_near("held out", r2("x", "y", ORR_HELD_OUT), -(double)WIDTH / ROWS, 2 * scatter);
    assert_true(r2("x", "y", ORR_HELD_OUT) < 0.005);
    synthetic_free(&s);
}

static void test_rows_of_a_trajectory_are_drawn_together(void **state)
{
    (void)state;
    double single_row, hundred_rows;
    struct synthetic s = synthesise(1, 1);
    run_ok(defaults());
    single_row = fake_study_finding(&fake, "r2", "x", "y", ORR_HELD_OUT)->uncertainty;
    synthetic_free(&s);

    s = synthesise(1, 1);
    for (int i = 0; i < ROWS; ++i) {
        const int first = i / 100 * 100;
        s.id[1][i] = i / 100;
        memcpy(s.x[1] + i * WIDTH, s.x[1] + first * WIDTH, WIDTH * sizeof(double));
        s.y[1][i] = s.y[1][first];
    }
    run_ok(defaults());
    hundred_rows = fake_study_finding(&fake, "r2", "x", "y", ORR_HELD_OUT)->uncertainty;

    /* 40 different rows instead of 4,000: ten times the error. Of 40, a deviation is known to 11 %, and R^2 of them
     * has moved: within a factor of two. */
    assert_in_range((uint64_t)(100 * hundred_rows / single_row), 500, 2000);
    synthetic_free(&s);
}

static void test_same_rows_same_error_bits(void **state)
{
    (void)state;
    struct synthetic s = synthesise(1, 1);

    run_ok(defaults());
    run_ok(defaults());

    assert_int_equal(fake.n_findings, 4);
    assert_memory_equal(&fake.finding[1].uncertainty, &fake.finding[3].uncertainty, sizeof(double));
    assert_memory_equal(&fake.finding[1].value, &fake.finding[3].value, sizeof(double));
    synthetic_free(&s);
}

static void test_few_trajectories(void **state)
{
    (void)state;
    struct synthetic s = synthesise(0, 0.1);
    for (int split = 0; split < 2; ++split)
        for (int i = 0; i < ROWS; ++i) {
            for (int j = 0; j < WIDTH; ++j)
                s.x[split][i * WIDTH + j] = i % 2;
            s.y[split][i] += i % 2;
        }
    for (int i = 0; i < ROWS; ++i)
        s.id[1][i] = 7;
    run_ok(defaults());
    assert_true(isnan(fake.finding[1].uncertainty));

    /* The feature tells two trajectories apart and nothing within one. Half of the draws of two hold one trajectory
     * twice, and score zero; the others score what both together do. Of a hundred, 35 to 65 are the one kind (three
     * deviations), which moves the spread by at most 5 %. */
    for (int i = 0; i < ROWS; ++i)
        s.id[1][i] = i % 2 ? -3.5 : 7;
    run_ok(defaults());
    const double expected = fake.finding[3].value / 2;
    assert_true(expected > 0.4);
    assert_near("two trajectories", fake.finding[3].uncertainty, expected, 0.05 * expected);
    synthetic_free(&s);
}

static void test_constant_target(void **state)
{
    (void)state;
    struct synthetic s = synthesise(1, 0);
    for (int split = 0; split < 2; ++split)
        for (int i = 0; i < ROWS; ++i)
            s.y[split][i] = 0.1; /* whose mean is not 0.1 to the last bit */
    fake_study_add_column(&fake, "other", s.id[0], s.id[1]);

    run_ok(defaults());

    assert_true(isnan(r2("x", "y", ORR_TRAIN)) && isnan(r2("x", "y", ORR_HELD_OUT)));
    assert_int_equal(fake_study_finding(&fake, "r2", "x", "y", ORR_HELD_OUT)->n, ROWS);
    assert_true(isfinite(r2("x", "other", ORR_HELD_OUT)));
    synthetic_free(&s);
}

static void test_constant_features(void **state)
{
    (void)state;
    struct synthetic s = synthesise(0, 0);
    for (int split = 0; split < 2; ++split)
        for (int i = 0; i < ROWS; ++i) {
            double *row = s.x[split] + i * WIDTH;
            row[3] = split == 0 ? 0.1 : row[3]; /* constant in training only: whatever it does later is not used */
            for (int j = 0; j < WIDTH; ++j)
                row[j] += j == 3 ? 0 : j;
            s.y[split][i] = row[0] - 2 * row[4] + row[WIDTH - 1];
        }
    run_ok(defaults());
    assert_near("the others are exact", r2("x", "y", ORR_HELD_OUT), 1, 1e-13);

    for (int i = 0; i < ROWS * WIDTH; ++i)
        s.x[0][i] = -2;
    fake.n_findings = 0;
    run_ok(defaults());
    assert_near("nothing but the intercept", r2("x", "y", ORR_TRAIN), 0, 1e-14);
    synthetic_free(&s);
}

/* The direction that holds the answer is `size` of the rest. */
static struct synthetic hide_answer(double offset, double size)
{
    struct synthetic s = synthesise(0, 1);
    for (int split = 0; split < 2; ++split)
        for (int i = 0; i < ROWS; ++i)
            for (int j = 0; j < WIDTH; ++j)
                s.x[split][i * WIDTH + j] = offset + s.x[split][i * WIDTH] + (j == 1 ? size * (s.y[split][i] - 3) : 0);
    return s;
}

static double r2_single(const char *target)
{
    const struct fake_finding *f = fake_study_finding(&fake, "r2_single", "x", target, ORR_TRAIN);
    assert_non_null(f);
    return f->value;
}

static void test_cut_and_precision(void **state)
{
    (void)state;
    struct synthetic s = hide_answer(0, 1e-8);
    run_ok(params(1e-12, "last", "", "", "double"));
    assert_near("kept", r2("x", "y", ORR_TRAIN), 1, 1e-6);
    fake.n_findings = 0;
    run_ok(params(1e-6, "last", "", "", "double"));
    assert_true(r2("x", "y", ORR_TRAIN) < 0.01);
    run_ok(params(1e-12, "last", "", "", "single"));
    assert_true(r2_single("y") < 0.01);
    synthetic_free(&s);

    /* 1e-3 of the rest, which float32 resolves to some 1e-4, and so R^2 to 1e-8: its cut is far below. */
    s = hide_answer(0, 1e-3);
    run_ok(params(0.5, "last", "", "", "single"));
    assert_near("float32, no offset", r2_single("y"), 1, 1e-4);
    synthetic_free(&s);

    /* On top of an offset of 1000, float32 steps by 6e-5: this is how the published scores were lost. */
    s = hide_answer(1000, 1e-4);
    run_ok(params(1e-12, "last", "", "", "double"));
    run_ok(params(1e-12, "last", "", "", "single"));
    assert_near("double", r2("x", "y", ORR_TRAIN), 1, 1e-6);
    assert_true(isfinite(r2_single("y")) && r2_single("y") < 0.99);

    /* A target that varies below float32 is a constant there. */
    for (int i = 0; i < ROWS; ++i)
        s.y[0][i] = 1 + 1e-9 * i / ROWS;
    fake.n_findings = 0;
    run_ok(params(1e-12, "last", "", "", "single"));
    assert_true(isnan(r2_single("y")));
    synthetic_free(&s);
}

static void test_fewer_rows_than_features_warns(void **state)
{
    (void)state;
    struct synthetic s = synthesise(1, 1);
    fake.rows[ORR_TRAIN] = 8;
    fake_host_reset();

    run_ok(defaults());

    assert_int_equal(fake_host_warnings(), 1);
    assert_near("interpolates", r2("x", "y", ORR_TRAIN), 1, 1e-12);
    assert_true(isfinite(r2("x", "y", ORR_HELD_OUT)));
    synthetic_free(&s);
}

/* ---- choosing positions, sites and targets ---- */

static void test_last_and_all_positions(void **state)
{
    (void)state;
    struct synthetic s = synthesise(1, 0);
    fake.window = 4;
    for (int split = 0; split < 2; ++split)
        for (int i = 0; i < ROWS; ++i)
            if (i % 4 != 3) s.y[split][i] = (i * 7919) % 101; /* only last positions follow the map */

    run_ok(params(1e-6, "last", "", "", "double"));
    assert_near("last", r2("x", "y", ORR_HELD_OUT), 1, 1e-13);
    assert_int_equal(fake.finding[1].n, ROWS / 4);

    fake.n_findings = 0;
    run_ok(params(1e-6, "all", "", "", "double"));
    assert_true(r2("x", "y", ORR_HELD_OUT) < 0.5);
    assert_int_equal(fake.finding[1].n, ROWS);
    synthetic_free(&s);
}

static void test_lists_of_sites_and_targets(void **state)
{
    (void)state;
    static const struct {
        const char *targets, *sites;
        uint32_t findings;
    } cases[] = {
        {"", "", 2 * 2 * 3},           {"y", "", 1 * 2 * 3},
        {"y,force_x", "x", 2 * 2 * 1}, {" y , force_x ", "", 2 * 2 * 3},
        {"force_*", "", 1 * 2 * 3},    {"*", "x", 4 * 2 * 1},
        {"y,y", "x", 1 * 2 * 1},       {"step", "x", 1 * 2 * 1},
        {"y", "x*", 1 * 2 * 1},        {"y", "blocks.0.*", 1 * 2 * 2},
        {"y,", ",x", 1 * 2 * 1},
    };
    struct synthetic s = synthesise(1, 1);
    fake_study_add_column(&fake, "force_x", s.id[0], s.id[1]);
    fake_study_add_column(&fake, "step", s.id[0], s.id[1]);
    fake_study_add_site(&fake, "blocks.0.hook_resid_post", WIDTH, s.x[0], s.x[1]);
    fake_study_add_site(&fake, "blocks.0.mlp.hook_post", WIDTH / 2, s.x[0], s.x[1]);

    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        fake.n_findings = 0;
        run_ok(params(1e-6, "last", cases[c].targets, cases[c].sites, "double"));
        if (fake.n_findings != cases[c].findings)
            fail_msg("targets \"%s\" sites \"%s\": %u findings, expected %u", cases[c].targets, cases[c].sites,
                     fake.n_findings, cases[c].findings);
    }
    synthetic_free(&s);
}

static void test_refusals(void **state)
{
    (void)state;
    struct synthetic s = synthesise(1, 1);
    fake_study_add_column(&fake, "force_x", s.id[0], s.id[1]);

    run_fails(params(1e-6, "last", "forse_x", "", "double"), ORR_EINVAL,
              "targets: nothing matches \"forse_x\" (nearest: force_x); known: y, trajectory, force_x");
    run_fails(params(1e-6, "last", "tractor", "", "double"), ORR_EINVAL, "nearest: trajectory");
    run_fails(params(1e-6, "last", "", "blocks.*", "double"), ORR_EINVAL, "sites: nothing matches \"blocks.*\"");
    run_fails(params(1e-6, "last", ",", "", "double"), ORR_EINVAL, "no column to predict");
    run_fails(params(1e-6, "first", "", "", "double"), ORR_EINVAL, "positions is \"first\": give all or last");
    run_fails(params(1e-6, "last", "", "", "half"), ORR_EINVAL, "precision is \"half\"");

    s.x[1][5 * WIDTH + 2] = (double)NAN;
    run_fails(defaults(), ORR_ENUMERIC, "site x holds nan at held-out row 5, feature 2");
    s.x[0][0] = (double)INFINITY;
    run_fails(defaults(), ORR_ENUMERIC, "site x holds inf at training row 0, feature 0");
    s.x[0][0] = 1e39;
    run_fails(params(1e-6, "last", "", "", "single"), ORR_ENUMERIC, "holds 1e+39");
    s.y[0][9] = (double)NAN;
    run_fails(defaults(), ORR_ENUMERIC, "column y holds nan at training row 9");

    fake.rows[ORR_HELD_OUT] = 0;
    s.y[0][9] = 0;
    run_fails(defaults(), ORR_ESHAPE, "column y has 0 x 1 held-out numbers");
    fake.study.n_sites = 0;
    run_fails(defaults(), ORR_EINVAL, "no site to read from");
    fake.study.n_columns = 0;
    run_fails(defaults(), ORR_EINVAL, "no column to predict");
    synthetic_free(&s);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const precision[2] = {"double", "single"};
    struct synthetic s = synthesise(1, 1);
    fake.rows[0] = fake.rows[1] = 40;
    for (int p = 0; p < 2; ++p) {
        int64_t failed = 0;
        for (;; ++failed) {
            fake_host_reset();
            fake_host_fail_allocation(failed);
            fake.n_findings = 0;
            const orr_status status =
                fake_probe_run(plugin, params(1e-6, "last", "", "", precision[p]), &fake.study, &err);
            assert_int_equal(fake_host_live(), 0);
            if (status == ORR_OK) break;
            assert_int_equal(status, ORR_ENOMEM);
        }
        assert_true(failed > 10);
    }
    fake_host_reset();
    synthetic_free(&s);
}

static int load(void **state)
{
    (void)state;
    plugin = fake_probe_load("linear");
    return plugin ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_scores),
        cmocka_unit_test(test_golden_scores_single),
        cmocka_unit_test(test_exact_map_scores_one),
        cmocka_unit_test(test_noise_scores_its_share),
        cmocka_unit_test(test_only_the_first_windows_are_used),
        cmocka_unit_test(test_unrelated_target_scores_nothing),
        cmocka_unit_test(test_rows_of_a_trajectory_are_drawn_together),
        cmocka_unit_test(test_same_rows_same_error_bits),
        cmocka_unit_test(test_few_trajectories),
        cmocka_unit_test(test_constant_target),
        cmocka_unit_test(test_constant_features),
        cmocka_unit_test(test_cut_and_precision),
        cmocka_unit_test(test_fewer_rows_than_features_warns),
        cmocka_unit_test(test_last_and_all_positions),
        cmocka_unit_test(test_lists_of_sites_and_targets),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
