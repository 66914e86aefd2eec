/* Finding checkpoints and their recipes by the layout of run directories. */
#include "cli/find_weights.h"

#include "base/memory.h"
#include "train/checkpoint.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_directory(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

/* The newest checkpoint of a run. */
static orr_status choose_checkpoint(const char *run, char **weights, struct orr_error *err)
{
    uint64_t *steps;
    size_t count;
    ORR_TRY(orr_checkpoint_list(run, &steps, &count, err));
    orr_status status = ORR_OK;
    if (count == 0)
        status = orr_fail(err, ORR_EINVAL,
                          "%s/checkpoints holds no checkpoint: name the directory of a run, of one point where it has "
                          "several, or a file of weights",
                          run);
    else if (!(*weights = orr_checkpoint_path(run, steps[count - 1])))
        status = orr_memory_out(err, "a path", strlen(run));
    orr_memory_free(steps);
    return status;
}

/* The recipe of the run that a file is a checkpoint of: DIR/recipe.yaml of DIR/checkpoints/FILE. That directory has
 * this name and no other that ends so. */
static orr_status find_recipe(const char *weights, char **recipe, struct orr_error *err)
{
    static const char name[] = "checkpoints";
    const size_t length = sizeof name - 1;
    const char *slash = strrchr(weights, '/');
    if (!slash || (size_t)(slash - weights) < length || strncmp(slash - length, name, length) != 0) return ORR_OK;
    if (slash - length > weights && slash[-(ptrdiff_t)length - 1] != '/') return ORR_OK;
    char *path = orr_memory_print("%.*s/../recipe.yaml", (int)(slash - weights), weights);
    if (!path) return orr_memory_out(err, "a path", strlen(weights));
    if (access(path, F_OK) == 0)
        *recipe = path;
    else
        orr_memory_free(path);
    return ORR_OK;
}

static orr_status find(const char *word, char **weights, char **recipe, struct orr_error *err)
{
    if (is_directory(word)) {
        ORR_TRY(choose_checkpoint(word, weights, err));
        *recipe = orr_memory_print("%s/recipe.yaml", word);
        return *recipe ? ORR_OK : orr_memory_out(err, "a path", strlen(word));
    }
    *weights = orr_memory_text(word);
    return *weights ? find_recipe(word, recipe, err) : orr_memory_out(err, "a path", strlen(word));
}

orr_status orr_find_weights(const char *word, char **weights, char **recipe, struct orr_error *err)
{
    *weights = *recipe = NULL;
    const orr_status status = find(word, weights, recipe, err);
    if (status == ORR_OK) return ORR_OK;
    orr_memory_free(*weights);
    orr_memory_free(*recipe);
    *weights = *recipe = NULL;
    return status;
}
