/* The recipe's lists and free maps: simulator, probes, scores, expectations, sites, decay patterns. */
#include "base/memory.h"
#include "base/suggest.h"
#include "study/findings.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists of words ---- */

/* An empty value ("decay:" and nothing) is an empty list. */
static bool is_empty(const struct orr_config_node *node)
{
    return !node || (node->kind == ORR_CONFIG_SCALAR && !*node->text);
}

static orr_status check_list(const struct orr_config_node *node, const char *what, struct orr_error *err)
{
    if (is_empty(node) || node->kind == ORR_CONFIG_LIST) return ORR_OK;
    return orr_config_fail(node, err, ORR_EINVAL, "a list of %s is expected here", what);
}

orr_status orr_recipe_read_words(const struct orr_config_node *node, const char *what, const char ***words,
                                 size_t *count, struct orr_error *err)
{
    *words = NULL;
    *count = 0;
    ORR_TRY(check_list(node, what, err));
    if (is_empty(node)) return ORR_OK;
    *words = orr_memory_array(node->count, sizeof **words);
    if (!*words) return orr_memory_out(err, what, node->count * sizeof **words);
    for (*count = 0; *count < node->count; ++*count)
        ORR_TRY(orr_config_text(node->children[*count], &(*words)[*count], err));
    return ORR_OK;
}

/* ---- plugins ---- */

static orr_status read_plugin(const struct orr_config_node *node, const char *what, struct orr_recipe_plugin *out,
                              struct orr_error *err)
{
    if (node->kind != ORR_CONFIG_MAP)
        return orr_config_fail(node, err, ORR_EINVAL, "a map with the name of a %s and its parameters is expected",
                               what);
    const struct orr_config_node *name = orr_config_find(node, "name"), *as = orr_config_find(node, "as");
    if (!name) return orr_config_fail(node, err, ORR_EINVAL, "the %s has no name: add name: ...", what);
    ORR_TRY(orr_config_text(name, &out->name, err));
    out->label = out->name;
    if (as) ORR_TRY(orr_config_text(as, &out->label, err));
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    if (as && (out->label[0] == '.' || out->label[strspn(out->label, fit)]))
        return orr_config_fail(as, err, ORR_EINVAL, "\"%s\" names files: use letters, digits, _ - and .", out->label);
    if (as && strlen(out->label) >= ORR_LABEL_SIZE)
        return orr_config_fail(as, err, ORR_EINVAL, "\"%s\" has %zu characters: use at most %d", out->label,
                               strlen(out->label), ORR_LABEL_SIZE - 1);
    out->node = node;
    return ORR_OK;
}

const char *const orr_network_names[3] = {"trained", "untrained", "none"};

static orr_status read_networks(const struct orr_config_node *probe, struct orr_recipe_plugin *out,
                                struct orr_error *err)
{
    const struct orr_config_node *list = orr_config_find(probe, "networks");
    for (int k = 0; k < 3; ++k)
        out->on_network[k] = is_empty(list);
    ORR_TRY(check_list(list, "networks", err));
    if (!is_empty(list) && list->count == 0)
        return orr_config_fail(list, err, ORR_EINVAL, "at least one network is expected: trained, untrained or none");
    for (size_t i = 0; !is_empty(list) && i < list->count; ++i) {
        const char *word;
        int k = 0;
        ORR_TRY(orr_config_text(list->children[i], &word, err));
        while (k < 3 && strcmp(word, orr_network_names[k]) != 0)
            ++k;
        if (k == 3)
            return orr_config_fail(list->children[i], err, ORR_EINVAL,
                                   "\"%s\" is not a network: use trained, untrained or none", word);
        out->on_network[k] = true;
    }
    return ORR_OK;
}

