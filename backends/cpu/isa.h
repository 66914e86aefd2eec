/* Which instruction set the kernels are in: of those that were built, the best that processor and operating system
 * have, unless the environment variable ORRERY_CPU_ISA names one.
 */
#ifndef CPU_ISA_H
#define CPU_ISA_H

#include "cpu.h"

/* The k-th of the sets that were built and can run here, best first; NULL after the last. There is always one. Static
 * data. Any thread. */
const struct cpu_kernels *cpu_usable_kernels(size_t k);

/* The set to use. Static data; NULL and *err when ORRERY_CPU_ISA names none that can be had here. Any thread, while
 * none changes the environment. */
const struct cpu_kernels *cpu_choose_kernels(struct orr_error *err);

#endif
