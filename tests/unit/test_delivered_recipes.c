/* The recipes that are delivered: every size of every one reads, with every point of its sweep and all parameters of
 * its plugins; `full` has the numbers of arXiv 2602.06923; and every claim is about a point that some size has. */
#include "expect.h"
#include "study/run.h"

#include <glob.h>

static const char *recipe_path(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/recipes/%s.yaml", getenv("ORRERY_TEST_SOURCE"), name);
    return path;
}

/* ---- every size ---- */

/* Read all points of a size, with one seed; claimed[k]: claim k is about one of them. */
static void read_size(const char *path, const char *size, struct orr_loader *loader, bool *claimed, size_t most)
{
    struct orr_error err;
    struct orr_sweep *sweep;
    const struct orr_sweep_options options = {.size = size, .seeds = "100"};
    expect_ok(orr_sweep_create(path, &options, &sweep, &err), &err);
    for (size_t i = 0; i < sweep->n_points; ++i) {
        struct orr_recipe *r;
        expect_ok(orr_sweep_point(sweep, i, &r, &err), &err);
        if (i == 0) expect_ok(orr_recipe_bind(r, loader, &err), &err);
        assert_true(r->n_expectations <= most);
        for (size_t k = 0; k < r->n_expectations; ++k)
            claimed[k] = claimed[k] || orr_recipe_expects(r, &r->expectations[k]);
        orr_recipe_destroy(r);
    }
    orr_sweep_destroy(sweep);
}

static void read_recipe(const char *path, struct orr_loader *loader)
{
    enum { CLAIMS = 128 };
    bool claimed[CLAIMS] = {false};
    struct orr_error err;
    struct orr_config *config;
    expect_ok(orr_config_load(path, &config, &err), &err);
    const struct orr_config_node *sizes = orr_config_find(orr_config_root(config), "sizes");
    const struct orr_config_node *claims = orr_config_find(orr_config_root(config), "expect");
    read_size(path, NULL, loader, claimed, CLAIMS);
    for (size_t i = 0; sizes && i < sizes->count; ++i)
        read_size(path, sizes->children[i]->key, loader, claimed, CLAIMS);
    for (size_t k = 0; claims && k < claims->count; ++k)
        if (!claimed[k])
            fail_msg("%s:%d: no size has a point that this claim is about", path, claims->children[k]->line);
    orr_config_destroy(config);
}

