/* Reading checkpoints: the newest healthy one of a directory.
 *
 * In: a job and the layout of its parameters. Out: the state and the losses to go on from.
 */
#include "base/log.h"
#include "base/memory.h"
#include "train/checkpoint_format.h"

#include <inttypes.h>
#include <string.h>

/* The tensor of this name, type and shape, or NULL with the error set. */
static const void *need(const struct orr_safetensors *set, const char *name, uint32_t dtype, uint32_t rank,
                        const int64_t *dim, const char *path, struct orr_error *err)
{
    const struct orr_safetensors_tensor *t = orr_safetensors_find(set, name);
    bool fits = t && t->dtype == dtype && t->rank == rank;
    for (uint32_t k = 0; fits && k < rank; ++k)
        fits = t->dim[k] == dim[k];
    if (fits) return t->data;
    (void)orr_fail(err, ORR_EFORMAT, "%s: tensor %s is missing or of another type or shape", path, name);
    return NULL;
}

static void widen(double *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; ++i)
        to[i] = (double)from[i];
}

/* A block of the run's real type. */
static orr_status read_block(const struct orr_safetensors *set, const char *name, uint32_t real, double *to, size_t n,
                             const char *path, struct orr_error *err)
{
    const int64_t dim = (int64_t)n;
    const void *data = need(set, name, real, 1, &dim, path, err);
    if (!data) return ORR_EFORMAT;
    if (real == ORR_F64)
        memcpy(to, data, n * sizeof *to);
    else
        widen(to, data, n);
    return ORR_OK;
}

/* Parameters by name; block: scratch of all elements, zeroed where the layout has padding. */
static orr_status read_parameters(const struct orr_safetensors *set, const struct orr_parameters *p, float *block,
                                  const char *path, struct orr_error *err)
{
    for (size_t i = 0; i < p->count; ++i) {
        int64_t dim[2];
        orr_checkpoint_shape(&p->item[i], dim);
        const void *data = need(set, p->item[i].name, ORR_NPY_F32, p->item[i].rank, dim, path, err);
        if (!data) return ORR_EFORMAT;
        orr_parameter_from_file(&p->item[i], data, block);
    }
    return ORR_OK;
}

static orr_status read_state(const struct orr_safetensors *set, const struct orr_train_job *job,
                             const struct orr_parameters *p, uint64_t step, struct orr_train_state *to, double *losses,
                             const char *path, struct orr_error *err)
{
    const uint32_t real = orr_checkpoint_real(job);
    const size_t n = to->elements;
    for (uint32_t k = 0; k < to->n_blocks; ++k) {
        char name[ORR_CHECKPOINT_NAME];
        ORR_TRY(read_block(set, orr_checkpoint_block(&to->name[k], name), real, to->block[k], n, path, err));
    }
    if (real == ORR_F64) {
        ORR_TRY(read_block(set, "optimizer.parameters", real, to->parameters, n, path, err));
    } else {
        float *block = orr_memory_array(n, sizeof *block);
        if (!block) return orr_memory_out(err, "a checkpoint", n * sizeof *block);
        const orr_status status = read_parameters(set, p, block, path, err);
        widen(to->parameters, block, n);
        orr_memory_free(block);
        ORR_TRY(status);
    }
    const int64_t steps = (int64_t)step;
    const void *data = need(set, "losses", ORR_NPY_F64, 1, &steps, path, err);
    if (!data) return ORR_EFORMAT;
    memcpy(losses, data, (size_t)step * sizeof *losses);
    to->step = step;
    return ORR_OK;
}

