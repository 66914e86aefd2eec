/* The directory of a run: is it free, is it the same run, and where its parts lie. */
#ifndef ORR_STUDY_DIRECTORY_H
#define ORR_STUDY_DIRECTORY_H

#include "io/lock.h"

/* Make the directory of a whole run and lock it: before anything in it is looked at, until the last write. On success
 * *lock is the caller's (orr_file_unlock). EINVAL: a file of that name, or another process holds the lock; EIO. */
ORR_CHECKED orr_status orr_directory_open(const char *path, struct orr_file_lock **lock, struct orr_error *err);

/* Make the directory ready for the run whose resolved recipe is `recipe`, and write recipe.yaml into it; the run's lock
 * is held. A directory that holds a run is refused without resume. With resume its recipe must train the same (probes,
 * scores, claims and the report may be others), or the first key that differs is named; temporary files that a killed
 * process left are removed. EINVAL, EIO. */
ORR_CHECKED orr_status orr_directory_claim(const char *path, const char *recipe, bool resume, struct orr_error *err);

#endif
