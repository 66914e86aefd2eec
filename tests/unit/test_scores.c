/* Scores, contrasts and gains of made-up findings, with their replicates; and an analysis read into a recipe. */
#include "base/memory.h"
#include "expect.h"
#include "io/file.h"
#include "study/analysis.h"
#include "study/findings.h"

#include <math.h>

static const char recipe_text[] = "name: made-up\n"
                                  "simulator: {name: none}\n"
                                  "data: {trajectories: 4, steps: 10, context: 2}\n"
                                  "train: {steps: 5, batch_size: 3}\n"
                                  "probes: [{name: linear}]\n"
                                  "scores: {force: [Fx, Fy], orbit: [a]}\n"
                                  "contrasts: {orbit_minus_force: [orbit, force]}\n";

static orr_status create(const char *text, struct orr_recipe **out, struct orr_error *err)
{
    struct orr_config *config;
    expect_ok(orr_config_parse(text, "text", &config, err), err);
    return orr_recipe_create(config, out, err);
}

static struct orr_recipe *make_recipe(void)
{
    struct orr_error err;
    struct orr_recipe *recipe = NULL;
    expect_ok(create(recipe_text, &recipe, &err), &err);
    return recipe;
}

enum { DRAWS = 3 };

/* Held-out replicates are the value plus 0, step and 2 step; step 0: none. */
static void add_r2(struct orr_findings *findings, const char *network, const char *site, const char *target,
                   double train, double held_out, double step)
{
    struct orr_error err;
    const double replicate[DRAWS] = {held_out, held_out + step, held_out + 2 * step};
    struct orr_finding f = {
        .size = sizeof f, .quantity = "r2", .site = site, .target = target, .unit = "1", .uncertainty = NAN, .n = 7};
    f.value = train;
    f.split = ORR_TRAIN;
    expect_ok(orr_findings_add(findings, network, "sound", &f, &err), &err);
    f.value = held_out;
    f.split = ORR_HELD_OUT;
    f.replicates = fabs(step) > 0 ? replicate : NULL;
    f.n_replicates = f.replicates ? DRAWS : 0;
    expect_ok(orr_findings_add(findings, network, "sound", &f, &err), &err);
}

static const struct orr_finding_row *find(const struct orr_findings *findings, const char *quantity,
                                          const char *network)
{
    for (size_t i = 0; i < findings->count; ++i) {
        const struct orr_finding_row *row = &findings->row[i];
        if (strcmp(row->quantity, quantity) == 0 && strcmp(row->network, network) == 0 && row->split == ORR_HELD_OUT)
            return row;
    }
    return NULL;
}

/* Sums and products of a few decimals: some roundings of numbers below 1. */
static void expect_row(const struct orr_findings *findings, const char *quantity, const char *network, double value,
                       double uncertainty)
{
    const struct orr_finding_row *row = find(findings, quantity, network);
    if (!row) fail_msg("no %s of %s", quantity, network);
    assert_string_equal(row->site, "");
    assert_string_equal(row->probe, "sound");
    if (!(fabs(row->value - value) < 1e-15) ||
        !(isnan(uncertainty) ? isnan(row->uncertainty) : fabs(row->uncertainty - uncertainty) < 1e-15))
        fail_msg("%s of %s: %.17g +- %.17g, expected %.17g +- %.17g", quantity, network, row->value, row->uncertainty,
                 value, uncertainty);
}

static void fill(struct orr_findings *f)
{
    f->step = 5;
    add_r2(f, "trained", "one", "Fx", 0.5, 0.3, 0.01); /* not the best on the split that chooses */
    add_r2(f, "trained", "two", "Fx", 0.9, 0.2, 0.02);
    add_r2(f, "trained", "one", "Fy", 0.9, 0.4, 0.04);
    add_r2(f, "trained", "one", "a", 0.9, 0.8, 0.05);
    f->step = 0;
    add_r2(f, "untrained", "one", "Fx", 0.5, 0.1, 0.01);
    add_r2(f, "untrained", "one", "Fy", 0.5, 0.1, 0.01);
    add_r2(f, "untrained", "one", "a", 0.5, 0.6, 0.05);
    f->step = -1;
    add_r2(f, "none", "raw_inputs", "Fx", 0.1, 0.05, 0);
    add_r2(f, "none", "raw_inputs", "Fy", 0.1, 0.07, 0);
    add_r2(f, "none", "raw_inputs", "a", NAN, NAN, 0);
}

