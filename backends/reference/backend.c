/* The reference backend: one device, the host, that runs every row of ops.def by plain loops.
 *
 * In: calls on host memory. Out: results that other backends are measured against (f64), or that train a small model
 * where there is nothing faster (f32). Sums are in double, in a fixed order: the same bits from run to run.
 */
#include "reference.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct orr_host *reference_host;

static uint32_t device_count(void) { return 1; }

static orr_status check_index(uint32_t index, struct orr_error *err)
{
    if (index == 0) return ORR_OK;
    return REFERENCE_FAIL(err, ORR_EINVAL, "device %u does not exist: the reference backend has one device, 0", index);
}

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    const orr_status status = check_index(index, err);
    if (status != ORR_OK) return status;
    struct orr_device_info info = {
        .size = out->size,
        .align = REFERENCE_ALIGN,
        .dtypes = 1u << ORR_F32 | 1u << ORR_F64 | 1u << ORR_I32,
    };
    snprintf(info.name, sizeof info.name, "reference");
    snprintf(info.vendor, sizeof info.vendor, "Orrery");
    snprintf(info.driver, sizeof info.driver, "plain C, sums in double, one thread");
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) info.memory_bytes = (uint64_t)pages * (uint64_t)page;
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    (void)param;
    const orr_status status = check_index(index, err);
    if (status != ORR_OK) return status;
    struct orr_device *dev = reference_host->alloc(sizeof *dev, REFERENCE_ALIGN);
    if (!dev) return REFERENCE_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a device", sizeof *dev);
    *dev = (struct orr_device){0};
    *out = dev;
    return ORR_OK;
}

static void device_close(struct orr_device *dev)
{
    if (!dev) return;
    reference_host->dealloc(dev->scratch);
    reference_host->dealloc(dev);
}

double *reference_scratch(struct orr_device *dev, int64_t count, struct orr_error *err)
{
    const size_t need = count > 0 ? (size_t)count : 1;
    if (need <= dev->scratch_count) return dev->scratch;
    double *grown = NULL;
    if (need <= SIZE_MAX / sizeof *grown) grown = reference_host->alloc(need * sizeof *grown, REFERENCE_ALIGN);
    if (!grown) {
        REFERENCE_FAIL(err, ORR_ENOMEM, "out of memory: %zu numbers of scratch in double: lower the batch or the model",
                       need);
        return NULL;
    }
    reference_host->dealloc(dev->scratch);
    dev->scratch = grown;
    dev->scratch_count = need;
    return grown;
}

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    (void)dev;
    struct orr_buffer *buf = reference_host->alloc(sizeof *buf, REFERENCE_ALIGN);
    unsigned char *data = reference_host->alloc(bytes ? bytes : 1, REFERENCE_ALIGN);
    if (!buf || !data) {
        reference_host->dealloc(buf);
        reference_host->dealloc(data);
        return REFERENCE_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a buffer: lower the batch or the model",
                              bytes);
    }
    *buf = (struct orr_buffer){.bytes = bytes, .data = data};
    *out = buf;
    return ORR_OK;
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buf)
{
    (void)dev;
    if (!buf) return;
    reference_host->dealloc(buf->data);
    reference_host->dealloc(buf);
}

static orr_status check_range(const char *verb, const struct orr_buffer *buf, size_t at, size_t n,
                              struct orr_error *err)
{
    if (at <= buf->bytes && n <= buf->bytes - at) return ORR_OK;
    return REFERENCE_FAIL(err, ORR_EINVAL, "%s of %zu bytes at %zu: the buffer ends at %zu", verb, n, at, buf->bytes);
}

static orr_status buffer_write(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                               struct orr_error *err)
{
    (void)dev;
    const orr_status status = check_range("write", buf, at, n, err);
    if (status == ORR_OK && n) memcpy(buf->data + at, src, n);
    return status;
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                              struct orr_error *err)
{
    (void)dev;
    const orr_status status = check_range("read", buf, at, n, err);
    if (status == ORR_OK && n) memcpy(dst, buf->data + at, n);
    return status;
}

static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    (void)dev;
    struct orr_error ignored;
    return reference_check(call, &ignored) == ORR_OK;
}

/* Runs one call to its end before returning. Errors: ORR_EINVAL, ORR_ESHAPE, ORR_EDTYPE for a call that the engine
 * should not have made, ORR_EINVAL for an index out of range, ORR_ENOMEM for scratch. Results are then unspecified. */
static orr_status run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    orr_status status = reference_check(call, err);
    if (status == ORR_OK) status = reference_check_memory(call, err);
    if (status != ORR_OK) return status;
    /* Nothing to write; a kernel would still walk the dims that are not 0, however large. */
    bool empty = true;
    for (uint32_t k = 0; k < call->n_out; ++k)
        empty = empty && reference_count(&call->out[k]) == 0;
    if (empty) return ORR_OK;
    const reference_kernel *kernels = reference_kernels_f64;
    if (call->out[0].dtype == ORR_F32) kernels = reference_kernels_f32;
    if (call->out[0].dtype == ORR_I32) kernels = reference_kernels_i32;
    return kernels[call->op](dev, call, err);
}

static orr_status finish(struct orr_device *dev, struct orr_error *err)
{
    (void)dev;
    (void)err;
    return ORR_OK;
}

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
    .name = "reference",
    .version = "0.1.0",
    .summary = "every operation by plain loops on the host: the oracle of all other backends",
    .source = "part of Orrery",
    .license = "MIT",
    .params = params,
    .ops = &backend_ops,
    ORR_PLUGIN_HEAD(ORR_BACKEND),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *host)
{
    reference_host = host;
    return &plugin;
}
