/* Writing checkpoints: a safetensors file that appears whole or not at all, then the removal of older ones.
 *
 * In: a finite state and the losses so far. Out: a file.
 */
#include "base/log.h"
#include "base/memory.h"
#include "train/checkpoint_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Float copies of the blocks, and the parameters once more in file order. */
struct floats {
    float *parameters, *file, *block[ORR_OPTIMISER_BLOCKS_MAX];
};

static void floats_fini(struct floats *f)
{
    orr_memory_free(f->parameters);
    orr_memory_free(f->file);
    for (size_t k = 0; k < ORR_OPTIMISER_BLOCKS_MAX; ++k)
        orr_memory_free(f->block[k]);
}

static orr_status floats_init(struct floats *f, const struct orr_train_state *state, struct orr_error *err)
{
    const size_t n = state->elements;
    f->parameters = orr_train_floats(state->parameters, n);
    f->file = orr_memory_array(n, sizeof *f->file);
    bool complete = f->parameters && f->file;
    for (uint32_t k = 0; k < state->n_blocks; ++k) {
        f->block[k] = orr_train_floats(state->block[k], n);
        complete = complete && f->block[k];
    }
    return complete ? ORR_OK : orr_memory_out(err, "a checkpoint", (2 + state->n_blocks) * n * sizeof(float));
}

static orr_status add_blocks(struct orr_safetensors *set, const struct orr_train_job *job,
                             const struct orr_train_state *state, const struct floats *f, const double *losses,
                             struct orr_error *err)
{
    const int64_t n = (int64_t)state->elements, steps = (int64_t)state->step;
    const bool wide = orr_checkpoint_real(job) == ORR_F64;
    const uint32_t dtype = wide ? ORR_NPY_F64 : ORR_NPY_F32;
    if (wide) ORR_TRY(orr_safetensors_add(set, "optimizer.parameters", ORR_NPY_F64, 1, &n, state->parameters, err));
    for (uint32_t k = 0; k < state->n_blocks; ++k) {
        char name[ORR_CHECKPOINT_NAME];
        const void *data = wide ? (const void *)state->block[k] : f->block[k];
        ORR_TRY(orr_safetensors_add(set, orr_checkpoint_block(&state->name[k], name), dtype, 1, &n, data, err));
    }
    return orr_safetensors_add(set, "losses", ORR_NPY_F64, 1, &steps, losses, err);
}

static orr_status fill_set(struct orr_safetensors *set, const struct orr_train_job *job, const struct orr_parameters *p,
                           const struct orr_train_state *state, const struct floats *f, const double *losses,
                           struct orr_error *err)
{
    for (size_t i = 0; i < p->count; ++i) {
        const struct orr_parameter *item = &p->item[i];
        float *file = f->file + item->first;
        int64_t dim[2];
        orr_checkpoint_shape(item, dim);
        orr_parameter_to_file(item, f->parameters, file);
        ORR_TRY(orr_safetensors_add(set, item->name, ORR_NPY_F32, item->rank, dim, file, err));
    }
    ORR_TRY(add_blocks(set, job, state, f, losses, err));
    return orr_checkpoint_describe(set, job, p, state->step, err);
}

/* What was passed over when the run was loaded is damaged: out of the way, but kept for a look at it. */
static void set_aside(const char *path)
{
    char *aside = orr_memory_print("%s.damaged", path);
    if (!aside || rename(path, aside) != 0)
        orr_log(ORR_LOG_WARN, "train", "%s is damaged but could not be renamed to *.damaged: remove it", path);
    orr_memory_free(aside);
}

static void remove_old(const char *path)
{
    if (unlink(path) != 0) orr_log(ORR_LOG_WARN, "train", "%s is no longer needed but could not be removed", path);
}

/* Apply to one checkpoint by its path. */
static void apply(void (*act)(const char *path), const char *directory, uint64_t step)
{
    char *path = orr_checkpoint_path(directory, step);
    if (path) act(path);
    orr_memory_free(path);
}

/* Is it the final one, or kept for what comes after training? Asked of ascending steps. */
static bool stays(const struct orr_train_config *c, struct orr_evaluation_place *place, uint64_t step)
{
    if (step == c->steps) return true;
    return c->keep_evaluated && orr_evaluation_walk(&c->evaluation, c->steps, place, step) == step;
}

/* Set aside those newer than `before` that this run did not write, then remove all but the newest two of those that do
 * not stay. The state is saved: nothing here fails the run. */
static void tidy(const struct orr_train_job *job, uint64_t before, uint64_t newest)
{
    uint64_t *steps;
    size_t count, passing = 0;
    struct orr_evaluation_place place = {0};
    struct orr_error reason = {.code = ORR_OK};
    if (orr_checkpoint_list(job->directory, &steps, &count, &reason) != ORR_OK) {
        orr_log(ORR_LOG_WARN, "train", "older checkpoints were not removed: %s", reason.text);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        if (steps[i] > before && steps[i] != newest)
            apply(set_aside, job->directory, steps[i]);
        else if (!stays(job->config, &place, steps[i]))
            steps[passing++] = steps[i];
    }
    for (size_t i = 0; i + 2 < passing; ++i)
        apply(remove_old, job->directory, steps[i]);
    orr_memory_free(steps);
}

static orr_status save_at(const char *path, const struct orr_train_job *job, const struct orr_parameters *p,
                          const struct orr_train_state *state, const double *losses, struct orr_error *err)
{
    struct floats f = {.parameters = NULL};
    struct orr_safetensors *set = NULL;
    orr_status status = floats_init(&f, state, err);
    if (status == ORR_OK) status = orr_safetensors_create(&set, err);
    if (status == ORR_OK) status = fill_set(set, job, p, state, &f, losses, err);
    if (status == ORR_OK) status = orr_safetensors_save(set, path, err);
    orr_safetensors_destroy(set);
    floats_fini(&f);
    return status;
}

orr_status orr_checkpoint_save(const struct orr_train_job *job, const struct orr_parameters *p,
                               const struct orr_train_state *state, const double *losses, uint64_t before,
                               struct orr_error *err)
{
    char *path = orr_checkpoint_path(job->directory, state->step);
    if (!path) return orr_memory_out(err, "a path", strlen(job->directory) + 64);
    const orr_status status = save_at(path, job, p, state, losses, err);
    if (status == ORR_OK) orr_log(ORR_LOG_DEBUG, "train", "wrote %s", path);
    orr_memory_free(path);
    if (status == ORR_OK) tidy(job, before, state->step);
    return status;
}
