/* The threads of a device: they sleep until there is work, all do it, and meet at barriers on the way.
 *
 * One of them is the thread that uses the device. Nothing here knows what the work is.
 */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include "cpu.h"

struct cpu_pool;

/* The number of threads that is meant by the parameter `threads`: 0 takes OMP_NUM_THREADS, else the processors that
 * this process may use. At least 1. */
uint32_t cpu_pool_wanted(int64_t threads);

/* `threads` >= 1 of them, the caller's own among them. The caller closes *out. ENOMEM, EDEVICE: none could be made. */
ORR_CHECKED orr_status cpu_pool_open(uint32_t threads, struct cpu_pool **out, struct orr_error *err);
/* With no work under way. NULL is allowed. */
void cpu_pool_close(struct cpu_pool *pool);
uint32_t cpu_pool_threads(const struct cpu_pool *pool);

/* Have every thread call work(context, its number from 0), and wait until all have returned. The caller is number 0. */
void cpu_pool_run(struct cpu_pool *pool, void (*work)(void *context, uint32_t thread), void *context);
/* Inside of work: go on when all threads have come here; what each did before is then seen by all. */
void cpu_pool_meet(struct cpu_pool *pool);

#endif
