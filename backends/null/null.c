/* A backend that accepts every operation and computes nothing: the skeleton to copy, and a measure of what the engine
 * itself costs.
 *
 * To make a device of your own: copy this file, put its name into `plugin`, its memory into struct orr_buffer and its
 * arithmetic into run, and let supports refuse what run cannot do. Results here are left as they were.
 * In: the headers orrery/plugin.h and orrery/backend.h, nothing else. Out: one exported symbol, orr_plugin_query.
 */
#include "orrery/backend.h"

#include <stdio.h>
#include <string.h>

enum { ALIGN = 64 };

/* The engine's services (memory, errors, log), valid for as long as the process lives. */
static const struct orr_host *host;

/* Both are opaque to the engine: put in what a device and a piece of its memory need. */
struct orr_device {
    uint32_t index;
};

struct orr_buffer {
    size_t bytes;
    unsigned char *data;
};

/* --- devices --------------------------------------------------------------------------------------------------- */

static uint32_t device_count(void)
{
    return 1; /* 0 when the machine has none: then the engine says so, and nothing else here is called */
}

/* Every function that can fail returns host->fail: it writes the code and one line of text into the caller's error. Say
 * what was wrong, the value, what was expected. */
static orr_status check_index(uint32_t index, struct orr_error *err)
{
    if (index < device_count()) return ORR_OK;
    return host->fail(err, ORR_EINVAL, "device %u does not exist: the null backend has %u", index, device_count());
}

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    const orr_status status = check_index(index, err);
    if (status != ORR_OK) return status;
    struct orr_device_info info = {
        .size = out->size,
        .align = ALIGN, /* the engine places tensors at multiples of this */
        .kind = 2,
        .dtypes = 1u << ORR_F32 | 1u << ORR_F64 | 1u << ORR_I32,
        .plans_scratch = false, /* true: the engine gives no memory to values that die within the program */
    };
    snprintf(info.name, sizeof info.name, "null");
    snprintf(info.vendor, sizeof info.vendor, "Orrery");
    snprintf(info.driver, sizeof info.driver, "none");
    /* out may be the shorter struct of an older engine: write no further than it says. */
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    (void)param; /* the values of `params` below, in that order, already checked */
    const orr_status status = check_index(index, err);
    if (status != ORR_OK) return status;
    struct orr_device *dev = host->alloc(sizeof *dev, ALIGN);
    if (!dev) return host->fail(err, ORR_ENOMEM, "out of memory: %zu bytes for a device", sizeof *dev);
    *dev = (struct orr_device){.index = index};
    *out = dev;
    return ORR_OK;
}

static void device_close(struct orr_device *dev) { host->dealloc(dev); }

/* --- memory ---------------------------------------------------------------------------------------------------- */

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    (void)dev;
    struct orr_buffer *buf = host->alloc(sizeof *buf, ALIGN);
    unsigned char *data = host->alloc(bytes ? bytes : 1, ALIGN);
    if (!buf || !data) {
        host->dealloc(buf);
        host->dealloc(data);
        return host->fail(err, ORR_ENOMEM, "out of memory: %zu bytes for a buffer", bytes);
    }
    memset(data, 0, bytes); /* nothing will ever be computed: give readers zeros rather than noise */
    *buf = (struct orr_buffer){.bytes = bytes, .data = data};
    *out = buf;
    return ORR_OK;
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buf)
{
    (void)dev;
    if (!buf) return;
    host->dealloc(buf->data);
    host->dealloc(buf);
}

static orr_status check_range(const struct orr_buffer *buf, size_t at, size_t n, struct orr_error *err)
{
    if (at <= buf->bytes && n <= buf->bytes - at) return ORR_OK;
    return host->fail(err, ORR_EINVAL, "%zu bytes at %zu: the buffer ends at %zu", n, at, buf->bytes);
}

static orr_status buffer_write(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                               struct orr_error *err)
{
    (void)dev;
    const orr_status status = check_range(buf, at, n, err);
    if (status == ORR_OK && n) memcpy(buf->data + at, src, n);
    return status;
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                              struct orr_error *err)
{
    (void)dev;
    const orr_status status = check_range(buf, at, n, err);
    if (status == ORR_OK && n) memcpy(dst, buf->data + at, n);
    return status;
}

/* --- compute --------------------------------------------------------------------------------------------------- */

/* Look at call->op, the dims and element types of call->in and call->out, and call->attr; buffers are NULL here. Every
 * PRIM row of ops.def must be taken; the engine takes a COMP row apart where it is refused. */
static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    (void)dev;
    (void)call;
    return true;
}

/* Operand k is at call->in[k].buffer, byte call->in[k].offset, results likewise in call->out. The meaning of each op is
 * in ops.def. Work may be queued and run later, but in an order that gives the same results. */
static orr_status run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    (void)dev;
    (void)call;
    (void)err;
    return ORR_OK;
}

static orr_status finish(struct orr_device *dev, struct orr_error *err)
{
    (void)dev; /* wait here for queued work, and report what went wrong in it */
    (void)err;
    return ORR_OK;
}

/* What is left out is NULL: without prepare and execute the engine calls run for one operation after the other. */
static const struct orr_backend_ops backend_ops = {
    .size = sizeof backend_ops,
    .device_count = device_count,
    .device_info = device_info,
    .open = device_open,
    .close = device_close,
    .alloc = buffer_alloc,
    .free = buffer_free,
    .write = buffer_write,
    .read = buffer_read,
    .supports = supports,
    .run = run,
    .finish = finish,
};

static const struct orr_param params[] = {{.type = ORR_PARAM_END}};

static const struct orr_plugin plugin = {
    .name = "null",
    .version = "0.1.0",
    .summary = "accepts every operation and computes nothing: the skeleton of a backend",
    .source = "part of Orrery",
    .license = "MIT",
    .params = params,
    .ops = &backend_ops,
    ORR_PLUGIN_HEAD(ORR_BACKEND),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
