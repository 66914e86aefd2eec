/* The recipe's single values: one row a key, with its type, default, range and meaning; reading them all. */
#include "study/recipe_table.h"

#include "base/memory.h"
#include "study/recipe.h"

#include <string.h>

#define AT(field) offsetof(struct orr_recipe, field)

/* clang-format off */
const struct orr_recipe_key orr_recipe_keys[] = {
    /* path, type, default (NULL: must be given; "": may be left out), least, greatest, field, meaning */
    {"name", ORR_KEY_TEXT, NULL, 0, 0, AT(name), "short name of the experiment"},
    {"title", ORR_KEY_TEXT, "", 0, 0, AT(title), "one line that says what is asked"},
    {"label", ORR_KEY_TEXT, "smoke test", 0, 0, AT(label),
     "smoke test, phenomenon reproduction or paper-faithful reproduction"},
    {"data.file", ORR_KEY_TEXT, "", 0, 0, AT(data.file), "trajectories to read, instead of a simulator"},
    {"data.tensor", ORR_KEY_TEXT, "", 0, 0, AT(data.tensor), "file: which tensor of a .safetensors"},
    {"data.checksum", ORR_KEY_TEXT, "", 0, 0, AT(data.checksum), "file: FNV-1a that it must have; left out: recorded"},
    {"data.trajectories", ORR_KEY_INT, "", 2, 1e9, AT(data.trajectories), "trajectories, both splits; file: all"},
    {"data.steps", ORR_KEY_INT, "", 2, 1e6, AT(data.steps), "points of a trajectory; file: all"},
    {"data.train_fraction", ORR_KEY_REAL, "0.5", 0, 1, AT(data.train_fraction), "share of trajectories trained on"},
    {"data.context", ORR_KEY_INT, NULL, 1, 1e6, AT(data.context), "points that the network sees"},
    {"data.seed", ORR_KEY_INT, "1", 0, 9e18, AT(data.seed), "of the simulator and the choice of windows"},
    {"data.bins", ORR_KEY_INT, "0", 0, 16777216, AT(data.bins), "tokens of each observed column, 2 or more; 0: numbers"},
    {"model.kind", ORR_KEY_TEXT, "transformer", 0, 0, AT(model.kind), "transformer, mlp or graph"},
    {"model.graph", ORR_KEY_TEXT, "", 0, 0, AT(model.graph), "of kind graph: the file of its text"},
    {"model.n_layer", ORR_KEY_INT, "2", 0, 1000, AT(model.n_layer), "blocks; of an mlp, hidden layers"},
    {"model.n_head", ORR_KEY_INT, "1", 1, 1000, AT(model.n_head), "attention heads of a block"},
    {"model.n_embd", ORR_KEY_INT, "32", 1, 65536, AT(model.n_embd), "channels of the residual stream or a layer"},
    {"model.window", ORR_KEY_INT, "0", 0, 1e6, AT(model.window), "points that attention looks back on; 0: all"},
    {"train.steps", ORR_KEY_INT, NULL, 1, 1e8, AT(train.steps), "optimiser steps"},
    {"train.batch", ORR_KEY_TEXT, "random", 0, 0, AT(train.batch), "random windows, or full: every one, in order"},
    {"train.batch_tokens", ORR_KEY_INT, "0", 0, 1e9, AT(train.batch_tokens), "windows * context of a random batch"},
    {"train.batch_size", ORR_KEY_INT, "0", 0, 1e9, AT(train.batch_size), "its windows, instead of batch_tokens"},
    {"train.fresh", ORR_KEY_BOOL, "false", 0, 0, AT(train.fresh), "train every step on new trajectories"},
    {"train.learning_rate", ORR_KEY_REAL, "1e-3", 0, 1e3, AT(train.learning_rate), "before the schedule"},
    {"train.schedule", ORR_KEY_TEXT, "constant", 0, 0, AT(train.schedule), "constant, step_drop, cosine or linear_tail"},
    {"train.drop_at", ORR_KEY_REAL, "0.5", 0, 1, AT(train.drop_at), "step_drop: share of the steps before the drop"},
    {"train.drop_factor", ORR_KEY_REAL, "0.1", 0, 1e3, AT(train.drop_factor), "step_drop: factor on the rate"},
    {"train.tail_from", ORR_KEY_REAL, "0.8", 0, 1, AT(train.tail_from), "linear_tail: share of the steps before it"},
    {"train.tail_factor", ORR_KEY_REAL, "0.1", 0, 1e3, AT(train.tail_factor), "linear_tail: on the rate, at its end"},
    {"train.warmup_steps", ORR_KEY_INT, "0", 0, 1e9, AT(train.warmup_steps), "steps of linear rise, of any schedule"},
    {"train.min_lr", ORR_KEY_REAL, "0", 0, 1e3, AT(train.min_lr), "cosine: rate at the last step"},
    {"train.optimiser", ORR_KEY_TEXT, "adamw", 0, 0, AT(train.optimiser), "adamw or sgd"},
    {"train.beta1", ORR_KEY_REAL, "0.9", 0, 0.999999999, AT(train.beta1), "AdamW: decay of the first moment"},
    {"train.beta2", ORR_KEY_REAL, "0.999", 0, 0.999999999, AT(train.beta2), "AdamW: decay of the second moment"},
    {"train.eps", ORR_KEY_REAL, "1e-8", 1e-30, 1, AT(train.eps), "AdamW: added to the root of the second moment"},
    {"train.momentum", ORR_KEY_REAL, "0", 0, 0.999999999, AT(train.momentum), "SGD: decay of the velocity"},
    {"train.weight_decay", ORR_KEY_REAL, "0", 0, 1e3, AT(train.weight_decay), "on parameters of train.decay"},
    {"train.noise", ORR_KEY_REAL, "0", 0, 1e6, AT(train.noise), "standard deviation added to every input coordinate"},
    {"train.log_every", ORR_KEY_INT, "100", 1, 1e9, AT(train.log_every), "steps between looks at the loss"},
    {"train.checkpoint_every", ORR_KEY_INT, "1000", 0, 1e9, AT(train.checkpoint_every), "steps; 0: at the end only"},
    {"train.evaluate", ORR_KEY_TEXT, "none", 0, 0, AT(train.evaluate), "steps to evaluate at: none, log or linear"},
    {"train.evaluations", ORR_KEY_INT, "20", 1, 1000, AT(train.evaluations), "how many, beside step 0"},
    {"train.keep_evaluated", ORR_KEY_BOOL, "false", 0, 0, AT(train.keep_evaluated), "keep the checkpoints of these"},
    {"train.seed", ORR_KEY_INT, "1", 0, 9e18, AT(train.seed), "of initial weights, batches and noise"},
    {"weights.file", ORR_KEY_TEXT, "", 0, 0, AT(weights.file), "trained weights to probe, instead of training"},
    {"weights.checksum", ORR_KEY_TEXT, "", 0, 0, AT(weights.checksum), "FNV-1a that they must have; left out: recorded"},
    {"study.windows", ORR_KEY_INT, "1000", 2, 1e8, AT(study.windows), "windows probed, of each split"},
    {"study.save_activations", ORR_KEY_BOOL, "false", 0, 0, AT(study.save_activations), "write activations/ as .npy"},
    {"study.every_evaluation", ORR_KEY_BOOL, "false", 0, 0, AT(study.every_evaluation), "probe evaluated steps too"},
    {"study.cache_mb", ORR_KEY_INT, "256", 1, 1e6, AT(study.cache_mb), "memory for activations kept between probes"},
    {"study.controls.untrained", ORR_KEY_BOOL, "true", 0, 0, AT(study.untrained), "probe the same network untrained"},
    {"study.controls.inputs", ORR_KEY_BOOL, "true", 0, 0, AT(study.inputs), "probe the inputs without a network"},
    {"analysis.file", ORR_KEY_TEXT, "", 0, 0, AT(analysis.file), "analysis fixed beforehand, as it was named"},
    {"analysis.sha256", ORR_KEY_TEXT, "", 0, 0, AT(analysis.sha256), "of that file, as it was read"},
    {"analysis.first_seed", ORR_KEY_INT, "0", 0, 9e18, AT(analysis.first_seed), "seeds from here on were not looked at"},
    {"analysis.identified_share", ORR_KEY_REAL, "0.8", 0, 1, AT(analysis.identified_share),
     "share of the seeds that must have exactly one crossing"},
    {"report.digits", ORR_KEY_INT, "4", 1, 17, AT(digits), "significant digits in tables"},
};
/* clang-format on */
const size_t orr_recipe_key_count = sizeof orr_recipe_keys / sizeof *orr_recipe_keys;

