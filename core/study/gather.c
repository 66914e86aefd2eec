/* Finding the points of run directories: which there should be, how they differ, and that they are one experiment.
 *
 * In: directories. Out: one list of points, named by the keys in which they differ.
 */
#include "base/memory.h"
#include "base/number.h"
#include "io/file.h"
#include "study/gathered.h"
#include "study/sweep.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- life ---- */

static void point_fini(struct orr_gathered_point *point, size_t n_keys)
{
    for (size_t k = 0; point->value && k < n_keys; ++k)
        orr_memory_free(point->value[k]);
    orr_memory_free(point->value);
    orr_memory_free(point->directory);
    orr_recipe_destroy(point->recipe);
    orr_measures_fini(&point->measures);
    orr_findings_fini(&point->findings);
    orr_memory_free(point->found);
    orr_memory_free(point->loss);
    orr_memory_free(point->evaluation);
}

void orr_gathered_destroy(struct orr_gathered *gathered)
{
    if (!gathered) return;
    for (size_t i = 0; i < gathered->n_points; ++i)
        point_fini(&gathered->point[i], gathered->n_keys);
    for (size_t k = 0; k < gathered->n_keys; ++k)
        orr_memory_free(gathered->key[k]);
    orr_memory_free(gathered->key);
    orr_memory_free(gathered->point);
    orr_memory_free(gathered->weights);
    orr_memory_free(gathered->command);
    orr_memory_free(gathered);
}

/* ---- the points of a directory ---- */

static orr_status add_key(struct orr_gathered *g, const char *key, struct orr_error *err)
{
    for (size_t k = 0; k < g->n_keys; ++k)
        if (strcmp(g->key[k], key) == 0) return ORR_OK;
    void *keys = g->key;
    size_t capacity = g->n_keys;
    const orr_status grown = orr_memory_grow(&keys, &capacity, g->n_keys + 1, sizeof *g->key, err);
    g->key = keys;
    ORR_TRY(grown);
    char *copy = orr_memory_text(key);
    if (!copy) return orr_memory_out(err, "a key", strlen(key) + 1);
    g->key[g->n_keys++] = copy;
    return ORR_OK;
}

/* The recipe that the point's directory holds, and its hash. */
static orr_status read_recipe(struct orr_gathered_point *point, const char *path, char hash[17], struct orr_error *err)
{
    struct orr_config *config;
    char *text;
    size_t n;
    ORR_TRY(orr_file_read(path, ORR_CONFIG_BYTES, &text, &n, err));
    orr_recipe_hash(text, hash);
    orr_memory_free(text);
    ORR_TRY(orr_config_load(path, &config, err));
    return orr_recipe_create(config, &point->recipe, err);
}

/* Takes directory. Where nothing was begun the recipe is that of the sweep. */
static orr_status add_point(struct orr_gathered *g, const struct orr_sweep *sweep, size_t i, char *directory,
                            struct orr_error *err)
{
    char hash[17];
    void *points = g->point;
    size_t capacity = g->n_points;
    const orr_status grown = orr_memory_grow(&points, &capacity, g->n_points + 1, sizeof *g->point, err);
    g->point = points;
    if (grown != ORR_OK) {
        orr_memory_free(directory);
        return grown;
    }
    struct orr_gathered_point *point = &g->point[g->n_points++];
    *point = (struct orr_gathered_point){.directory = directory};
    char *path = directory ? orr_memory_print("%s/recipe.yaml", directory) : NULL;
    if (!path) return orr_memory_out(err, "a path", 0);
    const bool begun = access(path, F_OK) == 0;
    orr_status status = begun ? read_recipe(point, path, hash, err) : orr_sweep_point(sweep, i, &point->recipe, err);
    orr_memory_free(path);
    ORR_TRY(status);
    point->seed = point->recipe->train.seed;
    return begun ? orr_gathered_read_point(point, hash, err) : ORR_OK;
}

static orr_status add_points(struct orr_gathered *g, const char *directory, const struct orr_sweep *sweep,
                             struct orr_error *err)
{
    if (sweep->n_axes == 0) return add_point(g, sweep, 0, orr_memory_text(directory), err);
    g->sweep = true;
    for (size_t a = 0; a < sweep->n_axes; ++a)
        ORR_TRY(add_key(g, sweep->axis[a].key, err));
    for (size_t i = 0; i < sweep->n_points; ++i) {
        char name[ORR_POINT_NAME];
        ORR_TRY(orr_sweep_name(sweep, i, name, sizeof name, err));
        ORR_TRY(add_point(g, sweep, i, orr_memory_print("%s/%s", directory, name), err));
    }
    return ORR_OK;
}

