/* Opening and closing a device, its scratch memory, and keeping its queue short. */
#include "product.h"

#include <stdatomic.h>
#include <stdio.h>

/* Of the process: what CLBlast keeps belongs to all of them. */
static atomic_uint open_devices;

/* What a driver has to say beside its codes; from any thread. */
static void CL_CALLBACK notify(const char *text, const void *data, size_t size, void *context)
{
    (void)data;
    (void)size;
    (void)context;
    opencl_host->log(ORR_LOG_INFO, "opencl", "the driver says: %s", text);
}

static orr_status create(struct orr_device *dev, struct orr_error *err)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)dev->found->platform, 0};
    cl_int code = CL_SUCCESS;
    dev->context = cl.clCreateContext(properties, 1, &dev->found->device, notify, NULL, &code);
    if (!dev->context) return opencl_fail(err, "clCreateContext", code, "opening the device");
    dev->queue = cl.clCreateCommandQueue(dev->context, dev->found->device, 0, &code);
    if (!dev->queue) return opencl_fail(err, "clCreateCommandQueue", code, "opening the device");
    cl_mem scratch;
    OPENCL_TRY(opencl_variant_choose(dev->found, &dev->variant, err));
    OPENCL_TRY(opencl_products_open(dev, err));
    return opencl_scratch(dev, 1, &scratch, err);
}

orr_status opencl_device_open(uint32_t index, uint64_t launch_work, struct orr_device **out, struct orr_error *err)
{
    const struct opencl_found *found = opencl_found_device(index, err);
    if (!found) return err->code;
    if (found->refused)
        return OPENCL_FAIL(err, ORR_EUNSUPPORTED, "%s cannot be used: %s", found->info.name, found->refused);
    struct orr_device *dev = opencl_host->alloc(sizeof *dev, 64);
    if (!dev) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a device", sizeof *dev);
    *dev = (struct orr_device){.found = found, .align = found->info.align, .launch_work = launch_work};
    atomic_fetch_add(&open_devices, 1);
    const orr_status status = create(dev, err);
    if (status != ORR_OK) {
        opencl_device_close(dev);
        return status;
    }
    opencl_host->log(ORR_LOG_INFO, "opencl", "device %u: %s (%s), driver %s, %.1f GiB", index, found->info.name,
                     found->info.vendor, found->info.driver, (double)found->info.memory_bytes / 1073741824.0);
    *out = dev;
    return ORR_OK;
}

void opencl_device_close(struct orr_device *dev)
{
    if (!dev) return;
    opencl_host->log(ORR_LOG_DEBUG, "opencl", "%llu launches, the largest of %llu visits; %llu flushes, %llu waits",
                     (unsigned long long)dev->tally.launches, (unsigned long long)dev->tally.largest,
                     (unsigned long long)dev->tally.flushes, (unsigned long long)dev->tally.waits);
    opencl_products_close(dev);
    if (dev->queue) cl.clFinish(dev->queue);
    opencl_programs_release(dev);
    if (dev->bound) cl.clReleaseEvent(dev->bound);
    if (dev->scratch) cl.clReleaseMemObject(dev->scratch);
    if (dev->partials) cl.clReleaseMemObject(dev->partials);
    if (dev->queue) cl.clReleaseCommandQueue(dev->queue);
    /* CLBlast keeps programs of every context, and would free them after the driver has gone. */
    if (atomic_fetch_sub(&open_devices, 1) == 1 && clblast.CLBlastClearCache) clblast.CLBlastClearCache();
    if (dev->context) cl.clReleaseContext(dev->context);
    opencl_host->dealloc(dev);
}

orr_status opencl_queued(struct orr_device *dev, uint32_t count, uint64_t visits, struct orr_error *err)
{
    dev->tally.launches += count;
    if (visits > dev->tally.largest) dev->tally.largest = visits;
    const uint32_t before = dev->launches;
    dev->launches += count;
    if (before / OPENCL_FLUSH == dev->launches / OPENCL_FLUSH) return ORR_OK;
    if (dev->launches >= OPENCL_BOUND) {
        cl_event mark = NULL;
        dev->launches = 0;
        OPENCL_CALL("bounding the queue", clEnqueueMarkerWithWaitList, dev->queue, 0, NULL, &mark);
        const cl_event waited = dev->bound;
        dev->bound = mark;
        if (waited) {
            ++dev->tally.waits;
            const cl_int code = cl.clWaitForEvents(1, &waited);
            cl.clReleaseEvent(waited);
            if (code != CL_SUCCESS) return opencl_fail(err, "clWaitForEvents", code, "bounding the queue");
        }
    }
    ++dev->tally.flushes;
    OPENCL_CALL("handing over the queue", clFlush, dev->queue);
    return ORR_OK;
}

/* memory (of *bytes) is at least `wanted` from now on; what was in it may be gone. */
static orr_status reserve(struct orr_device *dev, cl_mem *memory, size_t *bytes, uint64_t wanted, struct orr_error *err)
{
    const uint64_t most = dev->found->info.memory_bytes;
    if (wanted <= *bytes) return ORR_OK;
    if (wanted > dev->found->info.max_alloc)
        return OPENCL_FAIL(err, ORR_ENOMEM,
                           "%llu bytes of scratch are more than the device's largest buffer (%llu): lower the batch",
                           (unsigned long long)wanted, (unsigned long long)dev->found->info.max_alloc);
    if (most && (dev->allocated > most || wanted > most - dev->allocated))
        return OPENCL_FAIL(err, ORR_ENOMEM,
                           "%llu bytes of scratch and %llu of buffers are more than the device has (%llu): lower the "
                           "batch, the context or n_embd",
                           (unsigned long long)wanted, (unsigned long long)dev->allocated, (unsigned long long)most);
    cl_int code = CL_SUCCESS;
    /* What is queued keeps the old one alive for as long as it needs it, and so do programs that are bound to it. */
    if (*memory) cl.clReleaseMemObject(*memory);
    *bytes = 0;
    *memory = cl.clCreateBuffer(dev->context, CL_MEM_READ_WRITE, (size_t)wanted, NULL, &code);
    if (!*memory) return opencl_fail(err, "clCreateBuffer", code, "allocating scratch");
    *bytes = (size_t)wanted;
    return ORR_OK;
}

orr_status opencl_scratch(struct orr_device *dev, uint64_t elements, cl_mem *out, struct orr_error *err)
{
    const uint64_t wanted = elements * 4 < OPENCL_SCRATCH_MIN ? OPENCL_SCRATCH_MIN : elements * 4;
    OPENCL_TRY(reserve(dev, &dev->scratch, &dev->scratch_bytes, wanted, err));
    *out = dev->scratch;
    return ORR_OK;
}

orr_status opencl_partials_reserve(struct orr_device *dev, uint64_t elements, struct orr_error *err)
{
    return reserve(dev, &dev->partials, &dev->partials_bytes, elements * 4, err);
}

orr_status opencl_device_watch(struct orr_device *dev, bool on, struct orr_error *err)
{
    if (on == dev->profiles) return ORR_OK;
    cl_int code = CL_SUCCESS;
    const cl_command_queue queue =
        cl.clCreateCommandQueue(dev->context, dev->found->device, on ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (!queue) return opencl_fail(err, "clCreateCommandQueue", code, "taking times");
    cl.clFinish(dev->queue);
    cl.clReleaseCommandQueue(dev->queue);
    dev->queue = queue;
    dev->profiles = on;
    return ORR_OK;
}
