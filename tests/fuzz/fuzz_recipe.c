/* Recipes: YAML that is taken is written as YAML of the same tree; a recipe that passes its checks reads back as the
 * same recipe; sizes and sweeps are tried as `orrery run` would. */
#include "base/memory.h"
#include "fuzz.h"
#include "study/sweep.h"

#include <string.h>

static void expect_same_yaml(const struct orr_config *config)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_config *back = NULL;
    char *text = NULL, *again = NULL;
    fuzz_expect(orr_config_write(orr_config_root(config), &text, &err) == ORR_OK, "YAML that can be written");
    if (orr_config_parse(text, "written", &back, &err) != ORR_OK) fuzz_expect(false, err.text);
    fuzz_expect(orr_config_write(orr_config_root(back), &again, &err) == ORR_OK, "read YAML that can be written");
    fuzz_expect(strcmp(text, again) == 0, "the same YAML after writing and reading");
    orr_memory_free(text);
    orr_memory_free(again);
    orr_config_destroy(back);
}

static void expect_same_recipe(const struct orr_recipe *recipe)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_config *config = NULL;
    struct orr_recipe *back = NULL;
    char *text = NULL, *again = NULL;
    fuzz_expect(orr_recipe_write(recipe, &text, &err) == ORR_OK, "a recipe that can be written");
    if (orr_config_parse(text, "written", &config, &err) != ORR_OK) fuzz_expect(false, err.text);
    if (orr_recipe_create(config, &back, &err) != ORR_OK) fuzz_expect(false, err.text);
    fuzz_expect(orr_recipe_write(back, &again, &err) == ORR_OK, "a read recipe that can be written");
    fuzz_expect(strcmp(text, again) == 0, "the same recipe after writing and reading");
    orr_memory_free(text);
    orr_memory_free(again);
    orr_recipe_destroy(back);
}

/* The first points of the sweep; the others differ in values only. */
static void try_points(const struct orr_sweep *sweep)
{
    for (size_t i = 0; i < sweep->n_points && i < 2; ++i) {
        struct orr_error err = {.code = ORR_OK};
        struct orr_recipe *recipe = NULL;
        char name[ORR_POINT_NAME];
        if (orr_sweep_point(sweep, i, &recipe, &err) == ORR_OK) expect_same_recipe(recipe);
        orr_recipe_destroy(recipe);
        if (orr_sweep_name(sweep, i, name, sizeof name, &err) == ORR_OK)
            fuzz_expect(strlen(name) < sizeof name, "a name that fits");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct orr_sweep_options options = {.size = NULL};
    struct orr_error err = {.code = ORR_OK};
    struct orr_config *config = NULL;
    struct orr_sweep *sweep = NULL;
    const char *path = fuzz_file(data, size);
    orr_status status = orr_config_load(path, &config, &err);
    if (status != ORR_OK) {
        fuzz_expect_refusal(status, &err, path);
        return 0;
    }
    expect_same_yaml(config);
    orr_config_destroy(config);
    status = orr_sweep_create(path, &options, &sweep, &err);
    if (status == ORR_OK)
        try_points(sweep);
    else
        fuzz_expect_refusal(status, &err, "");
    orr_sweep_destroy(sweep);
    return 0;
}
