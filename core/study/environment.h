/* env.json: on what, with what and by which command a run was made. */
#ifndef ORR_STUDY_ENVIRONMENT_H
#define ORR_STUDY_ENVIRONMENT_H

#include "study/run.h"

/* Write env.json into the run's directory. seconds: of the whole session, negative while it goes on. */
ORR_CHECKED orr_status orr_environment_write(const struct orr_run_job *job, const struct orr_run *run, double seconds,
                                             struct orr_error *err);

#endif
