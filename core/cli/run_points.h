/* The points of a sweep, several at a time, each in a process of its own. */
#ifndef ORR_CLI_RUN_POINTS_H
#define ORR_CLI_RUN_POINTS_H

#include "cli/progress.h"
#include "cli/verbs.h"

/* How many points at a time: --jobs; else of a device that is the processor as many as its threads leave room for, of
 * any other one. `cpu`: it is the processor. Lets every point use its share of the processors, unless the user said how
 * many threads. EINVAL: --jobs is no number from 1. */
ORR_CHECKED orr_status orr_jobs_wanted(const struct orr_command *command, bool cpu, size_t n_points, size_t *jobs,
                                       struct orr_error *err);

struct orr_points_end {
    size_t failed;
    int exit_code;              /* of the first that failed; -1: a signal ended it */
    char first[ORR_POINT_NAME]; /* its name */
};

/* Run every point of a claimed sweep that is not done. A point that fails is logged with its reason and the path of its
 * log, and the others go on. ECANCELLED when the user stopped it: every point was told to save itself and has ended.
 * When it returns, no process of it is left. */
ORR_CHECKED orr_status orr_run_points(const struct orr_command *command, const struct orr_run_job *job,
                                      struct orr_run *run, size_t jobs, struct orr_progress *progress,
                                      struct orr_points_end *end, struct orr_error *err);

#endif
