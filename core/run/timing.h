/* How long work takes on a device: medians of repetitions that are long enough to be timed. */
#ifndef ORR_RUN_TIMING_H
#define ORR_RUN_TIMING_H

#include "run/device.h"

struct orr_timing_plan {
    uint32_t repeats; /* at least 1 */
    double seconds;   /* that one repetition should last */
    uint64_t most;    /* units of work in one repetition */
};

struct orr_timing {
    double least, median, most; /* seconds of one unit of work */
    uint64_t units;             /* in one repetition */
    uint32_t repeats;
};

/* Does n units of work and waits for them. */
typedef orr_status (*orr_timed_work)(void *context, uint64_t n, struct orr_error *err);

/* One unit that is not timed, one that tells how many make a repetition, then the repetitions: at most
 * 2 + repeats * plan->most units in all. Returns what work returns. */
ORR_CHECKED orr_status orr_time_work(orr_timed_work work, void *context, const struct orr_timing_plan *plan,
                                     struct orr_timing *out, struct orr_error *err);

/* Time one call, as planned: its tensors get buffers of their own, of numbers between 0.5 and 1.5 and of indices in
 * range. counters, which may be NULL: what the device did in one call, all 0 where it does not count. ENOMEM,
 * EUNSUPPORTED, or the device's own failures. */
ORR_CHECKED orr_status orr_time_call(struct orr_open_device *device, const struct orr_call *call,
                                     const struct orr_timing_plan *plan, struct orr_timing *out,
                                     struct orr_counters *counters, struct orr_error *err);

#endif
