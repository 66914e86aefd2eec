/* orrery export: the weights of a run as a file of their own, without what only its training needs.
 *
 * In: a run or one of its checkpoints. Out: a safetensors file whose metadata say what made it. */
#include "base/memory.h"
#include "cli/find_weights.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "model/weights.h"
#include "study/recipe.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct orr_option options[] = {
    {"--out", "FILE", "the .safetensors to write"},
    {"--metadata", "KEY=TEXT", "a text of your own to keep in it"},
    {NULL, NULL, NULL},
};

enum { ORIGIN_BYTES = 1 << 20 };

struct exporting {
    const struct orr_command *command;
    char *weights, *recipe;
    struct orr_safetensors *from, *to; /* tensors of `to` are borrowed from `from` */
};

/* ---- tensors ---- */

static bool is_of_training(const char *name)
{
    return strncmp(name, "optimizer.", 10) == 0 || strcmp(name, "losses") == 0;
}

static orr_status take_tensors(const struct exporting *e, struct orr_error *err)
{
    const struct orr_safetensors_tensor *t;
    for (size_t i = 0; (t = orr_safetensors_tensor(e->from, i)) != NULL; ++i)
        if (!is_of_training(t->name))
            ORR_TRY(orr_safetensors_add(e->to, t->name, t->dtype, t->rank, t->dim, t->data, err));
    return ORR_OK;
}

/* ---- metadata ---- */

/* One that the checkpoint does not say is left out. */
static orr_status take_fact(const struct exporting *e, const char *key, struct orr_error *err)
{
    const char *text = orr_safetensors_metadata(e->from, key);
    return text ? orr_safetensors_set_metadata(e->to, key, text, err) : ORR_OK;
}

static orr_status take_facts(const struct exporting *e, struct orr_error *err)
{
    static const char *const keys[] = {"model", "model_graph", "seed", "step", "recipe"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i)
        ORR_TRY(take_fact(e, keys[i], err));
    for (size_t i = 0; i < ORR_WEIGHTS_SIZES; ++i)
        ORR_TRY(take_fact(e, orr_weights_size_names[i], err));
    return orr_safetensors_set_metadata(e->to, "format", "orrery-weights-1", err);
}

/* What of the recipe bears on training: of it `recipe` is the hash. */
static orr_status add_training(const struct exporting *e, struct orr_error *err)
{
    const char *expected = orr_safetensors_metadata(e->from, "recipe");
    char *recipe, *training, hash[17];
    size_t n;
    ORR_TRY(orr_file_read(e->recipe, ORR_CONFIG_BYTES, &recipe, &n, err));
    orr_status status = orr_recipe_training(recipe, &training, err);
    orr_memory_free(recipe);
    ORR_TRY(status);
    orr_recipe_hash(training, hash);
    if (!expected || strcmp(hash, expected) != 0)
        status = orr_fail(err, ORR_EINVAL, "%s (hash %s) is not the recipe that trained %s (hash %s)", e->recipe, hash,
                          e->weights, expected ? expected : "none");
    if (status == ORR_OK) status = orr_safetensors_set_metadata(e->to, "training", training, err);
    orr_memory_free(training);
    return status;
}

/* Versions and device of the training. */
static orr_status add_origin(const struct exporting *e, struct orr_error *err)
{
    const char *slash = strrchr(e->recipe, '/');
    char *text, *path = orr_memory_print("%.*sorigin.json", slash ? (int)(slash - e->recipe) + 1 : 0, e->recipe);
    size_t n;
    if (!path) return orr_memory_out(err, "a path", strlen(e->recipe));
    orr_status status = orr_file_read(path, ORIGIN_BYTES, &text, &n, err);
    orr_memory_free(path);
    ORR_TRY(status);
    status = orr_safetensors_set_metadata(e->to, "origin", text, err);
    orr_memory_free(text);
    return status;
}

static orr_status add_own(const struct exporting *e, const char *setting, struct orr_error *err)
{
    const char *equals = strchr(setting, '=');
    char *key = equals && equals > setting ? orr_memory_print("%.*s", (int)(equals - setting), setting) : NULL;
    if (!equals || equals == setting)
        return orr_fail(err, ORR_EINVAL, "--metadata %s: write KEY=TEXT, such as license=MIT", setting);
    if (!key) return orr_memory_out(err, "a key", strlen(setting));
    orr_status status = ORR_OK;
    if (orr_safetensors_metadata(e->to, key))
        status = orr_fail(err, ORR_EINVAL, "--metadata %s: %s is said already: choose another key", setting, key);
    if (status == ORR_OK) status = orr_safetensors_set_metadata(e->to, key, equals + 1, err);
    orr_memory_free(key);
    return status;
}

static orr_status add_metadata(const struct exporting *e, struct orr_error *err)
{
    const struct orr_arguments *a = e->command->arguments;
    ORR_TRY(take_facts(e, err));
    ORR_TRY(add_training(e, err));
    ORR_TRY(add_origin(e, err));
    for (size_t i = 0; i < a->n_options; ++i)
        if (strcmp(a->option[i]->name, "--metadata") == 0) ORR_TRY(add_own(e, a->value[i], err));
    return ORR_OK;
}

/* ---- the verb ---- */

static orr_status check_checkpoint(const struct exporting *e, struct orr_error *err)
{
    const char *format = orr_safetensors_metadata(e->from, "format");
    if (e->recipe && format && strcmp(format, "orrery-checkpoint") == 0) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "%s is no checkpoint of a run: name a run, or a file in its checkpoints/",
                    e->weights);
}

/* A checkpoint without its optimiser's state is none to go on from. */
static orr_status check_target(const struct exporting *e, const char *out, struct orr_error *err)
{
    struct stat from, to;
    if (stat(e->weights, &from) != 0 || stat(out, &to) != 0) return ORR_OK;
    if (from.st_dev != to.st_dev || from.st_ino != to.st_ino) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "--out %s is the checkpoint itself, which its run needs whole: name another file",
                    out);
}

static orr_status export(struct exporting *e, struct orr_error *err)
{
    const char *word, *out = orr_arguments_value(e->command->arguments, "--out");
    ORR_TRY(orr_command_word(e->command, "run directory or checkpoint", &word, err));
    if (!out || !*out) return orr_fail(err, ORR_EINVAL, "--out is missing: name the file to write");
    ORR_TRY(orr_find_weights(word, &e->weights, &e->recipe, err));
    ORR_TRY(orr_safetensors_load(e->weights, &e->from, err));
    ORR_TRY(check_checkpoint(e, err));
    ORR_TRY(check_target(e, out, err));
    ORR_TRY(orr_safetensors_create(&e->to, err));
    ORR_TRY(take_tensors(e, err));
    ORR_TRY(add_metadata(e, err));
    ORR_TRY(orr_safetensors_save(e->to, out, err));
    printf("Weights of %s: %s\n", e->weights, out);
    return ORR_OK;
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct exporting e = {.command = command};
    const orr_status status = export(&e, err);
    orr_safetensors_destroy(e.to);
    orr_safetensors_destroy(e.from);
    orr_memory_free(e.weights);
    orr_memory_free(e.recipe);
    return status;
}

const struct orr_verb orr_verb_export = {
    .name = "export",
    .words = "RUN|CHECKPOINT",
    .summary = "Write the weights of a run to a file of their own",
    .more =
        "RUN is a run directory, of which the newest checkpoint is taken. The file has the weights alone, for PyTorch\n"
        "or `orrery probe`, and says what made them: model, seed, step, recipe, versions.\n"
        "  orrery export runs/smoke --out smoke.safetensors\n",
    .options = options,
    .run = run,
};