static orr_status try_at(const char *path, uint64_t step, const struct orr_train_job *job,
                         const struct orr_parameters *p, struct orr_train_state *to, double *losses,
                         struct orr_error *err)
{
    struct orr_safetensors *set;
    ORR_TRY(orr_safetensors_load(path, &set, err));
    orr_status status = orr_checkpoint_check(set, job, p, step, path, err);
    if (status == ORR_OK && step > job->config->steps)
        status = orr_fail(err, ORR_EINVAL, "%s has %" PRIu64 " steps behind it, more than train.steps %" PRIu64, path,
                          step, job->config->steps);
    if (status == ORR_OK) status = read_state(set, job, p, step, to, losses, path, err);
    orr_safetensors_destroy(set);
    return status;
}

/* JSON that is read while memory is short may lack characters and no one tells: only what is damaged twice is so. */
static orr_status load_at(const char *path, uint64_t step, const struct orr_train_job *job,
                          const struct orr_parameters *p, struct orr_train_state *to, double *losses,
                          struct orr_error *err)
{
    const orr_status status = try_at(path, step, job, p, to, losses, err);
    return status == ORR_EFORMAT || status == ORR_EINVAL ? try_at(path, step, job, p, to, losses, err) : status;
}

/* Newest first, until one is good. A damaged one is only passed over here: it is renamed when a newer good one is on
 * disk, so that a fault of this machine's memory costs no checkpoint. */
static orr_status load_best(const struct orr_train_job *job, const struct orr_parameters *p, const uint64_t *steps,
                            size_t count, struct orr_train_state *to, double *losses, bool *found,
                            struct orr_error *err)
{
    for (size_t i = count; i-- > 0 && !*found;) {
        char *path = orr_checkpoint_path(job->directory, steps[i]);
        if (!path) return orr_memory_out(err, "a path", strlen(job->directory) + 64);
        struct orr_error reason = {.code = ORR_OK};
        const orr_status status = load_at(path, steps[i], job, p, to, losses, &reason);
        if (status == ORR_EFORMAT)
            orr_log(ORR_LOG_WARN, "train", "%s; passed over, going back to the one before it", reason.text);
        orr_memory_free(path);
        if (status != ORR_OK && status != ORR_EFORMAT) return orr_fail(err, status, "%s", reason.text);
        *found = status == ORR_OK;
    }
    return ORR_OK;
}

orr_status orr_checkpoint_load(const struct orr_train_job *job, const struct orr_parameters *p,
                               struct orr_train_state *state, double *losses, bool *found, struct orr_error *err)
{
    *found = false;
    uint64_t *steps;
    size_t count;
    struct orr_train_state loaded;
    ORR_TRY(orr_train_state_init(&loaded, &job->config->optimiser, state->elements, err));
    orr_status status = orr_checkpoint_list(job->directory, &steps, &count, err);
    if (status == ORR_OK) {
        status = load_best(job, p, steps, count, &loaded, losses, found, err);
        orr_memory_free(steps);
    }
    if (status == ORR_OK && *found) {
        const struct orr_train_state old = *state;
        *state = loaded;
        loaded = old;
    }
    orr_train_state_fini(&loaded);
    return status;
}

static orr_status try_parameters(const char *path, const struct orr_train_job *job, const struct orr_parameters *p,
                                 uint64_t step, float *block, struct orr_error *err)
{
    struct orr_safetensors *set;
    ORR_TRY(orr_safetensors_load(path, &set, err));
    orr_status status = orr_checkpoint_check(set, job, p, step, path, err);
    if (status == ORR_OK) status = read_parameters(set, p, block, path, err);
    orr_safetensors_destroy(set);
    return status;
}

orr_status orr_checkpoint_parameters(const struct orr_train_job *job, const struct orr_parameters *p, uint64_t step,
                                     float *block, struct orr_error *err)
{
    char *path = orr_checkpoint_path(job->directory, step);
    if (!path) return orr_memory_out(err, "a path", strlen(job->directory) + 64);
    orr_status status = try_parameters(path, job, p, step, block, err);
    /* As in load_at. */
    if (status == ORR_EFORMAT || status == ORR_EINVAL) status = try_parameters(path, job, p, step, block, err);
    orr_memory_free(path);
    return status;
}