static orr_status read_probes(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), "probes");
    ORR_TRY(check_list(node, "probes", err));
    if (is_empty(node)) return ORR_OK;
    recipe->probes = orr_memory_array(node->count, sizeof *recipe->probes);
    if (!recipe->probes) return orr_memory_out(err, "probes", node->count * sizeof *recipe->probes);
    for (size_t i = 0; i < node->count; ++i, ++recipe->n_probes) {
        struct orr_recipe_plugin *probe = &recipe->probes[i];
        ORR_TRY(read_plugin(node->children[i], "probe", probe, err));
        ORR_TRY(read_networks(node->children[i], probe, err));
        for (size_t j = 0; j < i; ++j)
            if (strcmp(recipe->probes[j].label, probe->label) == 0)
                return orr_config_fail(node->children[i], err, ORR_EINVAL,
                                       "two probes are called \"%s\": tell them apart with as: ...", probe->label);
    }
    return ORR_OK;
}

/* ---- scores and expectations ---- */

static orr_status check_score_name(const struct orr_config_node *node, struct orr_error *err)
{
    const char *name = node->key;
    if (strlen(name) >= ORR_LABEL_SIZE)
        return orr_config_fail(node, err, ORR_EINVAL, "the name of a score has %zu characters: use at most %d",
                               strlen(name), ORR_LABEL_SIZE - 1);
    if (!*name || strpbrk(name, ",\"\n\r"))
        return orr_config_fail(node, err, ORR_EINVAL, "the name of a score has no comma, quote or line end");
    if (orr_loss_is_name(name))
        return orr_config_fail(node, err, ORR_EINVAL, "every run has a number of this name: call the score otherwise");
    return ORR_OK;
}

static orr_status read_scores(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), "scores");
    if (is_empty(node)) return ORR_OK;
    if (node->kind != ORR_CONFIG_MAP)
        return orr_config_fail(node, err, ORR_EINVAL, "a map of score: [targets] is expected here");
    recipe->scores = orr_memory_array(node->count, sizeof *recipe->scores);
    if (!recipe->scores) return orr_memory_out(err, "scores", node->count * sizeof *recipe->scores);
    for (size_t i = 0; i < node->count; ++i) {
        struct orr_recipe_score *score = &recipe->scores[recipe->n_scores++];
        score->node = node->children[i];
        score->name = score->node->key;
        ORR_TRY(check_score_name(score->node, err));
        ORR_TRY(orr_recipe_read_words(score->node, "targets", &score->targets, &score->n_targets, err));
        if (score->n_targets == 0)
            return orr_config_fail(score->node, err, ORR_EINVAL, "a score needs at least one target column");
    }
    return ORR_OK;
}

static orr_status check_is_score(const struct orr_recipe *recipe, const struct orr_config_node *node, const char *name,
                                 struct orr_error *err)
{
    const char *known[64], *near;
    size_t n = 0;
    for (size_t i = 0; i < recipe->n_scores; ++i) {
        if (strcmp(recipe->scores[i].name, name) == 0) return ORR_OK;
        if (n < sizeof known / sizeof *known) known[n++] = recipe->scores[i].name;
    }
    near = orr_suggest(name, known, n);
    return orr_config_fail(node, err, ORR_EINVAL, "\"%s\" is not a score of this recipe%s%s%s", name,
                           near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static orr_status read_contrast(const struct orr_recipe *recipe, const struct orr_config_node *node,
                                struct orr_recipe_contrast *out, struct orr_error *err)
{
    out->node = node;
    out->name = node->key;
    ORR_TRY(check_score_name(node, err));
    for (size_t i = 0; i < recipe->n_scores; ++i)
        if (strcmp(recipe->scores[i].name, out->name) == 0)
            return orr_config_fail(node, err, ORR_EINVAL, "a score has this name: call the contrast otherwise");
    if (node->kind != ORR_CONFIG_LIST || node->count != 2)
        return orr_config_fail(node, err, ORR_EINVAL, "a contrast is two scores, the first minus the second: [a, b]");
    ORR_TRY(orr_config_text(node->children[0], &out->first, err));
    ORR_TRY(orr_config_text(node->children[1], &out->second, err));
    ORR_TRY(check_is_score(recipe, node->children[0], out->first, err));
    return check_is_score(recipe, node->children[1], out->second, err);
}

static orr_status read_contrasts(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), "contrasts");
    if (is_empty(node)) return ORR_OK;
    if (node->kind != ORR_CONFIG_MAP)
        return orr_config_fail(node, err, ORR_EINVAL, "a map of contrast: [score, score] is expected here");
    recipe->contrasts = orr_memory_array(node->count, sizeof *recipe->contrasts);
    if (!recipe->contrasts) return orr_memory_out(err, "contrasts", node->count * sizeof *recipe->contrasts);
    for (; recipe->n_contrasts < node->count; ++recipe->n_contrasts)
        ORR_TRY(
            read_contrast(recipe, node->children[recipe->n_contrasts], &recipe->contrasts[recipe->n_contrasts], err));
    return ORR_OK;
}

