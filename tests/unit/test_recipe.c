/* Recipes: every fault by its text, defaults, sizes, settings, sweeps, and the comparison of two recipes. */
#include "base/memory.h"
#include "expect.h"
#include "study/run.h"

static const char base_text[] = "name: probe-me\n"
                                "simulator: {name: kepler}\n"
                                "data:\n"
                                "  trajectories: 40\n"
                                "  steps: 100\n"
                                "  context: 10\n"
                                "train:\n"
                                "  steps: 50\n"
                                "  batch_tokens: 100\n"
                                "probes:\n"
                                "  - name: linear\n"
                                "sizes:\n"
                                "  tiny: {train.steps: 3, sweep: {data.context: [5, 10]}}\n";

/* The base with its sizes removed and one key set, as a recipe. */
static orr_status create(const char *key, const char *value, struct orr_recipe **out, struct orr_error *err)
{
    struct orr_config *config;
    expect_ok(orr_config_parse(base_text, "recipe.yaml", &config, err), err);
    assert_int_equal(orr_config_remove(config, "sizes"), ORR_OK);
    if (key) expect_ok(orr_config_set(config, key, value, "--set", err), err);
    return orr_recipe_create(config, out, err);
}

static void test_defaults(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *r;
    expect_ok(create(NULL, NULL, &r, &err), &err);
    const struct orr_train_config train = orr_recipe_train(r);
    const struct orr_model model = orr_recipe_model(r, 2);
    const struct orr_data_config data = orr_recipe_data(r);
    assert_int_equal(train.batch, 10);
    assert_true(train.optimiser.beta2 == 0.999 && train.schedule.learning_rate == 1e-3);
    assert_int_equal(train.schedule.kind, ORR_SCHEDULE_CONSTANT);
    assert_int_equal(model.n_layer, 2);
    assert_int_equal(model.n_embd, 32);
    assert_int_equal(model.block_size, 10);
    assert_int_equal(data.seed, 1);
    assert_true(orr_recipe_tokens(r) == 50 * 10 * 10);
    assert_string_equal(r->label, "smoke test");
    assert_int_equal(r->study.n_sites, 13);
    assert_string_equal(r->study.sites[0], "hook_embed");
    assert_string_equal(r->study.sites[7], "blocks.1.hook_attn_out");
    assert_string_equal(r->study.sites[12], "ln_final.hook_normalized");
    assert_true(r->probes[0].on_network[ORR_TRAINED] && r->probes[0].on_network[ORR_NO_NETWORK]);
    orr_recipe_destroy(r);
}

#define SIXTY_FOUR "a123456789b123456789c123456789d123456789e123456789f123456789g123"

struct fault {
    const char *key, *value, *fragment[3];
};

