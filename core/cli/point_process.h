/* One point of a sweep in a process of its own: this program again, with `run` of that point alone.
 *
 * A backend that crashes or leaks takes one point with it and not the sweep. What the process writes goes to log.txt in
 * the directory of the point; its progress is read from there. It ends with the parent, however that ends.
 */
#ifndef ORR_CLI_POINT_PROCESS_H
#define ORR_CLI_POINT_PROCESS_H

#include "base/error.h"

#include <sys/types.h>

struct orr_point_process {
    pid_t pid;             /* 0: none */
    size_t point;          /* whose it is: the owner's */
    char *log;             /* path of log.txt */
    off_t began;           /* its bytes of earlier sessions */
    off_t read;            /* its bytes that were looked at */
    uint64_t first, steps; /* steps done before this session, and so far */
};

/* Start word[0] .. word[n-1] (a command line, word[0] only its name) for the point in directory. On success the caller
 * gives the process to orr_point_process_end once it has ended. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_point_process_start(struct orr_point_process *process, const char *directory,
                                               const char *const *word, size_t n, struct orr_error *err);
/* Look for steps in what was logged since the last call. */
void orr_point_process_follow(struct orr_point_process *process);
/* True when the process has ended; then *status is that of waitpid. */
bool orr_point_process_ended(struct orr_point_process *process, int *status);
/* Why a process that ended with this status failed, in one line: its own error, or the signal that ended it. */
void orr_point_process_explain(const struct orr_point_process *process, int status, char *text, size_t size);
/* Forget it; if it still runs, it is killed and waited for. A zeroed one is fine. */
void orr_point_process_end(struct orr_point_process *process);

#endif
