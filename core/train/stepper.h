/* A training step that is ready to be run as often as asked, without losses read, logs or checkpoints: for measuring.
 */
#ifndef ORR_TRAIN_STEPPER_H
#define ORR_TRAIN_STEPPER_H

#include "train/step.h"

struct orr_stepper {
    struct orr_train_config config; /* the job's, for `most` steps */
    struct orr_train_job job;
    struct orr_parameters parameters;
    struct orr_step step;
    struct orr_exec *exec;
    struct orr_fresh *fresh;
    uint64_t done, most;
};

/* Everything up to the first step of a job, with its initial parameters, for at most `most` steps. job's device, data,
 * windows, model and stop must outlive it; directory and callbacks are not looked at. The caller destroys *out. One
 * thread at a time. Errors as of orr_step_build and orr_exec_create. */
ORR_CHECKED orr_status orr_stepper_create(const struct orr_train_job *job, uint64_t most, struct orr_stepper **out,
                                          struct orr_error *err);
void orr_stepper_destroy(struct orr_stepper *stepper); /* NULL is fine */

/* Run n more steps and wait for the device. EINVAL: more than `most` in all. ECANCELLED: job->stop is set. */
ORR_CHECKED orr_status orr_stepper_run(struct orr_stepper *stepper, uint64_t n, struct orr_error *err);

#endif
