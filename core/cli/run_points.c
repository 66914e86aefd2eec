/* Keeping as many processes of points going as there shall be, until all points are done or the user stops it. */
#include "cli/run_points.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/threads.h"
#include "cli/point_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- how many ---- */

static orr_status share_processors(size_t jobs, struct orr_error *err)
{
    char text[16];
    const size_t share = orr_threads_processors() / jobs;
    snprintf(text, sizeof text, "%zu", share ? share : 1);
    return orr_threads_set(text, err);
}

orr_status orr_jobs_wanted(const struct orr_command *command, bool cpu, size_t n_points, size_t *jobs,
                           struct orr_error *err)
{
    const char *text = orr_arguments_value(command->arguments, "--jobs");
    const char *threads = secure_getenv("OMP_NUM_THREADS"); /* where --threads is kept, too */
    int64_t n = cpu ? orr_threads_processors() : 1;
    if (cpu && threads && *threads) n = n / orr_threads_wanted();
    if (text && (!orr_number_integer(text, &n) || n < 1))
        return orr_fail(err, ORR_EINVAL, "--jobs \"%s\": expected how many points to run at a time, 1 or more", text);
    *jobs = n < 1 ? 1 : (size_t)n > n_points ? n_points : (size_t)n;
    return threads && *threads ? ORR_OK : share_processors(*jobs, err);
}

/* ---- the pool ---- */

struct pool {
    const struct orr_command *command;
    const struct orr_run_job *job;
    struct orr_run *run;
    struct orr_point_process *process; /* (jobs) */
    double *started;                   /* (jobs) */
    size_t jobs, running, next;        /* next: the first point that was not looked at */
    struct orr_progress *progress;
    struct orr_points_end *end;
    double begun, shown;
    double steps, work, work_left; /* of this session's ended points: steps, input points; of all that are not done */
    bool told;
};

static orr_status start_in(struct pool *pool, size_t slot, size_t i, struct orr_error *err)
{
    const struct orr_arguments *a = pool->command->arguments;
    const char *device = orr_arguments_value(a, "--device");
    char *directory = orr_run_point_directory(pool->job, pool->run, i);
    char *recipe = directory ? orr_memory_print("%s/recipe.yaml", directory) : NULL;
    orr_status status = recipe ? ORR_OK : orr_memory_out(err, "a path", 0);
    const char *word[16] = {pool->command->argv[0],   "run",   "--resume", "--point",
                            pool->run->point[i].name, "--out", directory};
    size_t n = 7;
    if (device) {
        word[n++] = "--device";
        word[n++] = device;
    }
    for (size_t v = 0; v < orr_arguments_count(a, "-v") && v < 2; ++v)
        word[n++] = "-v";
    word[n++] = "--";
    word[n++] = recipe;
    struct orr_point_process *process = &pool->process[slot];
    if (status == ORR_OK) status = orr_point_process_start(process, directory, word, n, err);
    if (status == ORR_OK) {
        process->point = i;
        pool->started[slot] = now();
        ++pool->running;
        orr_progress_point(pool->progress, pool->run->point[i].name, "begun");
    }
    orr_memory_free(recipe);
    orr_memory_free(directory);
    return status;
}

static orr_status start_more(struct pool *pool, struct orr_error *err)
{
    for (size_t slot = 0; slot < pool->jobs; ++slot) {
        while (pool->next < pool->run->n_points && pool->run->point[pool->next].done)
            ++pool->next;
        if (pool->next == pool->run->n_points) return ORR_OK;
        if (pool->process[slot].pid) continue;
        ORR_TRY(start_in(pool, slot, pool->next, err));
        ++pool->next;
    }
    return ORR_OK;
}

/* Once: a second signal would end a point without its checkpoint. */
static void tell_to_stop(struct pool *pool)
{
    if (pool->told) return;
    pool->told = true;
    for (size_t slot = 0; slot < pool->jobs; ++slot)
        if (pool->process[slot].pid) kill(pool->process[slot].pid, SIGTERM);
}

static void record_failure(struct pool *pool, const struct orr_point_process *process, int status)
{
    char why[480];
    struct orr_points_end *end = pool->end;
    const char *name = pool->run->point[process->point].name;
    orr_point_process_explain(process, status, why, sizeof why);
    orr_log(ORR_LOG_ERROR, "run", "point %s failed: %s (all it wrote: %s)", name, why, process->log);
    if (end->failed++) return;
    end->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    snprintf(end->first, sizeof end->first, "%s", name);
}

static uint64_t steps_of(const struct orr_recipe *recipe)
{
    return recipe->weights.file ? 0 : (uint64_t)recipe->train.steps;
}

/* The share of a point's input points that so many steps are. */
static double work_of(const struct orr_recipe *recipe, double steps)
{
    return orr_recipe_tokens(recipe) * steps / (double)recipe->train.steps;
}