static orr_status add_directory(struct orr_gathered *g, const char *directory, struct orr_error *err)
{
    const struct orr_sweep_options none = {.size = NULL};
    struct orr_sweep *sweep;
    char *path = orr_memory_print("%s/recipe.yaml", directory);
    if (!path) return orr_memory_out(err, "a path", strlen(directory));
    orr_status status = ORR_OK;
    if (access(path, F_OK) != 0) status = orr_fail(err, ORR_EINVAL, "%s holds no run: there is no %s", directory, path);
    if (status == ORR_OK && g->n_points == 0) status = orr_gathered_read_run(g, directory, err);
    if (status == ORR_OK) status = orr_sweep_create(path, &none, &sweep, err);
    orr_memory_free(path);
    ORR_TRY(status);
    status = add_points(g, directory, sweep, err);
    orr_sweep_destroy(sweep);
    return status;
}

/* ---- one experiment ---- */

/* What of a recipe must be the same in all points: without the keys in which they differ, and what has no bearing on
 * numbers. */
static orr_status common_part(const struct orr_gathered *g, const struct orr_recipe *recipe, struct orr_config **out,
                              struct orr_error *err)
{
    static const char *const free_keys[] = {"title",     "label",          "expect", "report",
                                            "data.file", "study.cache_mb", "weights"};
    ORR_TRY(orr_config_parse("", "recipe", out, err));
    const orr_status status = orr_config_merge(*out, orr_config_root(recipe->config), err);
    if (status != ORR_OK) {
        orr_config_destroy(*out);
        *out = NULL;
        return status;
    }
    /* One that is not there is fine. */
    for (size_t i = 0; i < sizeof free_keys / sizeof *free_keys; ++i)
        (void)orr_config_remove(*out, free_keys[i]);
    for (size_t k = 0; k < g->n_keys; ++k)
        (void)orr_config_remove(*out, g->key[k]);
    (void)orr_config_remove(*out, orr_seed_key);
    return ORR_OK;
}

static bool same_number(const struct orr_config_node *a, const struct orr_config_node *b)
{
    double x, y;
    return a && b && a->text && b->text && orr_number_real(a->text, &x) && orr_number_real(b->text, &y) && !(x < y) &&
           !(x > y);
}

static const char *text_of(const struct orr_config_node *node)
{
    return !node ? "not set" : node->text ? node->text : "a list or map";
}

/* Numbers that are written differently are made the same on the way. */
static orr_status compare(struct orr_config *a, struct orr_config *b, const char *first, const char *second,
                          struct orr_error *err)
{
    char key[256];
    while (orr_recipe_difference(orr_config_root(a), orr_config_root(b), key, sizeof key)) {
        const struct orr_config_node *x = orr_config_find(orr_config_root(a), key);
        const struct orr_config_node *y = orr_config_find(orr_config_root(b), key);
        if (!same_number(x, y))
            return orr_fail(
                err, ORR_EINVAL,
                "%s and %s are of different recipes: %s is %s there and %s here: report them apart, or give "
                "--vary %s to set them side by side",
                first, second, key, text_of(x), text_of(y), key);
        ORR_TRY(orr_config_set(b, key, x->text, second, err));
    }
    return ORR_OK;
}

/* Points of one sweep are compared too: a directory may hold what another version wrote. */
static orr_status check_recipes(const struct orr_gathered *g, struct orr_error *err)
{
    struct orr_config *first = NULL, *other;
    const char *place = NULL;
    orr_status status = ORR_OK;
    for (size_t i = 0; status == ORR_OK && i < g->n_points; ++i) {
        const struct orr_gathered_point *point = &g->point[i];
        if (point->state == ORR_POINT_MISSING) continue;
        if (!first) {
            status = common_part(g, point->recipe, &first, err);
            place = point->directory;
            continue;
        }
        status = common_part(g, point->recipe, &other, err);
        if (status != ORR_OK) break;
        status = compare(first, other, place, point->directory, err);
        orr_config_destroy(other);
    }
    orr_config_destroy(first);
    return status;
}

/* ---- names and order ---- */

static orr_status value_of(const struct orr_recipe *recipe, const char *key, char **out, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), key);
    *out = NULL;
    if (!node || node->kind == ORR_CONFIG_SCALAR) {
        *out = orr_memory_text(node ? node->text : "-");
        return *out ? ORR_OK : orr_memory_out(err, "a value", 0);
    }
    struct orr_text text = {.data = NULL};
    orr_status status = orr_text_add(&text, err, "[");
    for (size_t i = 0; status == ORR_OK && i < node->count; ++i)
        status = orr_text_add(&text, err, "%s%s", i ? ", " : "", text_of(node->children[i]));
    if (status == ORR_OK) status = orr_text_add(&text, err, "]");
    if (status == ORR_OK) *out = text.data;
    if (status != ORR_OK) orr_text_fini(&text);
    return status;
}

static orr_status name_point(const struct orr_gathered *g, struct orr_gathered_point *point, struct orr_error *err)
{
    point->value = orr_memory_array(g->n_keys, sizeof *point->value);
    if (!point->value) return orr_memory_out(err, "values", g->n_keys * sizeof *point->value);
    for (size_t k = 0; k < g->n_keys; ++k)
        ORR_TRY(value_of(point->recipe, g->key[k], &point->value[k], err));
    const struct orr_point_keys keys = {
        .key = (const char *const *)g->key, .value = (const char *const *)point->value, .n = g->n_keys};
    ORR_TRY(orr_point_name(&keys, NULL, point->name, sizeof point->name, err));
    return orr_point_name(&keys, orr_seed_key, point->group, sizeof point->group, err);
}

