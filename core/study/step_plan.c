/* Planning a training step. */
#include "study/step_plan.h"

orr_status orr_step_plan_init(struct orr_step_plan *out, const struct orr_train_job *job, struct orr_error *err)
{
    const struct orr_train_config *c = job->config;
    struct orr_plan_target target;
    *out = (struct orr_step_plan){.plan = NULL};
    ORR_TRY(orr_model_parameters(job->model, &out->parameters, err));
    ORR_TRY(orr_parameters_arrange(&out->parameters, c->decay_patterns, c->n_decay_patterns, err));
    const uint64_t ring_rows = c->log_every && c->log_every < c->steps ? c->log_every : c->steps;
    ORR_TRY(orr_step_build(job, &out->parameters, ring_rows, &out->step, err));
    orr_exec_target(job->device, false, &target);
    return orr_plan_create(out->step.graph, &target, &out->plan, err);
}

void orr_step_plan_fini(struct orr_step_plan *plan)
{
    orr_plan_destroy(plan->plan);
    orr_step_fini(&plan->step);
    orr_parameters_fini(&plan->parameters);
}
