/* Recipes whose trajectories come from a file, and tokens: what is filled in, what makes two recipes one experiment,
 * and every fault by its text. */
#include "base/memory.h"
#include "expect.h"
#include "study/recipe.h"

static struct orr_error err;
static struct orr_loader *loader;
static char directory[256];

static const char five[] = "trajectory,step,x,m\n"
                           "0,0,1,7\n0,1,2,7\n0,2,3,7\n"
                           "1,0,4,8\n1,1,5,8\n1,2,6,8\n"
                           "2,0,7,9\n2,1,8,9\n2,2,9,9\n";

static const char *in_directory(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    write_bytes(in_directory("a.csv"), five, strlen(five));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_scratch(directory);
    return 0;
}

static int open_loader(void **state)
{
    (void)state;
    return orr_loader_create(&loader, &err) == ORR_OK ? 0 : -1;
}

static int close_loader(void **state)
{
    (void)state;
    orr_loader_destroy(loader);
    return 0;
}

/* A recipe in the scratch directory, with this `simulator:` line and these contents of `data:`. */
static orr_status create(const char *simulator, const char *data, struct orr_recipe **out)
{
    struct orr_config *config;
    char *text = orr_memory_print("name: own\n%s\ndata: {%s}\ntrain: {steps: 2, batch_size: 1}\n", simulator, data);
    expect_ok(orr_config_parse(text, in_directory("r.yaml"), &config, &err), &err);
    orr_memory_free(text);
    return orr_recipe_create(config, out, &err);
}

static orr_status bind(const char *data, struct orr_recipe **out)
{
    expect_ok(create("", data, out), &err);
    const orr_status status = orr_recipe_bind(*out, loader, &err);
    if (status == ORR_OK) return ORR_OK;
    orr_recipe_destroy(*out);
    *out = NULL;
    return status;
}

static const char *value(const struct orr_recipe *recipe, const char *key)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), key);
    if (!node) fail_msg("the recipe has no %s", key);
    return node->text;
}

