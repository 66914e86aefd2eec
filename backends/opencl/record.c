/* Recording a program and executing it. In: launches bound by program.c and work of other libraries; out: the queue
 * filled in the same order each time, with nothing created, set or allocated. */
#include "record.h"

#include "operations.h"

#include <string.h>

struct opencl_record *opencl_record_create(size_t calls)
{
    struct opencl_record *record = opencl_host->alloc(sizeof *record, 64);
    if (record) *record = (struct opencl_record){.calls = calls};
    return record;
}

static void release_entry(struct orr_device *dev, const struct opencl_entry *entry)
{
    if (entry->kernel && entry->last) cl.clReleaseKernel(entry->kernel);
    if (entry->kernel) return;
    if (entry->foreign.release) entry->foreign.release(dev, entry->foreign.state);
    opencl_host->dealloc(entry->foreign.state);
}

static void forget_events(struct opencl_record *record)
{
    for (size_t i = 0; record->event && i < 2 * record->count; ++i)
        if (record->event[i]) {
            cl.clReleaseEvent(record->event[i]);
            record->event[i] = NULL;
        }
    record->timed = false;
}

void opencl_record_destroy(struct orr_device *dev, struct opencl_record *record)
{
    if (!record) return;
    forget_events(record);
    for (size_t i = 0; i < record->count; ++i)
        release_entry(dev, &record->entry[i]);
    for (size_t i = 0; i < record->memories; ++i)
        cl.clReleaseMemObject(record->memory[i]);
    opencl_host->dealloc(record->entry);
    opencl_host->dealloc(record->memory);
    opencl_host->dealloc(record->join);
    opencl_host->dealloc(record->join_call);
    opencl_host->dealloc(record->event);
    opencl_host->dealloc(record);
}

void *opencl_grow(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room) return array;
    const size_t more = *room ? 2 * *room : 16;
    void *larger = opencl_host->alloc(more * size, 64);
    if (!larger) return NULL;
    if (count) memcpy(larger, array, count * size);
    opencl_host->dealloc(array);
    *room = more;
    return larger;
}

orr_status opencl_record_add(struct orr_device *dev, const struct opencl_entry *entry, struct orr_error *err)
{
    struct opencl_record *record = dev->recording;
    struct opencl_entry *larger = opencl_grow(record->entry, record->count, &record->room, sizeof *record->entry);
    if (!larger) {
        release_entry(dev, entry);
        return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: a program of more than %zu launches", record->count);
    }
    record->entry = larger;
    record->entry[record->count] = *entry;
    record->entry[record->count].call = record->call;
    record->entry[record->count++].op = record->op;
    return ORR_OK;
}

orr_status opencl_record_keep(struct opencl_record *record, cl_mem memory, bool retain, struct orr_error *err)
{
    cl_mem *larger = opencl_grow(record->memory, record->memories, &record->memory_room, sizeof *record->memory);
    if (!larger) {
        if (!retain) cl.clReleaseMemObject(memory);
        return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: a program's list of buffers");
    }
    record->memory = larger;
    if (retain) OPENCL_CALL("binding a program", clRetainMemObject, memory);
    record->memory[record->memories++] = memory;
    return ORR_OK;
}

static orr_status queue_foreign(struct orr_device *dev, const struct opencl_foreign *foreign, struct orr_error *err)
{
    const uint64_t before = dev->tally.launches;
    const orr_status status = foreign->queue(dev, foreign->state, err);
    dev->tally.library_launches += dev->tally.launches - before;
    ++dev->tally.libraries;
    return status;
}

orr_status opencl_queue_foreign(struct orr_device *dev, const struct opencl_foreign *foreign, struct orr_error *err)
{
    if (dev->recording && !dev->rehearsing) {
        struct opencl_entry entry = {.name = "library", .foreign = *foreign};
        entry.foreign.state = opencl_host->alloc(foreign->bytes, 64);
        if (entry.foreign.state) {
            memcpy(entry.foreign.state, foreign->state, foreign->bytes);
            return opencl_record_add(dev, &entry, err);
        }
        if (foreign->release) foreign->release(dev, foreign->state);
        return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a product", foreign->bytes);
    }
    const orr_status status = dev->rehearsing ? ORR_OK : queue_foreign(dev, foreign, err);
    if (foreign->release) foreign->release(dev, foreign->state);
    return status;
}

