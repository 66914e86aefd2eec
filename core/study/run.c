/* Claiming the directories of a run, computing a point, and recording what a session did. */
#include "study/run.h"

#include "base/memory.h"
#include "study/directory.h"
#include "study/environment.h"
#include "study/origin.h"
#include "study/point.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- prepare ---- */

static orr_status hash_training(const char *recipe, char hash[17], struct orr_error *err)
{
    char *text;
    ORR_TRY(orr_recipe_training(recipe, &text, err));
    orr_recipe_hash(text, hash);
    orr_memory_free(text);
    return ORR_OK;
}

static orr_status prepare_point(const struct orr_sweep *sweep, size_t i, struct orr_loader *loader,
                                struct orr_run_point *point, struct orr_error *err)
{
    char *text;
    ORR_TRY(orr_sweep_name(sweep, i, point->name, sizeof point->name, err));
    ORR_TRY(orr_sweep_point(sweep, i, &point->recipe, err));
    ORR_TRY(orr_recipe_bind(point->recipe, loader, err));
    ORR_TRY(orr_recipe_write(point->recipe, &text, err));
    orr_recipe_hash(text, point->hash);
    const orr_status status = hash_training(text, point->training_hash, err);
    orr_memory_free(text);
    ORR_TRY(status);
    ORR_TRY(orr_recipe_identity(point->recipe, &text, err));
    orr_recipe_hash(text, point->identity);
    orr_memory_free(text);
    return ORR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct orr_run_point *const *)a)->name, (*(const struct orr_run_point *const *)b)->name);
}

static int by_identity(const void *a, const void *b)
{
    return strcmp((*(const struct orr_run_point *const *)a)->identity,
                  (*(const struct orr_run_point *const *)b)->identity);
}

/* Two points that are one experiment would count as two independent ones, and two of one name share a directory. */
static orr_status check_distinct(const struct orr_run *run, struct orr_error *err)
{
    const struct orr_run_point **sorted = orr_memory_array(run->n_points, sizeof *sorted);
    if (!sorted) return orr_memory_out(err, "points", run->n_points * sizeof *sorted);
    for (size_t i = 0; i < run->n_points; ++i)
        sorted[i] = &run->point[i];
    orr_status status = ORR_OK;
    qsort(sorted, run->n_points, sizeof *sorted, by_identity);
    for (size_t i = 1; status == ORR_OK && i < run->n_points; ++i)
        if (by_identity(&sorted[i - 1], &sorted[i]) == 0)
            status = orr_fail(err, ORR_EINVAL, "points %s and %s are the same experiment: give every value once",
                              sorted[i - 1]->name, sorted[i]->name);
    qsort(sorted, run->n_points, sizeof *sorted, by_name);
    for (size_t i = 1; status == ORR_OK && i < run->n_points; ++i)
        if (by_name(&sorted[i - 1], &sorted[i]) == 0)
            status = orr_fail(err, ORR_EINVAL,
                              "two points would have the directory %s: sweep values that still differ when all but "
                              "letters, digits and = , . - + _ is replaced by _",
                              sorted[i]->name);
    orr_memory_free(sorted);
    return status;
}

orr_status orr_run_prepare(const struct orr_sweep *sweep, struct orr_loader *loader, struct orr_run *run,
                           struct orr_error *err)
{
    *run = (struct orr_run){.n_points = sweep->n_points};
    run->point = orr_memory_array(sweep->n_points, sizeof *run->point);
    if (!run->point) return orr_memory_out(err, "points", sweep->n_points * sizeof *run->point);
    for (size_t i = 0; i < sweep->n_points; ++i) {
        const orr_status status = prepare_point(sweep, i, loader, &run->point[i], err);
        if (status == ORR_OK) continue;
        orr_run_fini(run);
        return status;
    }
    const orr_status status = check_distinct(run, err);
    if (status != ORR_OK) orr_run_fini(run);
    return status;
}

void orr_run_fini(struct orr_run *run)
{
    for (size_t i = 0; run->point && i < run->n_points; ++i)
        orr_recipe_destroy(run->point[i].recipe);
    orr_memory_free(run->point);
    orr_file_unlock(run->lock);
    *run = (struct orr_run){.point = NULL};
}

double orr_run_tokens(const struct orr_run *run)
{
    double tokens = 0;
    for (size_t i = 0; i < run->n_points; ++i)
        tokens += orr_recipe_tokens(run->point[i].recipe);
    return tokens;
}

/* ---- one point ---- */

/* What a point's callbacks need to know. */
struct watching {
    const struct orr_run_job *job;
    const struct orr_run *run;
};