static void test_every_size_is_sound(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_loader *loader;
    glob_t found;
    size_t n = 0;
    expect_ok(orr_loader_create(&loader, &err), &err);
    assert_int_equal(glob(recipe_path("*"), 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; ++i) {
        if (strstr(found.gl_pathv[i], ".analysis.yaml")) continue;
        read_recipe(found.gl_pathv[i], loader);
        ++n;
    }
    if (n < 11) fail_msg("only %zu recipes in %s", n, recipe_path("*"));
    globfree(&found);
    orr_loader_destroy(loader);
}

/* ---- the paper's numbers ---- */

/* Section 1 of each experiment: steps, windows a step (0: all), the schedule, orbits or waves at the first and the last
 * point of the sweep. */
struct published {
    const char *recipe, *size;
    size_t points;
    uint64_t steps;
    uint32_t batch;
    enum orr_schedule_kind schedule;
    int64_t first_trajectories, last_trajectories;
};

static const struct published paper[] = {
    {"sine-spatial-map", "full", 1, 201, 0, ORR_SCHEDULE_CONSTANT, 200, 200},
    {"sine-scaling", "full", 25, 20001, 128, ORR_SCHEDULE_STEP_DROP, 128, 2048},
    {"sine-scaling", "width-full", 50, 20001, 128, ORR_SCHEDULE_STEP_DROP, 128, 2048},
    {"sine-scaling", "large-full", 22, 20001, 128, ORR_SCHEDULE_STEP_DROP, 20, 2000000},
    {"sine-scaling", "large-wide-full", 11, 20001, 128, ORR_SCHEDULE_STEP_DROP, 20, 2000000},
    {"noisy-context", "full", 2, 1001, 0, ORR_SCHEDULE_CONSTANT, 2000, 2000},
    {"regression-vs-classification-numbers", "full", 30, 20001, 128, ORR_SCHEDULE_STEP_DROP, 20, 200000},
    {"regression-vs-classification-tokens", "full", 30, 20001, 128, ORR_SCHEDULE_STEP_DROP, 20, 200000},
    {"kepler-newton", "full", 7, 20001, 12800, ORR_SCHEDULE_STEP_DROP, 20000, 20000},
};

static void check_published(const struct published *p, const struct orr_recipe *r)
{
    const struct orr_train_config c = orr_recipe_train(r);
    const struct orr_schedule *s = &c.schedule;
    assert_int_equal(c.steps, p->steps);
    assert_true(c.full_batch == (p->batch == 0));
    if (p->batch) assert_int_equal(c.batch, p->batch);
    assert_int_equal(s->kind, p->schedule);
    assert_true(s->learning_rate == 1e-3 && s->warmup_steps == 0);
    if (s->kind == ORR_SCHEDULE_STEP_DROP) assert_true(s->drop_at == 0.5 && s->drop_factor == 0.1);
    assert_true(r->train.beta1 == 0.9 && r->train.beta2 == 0.999 && r->train.eps == 1e-8 && r->train.weight_decay == 0);
    assert_true(r->model.n_layer == 2 && r->model.n_head == 1 && r->model.window == 0);
    assert_true(r->data.steps == 100 && r->data.train_fraction == 0.5 && !r->train.fresh);
}

static void test_full_sizes_are_the_papers(void **state)
{
    (void)state;
    for (const struct published *p = paper; p < paper + sizeof paper / sizeof *paper; ++p) {
        struct orr_error err;
        struct orr_sweep *sweep;
        const struct orr_sweep_options options = {.size = p->size};
        print_message("%s, %s\n", p->recipe, p->size);
        expect_ok(orr_sweep_create(recipe_path(p->recipe), &options, &sweep, &err), &err);
        assert_int_equal(sweep->n_points, p->points);
        const size_t ends[] = {0, p->points - 1};
        for (size_t i = 0; i < 2; ++i) {
            struct orr_recipe *r;
            expect_ok(orr_sweep_point(sweep, ends[i], &r, &err), &err);
            struct published here = *p;
            if (r->train.batch_tokens) here.batch = p->batch / (uint32_t)r->data.context;
            check_published(&here, r);
            assert_int_equal(r->data.trajectories, i ? p->last_trajectories : p->first_trajectories);
            orr_recipe_destroy(r);
        }
        orr_sweep_destroy(sweep);
    }
}

/* ---- figure 6, which is judged by an analysis fixed beforehand ---- */

static void test_figure_6_in_full(void **state)
{
    (void)state;
    static const int64_t batch[] = {12800, 6400, 2560, 1280, 640, 256, 128};
    struct orr_error err;
    struct orr_sweep *sweep;
    const struct orr_sweep_options options = {.size = "full"};
    expect_ok(orr_sweep_create(recipe_path("kepler-newton"), &options, &sweep, &err), &err);
    assert_int_equal(sweep->n_points, 7);
    for (size_t k = 0; k < 7; ++k) {
        struct orr_recipe *r;
        expect_ok(orr_sweep_point(sweep, k, &r, &err), &err);
        const struct orr_train_config c = orr_recipe_train(r);
        assert_int_equal(c.batch, batch[k]);
        assert_true(c.noise == 0.1);
        assert_string_equal(r->label, "paper-faithful reproduction");
        /* The published scores were fitted and scored on 1,000 training windows. */
        assert_string_equal(r->probes[0].label, "linear-single");
        assert_string_equal(orr_config_find(r->probes[0].node, "windows")->text, "1000");
        /* And beside them stands the analysis that was fixed beforehand. */
        assert_string_equal(r->probes[2].label, "sound");
        assert_string_equal(r->analysis.file, "kepler-newton.analysis.yaml");
        assert_int_equal(strlen(r->analysis.sha256), 64);
        assert_int_equal(r->analysis.first_seed, 100);
        assert_true(r->train.seed >= r->analysis.first_seed);
        assert_int_equal(r->n_contrasts, 1);
        orr_recipe_destroy(r);
    }
    orr_sweep_destroy(sweep);
}

/* With L layers a window of w points sees L (w - 1) + 1 of them. */
static void test_windows_and_chopped_contexts_see_as_much(void **state)
{
    (void)state;
    static const char *const size[][2] = {
        {"quick", "chopped-quick"}, {"full", "chopped-full"}, {"medium", "chopped-medium"}};
    struct orr_error err;
    for (size_t s = 0; s < sizeof size / sizeof *size; ++s) {
        struct orr_sweep *sweep[2];
        int64_t seen[2][32];
        size_t n[2] = {0, 0};
        for (size_t way = 0; way < 2; ++way) {
            const struct orr_sweep_options options = {.size = size[s][way]};
            expect_ok(orr_sweep_create(recipe_path("kepler-window"), &options, &sweep[way], &err), &err);
            for (size_t i = 0; i < sweep[way]->n_points; ++i) {
                struct orr_recipe *r;
                expect_ok(orr_sweep_point(sweep[way], i, &r, &err), &err);
                const int64_t w = r->model.window;
                assert_true(n[way] < 32);
                if (way == 1)
                    seen[1][n[1]++] = r->data.context;
                else if (w > 0)
                    seen[0][n[0]++] = r->model.n_layer * (w - 1) + 1;
                orr_recipe_destroy(r);
            }
            orr_sweep_destroy(sweep[way]);
        }
        assert_int_equal(n[0], n[1]);
        for (size_t i = 0; i < n[0]; ++i)
            assert_int_equal(seen[0][i], seen[1][i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_is_sound),
        cmocka_unit_test(test_full_sizes_are_the_papers),
        cmocka_unit_test(test_figure_6_in_full),
        cmocka_unit_test(test_windows_and_chopped_contexts_see_as_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
