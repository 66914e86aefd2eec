/* The OpenCL backend: any OpenCL 1.2 device; large products on GPUs by CLBlast, all else by the kernels in kernels/.
 *
 * In: calls on buffers of one device. Out: the same bits from run to run on one device and driver, whatever else it
 * does: no atomics, and every sum in an order that depends on shapes and launch_work only. Calls are queued in order
 * and not waited for.
 */
#include "prepare.h"
#include "product.h"

#include <stdio.h>
#include <string.h>

static uint32_t device_count(void) { return opencl_found_count(); }

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    const struct opencl_found *found = opencl_found_device(index, err);
    if (!found) return err->code;
    struct orr_device_info info = found->info;
    info.size = out->size;
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static const struct orr_param params[] = {
    {.key = "launch_work",
     .type = ORR_PARAM_INT,
     .fallback = "268435456",
     .min = 1024,
     .max = 1e15,
     .unit = "elements",
     .doc = "Largest work of one launch, in elements that it visits (and eight times as many multiply-adds of products "
            "and attention): "
            "larger ones are split, so that a display on the same device stays alive."},
    {.type = ORR_PARAM_END},
};

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    return opencl_device_open(index, (uint64_t)param[0].i, out, err);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    const uint64_t most = dev->found->info.max_alloc;
    if (bytes > most)
        return OPENCL_FAIL(err, ORR_ENOMEM, "%zu bytes are more than the device's largest buffer (%llu)", bytes,
                           (unsigned long long)most);
    struct orr_buffer *buf = opencl_host->alloc(sizeof *buf, 64);
    if (!buf) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a buffer's record", sizeof *buf);
    cl_int code = CL_SUCCESS;
    buf->bytes = bytes;
    dev->allocated += bytes;
    buf->memory = cl.clCreateBuffer(dev->context, CL_MEM_READ_WRITE, bytes ? bytes : 4, NULL, &code);
    if (!buf->memory) {
        dev->allocated -= bytes;
        opencl_host->dealloc(buf);
        return opencl_fail(err, "clCreateBuffer", code, "allocating memory");
    }
    *out = buf;
    return ORR_OK;
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buf)
{
    if (!buf) return;
    dev->allocated -= buf->bytes;
    cl.clReleaseMemObject(buf->memory);
    opencl_host->dealloc(buf);
}

static orr_status check_range(const char *verb, const struct orr_buffer *buf, size_t at, size_t n,
                              struct orr_error *err)
{
    if (at <= buf->bytes && n <= buf->bytes - at) return ORR_OK;
    return OPENCL_FAIL(err, ORR_EINVAL, "%s of %zu bytes at %zu: the buffer ends at %zu", verb, n, at, buf->bytes);
}

/* Both wait: the queue is in order, so everything before has then been done. */
static orr_status buffer_write(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                               struct orr_error *err)
{
    OPENCL_TRY(check_range("write", buf, at, n, err));
    dev->tally.written += n;
    if (n) OPENCL_CALL("writing", clEnqueueWriteBuffer, dev->queue, buf->memory, CL_TRUE, at, n, src, 0, NULL, NULL);
    return ORR_OK;
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                              struct orr_error *err)
{
    OPENCL_TRY(check_range("read", buf, at, n, err));
    dev->tally.read += n;
    if (n) OPENCL_CALL("reading", clEnqueueReadBuffer, dev->queue, buf->memory, CL_TRUE, at, n, dst, 0, NULL, NULL);
    return ORR_OK;
}

/* --- computing --------------------------------------------------------------------------------------------------- */

static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    (void)dev;
    return opencl_supports(call);
}

static orr_status finish(struct orr_device *dev, struct orr_error *err)
{
    OPENCL_CALL("waiting", clFinish, dev->queue);
    return ORR_OK;
}

static void counters(struct orr_device *dev, struct orr_counters *out)
{
    struct orr_counters all = {.size = out->size,
                               .n_providers = OPENCL_PROVIDERS,
                               .launches = dev->tally.launches - dev->tally.library_launches,
                               .library_calls = dev->tally.libraries,
                               .bytes_written = dev->tally.written,
                               .bytes_read = dev->tally.read};
    const struct opencl_product_tally *tally = opencl_product_tally(dev);
    for (int i = 0; i < OPENCL_PROVIDERS; ++i) {
        snprintf(all.provider[i].name, sizeof all.provider[i].name, "%s", opencl_provider_names[i]);
        all.provider[i].products = tally[i].products;
        all.provider[i].multiply_adds = tally[i].multiply_adds;
    }
    memcpy(out, &all, out->size < sizeof all ? out->size : sizeof all);
}

static const struct orr_backend_ops backend_ops = {
    .size = sizeof backend_ops,
    .device_count = device_count,
    .device_info = device_info,
    .open = device_open,
    .close = opencl_device_close,
    .alloc = buffer_alloc,
    .free = buffer_free,
    .write = buffer_write,
    .read = buffer_read,
    .supports = supports,
    .run = opencl_run,
    .finish = finish,
    .prepare = opencl_prepare,
    .execute = opencl_execute,
    .discard = opencl_discard,
    .elapsed = opencl_elapsed,
    .watch = opencl_device_watch,
    .counters = counters,
};

static const struct orr_plugin plugin = {
    .name = "opencl",
    .version = "0.1.0",
    .summary = "any OpenCL 1.2 device: AMD, Intel and NVIDIA GPUs, and processors",
    .source = "part of Orrery",
    .license = "MIT",
    .params = params,
    .ops = &backend_ops,
    ORR_PLUGIN_HEAD(ORR_BACKEND),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *host)
{
    opencl_host = host;
    return &plugin;
}
