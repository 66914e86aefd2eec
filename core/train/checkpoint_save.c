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
    float *parameters, *file, *first_moment, *second_moment;
};

static void floats_fini(struct floats *f)
{
    orr_memory_free(f->parameters);
    orr_memory_free(f->file);
    orr_memory_free(f->first_moment);
    orr_memory_free(f->second_moment);
}

static float *narrowed(const double *x, size_t n)
{
    float *y = orr_memory_array(n, sizeof *y);
    for (size_t i = 0; y && i < n; ++i)
        y[i] = (float)x[i];
    return y;
}

static orr_status floats_init(struct floats *f, const struct orr_train_state *state, struct orr_error *err)
{
    const size_t n = state->elements;
    f->parameters = narrowed(state->parameters, n);
    f->file = orr_memory_array(n, sizeof *f->file);
    f->first_moment = narrowed(state->first_moment, n);
    f->second_moment = narrowed(state->second_moment, n);
    if (f->parameters && f->file && f->first_moment && f->second_moment) return ORR_OK;
    return orr_memory_out(err, "a checkpoint", 4 * n * sizeof(float));
}

static orr_status add_blocks(struct orr_safetensors *set, const struct orr_train_job *job,
                             const struct orr_train_state *state, const struct floats *f, const double *losses,
                             struct orr_error *err)
{
    const int64_t n = (int64_t)state->elements, steps = (int64_t)state->step;
    const bool wide = orr_checkpoint_real(job) == ORR_F64;
    const uint32_t dtype = wide ? ORR_NPY_F64 : ORR_NPY_F32;
    const void *first = wide ? (const void *)state->first_moment : f->first_moment;
    const void *second = wide ? (const void *)state->second_moment : f->second_moment;
    if (wide) ORR_TRY(orr_safetensors_add(set, "optimizer.parameters", ORR_NPY_F64, 1, &n, state->parameters, err));
    ORR_TRY(orr_safetensors_add(set, "optimizer.first_moment", dtype, 1, &n, first, err));
    ORR_TRY(orr_safetensors_add(set, "optimizer.second_moment", dtype, 1, &n, second, err));
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

/* Set aside those newer than `before` that this run did not write, then remove all but the newest two, and one more
 * where the newest is the final one. The state is saved: nothing here fails the run. */
static void tidy(const struct orr_train_job *job, uint64_t before, uint64_t newest)
{
    uint64_t *steps;
    size_t count, sound = 0;
    struct orr_error reason = {.code = ORR_OK};
    if (orr_checkpoint_list(job->directory, &steps, &count, &reason) != ORR_OK) {
        orr_log(ORR_LOG_WARN, "train", "older checkpoints were not removed: %s", reason.text);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        if (steps[i] > before && steps[i] != newest)
            apply(set_aside, job->directory, steps[i]);
        else
            steps[sound++] = steps[i];
    }
    const size_t keep = newest == job->config->steps ? 3 : 2;
    for (size_t i = 0; i + keep < sound; ++i)
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
