/* How many threads the program may use. */
#ifndef ORR_BASE_THREADS_H
#define ORR_BASE_THREADS_H

#include "base/error.h"

enum { ORR_THREADS_MAX = 1024 };

/* Processors that this process may run on, at least 1. Any thread. */
uint32_t orr_threads_processors(void);

/* Threads that the user wants: OMP_NUM_THREADS where it is a number from 1 to ORR_THREADS_MAX (of a list with commas
 * the first), else one for each processor. Backends read the same variable. Any thread. */
uint32_t orr_threads_wanted(void);

/* Let text, a number of threads, be what everything in this process and its children uses. Before any thread is
 * made. EINVAL: not a number from 1 to ORR_THREADS_MAX. */
ORR_CHECKED orr_status orr_threads_set(const char *text, struct orr_error *err);

#endif
