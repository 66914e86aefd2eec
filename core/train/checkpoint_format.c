/* Metadata of checkpoints: which run a file belongs to, and whether it is as it was written.
 *
 * In: a job, a set of tensors. Out: metadata, or the first that does not agree.
 */
#include "train/checkpoint_format.h"

#include "base/hash.h"
#include "base/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT         "orrery-checkpoint"
#define FORMAT_VERSION "2"

uint32_t orr_checkpoint_real(const struct orr_train_job *job) { return job->real ? job->real : ORR_F32; }

const char *orr_checkpoint_block(const struct orr_optimiser_block *block, char name[ORR_CHECKPOINT_NAME])
{
    snprintf(name, ORR_CHECKPOINT_NAME, "optimizer.%s", block->name);
    return name;
}

void orr_checkpoint_shape(const struct orr_parameter *item, int64_t dim[2])
{
    dim[0] = item->dim[item->transposed ? 1 : 0];
    dim[1] = item->dim[item->transposed ? 0 : 1];
}

/* What must agree for a checkpoint to continue a job. */
struct fact {
    const char *key;
    char text[64];
};
struct facts {
    size_t count;
    struct fact fact[64];
};

static void whole(struct facts *f, const char *key, uint64_t value)
{
    struct fact *fact = &f->fact[f->count++];
    fact->key = key;
    snprintf(fact->text, sizeof fact->text, "%" PRIu64, value);
}

static void text(struct facts *f, const char *key, const char *value)
{
    struct fact *fact = &f->fact[f->count++];
    fact->key = key;
    snprintf(fact->text, sizeof fact->text, "%s", value);
}

static void real(struct facts *f, const char *key, double value)
{
    char number[ORR_NUMBER_SIZE];
    text(f, key, orr_number_print(value, number));
}

static void hash(struct facts *f, const char *key, uint64_t value)
{
    struct fact *fact = &f->fact[f->count++];
    fact->key = key;
    snprintf(fact->text, sizeof fact->text, "%016" PRIx64, value);
}

/* With its terminating zero, so that two texts do not run into each other. */
static uint64_t hash_text(uint64_t hash, const char *t) { return orr_hash_bytes(hash, t, strlen(t) + 1); }

/* Where each parameter lies in the block, and which part of it decays. */
static uint64_t hash_of_order(const struct orr_parameters *p)
{
    uint64_t h = orr_hash_bytes(ORR_HASH_START, &p->decayed_elements, sizeof p->decayed_elements);
    for (size_t i = 0; i < p->count; ++i) {
        h = hash_text(h, p->item[i].name);
        h = orr_hash_bytes(h, &p->item[i].first, sizeof p->item[i].first);
    }
    return h;
}

static uint64_t hash_of_simulator(const struct orr_dataset *data)
{
    const struct orr_param *row = data->plugin->params;
    uint64_t h = hash_text(ORR_HASH_START, data->plugin->version);
    for (size_t i = 0; row[i].type != ORR_PARAM_END; ++i) {
        const union orr_value *v = &data->values[i];
        h = hash_text(h, row[i].key);
        if (row[i].type == ORR_PARAM_STRING)
            h = hash_text(h, v->s);
        else if (row[i].type == ORR_PARAM_BOOL)
            h = hash_text(h, v->b ? "true" : "false");
        else
            h = orr_hash_bytes(h, v, sizeof v->i);
    }
    return h;
}

static uint64_t hash_of_bins(const struct orr_dataset *data)
{
    const struct orr_bins *bins = &data->bins;
    const size_t bytes = bins->count ? data->n_observed * sizeof *bins->low : 0;
    uint64_t h = orr_hash_bytes(ORR_HASH_START, &bins->count, sizeof bins->count);
    h = orr_hash_bytes(h, bins->low, bytes);
    return orr_hash_bytes(h, bins->high, bytes);
}

