/* A device with some of its functions replaced: what a backend without them would be. */
#ifndef ORR_CONFORM_LESSER_DEVICE_H
#define ORR_CONFORM_LESSER_DEVICE_H

#include "run/device.h"

/* A copy of the device that uses *ops, a copy of its functions in which those of a shorter table are NULL. The caller
 * changes *ops, which must live as long as the copy. */
struct orr_open_device orr_device_lesser(const struct orr_open_device *device, struct orr_backend_ops *ops);

/* As supports: every primitive and nothing else. */
bool orr_supports_primitives(struct orr_device *device, const struct orr_call *call);

#endif
