/* A recipe from a resolved configuration: known keys, values that fit one another, and what the layers below need. */
#include "study/recipe.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/params.h"
#include "base/suggest.h"
#include "orrery/probe.h"
#include "study/recipe_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

enum { KEYS_MAX = 128 };

/* Keys of one section: those of the table's rows under it, and the lists beside them. */
static orr_status check_section(const struct orr_recipe *recipe, const char *section, const char *const *more,
                                size_t n_more, struct orr_error *err)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(recipe->config), section);
    if (!node) return ORR_OK;
    const char *known[KEYS_MAX];
    size_t n = 0;
    const size_t length = strlen(section);
    for (size_t i = 0; i < orr_recipe_key_count; ++i) {
        const char *path = orr_recipe_keys[i].path;
        const char *key = length ? path + length + 1 : path;
        if (length && (strncmp(path, section, length) != 0 || path[length] != '.')) continue;
        if (!strchr(key, '.') && n < KEYS_MAX) known[n++] = key;
    }
    for (size_t i = 0; i < n_more && n < KEYS_MAX; ++i)
        known[n++] = more[i];
    return orr_config_check_keys(node, known, n, err);
}

static orr_status check_keys(const struct orr_recipe *recipe, struct orr_error *err)
{
    static const char *const top[] = {"simulator", "data", "model",  "train",  "study",    "probes", "scores",
                                      "contrasts", "fits", "expect", "report", "analysis", "weights"};
    static const char *const data[] = {"columns", "observed", "constant", "bin_range"};
    static const char *const train[] = {"decay"};
    static const char *const study[] = {"sites", "controls"};
    ORR_TRY(check_section(recipe, "", top, sizeof top / sizeof *top, err));
    ORR_TRY(check_section(recipe, "data", data, sizeof data / sizeof *data, err));
    ORR_TRY(check_section(recipe, "model", NULL, 0, err));
    ORR_TRY(check_section(recipe, "train", train, 1, err));
    ORR_TRY(check_section(recipe, "study", study, 2, err));
    ORR_TRY(check_section(recipe, "study.controls", NULL, 0, err));
    ORR_TRY(check_section(recipe, "analysis", NULL, 0, err));
    ORR_TRY(check_section(recipe, "weights", NULL, 0, err));
    return check_section(recipe, "report", NULL, 0, err);
}

/* ---- values that must fit one another ---- */

static const struct orr_config_node *at(const struct orr_recipe *recipe, const char *path)
{
    return orr_config_find(orr_config_root(recipe->config), path);
}

static bool is_full(const struct orr_recipe *recipe) { return strcmp(recipe->train.batch, "full") == 0; }