static void test_scores_contrasts_and_gains(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe = make_recipe();
    struct orr_findings f = {.row = NULL};
    fill(&f);

    expect_ok(orr_scores_add(&f, recipe, &err), &err);

    /* The spread of x, x + s, x + 2s is s; of means and differences, draw by draw, it is that of the sums of steps. */
    expect_row(&f, "force", "trained", (0.2 + 0.4) / 2, (0.02 + 0.04) / 2);
    expect_row(&f, "orbit", "trained", 0.8, 0.05);
    expect_row(&f, "orbit_minus_force", "trained", 0.8 - 0.3, 0.05 - 0.03);
    expect_row(&f, "force", "trained-untrained", 0.3 - 0.1, 0.03 - 0.01);
    expect_row(&f, "orbit", "trained-untrained", 0.8 - 0.6, 0);
    expect_row(&f, "orbit_minus_force", "trained-untrained", 0.5 - 0.5, 0.04 - 0.02);
    expect_row(&f, "force", "raw_inputs", 0.06, NAN);
    assert_null(find(&f, "orbit", "raw_inputs")); /* cannot be scored */
    assert_null(find(&f, "force", "none"));
    assert_int_equal(find(&f, "force", "trained")->step, 5);
    assert_int_equal(find(&f, "force", "untrained")->step, 0);
    assert_int_equal(find(&f, "force", "trained")->n, 7);
    orr_findings_fini(&f);
    orr_recipe_destroy(recipe);
}

/* A claim of one target's best R2 makes that number, once a split and network, of the probe that it names or of all. */
static void test_best_r2_of_claimed_targets(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe;
    struct orr_findings f = {.row = NULL};
    char text[2048];
    snprintf(text, sizeof text,
             "%sexpect:\n"
             "  - {claim: one, quantity: best_r2_Fx, split: train, where: {data.context: 1}, value: 1, source: test}\n"
             "  - {claim: two, quantity: best_r2_Fx, probe: sound, value: 1, source: test}\n"
             "  - {claim: three, quantity: best_r2_Fy, probe: another, value: 1, source: test}\n",
             recipe_text);
    expect_ok(create(text, &recipe, &err), &err);
    fill(&f);

    expect_ok(orr_scores_add(&f, recipe, &err), &err);

    /* Of the site that is best on the split train, which is not the best held out. */
    expect_row(&f, "best_r2_Fx", "trained", 0.2, 0.02);
    expect_row(&f, "best_r2_Fx", "untrained", 0.1, 0.01);
    expect_row(&f, "best_r2_Fx", "trained-untrained", 0.2 - 0.1, 0.02 - 0.01);
    expect_row(&f, "best_r2_Fx", "raw_inputs", 0.05, NAN);
    assert_null(find(&f, "best_r2_Fy", "trained"));
    size_t n = 0;
    for (size_t i = 0; i < f.count; ++i)
        n += strcmp(f.row[i].quantity, "best_r2_Fx") == 0 && strcmp(f.row[i].network, "trained") == 0;
    assert_int_equal(n, 2);
    orr_findings_fini(&f);
    orr_recipe_destroy(recipe);
}

