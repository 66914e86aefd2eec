/* Scores, summaries, tables and reports, on numbers made up for the purpose. */
#include "expect.h"
#include "study/report.h"
#include "study/report_claims.h"
#include "study/report_scale.h"
#include "study/tables.h"

#include <math.h>

static const char recipe_text[] = "name: made-up\n"
                                  "title: a question\n"
                                  "simulator: {name: none}\n"
                                  "data: {trajectories: 4, steps: 10, context: 2}\n"
                                  "train: {steps: 5, batch_size: 3}\n"
                                  "probes: [{name: linear}]\n"
                                  "scores: {force: [Fx, Fy]}\n"
                                  "expect:\n"
                                  "  - {claim: high, quantity: force, value: 0.5, source: here}\n"
                                  "  - {claim: low, quantity: force, range: [0, 0.2], source: here}\n"
                                  "  - {claim: elsewhere, quantity: force, value: 1, source: here,\n"
                                  "     where: {data.context: 9}}\n";

static struct orr_recipe *make_recipe(void)
{
    struct orr_error err;
    struct orr_config *config;
    struct orr_recipe *recipe = NULL;
    expect_ok(orr_config_parse(recipe_text, "text", &config, &err), &err);
    expect_ok(orr_recipe_create(config, &recipe, &err), &err);
    return recipe;
}

static void add_r2(struct orr_findings *findings, const char *network, const char *site, const char *target,
                   double train, double held_out)
{
    struct orr_error err;
    struct orr_finding f = {
        .size = sizeof f, .quantity = "r2", .site = site, .target = target, .unit = "1", .uncertainty = NAN, .n = 7};
    f.value = train;
    f.split = ORR_TRAIN;
    expect_ok(orr_findings_add(findings, network, "linear", &f, &err), &err);
    f.value = held_out;
    f.split = ORR_HELD_OUT;
    expect_ok(orr_findings_add(findings, network, "linear", &f, &err), &err);
}

static void expect_measure(const struct orr_measures *m, const char *network, const char *split, double expected)
{
    const double value = orr_measures_find(m, "force", network, "linear", split);
    /* Sums of two exact decimals halved: one rounding each. */
    if (!(fabs(value - expected) < 1e-15))
        fail_msg("force of %s, %s: %.17g, expected %.17g", network, split, value, expected);
}

static void test_held_out_score_uses_the_site_that_was_best_in_sample(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe = make_recipe();
    struct orr_findings findings = {.row = NULL};
    struct orr_measures measures = {.item = NULL};
    add_r2(&findings, "trained", "a", "Fx", 0.9, 0.1);
    add_r2(&findings, "trained", "b", "Fx", 0.8, 0.7);
    add_r2(&findings, "trained", "a", "Fy", 0.2, 0.3);
    add_r2(&findings, "trained", "b", "Fy", 0.4, 0.5);

    expect_ok(orr_scores_add(&findings, recipe, &err), &err);
    expect_ok(orr_measures_from_findings(&measures, &findings, &err), &err);

    expect_measure(&measures, "trained", "train", (0.9 + 0.4) / 2);
    expect_measure(&measures, "trained", "held_out", (0.1 + 0.5) / 2);
    assert_int_equal(measures.count, 2);
    orr_measures_fini(&measures);
    orr_findings_fini(&findings);
    orr_recipe_destroy(recipe);
}

