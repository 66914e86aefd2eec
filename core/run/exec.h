/* Run a graph on a device: plan it, allocate once, then execute its programs as often as wanted.
 *
 * Handles are those of the graph as it was built; lowering is invisible here. Nothing is allocated by orr_exec_run.
 */
#ifndef ORR_RUN_EXEC_H
#define ORR_RUN_EXEC_H

#include "graph/graph.h"
#include "plan/plan.h"
#include "run/device.h"

struct orr_exec;

struct orr_exec_options {
    bool keep_all; /* every value in memory of its own, readable after a run: for finding faults */
};

/* What a plan for this device must respect; for planning without running. */
void orr_exec_target(struct orr_open_device *device, bool keep_all, struct orr_plan_target *target);

/* Lower g for the device, plan its memory, allocate and zero it. g may be destroyed afterwards; device must outlive
 * *out. options may be NULL. Errors: ops that the device lacks (all of them named), memory beyond the device's. */
ORR_CHECKED orr_status orr_exec_create(const struct orr_graph *g, struct orr_open_device *device,
                                       const struct orr_exec_options *options, struct orr_exec **out,
                                       struct orr_error *err);
void orr_exec_destroy(struct orr_exec *exec); /* NULL is fine */

/* Copy the whole of kept value v from or to host memory of exactly `bytes`. */
ORR_CHECKED orr_status orr_exec_write(struct orr_exec *exec, orr_handle v, const void *data, size_t bytes,
                                      struct orr_error *err);
ORR_CHECKED orr_status orr_exec_read(struct orr_exec *exec, orr_handle v, void *data, size_t bytes,
                                     struct orr_error *err);
/* The same for real values with conversion to and from double; count elements. */
ORR_CHECKED orr_status orr_exec_write_real(struct orr_exec *exec, orr_handle v, const double *data, size_t count,
                                           struct orr_error *err);
ORR_CHECKED orr_status orr_exec_read_real(struct orr_exec *exec, orr_handle v, double *data, size_t count,
                                          struct orr_error *err);

/* Run every program in order. May return before the device is done; reads wait. */
ORR_CHECKED orr_status orr_exec_run(struct orr_exec *exec, struct orr_error *err);
/* Run one program, counted from 0. */
ORR_CHECKED orr_status orr_exec_run_program(struct orr_exec *exec, size_t program, struct orr_error *err);
/* Wait until all queued work is done. */
ORR_CHECKED orr_status orr_exec_finish(struct orr_exec *exec, struct orr_error *err);

/* The plan: what runs, where it lives, peak bytes. Borrowed. */
const struct orr_plan *orr_exec_plan(const struct orr_exec *exec);

/* With keep_all: the first value in node order that holds a number that is not finite. *found is ORR_NONE where there
 * is none; text gets its name or "%12", the operation, its shape and the place in it. Handles are of the lowered graph.
 */
ORR_CHECKED orr_status orr_exec_find_not_finite(struct orr_exec *exec, orr_handle *found, char *text, size_t size,
                                                struct orr_error *err);

#endif
