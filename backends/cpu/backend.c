/* The CPU backend: one device, this machine's processors, which runs whole steps as few long pieces in cache.
 *
 * In: calls and programs on host memory, in f32 and i32. Out: results whose bits depend on shapes and on the
 * instruction set, not on the number of threads.
 */
#include "describe.h"
#include "execute.h"
#include "isa.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct orr_host *cpu_host;

static uint32_t device_count(void) { return 1; }

static orr_status check_index(uint32_t index, struct orr_error *err)
{
    if (index == 0) return ORR_OK;
    return CPU_FAIL(err, ORR_EINVAL, "device %u does not exist: the cpu backend has one device, 0", index);
}

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    CPU_TRY(check_index(index, err));
    const struct cpu_kernels *kernels = cpu_choose_kernels(err);
    if (!kernels) return err->code;
    struct orr_device_info info = {
        .size = out->size,
        .align = CPU_ALIGN,
        .dtypes = 1u << ORR_F32 | 1u << ORR_I32,
        .plans_scratch = true,
    };
    snprintf(info.name, sizeof info.name, "cpu");
    snprintf(info.vendor, sizeof info.vendor, "Orrery");
    snprintf(info.driver, sizeof info.driver, "vectors of %u floats (%s)", kernels->lanes, kernels->name);
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) info.memory_bytes = (uint64_t)pages * (uint64_t)page;
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    CPU_TRY(check_index(index, err));
    const struct cpu_kernels *kernels = cpu_choose_kernels(err);
    if (!kernels) return err->code;
    struct orr_device *dev = cpu_host->alloc(sizeof *dev, CPU_ALIGN);
    if (!dev) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a device", sizeof *dev);
    *dev = (struct orr_device){.kernels = kernels, .counters = {.n_providers = 1, .provider = {{.name = "own"}}}};
    const orr_status status = cpu_pool_open(cpu_pool_wanted(param[0].i), &dev->pool, err);
    if (status != ORR_OK) {
        cpu_host->dealloc(dev);
        return status;
    }
    cpu_host->log(ORR_LOG_DEBUG, "cpu", "%u threads, kernels for %s", cpu_pool_threads(dev->pool), kernels->name);
    *out = dev;
    return ORR_OK;
}

static void device_close(struct orr_device *dev)
{
    if (!dev) return;
    cpu_pool_close(dev->pool);
    cpu_host->dealloc(dev);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    (void)dev;
    struct orr_buffer *buf = cpu_host->alloc(sizeof *buf, CPU_ALIGN);
    unsigned char *data = cpu_host->alloc(bytes ? bytes : 1, CPU_ALIGN);
    if (!buf || !data) {
        cpu_host->dealloc(buf);
        cpu_host->dealloc(data);
        return CPU_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a buffer: lower the batch or the model", bytes);
    }
    *buf = (struct orr_buffer){.bytes = bytes, .data = data};
    *out = buf;
    return ORR_OK;
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buf)
{
    (void)dev;
    if (!buf) return;
    cpu_host->dealloc(buf->data);
    cpu_host->dealloc(buf);
}

static orr_status check_range(const char *verb, const struct orr_buffer *buf, size_t at, size_t n,
                              struct orr_error *err)
{
    if (at <= buf->bytes && n <= buf->bytes - at) return ORR_OK;
    return CPU_FAIL(err, ORR_EINVAL, "%s of %zu bytes at %zu: the buffer ends at %zu", verb, n, at, buf->bytes);
}

static orr_status buffer_write(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                               struct orr_error *err)
{
    CPU_TRY(check_range("write", buf, at, n, err));
    dev->counters.bytes_written += n;
    if (n) memcpy(buf->data + at, src, n);
    return ORR_OK;
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                              struct orr_error *err)
{
    CPU_TRY(check_range("read", buf, at, n, err));
    dev->counters.bytes_read += n;
    if (n) memcpy(dst, buf->data + at, n);
    return ORR_OK;
}

/* --- computing --------------------------------------------------------------------------------------------------- */

static bool supports(struct orr_device *dev, const struct orr_call *call) { return cpu_supports(dev->kernels, call); }

static orr_status run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    void *program;
    CPU_TRY(cpu_check(dev->kernels, call, false, err));
    CPU_TRY(cpu_prepare(dev, &call, 1, &program, err));
    const orr_status status = cpu_execute(dev, program, err);
    cpu_discard(dev, program);
    return status;
}

static orr_status finish(struct orr_device *dev, struct orr_error *err)
{
    (void)dev;
    (void)err;
    return ORR_OK;
}

static orr_status watch(struct orr_device *dev, bool on, struct orr_error *err)
{
    (void)err;
    dev->watching = on;
    return ORR_OK;
}

static void counters(struct orr_device *dev, struct orr_counters *out)
{
    struct orr_counters all = dev->counters;
    all.size = out->size;
    memcpy(out, &all, out->size < sizeof all ? out->size : sizeof all);
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
    .prepare = cpu_prepare,
    .execute = cpu_execute,
    .discard = cpu_discard,
    .elapsed = cpu_elapsed,
    .watch = watch,
    .counters = counters,
    .describe = cpu_describe,
};

static const struct orr_param params[] = {
    {.key = "threads",
     .type = ORR_PARAM_INT,
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .unit = "1",
     .doc = "threads that compute; 0: OMP_NUM_THREADS where it is set, else the processors that this process may use"},
    {.type = ORR_PARAM_END},
};

static const struct orr_plugin plugin = {
    .name = "cpu",
    .version = "0.1.0",
    .summary = "this machine's processors: vectors and threads, whole steps in cache",
    .source = "part of Orrery",
    .license = "MIT",
    .params = params,
    .ops = &backend_ops,
    ORR_PLUGIN_HEAD(ORR_BACKEND),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *host)
{
    cpu_host = host;
    return &plugin;
}
