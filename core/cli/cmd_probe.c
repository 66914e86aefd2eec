/* orrery probe: the probes of a recipe on given weights, beside the same controls as after a training.
 *
 * In: a file of weights and a recipe, or a run. Out: findings, printed and written as `orrery run` does. */
#include "base/memory.h"
#include "base/threads.h"
#include "cli/choose_device.h"
#include "cli/find_weights.h"
#include "cli/interrupt.h"
#include "cli/open_recipe.h"
#include "cli/open_weights.h"
#include "cli/progress.h"
#include "cli/run_report.h"
#include "cli/select_probes.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct orr_option options[] = {
    {"--recipe", "R.yaml", "whose data and probes; of a run its own, unless this is given"},
    {"--probe", "NAME", "only this probe: the recipe's of this name, or one with its defaults"},
    ORR_RECIPE_OPTIONS,
    {"--device", "DEVICE", "where to compute, such as reference or opencl:gpu (orrery devices)"},
    {"--out", "DIR", "the directory for findings; default: runs/<name of the recipe>-probe"},
    ORR_WEIGHTS_OPTIONS,
    {NULL, NULL, NULL},
};

struct probing {
    const struct orr_command *command;
    char *weights, *recipe, *directory;
    int64_t block_size; /* of weights that are not of a run; otherwise 0 */
    struct orr_loader *loader;
    struct orr_sweep *sweep;
    struct orr_run run;
    struct orr_open_device *device;
    struct orr_progress progress;
};

/* --- which weights, which recipe ------------------------------------------------------------- */

static orr_status choose_files(struct probing *p, struct orr_error *err)
{
    const char *word, *recipe = orr_arguments_value(p->command->arguments, "--recipe");
    ORR_TRY(orr_command_word(p->command, "file of weights or run directory", &word, err));
    ORR_TRY(orr_find_weights(word, &p->weights, &p->recipe, err));
    if (recipe) {
        orr_memory_free(p->recipe);
        p->recipe = orr_memory_text(recipe);
        return p->recipe ? ORR_OK : orr_memory_out(err, "a path", strlen(recipe));
    }
    if (p->recipe) return ORR_OK;
    return orr_fail(err, ORR_EINVAL,
                    "--recipe is missing: %s is no checkpoint of a run, so name a recipe for its data and probes",
                    word);
}

/* --- the recipe ------------------------------------------------------------------------------ */

static orr_status set_size(struct probing *p, const char *key, int64_t value, struct orr_error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return orr_config_set(p->sweep->base, key, text, p->weights, err);
}

/* Bins have a range, which only the user knows. */
static orr_status check_vocabulary(const struct probing *p, const struct orr_model *m, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(p->sweep->base), "data.bins");
    int64_t bins = 0;
    if (node) ORR_TRY(orr_config_int(node, 0, INT64_MAX, &bins, err));
    if (bins == m->vocab_size) return ORR_OK;
    return orr_fail(err, ORR_EINVAL,
                    "the recipe's data.bins is %" PRId64 ", but %s is a model of vocab_size %" PRId64
                    " (0: of numbers): choose another recipe, or --set data.bins=%" PRId64,
                    bins, p->weights, m->vocab_size, m->vocab_size);
}

/* Of a run the recipe says the sizes, and an option for one would do nothing. */
static orr_status refuse_sizes(const struct probing *p, struct orr_error *err)
{
    for (int i = 0; i < ORR_WEIGHTS_SIZES; ++i) {
        char option[32];
        snprintf(option, sizeof option, "--%s", orr_weights_size_names[i]);
        if (orr_arguments_count(p->command->arguments, option) > 0)
            return orr_fail(err, ORR_EINVAL,
                            "%s is for weights whose file does not say it, with --recipe: the sizes of %s are those of "
                            "its own recipe, %s; leave it out",
                            option, p->weights, p->recipe);
    }
    return ORR_OK;
}

/* A recipe that is not the weights' own says nothing of their sizes: they do. */
static orr_status take_sizes(struct probing *p, struct orr_error *err)
{
    struct orr_model m;
    if (!orr_arguments_value(p->command->arguments, "--recipe")) return refuse_sizes(p, err);
    ORR_TRY(orr_open_weights_sizes(p->command, p->weights, &m, err));
    ORR_TRY(check_vocabulary(p, &m, err));
    p->block_size = m.block_size;
    ORR_TRY(orr_config_set(p->sweep->base, "model.kind", orr_model_kind_names[m.kind], p->weights, err));
    ORR_TRY(set_size(p, "model.n_layer", m.n_layer, err));
    ORR_TRY(set_size(p, "model.n_head", m.n_head, err));
    ORR_TRY(set_size(p, "model.n_embd", m.n_embd, err));
    return set_size(p, "model.window", m.window, err);
}

