/* Training: one static graph a step, run as often as asked, logged, saved and resumable to the bit.
 *
 * A step picks windows (random_int, gather), adds context noise (random_normal), runs forward, loss, backward and an
 * optimiser, and writes the loss into a ring, all on the device. The host reads back only when it logs.
 */
#ifndef ORR_TRAIN_TRAIN_H
#define ORR_TRAIN_TRAIN_H

#include "data/dataset.h"
#include "graph/build.h"
#include "model/model.h"
#include "run/exec.h"
#include "train/evaluation.h"
#include "train/optimiser.h"
#include "train/schedule.h"

#include <signal.h>

struct orr_train_config {
    uint64_t seed;
    uint64_t steps;
    uint32_t batch;               /* windows a step, drawn at random */
    bool full_batch;              /* instead: every window of the training split once, in order */
    bool fresh;                   /* instead: one window of each of `batch` trajectories that no other step meets */
    double noise;                 /* standard deviation added to each input coordinate */
    struct orr_schedule schedule; /* learning rate by step */
    struct orr_optimiser optimiser;
    const char *const *decay_patterns; /* parameters that weight_decay applies to, as shell patterns */
    size_t n_decay_patterns;
    uint64_t log_every, checkpoint_every; /* steps; 0: only at the end */
    struct orr_evaluation_plan evaluation;
    bool keep_evaluated; /* checkpoints of these steps are written and stay */
};

/* Called when first+count is a multiple of log_every, and at the end: losses of steps first .. first+count-1. */
struct orr_train_progress {
    uint64_t first, count, total;
    const double *loss;       /* (count) */
    double tokens_per_second; /* since the last call */
    double seconds;           /* of stepping, since the start or the resume */
    double seconds_left;      /* at the mean speed so far */
};
typedef void (*orr_train_watch)(void *context, const struct orr_train_progress *progress);

/* Called at the steps of config->evaluation, with the parameters after `step` steps: find the losses of both splits. It
 * has no bearing on training. A failure ends the run. */
typedef orr_status (*orr_train_evaluate)(void *context, uint64_t step, const float *parameters,
                                         struct orr_evaluated *out, struct orr_error *err);

struct orr_train_job {
    struct orr_open_device *device;
    const struct orr_dataset *data;
    const struct orr_windows *windows; /* of the training split */
    const struct orr_model *model;
    const struct orr_train_config *config;
    const char *directory;             /* run directory for metrics.jsonl and checkpoints/; NULL: keep nothing */
    const char *recipe_hash;           /* recorded in checkpoints; a resume with another is refused. NULL: "" */
    bool resume;                       /* go on from the newest good checkpoint in directory, if there is one */
    uint32_t real;                     /* ORR_F32 (default when 0) or ORR_F64 */
    const volatile sig_atomic_t *stop; /* set by a signal handler: save and return ORR_ECANCELLED; NULL: never */
    orr_train_watch watch;             /* may be NULL */
    void *watch_context;
    orr_train_evaluate evaluate; /* NULL: nothing is evaluated */
    void *evaluate_context;
};

/* Windows a step. */
int64_t orr_train_batch(const struct orr_train_job *job);

struct orr_train_result {
    struct orr_parameters parameters; /* layout of the blocks below */
    float *initial, *trained;         /* parameter blocks */
    uint64_t steps;                   /* done */
    double *loss;                     /* of every step done */
    double final_loss;                /* mean of the last tenth of the steps, at most 100 */
    double seconds;                   /* of stepping in this call, without set-up */
};

/* Train. On ORR_OK and ORR_ECANCELLED the caller owns *result (orr_train_result_fini); otherwise it is zeroed. A
 * killed or stopped run that is resumed ends with the bits it would have had; resuming a finished one only reads it.
 *
 * In directory: metrics.jsonl, a line each log_every steps; evaluations.jsonl, a line each evaluation;
 * checkpoints/step-<steps done>.safetensors each checkpoint_every steps, at the end and when stopped, of which the last
 * two (and the final one) are kept, and with keep_evaluated those of the evaluations.
 *
 * Errors: EINVAL for a configuration that does not fit, a directory that another process trains in, one with
 * checkpoints or metrics when resume is not set, or checkpoints of another run; ECANCELLED when stopped, the text says
 * how to go on; EIO when a file cannot be written, the last good checkpoint survives; ENUMERIC when a loss, parameter
 * or moment is not finite: the last good state is replayed (same bits) with every value kept, and the text names the
 * first value that is not finite. */
ORR_CHECKED orr_status orr_train_run(const struct orr_train_job *job, struct orr_train_result *result,
                                     struct orr_error *err);
void orr_train_result_fini(struct orr_train_result *result); /* zeroed is fine */

#endif
