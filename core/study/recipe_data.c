/* A recipe's data: the file they come from, the names of its columns, the range of tokens. */
#include "base/memory.h"
#include "base/number.h"
#include "data/replay.h"
#include "study/recipe.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct orr_config_node *at(const struct orr_recipe *recipe, const char *path)
{
    return orr_config_find(orr_config_root(recipe->config), path);
}

/* ---- reading ---- */

/* What a file has and a simulator has not, and the other way round. */
static orr_status check_source(const struct orr_recipe *recipe, struct orr_error *err)
{
    static const char *const of_file[] = {"data.tensor", "data.checksum", "data.columns", "data.observed",
                                          "data.constant"};
    static const char *const of_simulator[] = {"data.trajectories", "data.steps"};
    const struct orr_config_node *root = orr_config_root(recipe->config);
    for (size_t i = 0; !recipe->data.file && i < sizeof of_file / sizeof *of_file; ++i)
        if (at(recipe, of_file[i]))
            return orr_config_fail(at(recipe, of_file[i]), err, ORR_EINVAL,
                                   "this is for data.file, which the recipe has not: leave it out");
    for (size_t i = 0; !recipe->data.file && i < sizeof of_simulator / sizeof *of_simulator; ++i)
        if (!at(recipe, of_simulator[i]))
            return orr_config_fail(root, err, ORR_EINVAL, "the recipe has no %s: add it", of_simulator[i]);
    return ORR_OK;
}

/* Data are floats: a bin that is narrower than the distance of two of them at the ends of the range is not reached. */
static orr_status check_bin_range(const struct orr_recipe *recipe, const struct orr_config_node *node,
                                  struct orr_error *err)
{
    const double low = recipe->data.bin_low, high = recipe->data.bin_high;
    const float largest = (float)fmax(fabs(low), fabs(high));
    const double unit = (double)largest - (double)nextafterf(largest, 0);
    char begin[ORR_NUMBER_SIZE], end[ORR_NUMBER_SIZE];
    orr_number_print(low, begin);
    orr_number_print(high, end);
    if (!(low < high))
        return orr_config_fail(node, err, ORR_EINVAL, "the range begins at %s and ends at %s: give the lower end first",
                               begin, end);
    if (!((high - low) / (double)recipe->data.bins > unit))
        return orr_config_fail(node, err, ORR_EINVAL,
                               "%" PRId64
                               " bins between %s and %s are narrower than floats can tell apart there: widen "
                               "the range, or lower data.bins",
                               recipe->data.bins, begin, end);
    return ORR_OK;
}

static orr_status read_bin_range(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_config_node *node = at(recipe, "data.bin_range");
    if (!node) return ORR_OK;
    if (node->kind != ORR_CONFIG_LIST || node->count != 2)
        return orr_config_fail(node, err, ORR_EINVAL, "two numbers are expected here: [low, high]");
    ORR_TRY(orr_config_real(node->children[0], -FLT_MAX, FLT_MAX, &recipe->data.bin_low, err));
    ORR_TRY(orr_config_real(node->children[1], -FLT_MAX, FLT_MAX, &recipe->data.bin_high, err));
    if (recipe->data.bins == 0 && strcmp(at(recipe, "data.bins")->file, "default") == 0)
        return orr_config_fail(node, err, ORR_EINVAL, "a range of tokens, and data.bins is 0: say how many bins");
    ORR_TRY(check_bin_range(recipe, node, err));
    /* Where 0 bins are asked for, as a sweep may do at one of its points, there are no tokens to have a range. */
    recipe->data.has_bin_range = recipe->data.bins > 0;
    return ORR_OK;
}

orr_status orr_recipe_read_data(struct orr_recipe *recipe, struct orr_error *err)
{
    ORR_TRY(check_source(recipe, err));
    ORR_TRY(orr_recipe_read_words(at(recipe, "data.columns"), "columns", &recipe->data.columns, &recipe->data.n_columns,
                                  err));
    ORR_TRY(orr_recipe_read_words(at(recipe, "data.observed"), "columns", &recipe->data.observed,
                                  &recipe->data.n_observed, err));
    ORR_TRY(orr_recipe_read_words(at(recipe, "data.constant"), "columns", &recipe->data.constant,
                                  &recipe->data.n_constant, err));
    if (recipe->data.bins == 1)
        return orr_config_fail(at(recipe, "data.bins"), err, ORR_EINVAL,
                               "one bin holds every number, and nothing is left to predict: give 2 or more, or 0 for "
                               "numbers");
    return read_bin_range(recipe, err);
}

/* ---- the file ---- */

char *orr_recipe_path(const struct orr_config *recipe, const char *path)
{
    const char *file = orr_config_root(recipe)->file;
    const char *slash = file && *path != '/' ? strrchr(file, '/') : NULL;
    return slash ? orr_memory_print("%.*s/%s", (int)(slash - file), file, path) : orr_memory_text(path);
}

