/* env.json: on what, with what and by which command a run was made. */
#ifndef ORR_STUDY_ENVIRONMENT_H
#define ORR_STUDY_ENVIRONMENT_H

#include "study/run.h"

/* Append this session to env.json in the run's directory; on resume, after the sessions before it. EFORMAT: what is
 * there is no such file. */
ORR_CHECKED orr_status orr_environment_begin(const struct orr_run_job *job, const struct orr_run *run,
                                             struct orr_error *err);
/* Complete it by the points that this session ran, and by its seconds. */
ORR_CHECKED orr_status orr_environment_end(const struct orr_run_job *job, const struct orr_run *run, double seconds,
                                           struct orr_error *err);

#endif