static void facts_of_data(struct facts *f, const struct orr_dataset *data)
{
    text(f, "simulator", data->plugin->name);
    hash(f, "simulator_parameters", hash_of_simulator(data));
    whole(f, "data_seed", data->config.seed);
    whole(f, "data_trajectories", data->config.trajectories);
    whole(f, "data_steps", data->config.steps);
    whole(f, "data_context", data->config.context);
    real(f, "data_train_fraction", data->config.train_fraction);
    hash(f, "data_bins", hash_of_bins(data));
}

static void facts_of_training(struct facts *f, const struct orr_train_job *job)
{
    const struct orr_train_config *c = job->config;
    const struct orr_schedule *s = &c->schedule;
    const struct orr_optimiser *o = &c->optimiser;
    whole(f, "steps", c->steps);
    text(f, "batch_kind", c->full_batch ? "full" : c->fresh ? "fresh" : "random");
    whole(f, "batch", (uint64_t)orr_train_batch(job));
    real(f, "noise", c->noise);
    text(f, "schedule", orr_schedule_names[s->kind]);
    real(f, "learning_rate", s->learning_rate);
    real(f, "drop_at", s->drop_at);
    real(f, "drop_factor", s->drop_factor);
    whole(f, "warmup_steps", s->warmup_steps);
    real(f, "minimum_learning_rate", s->minimum_learning_rate);
    real(f, "tail_from", s->tail_from);
    real(f, "tail_factor", s->tail_factor);
    text(f, "optimiser", orr_optimiser_names[o->kind]);
    real(f, "beta1", o->beta1);
    real(f, "beta2", o->beta2);
    real(f, "eps", o->eps);
    real(f, "momentum", o->momentum);
    real(f, "weight_decay", o->weight_decay);
}

static void facts_of(const struct orr_train_job *job, const struct orr_parameters *p, struct facts *f)
{
    const struct orr_model *m = job->model;
    *f = (struct facts){.count = 0};
    text(f, "model", orr_model_kind_names[m->kind]);
    if (m->graph) hash(f, "model_graph", hash_text(ORR_HASH_START, m->graph));
    if (m->vocab_size) whole(f, "vocab_size", (uint64_t)m->vocab_size);
    whole(f, "n_layer", (uint64_t)m->n_layer);
    whole(f, "n_head", (uint64_t)m->n_head);
    whole(f, "n_embd", (uint64_t)m->n_embd);
    whole(f, "block_size", (uint64_t)m->block_size);
    whole(f, "input_dim", (uint64_t)m->n_input);
    whole(f, "output_dim", (uint64_t)m->n_output);
    whole(f, "window", (uint64_t)m->window);
    whole(f, "seed", job->config->seed);
    text(f, "real", orr_dtype_name(orr_checkpoint_real(job)));
    hash(f, "parameter_order", hash_of_order(p));
    facts_of_training(f, job);
    facts_of_data(f, job->data);
}

static const char *recipe_of(const struct orr_train_job *job) { return job->recipe_hash ? job->recipe_hash : ""; }

/* Over everything that is read again: all metadata but the checksum, and names, types, shapes and contents. */
static void checksum_of(const struct orr_safetensors *set, const struct facts *f, char out[17])
{
    uint64_t h = ORR_HASH_START;
    const struct orr_safetensors_tensor *t;
    static const char *const others[] = {"format", "format_version", "step", "recipe"};
    for (size_t i = 0; i < sizeof others / sizeof *others + f->count; ++i) {
        const char *key = i < f->count ? f->fact[i].key : others[i - f->count];
        const char *value = orr_safetensors_metadata(set, key);
        h = hash_text(hash_text(h, key), value ? value : "");
    }
    for (size_t i = 0; (t = orr_safetensors_tensor(set, i)) != NULL; ++i) {
        h = hash_text(h, t->name);
        h = orr_hash_bytes(h, &t->dtype, sizeof t->dtype);
        h = orr_hash_bytes(h, t->dim, t->rank * sizeof *t->dim);
        h = orr_hash_bytes(h, t->data, t->bytes);
    }
    snprintf(out, 17, "%016" PRIx64, h);
}

