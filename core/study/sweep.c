/* Sizes, settings and seeds laid over a recipe, and the grid of points that results. */
#include "study/sweep.h"

#include "base/memory.h"
#include "base/suggest.h"
#include "study/analysis.h"
#include "study/point_name.h"
#include "study/seeds.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char orr_seed_key[] = "train.seed";
/* A recipe from outside must not keep its reader busy for long: of a size that was not chosen only the first points are
 * tried. */
enum { POINTS_MAX = 100000, SIZES_MAX = 64, POINTS_TRIED = 1000 };

/* ---- axes ---- */

static void axis_fini(struct orr_sweep_axis *axis)
{
    for (size_t i = 0; i < axis->n_values; ++i)
        orr_memory_free(axis->value[i]);
    orr_memory_free(axis->value);
    orr_memory_free(axis->key);
}

static orr_status axis_add(struct orr_sweep_axis *axis, const char *text, size_t length, struct orr_error *err)
{
    void *value = axis->value;
    const orr_status grown = orr_memory_grow(&value, &axis->capacity, axis->n_values + 1, sizeof *axis->value, err);
    axis->value = value;
    ORR_TRY(grown);
    char *copy = orr_memory_print("%.*s", (int)length, text);
    if (!copy) return orr_memory_out(err, "a value of the sweep", length + 1);
    axis->value[axis->n_values++] = copy;
    return ORR_OK;
}

static void remove_axis(struct orr_sweep *sweep, const char *key)
{
    for (size_t i = 0; i < sweep->n_axes; ++i) {
        if (strcmp(sweep->axis[i].key, key) != 0) continue;
        axis_fini(&sweep->axis[i]);
        --sweep->n_axes;
        memmove(&sweep->axis[i], &sweep->axis[i + 1], (sweep->n_axes - i) * sizeof *sweep->axis);
        return;
    }
}

/* A new, empty axis; one that had the same key goes. */
static orr_status add_axis(struct orr_sweep *sweep, const char *key, struct orr_sweep_axis **out, struct orr_error *err)
{
    remove_axis(sweep, key);
    void *axes = sweep->axis;
    const orr_status grown = orr_memory_grow(&axes, &sweep->capacity, sweep->n_axes + 1, sizeof *sweep->axis, err);
    sweep->axis = axes;
    ORR_TRY(grown);
    *out = &sweep->axis[sweep->n_axes];
    **out = (struct orr_sweep_axis){.key = orr_memory_text(key)};
    if (!(*out)->key) return orr_memory_out(err, "a key of the sweep", strlen(key) + 1);
    ++sweep->n_axes;
    return ORR_OK;
}

/* Commas separate values, except inside brackets, braces and quotes. */
static size_t value_length(const char *text)
{
    size_t depth = 0, i = 0;
    char quote = '\0';
    for (; text[i]; ++i) {
        if (quote)
            quote = text[i] == quote ? '\0' : quote;
        else if (text[i] == '"' || text[i] == '\'')
            quote = text[i];
        else if (strchr("[{", text[i]))
            ++depth;
        else if (strchr("]}", text[i]))
            depth -= depth > 0;
        else if (text[i] == ',' && depth == 0)
            break;
    }
    return i;
}

static orr_status set_values(struct orr_sweep *sweep, const char *key, const char *values, const char *origin,
                             struct orr_error *err)
{
    if (!values[value_length(values)]) {
        remove_axis(sweep, key);
        return orr_config_set(sweep->base, key, values, origin, err);
    }
    struct orr_sweep_axis *axis;
    ORR_TRY(add_axis(sweep, key, &axis, err));
    for (const char *text = values;; ++text) {
        const size_t length = value_length(text), before = strspn(text, " ");
        size_t n = length - before;
        while (n && text[before + n - 1] == ' ')
            --n;
        if (n == 0) return orr_fail(err, ORR_EINVAL, "%s %s=%s: a value is missing", origin, key, values);
        ORR_TRY(axis_add(axis, text + before, n, err));
        text += length;
        if (!*text) return ORR_OK;
    }
}

/* ---- the layers ---- */

