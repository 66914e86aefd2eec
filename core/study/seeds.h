/* The argument of --seeds: whole numbers and ranges of them, such as 1,2,100..109. */
#ifndef ORR_STUDY_SEEDS_H
#define ORR_STUDY_SEEDS_H

#include "base/error.h"

/* As many seeds as a list may name. */
enum { ORR_SEEDS_MAX = 100000 };

/* Write every range out: "1,100..102" becomes "1,100,101,102". *list is the caller's (orr_memory_free). EINVAL: not
 * whole numbers from 0, a range that runs backwards, or too many. */
ORR_CHECKED orr_status orr_seeds_list(const char *text, char **list, struct orr_error *err);

#endif