/* The text at key, or fallback where there is none; one of `known` where that is not NULL. */
orr_status orr_recipe_read_choice(const struct orr_config_node *map, const char *key, const char *fallback,
                                  const char *const *known, size_t n, const char **out, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(map, key);
    *out = fallback;
    if (!node) return ORR_OK;
    ORR_TRY(orr_config_text(node, out, err));
    for (size_t i = 0; i < n; ++i)
        if (strcmp(*out, known[i]) == 0) return ORR_OK;
    if (n == 0) return ORR_OK;
    char list[256] = "";
    for (size_t i = 0, used = 0; i < n && used < sizeof list; ++i)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", known[i]);
    const char *near = orr_suggest(*out, known, n);
    return orr_config_fail(node, err, ORR_EINVAL, "\"%s\" is not one of: %s%s%s%s", *out, list,
                           near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static orr_status read_range(const struct orr_config_node *node, struct orr_recipe_expectation *out,
                             struct orr_error *err)
{
    const struct orr_config_node *value = orr_config_find(node, "value"), *range = orr_config_find(node, "range");
    if (!value == !range)
        return orr_config_fail(node, err, ORR_EINVAL, "an expectation has either value: x or range: [low, high]");
    if (value) {
        ORR_TRY(orr_config_real(value, -DBL_MAX, DBL_MAX, &out->low, err));
        out->high = out->low;
        return ORR_OK;
    }
    if (range->kind != ORR_CONFIG_LIST || range->count != 2)
        return orr_config_fail(range, err, ORR_EINVAL, "a range is two numbers: [low, high]");
    ORR_TRY(orr_config_real(range->children[0], -DBL_MAX, DBL_MAX, &out->low, err));
    return orr_config_real(range->children[1], out->low, DBL_MAX, &out->high, err);
}

const char *const orr_recipe_claimed_networks[] = {"trained", "untrained",  "trained-untrained",
                                                   "none",    "raw_inputs", "raw_inputs_squared"};
const size_t orr_recipe_claimed_network_count =
    sizeof orr_recipe_claimed_networks / sizeof *orr_recipe_claimed_networks;

static orr_status read_expectation(const struct orr_config_node *node, struct orr_recipe_expectation *out,
                                   struct orr_error *err)
{
    static const char *const keys[] = {"claim", "quantity", "network", "split", "probe",
                                       "value", "range",    "source",  "where"};
    static const char *const splits[] = {"train", "held_out"};
    static const char *const needed[] = {"claim", "quantity", "source"};
    if (node->kind != ORR_CONFIG_MAP)
        return orr_config_fail(node, err, ORR_EINVAL, "an expectation is a map with claim, quantity, value, source");
    ORR_TRY(orr_config_check_keys(node, keys, sizeof keys / sizeof *keys, err));
    out->node = node;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; ++i)
        if (!orr_config_find(node, needed[i]))
            return orr_config_fail(node, err, ORR_EINVAL, "the expectation has no %s: add it", needed[i]);
    ORR_TRY(orr_recipe_read_choice(node, "claim", NULL, NULL, 0, &out->claim, err));
    ORR_TRY(orr_recipe_read_choice(node, "quantity", NULL, NULL, 0, &out->quantity, err));
    ORR_TRY(orr_recipe_read_choice(node, "source", NULL, NULL, 0, &out->source, err));
    ORR_TRY(orr_recipe_read_choice(node, "probe", NULL, NULL, 0, &out->probe, err));
    ORR_TRY(orr_recipe_read_choice(node, "network", "trained", orr_recipe_claimed_networks,
                                   orr_recipe_claimed_network_count, &out->network, err));
    ORR_TRY(
        orr_recipe_read_choice(node, "split", "held_out", splits, sizeof splits / sizeof *splits, &out->split, err));
    out->where = orr_config_find(node, "where");
    if (out->where && out->where->kind != ORR_CONFIG_MAP)
        return orr_config_fail(out->where, err, ORR_EINVAL, "a map such as {data.context: 2} is expected here");
    return read_range(node, out, err);
}

static orr_status read_expectations(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), "expect");
    ORR_TRY(check_list(node, "expectations", err));
    if (is_empty(node)) return ORR_OK;
    recipe->expectations = orr_memory_array(node->count, sizeof *recipe->expectations);
    if (!recipe->expectations) return orr_memory_out(err, "expectations", node->count * sizeof *recipe->expectations);
    for (; recipe->n_expectations < node->count; ++recipe->n_expectations)
        ORR_TRY(read_expectation(node->children[recipe->n_expectations], &recipe->expectations[recipe->n_expectations],
                                 err));
    return ORR_OK;
}

