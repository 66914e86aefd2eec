/* Run directories made by hand, and what is gathered from them. */
#include "base/memory.h"
#include "expect.h"
#include "io/file.h"
#include "study/gathered.h"
#include "study/shell_quote.h"

#include <math.h>

/* A resolved recipe, as far as it matters here. */
static const char recipe_text[] = "name: made-up\n"
                                  "simulator: {name: none, mass: %s}\n"
                                  "data: {trajectories: 4, steps: 10, context: %d}\n"
                                  "train: {steps: 5, batch_size: 3, seed: %d}\n"
                                  "probes: [{name: linear}]\n";

static char scratch[256];

static int set_up(void **state)
{
    (void)state;
    make_scratch(scratch, sizeof scratch);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_scratch(scratch);
    return 0;
}

static void put(const char *directory, const char *name, const char *text)
{
    struct orr_error err;
    char path[400];
    snprintf(path, sizeof path, "%s/%s", scratch, directory);
    expect_ok(orr_file_make_directories(path, &err), &err);
    snprintf(path, sizeof path, "%s/%s/%s", scratch, directory, name);
    expect_ok(orr_file_write_atomic(path, text, strlen(text), &err), &err);
}

static void put_recipe(const char *directory, const char *mass, int context, int seed, char hash[17])
{
    char text[600];
    snprintf(text, sizeof text, recipe_text, mass, context, seed);
    put(directory, "recipe.yaml", text);
    orr_recipe_hash(text, hash);
}

/* A finished point of one score. */
static void put_point(const char *directory, const char *mass, int context, int seed, double score)
{
    char hash[17], text[600];
    put_recipe(directory, mass, context, seed, hash);
    snprintf(
        text, sizeof text,
        "{\"format\": \"orrery-summary-1\", \"point\": \"x\", \"recipe_hash\": \"%s\", \"measures\": [{\"quantity\": "
        "\"force\", \"network\": \"trained\", \"probe\": \"linear\", \"split\": \"held_out\", \"value\": %g}]}",
        hash, score);
    put(directory, "summary.json", text);
    put(directory, "findings.csv",
        "unit,point,network,probe,quantity,site,target,split,value,uncertainty,n,step,later\n"
        "1,\"a,b\",trained,linear,r2,hook_embed,Fx,held_out,0.1,,7,5,x\n"
        "1,\"a,b\",none,linear,r2,raw_inputs,Fx,train,-inf,0.25,7,,y\n"
        "1,\"a,b\",trained,linear,force,,,train,0.75,0.125,7,5,z\n");
    put(directory, "metrics.jsonl",
        "{\"step\":2,\"loss\":0.5,\"last_loss\":0.25,\"learning_rate\":0.001,\"tokens_per_second\":9,\"seconds\":1}\n"
        "{\"step\":5,\"loss\":null,\"last_loss\":0.125,\"learning_rate\":0.001,\"tokens_per_second\":9,\"seconds\":2}\n"
        "{\"step\":9,\"loss\":0");
}

static struct orr_gathered *gather(const char *const *names, size_t n, const char *vary, struct orr_error *err,
                                   orr_status *status)
{
    char path[4][400];
    const char *directory[4];
    for (size_t i = 0; i < n; ++i) {
        snprintf(path[i], sizeof path[i], "%s/%s", scratch, names[i]);
        directory[i] = path[i];
    }
    const struct orr_gather_options options = {
        .directory = directory, .n_directories = n, .vary = &vary, .n_vary = vary ? 1 : 0};
    struct orr_gathered *gathered;
    *status = orr_gathered_read(&options, &gathered, err);
    return gathered;
}