static void test_faults(void **state)
{
    (void)state;
    static const struct fault faults[] = {
        {"train.stepz", "5", {"stepz", "steps"}},
        {"trainn", "{}", {"trainn", "train"}},
        {"study.controls.inputz", "true", {"inputz", "inputs"}},
        {"train.steps", "many", {"train.steps", "\"many\""}},
        {"train.steps", "0", {"train.steps", "0"}},
        {"train.learning_rate", "-1", {"train.learning_rate", "-1"}},
        {"data.train_fraction", "2", {"data.train_fraction", "2"}},
        {"label", "certain", {"label", "certain", "paper-faithful reproduction"}},
        {"train.schedule", "cosin", {"train.schedule", "did you mean \"cosine\""}},
        {"data.context",
         "120",
         {"context 120 is longer than a trajectory (100 steps): lower data.context or raise data.steps"}},
        {"data.context", "7", {"train.batch_tokens", "100 tokens do not divide into windows of data.context 7", "105"}},
        {"model.n_head", "5", {"model.n_embd", "n_embd 32 does not divide into 5 heads"}},
        {"model.window", "11", {"model.window", "data.context (10)"}},
        {"model.kind", "mpl", {"model.kind", "did you mean \"mlp\""}},
        {"model.kind", "graph", {"model.kind", "add model.graph"}},
        {"model.graph", "my.graph", {"model.graph", "set model.kind to graph"}},
        {"model", "{kind: mlp, window: 3}", {"model.window", "kind mlp has no attention window"}},
        {"train.batch_size", "4", {"train.batch_size", "either batch_tokens"}},
        {"train.warmup_steps", "50", {"train.warmup_steps", "warm-up of 50"}},
        {"study.sites", "[blocks.0.hook_resid_pos]", {"not a site", "blocks.0.hook_resid_post"}},
        {"study.sites", "[]", {"study.sites", "at least one site"}},
        {"study.sites", "hook_embed", {"study.sites", "a list of sites"}},
        {"probes", "[{cut: 1}]", {"probes", "has no name"}},
        {"probes", "[{name: a}, {name: a}]", {"two probes are called \"a\"", "as:"}},
        {"probes", "[{name: a, as: ../b}]", {"../b", "letters"}},
        {"probes", "[{name: a, networks: [tamed]}]", {"tamed", "trained, untrained or none"}},
        {"probes", "[{name: a, networks: []}]", {"at least one network"}},
        {"probes", "[{name: a, as: " SIXTY_FOUR "}]", {"has 64 characters", "at most 63"}},
        {"probes", "[7]", {"a map with the name of a probe"}},
        {"scores", "{s: []}", {"at least one target"}},
        {"scores", "{" SIXTY_FOUR ": [a]}", {"has 64 characters", "at most 63"}},
        {"scores", "{clean_loss: [a]}", {"scores.clean_loss", "every run has a number of this name"}},
        {"scores", "[a]", {"a map of score"}},
        {"expect", "[{claim: c, quantity: q}]", {"no source"}},
        {"expect", "[{claim: c, quantity: q, source: s}]", {"value: x or range"}},
        {"expect", "[{claim: c, quantity: q, source: s, range: [2, 1]}]", {"range"}},
        {"expect", "[{claim: c, quantity: q, source: s, value: 1, netwrk: none}]", {"netwrk", "network"}},
        {"expect",
         "[{claim: c, quantity: q, source: s, value: 1, network: nones}]",
         {"nones", "did you mean \"none\""}},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        struct orr_error err = {.code = ORR_OK};
        struct orr_recipe *r;
        const orr_status status = create(faults[i].key, faults[i].value, &r, &err);
        bool good = status == ORR_EINVAL;
        for (size_t k = 0; k < 3 && faults[i].fragment[k]; ++k)
            good = good && strstr(err.text, faults[i].fragment[k]);
        if (!good)
            fail_msg("%s = %s: %s \"%s\", expected EINVAL with \"%s\"", faults[i].key, faults[i].value,
                     orr_status_name(status), err.text, faults[i].fragment[0]);
    }
}

static void test_fault_in_a_file_says_where(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_config *config;
    struct orr_recipe *r;
    expect_ok(orr_config_parse("name: a\nsimulator: {name: b}\ndata:\n  trajectoriez: 3\n", "r.yaml", &config, &err),
              &err);
    expect_error(orr_recipe_create(config, &r, &err), &err, ORR_EINVAL, "r.yaml:4:3", "trajectoriez", "trajectories");
    expect_ok(orr_config_parse("name: a\nsimulator: {name: b}\n", "r.yaml", &config, &err), &err);
    expect_error(orr_recipe_create(config, &r, &err), &err, ORR_EINVAL, "r.yaml", "no data.context");
}

static void test_resolved_recipe_reads_back_to_itself(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_recipe *a, *b;
    struct orr_config *config;
    char *first, *second, hash[2][17], path[64];
    expect_ok(create(NULL, NULL, &a, &err), &err);
    expect_ok(orr_recipe_write(a, &first, &err), &err);
    expect_ok(orr_config_parse(first, "again", &config, &err), &err);
    expect_ok(orr_recipe_create(config, &b, &err), &err);
    expect_ok(orr_recipe_write(b, &second, &err), &err);
    assert_string_equal(first, second);
    orr_recipe_hash(first, hash[0]);
    orr_recipe_hash("", hash[1]);
    assert_string_equal(hash[1], "cbf29ce484222325"); /* FNV-1a's offset basis */
    assert_string_not_equal(hash[0], hash[1]);
    assert_false(orr_recipe_difference(orr_config_root(a->config), orr_config_root(b->config), path, sizeof path));
    orr_memory_free(first);
    orr_memory_free(second);
    orr_recipe_destroy(a);
    orr_recipe_destroy(b);
}