orr_status orr_checkpoint_describe(struct orr_safetensors *set, const struct orr_train_job *job,
                                   const struct orr_parameters *p, uint64_t step, struct orr_error *err)
{
    struct facts f;
    facts_of(job, p, &f);
    for (size_t i = 0; i < f.count; ++i)
        ORR_TRY(orr_safetensors_set_metadata(set, f.fact[i].key, f.fact[i].text, err));
    char number[24], checksum[17];
    snprintf(number, sizeof number, "%" PRIu64, step);
    ORR_TRY(orr_safetensors_set_metadata(set, "format", FORMAT, err));
    ORR_TRY(orr_safetensors_set_metadata(set, "format_version", FORMAT_VERSION, err));
    ORR_TRY(orr_safetensors_set_metadata(set, "step", number, err));
    ORR_TRY(orr_safetensors_set_metadata(set, "recipe", recipe_of(job), err));
    checksum_of(set, &f, checksum);
    return orr_safetensors_set_metadata(set, "checksum", checksum, err);
}

/* Whole and unchanged, and of the step that its name says. */
static orr_status check_contents(const struct orr_safetensors *set, const struct facts *f, uint64_t step,
                                 const char *path, struct orr_error *err)
{
    const char *format = orr_safetensors_metadata(set, "format");
    const char *version = orr_safetensors_metadata(set, "format_version");
    const char *of_step = orr_safetensors_metadata(set, "step");
    const char *checksum = orr_safetensors_metadata(set, "checksum");
    char expected[24];
    if (!format || strcmp(format, FORMAT) != 0 || !version || !of_step || !checksum ||
        !orr_safetensors_metadata(set, "recipe"))
        return orr_fail(err, ORR_EFORMAT, "%s has not the metadata of a checkpoint", path);
    if (strcmp(version, FORMAT_VERSION) != 0)
        return orr_fail(err, ORR_EINVAL, "%s is of checkpoint format %s, this program reads format %s", path, version,
                        FORMAT_VERSION);
    checksum_of(set, f, expected);
    if (strcmp(checksum, expected) != 0)
        return orr_fail(err, ORR_EFORMAT, "%s is damaged: its contents have checksum %s, not %s", path, expected,
                        checksum);
    snprintf(expected, sizeof expected, "%" PRIu64, step);
    if (strcmp(of_step, expected) != 0)
        return orr_fail(err, ORR_EFORMAT, "%s is named after step %s but holds step %s", path, expected, of_step);
    return ORR_OK;
}

orr_status orr_checkpoint_check(const struct orr_safetensors *set, const struct orr_train_job *job,
                                const struct orr_parameters *p, uint64_t step, const char *path, struct orr_error *err)
{
    struct facts f;
    facts_of(job, p, &f);
    ORR_TRY(check_contents(set, &f, step, path, err));
    const char *recipe = orr_safetensors_metadata(set, "recipe");
    for (size_t i = 0; i < f.count; ++i) {
        const char *made_with = orr_safetensors_metadata(set, f.fact[i].key);
        if (!made_with || strcmp(made_with, f.fact[i].text) != 0)
            return orr_fail(
                err, ORR_EINVAL,
                "%s was made with %s %s, this run has %s: resume with the recipe it was made with, or choose "
                "another directory",
                path, f.fact[i].key, made_with ? made_with : "unset", f.fact[i].text);
    }
    if (strcmp(recipe, recipe_of(job)) != 0)
        return orr_fail(err, ORR_EINVAL,
                        "%s was made by another recipe (hash %s, this one has %s): resume with the recipe it was made "
                        "with, or choose another directory",
                        path, recipe, recipe_of(job));
    return ORR_OK;
}
