/* Curves, trends, crossings and power laws of a gathered sweep that is made up of numbers whose answers are known. */
#include "base/memory.h"
#include "expect.h"
#include "study/report_curves.h"

#include <math.h>

enum { CONTEXTS = 3, SEEDS = 2, POINTS = CONTEXTS * SEEDS };

static const double contexts[CONTEXTS] = {2, 5, 20};

struct sweep {
    struct orr_gathered gathered;
    struct orr_gathered_point point[POINTS];
    char *key[3];
    char text[64], other[64], third[64];
};

static void add_point(struct sweep *s, size_t i, const char *more, int64_t seed, double context, double value)
{
    struct orr_error err;
    struct orr_config *config;
    char text[700];
    snprintf(text, sizeof text,
             "name: made-up\nsimulator: {name: none}\ntrain: {steps: 5, batch_size: 3, seed: %d}\n"
             "data: {trajectories: 64, steps: 100, context: %g}\nprobes: [{name: linear, as: sound}]\n"
             "scores: {up: [a], down: [b]}\ncontrasts: {difference: [up, down]}\n%s",
             (int)seed, context, more);
    s->point[i] = (struct orr_gathered_point){.seed = seed, .state = ORR_POINT_FINISHED};
    expect_ok(orr_config_parse(text, "text", &config, &err), &err);
    expect_ok(orr_recipe_create(config, &s->point[i].recipe, &err), &err);
    expect_ok(orr_measures_add(&s->point[i].measures, "difference", "trained", "sound", "held_out", value, &err), &err);
}

/* difference = slope * log(context / zero), zero at 6 and 8.1666.. for the two seeds: points in another order. */
static void open_sweep(struct sweep *s, const char *more)
{
    static const size_t order[POINTS] = {4, 0, 2, 5, 1, 3};
    *s = (struct sweep){.text = "data.context", .other = "train.seed", .third = "model.n_embd"};
    for (size_t i = 0; i < POINTS; ++i) {
        const size_t seed = i / CONTEXTS;
        const double x = contexts[i % CONTEXTS];
        add_point(s, order[i], more, 100 + (int64_t)seed, x, 0.5 * log(x / (seed ? 49.0 / 6 : 6)));
    }
    s->key[0] = s->text;
    s->key[1] = s->other;
    s->key[2] = s->third;
    s->gathered =
        (struct orr_gathered){.key = s->key, .n_keys = 2, .point = s->point, .n_points = POINTS, .n_finished = POINTS};
}

static void close_sweep(struct sweep *s)
{
    for (size_t i = 0; i < POINTS; ++i) {
        orr_recipe_destroy(s->point[i].recipe);
        orr_measures_fini(&s->point[i].measures);
    }
}

static const struct orr_wanted wanted = {
    .quantity = "difference", .network = "trained", .probe = "sound", .split = "held_out"};

static void test_points_in_any_order_are_curves(void **state)
{
    (void)state;
    struct sweep s;
    struct orr_curves c;
    struct orr_error err;
    open_sweep(&s, "");
    s.point[0].state = ORR_POINT_BEGUN; /* context 5 of seed 101 */

    expect_ok(orr_curves_of(&s.gathered, "data.context", &wanted, &c, &err), &err);

    assert_int_equal(c.n_places, CONTEXTS);
    assert_int_equal(c.n_seeds, SEEDS);
    for (size_t k = 0; k < CONTEXTS; ++k)
        assert_true(fabs(c.place[k] - contexts[k]) < 1e-15);
    size_t missing = 0;
    for (size_t i = 0; i < POINTS; ++i)
        missing += isnan(c.value[i]) != 0;
    assert_int_equal(missing, 1);
    orr_curves_fini(&c);

    /* A sweep over something else too is no curve over contexts. */
    s.gathered.n_keys = 3;
    expect_ok(orr_curves_of(&s.gathered, "data.context", &wanted, &c, &err), &err);
    assert_int_equal(c.n_places, 0);
    orr_curves_fini(&c);
    close_sweep(&s);
}

static void print(struct sweep *s, struct orr_text *text)
{
    struct orr_error err;
    struct orr_reporting r = {.gathered = &s->gathered, .recipe = s->point[0].recipe, .text = text, .err = &err};
    expect_ok(orr_report_curves(&r), &err);
}

