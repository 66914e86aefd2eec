/* A device opened through a backend plugin: the one place where the engine talks to backend code.
 *
 * In: a backend's table and its answers, which are not trusted: texts are terminated, an error without a text gets one.
 * Out: the same, with the device's name before every failure. */
#ifndef ORR_RUN_DEVICE_H
#define ORR_RUN_DEVICE_H

#include "base/loader.h"
#include "orrery/orrery.h"

struct orr_open_device {
    const struct orr_plugin *plugin;
    const struct orr_backend_ops *ops;
    struct orr_device *handle;
    uint32_t index;
    struct orr_device_info info;
    uint64_t buffer_bytes; /* allocated and not yet freed */
};

/* What device `index` says of itself, texts terminated; nothing is opened. */
ORR_CHECKED orr_status orr_device_describe(const struct orr_backend_ops *ops, uint32_t index,
                                           struct orr_device_info *info, struct orr_error *err);

/* Turn a backend's failure into one that names device and action, with a text where the backend gave none. */
orr_status orr_device_failed(const struct orr_open_device *device, orr_status status, const char *what,
                             const struct orr_error *own, struct orr_error *err);

/* A buffer of bytes; the caller gives it back by orr_device_free. A failure names the device and what was asked for. */
ORR_CHECKED orr_status orr_device_alloc(struct orr_open_device *device, size_t bytes, struct orr_buffer **out,
                                        struct orr_error *err);
/* bytes as given to orr_device_alloc. NULL is allowed. */
void orr_device_free(struct orr_open_device *device, struct orr_buffer *buffer, size_t bytes);

#endif
