/* What a report answers first, of sweeps whose truth is planted: slopes, crossings, intervals, and what cannot be told.
 */
#include "expect.h"
#include "study/report_answers.h"
#include "study/report_sources.h"

#include <math.h>

/* printf 'abc: 1\n' | sha256sum; printf 'analysis: {sha256: feed}\n' | sha256sum */
#define HASH_A "be10690b979a6439e0a095045129e20996ed424d61bb7149016297110c1b4303"
#define HASH_C "8d653c210e07d0623e925ef66947695bb08603d532e774b3b419c60ac26cbda3"

enum { CONTEXTS = 3, SEEDS = 3, POINTS = CONTEXTS * SEEDS };

static const double contexts[CONTEXTS] = {2, 5, 20};

struct sweep {
    struct orr_gathered gathered;
    struct orr_gathered_point point[POINTS];
    char *key[2];
    char context[32], seed[32];
    double value[POINTS];
};

static void measure(struct orr_gathered_point *p, const char *quantity, const char *network, double value)
{
    struct orr_error err;
    const char *probe = strcmp(quantity, "far_error") == 0 ? "rollout" : "sound";
    expect_ok(orr_measures_add(&p->measures, quantity, network, probe, "held_out", value, &err), &err);
}

/* up gains 0.1 log(context), down loses slope log(context), and they cross at `cross`; far_error falls by 0.2. */
static void add_point(struct sweep *s, size_t i, double slope, double cross)
{
    struct orr_error err;
    struct orr_config *config;
    struct orr_gathered_point *p = &s->point[i];
    const double x = contexts[i % CONTEXTS];
    char text[1400];
    snprintf(
        text, sizeof text,
        "name: made-up\nsimulator: {name: none}\ntrain: {steps: 5, batch_size: 3, seed: %d}\n"
        "data: {trajectories: 64, steps: 100, context: %g}\nprobes: [{name: linear, as: sound}]\n"
        "scores: {up: [a], down: [b]}\ncontrasts: {up_minus_down: [up, down]}\n"
        "analysis: {file: judge.yaml, sha256: abc, first_seed: 100}\n"
        "expect:\n"
        "  - {claim: far, quantity: far_error, probe: rollout, where: {data.context: 2}, value: 1.86, source: here}\n"
        "  - {claim: far, quantity: far_error, probe: rollout, where: {data.context: 20}, value: 9, source: here}\n"
        "  - {claim: near, quantity: near_error, where: {data.context: 2}, value: 1, source: here}\n"
        "  - {claim: part, quantity: best_r2_a, where: {data.context: 2}, value: 1, source: here}\n"
        "  - {claim: part, quantity: best_r2_a, where: {data.context: 20}, value: 1, source: here}\n",
        (int)(100 + i / CONTEXTS), x);
    *p = (struct orr_gathered_point){.seed = 100 + (int64_t)(i / CONTEXTS), .state = ORR_POINT_FINISHED};
    snprintf(p->group, sizeof p->group, "context=%g", x);
    snprintf(p->name, sizeof p->name, "context=%g,seed=%d", x, (int)p->seed);
    expect_ok(orr_config_parse(text, "text", &config, &err), &err);
    expect_ok(orr_recipe_create(config, &p->recipe, &err), &err);
    measure(p, "down", "trained", 1 + slope * log(x));
    measure(p, "down", "untrained", 1);
    measure(p, "up", "trained", 0.5 + 0.1 * log(x));
    measure(p, "up", "untrained", 0.5);
    measure(p, "up_minus_down", "trained", 0.3 * log(x / cross));
    measure(p, "up_minus_down", "untrained", 0.1 * log(x / (cross / 2))); /* crosses at 3.5, before any training */
    measure(p, "near_error", "trained", 1); /* claimed at one context: no trend is asked for, nor of a score's part */
    measure(p, "best_r2_a", "trained", 1);
    measure(p, "far_error", "trained", 2 - (0.2 + 0.01 * (double)(i / CONTEXTS)) * log(x));
}

