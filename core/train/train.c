/* The training loop: set up, run steps in chunks, read losses, log, save, stop, resume.
 *
 * In: a job. Out: initial and trained parameters, losses, metrics.jsonl and checkpoints. Between two chunks the host
 * touches the device only to start the next step; nothing is allocated there.
 */
#include "train/train.h"

#include "base/log.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/lock.h"
#include "train/check.h"
#include "train/checkpoint.h"
#include "train/fault.h"
#include "train/fresh.h"
#include "train/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct run {
    const struct orr_train_job *job;
    struct orr_parameters parameters;
    float *initial;
    struct orr_train_state good; /* the last state that was read and found finite */
    struct orr_step step;
    struct orr_exec *exec;
    struct orr_fresh *fresh;          /* NULL: the data set is all */
    uint64_t done, resumed, reported; /* steps: in all, before this call, told to the watcher */
    double *loss;                     /* (steps) */
    double *ring;                     /* (step.ring_rows), to read into */
    struct orr_file_lock *lock;       /* of the directory */
    int metrics, evaluations;         /* descriptors, or -1 */
    double started, last_report;      /* seconds */
    double seconds;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- set-up ---- */

static orr_status initial_state(struct run *r, struct orr_error *err)
{
    const struct orr_train_config *c = r->job->config;
    ORR_TRY(orr_model_parameters(r->job->model, &r->parameters, err));
    ORR_TRY(orr_parameters_arrange(&r->parameters, c->decay_patterns, c->n_decay_patterns, err));
    const size_t n = (size_t)r->parameters.elements;
    r->initial = orr_memory_array(n, sizeof *r->initial);
    r->loss = orr_memory_array((size_t)c->steps, sizeof *r->loss);
    if (!r->initial || !r->loss) return orr_memory_out(err, "parameters and losses", (n + (size_t)c->steps) * 8);
    orr_parameters_initialise(&r->parameters, c->seed, r->initial);
    ORR_TRY(orr_train_state_init(&r->good, &c->optimiser, n, err));
    for (size_t i = 0; i < n; ++i)
        r->good.parameters[i] = (double)r->initial[i];
    return ORR_OK;
}

/* A fresh run must neither mix its checkpoints with those of another nor empty its metrics. */
static orr_status refuse_another_run(const char *directory, struct orr_error *err)
{
    uint64_t *steps;
    size_t count;
    ORR_TRY(orr_checkpoint_list(directory, &steps, &count, err));
    orr_memory_free(steps);
    char *metrics = orr_memory_print("%s/metrics.jsonl", directory);
    if (!metrics) return orr_memory_out(err, "a path", strlen(directory) + 32);
    const bool logged = access(metrics, F_OK) == 0;
    orr_memory_free(metrics);
    if (count == 0 && !logged) return ORR_OK;
    return orr_fail(err, ORR_EINVAL,
                    "%s already holds %s of a run: add --resume to go on with it, or choose another directory",
                    directory, count ? "checkpoints" : "metrics.jsonl");
}

/* DIRECTORY/checkpoints, for this process alone, without what a killed one left half written. */
static orr_status claim_directory(struct run *r, struct orr_error *err)
{
    const char *directory = r->job->directory;
    char *path = orr_memory_print("%s/checkpoints", directory);
    char *lock = orr_memory_print("%s/checkpoints/.lock", directory);
    orr_status status = path && lock ? ORR_OK : orr_memory_out(err, "a path", strlen(directory) + 32);
    if (status == ORR_OK) status = orr_file_make_directories(path, err);
    if (status == ORR_OK) status = orr_file_lock(lock, &r->lock, err);
    if (status == ORR_OK) {
        orr_file_remove_temporaries(path, "step-*.safetensors");
        orr_file_remove_temporaries(directory, orr_metrics_name);
        orr_file_remove_temporaries(directory, orr_evaluations_name);
    }
    orr_memory_free(path);
    orr_memory_free(lock);
    return status;
}

static orr_status load_checkpoint(struct run *r, struct orr_error *err)
{
    const char *directory = r->job->directory;
    uint64_t *steps;
    size_t count;
    bool found;
    ORR_TRY(orr_checkpoint_list(directory, &steps, &count, err));
    orr_memory_free(steps);
    ORR_TRY(orr_checkpoint_load(r->job, &r->parameters, &r->good, r->loss, &found, err));
    if (found)
        orr_log(ORR_LOG_INFO, "train", "going on from step %" PRIu64, r->good.step);
    else if (count > 0)
        orr_log(ORR_LOG_WARN, "train", "%s/checkpoints holds no good checkpoint to go on from: starting at step 0",
                directory);
    return ORR_OK;
}