/* Told to stop, a point says by its exit code that it saved itself; it may also have been told before it listened. */
static bool is_stopped(const struct pool *pool, int status)
{
    enum { INTERRUPTED = 130 };
    if (!pool->told) return false;
    return WIFEXITED(status) ? WEXITSTATUS(status) == INTERRUPTED : WTERMSIG(status) == SIGTERM;
}

static void take_end(struct pool *pool, size_t slot, int status)
{
    struct orr_point_process *process = &pool->process[slot];
    struct orr_run_point *point = &pool->run->point[process->point];
    const bool finished = WIFEXITED(status) && WEXITSTATUS(status) == 0, stopped = is_stopped(pool, status);
    orr_point_process_follow(process);
    --pool->running;
    if (finished) {
        point->done = true;
        point->seconds = now() - pool->started[slot];
        ++pool->run->n_done;
    } else if (!stopped) {
        record_failure(pool, process, status);
    }
    if (finished) process->steps = steps_of(point->recipe);
    const double steps = (double)(process->steps - process->first);
    pool->steps += steps;
    pool->work += work_of(point->recipe, steps);
    pool->work_left -= work_of(point->recipe, (double)point->recipe->train.steps);
    orr_progress_point(pool->progress, point->name, finished ? "finished" : stopped ? "stopped" : "failed");
    orr_point_process_end(process);
    pool->shown = 0;
}

static void show(struct pool *pool)
{
    const double period = pool->progress->terminal ? 0.5 : 5;
    if (now() - pool->shown < period) return;
    double steps = pool->steps, work = pool->work, left = pool->work_left;
    for (size_t slot = 0; slot < pool->jobs; ++slot) {
        struct orr_point_process *process = &pool->process[slot];
        if (!process->pid) continue;
        const struct orr_recipe *recipe = pool->run->point[process->point].recipe;
        orr_point_process_follow(process);
        steps += (double)(process->steps - process->first);
        work += work_of(recipe, (double)(process->steps - process->first));
        left -= work_of(recipe, (double)process->steps);
    }
    const double seconds = now() - pool->begun;
    /* After their last step points are probed, for nobody knows how long. */
    const bool known = work > 0 && (left > 0 || pool->running == 0);
    const struct orr_points_progress all = {.points = pool->run->n_points,
                                            .done = pool->run->n_done,
                                            .running = pool->running,
                                            .failed = pool->end->failed,
                                            .steps_per_second = steps / seconds,
                                            .seconds_left = known ? seconds * left / work : -1};
    orr_progress_points(pool->progress, &all);
    pool->shown = now();
}

static void take_ends(struct pool *pool)
{
    for (size_t slot = 0; slot < pool->jobs; ++slot) {
        int status;
        if (pool->process[slot].pid && orr_point_process_ended(&pool->process[slot], &status))
            take_end(pool, slot, status);
    }
}

/* Where a point cannot be started, those that run are saved as if the user stopped them. */
static orr_status work_off(struct pool *pool, struct orr_error *err)
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    orr_status status = ORR_OK;
    for (;;) {
        take_ends(pool);
        if (status == ORR_OK && !*pool->job->stop) status = start_more(pool, err);
        if (status != ORR_OK || *pool->job->stop) tell_to_stop(pool);
        show(pool);
        if (pool->running == 0) return status;
        (void)nanosleep(&pause, NULL);
    }
}

orr_status orr_run_points(const struct orr_command *command, const struct orr_run_job *job, struct orr_run *run,
                          size_t jobs, struct orr_progress *progress, struct orr_points_end *end, struct orr_error *err)
{
    struct pool pool = {
        .command = command, .job = job, .run = run, .jobs = jobs, .progress = progress, .end = end, .begun = now()};
    *end = (struct orr_points_end){.failed = 0};
    pool.process = orr_memory_array(jobs, sizeof *pool.process);
    pool.started = orr_memory_array(jobs, sizeof *pool.started);
    for (size_t i = 0; i < run->n_points; ++i)
        if (!run->point[i].done) pool.work_left += orr_recipe_tokens(run->point[i].recipe);
    orr_status status = pool.process && pool.started ? work_off(&pool, err) : orr_memory_out(err, "processes", jobs);
    for (size_t slot = 0; pool.process && slot < jobs; ++slot)
        orr_point_process_end(&pool.process[slot]);
    orr_memory_free(pool.process);
    orr_memory_free(pool.started);
    if (status == ORR_OK && *job->stop && run->n_done < run->n_points)
        status = orr_fail(err, ORR_ECANCELLED, "stopped with %zu of %zu points finished: go on with --resume",
                          run->n_done, run->n_points);
    return status;
}