static void test_control_is_scored_site_by_site_and_missing_targets_give_no_score(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe = make_recipe();
    struct orr_findings findings = {.row = NULL};
    struct orr_measures measures = {.item = NULL};
    add_r2(&findings, "none", "raw_inputs", "Fx", 0.1, 0.2);
    add_r2(&findings, "none", "raw_inputs", "Fy", 0.3, 0.4);
    add_r2(&findings, "none", "raw_inputs_squared", "Fx", 0.5, 0.6);
    add_r2(&findings, "none", "raw_inputs_squared", "Fy", 0.7, 0.8);
    add_r2(&findings, "untrained", "a", "Fx", 0.9, 0.9); /* and no Fy */

    expect_ok(orr_scores_add(&findings, recipe, &err), &err);
    expect_ok(orr_measures_from_findings(&measures, &findings, &err), &err);

    expect_measure(&measures, "raw_inputs", "held_out", (0.2 + 0.4) / 2);
    expect_measure(&measures, "raw_inputs_squared", "train", (0.5 + 0.7) / 2);
    assert_true(isnan(orr_measures_find(&measures, "force", "untrained", "linear", "train")));
    assert_int_equal(measures.count, 4);
    orr_measures_fini(&measures);
    orr_findings_fini(&findings);
    orr_recipe_destroy(recipe);
}

static void test_findings_that_would_break_the_file_are_refused(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_findings findings = {.row = NULL};
    struct orr_finding f = {.size = sizeof f, .quantity = "a,b", .site = "", .target = "", .unit = "1"};
    expect_error(orr_findings_add(&findings, "trained", "p", &f, &err), &err, ORR_EINVAL, "quantity", "a,b");
    f.quantity = "a";
    f.site = NULL;
    expect_error(orr_findings_add(&findings, "trained", "p", &f, &err), &err, ORR_EINVAL, "no site");
    f.site = "";
    f.split = (enum orr_split)7;
    expect_error(orr_findings_add(&findings, "trained", "p", &f, &err), &err, ORR_EINVAL, "split", "7");
    assert_int_equal(findings.count, 0);
    orr_findings_fini(&findings);
}

static void test_findings_are_printed_as_csv(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_findings findings = {.row = NULL, .step = 40};
    struct orr_text text = {.data = NULL};
    add_r2(&findings, "trained", "a", "Fx", 0.1, -INFINITY);
    findings.step = -1;
    add_r2(&findings, "none", "a", "Fx", 0.5, 0.25);
    expect_ok(orr_findings_print(&findings, "context=2,seed=0", &text, &err), &err);
    assert_string_equal(text.data, "\"context=2,seed=0\",trained,linear,r2,a,Fx,train,0.1,,7,1,40\n"
                                   "\"context=2,seed=0\",trained,linear,r2,a,Fx,held_out,-inf,,7,1,40\n"
                                   "\"context=2,seed=0\",none,linear,r2,a,Fx,train,0.5,,7,1,\n"
                                   "\"context=2,seed=0\",none,linear,r2,a,Fx,held_out,0.25,,7,1,\n");
    orr_text_fini(&text);
    orr_findings_fini(&findings);
}