static void open_sweep(struct sweep *s, const double slope[SEEDS])
{
    static const double cross[SEEDS] = {6, 7, 49.0 / 6}; /* their geometric mean is 7 */
    *s = (struct sweep){.context = "data.context", .seed = "train.seed"};
    for (size_t i = 0; i < POINTS; ++i)
        add_point(s, i, slope[i / CONTEXTS], cross[i / CONTEXTS]);
    s->key[0] = s->context;
    s->key[1] = s->seed;
    s->gathered =
        (struct orr_gathered){.key = s->key, .n_keys = 2, .point = s->point, .n_points = POINTS, .n_finished = POINTS};
}

static void close_sweep(struct sweep *s)
{
    for (size_t i = 0; i < POINTS; ++i) {
        orr_recipe_destroy(s->point[i].recipe);
        orr_measures_fini(&s->point[i].measures);
        orr_findings_fini(&s->point[i].findings);
    }
}

static struct orr_reporting reporting(struct sweep *s, struct orr_text *text, struct orr_error *err)
{
    return (struct orr_reporting){
        .gathered = &s->gathered, .recipe = s->point[0].recipe, .value = s->value, .text = text, .err = err};
}

/* The answers as report.md has them hold every fragment, and no trend of what is not asked by context. */
static void expect_answers(struct sweep *s, const char *const *fragment)
{
    struct orr_error err;
    struct orr_text text = {.data = NULL};
    struct orr_html page = {.err = &err};
    const struct orr_reporting r = reporting(s, &text, &err);
    expect_ok(orr_answers_print(&r), &err);
    expect_ok(orr_answers_show(&r, &page), &err);
    if (text.data && (strstr(text.data, "near error") || strstr(text.data, "best r2")))
        fail_msg("a trend that nothing asks for:\n%s", text.data);
    for (; *fragment; ++fragment)
        if (!text.data || !strstr(text.data, *fragment))
            fail_msg("no \"%s\" in:\n%s", *fragment, text.data ? text.data : "nothing");
    if (!strstr(page.text.data, "<h2>Is it real?</h2>")) fail_msg("no heading in:\n%s", page.text.data);
    orr_text_fini(&text);
    orr_text_fini(&page.text);
}

static const double steady[SEEDS] = {-0.19, -0.2, -0.21}, wild[SEEDS] = {-0.1, -0.2, -0.3};

static void test_planted_truth_is_answered(void **state)
{
    (void)state;
    struct sweep s;
    open_sweep(&s, steady);
    /* Slopes -0.19, -0.2, -0.21: 4.303 times 0.01 / sqrt(3) is 0.02484. Crossings: their logarithms lie log(7/6) apart,
     * so that 4.303 log(7/6) / sqrt(3) is 0.38296: 7 exp(-0.38296) to 7 exp(0.38296). */
    expect_answers(&s,
                   (const char *const[]){
                       "9 of 9 points finished, 3 seeds. Judged by judge.yaml, fixed beforehand.",
                       "- The up score rises with the context through training (supported): trained minus "
                       "untrained is 0.06931 at "
                       "context 2 and 0.2996 at context 20; slope against the logarithm of the context 0.1 "
                       "(95\u00a0% interval 0.1 "
                       "to 0.1, 3 seeds); slopes of the scores themselves: trained 0.1, untrained 0; sound reading.",
                       "- The down score falls with the context through training (supported)",
                       "-0.2 (95\u00a0% interval -0.2248 to -0.1752, 3 seeds)",
                       "- The trained up and down scores cross at context 7 (supported): 95\u00a0% interval 4.773 to "
                       "10.27, one crossing in 3 "
                       "of 3 seeds; above it up is the greater one; untrained networks cross at 3.5 (2.386 to "
                       "5.133); sound reading.",
                       "- The far error falls with the context (supported): it is 1.854 at context 2",
                       "-0.21 (95\u00a0% interval -0.2348 to -0.1852, 3 seeds); the analysis does not ask it",
                       "- Of 5 published or expected values these runs contradict 1 (contradicted): consistent, by",
                       "by their range: 4; open: 0; each is read as it was published", NULL});
    close_sweep(&s);
    open_sweep(&s, wild);
    /* 4.303 times 0.1 / sqrt(3) is 0.2484. */
    expect_answers(&s,
                   (const char *const[]){"- Whether the down score falls or rises with the context through training is "
                                         "open (open)",
                                         "-0.2 (95\u00a0% interval -0.4484 to 0.04843, 3 seeds)", NULL});
    close_sweep(&s);
}