/* Numbers come before texts: an order of all values, whatever a key has. */
static int by_value(const char *a, const char *b)
{
    double x, y;
    const bool number = orr_number_real(a, &x), other = orr_number_real(b, &y);
    if (number && other && (x < y || x > y)) return x < y ? -1 : 1;
    return number == other ? strcmp(a, b) : number ? -1 : 1;
}

static int by_values(const void *a, const void *b, void *n_keys)
{
    const struct orr_gathered_point *const x = a, *const y = b;
    for (size_t k = 0; k < *(const size_t *)n_keys; ++k) {
        const int order = by_value(x->value[k], y->value[k]);
        if (order) return order;
    }
    return (y->state > x->state) - (y->state < x->state);
}

/* Sorted points of which neighbours may be the same: the finished one stands first. */
static orr_status drop_repeats(struct orr_gathered *g, struct orr_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->n_points; ++i) {
        struct orr_gathered_point *last = kept ? &g->point[kept - 1] : NULL, *point = &g->point[i];
        if (!last || strcmp(last->name, point->name) != 0) {
            if (kept != i) {
                g->point[kept] = *point;
                *point = (struct orr_gathered_point){.name = ""};
            }
            ++kept;
        } else if (point->state == ORR_POINT_FINISHED) {
            return orr_fail(err, ORR_EINVAL,
                            "%s and %s are the same point%s%s: it would count twice, so leave one of them out",
                            last->directory, point->directory, *point->name ? ", " : "", point->name);
        } else {
            point_fini(point, g->n_keys);
            *point = (struct orr_gathered_point){.name = ""};
        }
    }
    g->n_points = kept;
    return ORR_OK;
}

/* ---- the whole ---- */

static orr_status add_seed_key(struct orr_gathered *g, struct orr_error *err)
{
    for (size_t i = 1; i < g->n_points; ++i)
        if (g->point[i].seed != g->point[0].seed) return add_key(g, orr_seed_key, err);
    return ORR_OK;
}

/* Of several directories the seed comes last in names, so that repeats of one experiment lie together. */
static void move_seed_last(struct orr_gathered *g)
{
    for (size_t k = 0; k + 1 < g->n_keys; ++k)
        if (strcmp(g->key[k], orr_seed_key) == 0) {
            char *seed = g->key[k];
            g->key[k] = g->key[k + 1];
            g->key[k + 1] = seed;
        }
}

/* "a.safetensors", or "a.safetensors and 6 more". Where a network was trained there is none for all. */
static orr_status name_weights(struct orr_gathered *g, struct orr_error *err)
{
    const char *first = NULL;
    size_t more = 0;
    for (size_t i = 0; i < g->n_points; ++i) {
        const char *file = g->point[i].recipe->weights.file;
        if (!file) return ORR_OK;
        more += first && strcmp(file, first) != 0;
        first = first ? first : file;
    }
    if (!first) return ORR_OK;
    g->weights = more ? orr_memory_print("%s and %zu more", first, more) : orr_memory_text(first);
    return g->weights ? ORR_OK : orr_memory_out(err, "a path", strlen(first));
}

static orr_status gather(struct orr_gathered *g, const struct orr_gather_options *options, struct orr_error *err)
{
    g->n_directories = options->n_directories;
    for (size_t i = 0; i < options->n_directories; ++i)
        ORR_TRY(add_directory(g, options->directory[i], err));
    for (size_t i = 0; i < options->n_vary; ++i)
        ORR_TRY(add_key(g, options->vary[i], err));
    ORR_TRY(add_seed_key(g, err));
    if (g->n_directories > 1) move_seed_last(g);
    ORR_TRY(check_recipes(g, err));
    for (size_t i = 0; i < g->n_points; ++i)
        ORR_TRY(name_point(g, &g->point[i], err));
    if (g->n_directories > 1) {
        qsort_r(g->point, g->n_points, sizeof *g->point, by_values, &g->n_keys);
        ORR_TRY(drop_repeats(g, err));
    }
    for (size_t i = 0; i < g->n_points; ++i)
        g->n_finished += g->point[i].state == ORR_POINT_FINISHED;
    return name_weights(g, err);
}

orr_status orr_gathered_read(const struct orr_gather_options *options, struct orr_gathered **out, struct orr_error *err)
{
    *out = NULL;
    struct orr_gathered *gathered = orr_memory_array(1, sizeof *gathered);
    if (!gathered) return orr_memory_out(err, "a report", sizeof *gathered);
    const orr_status status = gather(gathered, options, err);
    if (status == ORR_OK)
        *out = gathered;
    else
        orr_gathered_destroy(gathered);
    return status;
}
