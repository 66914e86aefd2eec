/* Run a graph on a device: plan it, allocate once, then execute its programs as often as wanted.
 *
 * Handles are those of the graph as it was built; lowering is invisible here. Nothing is allocated by orr_exec_run.
 */
#ifndef ORR_RUN_EXEC_H
#define ORR_RUN_EXEC_H

#include "graph/graph.h"
#include "plan/plan.h"
#include "run/device.h"

/* What a plan for this device must respect; for planning without running. */
void orr_exec_target(struct orr_open_device *device, bool keep_all, struct orr_plan_target *target);

/* Run one program, counted from 0. */
ORR_CHECKED orr_status orr_exec_run_program(struct orr_exec *exec, size_t program, struct orr_error *err);

/* Seconds on the device's own clock for each call of the program's last run, in the plan's order; waits for it. The
 * device must have been watched (orr_device_watch) during that run. Of calls that ran as one, one has their time and
 * the others 0. EUNSUPPORTED where the device keeps no time. */
ORR_CHECKED orr_status orr_exec_elapsed(struct orr_exec *exec, size_t program, double *seconds, struct orr_error *err);

/* What the backend made of a program: lines of text, cut to size bytes, the last a 0; empty where it does not tell. */
ORR_CHECKED orr_status orr_exec_describe(struct orr_exec *exec, size_t program, char *text, size_t size,
                                         struct orr_error *err);

/* The plan: what runs, where it lives, peak bytes. Borrowed. */
const struct orr_plan *orr_exec_plan(const struct orr_exec *exec);

/* Only with keep_all (EINVAL otherwise); waits for the device. The first value in node order that holds a number that
 * is not finite. *found is ORR_NONE where there is none; text gets its name or "%12", the operation, its shape and the
 * place in it. Handles are of the lowered graph.
 */
ORR_CHECKED orr_status orr_exec_find_not_finite(struct orr_exec *exec, orr_handle *found, char *text, size_t size,
                                                struct orr_error *err);

#endif
