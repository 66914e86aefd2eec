/* Progress on stderr: one line that renews itself on a terminal, JSON lines otherwise, nothing when quiet. */
#ifndef ORR_CLI_PROGRESS_H
#define ORR_CLI_PROGRESS_H

#include "study/run.h"

struct orr_progress {
    bool quiet, terminal;
    size_t point, n_points, width; /* width of what stands on the line now */
    char name[ORR_POINT_NAME];
};

/* Nothing is written yet. */
void orr_progress_init(struct orr_progress *progress, bool quiet);
/* Callbacks for struct orr_run_watcher, with the progress as context. */
void orr_progress_notice(void *context, size_t i, size_t n, const char *point, const char *what);
void orr_progress_step(void *context, const struct orr_train_progress *step);
/* Clear the line, so that other text can follow. */
void orr_progress_clear(struct orr_progress *progress);

#endif
