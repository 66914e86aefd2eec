/* Fresh data: trajectories beyond the data set, made ahead and uploaded for many steps at once.
 *
 * In: a job and the layout of its step. Out: the step's data, starts and offset on the device.
 */
#include "train/fresh.h"

#include "base/memory.h"
#include "orrery/random.h"

#include <pthread.h>

struct orr_fresh {
    const struct orr_train_job *job;
    const struct orr_step *step;
    uint64_t given, ahead; /* first of the chunk steps that the executable has, and of those in points */
    bool has_given, has_ahead;
    float *points;   /* (chunk, batch, steps of a trajectory, n_observed) */
    int32_t *starts; /* (chunk, batch): rows of points */
    pthread_t worker;
    bool working;
    orr_status status; /* of the worker */
    struct orr_error error;
};

/* Steps from `first` on for which there is room, and which the run will take. */
static uint64_t count_from(const struct orr_fresh *f, uint64_t first)
{
    const uint64_t left = f->job->config->steps - first;
    return left < (uint64_t)f->step->chunk ? left : (uint64_t)f->step->chunk;
}

/* The window of each trajectory, drawn as windows of the data set are. */
static void draw_starts(struct orr_fresh *f, uint64_t first, uint64_t count)
{
    const struct orr_data_config *data = &f->job->data->config;
    const uint32_t places = f->job->windows->whole ? 1 : data->steps - data->context;
    const uint64_t batch = f->job->config->batch;
    for (uint64_t k = 0; k < count * batch; ++k) {
        const uint32_t step = (uint32_t)(first + k / batch), i = (uint32_t)(k % batch);
        uint32_t word[4];
        orr_random_block(f->job->config->seed, ORR_STREAM_WINDOWS, step, i / 4, word);
        f->starts[k] = (int32_t)(k * data->steps + orr_random_below(word[i % 4], places));
    }
}

static orr_status make(struct orr_fresh *f, uint64_t first, struct orr_error *err)
{
    const uint64_t batch = f->job->config->batch, count = count_from(f, first);
    draw_starts(f, first, count);
    ORR_TRY(orr_dataset_fresh(f->job->data, first * batch, (uint32_t)(count * batch), f->points, err));
    f->ahead = first;
    f->has_ahead = true;
    return ORR_OK;
}

static void *work(void *context)
{
    struct orr_fresh *f = context;
    f->status = make(f, f->given + (uint64_t)f->step->chunk, &f->error);
    return NULL;
}

static orr_status wait_for_worker(struct orr_fresh *f, struct orr_error *err)
{
    if (!f->working) return ORR_OK;
    pthread_join(f->worker, NULL);
    f->working = false;
    return f->status == ORR_OK ? ORR_OK : orr_fail(err, f->status, "%s", f->error.text);
}

/* Where no thread can be had, what comes next is made when it is asked for. */
static void work_ahead(struct orr_fresh *f)
{
    f->has_ahead = false;
    if (f->given + (uint64_t)f->step->chunk >= f->job->config->steps) return;
    f->working = pthread_create(&f->worker, NULL, work, f) == 0;
}

static orr_status give(struct orr_fresh *f, struct orr_exec *exec, struct orr_error *err)
{
    const struct orr_step *s = f->step;
    const size_t windows = (size_t)(s->chunk * s->batch);
    const int32_t offset = -(int32_t)f->ahead;
    ORR_TRY(orr_step_write_points(f->job, s, exec, f->points, windows * f->job->data->config.steps, err));
    ORR_TRY(orr_exec_write(exec, s->starts, f->starts, windows * sizeof *f->starts, err));
    ORR_TRY(orr_exec_write(exec, s->offset, &offset, sizeof offset, err));
    f->given = f->ahead;
    f->has_given = true;
    return ORR_OK;
}

orr_status orr_fresh_provide(struct orr_fresh *f, uint64_t step, struct orr_exec *exec, struct orr_error *err)
{
    if (!f || (f->has_given && step >= f->given && step - f->given < (uint64_t)f->step->chunk)) return ORR_OK;
    ORR_TRY(wait_for_worker(f, err));
    if (!f->has_ahead || f->ahead != step) ORR_TRY(make(f, step, err));
    ORR_TRY(give(f, exec, err));
    work_ahead(f);
    return ORR_OK;
}

orr_status orr_fresh_create(const struct orr_train_job *job, const struct orr_step *step, struct orr_fresh **out,
                            struct orr_error *err)
{
    *out = NULL;
    if (!job->config->fresh) return ORR_OK;
    struct orr_fresh *f = orr_memory_array(1, sizeof *f);
    if (!f) return orr_memory_out(err, "fresh data", sizeof *f);
    *f = (struct orr_fresh){.job = job, .step = step};
    const size_t windows = (size_t)(step->chunk * step->batch);
    const size_t numbers = windows * job->data->config.steps * job->data->n_observed;
    f->points = orr_memory_array(numbers, sizeof *f->points);
    f->starts = orr_memory_array(windows, sizeof *f->starts);
    if (f->points && f->starts) {
        *out = f;
        return ORR_OK;
    }
    orr_fresh_destroy(f);
    return orr_memory_out(err, "fresh trajectories (lower train.batch_size)", numbers * sizeof *f->points);
}

void orr_fresh_destroy(struct orr_fresh *f)
{
    if (!f) return;
    if (f->working) pthread_join(f->worker, NULL);
    orr_memory_free(f->points);
    orr_memory_free(f->starts);
    orr_memory_free(f);
}