static void test_a_run_of_one_point(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status;
    put_point("one", "1", 2, 0, 0.5);
    put("one", "env.json",
        "{\"sessions\": [{\"orrery\": \"0.9\", \"command\": [\"orrery\", \"run\", \"a b.yaml\"], \"size\": \"medium\", "
        "\"full_tokens\": 90, \"device\": {\"backend\": \"d\", \"index\": 1, \"name\": \"n\", \"driver\": \"v\"}, "
        "\"plugins\": [{\"name\": \"p\", \"version\": \"2\"}, {\"name\": \"q\", \"version\": \"3\"}], \"seconds\": "
        "2.5, "
        "\"work\": {\"products\": [{\"by\": \"own\", \"products\": 3, \"multiply_adds\": 30}]}}, "
        "{\"device\": {\"backend\": \"d\", \"index\": 1, \"name\": \"n\"}, \"size\": \"medium\", \"seconds\": null, "
        "\"work\": null}]}");

    struct orr_gathered *g = gather((const char *const[]){"one"}, 1, NULL, &err, &status);

    expect_ok(status, &err);
    assert_int_equal(g->n_points, 1);
    assert_int_equal(g->n_finished, 1);
    assert_int_equal(g->n_keys, 0);
    assert_string_equal(g->size, "medium");
    assert_string_equal(g->command, "orrery run 'a b.yaml'");
    const struct orr_gathered_point *p = &g->point[0];
    assert_string_equal(p->name, "");
    assert_true(orr_measures_find(&p->measures, "force", "trained", "linear", "held_out") == 0.5);
    assert_int_equal(p->findings.count, 1); /* of sites and targets none is kept, but counted */
    assert_string_equal(p->findings.row[0].quantity, "force");
    assert_true(p->findings.row[0].value == 0.75 && p->findings.row[0].uncertainty == 0.125);
    assert_int_equal(p->n_found, 1);
    assert_string_equal(p->found[0].probe, "linear");
    assert_int_equal(p->found[0].n, 3);
    struct orr_findings all = {.row = NULL};
    expect_ok(orr_gathered_findings(p, &all, &err), &err);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.row[0].target, "Fx");
    assert_true(all.row[0].value == 0.1 && isnan(all.row[0].uncertainty));
    assert_true(all.row[0].step == 5 && all.row[1].step == -1);
    assert_true(isinf(all.row[1].value) && all.row[1].uncertainty == 0.25);
    orr_findings_fini(&all);
    assert_int_equal(p->n_losses, 2);
    assert_true(p->loss[0].step == 2 && p->loss[0].loss == 0.5 && isnan(p->loss[1].loss));
    assert_string_equal(p->place.device, "d:1 (n)");
    assert_string_equal(p->place.orrery, "");
    assert_true(p->place.seconds == 2.5);
    assert_int_equal(p->place.n_providers, 1);
    assert_true(p->place.provider[0].products == 3);
    orr_gathered_destroy(g);
}

/* Figures of R2 by step are made of sites and targets. */
static void test_r2_of_every_step_is_kept(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status;
    char hash[17], text[900];
    put_point("one", "1", 2, 0, 0.5);
    snprintf(text, sizeof text, recipe_text, "1", 2, 0);
    char *train = strstr(text, "seed: 0}");
    assert_non_null(train);
    strcpy(train, "seed: 0, evaluate: linear, keep_evaluated: true}\nstudy: {every_evaluation: true}\n"
                  "probes: [{name: linear}]\n");
    put("one", "recipe.yaml", text);
    orr_recipe_hash(text, hash);
    snprintf(text, sizeof text, "{\"recipe_hash\": \"%s\", \"measures\": []}", hash);
    put("one", "summary.json", text);

    struct orr_gathered *g = gather((const char *const[]){"one"}, 1, NULL, &err, &status);

    expect_ok(status, &err);
    assert_int_equal(g->n_finished, 1);
    assert_int_equal(g->point[0].findings.count, 3);
    orr_gathered_destroy(g);
}

static void put_sweep(const char *directory)
{
    char text[700];
    snprintf(text, sizeof text, recipe_text, "1", 2, 0);
    strcat(text, "sweep: {data.context: [5, 2], train.seed: [0, 1]}\n");
    put(directory, "recipe.yaml", text);
}

static void test_a_sweep_says_which_points_are_finished(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status;
    char hash[17];
    put_sweep("all");
    put_point("all/context=5,seed=0", "1", 5, 0, 0.25);
    put_point("all/context=2,seed=1", "1", 2, 1, 0.75);
    put_recipe("all/context=2,seed=0", "1", 2, 0, hash);
    put("all/context=2,seed=0/checkpoints", "step-00000003.safetensors", "");

    struct orr_gathered *g = gather((const char *const[]){"all"}, 1, NULL, &err, &status);

    expect_ok(status, &err);
    static const char *const names[] = {"context=5,seed=0", "context=5,seed=1", "context=2,seed=0", "context=2,seed=1"};
    static const enum orr_point_state states[] = {ORR_POINT_FINISHED, ORR_POINT_MISSING, ORR_POINT_BEGUN,
                                                  ORR_POINT_FINISHED};
    assert_int_equal(g->n_points, 4);
    assert_int_equal(g->n_finished, 2);
    assert_true(g->sweep);
    for (size_t i = 0; i < 4; ++i) {
        assert_string_equal(g->point[i].name, names[i]);
        assert_int_equal(g->point[i].state, states[i]);
    }
    assert_string_equal(g->point[3].group, "context=2");
    assert_string_equal(g->point[3].value[0], "2");
    assert_int_equal(g->point[2].steps, 3);
    double value[4];
    assert_int_equal(orr_gathered_values(g, "context=2", "force", "trained", NULL, "linear", "held_out", value), 1);
    assert_true(value[0] == 0.75);
    orr_gathered_destroy(g);
}

