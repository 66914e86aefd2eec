/* What a device can do at best, as far as it can be found out: by its own products and sums, and on a processor by
 * loops of the host's. */
#ifndef ORR_CLI_BENCH_LIMITS_H
#define ORR_CLI_BENCH_LIMITS_H

#include "cli/bench_calls.h"

struct orr_bench_limits {
    /* A backend runs operations, not loops of our making: its limits are the best that any product, and any copy or sum
     * of arrays beyond every cache, of this run came to. */
    double flops, bytes;            /* a second */
    char product[96], movement[96]; /* which ones those were */
    double host_flops, host_bytes;  /* a second, all threads; 0 where the device is no processor */
    uint32_t host_threads;
    const char *host_instructions;
};

/* Measure. ENOMEM, or the device's own failures. */
ORR_CHECKED orr_status orr_bench_limits_measure(struct orr_open_device *device, uint32_t repeats,
                                                struct orr_bench_limits *out, struct orr_error *err);
/* A call of the run that was faster than the limits is the limit. */
void orr_bench_limits_raise(struct orr_bench_limits *limits, const struct orr_bench_calls *calls);

#endif