bool orr_recipe_expects(const struct orr_recipe *recipe, const struct orr_recipe_expectation *e)
{
    for (size_t i = 0; e->where && i < e->where->count; ++i) {
        const struct orr_config_node *wanted = e->where->children[i];
        const struct orr_config_node *is = orr_config_find(orr_config_root(recipe->config), wanted->key);
        if (!is || !is->text || !wanted->text) return false;
        char *end_a, *end_b;
        const double a = strtod(wanted->text, &end_a), b = strtod(is->text, &end_b);
        const bool numbers = *wanted->text && *is->text && !*end_a && !*end_b;
        if (numbers ? a < b || a > b : strcmp(wanted->text, is->text) != 0) return false;
    }
    return true;
}

orr_status orr_recipe_read_lists(struct orr_recipe *recipe, struct orr_error *err)
{
    const struct orr_config_node *root = orr_config_root(recipe->config);
    const struct orr_config_node *simulator = orr_config_find(root, "simulator");
    if (simulator && recipe->data.file)
        return orr_config_fail(simulator, err, ORR_EINVAL,
                               "the recipe has a simulator and data.file: leave one of them out");
    if (!simulator && !recipe->data.file)
        return orr_config_fail(root, err, ORR_EINVAL, "the recipe has no simulator (or data.file): add it");
    if (simulator) ORR_TRY(read_plugin(simulator, "simulator", &recipe->simulator, err));
    ORR_TRY(orr_recipe_read_data(recipe, err));
    ORR_TRY(read_probes(recipe, err));
    ORR_TRY(read_scores(recipe, err));
    ORR_TRY(read_contrasts(recipe, err));
    ORR_TRY(orr_recipe_read_fits(recipe, err));
    ORR_TRY(read_expectations(recipe, err));
    ORR_TRY(orr_recipe_read_words(orr_config_find(root, "train.decay"), "shell patterns", &recipe->train.decay,
                                  &recipe->train.n_decay, err));
    return orr_recipe_read_sites(recipe, err);
}

void orr_recipe_free_lists(struct orr_recipe *recipe)
{
    for (size_t i = 0; i < recipe->study.n_sites; ++i)
        orr_memory_free(recipe->study.sites[i]);
    orr_memory_free(recipe->study.sites);
    orr_memory_free(recipe->train.decay);
    orr_memory_free(recipe->data.columns);
    orr_memory_free(recipe->data.observed);
    orr_memory_free(recipe->data.constant);
    orr_recording_destroy(recipe->recording);
    orr_memory_free(recipe->simulator.values);
    for (size_t i = 0; i < recipe->n_probes; ++i)
        orr_memory_free(recipe->probes[i].values);
    orr_memory_free(recipe->probes);
    for (size_t i = 0; i < recipe->n_scores; ++i)
        orr_memory_free(recipe->scores[i].targets);
    orr_memory_free(recipe->scores);
    orr_memory_free(recipe->contrasts);
    orr_memory_free(recipe->fits);
    orr_memory_free(recipe->expectations);
}
