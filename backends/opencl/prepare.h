/* The part of the backend's table that is about programs. */
#ifndef OPENCL_PREPARE_H
#define OPENCL_PREPARE_H

#include "device.h"

/* As struct orr_backend_ops says of prepare, execute, discard and elapsed. A program is bound to its buffers and to the
 * scratch of the device; executing it puts launches into the queue and does nothing else. */
ORR_CHECKED orr_status opencl_prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n,
                                      void **program, struct orr_error *err);
ORR_CHECKED orr_status opencl_execute(struct orr_device *dev, void *program, struct orr_error *err);
void opencl_discard(struct orr_device *dev, void *program);
ORR_CHECKED orr_status opencl_elapsed(struct orr_device *dev, void *program, double *seconds, struct orr_error *err);

#endif
