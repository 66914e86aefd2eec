/* Recipes that name trained weights: which file a point takes, that it is the one that was meant, what the resolved
 * recipe keeps, and that size `shipped` of the main recipe is `full` without the training. */
#include "base/memory.h"
#include "expect.h"
#include "io/safetensors.h"
#include "study/sweep.h"

static struct orr_error err;
static struct orr_loader *loader;
static char directory[256];

static const char *in_directory(const char *name)
{
    static char path[2][300];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

/* Only the metadata are looked at here. */
static void write_weights(const char *name, const char *seed)
{
    static const int64_t dim[] = {1};
    static const float one = 1;
    struct orr_safetensors *set;
    expect_ok(orr_safetensors_create(&set, &err), &err);
    expect_ok(orr_safetensors_add(set, "w", ORR_NPY_F32, 1, dim, &one, &err), &err);
    if (seed) expect_ok(orr_safetensors_set_metadata(set, "seed", seed, &err), &err);
    expect_ok(orr_safetensors_save(set, in_directory(name), &err), &err);
    orr_safetensors_destroy(set);
}

static int set_up(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    write_weights("w-4.safetensors", "7");
    write_weights("silent.safetensors", NULL);
    return orr_loader_create(&loader, &err) == ORR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    orr_loader_destroy(loader);
    remove_scratch(directory);
    return 0;
}

/* A bound recipe of context 4 in the scratch directory, with this `weights:`. */
static orr_status bind(const char *weights, const char *seed, struct orr_recipe **out)
{
    struct orr_config *config;
    char *text =
        orr_memory_print("name: own\nsimulator: {name: kepler}\ndata: {trajectories: 4, steps: 8, context: 4}\n"
                         "train: {steps: 2, batch_size: 1, seed: %s}\nweights: {%s}\n",
                         seed, weights);
    expect_ok(orr_config_parse(text, in_directory("r.yaml"), &config, &err), &err);
    orr_memory_free(text);
    expect_ok(orr_recipe_create(config, out, &err), &err);
    const orr_status status = orr_recipe_bind(*out, loader, &err);
    if (status == ORR_OK) return ORR_OK;
    orr_recipe_destroy(*out);
    *out = NULL;
    return status;
}

static void test_a_key_in_the_path_stands_for_its_value(void **state)
{
    (void)state;
    struct orr_recipe *r;
    expect_ok(bind("file: 'w-{data.context}.safetensors'", "7", &r), &err);
    assert_string_equal(r->weights.file, in_directory("w-4.safetensors"));
    assert_int_equal(strlen(r->weights.checksum), 16);
    assert_true(orr_recipe_tokens(r) == 0);
    orr_recipe_destroy(r);
    /* What is no key stands for itself, and what it then leads to is named. */
    for (size_t i = 0; i < 4; ++i) {
        static const char *const name[] = {"w-{data.contxt}.safetensors", "w-{}.safetensors", "w-{data}.safetensors",
                                           "w-{data.context"};
        char *weights = orr_memory_print("file: '%s'", name[i]);
        expect_error(bind(weights, "7", &r), &err, ORR_EINVAL, "weights.file", name[i]);
        orr_memory_free(weights);
    }
}

static void test_the_file_is_the_one_that_was_meant(void **state)
{
    (void)state;
    struct orr_recipe *r;
    char *text, *checksum;
    expect_error(bind("checksum: 0123456789abcdef", "7", &r), &err, ORR_EINVAL, "weights.checksum", "leave it out");
    expect_error(bind("file: absent", "7", &r), &err, ORR_EINVAL, "weights.file", "absent");
    expect_error(bind("file: w-4.safetensors", "1", &r), &err, ORR_EINVAL, "seed 7", "train.seed is 1");
    expect_error(bind("file: w-4.safetensors, checksum: 0123456789abcdef", "7", &r), &err, ORR_EINVAL,
                 "0123456789abcdef", "another file");
    expect_ok(bind("file: w-4.safetensors", "7", &r), &err);
    checksum = orr_memory_print("file: w-4.safetensors, checksum: %s", r->weights.checksum);
    expect_ok(orr_recipe_write(r, &text, &err), &err);
    orr_recipe_destroy(r);
    expect_ok(bind(checksum, "7", &r), &err);
    orr_recipe_destroy(r);
    orr_memory_free(checksum);
    orr_memory_free(text);
    /* One that does not say its seed is taken for any. */
    expect_ok(bind("file: silent.safetensors", "1", &r), &err);
    orr_recipe_destroy(r);
}

static void test_weights_have_no_part_in_training(void **state)
{
    (void)state;
    struct orr_recipe *r;
    char *text, *training[2];
    for (size_t i = 0; i < 2; ++i) {
        expect_ok(bind(i ? "file: w-4.safetensors" : "", "7", &r), &err);
        expect_ok(orr_recipe_write(r, &text, &err), &err);
        expect_ok(orr_recipe_training(text, &training[i], &err), &err);
        assert_true((strstr(text, "w-4.safetensors") != NULL) == (i == 1));
        orr_memory_free(text);
        orr_recipe_destroy(r);
    }
    assert_string_equal(training[1], training[0]);
    orr_memory_free(training[0]);
    orr_memory_free(training[1]);
}

/* The text of a sweep over contexts of a recipe beside the weights; the caller's. */
static char *text_of_sweep(const char *file)
{
    struct orr_sweep *sweep;
    char *text;
    const char *const set[] = {"data.context=2,4"};
    const struct orr_sweep_options options = {.set = set, .n_set = 1};
    char *recipe =
        orr_memory_print("name: own\nsimulator: {name: kepler}\ndata: {trajectories: 4, steps: 8, context: 4}\n"
                         "train: {steps: 2, batch_size: 1}\nweights: {file: '%s'}\n",
                         file);
    write_bytes(in_directory("r.yaml"), recipe, strlen(recipe));
    orr_memory_free(recipe);
    expect_ok(orr_sweep_create(in_directory("r.yaml"), &options, &sweep, &err), &err);
    expect_ok(orr_sweep_write(sweep, &text, &err), &err);
    orr_sweep_destroy(sweep);
    return text;
}

/* A file that has no value yet is named from the root, too, wherever in its path the value will be. */
static void test_a_sweep_keeps_where_its_files_lie(void **state)
{
    (void)state;
    static const char *const file[] = {"w-{data.context}.safetensors", "a{data.context}/w.safetensors",
                                       "{data.context}/{train.seed}"};
    for (size_t i = 0; i < sizeof file / sizeof *file; ++i) {
        char *text = text_of_sweep(file[i]);
        assert_non_null(strstr(text, in_directory(file[i])));
        orr_memory_free(text);
    }
}

/* ---- the main recipe ---- */

/* What trains the point of a context; the caller's. */
static char *training_of(const char *size, const char *context)
{
    struct orr_sweep *sweep;
    struct orr_recipe *r;
    char path[4096], setting[40], *text, *training;
    const char *const set[] = {setting};
    const struct orr_sweep_options options = {.size = size, .set = set, .n_set = 1};
    snprintf(path, sizeof path, "%s/recipes/kepler-newton.yaml", getenv("ORRERY_TEST_SOURCE"));
    snprintf(setting, sizeof setting, "data.context=%s", context);
    expect_ok(orr_sweep_create(path, &options, &sweep, &err), &err);
    expect_ok(orr_sweep_point(sweep, 0, &r, &err), &err);
    expect_ok(orr_recipe_write(r, &text, &err), &err);
    expect_ok(orr_recipe_training(text, &training, &err), &err);
    orr_memory_free(text);
    orr_recipe_destroy(r);
    orr_sweep_destroy(sweep);
    return training;
}

static void test_size_shipped_is_full_without_the_training(void **state)
{
    (void)state;
    static const char *const context[] = {"2", "100"};
    for (size_t i = 0; i < 2; ++i) {
        char *shipped = training_of("shipped", context[i]), *full = training_of("full", context[i]);
        assert_string_equal(shipped, full);
        orr_memory_free(shipped);
        orr_memory_free(full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_in_the_path_stands_for_its_value),
        cmocka_unit_test(test_the_file_is_the_one_that_was_meant),
        cmocka_unit_test(test_weights_have_no_part_in_training),
        cmocka_unit_test(test_a_sweep_keeps_where_its_files_lie),
        cmocka_unit_test(test_size_shipped_is_full_without_the_training),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
