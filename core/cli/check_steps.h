/* orrery run --check DEVICE: instead of a run, a few of its training steps on two devices, compared value by value. */
#ifndef ORR_CLI_CHECK_STEPS_H
#define ORR_CLI_CHECK_STEPS_H

#include "cli/verbs.h"
#include "study/run.h"

/* Compare the first steps of every point on device with those on `other`, such as "reference", and print where they are
 * furthest apart. ENUMERIC names the first operation that diverges. */
ORR_CHECKED orr_status orr_check_steps(const struct orr_run *run, struct orr_loader *loader,
                                       struct orr_open_device *device, const char *other, uint64_t steps,
                                       uint32_t threads, struct orr_error *err);

#endif