static void test_one_seed_has_no_interval(void **state)
{
    (void)state;
    struct sweep s;
    open_sweep(&s, steady);
    s.gathered.n_points = s.gathered.n_finished = CONTEXTS;
    expect_answers(
        &s, (const char *const[]){"3 of 3 points finished, 1 seed: no number has an interval.",
                                  "Whether the down score falls or rises with the context through training is "
                                  "open (open)",
                                  "slope against the logarithm of the context -0.19 (one seed: no interval)",
                                  "cross at context 6 (open): one seed: no interval; above it up is the greater one; "
                                  "untrained networks cross at 3 (one seed: no interval)",
                                  "None of 5 published or expected values can be judged (open)", NULL});
    close_sweep(&s);
}

static void test_what_cannot_be_told_is_said(void **state)
{
    (void)state;
    struct sweep s;
    open_sweep(&s, steady);
    for (size_t i = 0; i < POINTS; ++i) /* context 2 alone */
        if (i % CONTEXTS) s.point[i].state = ORR_POINT_BEGUN;
    s.gathered.n_finished = SEEDS;
    expect_answers(&s,
                   (const char *const[]){"3 of 9 points finished",
                                         "Whether the up score falls or rises with the context through training cannot "
                                         "be told (open): the finished points have one context only",
                                         "Where the trained up and down scores cross cannot be told (open)", NULL});
    close_sweep(&s);
    open_sweep(&s, steady);
    s.point[1].state = ORR_POINT_BEGUN; /* of the first seed, context 5 */
    expect_answers(&s,
                   (const char *const[]){"2 seeds); 1 of 3 seeds lack a finite number at a context and do not count",
                                         "one crossing in 2 of 2 seeds", NULL});
    for (size_t i = CONTEXTS; i < POINTS; ++i)
        if (i != 4) s.point[i].state = ORR_POINT_MISSING; /* the second seed has context 5 alone */
    expect_answers(&s, (const char *const[]){"no seed has a number at each", NULL});
    close_sweep(&s);
}

static void test_no_crossing_is_not_identified(void **state)
{
    (void)state;
    struct sweep s;
    open_sweep(&s, steady);
    for (size_t i = 0; i < POINTS; ++i)
        for (size_t k = 0; i / CONTEXTS < 2 && k < s.point[i].measures.count; ++k)
            if (strcmp(s.point[i].measures.item[k].quantity, "up_minus_down") == 0)
                s.point[i].measures.item[k].value = 1;
    expect_answers(
        &s, (const char *const[]){"Where the trained up and down scores cross is not identified (open): of 3 seeds 1 "
                                  "has one crossing between contexts 2 and 20, 2 none, 0 several; untrained networks: "
                                  "not identified (one crossing in 1 of 3 seeds); sound reading",
                                  NULL});
    close_sweep(&s);
}

