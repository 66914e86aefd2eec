/* Trained weights that a recipe names, to be probed instead of training a network.
 *
 * In: weights.file, in which {key} stands for the point's value of that key. Out: in the resolved recipe its path from
 * the root and its checksum, and the seed that its training began with. */
#include "base/memory.h"
#include "io/stream.h"
#include "model/weights.h"
#include "study/recipe.h"
#include "study/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct orr_config_node *at(const struct orr_recipe *recipe, const char *path)
{
    return orr_config_find(orr_config_root(recipe->config), path);
}

/* ---- the path ---- */

/* The value for "{key}" at the beginning of text, and the length of that; NULL where it is not a key with one value. */
static const char *value_for(const struct orr_recipe *recipe, const char *text, size_t *length)
{
    char key[128];
    const char *end = *text == '{' ? strchr(text, '}') : NULL;
    if (!end || (size_t)(end - text) > sizeof key) return NULL;
    snprintf(key, sizeof key, "%.*s", (int)(end - text - 1), text + 1);
    const struct orr_config_node *node = at(recipe, key);
    if (!*key || !node) return NULL;
    *length = (size_t)(end - text) + 1;
    return node->text;
}

static orr_status fill_in(const struct orr_recipe *recipe, struct orr_text *path, struct orr_error *err)
{
    size_t length;
    for (const char *text = recipe->weights.file; *text; text += length) {
        const char *value = value_for(recipe, text, &length);
        if (!value) length = 1;
        ORR_TRY(value ? orr_text_add(path, err, "%s", value) : orr_text_add(path, err, "%c", *text));
    }
    return ORR_OK;
}

/* The resolved recipe names the file from the root, so that it can be run from everywhere. */
static orr_status take_path(struct orr_recipe *recipe, struct orr_error *err)
{
    struct orr_text text = {.data = NULL};
    char real[PATH_MAX];
    orr_status status = fill_in(recipe, &text, err);
    char *path = status == ORR_OK ? orr_recipe_path(recipe->config, text.data) : NULL;
    if (status == ORR_OK && !path) status = orr_memory_out(err, "a path", text.length);
    if (status == ORR_OK)
        status = orr_recipe_keep_path(recipe->config, "weights.file", realpath(path, real) ? real : path, err);
    orr_memory_free(path);
    orr_text_fini(&text);
    ORR_TRY(status);
    return orr_config_text(at(recipe, "weights.file"), &recipe->weights.file, err);
}

/* ---- what the file holds ---- */

static orr_status take_checksum(struct orr_recipe *recipe, struct orr_error *err)
{
    const char *expected = recipe->weights.checksum;
    char checksum[17];
    ORR_TRY(orr_stream_checksum(recipe->weights.file, checksum, err));
    if (expected && strcmp(expected, checksum) != 0)
        return orr_fail(err, ORR_EINVAL,
                        "%s has checksum %s, not %s: it is another file than the recipe names; take weights.checksum "
                        "out to use it",
                        recipe->weights.file, checksum, expected);
    ORR_TRY(orr_config_set(recipe->config, "weights.checksum", checksum, recipe->weights.file, err));
    return orr_config_text(at(recipe, "weights.checksum"), &recipe->weights.checksum, err);
}

/* The untrained network beside the weights must be the one that their training began with. */
static orr_status check_seed(const struct orr_recipe *recipe, struct orr_error *err)
{
    int64_t seed;
    ORR_TRY(orr_weights_seed(recipe->weights.file, &seed, err));
    if (seed < 0 || seed == recipe->train.seed) return ORR_OK;
    return orr_fail(err, ORR_EINVAL,
                    "%s was trained from seed %" PRId64 ", and train.seed is %" PRId64
                    ": the untrained network beside it would be another one; set train.seed=%" PRId64,
                    recipe->weights.file, seed, recipe->train.seed, seed);
}

orr_status orr_recipe_bind_weights(struct orr_recipe *recipe, struct orr_error *err)
{
    struct orr_error why = {.code = ORR_OK};
    if (!recipe->weights.file && recipe->weights.checksum)
        return orr_config_fail(at(recipe, "weights.checksum"), err, ORR_EINVAL,
                               "this is for weights.file, which the recipe has not: leave it out");
    if (!recipe->weights.file) return ORR_OK;
    ORR_TRY(take_path(recipe, err));
    orr_status status = take_checksum(recipe, &why);
    if (status == ORR_OK) status = check_seed(recipe, &why);
    if (status == ORR_OK) return ORR_OK;
    /* A path that leads nowhere is wrong input. */
    return orr_config_fail(at(recipe, "weights.file"), err, status == ORR_EIO ? ORR_EINVAL : status, "%s", why.text);
}