static void test_difference_is_named(void **state)
{
    (void)state;
    static const char *const key[][2] = {{"train.steps", "51"}, {"probes.0.cut", "0.1"}, {"scores", "{s: [a]}"}};
    static const char *const named[] = {"train.steps", "probes.0.cut", "scores"};
    for (size_t i = 0; i < 3; ++i) {
        struct orr_error err;
        struct orr_recipe *a, *b;
        char path[64] = "";
        expect_ok(create(NULL, NULL, &a, &err), &err);
        expect_ok(create(key[i][0], key[i][1], &b, &err), &err);
        assert_true(orr_recipe_difference(orr_config_root(a->config), orr_config_root(b->config), path, sizeof path));
        assert_string_equal(path, named[i]);
        orr_recipe_destroy(a);
        orr_recipe_destroy(b);
    }
}

/* ---- sweeps ---- */

static char directory[256], file[300];

static int write_recipe(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    snprintf(file, sizeof file, "%s/recipe.yaml", directory);
    write_bytes(file, base_text, sizeof base_text - 1);
    return 0;
}

static int remove_recipe(void **state)
{
    (void)state;
    remove_scratch(directory);
    return 0;
}

static void expect_names(const struct orr_sweep_options *options, size_t n, const char *const *names)
{
    struct orr_error err;
    struct orr_sweep *sweep;
    expect_ok(orr_sweep_create(file, options, &sweep, &err), &err);
    if (sweep->n_points != n) fail_msg("%zu points, expected %zu", sweep->n_points, n);
    for (size_t i = 0; i < n; ++i) {
        char name[ORR_POINT_NAME];
        struct orr_recipe *r;
        expect_ok(orr_sweep_name(sweep, i, name, sizeof name, &err), &err);
        assert_string_equal(name, names[i]);
        expect_ok(orr_sweep_point(sweep, i, &r, &err), &err);
        orr_recipe_destroy(r);
    }
    orr_sweep_destroy(sweep);
}

static void test_no_axis_is_one_point_without_a_name(void **state)
{
    (void)state;
    const struct orr_sweep_options none = {.size = NULL};
    expect_names(&none, 1, (const char *const[]){""});
}

static void test_axes_are_multiplied_the_last_fastest(void **state)
{
    (void)state;
    const char *const set[] = {"data.context=2, 10 ", "model.n_embd=8"}; /* spaces are no part of a value */
    const struct orr_sweep_options options = {.set = set, .n_set = 2, .seeds = "0,7"};
    expect_names(
        &options, 4,
        (const char *const[]){"context=2,seed=0", "context=2,seed=7", "context=10,seed=0", "context=10,seed=7"});
}

static void test_size_brings_its_sweep_and_settings_replace_it(void **state)
{
    (void)state;
    const char *const set[] = {"data.context=20"};
    struct orr_sweep_options options = {.size = "tiny"};
    expect_names(&options, 2, (const char *const[]){"context=5", "context=10"});
    options.set = set;
    options.n_set = 1;
    expect_names(&options, 1, (const char *const[]){""});
}

static void test_keys_that_end_alike_are_told_apart(void **state)
{
    (void)state;
    const char *const set[] = {"data.seed=1,2"};
    const struct orr_sweep_options options = {.set = set, .n_set = 1, .seeds = "3,4"};
    expect_names(&options, 4,
                 (const char *const[]){"data.seed=1,train.seed=3", "data.seed=1,train.seed=4",
                                       "data.seed=2,train.seed=3", "data.seed=2,train.seed=4"});
}

static void test_lists_and_quotes_are_single_values(void **state)
{
    (void)state;
    const char *const set[] = {"train.decay=[a*, b*]", "title='one, two'"};
    const struct orr_sweep_options options = {.set = set, .n_set = 2};
    expect_names(&options, 1, (const char *const[]){""});
}

