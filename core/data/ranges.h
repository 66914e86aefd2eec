/* A range of independent items, cut into contiguous parts that threads work on at once. */
#ifndef ORR_DATA_RANGES_H
#define ORR_DATA_RANGES_H

#include "base/error.h"

/* Do items first .. first+count-1. Called from several threads, each with a part of its own. */
typedef orr_status (*orr_ranges_visit)(void *context, uint64_t first, uint64_t count, struct orr_error *err);

/* Visit 0 .. total-1 in at most `threads` parts (0: one for each processor that this process may use), one thread a
 * part, the caller's among them. Returns when all are done; the error is that of the lowest part that failed, so it
 * does not depend on timing. Where no thread can be had, the caller does its part. */
ORR_CHECKED orr_status orr_ranges_run(uint64_t total, uint32_t threads, orr_ranges_visit visit, void *context,
                                      struct orr_error *err);

#endif
