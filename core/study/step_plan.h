/* The plan of a training step, made without allocating anything on the device: what it needs, and whether it fits. */
#ifndef ORR_STUDY_STEP_PLAN_H
#define ORR_STUDY_STEP_PLAN_H

#include "plan/plan.h"
#include "train/step.h"

struct orr_step_plan {
    struct orr_parameters parameters;
    struct orr_step step;
    struct orr_plan *plan;
};

/* Lay out the parameters, build the step, plan it for the job's device. ENOMEM says what is needed and what there is;
 * EUNSUPPORTED what the device lacks. *out is the caller's to release, also on failure. */
ORR_CHECKED orr_status orr_step_plan_init(struct orr_step_plan *out, const struct orr_train_job *job,
                                          struct orr_error *err);
/* Free what init made. */
void orr_step_plan_fini(struct orr_step_plan *plan);

#endif