/* --- executing --------------------------------------------------------------------------------------------------- */

static orr_status mark(struct orr_device *dev, cl_event *event, struct orr_error *err)
{
    if (event) OPENCL_CALL("taking times", clEnqueueMarkerWithWaitList, dev->queue, 0, NULL, event);
    return ORR_OK;
}

/* event: two, or NULL. A launch uses the first alone. */
static orr_status queue_entry(struct orr_device *dev, const struct opencl_entry *entry, cl_event *event,
                              struct orr_error *err)
{
    if (entry->kernel) {
        OPENCL_CALL(entry->name, clEnqueueNDRangeKernel, dev->queue, entry->kernel, 1, &entry->offset, &entry->items,
                    &entry->group, 0, NULL, event);
        return opencl_queued(dev, 1, entry->visits, err);
    }
    OPENCL_TRY(mark(dev, event, err));
    OPENCL_TRY(queue_foreign(dev, &entry->foreign, err));
    return mark(dev, event ? event + 1 : NULL, err);
}

/* Events of the last execution are dropped, and room is made for those of this one, if times are taken. */
static orr_status prepare_events(struct orr_device *dev, struct opencl_record *record, struct orr_error *err)
{
    forget_events(record);
    if (!dev->profiles || record->event) return ORR_OK;
    const size_t bytes = 2 * record->count * sizeof(cl_event);
    record->event = opencl_host->alloc(bytes ? bytes : sizeof(cl_event), 64);
    if (!record->event) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for times", bytes);
    memset(record->event, 0, bytes);
    return ORR_OK;
}

orr_status opencl_record_execute(struct orr_device *dev, struct opencl_record *record, struct orr_error *err)
{
    OPENCL_TRY(prepare_events(dev, record, err));
    for (size_t i = 0; i < record->count; ++i) {
        const struct opencl_entry *entry = &record->entry[i];
        const orr_status status = queue_entry(dev, entry, dev->profiles ? &record->event[2 * i] : NULL, err);
        if (status != ORR_OK) return opencl_failed_in(entry->op, status, err);
    }
    record->timed = dev->profiles;
    for (int i = 0; i < OPENCL_PROVIDERS; ++i)
        opencl_product_count(dev, i, record->products[i].products, record->products[i].multiply_adds);
    return ORR_OK;
}

static orr_status read_clock(cl_event event, cl_profiling_info which, cl_ulong *out, struct orr_error *err)
{
    OPENCL_CALL("reading times", clGetEventProfilingInfo, event, which, sizeof *out, out, NULL);
    return ORR_OK;
}

orr_status opencl_record_elapsed(struct orr_device *dev, struct opencl_record *record, double *seconds,
                                 struct orr_error *err)
{
    if (!record->timed)
        return OPENCL_FAIL(err, ORR_EUNSUPPORTED, "the last execution took no times: watch it, then execute again");
    OPENCL_CALL("waiting", clFinish, dev->queue);
    for (size_t i = 0; i < record->calls; ++i)
        seconds[i] = 0;
    for (size_t i = 0; i < record->count; ++i) {
        const struct opencl_entry *entry = &record->entry[i];
        const cl_event *event = &record->event[2 * i];
        cl_ulong start = 0, end = 0;
        OPENCL_TRY(
            read_clock(event[0], entry->kernel ? CL_PROFILING_COMMAND_START : CL_PROFILING_COMMAND_END, &start, err));
        OPENCL_TRY(read_clock(event[!entry->kernel], CL_PROFILING_COMMAND_END, &end, err));
        if (end > start) seconds[entry->call] += 1e-9 * (double)(end - start);
    }
    return ORR_OK;
}
