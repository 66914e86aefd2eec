/* A few steps on the device's own clock, call by call, as a file for Perfetto (ui.perfetto.dev) or chrome://tracing. */
#ifndef ORR_TRAIN_TRACE_H
#define ORR_TRAIN_TRACE_H

#include "train/stepper.h"

struct orr_trace {
    const struct orr_open_device *device;
    const struct orr_plan *plan;
    size_t n_steps, n_calls;
    uint64_t *begin,
        *wall;      /* (n_steps), nanoseconds of the host's clock since the first began, and until it was done */
    uint64_t *call; /* (n_steps, n_calls), nanoseconds of the device's clock */
    struct orr_counters counters; /* of all the steps */
    bool counted;                 /* false: only bytes are known */
};

/* Run steps of the stepper (after one that is not kept), each waited for. EUNSUPPORTED where the device keeps no time.
 * The stepper must outlive *out. On success the caller releases it. */
ORR_CHECKED orr_status orr_trace_take(struct orr_stepper *stepper, size_t steps, struct orr_trace *out,
                                      struct orr_error *err);
void orr_trace_fini(struct orr_trace *trace); /* zeroed is fine */

/* Write it in the Trace Event Format of Chrome. Two tracks: the host, a slice a step; the device, where slices of
 * calls lie within those of programs, and these within steps. A slice of a call is called by its operation and the name
 * that its result has, a hook point for example. A clock that tells durations only does not tell gaps: calls are laid
 * end to end from where the host began the step. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_trace_write(const struct orr_trace *trace, const char *path, struct orr_error *err);

#endif