static orr_status check_word(const struct orr_recipe *recipe, const char *path, const char *word,
                             const char *const *known, size_t n, struct orr_error *err)
{
    char list[200] = "";
    for (size_t i = 0; i < n; ++i) {
        if (strcmp(word, known[i]) == 0) return ORR_OK;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s\"%s\"", i ? ", " : "", known[i]);
    }
    const char *near = orr_suggest(word, known, n);
    return orr_config_fail(at(recipe, path), err, ORR_EINVAL, "\"%s\" is not one of %s%s%s%s", word, list,
                           near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static orr_status check_data(const struct orr_recipe *recipe, struct orr_error *err)
{
    const int64_t context = recipe->data.context, steps = recipe->data.steps;
    if (steps && context > steps)
        return orr_config_fail(at(recipe, "data.context"), err, ORR_EINVAL,
                               "context %" PRId64 " is longer than a trajectory (%" PRId64
                               " steps): lower data.context or raise data.steps",
                               context, steps);
    return ORR_OK;
}

static orr_status check_batch(const struct orr_recipe *recipe, struct orr_error *err)
{
    const int64_t tokens = recipe->train.batch_tokens, size = recipe->train.batch_size, context = recipe->data.context;
    if (is_full(recipe) && (tokens || size || recipe->train.fresh))
        return orr_config_fail(at(recipe, "train.batch"), err, ORR_EINVAL,
                               "a full batch is every window there is: leave batch_tokens, batch_size and fresh out");
    if (recipe->train.fresh && recipe->data.file)
        return orr_config_fail(at(recipe, "train.fresh"), err, ORR_EINVAL,
                               "a file has no more trajectories than it has: leave it out, or give a simulator");
    if (!is_full(recipe) && !tokens == !size)
        return orr_config_fail(at(recipe, size ? "train.batch_size" : "train"), err, ORR_EINVAL,
                               "give either batch_tokens (windows * context) or batch_size (windows), and leave the "
                               "other out");
    if (tokens % context != 0)
        return orr_config_fail(at(recipe, "train.batch_tokens"), err, ORR_EINVAL,
                               "%" PRId64 " tokens do not divide into windows of data.context %" PRId64 ": %" PRId64
                               " would",
                               tokens, context, (tokens / context + 1) * context);
    if (recipe->train.warmup_steps >= recipe->train.steps)
        return orr_config_fail(at(recipe, "train.warmup_steps"), err, ORR_EINVAL,
                               "a warm-up of %" PRId64 " steps does not end before the last of train.steps (%" PRId64
                               "): lower it",
                               recipe->train.warmup_steps, recipe->train.steps);
    return ORR_OK;
}

/* A number of the other optimiser would change nothing. Resolved recipes have them all, with their defaults. */
static orr_status check_optimiser(const struct orr_recipe *recipe, struct orr_error *err)
{
    const bool is_sgd = strcmp(recipe->train.optimiser, "sgd") == 0;
    for (size_t i = 0; i < orr_recipe_key_count; ++i) {
        const struct orr_recipe_key *key = &orr_recipe_keys[i];
        const bool of_sgd = strcmp(key->path, "train.momentum") == 0;
        const bool of_adamw = strcmp(key->path, "train.beta1") == 0 || strcmp(key->path, "train.beta2") == 0 ||
                              strcmp(key->path, "train.eps") == 0;
        if (!(is_sgd ? of_adamw : of_sgd)) continue;
        const double value = *(const double *)(const void *)((const char *)recipe + key->field);
        if (fabs(value - strtod(key->fallback, NULL)) > 0)
            return orr_config_fail(at(recipe, key->path), err, ORR_EINVAL,
                                   "this is for train.optimiser %s, and has no effect on %s: leave it out",
                                   is_sgd ? "adamw" : "sgd", recipe->train.optimiser);
    }
    return ORR_OK;
}

/* What an earlier step is probed with must be kept, and there must be such steps. */
static orr_status check_evaluation(const struct orr_recipe *recipe, struct orr_error *err)
{
    const bool evaluates = strcmp(recipe->train.evaluate, "none") != 0;
    if (recipe->train.keep_evaluated && !evaluates)
        return orr_config_fail(at(recipe, "train.keep_evaluated"), err, ORR_EINVAL,
                               "nothing is evaluated, so nothing can be kept: set train.evaluate to log or linear");
    if (recipe->study.every_evaluation && !recipe->train.keep_evaluated)
        return orr_config_fail(at(recipe, "study.every_evaluation"), err, ORR_EINVAL,
                               "probes need the parameters of these steps: set train.keep_evaluated to true");
    return ORR_OK;
}

orr_status orr_recipe_check(const struct orr_recipe *recipe, struct orr_error *err)
{
    static const char *const labels[] = {"smoke test", "phenomenon reproduction", "paper-faithful reproduction"};
    static const char *const batches[] = {"random", "full"};
    ORR_TRY(check_word(recipe, "label", recipe->label, labels, 3, err));
    ORR_TRY(
        check_word(recipe, "train.optimiser", recipe->train.optimiser, orr_optimiser_names, ORR_OPTIMISER_KINDS, err));
    ORR_TRY(check_word(recipe, "train.schedule", recipe->train.schedule, orr_schedule_names, ORR_SCHEDULE_KINDS, err));
    ORR_TRY(check_word(recipe, "train.batch", recipe->train.batch, batches, 2, err));
    ORR_TRY(
        check_word(recipe, "train.evaluate", recipe->train.evaluate, orr_evaluation_names, ORR_EVALUATION_KINDS, err));
    ORR_TRY(check_optimiser(recipe, err));
    ORR_TRY(check_evaluation(recipe, err));
    ORR_TRY(check_word(recipe, "model.kind", recipe->model.kind, orr_model_kind_names, ORR_MODEL_KINDS, err));
    ORR_TRY(check_data(recipe, err));
    ORR_TRY(orr_recipe_check_model(recipe, err));
    return check_batch(recipe, err);
}

/* ---- life ---- */

orr_status orr_recipe_create(struct orr_config *config, struct orr_recipe **out, struct orr_error *err)
{
    *out = NULL;
    struct orr_recipe *recipe = orr_memory_array(1, sizeof *recipe);
    if (!recipe) {
        orr_config_destroy(config);
        return orr_memory_out(err, "a recipe", sizeof *recipe);
    }
    recipe->config = config;
    orr_status status = check_keys(recipe, err);
    if (status == ORR_OK) status = orr_recipe_read_scalars(recipe, err);
    if (status == ORR_OK) status = orr_recipe_check(recipe, err);
    if (status == ORR_OK) status = orr_recipe_read_lists(recipe, err);
    if (status == ORR_OK)
        *out = recipe;
    else
        orr_recipe_destroy(recipe);
    return status;
}

void orr_recipe_destroy(struct orr_recipe *recipe)
{
    if (!recipe) return;
    orr_recipe_free_lists(recipe);
    orr_config_destroy(recipe->config);
    orr_memory_free(recipe);
}

/* ---- plugins ---- */

/* Keys beside a plugin's own. */
static bool is_engine_key(const char *key)
{
    return strcmp(key, "name") == 0 || strcmp(key, "as") == 0 || strcmp(key, "networks") == 0;
}

/* Set every parameter that the map gives; the others get their defaults, in the recipe too. */
static orr_status bind_parameters(struct orr_recipe *recipe, struct orr_recipe_plugin *use, const char *path,
                                  struct orr_error *err)
{
    const struct orr_param *table = use->plugin->params;
    const size_t n = orr_params_count(table);
    orr_memory_free(use->values);
    use->values = orr_memory_array(n + 1, sizeof *use->values);
    if (!use->values) return orr_memory_out(err, "parameters", n * sizeof *use->values);
    for (size_t i = 0; i < n; ++i) {
        if (orr_config_find(use->node, table[i].key) || !*table[i].fallback) continue;
        char key[256];
        snprintf(key, sizeof key, "%s.%s", path, table[i].key);
        ORR_TRY(orr_config_set(recipe->config, key, table[i].fallback, "default", err));
    }
    ORR_TRY(orr_params_defaults(table, use->values, err));
    for (size_t i = 0; i < use->node->count; ++i) {
        const struct orr_config_node *given = use->node->children[i];
        if (is_engine_key(given->key)) continue;
        if (given->kind != ORR_CONFIG_SCALAR)
            return orr_config_fail(given, err, ORR_EINVAL, "a parameter of %s is a single value", use->name);
        struct orr_error why;
        if (orr_params_set(table, use->values, given->key, given->text, &why) != ORR_OK)
            return orr_config_fail(given, err, why.code, "%s", why.text);
    }
    return ORR_OK;
}

static orr_status bind_plugin(struct orr_recipe *recipe, struct orr_loader *loader, enum orr_plugin_kind kind,
                              struct orr_recipe_plugin *use, const char *path, struct orr_error *err)
{
    struct orr_error why;
    if (orr_loader_find(loader, kind, use->name, &use->plugin, &why) != ORR_OK)
        /* A path that leads nowhere is wrong input, like a name that nothing has. */
        return orr_config_fail(orr_config_find(use->node, "name"), err,
                               why.code == ORR_EIO ? ORR_EUNSUPPORTED : why.code, "%s", why.text);
    /* A probe that is given by its path is still called by its name in findings. */
    if (use->label == use->name) use->label = use->plugin->name;
    if (kind == ORR_PROBE && strlen(use->label) >= ORR_LABEL_SIZE)
        return orr_config_fail(use->node, err, ORR_EINVAL, "the probe's name has %zu characters: add as: a shorter one",
                               strlen(use->label));
    return bind_parameters(recipe, use, path, err);
}

/* Make the probe once, and let it look at its parameters. */
static orr_status try_probe(const struct orr_recipe_plugin *use, struct orr_error *err)
{
    const struct orr_probe_ops *ops = use->plugin->ops;
    struct orr_error why = {.code = ORR_OK};
    struct orr_probe *probe = NULL;
    if (!ORR_HAS(ops, create) || !ORR_HAS(ops, destroy) || !ORR_HAS(ops, measure))
        return orr_config_fail(use->node, err, ORR_EABI,
                               "probe %s lacks create, destroy or measure: its plugin is not complete", use->name);
    const orr_status status = ops->create(use->values, &probe, &why);
    if (status != ORR_OK)
        return orr_config_fail(use->node, err, status, "%s",
                               why.text[0] ? why.text : "the probe cannot be made, and gave no reason");
    ops->destroy(probe);
    return ORR_OK;
}

/* ---- claims ---- */

/* Is it a row of the table, a parameter of a plugin, or else in the resolved recipe? */
static bool is_key(const struct orr_recipe *recipe, const char *key)
{
    for (size_t i = 0; i < orr_recipe_key_count; ++i)
        if (strcmp(orr_recipe_keys[i].path, key) == 0) return true;
    static const char simulator[] = "simulator.";
    const struct orr_param *params = recipe->simulator.plugin->params;
    for (size_t i = 0; strncmp(key, simulator, sizeof simulator - 1) == 0 && i < orr_params_count(params); ++i)
        if (strcmp(params[i].key, key + sizeof simulator - 1) == 0) return true;
    return at(recipe, key) != NULL;
}

static orr_status unknown_where(const struct orr_config_node *node, struct orr_error *err)
{
    const char *known[KEYS_MAX];
    size_t n = 0;
    for (; n < orr_recipe_key_count && n < KEYS_MAX; ++n)
        known[n] = orr_recipe_keys[n].path;
    const char *near = orr_suggest(node->key, known, n);
    return orr_config_fail(node, err, ORR_EINVAL, "\"%s\" is not a key of a recipe%s%s%s", node->key,
                           near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static orr_status check_expectation(const struct orr_recipe *recipe, const struct orr_recipe_expectation *e,
                                    struct orr_error *err)
{
    const char *known[KEYS_MAX] = {"loss"};
    size_t n = 1;
    bool found = !e->probe || strcmp(e->probe, "loss") == 0;
    for (size_t i = 0; e->where && i < e->where->count; ++i)
        if (!is_key(recipe, e->where->children[i]->key)) return unknown_where(e->where->children[i], err);
    for (size_t i = 0; i < recipe->n_probes; ++i) {
        found = found || strcmp(recipe->probes[i].label, e->probe) == 0;
        if (n < KEYS_MAX) known[n++] = recipe->probes[i].label;
    }
    if (found) return ORR_OK;
    const char *near = orr_suggest(e->probe, known, n);
    return orr_config_fail(orr_config_find(e->node, "probe"), err, ORR_EINVAL,
                           "no probe of this recipe is called \"%s\"%s%s%s", e->probe, near ? ": did you mean \"" : "",
                           near ? near : "", near ? "\"?" : "");
}

orr_status orr_recipe_bind(struct orr_recipe *recipe, struct orr_loader *loader, struct orr_error *err)
{
    if (recipe->data.file)
        ORR_TRY(orr_recipe_bind_file(recipe, err));
    else
        ORR_TRY(bind_plugin(recipe, loader, ORR_SIMULATOR, &recipe->simulator, "simulator", err));
    ORR_TRY(orr_recipe_bind_model(recipe, err));
    ORR_TRY(orr_recipe_bind_weights(recipe, err));
    for (size_t i = 0; i < recipe->n_probes; ++i) {
        char path[32];
        snprintf(path, sizeof path, "probes.%zu", i);
        ORR_TRY(bind_plugin(recipe, loader, ORR_PROBE, &recipe->probes[i], path, err));
        ORR_TRY(try_probe(&recipe->probes[i], err));
    }
    for (size_t i = 0; i < recipe->n_expectations; ++i)
        ORR_TRY(check_expectation(recipe, &recipe->expectations[i], err));
    return ORR_OK;
}

/* ---- for the layers below ---- */

struct orr_data_config orr_recipe_data(const struct orr_recipe *recipe)
{
    return (struct orr_data_config){.seed = (uint64_t)recipe->data.seed,
                                    .trajectories = (uint64_t)recipe->data.trajectories,
                                    .steps = (uint32_t)recipe->data.steps,
                                    .train_fraction = recipe->data.train_fraction,
                                    .context = (uint32_t)recipe->data.context,
                                    .bins = recipe->data.bins,
                                    .has_bin_range = recipe->data.has_bin_range,
                                    .bin_low = recipe->data.bin_low,
                                    .bin_high = recipe->data.bin_high};
}

static uint32_t batch(const struct orr_recipe *recipe)
{
    return (uint32_t)(recipe->train.batch_size ? recipe->train.batch_size
                                               : recipe->train.batch_tokens / recipe->data.context);
}

/* Words are checked before: it is one of them. */
static size_t index_of(const char *word, const char *const *words, size_t n)
{
    size_t i = 0;
    while (i + 1 < n && strcmp(word, words[i]) != 0)
        ++i;
    return i;
}

struct orr_train_config orr_recipe_train(const struct orr_recipe *recipe)
{
    return (struct orr_train_config){
        .seed = (uint64_t)recipe->train.seed,
        .steps = (uint64_t)recipe->train.steps,
        .batch = batch(recipe),
        .full_batch = is_full(recipe),
        .fresh = recipe->train.fresh,
        .noise = recipe->train.noise,
        .schedule = {.kind = (enum orr_schedule_kind)index_of(recipe->train.schedule, orr_schedule_names,
                                                              ORR_SCHEDULE_KINDS),
                     .learning_rate = recipe->train.learning_rate,
                     .drop_at = recipe->train.drop_at,
                     .drop_factor = recipe->train.drop_factor,
                     .warmup_steps = (uint64_t)recipe->train.warmup_steps,
                     .minimum_learning_rate = recipe->train.min_lr,
                     .tail_from = recipe->train.tail_from,
                     .tail_factor = recipe->train.tail_factor},
        .optimiser = {.kind = (enum orr_optimiser_kind)index_of(recipe->train.optimiser, orr_optimiser_names,
                                                                ORR_OPTIMISER_KINDS),
                      .weight_decay = recipe->train.weight_decay,
                      .beta1 = recipe->train.beta1,
                      .beta2 = recipe->train.beta2,
                      .eps = recipe->train.eps,
                      .momentum = recipe->train.momentum},
        .decay_patterns = recipe->train.decay,
        .n_decay_patterns = recipe->train.n_decay,
        .log_every = (uint64_t)recipe->train.log_every,
        .checkpoint_every = (uint64_t)recipe->train.checkpoint_every,
        .evaluation = {.kind = (enum orr_evaluation_kind)index_of(recipe->train.evaluate, orr_evaluation_names,
                                                                  ORR_EVALUATION_KINDS),
                       .count = (uint64_t)recipe->train.evaluations},
        .keep_evaluated = recipe->train.keep_evaluated,
    };
}

/* About as many as orr_windows_create cuts from the training split. */
static double windows_of_all(const struct orr_recipe *recipe)
{
    const double trajectories = recipe->data.train_fraction * (double)recipe->data.trajectories;
    return trajectories * (double)(recipe->data.steps / recipe->data.context);
}

double orr_recipe_tokens(const struct orr_recipe *recipe)
{
    const int64_t context = recipe->data.context;
    const int64_t inputs = context == recipe->data.steps ? context - 1 : context;
    const double windows = is_full(recipe) ? windows_of_all(recipe) : batch(recipe);
    if (recipe->weights.file) return 0;
    return (double)recipe->train.steps * windows * (double)inputs;
}

/* ---- text, hash, difference ---- */

orr_status orr_recipe_write(const struct orr_recipe *recipe, char **text, struct orr_error *err)
{
    return orr_config_write(orr_config_root(recipe->config), text, err);
}

void orr_recipe_keep_training(struct orr_config *config)
{
    static const char *const others[] = {"probes", "scores", "contrasts", "fits",   "expect",
                                         "report", "study",  "analysis",  "weights"};
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i)
        (void)orr_config_remove(config, others[i]); /* one that is not there is fine */
}

orr_status orr_recipe_training(const char *recipe, char **text, struct orr_error *err)
{
    struct orr_config *config;
    *text = NULL;
    ORR_TRY(orr_config_parse(recipe, "this recipe", &config, err));
    orr_recipe_keep_training(config);
    const orr_status status = orr_config_write(orr_config_root(config), text, err);
    orr_config_destroy(config);
    return status;
}

void orr_recipe_hash(const char *text, char hash[17])
{
    snprintf(hash, 17, "%016" PRIx64, orr_hash_bytes(ORR_HASH_START, text, strlen(text)));
}

/* The path to node's key inside its tree. */
static void print_path(const struct orr_config_node *node, char *path, size_t size)
{
    *path = '\0';
    if (!node->parent) return;
    print_path(node->parent, path, size);
    size_t used = strlen(path);
    if (used && used + 1 < size) {
        path[used++] = '.';
        path[used] = '\0';
    }
    size_t index = 0;
    while (index < node->parent->count && node->parent->children[index] != node)
        ++index;
    if (node->key)
        snprintf(path + used, size - used, "%s", node->key);
    else
        snprintf(path + used, size - used, "%zu", index);
}

static const struct orr_config_node *counterpart(const struct orr_config_node *in, const struct orr_config_node *child,
                                                 size_t index)
{
    if (!child->key) return index < in->count ? in->children[index] : NULL;
    for (size_t i = 0; i < in->count; ++i)
        if (in->children[i]->key && strcmp(in->children[i]->key, child->key) == 0) return in->children[i];
    return NULL;
}

bool orr_recipe_difference(const struct orr_config_node *a, const struct orr_config_node *b, char *path, size_t size)
{
    if (a->kind != b->kind || (a->kind == ORR_CONFIG_SCALAR && strcmp(a->text, b->text) != 0)) {
        print_path(a, path, size);
        return true;
    }
    for (size_t i = 0; i < a->count; ++i) {
        const struct orr_config_node *other = counterpart(b, a->children[i], i);
        if (!other) {
            print_path(a->children[i], path, size);
            return true;
        }
        if (orr_recipe_difference(a->children[i], other, path, size)) return true;
    }
    for (size_t i = 0; i < b->count; ++i)
        if (!counterpart(a, b->children[i], i)) {
            print_path(b->children[i], path, size);
            return true;
        }
    return false;
}
