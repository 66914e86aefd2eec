/* Metadata of checkpoints: which run a file belongs to, and whether it is as it was written.
 *
 * In: a job, a set of tensors. Out: metadata, or the first that does not agree.
 */
#include "train/checkpoint_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT         "orrery-checkpoint"
#define FORMAT_VERSION "1"

uint32_t orr_checkpoint_real(const struct orr_train_job *job) { return job->real ? job->real : ORR_F32; }

void orr_checkpoint_shape(const struct orr_parameter *item, int64_t dim[2])
{
    dim[0] = item->dim[item->transposed ? 1 : 0];
    dim[1] = item->dim[item->transposed ? 0 : 1];
}

/* What must agree for a checkpoint to continue a job. */
struct fact {
    const char *key;
    char text[24];
};
enum { N_FACTS = 9 };

static void facts_of(const struct orr_train_job *job, struct fact fact[N_FACTS])
{
    const struct orr_transformer *m = job->model;
    const struct {
        const char *key;
        int64_t value;
    } number[] = {{"n_layer", m->n_layer},       {"n_head", m->n_head},     {"n_embd", m->n_embd},
                  {"block_size", m->block_size}, {"input_dim", m->n_input}, {"output_dim", m->n_output},
                  {"window", m->window}};
    size_t n = 0;
    for (; n < sizeof number / sizeof *number; ++n) {
        fact[n].key = number[n].key;
        snprintf(fact[n].text, sizeof fact[n].text, "%" PRId64, number[n].value);
    }
    fact[n].key = "seed";
    snprintf(fact[n++].text, sizeof fact->text, "%" PRIu64, job->config->seed);
    fact[n].key = "real";
    snprintf(fact[n].text, sizeof fact->text, "%s", orr_dtype_name(orr_checkpoint_real(job)));
}

static const char *recipe_of(const struct orr_train_job *job) { return job->recipe_hash ? job->recipe_hash : ""; }

/* FNV-1a (Fowler, Noll and Vo), 64 bits, over the names and contents of all tensors. */
static void checksum_of(const struct orr_safetensors *set, char text[17])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const struct orr_safetensors_tensor *t;
    for (size_t i = 0; (t = orr_safetensors_tensor(set, i)) != NULL; ++i) {
        for (const char *c = t->name; *c; ++c)
            hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
        const unsigned char *byte = t->data;
        for (size_t k = 0; k < t->bytes; ++k)
            hash = (hash ^ byte[k]) * UINT64_C(0x100000001b3);
    }
    snprintf(text, 17, "%016" PRIx64, hash);
}

orr_status orr_checkpoint_describe(struct orr_safetensors *set, const struct orr_train_job *job, uint64_t step,
                                   struct orr_error *err)
{
    struct fact fact[N_FACTS];
    facts_of(job, fact);
    for (size_t i = 0; i < N_FACTS; ++i)
        ORR_TRY(orr_safetensors_set_metadata(set, fact[i].key, fact[i].text, err));
    char number[24], checksum[17];
    snprintf(number, sizeof number, "%" PRIu64, step);
    checksum_of(set, checksum);
    ORR_TRY(orr_safetensors_set_metadata(set, "format", FORMAT, err));
    ORR_TRY(orr_safetensors_set_metadata(set, "format_version", FORMAT_VERSION, err));
    ORR_TRY(orr_safetensors_set_metadata(set, "step", number, err));
    ORR_TRY(orr_safetensors_set_metadata(set, "recipe", recipe_of(job), err));
    return orr_safetensors_set_metadata(set, "checksum", checksum, err);
}

orr_status orr_checkpoint_check(const struct orr_safetensors *set, const struct orr_train_job *job, const char *path,
                                struct orr_error *err)
{
    const char *format = orr_safetensors_metadata(set, "format");
    const char *version = orr_safetensors_metadata(set, "format_version");
    const char *recipe = orr_safetensors_metadata(set, "recipe");
    const char *checksum = orr_safetensors_metadata(set, "checksum");
    char expected[17];
    checksum_of(set, expected);
    if (!format || strcmp(format, FORMAT) != 0 || !version || !recipe || !checksum)
        return orr_fail(err, ORR_EFORMAT, "%s has not the metadata of a checkpoint", path);
    if (strcmp(version, FORMAT_VERSION) != 0)
        return orr_fail(err, ORR_EINVAL, "%s is of checkpoint format %s, this program reads format %s", path, version,
                        FORMAT_VERSION);
    if (strcmp(checksum, expected) != 0)
        return orr_fail(err, ORR_EFORMAT, "%s is damaged: its contents have checksum %s, not %s", path, expected,
                        checksum);
    struct fact fact[N_FACTS];
    facts_of(job, fact);
    for (size_t i = 0; i < N_FACTS; ++i) {
        const char *text = orr_safetensors_metadata(set, fact[i].key);
        if (!text || strcmp(text, fact[i].text) != 0)
            return orr_fail(
                err, ORR_EINVAL,
                "%s was made with %s %s, this run has %s: resume with the recipe it was made with, or choose "
                "another directory",
                path, fact[i].key, text ? text : "unset", fact[i].text);
    }
    if (strcmp(recipe, recipe_of(job)) != 0)
        return orr_fail(err, ORR_EINVAL,
                        "%s was made by another recipe (hash %s, this one has %s): resume with the recipe it was made "
                        "with, or choose another directory",
                        path, recipe, recipe_of(job));
    return ORR_OK;
}