static orr_status open_directory(struct run *r, struct orr_error *err)
{
    const struct orr_train_job *job = r->job;
    if (!job->directory) return ORR_OK;
    ORR_TRY(claim_directory(r, err));
    ORR_TRY(job->resume ? load_checkpoint(r, err) : refuse_another_run(job->directory, err));
    ORR_TRY(orr_metrics_open(job->directory, orr_metrics_name, r->good.step, &r->metrics, err));
    if (!job->evaluate || job->config->evaluation.kind == ORR_EVALUATE_NONE) return ORR_OK;
    return orr_metrics_open(job->directory, orr_evaluations_name, r->good.step, &r->evaluations, err);
}

static uint64_t log_every(const struct run *r)
{
    const struct orr_train_config *c = r->job->config;
    return c->log_every && c->log_every < c->steps ? c->log_every : c->steps;
}

static orr_status open_device(struct run *r, struct orr_error *err)
{
    ORR_TRY(orr_step_build(r->job, &r->parameters, log_every(r), &r->step, err));
    r->ring = orr_memory_array((size_t)r->step.ring_rows, sizeof *r->ring);
    if (!r->ring) return orr_memory_out(err, "losses", (size_t)r->step.ring_rows * sizeof *r->ring);
    ORR_TRY(orr_exec_create(r->step.graph, r->job->device, NULL, &r->exec, err));
    ORR_TRY(orr_step_upload(r->job, &r->step, r->exec, err));
    ORR_TRY(orr_fresh_create(r->job, &r->step, &r->fresh, err));
    return orr_train_state_write(&r->good, &r->step, r->exec, err);
}

static orr_status set_up(struct run *r, struct orr_error *err)
{
    ORR_TRY(orr_train_check(r->job, err));
    ORR_TRY(initial_state(r, err));
    ORR_TRY(open_directory(r, err));
    r->done = r->resumed = r->good.step;
    r->reported = r->done / log_every(r) * log_every(r);
    return r->done < r->job->config->steps ? open_device(r, err) : ORR_OK;
}

/* ---- stepping ---- */

static bool stop_wanted(const struct run *r) { return r->job->stop && *r->job->stop; }

static bool is_evaluated(const struct run *r)
{
    const struct orr_train_config *c = r->job->config;
    return orr_evaluation_next(&c->evaluation, c->steps, r->done) == r->done;
}

/* Where the next chunk ends: a step after which something is due, and never more steps than the ring has rows. */
static uint64_t next_end(const struct run *r)
{
    const struct orr_train_config *c = r->job->config;
    const uint64_t log = log_every(r), save = c->checkpoint_every;
    uint64_t end = (r->done / log + 1) * log;
    if (save && end > (r->done / save + 1) * save) end = (r->done / save + 1) * save;
    const uint64_t evaluated = orr_evaluation_next(&c->evaluation, c->steps, r->done + 1);
    if (end > evaluated) end = evaluated;
    return end < c->steps ? end : c->steps;
}

/* A device that fails, or has no memory left, ends the run: say how to go on. Takes and returns the failure's status.
 * The device may have been some steps behind. */
static orr_status device_failed(const struct run *r, orr_status status, struct orr_error *err)
{
    const uint64_t total = r->job->config->steps, step = r->done < total ? r->done + 1 : total;
    if (status != ORR_EDEVICE && status != ORR_ENOMEM) return status;
    if (!r->job->directory)
        (void)orr_error_prefix(err, "in step %" PRIu64 " or before (nothing was saved)", step);
    else if (r->good.step == 0)
        (void)orr_error_prefix(
            err, "in step %" PRIu64 " or before (nothing to save yet; the same command with --resume begins again)",
            step);
    else
        (void)orr_error_prefix(err,
                               "in step %" PRIu64 " or before (the checkpoint of step %" PRIu64
                               " is good; the same command with --resume goes on from there)",
                               step, r->good.step);
    return status;
}

static orr_status run_steps(struct run *r, uint64_t end, struct orr_error *err)
{
    while (r->done < end && !stop_wanted(r)) {
        orr_status status = orr_fresh_provide(r->fresh, r->done, r->exec, err);
        if (status == ORR_OK) status = orr_exec_run(r->exec, err);
        if (status != ORR_OK) return device_failed(r, status, err);
        ++r->done;
    }
    return ORR_OK;
}

static orr_status explain(struct run *r, uint64_t last, const char *what, struct orr_error *err)
{
    const struct orr_fault fault = {.job = r->job, .step = &r->step, .good = &r->good, .last = last, .what = what};
    return orr_fault_explain(&fault, err);
}

