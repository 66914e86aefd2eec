/* What the host's processors can do at best: multiply-adds on registers, and a triad on arrays beyond every cache. */
#ifndef ORR_CLI_HOST_LIMITS_H
#define ORR_CLI_HOST_LIMITS_H

#include "base/error.h"

/* Best of `repeats`, on as many threads as the process may have processors. flops and bytes: a second, of all threads
 * together; bytes as the program sees them (two reads and a write an element; what a cache reads before it writes is
 * not counted). instructions: "avx512f", "avx2" or the compiler's default. ENOMEM, or EIO where a thread cannot be had.
 */
ORR_CHECKED orr_status orr_host_limits(uint32_t repeats, double *flops, double *bytes, uint32_t *threads,
                                       const char **instructions, struct orr_error *err);

#endif
