/* Running every point of a sweep and writing what belongs to the run as a whole. */
#include "study/run.h"

#include "base/memory.h"
#include "io/file.h"
#include "study/directory.h"
#include "study/environment.h"
#include "study/point.h"

#include <jansson.h>
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
    struct orr_config *config;
    char *text;
    ORR_TRY(orr_config_parse(recipe, "this recipe", &config, err));
    orr_recipe_keep_training(config);
    const orr_status status = orr_config_write(orr_config_root(config), &text, err);
    orr_config_destroy(config);
    ORR_TRY(status);
    orr_recipe_hash(text, hash);
    orr_memory_free(text);
    return ORR_OK;
}

static orr_status prepare_point(const struct orr_sweep *sweep, size_t i, struct orr_loader *loader,
                                struct orr_run_point *point, struct orr_error *err)
{
    char *text;
    ORR_TRY(orr_sweep_name(sweep, i, point->name, sizeof point->name, err));
    ORR_TRY(orr_sweep_group(sweep, i, point->group, sizeof point->group, err));
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
    for (size_t i = 0; run->point && i < run->n_points; ++i) {
        orr_recipe_destroy(run->point[i].recipe);
        orr_measures_fini(&run->point[i].measures);
    }
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

/* ---- points ---- */

/* What a point's callbacks need to know. */
struct watching {
    const struct orr_run_job *job;
    const struct orr_run *run;
    size_t index;
};

static void notice(void *context, const char *what)
{
    const struct watching *w = context;
    const struct orr_run_watcher *watcher = &w->job->watcher;
    if (watcher->notice)
        watcher->notice(watcher->context, w->index, w->run->n_points, w->run->point[w->index].name, what);
}

static void progress(void *context, const struct orr_train_progress *p)
{
    const struct watching *w = context;
    if (w->job->watcher.progress) w->job->watcher.progress(w->job->watcher.context, p);
}

/* The directory of a point; the run's own where there is only one. */
static char *point_directory(const struct orr_run_job *job, const struct orr_run_point *point)
{
    return *point->name ? orr_memory_print("%s/%s", job->directory, point->name) : orr_memory_text(job->directory);
}

static orr_status run_point(const struct orr_run_job *job, struct orr_run *run, size_t i, const char *directory,
                            struct orr_error *err)
{
    struct orr_run_point *point = &run->point[i];
    struct watching watching = {.job = job, .run = run, .index = i};
    const struct orr_point_job point_job = {.recipe = point->recipe,
                                            .name = point->name,
                                            .directory = directory,
                                            .hash = point->hash,
                                            .training_hash = point->training_hash,
                                            .weights = job->weights,
                                            .block_size = job->block_size,
                                            .device = job->device,
                                            .threads = job->threads,
                                            .resume = job->resume,
                                            .stop = job->stop,
                                            .watch = progress,
                                            .notice = notice,
                                            .context = &watching};
    const double started = now();
    notice(&watching, NULL);
    bool ran;
    ORR_TRY(orr_point_run(&point_job, &point->measures, &ran, err));
    point->seconds = ran ? now() - started : -1;
    point->done = true;
    ++run->n_done;
    return ORR_OK;
}

/* Claim a point's directory and run it there. */
static orr_status enter_point(const struct orr_run_job *job, struct orr_run *run, size_t i, struct orr_error *err)
{
    struct orr_run_point *point = &run->point[i];
    char *directory = point_directory(job, point), *text = NULL;
    orr_status status = directory ? ORR_OK : orr_memory_out(err, "a path", sizeof point->name);
    if (status == ORR_OK && *point->name) {
        status = orr_recipe_write(point->recipe, &text, err);
        if (status == ORR_OK) status = orr_directory_claim(directory, text, job->resume, err);
    }
    if (status == ORR_OK) status = run_point(job, run, i, directory, err);
    orr_memory_free(text);
    orr_memory_free(directory);
    return status;
}

/* ---- the whole ---- */

static orr_status claim(const struct orr_run_job *job, const struct orr_run *run, struct orr_error *err)
{
    char *text;
    if (job->sweep->n_axes)
        ORR_TRY(orr_sweep_write(job->sweep, &text, err));
    else
        ORR_TRY(orr_recipe_write(run->point[0].recipe, &text, err));
    const orr_status status = orr_directory_claim(job->directory, text, job->resume, err);
    orr_memory_free(text);
    return status;
}

/* Append a point's findings.csv without its first line. */
static orr_status append_findings(const char *path, struct orr_text *all, struct orr_error *err)
{
    enum { BYTES_MAX = 256 << 20 };
    char *text;
    size_t length;
    ORR_TRY(orr_file_read(path, BYTES_MAX, &text, &length, err));
    const char *rows = strchr(text, '\n');
    const orr_status status = rows ? orr_text_add(all, err, "%s", rows + 1) : ORR_OK;
    orr_memory_free(text);
    return status;
}

static orr_status gather_findings(const struct orr_run_job *job, const struct orr_run *run, struct orr_error *err)
{
    struct orr_text all = {.data = NULL};
    orr_status status = orr_text_add(&all, err, "%s", orr_findings_header);
    for (size_t i = 0; status == ORR_OK && i < run->n_points; ++i) {
        char *path = orr_memory_print("%s/%s/findings.csv", job->directory, run->point[i].name);
        status = path ? append_findings(path, &all, err) : orr_memory_out(err, "a path", 0);
        orr_memory_free(path);
    }
    char *path = orr_memory_print("%s/findings.csv", job->directory);
    if (status == ORR_OK && !path) status = orr_memory_out(err, "a path", 0);
    if (status == ORR_OK) status = orr_file_write_atomic(path, all.data, all.length, err);
    orr_memory_free(path);
    orr_text_fini(&all);
    return status;
}

/* The points' summaries in one list. */
static orr_status gather_summaries(const struct orr_run_job *job, const struct orr_run *run, struct orr_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < run->n_points; ++i) {
        char *path = orr_memory_print("%s/%s/summary.json", job->directory, run->point[i].name);
        json_t *one = path ? json_load_file(path, 0, NULL) : NULL;
        if (one) json_array_append_new(list, one);
        orr_memory_free(path);
    }
    json_t *json = json_pack("{s:s,s:o}", "format", "orrery-summaries-1", "points", list);
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    char *path = orr_memory_print("%s/summary.json", job->directory);
    json_decref(json);
    orr_status status = text && path ? ORR_OK : orr_memory_out(err, "a summary", 0);
    if (status == ORR_OK) status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    orr_memory_free(path);
    return status;
}

orr_status orr_run_all(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err)
{
    const double started = now();
    ORR_TRY(orr_directory_open(job->directory, &run->lock, err));
    ORR_TRY(claim(job, run, err));
    ORR_TRY(orr_environment_begin(job, run, err));
    for (size_t i = 0; i < run->n_points; ++i) {
        orr_status status = enter_point(job, run, i, err);
        if (status == ORR_OK && job->stop && *job->stop && i + 1 < run->n_points)
            status = orr_fail(err, ORR_ECANCELLED, "stopped after point %zu of %zu: go on with --resume", i + 1,
                              run->n_points);
        if (status == ORR_ECANCELLED || !*run->point[i].name) ORR_TRY(status);
        if (status != ORR_OK) return orr_error_prefix(err, "point %s", run->point[i].name);
    }
    if (job->sweep->n_axes) {
        ORR_TRY(gather_findings(job, run, err));
        ORR_TRY(gather_summaries(job, run, err));
    }
    return orr_environment_end(job, run, now() - started, err);
}
