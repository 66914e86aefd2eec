/* The directory of a run: is it free, is it the same run, and where its parts lie. */
#ifndef ORR_STUDY_DIRECTORY_H
#define ORR_STUDY_DIRECTORY_H

#include "base/error.h"

/* Make the directory ready for the run whose resolved recipe is `recipe`, and write recipe.yaml into it. A directory
 * that holds a run is refused without resume; with resume its recipe must be the same, or the first key that differs is
 * named. EINVAL, EIO. */
ORR_CHECKED orr_status orr_directory_claim(const char *path, const char *recipe, bool resume, struct orr_error *err);

#endif