/* By the same rule as of the trained ones, and nothing where no untrained network was measured. */
static void test_control_of_a_crossing(void **state)
{
    (void)state;
    static const char *const text[] = {
        "above it up is the greater one; untrained networks: not identified (one crossing in 1 of 3 seeds); sound",
        "above it up is the greater one; sound reading"};
    for (int missing = 0; missing < 2; ++missing) {
        struct sweep s;
        open_sweep(&s, steady);
        for (size_t i = 0; i < POINTS; ++i)
            for (size_t k = 0; (missing || i / CONTEXTS < 2) && k < s.point[i].measures.count; ++k) {
                struct orr_measure *m = &s.point[i].measures.item[k];
                if (strcmp(m->quantity, "up_minus_down") == 0 && strcmp(m->network, "untrained") == 0)
                    m->value = missing ? (double)NAN : 1;
            }
        expect_answers(&s, (const char *const[]){text[missing], NULL});
        close_sweep(&s);
    }
}

static void test_small_runs_say_so_of_published_values(void **state)
{
    (void)state;
    struct sweep s;
    open_sweep(&s, steady);
    s.gathered.full_tokens = 1215; /* 5 steps of 3 windows of 2, 5 and 20 points are 405 */
    expect_answers(&s, (const char *const[]){"- Of 5 published or expected values these runs contradict 1, at "
                                             "33.3\u00a0% of the full job's training (contradicted)",
                                             NULL});
    s.gathered.full_tokens = 405;
    expect_answers(&s, (const char *const[]){"these runs contradict 1 (contradicted)", NULL});
    s.gathered.full_tokens = 1215;
    s.gathered.n_points = s.gathered.n_finished = CONTEXTS;
    expect_answers(&s, (const char *const[]){"None of 5 published or expected values can be judged, at 33.3\u00a0% of "
                                             "the full job's training (open)",
                                             NULL});
    close_sweep(&s);
}

static void test_seeds_that_were_looked_at_confirm_nothing(void **state)
{
    (void)state;
    struct sweep s;
    open_sweep(&s, steady);
    s.point[0].seed = s.point[1].seed = s.point[2].seed = 7;
    expect_answers(&s, (const char *const[]){
                           "Seeds below 100 (3 points) may have been looked at before: they show, and confirm nothing.",
                           "The down score falls with the context through training (consistent)", NULL});
    close_sweep(&s);
}

static void test_infinite_numbers_have_no_interval(void **state)
{
    (void)state;
    struct sweep s;
    open_sweep(&s, steady);
    for (size_t k = 0; k < s.point[0].measures.count; ++k)
        if (strcmp(s.point[0].measures.item[k].quantity, "down") == 0 &&
            strcmp(s.point[0].measures.item[k].network, "trained") == 0)
            s.point[0].measures.item[k].value = -(double)INFINITY;
    expect_answers(&s, (const char *const[]){"1 of 3 seeds lack a finite number at a context", NULL});
    close_sweep(&s);
}

/* Bootstrap standard errors: of the network, and of what training added, which is a finding of its own. */
static void test_standard_errors_of_a_point(void **state)
{
    (void)state;
    struct sweep s;
    struct orr_error err;
    struct orr_finding f = {.size = sizeof f, .quantity = "up", .site = "", .target = "", .unit = "1", .n = 7};
    const struct orr_wanted trained = {"up", "trained", NULL, "sound", "held_out"};
    const struct orr_wanted gained = {"up", "trained", "untrained", "sound", "held_out"};
    const struct orr_wanted other = {"up", "untrained", "trained", "sound", "held_out"};
    struct orr_text text = {.data = NULL};
    open_sweep(&s, steady);
    s.gathered.n_points = CONTEXTS;
    f.split = ORR_HELD_OUT;
    f.uncertainty = 0.0125;
    f.site = "a";
    f.target = "b";
    expect_ok(orr_findings_add(&s.point[0].findings, "trained", "sound", &f, &err), &err);
    assert_true(isnan(orr_report_error(&s.point[0], &trained)));
    f.site = f.target = "";
    expect_ok(orr_findings_add(&s.point[0].findings, "trained", "sound", &f, &err), &err);
    f.uncertainty = 0.25;
    expect_ok(orr_findings_add(&s.point[0].findings, "trained-untrained", "sound", &f, &err), &err);

    assert_true(orr_report_error(&s.point[0], &trained) == 0.0125);
    assert_true(orr_report_error(&s.point[0], &gained) == 0.25);
    assert_true(isnan(orr_report_error(&s.point[0], &other)));
    assert_true(isnan(orr_report_error(&s.point[1], &trained)));
    const struct orr_reporting r = reporting(&s, &text, &err);
    expect_ok(orr_report_tables(&r), &err);
    if (!strstr(text.data, "0.5693 (0.013)") || !strstr(text.data, "0.06931 (0.25)"))
        fail_msg("no standard error in:\n%s", text.data);
    orr_text_fini(&text);
    close_sweep(&s);
}