static orr_status read_key(struct orr_recipe *recipe, const struct orr_recipe_key *key, struct orr_error *err)
{
    const struct orr_config_node *root = orr_config_root(recipe->config);
    const struct orr_config_node *node = orr_config_find(root, key->path);
    if (!node && !key->fallback)
        return orr_config_fail(root, err, ORR_EINVAL, "the recipe has no %s (%s): add it", key->path, key->meaning);
    if (!node && !*key->fallback) return ORR_OK;
    if (!node) {
        ORR_TRY(orr_config_set(recipe->config, key->path, key->fallback, "default", err));
        node = orr_config_find(orr_config_root(recipe->config), key->path);
    }
    void *field = (char *)recipe + key->field;
    switch (key->type) {
    case ORR_KEY_INT:
        return orr_config_int(node, (int64_t)key->least, (int64_t)key->greatest, field, err);
    case ORR_KEY_REAL:
        return orr_config_real(node, key->least, key->greatest, field, err);
    case ORR_KEY_BOOL:
        return orr_config_bool(node, field, err);
    case ORR_KEY_TEXT:
        break;
    }
    return orr_config_text(node, field, err);
}

orr_status orr_recipe_read_scalars(struct orr_recipe *recipe, struct orr_error *err)
{
    for (size_t i = 0; i < orr_recipe_key_count; ++i)
        ORR_TRY(read_key(recipe, &orr_recipe_keys[i], err));
    return ORR_OK;
}