/* A score that the recipe itself calls so is that score, once. */
static void test_a_score_may_have_the_name_of_a_claimed_target(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe;
    struct orr_findings f = {.row = NULL};
    expect_ok(create("name: made-up\nsimulator: {name: none}\ndata: {trajectories: 4, steps: 10, context: 2}\n"
                     "train: {steps: 5, batch_size: 3}\nprobes: [{name: linear}]\nscores: {best_r2_Fx: [Fx]}\n"
                     "expect:\n  - {claim: one, quantity: best_r2_Fx, value: 1, source: test}\n",
                     &recipe, &err),
              &err);
    add_r2(&f, "trained", "one", "Fx", 0.2, 0.02, 0);

    expect_ok(orr_scores_add(&f, recipe, &err), &err);

    size_t n = 0;
    for (size_t i = 0; i < f.count; ++i)
        n += strcmp(f.row[i].quantity, "best_r2_Fx") == 0 && strcmp(f.row[i].network, "trained") == 0;
    assert_int_equal(n, 2);
    orr_findings_fini(&f);
    orr_recipe_destroy(recipe);
}

/* Scores of every evaluated step are its own, and the best of them all is found, with its step. */
static void test_the_best_over_steps(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe = make_recipe();
    struct orr_findings last = {.row = NULL}, evaluated = {.row = NULL};
    fill(&last);
    for (int64_t step = 1; step <= 3; ++step) {
        evaluated.step = step;
        add_r2(&evaluated, "trained", "one", "Fx", 0.5, step == 2 ? 0.9 : 0.1, 0);
        add_r2(&evaluated, "trained", "one", "Fy", 0.5, step == 2 ? 0.7 : 0.1, 0);
        add_r2(&evaluated, "trained", "one", "a", 0.5, 0.1, 0);
    }

    expect_ok(orr_scores_add(&last, recipe, &err), &err);
    expect_ok(orr_scores_add(&evaluated, recipe, &err), &err);
    expect_ok(orr_scores_add_best(&last, &evaluated, recipe, &err), &err);

    expect_row(&last, "force_best", "trained", (0.9 + 0.7) / 2, NAN);
    assert_int_equal(find(&last, "force_best", "trained")->step, 2);
    expect_row(&last, "orbit_best", "trained", 0.8, NAN);
    assert_int_equal(find(&last, "orbit_best", "trained")->step, 5);
    assert_null(find(&last, "force_best", "untrained"));
    const size_t n = last.count;
    orr_findings_fini(&evaluated);
    expect_ok(orr_scores_add_best(&last, &evaluated, recipe, &err), &err);
    assert_int_equal(last.count, n);
    orr_findings_fini(&last);
    orr_recipe_destroy(recipe);
}

static void test_measures_are_the_rows_without_site_and_target(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe = make_recipe();
    struct orr_findings f = {.row = NULL};
    struct orr_measures m = {.item = NULL};
    fill(&f);
    expect_ok(orr_scores_add(&f, recipe, &err), &err);

    expect_ok(orr_measures_from_findings(&m, &f, &err), &err);

    assert_true(fabs(orr_measures_find(&m, "force", "trained-untrained", "sound", "held_out") - 0.2) < 1e-15);
    assert_true(isnan(orr_measures_find(&m, "r2", "trained", "sound", "held_out")));
    orr_measures_fini(&m);
    orr_findings_fini(&f);
    orr_recipe_destroy(recipe);
}

