/* Two recipes that are written differently and mean the same: numbers are compared by value.
 *
 * In: a bound recipe. Out: its text, with every number that a table describes in its shortest exact form.
 */
#include "base/memory.h"
#include "base/params.h"
#include "study/recipe.h"
#include "study/recipe_table.h"

#include <inttypes.h>
#include <stdio.h>

static orr_status set_whole(struct orr_config *config, const char *key, int64_t value, struct orr_error *err)
{
    char text[32];
    if (!orr_config_find(orr_config_root(config), key)) return ORR_OK;
    snprintf(text, sizeof text, "%" PRId64, value);
    return orr_config_set(config, key, text, "recipe", err);
}

static orr_status set_real(struct orr_config *config, const char *key, double value, struct orr_error *err)
{
    char text[40];
    if (!orr_config_find(orr_config_root(config), key)) return ORR_OK;
    snprintf(text, sizeof text, "%.17g", value);
    return orr_config_set(config, key, text, "recipe", err);
}

static orr_status set_keys(const struct orr_recipe *recipe, struct orr_config *config, struct orr_error *err)
{
    for (size_t i = 0; i < orr_recipe_key_count; ++i) {
        const struct orr_recipe_key *key = &orr_recipe_keys[i];
        const void *field = (const char *)recipe + key->field;
        if (key->type == ORR_KEY_INT) ORR_TRY(set_whole(config, key->path, *(const int64_t *)field, err));
        if (key->type == ORR_KEY_REAL) ORR_TRY(set_real(config, key->path, *(const double *)field, err));
    }
    return ORR_OK;
}

static orr_status set_parameters(const struct orr_recipe_plugin *use, const char *path, struct orr_config *config,
                                 struct orr_error *err)
{
    const struct orr_param *table = use->plugin->params;
    const size_t n = orr_params_count(table);
    for (size_t i = 0; i < n; ++i) {
        char key[256];
        snprintf(key, sizeof key, "%s.%s", path, table[i].key);
        if (table[i].type == ORR_PARAM_INT) ORR_TRY(set_whole(config, key, use->values[i].i, err));
        if (table[i].type == ORR_PARAM_REAL) ORR_TRY(set_real(config, key, use->values[i].r, err));
    }
    return ORR_OK;
}

static orr_status set_all(const struct orr_recipe *recipe, struct orr_config *config, struct orr_error *err)
{
    ORR_TRY(set_keys(recipe, config, err));
    if (!recipe->recording) ORR_TRY(set_parameters(&recipe->simulator, "simulator", config, err));
    for (size_t i = 0; i < recipe->n_probes; ++i) {
        char path[32];
        snprintf(path, sizeof path, "probes.%zu", i);
        ORR_TRY(set_parameters(&recipe->probes[i], path, config, err));
    }
    return ORR_OK;
}

orr_status orr_recipe_identity(const struct orr_recipe *recipe, char **text, struct orr_error *err)
{
    struct orr_config *config;
    *text = NULL;
    ORR_TRY(orr_config_parse("", "recipe", &config, err));
    orr_status status = orr_config_merge(config, orr_config_root(recipe->config), err);
    if (status == ORR_OK) status = set_all(recipe, config, err);
    /* The checksum says what the file is; where it lies makes no other experiment. */
    if (status == ORR_OK && recipe->recording) status = orr_config_remove(config, "data.file");
    if (status == ORR_OK && recipe->weights.file) status = orr_config_remove(config, "weights.file");
    if (status == ORR_OK) status = orr_config_write(orr_config_root(config), text, err);
    orr_config_destroy(config);
    return status;
}
