/* Claiming a run directory. */
#include "study/directory.h"

#include "base/memory.h"
#include "io/file.h"
#include "study/recipe.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool holds(const char *directory, const char *name)
{
    char *path = orr_memory_print("%s/%s", directory, name);
    const bool found = path && access(path, F_OK) == 0;
    orr_memory_free(path);
    return found;
}

orr_status orr_directory_open(const char *path, struct orr_file_lock **lock, struct orr_error *err)
{
    *lock = NULL;
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISDIR(there.st_mode))
        return orr_fail(err, ORR_EINVAL, "%s is not a directory: choose another one with --out", path);
    ORR_TRY(orr_file_make_directories(path, err));
    char *file = orr_memory_print("%s/.lock", path);
    if (!file) return orr_memory_out(err, "a path", strlen(path) + 8);
    const orr_status status = orr_file_lock(file, lock, err);
    orr_memory_free(file);
    return status;
}

static orr_status refuse(const char *path, struct orr_error *err)
{
    static const char *const names[] = {"recipe.yaml", "checkpoints", "metrics.jsonl", "findings.csv", "summary.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        if (holds(path, names[i]))
            return orr_fail(err, ORR_EINVAL,
                            "%s already holds a run (%s): add --resume to go on with it, or choose another directory "
                            "with --out",
                            path, names[i]);
    return ORR_OK;
}

static const char *text_of(const struct orr_config_node *root, const char *key)
{
    const struct orr_config_node *node = orr_config_find(root, key);
    return node && node->text ? node->text : "not set, or a list";
}

/* The key in which weights that were given are not those of the run there, or NULL. Where their file lies, and whether
 * its checksum is known before a point is bound, makes no difference; training may take the place of weights. */
static const char *other_weights(const struct orr_config_node *there, const struct orr_config_node *here)
{
    static const char file[] = "weights.file", checksum[] = "weights.checksum";
    const struct orr_config_node *a = orr_config_find(there, checksum), *b = orr_config_find(here, checksum);
    if (orr_config_find(here, file) && !orr_config_find(there, file)) return file;
    return a && b && a->text && b->text && strcmp(a->text, b->text) != 0 ? checksum : NULL;
}

/* Into path, of size bytes, the first key in which the runs of two recipes differ; false where they do not. Probes and
 * what is made of them may change. */
static bool is_other_run(struct orr_config *there, struct orr_config *here, char *path, size_t size)
{
    const char *weights = other_weights(orr_config_root(there), orr_config_root(here));
    snprintf(path, size, "%s", weights ? weights : "");
    if (weights) return true;
    orr_recipe_keep_training(there);
    orr_recipe_keep_training(here);
    return orr_recipe_difference(orr_config_root(there), orr_config_root(here), path, size);
}

static orr_status compare(const char *directory, const char *recipe_path, const char *recipe, struct orr_error *err)
{
    struct orr_config *there = NULL, *here = NULL;
    char key[256];
    orr_status status = orr_config_load(recipe_path, &there, err);
    if (status == ORR_OK) status = orr_config_parse(recipe, "this recipe", &here, err);
    if (status == ORR_OK && is_other_run(there, here, key, sizeof key))
        status = orr_fail(err, ORR_EINVAL, "%s holds a run of another recipe: %s is %s there and %s here: %s",
                          directory, key, text_of(orr_config_root(there), key), text_of(orr_config_root(here), key),
                          strncmp(key, "sweep.", 6) == 0
                              ? "run the points that are new with another --out, and orrery report on both directories"
                              : "run with the same recipe and settings, or choose another directory with --out");
    orr_config_destroy(there);
    orr_config_destroy(here);
    return status;
}

static int remove_temporaries(const char *path, const struct stat *what, int kind, struct FTW *where)
{
    (void)what, (void)where;
    if (kind == FTW_D) orr_file_remove_temporaries(path, "*");
    return 0;
}

static orr_status take_over(const char *directory, const char *recipe_path, const char *recipe, struct orr_error *err)
{
    enum { OPEN_DIRECTORIES = 16 };
    ORR_TRY(compare(directory, recipe_path, recipe, err));
    /* What cannot be removed is logged, and does no harm. */
    (void)nftw(directory, remove_temporaries, OPEN_DIRECTORIES, FTW_PHYS);
    return ORR_OK;
}

orr_status orr_directory_claim(const char *path, const char *recipe, bool resume, struct orr_error *err)
{
    if (!resume) ORR_TRY(refuse(path, err));
    ORR_TRY(orr_file_make_directories(path, err));
    char *recipe_path = orr_memory_print("%s/recipe.yaml", path);
    if (!recipe_path) return orr_memory_out(err, "a path", strlen(path) + 16);
    orr_status status = ORR_OK;
    if (resume && access(recipe_path, F_OK) == 0) status = take_over(path, recipe_path, recipe, err);
    if (status == ORR_OK) status = orr_file_write_atomic(recipe_path, recipe, strlen(recipe), err);
    orr_memory_free(recipe_path);
    return status;
}