static void faults_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *simulator, *data, *fragment[2];
    } cases[] = {
        {"simulator: {name: kepler}", "file: a.csv, context: 1", {"simulator", "data.file"}},
        {"", "trajectories: 4, steps: 3, context: 1", {"no simulator", "data.file"}},
        {"simulator: {name: kepler}", "steps: 3, context: 1", {"no data.trajectories", "add it"}},
        {"simulator: {name: kepler}", "trajectories: 3, context: 1", {"no data.steps", "add it"}},
        {"simulator: {name: kepler}", "trajectories: 4, steps: 3, context: 1, columns: [x]", {"data.columns", "file"}},
        {"simulator: {name: kepler}", "trajectories: 4, steps: 3, context: 1, checksum: a", {"data.checksum", "file"}},
        {"", "file: a.csv, context: 1, observed: x", {"data.observed", "a list of columns"}},
        {"", "file: a.csv, context: 1, observer: [x]", {"observer", "observed"}},
        {"", "file: a.csv, context: 1, bin_range: [0, 1]", {"data.bin_range", "data.bins is 0"}},
        {"", "file: a.csv, context: 1, bins: 4, bin_range: [1, 0]", {"data.bin_range", "the lower end first"}},
        {"", "file: a.csv, context: 1, bins: 4, bin_range: [1, 1]", {"data.bin_range", "the lower end first"}},
        {"", "file: a.csv, context: 1, bins: 4, bin_range: [1, 1.00000001]", {"data.bin_range", "1.00000001"}},
        {"", "file: a.csv, context: 1, bins: 4, bin_range: [1, 1.0000002]", {"data.bin_range", "4 bins between 1 and"}},
        {"", "file: a.csv, context: 1, bins: 4, bin_range: 3", {"data.bin_range", "[low, high]"}},
        {"", "file: a.csv, context: 1, bins: 4, bin_range: [1]", {"data.bin_range", "[low, high]"}},
        {"", "file: a.csv, context: 1, bins: -4", {"data.bins", "-4"}},
        {"", "file: a.csv, context: 1, bins: 1e3", {"data.bins", "\"1e3\": write it in digits"}},
        {"", "file: a.csv, context: 1, bins: 1.5", {"data.bins", "is not a whole number"}},
        {"", "file: a.csv, context: 1, bins: 1", {"data.bins", "give 2 or more"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct orr_recipe *recipe;
        expect_error(create(cases[i].simulator, cases[i].data, &recipe), &err, ORR_EINVAL, "r.yaml",
                     cases[i].fragment[0], cases[i].fragment[1]);
        assert_null(recipe);
    }
}

static void what_the_file_says_is_filled_in(void **state)
{
    (void)state;
    struct orr_recipe *recipe;
    struct orr_dataset *data;
    expect_ok(bind("file: a.csv, context: 2, observed: [x], bins: 9, bin_range: [1, 10]", &recipe), &err);
    char *real = realpath(in_directory("a.csv"), NULL);
    assert_string_equal(value(recipe, "data.file"), real);
    assert_string_equal(recipe->data.file, real);
    free(real);
    assert_string_equal(value(recipe, "data.trajectories"), "3");
    assert_string_equal(value(recipe, "data.steps"), "3");
    assert_string_equal(value(recipe, "data.seed"), "1");
    assert_string_equal(value(recipe, "data.checksum"), recipe->recording->checksum);
    assert_null(recipe->recording->observed.number);
    expect_ok(orr_recipe_dataset(recipe, 1, &data, &err), &err);
    assert_int_equal(data->n_constant, 1);
    assert_int_equal(data->config.trajectories, 3);
    int32_t tokens[9];
    expect_ok(orr_dataset_tokens(data, 0, 9, tokens, &err), &err);
    for (int32_t i = 0; i < 9; ++i)
        assert_int_equal(tokens[i], i);
    orr_dataset_destroy(data);
    orr_recipe_destroy(recipe);
}

static void the_resolved_recipe_reads_back(void **state)
{
    (void)state;
    struct orr_recipe *recipe, *back;
    struct orr_config *config;
    char *text, *again;
    write_bytes(in_directory("it's: #1.csv"), five, strlen(five));
    expect_ok(bind("file: \"it's: #1.csv\", context: 1, constant: [m]", &recipe), &err);
    expect_ok(orr_recipe_write(recipe, &text, &err), &err);
    expect_ok(orr_config_parse(text, "elsewhere/recipe.yaml", &config, &err), &err);
    expect_ok(orr_recipe_create(config, &back, &err), &err);
    expect_ok(orr_recipe_bind(back, loader, &err), &err);
    expect_ok(orr_recipe_write(back, &again, &err), &err);
    assert_string_equal(text, again);
    orr_memory_free(text);
    orr_memory_free(again);
    orr_recipe_destroy(recipe);
    orr_recipe_destroy(back);
}

/* Two names of one file are one experiment; two files are two. */
static void a_file_is_its_contents(void **state)
{
    (void)state;
    static const char *const names[] = {"a.csv", "b.csv", "c.csv"};
    char *identity[3];
    write_bytes(in_directory("b.csv"), five, strlen(five));
    write_bytes(in_directory("c.csv"), five, strlen(five) - 1);
    for (int i = 0; i < 3; ++i) {
        struct orr_recipe *recipe;
        char data[64];
        snprintf(data, sizeof data, "file: %s, context: 1", names[i]);
        expect_ok(bind(data, &recipe), &err);
        expect_ok(orr_recipe_identity(recipe, &identity[i], &err), &err);
        orr_recipe_destroy(recipe);
    }
    assert_string_equal(identity[0], identity[1]);
    assert_string_not_equal(identity[0], identity[2]);
    for (int i = 0; i < 3; ++i)
        orr_memory_free(identity[i]);
}

static void files_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct orr_recipe *recipe;
    expect_error(bind("file: b.csv, context: 1", &recipe), &err, ORR_EINVAL, "r.yaml:3:", "data.file", "b.csv",
                 "No such file");
    expect_error(bind("file: a.csv, context: 1, checksum: 0123456789abcdef", &recipe), &err, ORR_EINVAL, "data.file",
                 "0123456789abcdef", "another file");
    expect_error(bind("file: a.csv, context: 1, trajectories: 4", &recipe), &err, ORR_EINVAL, "data.trajectories",
                 "4 are asked for", "3");
    expect_error(bind("file: a.csv, context: 1, steps: 4", &recipe), &err, ORR_EINVAL, "data.steps", "4 are asked for");
    expect_error(bind("file: a.csv, context: 4", &recipe), &err, ORR_EINVAL, "data.context",
                 "longer than a trajectory (3 steps)");
    write_bytes(in_directory("b.csv"), "trajectory,step,x\n0,1,2\n", 24);
    expect_error(bind("file: b.csv, context: 1", &recipe), &err, ORR_EFORMAT, "r.yaml:3:", "b.csv: line 2",
                 "expected step 0");
    write_bytes(in_directory("b.csv"), "trajectory,step,x\n0,0,2\n1,0,1\n", 30);
    expect_error(bind("file: b.csv, context: 1", &recipe), &err, ORR_EINVAL, "data.steps", "1");
}

