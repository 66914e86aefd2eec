/* Calls that a product can do for others, before its result leaves the registers. */
#ifndef CPU_FUSE_H
#define CPU_FUSE_H

#include "item.h"

/* Unite items where the kernel of a product takes over what follows it: *n items become fewer, in a valid order.
 * Decided from operations, places and uses. */
void cpu_fuse(const struct cpu_kernels *kernels, struct cpu_item *item, size_t *n);

#endif
