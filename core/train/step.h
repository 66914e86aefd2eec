/* One training step as a static graph: batch, noise, forward, loss, backward, update, all on the device. */
#ifndef ORR_TRAIN_STEP_H
#define ORR_TRAIN_STEP_H

#include "train/train.h"

/* Random streams of a run's seed. Initial values use 1000 and up (model/parameters.h). */
enum orr_stream { ORR_STREAM_WINDOWS = 1, ORR_STREAM_NOISE = 2 };

/* Its two programs, in order. */
enum { ORR_STEP_GRADIENTS = 0, ORR_STEP_UPDATE = 1 };

struct orr_step {
    struct orr_graph *graph; /* owned */
    /* Inputs, to be filled once. */
    orr_handle data;     /* real (rows, n_observed): training trajectories one after another */
    orr_handle starts;   /* i32 (windows) */
    orr_handle schedule; /* real (steps, 4), see orr_schedule_rows */
    /* Carried state. step counts itself up; ring row (step mod ring_rows) gets the loss of that step. */
    orr_handle step;                                              /* i32 (1) */
    orr_handle parameters, first_moment, second_moment, gradient; /* real (elements) */
    orr_handle ring;                                              /* real (ring_rows) */
    int64_t ring_rows;
    /* Scratch, readable where everything is kept: what the model sees, predicts and should have. */
    orr_handle window;                    /* i32 (batch): rows at which the windows of the batch begin */
    orr_handle input, target, prediction; /* real (batch, time, n_observed) */
    orr_handle loss;                      /* real, one element */
};

/* Build the step of a job whose parameters are arranged. The gradient block is complete between the two programs.
 * ring_rows: losses kept before they are overwritten. On success orr_step_fini releases *out. */
ORR_CHECKED orr_status orr_step_build(const struct orr_train_job *job, const struct orr_parameters *p,
                                      uint64_t ring_rows, struct orr_step *out, struct orr_error *err);
void orr_step_fini(struct orr_step *step);

/* Fill the inputs of an executable made from the graph. State is left as it is. */
ORR_CHECKED orr_status orr_step_upload(const struct orr_train_job *job, const struct orr_step *step,
                                       struct orr_exec *exec, struct orr_error *err);

#endif
