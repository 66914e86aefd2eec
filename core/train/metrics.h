/* metrics.jsonl and evaluations.jsonl: a line of JSON for each log_every steps and each evaluation, safe to append to
 * after a kill. */
#ifndef ORR_TRAIN_METRICS_H
#define ORR_TRAIN_METRICS_H

#include "train/evaluation.h"

extern const char orr_metrics_name[], orr_evaluations_name[];

/* Open directory/name for a run that goes on from `step` steps done: lines beyond it, and a last line that was not
 * completed, are cut away first; so is, with a warning, a line that no run wrote. *file is a descriptor to be closed by
 * the caller. EIO. */
ORR_CHECKED orr_status orr_metrics_open(const char *directory, const char *name, uint64_t step, int *file,
                                        struct orr_error *err);

struct orr_metrics_line {
    uint64_t step;          /* done */
    double loss, last_loss; /* mean since the line before; of the last step */
    double learning_rate;   /* of the last step */
    double tokens_per_second, seconds;
};

/* Write one line, {"step":100,"loss":0.1,"last_loss":0.09,"learning_rate":0.001,"tokens_per_second":1e5,"seconds":1.2},
 * in one piece, in any locale. EIO. */
ORR_CHECKED orr_status orr_metrics_write(int file, const struct orr_metrics_line *line, struct orr_error *err);

/* Write one line of evaluations.jsonl, {"step":100,"learning_rate_sum":0.1,"train_loss":0.09,"held_out_loss":0.11}, and
 * bring it to the disk. learning_rate_sum: over the steps done. EIO. */
ORR_CHECKED orr_status orr_metrics_write_evaluation(int file, uint64_t step, double learning_rate_sum,
                                                    const struct orr_evaluated *found, struct orr_error *err);

/* Bring what was written to the disk. EIO. */
ORR_CHECKED orr_status orr_metrics_sync(int file, const char *name, struct orr_error *err);

#endif