static orr_status unknown_size(const struct orr_config_node *sizes, const char *size, struct orr_error *err)
{
    char list[256] = "none";
    const char *known[64];
    size_t n = 0;
    for (size_t used = 0; sizes && n < sizes->count && n < 64 && used < sizeof list; ++n) {
        known[n] = sizes->children[n]->key;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", known[n]);
    }
    const char *near = orr_suggest(size, known, n);
    return orr_fail(err, ORR_EINVAL, "size \"%s\" is not defined by this recipe (it has: %s)%s%s%s", size, list,
                    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static orr_status apply_size(struct orr_sweep *sweep, const char *size, struct orr_error *err)
{
    const struct orr_config_node *sizes = orr_config_find(orr_config_root(sweep->base), "sizes");
    if (sizes && sizes->kind != ORR_CONFIG_MAP && (sizes->kind == ORR_CONFIG_LIST || *sizes->text))
        return orr_config_fail(sizes, err, ORR_EINVAL, "a map of size: {key: value} is expected here");
    if (!size) return ORR_OK;
    for (size_t i = 0; sizes && i < sizes->count; ++i)
        if (strcmp(sizes->children[i]->key, size) == 0) return orr_config_merge(sweep->base, sizes->children[i], err);
    return unknown_size(sizes, size, err);
}

/* The recipe's own sweep becomes axes. */
static orr_status take_sweep(struct orr_sweep *sweep, struct orr_error *err)
{
    const struct orr_config_node *map = orr_config_find(orr_config_root(sweep->base), "sweep");
    if (!map || (map->kind == ORR_CONFIG_SCALAR && !*map->text)) return ORR_OK;
    if (map->kind != ORR_CONFIG_MAP)
        return orr_config_fail(map, err, ORR_EINVAL, "a map such as {data.context: [2, 10]} is expected here");
    for (size_t i = 0; i < map->count; ++i) {
        const struct orr_config_node *list = map->children[i];
        struct orr_sweep_axis *axis;
        if (list->kind != ORR_CONFIG_LIST || list->count == 0)
            return orr_config_fail(list, err, ORR_EINVAL, "a list of values is expected here, such as [2, 10]");
        ORR_TRY(add_axis(sweep, list->key, &axis, err));
        for (size_t j = 0; j < list->count; ++j) {
            const char *text;
            ORR_TRY(orr_config_text(list->children[j], &text, err));
            ORR_TRY(axis_add(axis, text, strlen(text), err));
        }
    }
    return ORR_OK;
}

static orr_status apply_set(struct orr_sweep *sweep, const char *setting, struct orr_error *err)
{
    static const char *const not_here[] = {"sizes", "sweep"};
    const char *equals = strchr(setting, '=');
    if (!equals || equals == setting || !equals[1])
        return orr_fail(err, ORR_EINVAL, "--set %s: write key=value, such as train.steps=200", setting);
    char *key = orr_memory_print("%.*s", (int)(equals - setting), setting);
    if (!key) return orr_memory_out(err, "a key", strlen(setting));
    orr_status status = ORR_OK;
    for (size_t i = 0; i < 2; ++i)
        if (strncmp(key, not_here[i], 5) == 0 && strchr(".", key[5]))
            status =
                orr_fail(err, ORR_EINVAL, "--set %s: set the key itself, such as --set data.context=2,10", setting);
    if (status == ORR_OK) status = set_values(sweep, key, equals + 1, "--set", err);
    orr_memory_free(key);
    return status;
}

static orr_status apply_seeds(struct orr_sweep *sweep, const char *seeds, struct orr_error *err)
{
    char *list;
    if (!seeds) return ORR_OK;
    ORR_TRY(orr_seeds_list(seeds, &list, err));
    const orr_status status = set_values(sweep, orr_seed_key, list, "--seeds", err);
    orr_memory_free(list);
    return status;
}

/* Every value of an axis once. */
static orr_status check_axes(struct orr_sweep *sweep, struct orr_error *err)
{
    sweep->n_points = 1;
    for (size_t a = 0; a < sweep->n_axes; ++a) {
        const struct orr_sweep_axis *axis = &sweep->axis[a];
        for (size_t i = 0; i < axis->n_values; ++i)
            for (size_t j = 0; j < i; ++j)
                if (strcmp(axis->value[i], axis->value[j]) == 0)
                    return orr_fail(err, ORR_EINVAL, "%s is given the value %s twice: each point is run once",
                                    axis->key, axis->value[i]);
        sweep->n_points *= axis->n_values;
        if (sweep->n_points > POINTS_MAX)
            return orr_fail(err, ORR_EINVAL, "the sweep has more than %d points: sweep fewer values", POINTS_MAX);
    }
    return ORR_OK;
}

static orr_status fill(struct orr_sweep *sweep, const struct orr_sweep_options *options, struct orr_error *err)
{
    ORR_TRY(apply_size(sweep, options->size, err));
    ORR_TRY(take_sweep(sweep, err));
    for (size_t i = 0; i < options->n_set; ++i)
        ORR_TRY(apply_set(sweep, options->set[i], err));
    ORR_TRY(apply_seeds(sweep, options->seeds, err));
    ORR_TRY(orr_analysis_merge(sweep->base, err));
    /* Neither is part of a point; a recipe without them is fine. */
    (void)orr_config_remove(sweep->base, "sizes");
    (void)orr_config_remove(sweep->base, "sweep");
    return check_axes(sweep, err);
}

static orr_status read_sweep(const char *path, const struct orr_sweep_options *options, struct orr_sweep **out,
                             struct orr_error *err)
{
    *out = NULL;
    struct orr_sweep *sweep = orr_memory_array(1, sizeof *sweep);
    if (!sweep) return orr_memory_out(err, "a sweep", sizeof *sweep);
    orr_status status = orr_config_load(path, &sweep->base, err);
    if (status == ORR_OK) status = fill(sweep, options, err);
    if (status == ORR_OK)
        *out = sweep;
    else
        orr_sweep_destroy(sweep);
    return status;
}

/* The points of a size that was not chosen: its mistakes would else wait for whoever chooses it. */
static orr_status check_size(const char *path, const char *size, struct orr_error *err)
{
    const struct orr_sweep_options options = {.size = size};
    struct orr_sweep *sweep;
    ORR_TRY(read_sweep(path, &options, &sweep, err));
    orr_status status = ORR_OK;
    for (size_t i = 0; status == ORR_OK && i < sweep->n_points && i < POINTS_TRIED; ++i) {
        struct orr_recipe *recipe;
        status = orr_sweep_point(sweep, i, &recipe, err);
        if (status == ORR_OK) orr_recipe_destroy(recipe);
    }
    orr_sweep_destroy(sweep);
    return status;
}

static orr_status check_other_sizes(const char *path, const char *chosen, struct orr_error *err)
{
    struct orr_config *file;
    ORR_TRY(orr_config_load(path, &file, err));
    const struct orr_config_node *sizes = orr_config_find(orr_config_root(file), "sizes");
    orr_status status = ORR_OK;
    if (sizes && sizes->count > SIZES_MAX)
        status =
            orr_config_fail(sizes, err, ORR_EINVAL, "%zu sizes are more than %d: remove some", sizes->count, SIZES_MAX);
    for (size_t i = 0; status == ORR_OK && sizes && i < sizes->count; ++i) {
        const char *size = sizes->children[i]->key;
        if (chosen && strcmp(size, chosen) == 0) continue;
        status = check_size(path, size, err);
        if (status != ORR_OK) (void)orr_error_prefix(err, "size %s", size);
    }
    orr_config_destroy(file);
    return status;
}

orr_status orr_sweep_create(const char *path, const struct orr_sweep_options *options, struct orr_sweep **out,
                            struct orr_error *err)
{
    ORR_TRY(read_sweep(path, options, out, err));
    const orr_status status = check_other_sizes(path, options->size, err);
    if (status == ORR_OK) return ORR_OK;
    orr_sweep_destroy(*out);
    *out = NULL;
    return status;
}

void orr_sweep_destroy(struct orr_sweep *sweep)
{
    if (!sweep) return;
    for (size_t i = 0; i < sweep->n_axes; ++i)
        axis_fini(&sweep->axis[i]);
    orr_memory_free(sweep->axis);
    orr_config_destroy(sweep->base);
    orr_memory_free(sweep);
}

/* ---- points ---- */

const char *orr_sweep_value(const struct orr_sweep *sweep, size_t i, size_t axis)
{
    for (size_t a = sweep->n_axes; a-- > axis + 1;)
        i /= sweep->axis[a].n_values;
    return sweep->axis[axis].value[i % sweep->axis[axis].n_values];
}

static orr_status copy_base(const struct orr_sweep *sweep, struct orr_config **out, struct orr_error *err)
{
    ORR_TRY(orr_config_parse("", orr_config_root(sweep->base)->file, out, err));
    const orr_status status = orr_config_merge(*out, orr_config_root(sweep->base), err);
    if (status != ORR_OK) orr_config_destroy(*out);
    return status;
}

orr_status orr_sweep_point(const struct orr_sweep *sweep, size_t i, struct orr_recipe **out, struct orr_error *err)
{
    *out = NULL;
    struct orr_config *config;
    ORR_TRY(copy_base(sweep, &config, err));
    for (size_t a = 0; a < sweep->n_axes; ++a) {
        const orr_status status =
            orr_config_set(config, sweep->axis[a].key, orr_sweep_value(sweep, i, a), "sweep", err);
        if (status != ORR_OK) {
            orr_config_destroy(config);
            return status;
        }
    }
    return orr_recipe_create(config, out, err);
}

orr_status orr_sweep_name(const struct orr_sweep *sweep, size_t i, char *name, size_t size, struct orr_error *err)
{
    const char **text = orr_memory_array(2 * sweep->n_axes, sizeof *text);
    if (!text) return orr_memory_out(err, "the name of a point", 2 * sweep->n_axes * sizeof *text);
    for (size_t a = 0; a < sweep->n_axes; ++a) {
        text[a] = sweep->axis[a].key;
        text[sweep->n_axes + a] = orr_sweep_value(sweep, i, a);
    }
    const struct orr_point_keys keys = {.key = text, .value = text + sweep->n_axes, .n = sweep->n_axes};
    const orr_status status = orr_point_name(&keys, NULL, name, size, err);
    orr_memory_free(text);
    return status;
}

/* path from the root, or false. One with {key} in it is no file, but the directory before the first is there. */
static bool from_root(const char *path, char real[PATH_MAX])
{
    char directory[PATH_MAX];
    if (realpath(path, real)) return true;
    size_t length = strcspn(path, "{");
    if (!path[length]) return false;
    while (length && path[length - 1] != '/')
        --length;
    const char *rest = path + length;
    const int n = snprintf(directory, sizeof directory, "%.*s.", (int)length, path);
    if (n >= PATH_MAX || !realpath(directory, real) || strlen(real) + strlen(rest) + 2 > PATH_MAX) return false;
    snprintf(real + strlen(real), PATH_MAX - strlen(real), "/%s", rest);
    return true;
}

/* Files that the base names, from the root: the text can then be run from everywhere, like that of a point. */
static orr_status keep_paths(struct orr_config *config, struct orr_error *err)
{
    /* A graph may be its text instead. */
    static const char *const keys[] = {"data.file", "model.graph", "weights.file"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) {
        const struct orr_config_node *node = orr_config_find(orr_config_root(config), keys[i]);
        if (!node || !node->text || !*node->text || strchr(node->text, '\n')) continue;
        char *path = orr_recipe_path(config, node->text), real[PATH_MAX];
        if (!path) return orr_memory_out(err, "a path", strlen(node->text));
        const bool found = from_root(path, real);
        orr_memory_free(path);
        if (found) ORR_TRY(orr_recipe_keep_path(config, keys[i], real, err));
    }
    return ORR_OK;
}

orr_status orr_sweep_write(const struct orr_sweep *sweep, char **text, struct orr_error *err)
{
    struct orr_config *config;
    ORR_TRY(copy_base(sweep, &config, err));
    orr_status status = keep_paths(config, err);
    char *map = orr_memory_text("sweep:\n");
    for (size_t a = 0; map && a < sweep->n_axes; ++a) {
        const struct orr_sweep_axis *axis = &sweep->axis[a];
        for (size_t i = 0; map && i < axis->n_values; ++i) {
            char *longer = i ? orr_memory_print("%s    - %s\n", map, axis->value[i])
                             : orr_memory_print("%s  %s:\n    - %s\n", map, axis->key, axis->value[i]);
            orr_memory_free(map);
            map = longer;
        }
    }
    struct orr_config *axes = NULL;
    if (!map && status == ORR_OK) status = orr_memory_out(err, "a sweep", 0);
    if (status == ORR_OK) status = orr_config_parse(map, "sweep", &axes, err);
    if (status == ORR_OK && sweep->n_axes) status = orr_config_merge(config, orr_config_root(axes), err);
    if (status == ORR_OK) status = orr_config_write(orr_config_root(config), text, err);
    orr_memory_free(map);
    orr_config_destroy(axes);
    orr_config_destroy(config);
    return status;
}
