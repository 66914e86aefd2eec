/* Where a number that is not finite came from.
 *
 * In: a step's graph and the last finite state. The same bits are computed again, one program at a time, with every
 * value in memory of its own; the first one that is not finite is named. Stopping between the programs lets it be seen
 * before the update overwrites parameters.
 */
#include "train/fault.h"

#include "base/log.h"
#include "train/fresh.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static orr_status failed(const struct orr_fault *f, uint64_t step, const char *first, struct orr_error *err)
{
    const struct orr_train_config *c = f->job->config;
    char good[48] = "The initial state";
    if (f->good->step > 0) snprintf(good, sizeof good, "The state after %" PRIu64 " steps", f->good->step);
    return orr_fail(err, ORR_ENUMERIC,
                    "%s is not finite in step %" PRIu64 " of %" PRIu64
                    "; the first value that is not: %s. %s is good. Try a lower train.learning_rate (now %g), a larger "
                    "batch, or a warm-up",
                    f->what, step + 1, c->steps, first, good, c->schedule.learning_rate);
}

/* Run the program that ends with a loss and gradients; *sound: they are finite. */
static orr_status replay_gradients(const struct orr_fault *f, struct orr_exec *exec, struct orr_train_state *scratch,
                                   bool *sound, struct orr_error *err)
{
    double loss;
    ORR_TRY(orr_exec_run_program(exec, ORR_STEP_GRADIENTS, err));
    ORR_TRY(orr_exec_read_real(exec, f->step->loss, &loss, 1, err));
    ORR_TRY(orr_exec_read_real(exec, f->step->gradient, scratch->parameters, scratch->elements, err));
    *sound = isfinite(loss) && !orr_train_state_not_finite(scratch);
    return ORR_OK;
}

/* Run the program that ends with new parameters and moments; *sound: they are finite. */
static orr_status replay_update(const struct orr_fault *f, struct orr_exec *exec, struct orr_train_state *scratch,
                                bool *sound, struct orr_error *err)
{
    ORR_TRY(orr_exec_run_program(exec, ORR_STEP_UPDATE, err));
    ORR_TRY(orr_train_state_read(scratch, f->step, exec, err));
    *sound = !orr_train_state_not_finite(scratch);
    return ORR_OK;
}

/* One step after another until one is not sound; text names its first value, *at its number, or text stays empty. */
static orr_status replay(const struct orr_fault *f, struct orr_exec *exec, struct orr_fresh *fresh,
                         struct orr_train_state *scratch, uint64_t *at, char *text, size_t size, struct orr_error *err)
{
    orr_handle found;
    bool sound = true;
    ORR_TRY(orr_step_upload(f->job, f->step, exec, err));
    ORR_TRY(orr_train_state_write(f->good, f->step, exec, err));
    for (uint64_t step = f->good->step; step < f->last && sound; ++step) {
        *at = step;
        ORR_TRY(orr_fresh_provide(fresh, step, exec, err));
        ORR_TRY(replay_gradients(f, exec, scratch, &sound, err));
        if (sound) ORR_TRY(replay_update(f, exec, scratch, &sound, err));
        if (f->job->stop && *f->job->stop) return orr_fail(err, ORR_ECANCELLED, "the replay was stopped");
    }
    return sound ? ORR_OK : orr_exec_find_not_finite(exec, &found, text, size, err);
}

orr_status orr_fault_explain(const struct orr_fault *f, struct orr_error *err)
{
    orr_log(ORR_LOG_WARN, "train", "%s is not finite: replaying from step %" PRIu64 " to find out why", f->what,
            f->good->step);
    const struct orr_exec_options options = {.keep_all = true};
    struct orr_exec *exec = NULL;
    struct orr_fresh *fresh = NULL;
    struct orr_train_state scratch;
    struct orr_error reason = {.code = ORR_OK};
    char text[200] = "";
    uint64_t at = f->last - 1;
    orr_status status = orr_train_state_init(&scratch, &f->job->config->optimiser, f->good->elements, &reason);
    if (status == ORR_OK) status = orr_exec_create(f->step->graph, f->job->device, &options, &exec, &reason);
    if (status == ORR_OK) status = orr_fresh_create(f->job, f->step, &fresh, &reason);
    if (status == ORR_OK) status = replay(f, exec, fresh, &scratch, &at, text, sizeof text, &reason);
    orr_fresh_destroy(fresh);
    orr_exec_destroy(exec);
    orr_train_state_fini(&scratch);
    if (status != ORR_OK) snprintf(text, sizeof text, "unknown (%.180s)", reason.text);
    if (!text[0]) snprintf(text, sizeof text, "none when replayed: the device does not repeat its results");
    return failed(f, at, text, err);
}
