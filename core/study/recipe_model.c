/* The model that a recipe asks for: its kind, its graph text, its sites.
 *
 * In: a recipe whose values are read. Out: what core/model wants to know. The resolved recipe holds the text of a graph
 * in place of its file's name, so that it says by itself what was trained. */
#include "base/memory.h"
#include "base/suggest.h"
#include "io/file.h"
#include "study/recipe.h"

#include <inttypes.h>
#include <string.h>

enum { GRAPH_BYTES = 1 << 18 };

static const struct orr_config_node *at(const struct orr_recipe *recipe, const char *path)
{
    return orr_config_find(orr_config_root(recipe->config), path);
}

static enum orr_model_kind kind_of(const struct orr_recipe *recipe)
{
    unsigned kind = 0;
    while (kind + 1 < ORR_MODEL_KINDS && strcmp(recipe->model.kind, orr_model_kind_names[kind]) != 0)
        ++kind;
    return (enum orr_model_kind)kind;
}

struct orr_model orr_recipe_model(const struct orr_recipe *recipe, uint32_t n_observed)
{
    const struct orr_config_node *graph = at(recipe, "model.graph");
    return (struct orr_model){.kind = kind_of(recipe),
                              .n_layer = recipe->model.n_layer,
                              .n_head = recipe->model.n_head,
                              .n_embd = recipe->model.n_embd,
                              .block_size = recipe->data.context,
                              .n_input = n_observed,
                              .n_output = n_observed,
                              .window = recipe->model.window,
                              .vocab_size = recipe->data.bins,
                              .graph = recipe->model.graph,
                              /* Text that was read from a file has the file's name and no line. */
                              .graph_name = graph && !graph->line ? graph->file : "model.graph"};
}

/* ---- what fits what ---- */

static orr_status check_transformer(const struct orr_recipe *recipe, struct orr_error *err)
{
    if (recipe->model.window > recipe->data.context)
        return orr_config_fail(at(recipe, "model.window"), err, ORR_EINVAL,
                               "an attention window of %" PRId64 " is longer than data.context (%" PRId64
                               "): lower it, or 0 for all",
                               recipe->model.window, recipe->data.context);
    if (recipe->model.n_embd % recipe->model.n_head != 0)
        return orr_config_fail(at(recipe, "model.n_embd"), err, ORR_EINVAL,
                               "n_embd %" PRId64 " does not divide into %" PRId64
                               " heads: change model.n_embd or model.n_head",
                               recipe->model.n_embd, recipe->model.n_head);
    return ORR_OK;
}

orr_status orr_recipe_check_model(const struct orr_recipe *recipe, struct orr_error *err)
{
    const enum orr_model_kind kind = kind_of(recipe);
    if (kind == ORR_MODEL_TRANSFORMER) ORR_TRY(check_transformer(recipe, err));
    if (kind != ORR_MODEL_TRANSFORMER && recipe->model.window)
        return orr_config_fail(at(recipe, "model.window"), err, ORR_EINVAL,
                               "a model of kind %s has no attention window: leave it out", recipe->model.kind);
    if (kind == ORR_MODEL_MLP && recipe->data.bins)
        return orr_config_fail(at(recipe, "model.kind"), err, ORR_EINVAL,
                               "an mlp takes numbers: leave data.bins out, or choose another kind");
    if (recipe->data.bins && recipe->train.noise > 0)
        return orr_config_fail(at(recipe, "train.noise"), err, ORR_EINVAL,
                               "tokens have no noise: leave it or data.bins out");
    if (kind == ORR_MODEL_GRAPH && !recipe->model.graph)
        return orr_config_fail(at(recipe, "model.kind"), err, ORR_EINVAL,
                               "a model of kind graph needs its text: add model.graph, the name of its file");
    if (kind != ORR_MODEL_GRAPH && recipe->model.graph)
        return orr_config_fail(at(recipe, "model.graph"), err, ORR_EINVAL,
                               "a model of kind %s has no graph text: set model.kind to graph", recipe->model.kind);
    return ORR_OK;
}

/* ---- sites ---- */

static orr_status add_site(struct orr_recipe *recipe, const char *site, struct orr_error *err)
{
    char *copy = orr_memory_text(site);
    if (!copy) return orr_memory_out(err, "a site", strlen(site));
    recipe->study.sites[recipe->study.n_sites++] = copy;
    return ORR_OK;
}

static orr_status check_site(const struct orr_config_node *node, const char *site, char **hooks, size_t n_hooks,
                             struct orr_error *err)
{
    for (size_t i = 0; i < n_hooks; ++i)
        if (strcmp(site, hooks[i]) == 0) return ORR_OK;
    const char *near = orr_suggest(site, (const char *const *)hooks, n_hooks);
    return orr_config_fail(node, err, ORR_EINVAL, "\"%s\" is not a site of this model%s%s%s", site,
                           near ? ": did you mean \"" : ": see docs/models.md for their names", near ? near : "",
                           near ? "\"?" : "");
}