/* Losses of steps first .. done-1 from the device. */
static orr_status read_losses(struct run *r, uint64_t first, struct orr_error *err)
{
    const uint64_t rows = (uint64_t)r->step.ring_rows;
    const orr_status status = orr_exec_read_real(r->exec, r->step.ring, r->ring, (size_t)rows, err);
    if (status != ORR_OK) return device_failed(r, status, err);
    for (uint64_t s = first; s < r->done; ++s) {
        r->loss[s] = r->ring[s % rows];
        if (isfinite(r->loss[s])) continue;
        char what[32];
        snprintf(what, sizeof what, "the loss (%s)", isnan(r->loss[s]) ? "nan" : "infinite");
        return explain(r, s + 1, what, err);
    }
    return ORR_OK;
}

static double mean_loss(const struct run *r, uint64_t first, uint64_t end)
{
    double sum = 0;
    for (uint64_t s = first; s < end; ++s)
        sum += r->loss[s];
    return sum / (double)(end - first);
}

static orr_status report(struct run *r, uint64_t first_run, struct orr_error *err)
{
    const struct orr_train_job *job = r->job;
    const struct orr_train_config *c = job->config;
    const double time = now();
    const double tokens = (double)(r->done - first_run) * (double)r->step.batch * job->windows->length;
    const double tokens_per_second = tokens / fmax(time - r->last_report, 1e-9);
    r->seconds = time - r->started;
    if (job->watch) {
        const double left = r->seconds / (double)(r->done - r->resumed) * (double)(c->steps - r->done);
        const struct orr_train_progress progress = {.first = r->reported,
                                                    .count = r->done - r->reported,
                                                    .total = c->steps,
                                                    .loss = r->loss + r->reported,
                                                    .tokens_per_second = tokens_per_second,
                                                    .seconds = r->seconds,
                                                    .seconds_left = left};
        job->watch(job->watch_context, &progress);
    }
    if (r->metrics >= 0) {
        const struct orr_metrics_line line = {.step = r->done,
                                              .loss = mean_loss(r, r->reported, r->done),
                                              .last_loss = r->loss[r->done - 1],
                                              .learning_rate = orr_schedule_rate(&c->schedule, r->done - 1, c->steps),
                                              .tokens_per_second = tokens_per_second,
                                              .seconds = r->seconds};
        ORR_TRY(orr_metrics_write(r->metrics, &line, err));
    }
    r->reported = r->done;
    r->last_report = time;
    return ORR_OK;
}

/* Take the state of the device as the last good one, and write it down. */
static orr_status save(struct run *r, struct orr_error *err)
{
    const struct orr_train_job *job = r->job;
    struct orr_train_state fresh;
    ORR_TRY(orr_train_state_init(&fresh, &job->config->optimiser, r->good.elements, err));
    orr_status status = orr_train_state_read(&fresh, &r->step, r->exec, err);
    if (status != ORR_OK) status = device_failed(r, status, err);
    fresh.step = r->done;
    const char *bad = status == ORR_OK ? orr_train_state_not_finite(&fresh) : NULL;
    if (bad) status = explain(r, r->done, bad, err);
    if (status != ORR_OK) {
        orr_train_state_fini(&fresh);
        return status;
    }
    const uint64_t before = r->good.step;
    orr_train_state_fini(&r->good);
    r->good = fresh;
    if (!job->directory) return ORR_OK;
    status = orr_metrics_sync(r->metrics, orr_metrics_name, err);
    if (status == ORR_OK) status = orr_checkpoint_save(job, &r->parameters, &r->good, r->loss, before, err);
    if (status != ORR_OK && before > 0)
        (void)orr_error_prefix(err, "step %" PRIu64 " was not saved (the checkpoint of step %" PRIu64 " survives)",
                               r->done, before);
    return status;
}

static double rates_so_far(const struct run *r)
{
    const struct orr_train_config *c = r->job->config;
    double sum = 0;
    for (uint64_t s = 0; s < r->done; ++s)
        sum += orr_schedule_rate(&c->schedule, s, c->steps);
    return sum;
}

static orr_status evaluate_with(struct run *r, double *parameters, struct orr_error *err)
{
    const struct orr_train_job *job = r->job;
    const size_t n = r->good.elements;
    struct orr_evaluated found = {0};
    orr_status status = orr_exec_read_real(r->exec, r->step.parameters, parameters, n, err);
    if (status != ORR_OK) return device_failed(r, status, err);
    float *block = orr_train_floats(parameters, n);
    if (!block) return orr_memory_out(err, "an evaluation", n * sizeof *block);
    status = job->evaluate(job->evaluate_context, r->done, block, &found, err);
    orr_memory_free(block);
    if (status != ORR_OK) return orr_error_prefix(err, "evaluation after step %" PRIu64, r->done);
    if (r->evaluations < 0) return ORR_OK;
    return orr_metrics_write_evaluation(r->evaluations, r->done, rates_so_far(r), &found, err);
}

/* Before the state is saved, so that no evaluation is missing after a resume. So nothing has looked whether it is
 * finite: of one that is not the losses are null, and the save explains why. Its time is not that of stepping. */
