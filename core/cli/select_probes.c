/* Choosing probes by the command line.
 *
 * In: options, a recipe. Out: the recipe with another list of probes. */
#include "cli/select_probes.h"

#include <stdio.h>
#include <string.h>

static bool has_text(const struct orr_config_node *map, const char *key, const char *text)
{
    const struct orr_config_node *node = orr_config_find(map, key);
    return node && node->text && strcmp(node->text, text) == 0;
}

static bool is_called(const struct orr_config_node *probe, const char *name)
{
    return has_text(probe, "name", name) || has_text(probe, "as", name);
}

static const struct orr_config_node *list_of(const struct orr_config *recipe)
{
    const struct orr_config_node *list = orr_config_find(orr_config_root(recipe), "probes");
    return list && list->kind == ORR_CONFIG_LIST ? list : NULL;
}

static bool is_wanted(const struct orr_arguments *a, const struct orr_config_node *probe)
{
    for (size_t i = 0; i < a->n_options; ++i)
        if (strcmp(a->option[i]->name, "--probe") == 0 && is_called(probe, a->value[i])) return true;
    return false;
}

static orr_status drop_others(const struct orr_arguments *a, struct orr_config *recipe, struct orr_error *err)
{
    const struct orr_config_node *list = list_of(recipe);
    for (size_t i = list ? list->count : 0; i-- > 0;) {
        char path[32];
        if (is_wanted(a, list->children[i])) continue;
        snprintf(path, sizeof path, "probes.%zu", i);
        if (list->count == 1) return orr_config_set(recipe, "probes", "[]", "--probe", err);
        if (orr_config_remove(recipe, path) != ORR_OK) return orr_fail(err, ORR_EBUG, "%s is not there", path);
        list = list_of(recipe);
    }
    return ORR_OK;
}

static orr_status add(struct orr_config *recipe, const char *name, struct orr_error *err)
{
    char path[32];
    const struct orr_config_node *list = list_of(recipe);
    for (size_t i = 0; list && i < list->count; ++i)
        if (is_called(list->children[i], name)) return ORR_OK;
    if (!list) ORR_TRY(orr_config_set(recipe, "probes", "[]", "--probe", err));
    snprintf(path, sizeof path, "probes.%zu.name", list ? list->count : (size_t)0);
    return orr_config_set(recipe, path, name, "--probe", err);
}

orr_status orr_select_probes(const struct orr_command *command, struct orr_config *recipe, struct orr_error *err)
{
    const struct orr_arguments *a = command->arguments;
    if (orr_arguments_count(a, "--probe") == 0) return ORR_OK;
    ORR_TRY(drop_others(a, recipe, err));
    for (size_t i = 0; i < a->n_options; ++i)
        if (strcmp(a->option[i]->name, "--probe") == 0) ORR_TRY(add(recipe, a->value[i], err));
    if (!orr_config_find(orr_config_root(recipe), "expect")) return ORR_OK;
    return orr_config_set(recipe, "expect", "[]", "--probe", err);
}
