/* The recipe's fits: which number of every point is a power law of which keys. */
#include "base/memory.h"
#include "study/recipe.h"

#include <float.h>
#include <string.h>

static orr_status read_numbers(const struct orr_config_node *list, size_t n, double *out, struct orr_error *err)
{
    if (list->kind != ORR_CONFIG_LIST || list->count != n)
        return orr_config_fail(list, err, ORR_EINVAL, "a list of %zu numbers is expected here", n);
    for (size_t i = 0; i < n; ++i)
        ORR_TRY(orr_config_real(list->children[i], -DBL_MAX, DBL_MAX, &out[i], err));
    return ORR_OK;
}

static orr_status read_over(const struct orr_config_node *node, struct orr_recipe_fit *out, struct orr_error *err)
{
    const struct orr_config_node *over = orr_config_find(node, "over"), *times = orr_config_find(node, "times");
    if (!over || over->kind != ORR_CONFIG_LIST || over->count != 2)
        return orr_config_fail(over ? over : node, err, ORR_EINVAL,
                               "a fit is over two keys of the sweep: over: [data.bins, data.trajectories]");
    for (size_t i = 0; i < 2; ++i) {
        ORR_TRY(orr_config_text(over->children[i], &out->over[i], err));
        out->times[i] = 1;
    }
    if (times) ORR_TRY(read_numbers(times, 2, out->times, err));
    if (out->times[0] > 0 && out->times[1] > 0) return ORR_OK;
    return orr_config_fail(times, err, ORR_EINVAL, "factors above 0 are expected here");
}

static orr_status read_fit(const struct orr_config_node *node, struct orr_recipe_fit *out, struct orr_error *err)
{
    static const char *const keys[] = {"quantity", "network", "probe",      "split",
                                       "over",     "times",   "complement", "published"};
    static const char *const splits[] = {"train", "held_out"};
    out->node = node;
    out->name = node->key;
    if (node->kind != ORR_CONFIG_MAP)
        return orr_config_fail(node, err, ORR_EINVAL, "a fit is a map with quantity and over");
    ORR_TRY(orr_config_check_keys(node, keys, sizeof keys / sizeof *keys, err));
    if (!orr_config_find(node, "quantity"))
        return orr_config_fail(node, err, ORR_EINVAL, "the fit has no quantity: add it");
    ORR_TRY(orr_recipe_read_choice(node, "quantity", NULL, NULL, 0, &out->quantity, err));
    ORR_TRY(orr_recipe_read_choice(node, "probe", NULL, NULL, 0, &out->probe, err));
    ORR_TRY(orr_recipe_read_choice(node, "network", "trained", orr_recipe_claimed_networks,
                                   orr_recipe_claimed_network_count, &out->network, err));
    ORR_TRY(orr_recipe_read_choice(node, "split", "held_out", splits, 2, &out->split, err));
    const struct orr_config_node *complement = orr_config_find(node, "complement");
    if (complement) ORR_TRY(orr_config_bool(complement, &out->complement, err));
    const struct orr_config_node *published = orr_config_find(node, "published");
    out->has_published = published != NULL;
    if (published) ORR_TRY(read_numbers(published, 3, out->published, err));
    return read_over(node, out, err);
}

orr_status orr_recipe_read_fits(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), "fits");
    if (!node || (node->kind == ORR_CONFIG_SCALAR && !*node->text)) return ORR_OK;
    if (node->kind != ORR_CONFIG_MAP)
        return orr_config_fail(node, err, ORR_EINVAL, "a map of fit: {quantity, over} is expected here");
    recipe->fits = orr_memory_array(node->count, sizeof *recipe->fits);
    if (!recipe->fits) return orr_memory_out(err, "fits", node->count * sizeof *recipe->fits);
    for (; recipe->n_fits < node->count; ++recipe->n_fits)
        ORR_TRY(read_fit(node->children[recipe->n_fits], &recipe->fits[recipe->n_fits], err));
    return ORR_OK;
}
