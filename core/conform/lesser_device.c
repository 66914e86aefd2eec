/* Copies of an open device for checks that take functions away from it. */
#include "conform/lesser_device.h"

#include "graph/optable.h"

#include <string.h>

struct orr_open_device orr_device_lesser(const struct orr_open_device *device, struct orr_backend_ops *ops)
{
    struct orr_open_device lesser = *device;
    memset(ops, 0, sizeof(*ops));
    memcpy(ops, device->ops, device->ops->size < sizeof(*ops) ? device->ops->size : sizeof(*ops));
    ops->size = sizeof(*ops);
    lesser.ops = ops;
    return lesser;
}

bool orr_supports_primitives(struct orr_device *device, const struct orr_call *call)
{
    const struct orr_op_info *op = orr_op_by_id(call->op);
    (void)device;
    return op && !op->composite;
}
