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
    uint64_t buffer_bytes;              /* allocated and not yet freed */
    uint64_t bytes_written, bytes_read; /* by executors, since it was opened */
};

/* What device `index` says of itself, texts terminated; nothing is opened. */
ORR_CHECKED orr_status orr_device_describe(const struct orr_backend_ops *ops, uint32_t index,
                                           struct orr_device_info *info, struct orr_error *err);

/* Does the device hold this type (enum orr_dtype)? One that names none at all holds every type. */
static inline bool orr_device_has_type(const struct orr_device_info *info, uint32_t dtype)
{
    return info->dtypes == 0 || (info->dtypes & (1u << dtype)) != 0;
}

/* Turn a backend's failure into one that names device and action, with a text where the backend gave none. */
orr_status orr_device_failed(const struct orr_open_device *device, orr_status status, const char *what,
                             const struct orr_error *own, struct orr_error *err);

/* A buffer of bytes; the caller gives it back by orr_device_free. A failure names the device and what was asked for. */
ORR_CHECKED orr_status orr_device_alloc(struct orr_open_device *device, size_t bytes, struct orr_buffer **out,
                                        struct orr_error *err);
/* bytes as given to orr_device_alloc. NULL is allowed. */
void orr_device_free(struct orr_open_device *device, struct orr_buffer *buffer, size_t bytes);

/* What the device has done since it was opened. False where its backend does not count: then only bytes are known,
 * those that the engine itself moved. */
bool orr_device_counters(const struct orr_open_device *device, struct orr_counters *out);
/* What was done between two answers of one device, in place of the later one. */
void orr_counters_since(const struct orr_counters *before, struct orr_counters *now);
/* "clblast 93 % (14 of 15), own 7 % (1 of 15)" by arithmetic, into text; "none" where there is no product. */
void orr_counters_print_products(const struct orr_counters *counters, char *text, size_t size);

/* Does the device tell how long each call of a program took? */
bool orr_device_keeps_time(const struct orr_open_device *device);
/* Begin or end keeping time, with no work queued. EUNSUPPORTED where the device keeps none. */
ORR_CHECKED orr_status orr_device_watch(struct orr_open_device *device, bool on, struct orr_error *err);

#endif