static void test_faults_of_contrasts(void **state)
{
    (void)state;
    static const struct {
        const char *contrasts, *fragment;
    } faults[] = {
        {"{c: [orbit, forse]}", "did you mean \"force\""}, {"{c: [orbit]}", "a contrast is two scores"},
        {"{c: orbit}", "a contrast is two scores"},        {"{force: [orbit, force]}", "a score has this name"},
        {"[orbit, force]", "a map of contrast"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        struct orr_error err;
        struct orr_config *config;
        struct orr_recipe *recipe;
        expect_ok(orr_config_parse(recipe_text, "text", &config, &err), &err);
        expect_ok(orr_config_set(config, "contrasts", faults[i].contrasts, "--set", &err), &err);
        expect_error(orr_recipe_create(config, &recipe, &err), &err, ORR_EINVAL, faults[i].fragment);
    }
}

/* ---- analysis ---- */

static void write_text(const char *path, const char *text)
{
    struct orr_error err;
    expect_ok(orr_file_write_atomic(path, text, strlen(text), &err), &err);
}

/* A recipe file that names `analysis`, read. */
static struct orr_config *load(const char *directory, const char *analysis)
{
    char recipe[600], judged[600];
    struct orr_error err;
    struct orr_config *config;
    snprintf(recipe, sizeof recipe, "%s/recipe.yaml", directory);
    snprintf(judged, sizeof judged, "%s/judge.yaml", directory);
    write_text(recipe, "name: x\nanalysis: judge.yaml\nprobes: [{name: linear}]\nscores: {old: [b]}\n");
    if (analysis) write_text(judged, analysis);
    expect_ok(orr_config_load(recipe, &config, &err), &err);
    return config;
}

static const char *text_at(const struct orr_config *config, const char *path)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(config), path);
    return node && node->text ? node->text : "nothing";
}

static void test_an_analysis_becomes_part_of_the_recipe(void **state)
{
    (void)state;
    char directory[300];
    make_scratch(directory, sizeof directory);
    struct orr_error err;
    struct orr_config *config = load(directory, "probes:\n  - {name: selected_linear, as: sound, networks: [trained]}\n"
                                                "scores: {force: [Fx]}\nstatistics: {first_seed: 100}\n");

    expect_ok(orr_analysis_merge(config, &err), &err);

    assert_string_equal(text_at(config, "probes.0.name"), "linear");
    assert_string_equal(text_at(config, "probes.1.as"), "sound");
    assert_string_equal(text_at(config, "probes.1.networks.0"), "trained");
    assert_string_equal(text_at(config, "scores.force.0"), "Fx");
    assert_string_equal(text_at(config, "scores.old.0"), "nothing");
    assert_string_equal(text_at(config, "analysis.file"), "judge.yaml");
    assert_string_equal(text_at(config, "analysis.first_seed"), "100");
    /* printf 'probes:...' | sha256sum */
    assert_string_equal(text_at(config, "analysis.sha256"),
                        "ad62f8e2c93346390588b535993528bbd29902199730ceb6d286e19e1dd81ab9");

    char *once, *twice;
    expect_ok(orr_config_write(orr_config_root(config), &once, &err), &err);
    expect_ok(orr_analysis_merge(config, &err), &err);
    expect_ok(orr_config_write(orr_config_root(config), &twice, &err), &err);
    assert_string_equal(once, twice);
    orr_memory_free(once);
    orr_memory_free(twice);
    orr_config_destroy(config);
    remove_scratch(directory);
}

static void test_faults_of_an_analysis(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fragment;
        orr_status status;
    } faults[] = {
        {NULL, "judge.yaml", ORR_EINVAL},
        {"train: {steps: 9}\n", "train", ORR_EINVAL},
        {"probes: {name: linear}\n", "a list of probes", ORR_EINVAL},
        {"probes: [\n", "judge.yaml", ORR_EFORMAT},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        char directory[300];
        make_scratch(directory, sizeof directory);
        struct orr_error err;
        struct orr_config *config = load(directory, faults[i].text);
        expect_error(orr_analysis_merge(config, &err), &err, faults[i].status, faults[i].fragment);
        orr_config_destroy(config);
        remove_scratch(directory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_contrasts_and_gains),
        cmocka_unit_test(test_best_r2_of_claimed_targets),
        cmocka_unit_test(test_a_score_may_have_the_name_of_a_claimed_target),
        cmocka_unit_test(test_the_best_over_steps),
        cmocka_unit_test(test_measures_are_the_rows_without_site_and_target),
        cmocka_unit_test(test_faults_of_contrasts),
        cmocka_unit_test(test_an_analysis_becomes_part_of_the_recipe),
        cmocka_unit_test(test_faults_of_an_analysis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