static void notice(void *context, const char *what)
{
    const struct watching *w = context;
    const struct orr_run_watcher *watcher = &w->job->watcher;
    if (watcher->notice) watcher->notice(watcher->context, 0, 1, w->run->point[0].name, what);
}

static void progress(void *context, const struct orr_train_progress *p)
{
    const struct watching *w = context;
    if (w->job->watcher.progress) w->job->watcher.progress(w->job->watcher.context, p);
}

static orr_status run_point(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err)
{
    struct orr_run_point *point = &run->point[0];
    struct watching watching = {.job = job, .run = run};
    const struct orr_point_job point_job = {.recipe = point->recipe,
                                            .name = point->name,
                                            .directory = job->directory,
                                            .hash = point->hash,
                                            .training_hash = point->training_hash,
                                            .weights = point->recipe->weights.file,
                                            .block_size = job->block_size,
                                            .device = job->device,
                                            .threads = job->threads,
                                            .resume = job->resume,
                                            .stop = job->stop,
                                            .watch = progress,
                                            .notice = notice,
                                            .context = &watching};
    const double started = now();
    bool ran;
    notice(&watching, NULL);
    ORR_TRY(orr_point_run(&point_job, &ran, err));
    point->seconds = ran ? now() - started : -1;
    point->done = true;
    run->n_done = 1;
    return ORR_OK;
}

/* Claim a directory for the recipe of a point. */
static orr_status claim_point(const struct orr_run_job *job, const struct orr_run_point *point, const char *directory,
                              struct orr_error *err)
{
    char *text;
    ORR_TRY(orr_recipe_write(point->recipe, &text, err));
    const orr_status status = orr_directory_claim(directory, text, job->resume, err);
    orr_memory_free(text);
    return status;
}

/* A process that computed this point of a sweep and was killed a moment ago may still be ending. */
static orr_status open_directory(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err)
{
    enum { ATTEMPTS = 100 };
    static const struct timespec pause = {.tv_nsec = 20000000};
    for (int attempt = 1;; ++attempt) {
        const orr_status status = orr_directory_open(job->directory, &run->lock, err);
        if (status != ORR_EINVAL || !*run->point[0].name || attempt == ATTEMPTS) return status;
        (void)nanosleep(&pause, NULL);
    }
}

orr_status orr_run_one(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err)
{
    const double started = now();
    ORR_TRY(open_directory(job, run, err));
    ORR_TRY(claim_point(job, &run->point[0], job->directory, err));
    ORR_TRY(orr_environment_begin(job, run, err));
    ORR_TRY(run_point(job, run, err));
    return orr_environment_end(job, run, now() - started, err);
}

/* ---- a sweep ---- */

char *orr_run_point_directory(const struct orr_run_job *job, const struct orr_run *run, size_t i)
{
    return orr_memory_print("%s/%s", job->directory, run->point[i].name);
}

static orr_status claim_sweep(const struct orr_run_job *job, struct orr_error *err)
{
    char *text;
    ORR_TRY(orr_sweep_write(job->sweep, &text, err));
    const orr_status status = orr_directory_claim(job->directory, text, job->resume, err);
    orr_memory_free(text);
    return status;
}

/* A finished point is not run again, but must be of this device, like one that goes on: else the points that were not
 * begun would be of this one, and those that were of another. */
static orr_status claim_one_of_sweep(const struct orr_run_job *job, struct orr_run *run, size_t i,
                                     struct orr_error *err)
{
    struct orr_run_point *point = &run->point[i];
    char *directory = orr_run_point_directory(job, run, i);
    if (!directory) return orr_memory_out(err, "a path", sizeof point->name);
    orr_status status = claim_point(job, point, directory, err);
    if (status == ORR_OK && job->resume) status = orr_point_is_finished(directory, point->hash, &point->done, err);
    if (status == ORR_OK && job->resume) status = orr_origin_claim(directory, point->recipe, job->device, err);
    if (status == ORR_OK && point->done) {
        point->seconds = -1;
        ++run->n_done;
    }
    orr_memory_free(directory);
    return status;
}

orr_status orr_run_claim(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err)
{
    ORR_TRY(orr_directory_open(job->directory, &run->lock, err));
    ORR_TRY(claim_sweep(job, err));
    for (size_t i = 0; i < run->n_points; ++i) {
        const orr_status status = claim_one_of_sweep(job, run, i, err);
        if (status != ORR_OK) return orr_error_prefix(err, "point %s", run->point[i].name);
    }
    return orr_environment_begin(job, run, err);
}