static void test_summary_is_read_back_and_another_recipe_is_refused(void **state)
{
    (void)state;
    struct orr_error err;
    char directory[256], path[300];
    struct orr_recipe *recipe = make_recipe();
    struct orr_measures out = {.item = NULL}, in = {.item = NULL}, other = {.item = NULL};
    make_scratch(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/summary.json", directory);
    expect_ok(orr_measures_add(&out, "force", "trained", "linear", "train", 0.1, &err), &err);
    expect_ok(orr_measures_add(&out, "loss", "none", "", "", NAN, &err), &err);

    expect_ok(orr_measures_write(&out, recipe, "", "0123456789abcdef", path, &err), &err);
    expect_ok(orr_measures_read(&in, "0123456789abcdef", path, &err), &err);

    assert_int_equal(in.count, 2);
    assert_true(in.item[0].value == 0.1); /* 17 digits: the same bits */
    assert_true(isnan(in.item[1].value));
    assert_string_equal(in.item[1].quantity, "loss");
    expect_error(orr_measures_read(&other, "fedcba9876543210", path, &err), &err, ORR_EINVAL, "another recipe");
    write_bytes(path, "{\"format\": 1", 12);
    expect_error(orr_measures_read(&other, "0123456789abcdef", path, &err), &err, ORR_EFORMAT, path);
    orr_measures_fini(&out);
    orr_measures_fini(&in);
    orr_measures_fini(&other);
    orr_recipe_destroy(recipe);
    remove_scratch(directory);
}

static void test_table_columns_line_up(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status = ORR_OK;
    struct orr_table table = {.n_columns = 2};
    struct orr_text text = {.data = NULL};
    static const char *const cells[] = {"", "x", "\u00e9n", "1.25", "s|t", "10", "incomplete"};
    for (size_t i = 0; i < 7; ++i)
        orr_table_add(&table, &status, &err, "%s", cells[i]);
    expect_ok(status, &err);
    expect_ok(orr_table_print(&table, &text, &err), &err);
    assert_string_equal(text.data, "|      |    x |\n| ---- | ---: |\n| \u00e9n   | 1.25 |\n| s\\|t |   10 |\n");
    orr_text_fini(&text);
    orr_table_fini(&table);
}

static void test_a_site_without_a_number_is_never_the_best(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *recipe = make_recipe();
    struct orr_findings findings = {.row = NULL};
    struct orr_measures measures = {.item = NULL};
    add_r2(&findings, "trained", "a", "Fx", NAN, NAN);
    add_r2(&findings, "trained", "b", "Fx", 0.8, 0.7);
    add_r2(&findings, "trained", "b", "Fy", 0.4, 0.5);

    expect_ok(orr_scores_add(&findings, recipe, &err), &err);
    expect_ok(orr_measures_from_findings(&measures, &findings, &err), &err);

    expect_measure(&measures, "trained", "held_out", (0.7 + 0.5) / 2);
    orr_measures_fini(&measures);
    orr_findings_fini(&findings);
    orr_recipe_destroy(recipe);
}

/* n finished points that differ by seed, with score `first + step * i` of the trained network and 0.1 of the untrained.
 */
static void make_points(struct orr_gathered *gathered, struct orr_gathered_point *point, size_t n, double first,
                        double step)
{
    struct orr_error err;
    *gathered = (struct orr_gathered){.point = point, .n_points = n, .n_finished = n, .full_tokens = 90};
    for (size_t i = 0; i < n; ++i) {
        point[i] = (struct orr_gathered_point){
            .recipe = make_recipe(), .state = ORR_POINT_FINISHED, .place = {.device = "d:0"}};
        snprintf(point[i].name, sizeof point[i].name, "seed=%zu", i);
        struct orr_measures *m = &point[i].measures;
        expect_ok(orr_measures_add(m, "force", "trained", "linear", "held_out", first + step * (double)i, &err), &err);
        expect_ok(orr_measures_add(m, "force", "untrained", "linear", "held_out", 0.1, &err), &err);
    }
}

static void free_points(const struct orr_gathered *gathered)
{
    for (size_t i = 0; i < gathered->n_points; ++i) {
        orr_recipe_destroy(gathered->point[i].recipe);
        orr_measures_fini(&gathered->point[i].measures);
    }
}

static void expect_report(const struct orr_gathered *gathered, const char *const *fragments)
{
    struct orr_error err;
    struct orr_text text = {.data = NULL};
    expect_ok(orr_report_print(gathered, &text, &err), &err);
    for (; *fragments; ++fragments)
        if (!strstr(text.data, *fragments)) fail_msg("\"%s\" is not in:\n%s", *fragments, text.data);
    orr_text_fini(&text);
}

static void test_report_of_one_seed(void **state)
{
    (void)state;
    struct orr_gathered gathered;
    struct orr_gathered_point point[1];
    make_points(&gathered, point, 1, 0.25, 0);
    /* 5 steps of 3 windows of 2 points are 30 of the full job's 90. */
    expect_report(&gathered, (const char *const[]){
                                 "# made-up: a question", "smoke test; device d:0; 1 of 1 points finished",
                                 "3 times smaller than the full job", "trained - untrained", "0.15",
                                 "one seed: no interval", "out of range", "1 more claims are about points", NULL});
    free_points(&gathered);
}

/* Repeating the last point of what stands still is never wrong: no number is so many times 0. */
static void test_no_ratio_to_a_loss_of_zero(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_gathered gathered;
    struct orr_gathered_point point[1];
    make_points(&gathered, point, 1, 0.25, 0);
    struct orr_measures *m = &point[0].measures;
    expect_ok(orr_measures_add(m, "clean_loss", "trained", "loss", "held_out", 0.5, &err), &err);
    expect_ok(orr_measures_add(m, "clean_loss", "none", "loss", "held_out", 0, &err), &err);
    struct orr_text text = {.data = NULL};
    expect_ok(orr_report_print(&gathered, &text, &err), &err);
    if (!strstr(text.data, "0.5") || strstr(text.data, "inf") || strstr(text.data, "nan"))
        fail_msg("a ratio is no number:\n%s", text.data);
    orr_text_fini(&text);
    free_points(&gathered);
}

static void test_report_of_two_seeds(void **state)
{
    (void)state;
    struct orr_gathered gathered;
    struct orr_gathered_point point[2];
    make_points(&gathered, point, 2, 0.4, 0.1);
    /* Mean 0.45; standard error 0.05; t(1) = 12.706, so +- 0.6353, and one more seed +- 0.6353 sqrt(3) = 1.1004. Each
     * seed trains on 30 of the full job's 90 points. */
    expect_report(&gathered,
                  (const char *const[]){"60 input points in all, 30 with each of 2 seeds: 3 times smaller",
                                        "0.45 +- 0.64", "0.35 +- 0.64", "interval holds it", "interval meets the range",
                                        "-0.6504 to 1.55, holds it", "## Every seed", "| seed=0 | trained ", "0.4 |",
                                        "| seed=1 | trained - untrained ", NULL});
    free_points(&gathered);
}

/* A claim that is contradicted in the fifth digit, and an interval that is narrow: both must be seen. */
static void test_numbers_have_the_digits_that_tell_them_apart(void **state)
{
    (void)state;
    const double near[] = {0.9998, 0.999964, 0.999974}, equal[] = {0.5, 0.5}, never[] = {1, 1 + 1e-9};
    assert_int_equal(orr_report_digits(4, near, 3), 5);
    assert_int_equal(orr_report_digits(4, near, 1), 4);
    assert_int_equal(orr_report_digits(4, equal, 2), 4);
    assert_int_equal(orr_report_digits(4, never, 2), 6);
    assert_int_equal(orr_report_digits(9, never, 2), 9);

    struct orr_error err;
    struct orr_gathered gathered;
    struct orr_gathered_point point[2];
    struct orr_html page = {.err = &err};
    double value[2];
    make_points(&gathered, point, 2, 0.50003, 0.000001);
    /* t(1) 12.706 times 0.0000005 is 0.0000064; one more seed: times the square root of 3, 0.000011. */
    const struct orr_reporting r = {.gathered = &gathered, .recipe = point[0].recipe, .value = value, .err = &err};
    expect_ok(orr_report_claims(&r, &page), &err);
    static const char *const fragments[] = {
        ": 0.5 (here); here 0.50003 (95\u00a0% interval 0.50002 to 0.50004, 2 seeds)",
        "(one more seed would lie within 0.50002 to 0.50004)"};
    for (size_t i = 0; i < 2; ++i)
        if (!strstr(page.text.data, fragments[i])) fail_msg("no \"%s\" in:\n%s", fragments[i], page.text.data);
    expect_report(&gathered, (const char *const[]){" 0.50003 +- 6.4e-06 ", "0.50002 to 0.50004, misses it", NULL});
    orr_text_fini(&page.text);
    free_points(&gathered);
}

static void test_size_beside_the_full_job(void **state)
{
    (void)state;
    static const double full[] = {90, 39, 3000, 30, 0};
    static const char *const text[] = {
        "Trained on 30 input points in all: 3 times smaller than the full job (90).",
        "Trained on 30 input points in all: 1.3 times smaller than the full job (39).",
        "Trained on 30 input points in all: 100 times smaller than the full job (3e+03).",
        "Trained on 30 input points in all: the full job's 30.", "Trained on 30 input points in all."};
    struct orr_gathered gathered;
    struct orr_gathered_point point[1];
    char scale[256];
    make_points(&gathered, point, 1, 0.25, 0);
    for (size_t i = 0; i < 5; ++i) {
        gathered.full_tokens = full[i];
        orr_report_scale(&gathered, scale, sizeof scale);
        assert_string_equal(scale, text[i]);
    }
    free_points(&gathered);
}

/* Findings with a site or a target are in no table: they are counted. */
static void test_a_probe_of_sites_alone_is_named(void **state)
{
    (void)state;
    struct orr_gathered gathered;
    struct orr_gathered_point point[2];
    make_points(&gathered, point, 2, 0.25, 0);
    struct orr_gathered_count found = {.probe = "linear", .n = 2};
    point[1].found = &found;
    point[1].n_found = 1;
    struct orr_error err;
    struct orr_text text = {.data = NULL};
    expect_ok(orr_report_print(&gathered, &text, &err), &err);
    if (strstr(text.data, "findings.csv")) fail_msg("a probe with a table is told of:\n%s", text.data);
    orr_text_fini(&text);
    for (size_t i = 0; i < 2; ++i)
        orr_measures_fini(&point[i].measures);
    expect_report(&gathered, (const char *const[]){"\nprobe linear: 2 findings, in findings.csv\n", NULL});
    point[1].n_found = 0;
    expect_ok(orr_report_print(&gathered, &text, &err), &err);
    if (strstr(text.data, "findings.csv")) fail_msg("no finding is told of:\n%s", text.data);
    orr_text_fini(&text);
    free_points(&gathered);
}

static void test_report_names_what_is_missing(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_gathered gathered;
    struct orr_gathered_point point[3];
    struct orr_text text = {.data = NULL};
    make_points(&gathered, point, 3, 0.4, 0.1);
    point[0].state = ORR_POINT_MISSING;
    point[1].state = ORR_POINT_BEGUN;
    point[1].steps = 3;
    gathered.n_finished = 1;
    expect_report(&gathered,
                  (const char *const[]){"1 of 3 points finished", "## Missing: 2 of 3 points", "- seed=0: not begun",
                                        "- seed=1: 3 of 5 steps saved", "0.6 |", "one seed: no interval", NULL});
    point[2].state = ORR_POINT_BEGUN;
    expect_error(orr_report_print(&gathered, &text, &err), &err, ORR_EBUG, "no finished point");
    free_points(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_out_score_uses_the_site_that_was_best_in_sample),
        cmocka_unit_test(test_control_is_scored_site_by_site_and_missing_targets_give_no_score),
        cmocka_unit_test(test_findings_that_would_break_the_file_are_refused),
        cmocka_unit_test(test_findings_are_printed_as_csv),
        cmocka_unit_test(test_summary_is_read_back_and_another_recipe_is_refused),
        cmocka_unit_test(test_a_site_without_a_number_is_never_the_best),
        cmocka_unit_test(test_table_columns_line_up),
        cmocka_unit_test(test_report_of_one_seed),
        cmocka_unit_test(test_no_ratio_to_a_loss_of_zero),
        cmocka_unit_test(test_report_of_two_seeds),
        cmocka_unit_test(test_numbers_have_the_digits_that_tell_them_apart),
        cmocka_unit_test(test_size_beside_the_full_job),
        cmocka_unit_test(test_a_probe_of_sites_alone_is_named),
        cmocka_unit_test(test_report_names_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
