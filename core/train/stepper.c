/* A training step to be measured: the pieces of training, put together without what surrounds its steps.
 *
 * In: a job. Out: its step on the device, run as often as asked. */
#include "train/stepper.h"

#include "base/memory.h"
#include "train/fresh.h"
#include "train/state.h"

#include <inttypes.h>

static orr_status write_initial(struct orr_stepper *s, struct orr_error *err)
{
    struct orr_train_state state;
    const size_t n = (size_t)s->parameters.elements;
    ORR_TRY(orr_train_state_init(&state, &s->config.optimiser, n, err));
    float *initial = orr_memory_array(n, sizeof *initial);
    orr_status status = initial ? ORR_OK : orr_memory_out(err, "initial parameters", n * sizeof *initial);
    if (status == ORR_OK) {
        orr_parameters_initialise(&s->parameters, s->config.seed, initial);
        for (size_t i = 0; i < n; ++i)
            state.parameters[i] = (double)initial[i];
        status = orr_train_state_write(&state, &s->step, s->exec, err);
    }
    orr_memory_free(initial);
    orr_train_state_fini(&state);
    return status;
}

static orr_status set_up(struct orr_stepper *s, struct orr_error *err)
{
    const struct orr_train_config *c = &s->config;
    const uint64_t ring_rows = c->log_every && c->log_every < c->steps ? c->log_every : c->steps;
    ORR_TRY(orr_model_parameters(s->job.model, &s->parameters, err));
    ORR_TRY(orr_parameters_arrange(&s->parameters, c->decay_patterns, c->n_decay_patterns, err));
    ORR_TRY(orr_step_build(&s->job, &s->parameters, ring_rows, &s->step, err));
    ORR_TRY(orr_exec_create(s->step.graph, s->job.device, NULL, &s->exec, err));
    ORR_TRY(orr_step_upload(&s->job, &s->step, s->exec, err));
    ORR_TRY(orr_fresh_create(&s->job, &s->step, &s->fresh, err));
    return write_initial(s, err);
}

orr_status orr_stepper_create(const struct orr_train_job *job, uint64_t most, struct orr_stepper **out,
                              struct orr_error *err)
{
    *out = NULL;
    struct orr_stepper *s = orr_memory_array(1, sizeof *s);
    if (!s) return orr_memory_out(err, "a training step", sizeof *s);
    s->config = *job->config;
    s->config.steps = most;
    s->job = *job;
    s->job.config = &s->config;
    s->most = most;
    const orr_status status = set_up(s, err);
    if (status != ORR_OK) {
        orr_stepper_destroy(s);
        return status;
    }
    *out = s;
    return ORR_OK;
}

void orr_stepper_destroy(struct orr_stepper *s)
{
    if (!s) return;
    orr_fresh_destroy(s->fresh);
    orr_exec_destroy(s->exec);
    orr_step_fini(&s->step);
    orr_parameters_fini(&s->parameters);
    orr_memory_free(s);
}

orr_status orr_stepper_run(struct orr_stepper *s, uint64_t n, struct orr_error *err)
{
    if (n > s->most - s->done)
        return orr_fail(err, ORR_EINVAL, "%" PRIu64 " steps more than the %" PRIu64 " of %" PRIu64 " done", n, s->done,
                        s->most);
    for (; n; --n, ++s->done) {
        if (s->job.stop && *s->job.stop) return orr_fail(err, ORR_ECANCELLED, "stopped");
        ORR_TRY(orr_fresh_provide(s->fresh, s->done, s->exec, err));
        ORR_TRY(orr_exec_run(s->exec, err));
    }
    return orr_exec_finish(s->exec, err);
}
