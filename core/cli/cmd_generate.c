/* orrery generate: trajectories of a simulator as a file. */
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/params.h"
#include "base/threads.h"
#include "cli/open_recipe.h"
#include "data/export.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct orr_option options[] = {
    {"--out", "FILE", "to write: .safetensors, .npy (observed columns only) or .csv"},
    {"--trajectories", "N", "how many (a simulator; a recipe has its own)"},
    {"--steps", "N", "points of each (a simulator)"},
    {"--seed", "N", "of the simulator (a simulator); default 1"},
    ORR_RECIPE_OPTIONS,
    {NULL, NULL, NULL},
};

static orr_status whole_number(const struct orr_command *command, const char *option, int64_t fallback, int64_t least,
                               int64_t *out, struct orr_error *err)
{
    const char *text = orr_arguments_value(command->arguments, option);
    *out = fallback;
    if (!text && fallback < least) return orr_fail(err, ORR_EINVAL, "%s is missing: give a whole number", option);
    if (text && (!orr_number_integer(text, out) || *out < least || *out > INT32_MAX))
        return orr_fail(err, ORR_EINVAL, "%s %s: a whole number from %" PRId64 " to %d was expected", option, text,
                        least, INT32_MAX);
    return ORR_OK;
}

/* Takes data. */
static orr_status write_file(struct orr_dataset *data, const char *path, struct orr_error *err)
{
    const struct orr_data_config *config = &data->config;
    double drift = (double)NAN;
    orr_status status = orr_dataset_export(data, path, err);
    const uint32_t checked = config->trajectories < 100 ? (uint32_t)config->trajectories : 100;
    if (status == ORR_OK) status = orr_dataset_invariant_drift(data, 0, checked, &drift, err);
    if (status == ORR_OK) {
        printf("%" PRIu64 " trajectories of %s, %" PRIu32 " points each, seed %" PRIu64 ": %s\n", config->trajectories,
               data->recording ? data->source : data->plugin->name, config->steps, config->seed, path);
        if (!isnan(drift))
            printf("conserved quantity: changes by at most %.2g of itself along the first %" PRIu32 " trajectories\n",
                   drift, checked);
    }
    orr_dataset_destroy(data);
    return status;
}

static orr_status from_recipe(const struct orr_command *command, const char *recipe, const char *path,
                              struct orr_loader *loader, struct orr_error *err)
{
    struct orr_sweep *sweep;
    struct orr_run run = {.point = NULL};
    ORR_TRY(orr_open_recipe(command, recipe, &sweep, err));
    orr_status status = orr_run_prepare(sweep, loader, &run, err);
    if (status == ORR_OK) {
        const struct orr_recipe *first = run.point[0].recipe;
        struct orr_dataset *data;
        if (run.n_points > 1)
            orr_log(ORR_LOG_WARN, "generate", "the recipe has %zu points: generating the data of the first, %s",
                    run.n_points, run.point[0].name);
        status = orr_recipe_dataset(first, orr_threads_wanted(), &data, err);
        if (status == ORR_OK) status = write_file(data, path, err);
    }
    orr_run_fini(&run);
    orr_sweep_destroy(sweep);
    return status;
}

/* Set parameters as --set KEY=VALUE gives them; the keys' texts end up in copies. */
static orr_status set_parameters(const struct orr_command *command, const struct orr_param *table,
                                 union orr_value *values, struct orr_error *err)
{
    size_t n;
    const char **settings = orr_command_settings(command, &n);
    if (!settings) return orr_memory_out(err, "settings", 0);
    orr_status status = orr_params_defaults(table, values, err);
    for (size_t i = 0; status == ORR_OK && i < n; ++i) {
        const char *equals = strchr(settings[i], '=');
        char *key = equals ? orr_memory_print("%.*s", (int)(equals - settings[i]), settings[i]) : NULL;
        if (!equals)
            status = orr_fail(err, ORR_EINVAL, "--set %s: write key=value", settings[i]);
        else if (!key)
            status = orr_memory_out(err, "a key", strlen(settings[i]));
        else
            status = orr_params_set(table, values, key, equals + 1, err);
        orr_memory_free(key);
    }
    orr_memory_free(settings);
    return status;
}

static orr_status from_simulator(const struct orr_command *command, const char *name, const char *path,
                                 struct orr_loader *loader, struct orr_error *err)
{
    const struct orr_plugin *plugin;
    int64_t trajectories, steps, seed;
    ORR_TRY(orr_loader_find(loader, ORR_SIMULATOR, name, &plugin, err));
    ORR_TRY(whole_number(command, "--trajectories", 0, 2, &trajectories, err));
    ORR_TRY(whole_number(command, "--steps", 0, 2, &steps, err));
    ORR_TRY(whole_number(command, "--seed", 1, 0, &seed, err));
    const struct orr_data_config config = {.seed = (uint64_t)seed,
                                           .trajectories = (uint64_t)trajectories,
                                           .steps = (uint32_t)steps,
                                           .train_fraction = 0.5,
                                           .context = 1};
    union orr_value *values = orr_memory_array(orr_params_count(plugin->params) + 1, sizeof *values);
    if (!values) return orr_memory_out(err, "parameters", 0);
    orr_status status = set_parameters(command, plugin->params, values, err);
    struct orr_dataset *data;
    if (status == ORR_OK) status = orr_dataset_create(plugin, values, &config, orr_threads_wanted(), &data, err);
    if (status == ORR_OK) status = write_file(data, path, err);
    orr_memory_free(values);
    return status;
}

static bool is_recipe(const char *word)
{
    const char *dot = strrchr(word, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    const char *word, *path = orr_arguments_value(command->arguments, "--out");
    struct orr_loader *loader;
    ORR_TRY(orr_command_word(command, "recipe or simulator", &word, err));
    if (!path)
        return orr_fail(err, ORR_EINVAL, "--out is missing: name a file that ends in .safetensors, .npy or .csv");
    ORR_TRY(orr_loader_create(&loader, err));
    const orr_status status = is_recipe(word) ? from_recipe(command, word, path, loader, err)
                                              : from_simulator(command, word, path, loader, err);
    orr_loader_destroy(loader);
    return status;
}

const struct orr_verb orr_verb_generate = {
    .name = "generate",
    .words = "RECIPE|SIMULATOR",
    .summary = "Write trajectories to a file",
    .more = "  orrery generate recipes/smoke.yaml --out orbits.safetensors\n"
            "  orrery generate kepler --trajectories 10 --steps 100 --set e_max=0.3 --out orbits.csv\n"
            "A simulator's parameters: orrery plugins NAME.\n",
    .options = options,
    .run = run,
};
