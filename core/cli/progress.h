/* Progress on stderr: one line that renews itself on a terminal, JSON lines otherwise, nothing when quiet.
 *
 * Unless quiet it also writes the log, so that both share the one line, or the one format.
 */
#ifndef ORR_CLI_PROGRESS_H
#define ORR_CLI_PROGRESS_H

#include "study/run.h"

#include <pthread.h>

struct orr_progress {
    pthread_mutex_t mutex; /* the log is written by any thread */
    bool quiet, terminal;
    size_t point, n_points, width; /* width of what stands on the line now */
    char name[ORR_POINT_NAME];
};

/* Nothing is written yet. Unless quiet, progress takes the log until orr_progress_fini, and must not move. */
void orr_progress_init(struct orr_progress *progress, bool quiet);
/* Callbacks for struct orr_run_watcher, with the progress as context. */
void orr_progress_notice(void *context, size_t i, size_t n, const char *point, const char *what);
void orr_progress_step(void *context, const struct orr_train_progress *step);
/* Of a sweep, whose points run in processes of their own: where all of them are, and that one begins or ends. */
struct orr_points_progress {
    size_t points, done, running, failed;
    double steps_per_second, seconds_left; /* of all together; left negative: not known yet */
};
void orr_progress_points(struct orr_progress *progress, const struct orr_points_progress *all);
void orr_progress_point(struct orr_progress *progress, const char *point, const char *what);
/* Clear the line, so that other text can follow, and give the log back. */
void orr_progress_fini(struct orr_progress *progress);

#endif