/* The file may change between the checking of a recipe and its run. */
static void a_file_that_changes_is_noticed(void **state)
{
    (void)state;
    struct orr_recipe *recipe;
    struct orr_dataset *data;
    expect_ok(bind("file: a.csv, context: 1", &recipe), &err);
    write_bytes(in_directory("a.csv"), five, strlen(five) - 1);
    expect_error(orr_recipe_dataset(recipe, 1, &data, &err), &err, ORR_EINVAL, "a.csv", "another file");
    assert_null(data);
    orr_recipe_destroy(recipe);
}

/* As a sweep over data.bins may ask for numbers at one of its points. */
static void a_range_of_no_bins_is_ignored(void **state)
{
    (void)state;
    struct orr_recipe *recipe;
    expect_ok(bind("file: a.csv, context: 2, bins: 0, bin_range: [1, 10]", &recipe), &err);
    assert_false(orr_recipe_data(recipe).has_bin_range);
    orr_recipe_destroy(recipe);
}

static void ends_of_a_range_belong_to_it(void **state)
{
    (void)state;
    static const char ends[] = "trajectory,step,x\n0,0,0.1\n0,1,-0.1\n1,0,0\n1,1,0.05\n";
    struct orr_recipe *recipe;
    struct orr_dataset *data;
    write_bytes(in_directory("e.csv"), ends, strlen(ends));
    expect_ok(bind("file: e.csv, context: 1, bins: 2, bin_range: [-0.1, 0.1]", &recipe), &err);
    expect_ok(orr_recipe_dataset(recipe, 1, &data, &err), &err);
    int32_t tokens[4];
    expect_ok(orr_dataset_tokens(data, 0, 4, tokens, &err), &err);
    assert_memory_equal(tokens, ((int32_t[]){1, 0, 1, 1}), sizeof tokens);
    orr_dataset_destroy(data);
    orr_recipe_destroy(recipe);
    expect_ok(bind("file: e.csv, context: 1, bins: 2, bin_range: [-0.1, 0.09]", &recipe), &err);
    expect_error(orr_recipe_dataset(recipe, 1, &data, &err), &err, ORR_EINVAL, "e.csv",
                 "0.100000001 in column x of trajectory 0 at step 0", "[-0.1, 0.09]");
    orr_recipe_destroy(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(faults_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_file_says_is_filled_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_resolved_recipe_reads_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_its_contents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_do_not_fit_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changes_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_of_no_bins_is_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_of_a_range_belong_to_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, open_loader, close_loader);
}