/* The recipe is now one of these weights, whatever it named before. */
static orr_status name_weights(struct probing *p, struct orr_error *err)
{
    char real[PATH_MAX];
    struct orr_config *base = p->sweep->base;
    if (orr_config_find(orr_config_root(base), "weights.checksum"))
        ORR_TRY(orr_config_remove(base, "weights.checksum"));
    return orr_recipe_keep_path(base, "weights.file", realpath(p->weights, real) ? real : p->weights, err);
}

static orr_status choose_directory(struct probing *p, struct orr_error *err)
{
    const char *out = orr_arguments_value(p->command->arguments, "--out");
    const char *name = p->run.point[0].recipe->name;
    if (out && !*out) return orr_fail(err, ORR_EINVAL, "--out is empty: name a directory");
    if (!out && (strchr(name, '/') || name[0] == '.'))
        return orr_fail(err, ORR_EINVAL, "the recipe's name, \"%s\", is no name for a directory: give --out DIR", name);
    p->directory = out ? orr_memory_text(out) : orr_memory_print("runs/%s-probe", name);
    char *recipe = p->directory ? orr_memory_print("%s/recipe.yaml", p->directory) : NULL;
    if (!recipe) return orr_memory_out(err, "a path", 0);
    const bool taken = access(recipe, F_OK) == 0;
    orr_memory_free(recipe);
    if (!taken) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "%s already holds results: choose another directory with --out", p->directory);
}

static orr_status prepare(struct probing *p, struct orr_error *err)
{
    ORR_TRY(choose_files(p, err));
    ORR_TRY(orr_open_recipe(p->command, p->recipe, &p->sweep, err));
    ORR_TRY(take_sizes(p, err));
    ORR_TRY(name_weights(p, err));
    ORR_TRY(orr_select_probes(p->command, p->sweep->base, err));
    if (p->sweep->n_points > 1)
        return orr_fail(err, ORR_EINVAL, "the recipe has %zu points, and these weights are of one: set %s to one value",
                        p->sweep->n_points, p->sweep->axis[0].key);
    ORR_TRY(orr_loader_create(&p->loader, err));
    ORR_TRY(orr_run_prepare(p->sweep, p->loader, &p->run, err));
    ORR_TRY(choose_directory(p, err));
    return orr_choose_device(p->command, p->loader, ORR_F32, &p->device, err);
}

/* --- the verb -------------------------------------------------------------------------------- */

/* What failed has no findings: the same command finds the directory free. */
static void take_back(const struct probing *p)
{
    char *recipe = orr_memory_print("%s/recipe.yaml", p->directory);
    if (recipe) (void)unlink(recipe);
    orr_memory_free(recipe);
}

static orr_status measure(struct probing *p, struct orr_error *err)
{
    const struct orr_run_job job = {
        .sweep = p->sweep,
        .loader = p->loader,
        .device = p->device,
        .directory = p->directory,
        .block_size = p->block_size,
        .threads = orr_threads_wanted(),
        .command_line = (const char *const *)p->command->argv,
        .n_command_line = (size_t)p->command->argc,
        .stop = orr_interrupt_watch(false),
        .watcher = {.context = &p->progress, .notice = orr_progress_notice, .progress = orr_progress_step}};
    const orr_status status = orr_run_one(&job, &p->run, err);
    if (status == ORR_OK) return ORR_OK;
    if (p->run.lock) take_back(p);
    return status == ORR_ECANCELLED ? orr_fail(err, status, "stopped while probing: nothing was written") : status;
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct probing p = {.command = command};
    orr_progress_init(&p.progress, command->quiet);
    orr_status status = prepare(&p, err);
    if (status == ORR_OK) status = measure(&p, err);
    orr_progress_fini(&p.progress);
    if (status == ORR_OK) status = orr_run_report(p.directory, true, err);
    orr_device_close(p.device);
    orr_run_fini(&p.run);
    orr_sweep_destroy(p.sweep);
    orr_loader_destroy(p.loader);
    orr_memory_free(p.weights);
    orr_memory_free(p.recipe);
    orr_memory_free(p.directory);
    return status;
}

const struct orr_verb orr_verb_probe = {
    .name = "probe",
    .words = "WEIGHTS|RUN",
    .summary = "Probe a model from elsewhere, or a run again, without training",
    .more = "WEIGHTS is a safetensors file as `orrery forward` reads it, RUN a run directory, of which the newest\n"
            "checkpoint is taken. Data and probes are those of a recipe, sizes those of the weights. Where a probe of\n"
            "the recipe takes parameters: --set probes.0.KEY=VALUE for the first of its list.\n"
            "  orrery probe model.safetensors --recipe recipes/smoke.yaml --probe linear\n"
            "  orrery probe runs/smoke --probe rollout\n",
    .options = options,
    .run = run,
};