static void test_faulty_settings(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"data.context", "key=value"},       {"=2", "key=value"},
        {"data.context=", "key=value"},      {"data.context=2,,3", "missing"},
        {"data.context=2, ,3", "missing"},   {"data.context=2, 2", "twice"},
        {"sweep.x=1", "set the key itself"}, {"data.context=[2", "--set"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        struct orr_error err = {.code = ORR_OK};
        struct orr_sweep *sweep;
        const struct orr_sweep_options options = {.set = &bad[i][0], .n_set = 1};
        const orr_status status = orr_sweep_create(file, &options, &sweep, &err);
        if (status == ORR_OK || !strstr(err.text, bad[i][1]))
            fail_msg("%s: %s \"%s\", expected \"%s\"", bad[i][0], orr_status_name(status), err.text, bad[i][1]);
    }
    struct orr_error err;
    struct orr_sweep *sweep;
    struct orr_sweep_options options = {.seeds = "0,x"};
    expect_error(orr_sweep_create(file, &options, &sweep, &err), &err, ORR_EINVAL, "--seeds 0,x");
    options.seeds = "-1";
    expect_error(orr_sweep_create(file, &options, &sweep, &err), &err, ORR_EINVAL, "--seeds -1");
    options = (struct orr_sweep_options){.size = "tny"};
    expect_error(orr_sweep_create(file, &options, &sweep, &err), &err, ORR_EINVAL, "tny", "did you mean \"tiny\"");
}

static void expect_not_prepared(const char *setting, const char *first, const char *second)
{
    struct orr_error err;
    struct orr_sweep *sweep;
    struct orr_run run;
    struct orr_loader *loader;
    const struct orr_sweep_options options = {.set = &setting, .n_set = 1};
    expect_ok(orr_loader_create(&loader, &err), &err);
    expect_ok(orr_sweep_create(file, &options, &sweep, &err), &err);
    expect_error(orr_run_prepare(sweep, loader, &run, &err), &err, ORR_EINVAL, first, second);
    assert_null(run.point);
    orr_sweep_destroy(sweep);
    orr_loader_destroy(loader);
}

static void test_points_must_differ(void **state)
{
    (void)state;
    expect_not_prepared("train.seed=1,2,01", "seed=1", "the same experiment");
    expect_not_prepared("train.learning_rate=1e-3,0.001", "learning_rate=1e-3", "the same experiment");
    expect_not_prepared("simulator.e_max=0.50,0.5", "e_max=0.50", "the same experiment");
    expect_not_prepared("title=a b,a_b", "title=a_b", "directory");
}

static void test_sizes_that_are_not_chosen_are_checked(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_sweep *sweep;
    char text[sizeof base_text + 64];
    const struct orr_sweep_options chosen = {.size = "tiny"};
    snprintf(text, sizeof text, "%s  bad: {train.stepz: 3}\n", base_text);
    write_bytes(file, text, strlen(text));
    expect_error(orr_sweep_create(file, &chosen, &sweep, &err), &err, ORR_EINVAL, "size bad", "stepz");
    assert_null(sweep);
    snprintf(text, sizeof text, "%s  bad: {sweep: {data.context: [5, 700]}}\n", base_text);
    write_bytes(file, text, strlen(text));
    expect_error(orr_sweep_create(file, &chosen, &sweep, &err), &err, ORR_EINVAL, "size bad", "context 700");
}

static void test_an_empty_file_is_named(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_sweep *sweep;
    struct orr_recipe *r;
    const struct orr_sweep_options none = {.size = NULL};
    write_bytes(file, "", 0);
    expect_ok(orr_sweep_create(file, &none, &sweep, &err), &err);
    expect_error(orr_sweep_point(sweep, 0, &r, &err), &err, ORR_EINVAL, file, "no name");
    orr_sweep_destroy(sweep);
}

