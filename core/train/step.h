/* One training step as a static graph: batch, noise, forward, loss, backward, update, all on the device. */
#ifndef ORR_TRAIN_STEP_H
#define ORR_TRAIN_STEP_H

#include "train/train.h"

/* Random streams of a run's seed. Initial values use 1000 and up (model/parameters.h). Windows of fresh trajectories
 * are drawn by the stream of windows too. */
enum orr_stream { ORR_STREAM_WINDOWS = 1, ORR_STREAM_NOISE = 2 };

/* Its two programs, in order. */
enum { ORR_STEP_GRADIENTS = 0, ORR_STEP_UPDATE = 1 };

struct orr_step {
    struct orr_graph *graph; /* owned */
    int64_t batch;           /* windows a step */
    /* Inputs, to be filled once; data and starts of fresh trajectories as train/fresh.h does it. */
    orr_handle data;     /* real or, of tokens, i32 (rows, n_observed): trajectories one after another */
    orr_handle starts;   /* i32 (windows); fresh: (chunk, batch) */
    orr_handle offset;   /* fresh: i32 (1), minus the step that the first row of starts is for; else ORR_NONE */
    orr_handle schedule; /* real (steps, 4), see orr_schedule_rows */
    int64_t chunk;       /* fresh: steps whose trajectories are on the device at a time; else 0 */
    /* Carried state. step counts itself up; ring row (step mod ring_rows) gets the loss of that step. */
    orr_handle step;                            /* i32 (1) */
    orr_handle parameters, gradient;            /* real (elements) */
    orr_handle state[ORR_OPTIMISER_BLOCKS_MAX]; /* of the optimiser: real (elements) */
    uint32_t n_state;
    orr_handle ring; /* real (ring_rows) */
    int64_t ring_rows;
    /* Scratch, readable where everything is kept: what the model sees, predicts and should have. */
    orr_handle window;                    /* i32 (batch): rows at which the windows of the batch begin */
    orr_handle input, target, prediction; /* (batch, time, n_observed) */
    orr_handle loss;                      /* real, one element */
};

/* Build the step of a job whose parameters are arranged. The gradient block is complete between the two programs.
 * ring_rows: losses kept before they are overwritten. On success orr_step_fini releases *out. */
ORR_CHECKED orr_status orr_step_build(const struct orr_train_job *job, const struct orr_parameters *p,
                                      uint64_t ring_rows, struct orr_step *out, struct orr_error *err);
void orr_step_fini(struct orr_step *step);

/* Fill the inputs of an executable made from the graph, but for fresh trajectories. State is left as it is. */
ORR_CHECKED orr_status orr_step_upload(const struct orr_train_job *job, const struct orr_step *step,
                                       struct orr_exec *exec, struct orr_error *err);

/* Write `rows` observed points (rows, n_observed), or the tokens they are, as the step's data; they must fill it. */
ORR_CHECKED orr_status orr_step_write_points(const struct orr_train_job *job, const struct orr_step *step,
                                             struct orr_exec *exec, const float *points, size_t rows,
                                             struct orr_error *err);

#endif