static struct orr_recording_config recording_config(const struct orr_recipe *recipe, const char *path)
{
    return (struct orr_recording_config){.path = path,
                                         .tensor = recipe->data.tensor,
                                         .columns = recipe->data.columns,
                                         .observed = recipe->data.observed,
                                         .constant = recipe->data.constant,
                                         .n_columns = recipe->data.n_columns,
                                         .n_observed = recipe->data.n_observed,
                                         .n_constant = recipe->data.n_constant,
                                         .checksum = recipe->data.checksum};
}

/* In YAML's single quotes a quote is written twice. */
orr_status orr_recipe_keep_path(struct orr_config *recipe, const char *key, const char *path, struct orr_error *err)
{
    char *quoted = orr_memory_array(2 * strlen(path) + 3, 1), *to = quoted;
    if (!quoted) return orr_memory_out(err, "a path", 2 * strlen(path) + 3);
    *to++ = '\'';
    for (; *path; *to++ = *path++)
        if (*path == '\'') *to++ = '\'';
    *to = '\'';
    const orr_status status = orr_config_set(recipe, key, quoted, key, err);
    orr_memory_free(quoted);
    return status;
}

static orr_status read_file(struct orr_recipe *recipe, struct orr_error *err)
{
    char *path = orr_recipe_path(recipe->config, recipe->data.file), real[PATH_MAX];
    if (!path) return orr_memory_out(err, "a path", strlen(recipe->data.file));
    struct orr_error why = {.code = ORR_OK};
    const bool found = realpath(path, real) != NULL;
    const struct orr_recording_config config = recording_config(recipe, found ? real : path);
    orr_status status = orr_recording_read(&config, &recipe->recording, &why);
    if (status != ORR_OK) /* A path that leads nowhere is wrong input. */
        status = orr_config_fail(at(recipe, "data.file"), err, status == ORR_EIO ? ORR_EINVAL : status, "%s", why.text);
    orr_memory_free(path);
    if (status == ORR_OK) orr_recording_forget_numbers(recipe->recording);
    return status;
}

/* A whole number that the recipe leaves to the file, or that the file must have. */
static orr_status take_size(struct orr_recipe *recipe, const char *key, uint64_t in_file, int64_t *size,
                            struct orr_error *err)
{
    char text[32];
    if (*size > 0 && (uint64_t)*size > in_file)
        return orr_config_fail(at(recipe, key), err, ORR_EINVAL,
                               "%" PRId64 " are asked for, and %s has %" PRIu64 ": lower it, or leave it out for all",
                               *size, recipe->recording->path, in_file);
    if (*size > 0) return ORR_OK;
    snprintf(text, sizeof text, "%" PRIu64, in_file);
    ORR_TRY(orr_config_set(recipe->config, key, text, recipe->recording->path, err));
    return orr_config_int(at(recipe, key), 2, INT32_MAX, size, err);
}

/* Windows are chosen as they were for the simulator, where the recipe does not say otherwise. */
static orr_status take_seed(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_recording *recording = recipe->recording;
    char text[32];
    if (!recording->simulator || strcmp(at(recipe, "data.seed")->file, "default") != 0) return ORR_OK;
    snprintf(text, sizeof text, "%" PRIu64, recording->seed);
    ORR_TRY(orr_config_set(recipe->config, "data.seed", text, recording->path, err));
    return orr_config_int(at(recipe, "data.seed"), 0, INT64_MAX, &recipe->data.seed, err);
}

orr_status orr_recipe_bind_file(struct orr_recipe *recipe, struct orr_error *err)
{
    ORR_TRY(read_file(recipe, err));
    const struct orr_recording *recording = recipe->recording;
    /* The resolved recipe names the file from the root, so that it can be run from everywhere. */
    ORR_TRY(orr_recipe_keep_path(recipe->config, "data.file", recording->path, err));
    ORR_TRY(orr_config_text(at(recipe, "data.file"), &recipe->data.file, err));
    ORR_TRY(orr_config_set(recipe->config, "data.checksum", recording->checksum, recording->path, err));
    ORR_TRY(orr_config_text(at(recipe, "data.checksum"), &recipe->data.checksum, err));
    ORR_TRY(take_size(recipe, "data.trajectories", recording->trajectories, &recipe->data.trajectories, err));
    ORR_TRY(take_size(recipe, "data.steps", recording->steps, &recipe->data.steps, err));
    ORR_TRY(take_seed(recipe, err));
    recipe->simulator.plugin = &orr_replay_plugin;
    recipe->simulator.name = orr_replay_plugin.name;
    return orr_recipe_check(recipe, err);
}

orr_status orr_recipe_dataset(const struct orr_recipe *recipe, uint32_t threads, struct orr_dataset **out,
                              struct orr_error *err)
{
    const struct orr_data_config config = orr_recipe_data(recipe);
    *out = NULL;
    if (!recipe->recording)
        return orr_dataset_create(recipe->simulator.plugin, recipe->simulator.values, &config, threads, out, err);
    const struct orr_recording_config file = recording_config(recipe, recipe->recording->path);
    struct orr_recording *recording;
    ORR_TRY(orr_recording_read(&file, &recording, err));
    return orr_dataset_from_recording(recording, &config, threads, out, err);
}