static void expect_text(const struct orr_text *text, const char *fragment)
{
    if (!text->data || !strstr(text->data, fragment))
        fail_msg("no \"%s\" in:\n%s", fragment, text->data ? text->data : "nothing");
}

static void test_trends_and_crossings_are_printed(void **state)
{
    (void)state;
    struct sweep s;
    struct orr_text text = {.data = NULL};
    open_sweep(&s, "analysis: {file: judge.yaml, sha256: abc, first_seed: 101}\n");

    print(&s, &text);

    expect_text(&text, "judge.yaml, SHA-256 abc");
    expect_text(&text, "3 points have seeds below 101");
    /* The geometric mean of 6 and 49/6 is 7. Their logarithms lie log(7/6) to either side, so that the standard error
     * is log(7/6), and 12.706 times that is 1.9586: 7 exp(-1.9586) to 7 exp(1.9586). */
    expect_text(&text, "7 (0.9874 to 49.63), in 2 of 2 seeds");
    expect_text(&text, "0.5 +- ");
    orr_text_fini(&text);
    close_sweep(&s);
}

static void test_power_laws_are_printed(void **state)
{
    (void)state;
    struct sweep s;
    struct orr_text text = {.data = NULL};
    struct orr_error err;
    open_sweep(&s, "fits: {law: {quantity: difference, probe: sound, over: [data.context, train.seed], times: [1, 2],\n"
                   "  complement: true, published: [1, 2, 3]},\n"
                   "  other: {quantity: difference, over: [data.context, train.seed], complement: true}}\n");
    for (size_t i = 0; i < POINTS; ++i) {
        const double context = (double)s.point[i].recipe->data.context, seed = (double)s.point[i].seed;
        orr_measures_fini(&s.point[i].measures);
        expect_ok(orr_measures_add(&s.point[i].measures, "difference", "trained", "sound", "held_out",
                                   1 - 0.125 * pow(context, 1.5) * pow(2 * seed, -0.5), &err),
                  &err);
    }

    print(&s, &text);

    expect_text(&text, "## Power laws");
    expect_text(&text, "law: 1 - difference of sound, held_out = A v^alpha d^beta, v: data.context times 1,");
    expect_text(&text, "other: 1 - difference of any probe, held_out = A v^alpha d^beta");
    expect_text(&text, "0.125 (");
    expect_text(&text, "1.5 (");
    expect_text(&text, "-0.5 (");
    expect_text(&text, "| published");
    if (strstr(text.data, "not converged")) fail_msg("%s", text.data);
    orr_text_fini(&text);
    close_sweep(&s);
}

static void test_faults_of_fits(void **state)
{
    (void)state;
    static const struct {
        const char *fit, *fragment;
    } faults[] = {
        {"[1]", "a map of fit"},
        {"{law: {over: [a, b]}}", "no quantity"},
        {"{law: {quantity: up}}", "two keys of the sweep"},
        {"{law: {quantity: up, over: [a]}}", "two keys of the sweep"},
        {"{law: {quantity: up, over: [a, b], times: [1]}}", "a list of 2 numbers"},
        {"{law: {quantity: up, over: [a, b], times: [1, 0]}}", "factors above 0"},
        {"{law: {quantity: up, over: [a, b], network: taught}}", "taught"},
        {"{law: {quantity: up, over: [a, b], splitt: train}}", "split"},
        {"{law: {quantity: up, over: [a, b], published: 3}}", "a list of 3 numbers"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        struct orr_error err;
        struct orr_config *config;
        struct orr_recipe *recipe;
        expect_ok(orr_config_parse("name: x\nsimulator: {name: none}\ntrain: {steps: 5, batch_size: 3}\n"
                                   "data: {trajectories: 4, steps: 10, context: 2}\n",
                                   "text", &config, &err),
                  &err);
        expect_ok(orr_config_set(config, "fits", faults[i].fit, "--set", &err), &err);
        expect_error(orr_recipe_create(config, &recipe, &err), &err, ORR_EINVAL, faults[i].fragment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_in_any_order_are_curves),
        cmocka_unit_test(test_trends_and_crossings_are_printed),
        cmocka_unit_test(test_power_laws_are_printed),
        cmocka_unit_test(test_faults_of_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