/* The recipe's, or the usual ones of the model. */
static orr_status choose_sites(struct orr_recipe *recipe, const struct orr_model *model, const char *const *word,
                               size_t n_words, char **hooks, size_t n_hooks, struct orr_error *err)
{
    const struct orr_config_node *list = at(recipe, "study.sites");
    const size_t most = n_words ? n_words : n_hooks;
    recipe->study.sites = orr_memory_array(most, sizeof *recipe->study.sites);
    if (!recipe->study.sites) return orr_memory_out(err, "sites", most * sizeof *recipe->study.sites);
    for (size_t i = 0; i < n_words; ++i) {
        ORR_TRY(check_site(list->children[i], word[i], hooks, n_hooks, err));
        ORR_TRY(add_site(recipe, word[i], err));
    }
    for (size_t i = 0; !n_words && i < n_hooks; ++i)
        if (orr_model_hook_is_usual(model, hooks[i])) ORR_TRY(add_site(recipe, hooks[i], err));
    return ORR_OK;
}

static orr_status read_sites(struct orr_recipe *recipe, uint32_t n_observed, struct orr_error *err)
{
    const struct orr_config_node *list = at(recipe, "study.sites");
    const struct orr_model model = orr_recipe_model(recipe, n_observed);
    const char **word;
    char **hooks;
    size_t n_words, n_hooks;
    orr_status status = orr_recipe_read_words(list, "sites", &word, &n_words, err);
    if (status == ORR_OK && list && list->kind == ORR_CONFIG_LIST && !n_words)
        status =
            orr_config_fail(list, err, ORR_EINVAL, "at least one site is expected; without this key, all usual ones");
    if (status == ORR_OK) status = orr_model_hooks(&model, &hooks, &n_hooks, err);
    if (status == ORR_OK) {
        status = choose_sites(recipe, &model, word, n_words, hooks, n_hooks, err);
        orr_model_hooks_free(hooks, n_hooks);
    }
    orr_memory_free(word);
    return status;
}

orr_status orr_recipe_read_sites(struct orr_recipe *recipe, struct orr_error *err)
{
    /* The sites of every other kind do not depend on the columns. */
    return kind_of(recipe) == ORR_MODEL_GRAPH ? ORR_OK : read_sites(recipe, 1, err);
}

/* ---- graph text ---- */

/* text as a YAML scalar in double quotes; the caller's, NULL when out of memory. */
static char *quoted(const char *text)
{
    static const char special[] = "\"\\\n\r\t", escape[] = "\"\\nrt";
    char *all = orr_memory_array(2 * strlen(text) + 3, 1), *to = all;
    if (!all) return NULL;
    *to++ = '"';
    for (; *text; ++text) {
        const char *found = strchr(special, *text);
        if (found) *to++ = '\\';
        *to++ = found ? escape[found - special] : *text;
    }
    *to = '"';
    return all;
}

static orr_status keep_text(struct orr_recipe *recipe, const char *text, const char *path, struct orr_error *err)
{
    char *scalar = quoted(text);
    if (!scalar) return orr_memory_out(err, "a graph", strlen(text));
    const orr_status status = orr_config_set(recipe->config, "model.graph", scalar, path, err);
    orr_memory_free(scalar);
    ORR_TRY(status);
    return orr_config_text(at(recipe, "model.graph"), &recipe->model.graph, err);
}

/* A value of one line is the name of a file. */
static orr_status read_graph(struct orr_recipe *recipe, struct orr_error *err)
{
    char *path = orr_recipe_path(recipe->config, recipe->model.graph), *text = NULL;
    size_t n;
    struct orr_error why = {.code = ORR_OK};
    if (!path) return orr_memory_out(err, "a path", strlen(recipe->model.graph));
    orr_status status = orr_file_read(path, GRAPH_BYTES, &text, &n, &why);
    if (status == ORR_OK && (n == 0 || strlen(text) < n))
        status = orr_fail(&why, ORR_EFORMAT, "%s is empty or holds a zero byte: it is no graph text", path);
    if (status != ORR_OK) /* A path that leads nowhere is wrong input. */
        status =
            orr_config_fail(at(recipe, "model.graph"), err, status == ORR_EIO ? ORR_EINVAL : status, "%s", why.text);
    if (status == ORR_OK) status = keep_text(recipe, text, path, err);
    orr_memory_free(text);
    orr_memory_free(path);
    return status;
}

static orr_status count_columns(const struct orr_recipe *recipe, uint32_t *n, struct orr_error *err)
{
    const struct orr_recipe_plugin *use = &recipe->simulator;
    struct orr_simulator *simulator;
    struct orr_error why = {.code = ORR_OK};
    if (recipe->recording) {
        *n = recipe->recording->observed.count;
        return ORR_OK;
    }
    const struct orr_simulator_ops *ops = use->plugin->ops;
    if (!ORR_HAS(ops, create) || !ORR_HAS(ops, destroy) || !ORR_HAS(ops, observed))
        return orr_config_fail(use->node, err, ORR_EABI,
                               "simulator %s lacks create, destroy or observed: its plugin is not complete", use->name);
    const orr_status status = ops->create(use->values, &simulator, &why);
    if (status != ORR_OK)
        return orr_config_fail(use->node, err, status, "%s",
                               why.text[0] ? why.text : "the simulator cannot be made, and gave no reason");
    (void)ops->observed(simulator, n);
    ops->destroy(simulator);
    return ORR_OK;
}

orr_status orr_recipe_bind_model(struct orr_recipe *recipe, struct orr_error *err)
{
    uint32_t n_observed;
    if (kind_of(recipe) != ORR_MODEL_GRAPH) return ORR_OK;
    if (!strchr(recipe->model.graph, '\n')) ORR_TRY(read_graph(recipe, err));
    ORR_TRY(count_columns(recipe, &n_observed, err));
    return read_sites(recipe, n_observed, err);
}