static void put(const char *directory, const char *name, const char *content)
{
    char path[500];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void test_every_directory_says_what_made_it(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_report_sources sources;
    struct orr_text text = {.data = NULL};
    struct orr_html page = {.err = &err};
    char scratch[256], path[2][300];
    const char *const directory[] = {path[0], path[1]};
    make_scratch(scratch, sizeof scratch);
    snprintf(path[0], sizeof path[0], "%s/a<b", scratch);
    snprintf(path[1], sizeof path[1], "%s/c", scratch);
    assert_int_equal(mkdir(path[0], 0700) | mkdir(path[1], 0700), 0);
    put(path[0], "recipe.yaml", "abc: 1\n");
    put(path[0], "env.json", "{\"sessions\": [{\"command\": [\"orrery\", \"run\", \"a b\"]}, {\"command\": [\"x\"]}]}");
    put(path[1], "recipe.yaml", "analysis: {sha256: feed}\n");

    expect_ok(orr_report_sources_read(directory, 2, &sources, &err), &err);
    expect_ok(orr_report_sources_print(&sources, &text, &err), &err);
    orr_report_sources_show(&sources, &page);
    expect_ok(page.status, &err);

    const char *const fragments[] = {
        "a\\<b: recipe.yaml, SHA-256 " HASH_A "; analysis, SHA-256 none; command: orrery run 'a b'\n",
        "c: recipe.yaml, SHA-256 " HASH_C "; analysis, SHA-256 feed; command: not known\n"};
    for (size_t i = 0; i < 2; ++i)
        if (!strstr(text.data, fragments[i])) fail_msg("no \"%s\" in:\n%s", fragments[i], text.data);
    const char *const shown[] = {"a&lt;b</h3>", "<pre>orrery run &#39;a b&#39;</pre>", HASH_A, HASH_C, "<dd>feed</dd>"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; ++i)
        if (!strstr(page.text.data, shown[i])) fail_msg("no \"%s\" in:\n%s", shown[i], page.text.data);
    orr_report_sources_fini(&sources);
    orr_text_fini(&text);
    orr_text_fini(&page.text);

    put(path[1], "env.json", "{");
    expect_error(orr_report_sources_read(directory, 2, &sources, &err), &err, ORR_EFORMAT, "env.json");
    remove_scratch(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planted_truth_is_answered),
        cmocka_unit_test(test_one_seed_has_no_interval),
        cmocka_unit_test(test_what_cannot_be_told_is_said),
        cmocka_unit_test(test_no_crossing_is_not_identified),
        cmocka_unit_test(test_control_of_a_crossing),
        cmocka_unit_test(test_small_runs_say_so_of_published_values),
        cmocka_unit_test(test_seeds_that_were_looked_at_confirm_nothing),
        cmocka_unit_test(test_infinite_numbers_have_no_interval),
        cmocka_unit_test(test_standard_errors_of_a_point),
        cmocka_unit_test(test_every_directory_says_what_made_it),
    };
    return cmocka_run_group_tests_name("report_answers", tests, NULL, NULL);
}