static void test_written_sweep_reads_back(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_sweep *sweep;
    char *text, *again;
    const struct orr_sweep_options options = {.size = "tiny", .seeds = "1,2"}, none = {.size = NULL};
    expect_ok(orr_sweep_create(file, &options, &sweep, &err), &err);
    expect_ok(orr_sweep_write(sweep, &text, &err), &err);
    orr_sweep_destroy(sweep);
    write_bytes(file, text, strlen(text));
    expect_ok(orr_sweep_create(file, &none, &sweep, &err), &err);
    assert_int_equal(sweep->n_points, 4);
    expect_ok(orr_sweep_write(sweep, &again, &err), &err);
    assert_string_equal(text, again);
    orr_sweep_destroy(sweep);
    orr_memory_free(text);
    orr_memory_free(again);
}

/* ---- plugins ---- */

static orr_status bind(const char *key, const char *value, struct orr_error *err)
{
    struct orr_recipe *r;
    struct orr_loader *loader;
    expect_ok(create(key, value, &r, err), err);
    expect_ok(orr_loader_create(&loader, err), err);
    const orr_status status = orr_recipe_bind(r, loader, err);
    if (status == ORR_OK && !orr_config_find(orr_config_root(r->config), "simulator.e_max"))
        fail_msg("the simulator's defaults are not in the resolved recipe");
    orr_recipe_destroy(r);
    orr_loader_destroy(loader);
    return status;
}

static void test_parameters_of_plugins(void **state)
{
    (void)state;
    struct orr_error err;
    expect_ok(bind(NULL, NULL, &err), &err);
    expect_error(bind("simulator.e_maks", "0.5", &err), &err, ORR_EINVAL, "e_maks", "e_max");
    expect_error(bind("simulator.e_max", "1.5", &err), &err, ORR_EINVAL, "simulator.e_max", "1.5");
    expect_error(bind("simulator.e_max", "[1]", &err), &err, ORR_EINVAL, "single value");
    expect_error(bind("probes.0.cut", "wide", &err), &err, ORR_EINVAL, "cut", "wide");
    expect_error(bind("simulator.name", "keppler", &err), &err, ORR_EUNSUPPORTED, "keppler",
                 "orrery-simulator-keppler.so");
    expect_error(bind("simulator.name", "/no/such.so", &err), &err, ORR_EUNSUPPORTED, "simulator.name", "/no/such.so");
    expect_error(bind("probes.0.precision", "half", &err), &err, ORR_EINVAL, "probes.0", "half");
}

static orr_status bind_claim(const char *more, struct orr_error *err)
{
    char text[256];
    snprintf(text, sizeof text, "[{claim: c, quantity: q, source: s, value: 1, %s}]", more);
    return bind("expect", text, err);
}

static void test_claims_are_about_keys_and_probes_that_there_are(void **state)
{
    (void)state;
    struct orr_error err;
    expect_ok(bind_claim("probe: linear, where: {data.context: 4, simulator.e_max: 0.8, probes.0.cut: 1}", &err), &err);
    expect_ok(bind_claim("probe: loss", &err), &err);
    expect_error(bind_claim("probe: liner", &err), &err, ORR_EINVAL, "probe", "did you mean \"linear\"");
    expect_error(bind_claim("where: {data.contxt: 4}", &err), &err, ORR_EINVAL, "where",
                 "did you mean \"data.context\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_fault_in_a_file_says_where),
        cmocka_unit_test(test_resolved_recipe_reads_back_to_itself),
        cmocka_unit_test(test_difference_is_named),
        cmocka_unit_test_setup_teardown(test_no_axis_is_one_point_without_a_name, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_axes_are_multiplied_the_last_fastest, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_size_brings_its_sweep_and_settings_replace_it, write_recipe,
                                        remove_recipe),
        cmocka_unit_test_setup_teardown(test_keys_that_end_alike_are_told_apart, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_lists_and_quotes_are_single_values, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_faulty_settings, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_points_must_differ, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_sizes_that_are_not_chosen_are_checked, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_an_empty_file_is_named, write_recipe, remove_recipe),
        cmocka_unit_test_setup_teardown(test_written_sweep_reads_back, write_recipe, remove_recipe),
        cmocka_unit_test(test_parameters_of_plugins),
        cmocka_unit_test(test_claims_are_about_keys_and_probes_that_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