/* Probes of another recipe stand there: its summary is not this one's. */
static void test_a_summary_of_another_recipe_is_no_finished_point(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status;
    char hash[17];
    put_point("one", "1", 2, 0, 0.5);
    put_recipe("one", "2", 2, 0, hash);
    struct orr_gathered *g = gather((const char *const[]){"one"}, 1, NULL, &err, &status);
    expect_ok(status, &err);
    assert_int_equal(g->n_finished, 0);
    orr_gathered_destroy(g);
}

static void test_directories_come_together_in_order(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status;
    put_sweep("sweep");
    put_point("sweep/context=5,seed=0", "1", 5, 0, 0.25);
    put_point("late", "1.0", 2, 7, 0.5);
    put_point("later", "1", 2, 0, 0.125);

    struct orr_gathered *g = gather((const char *const[]){"sweep", "late", "later"}, 3, NULL, &err, &status);

    expect_ok(status, &err);
    static const char *const names[] = {"context=2,seed=0", "context=2,seed=1", "context=2,seed=7", "context=5,seed=0",
                                        "context=5,seed=1"};
    assert_int_equal(g->n_points, 5);
    assert_int_equal(g->n_finished, 3);
    for (size_t i = 0; i < 5; ++i)
        assert_string_equal(g->point[i].name, names[i]);
    double value[5];
    assert_int_equal(orr_gathered_values(g, "context=2", "force", "trained", NULL, "linear", "held_out", value), 2);
    assert_true(value[0] == 0.125 && value[1] == 0.5);
    orr_gathered_destroy(g);
}

static void test_other_recipes_and_repeats_are_refused(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status;
    put_point("a", "1", 2, 0, 0.5);
    put_point("b", "3", 2, 1, 0.5);
    put_point("c", "1", 2, 0, 0.5);
    (void)gather((const char *const[]){"a", "b"}, 2, NULL, &err, &status);
    expect_error(status, &err, ORR_EINVAL, "simulator.mass is 1 there and 3 here", "--vary simulator.mass", "/a", "/b");
    (void)gather((const char *const[]){"a", "c"}, 2, NULL, &err, &status);
    expect_error(status, &err, ORR_EINVAL, "the same point", "/a", "/c");
    (void)gather((const char *const[]){"a", "nowhere"}, 2, NULL, &err, &status);
    expect_error(status, &err, ORR_EINVAL, "nowhere", "holds no run");

    struct orr_gathered *g = gather((const char *const[]){"a", "b"}, 2, "simulator.mass", &err, &status);
    expect_ok(status, &err);
    assert_string_equal(g->point[1].name, "mass=3,seed=1");
    orr_gathered_destroy(g);
}

static void test_damaged_files_are_named(void **state)
{
    (void)state;
    struct orr_error err;
    orr_status status;
    put_point("a", "1", 2, 0, 0.5);
    put("a", "findings.csv", "point,network\n\"\",trained\n");
    (void)gather((const char *const[]){"a"}, 1, NULL, &err, &status);
    expect_error(status, &err, ORR_EFORMAT, "a/findings.csv", "no column probe");
    put("a", "findings.csv",
        "point,network,probe,quantity,site,target,split,value,uncertainty,n,unit,step\n,trained,p,q,,,held_out,x,,1,1,"
        "\n");
    (void)gather((const char *const[]){"a"}, 1, NULL, &err, &status);
    expect_error(status, &err, ORR_EFORMAT, "a/findings.csv", "line 2");
    put("a", "findings.csv", "");
    (void)gather((const char *const[]){"a"}, 1, NULL, &err, &status);
    expect_error(status, &err, ORR_EFORMAT, "a/findings.csv", "empty");
    put_point("a", "1", 2, 0, 0.5);
    put("a", "metrics.jsonl", "{\"step\": \"x\"}\n");
    (void)gather((const char *const[]){"a"}, 1, NULL, &err, &status);
    expect_error(status, &err, ORR_EFORMAT, "a/metrics.jsonl", "no step");
}

static void test_words_are_quoted_for_a_shell(void **state)
{
    (void)state;
    struct orr_error err;
    char *text;
    expect_ok(orr_shell_quote((const char *const[]){"a"}, 0, &text, &err), &err);
    assert_string_equal(text, "");
    orr_memory_free(text);
    expect_ok(orr_shell_quote((const char *const[]){"run", "", "it's", "$x", "--set", "a.b=1,2"}, 6, &text, &err),
              &err);
    assert_string_equal(text, "run '' 'it'\\''s' '$x' --set a.b=1,2");
    orr_memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_run_of_one_point, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_r2_of_every_step_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_sweep_says_which_points_are_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_summary_of_another_recipe_is_no_finished_point, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_directories_come_together_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_recipes_and_repeats_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_files_are_named, set_up, tear_down),
        cmocka_unit_test(test_words_are_quoted_for_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