static orr_status evaluate(struct run *r, struct orr_error *err)
{
    if (!r->job->evaluate || !is_evaluated(r)) return ORR_OK;
    const double began = now();
    double *parameters = orr_memory_array(r->good.elements, sizeof *parameters);
    if (!parameters) return orr_memory_out(err, "an evaluation", r->good.elements * sizeof *parameters);
    const orr_status status = evaluate_with(r, parameters, err);
    orr_memory_free(parameters);
    const double took = now() - began;
    r->started += took;
    r->last_report += took;
    return status;
}

static orr_status cancelled(const struct run *r, struct orr_error *err)
{
    const struct orr_train_job *job = r->job;
    if (!job->directory)
        return orr_fail(err, ORR_ECANCELLED, "stopped at step %" PRIu64 " of %" PRIu64 "; nothing was saved", r->done,
                        job->config->steps);
    if (r->good.step == 0)
        return orr_fail(err, ORR_ECANCELLED,
                        "stopped before the first of %" PRIu64
                        " steps: there is nothing to save yet; the same command with --resume begins again",
                        job->config->steps);
    return orr_fail(err, ORR_ECANCELLED,
                    "stopped at step %" PRIu64 " of %" PRIu64
                    ": the state is saved in %s/checkpoints; the same command with --resume goes on from there",
                    r->done, job->config->steps, job->directory);
}

static orr_status loop(struct run *r, struct orr_error *err)
{
    const struct orr_train_config *c = r->job->config;
    uint64_t first_run = r->done; /* since the last report */
    r->started = r->last_report = now();
    if (r->done == 0) ORR_TRY(evaluate(r, err));
    while (r->done < c->steps) {
        const uint64_t first = r->done;
        ORR_TRY(run_steps(r, next_end(r), err));
        ORR_TRY(read_losses(r, first, err));
        const bool stopped = stop_wanted(r) && r->done < c->steps, ended = r->done == c->steps;
        if (r->done > r->reported && (r->done % log_every(r) == 0 || ended)) {
            ORR_TRY(report(r, first_run, err));
            first_run = r->done;
        }
        if (r->done > first) ORR_TRY(evaluate(r, err));
        const bool kept = c->keep_evaluated && is_evaluated(r);
        const bool due = kept || (c->checkpoint_every && r->done % c->checkpoint_every == 0);
        if (r->done > r->good.step && (due || stopped || ended)) ORR_TRY(save(r, err));
        if (stopped) return cancelled(r, err);
    }
    return ORR_OK;
}

/* ---- result ---- */

static orr_status take_result(struct run *r, struct orr_train_result *result, struct orr_error *err)
{
    const size_t n = r->good.elements;
    float *trained = orr_train_floats(r->good.parameters, n);
    if (!trained) return orr_memory_out(err, "trained parameters", n * sizeof *trained);
    uint64_t last = r->done / 10;
    if (last > 100) last = 100;
    if (last < 1) last = 1;
    *result = (struct orr_train_result){.parameters = r->parameters,
                                        .initial = r->initial,
                                        .trained = trained,
                                        .steps = r->done,
                                        .loss = r->loss,
                                        .final_loss = r->done ? mean_loss(r, r->done - last, r->done) : (double)NAN,
                                        .seconds = r->seconds};
    r->parameters = (struct orr_parameters){.item = NULL};
    r->initial = NULL;
    r->loss = NULL;
    return ORR_OK;
}

static void run_fini(struct run *r)
{
    orr_fresh_destroy(r->fresh);
    orr_exec_destroy(r->exec);
    orr_step_fini(&r->step);
    orr_train_state_fini(&r->good);
    orr_parameters_fini(&r->parameters);
    orr_memory_free(r->initial);
    orr_memory_free(r->loss);
    orr_memory_free(r->ring);
    if (r->metrics >= 0) close(r->metrics);
    if (r->evaluations >= 0) close(r->evaluations);
    orr_file_unlock(r->lock);
}

orr_status orr_train_run(const struct orr_train_job *job, struct orr_train_result *result, struct orr_error *err)
{
    *result = (struct orr_train_result){.trained = NULL};
    struct run r = {.job = job, .metrics = -1, .evaluations = -1};
    orr_status status = set_up(&r, err);
    if (status == ORR_OK) status = loop(&r, err);
    if (status == ORR_OK || status == ORR_ECANCELLED) {
        const orr_status taken = take_result(&r, result, err);
        if (taken != ORR_OK) status = taken;
    }
    run_fini(&r);
    return status;
}

void orr_train_result_fini(struct orr_train_result *result)
{
    orr_parameters_fini(&result->parameters);
    orr_memory_free(result->initial);
    orr_memory_free(result->trained);
    orr_memory_free(result->loss);
    *result = (struct orr_train_result){.trained = NULL};
}
