/* Faults of the interface: devices, memory, programs, statuses. */
#include "faulty.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Thread_local bool faulty_in_program;

/* Planted in a function of the table below: the calls themselves are right. */
#define CALLS_ARE_RIGHT(name)                                                                                          \
    FAULTY_RUN(name) { return faulty_real_run(dev, call, err); }

/* clang-format off */
CALLS_ARE_RIGHT(pad_missing)
CALLS_ARE_RIGHT(program_order)
CALLS_ARE_RIGHT(program_last_call)
CALLS_ARE_RIGHT(supports_everything)
CALLS_ARE_RIGHT(info_too_long)
CALLS_ARE_RIGHT(read_ignores_offset)
CALLS_ARE_RIGHT(alloc_status)
CALLS_ARE_RIGHT(free_clears_other)
CALLS_ARE_RIGHT(close_crashes)
CALLS_ARE_RIGHT(open_any_index)
CALLS_ARE_RIGHT(program_swallows_status)
CALLS_ARE_RIGHT(read_swallows)
CALLS_ARE_RIGHT(write_swallows)
CALLS_ARE_RIGHT(shared_queue)
CALLS_ARE_RIGHT(elapsed_of_another_clock)
CALLS_ARE_RIGHT(count_is_unset)
CALLS_ARE_RIGHT(count_changes)
CALLS_ARE_RIGHT(counters_too_long)
CALLS_ARE_RIGHT(counters_fall)
CALLS_ARE_RIGHT(describe_too_long)
/* clang-format on */

/* --- devices ------------------------------------------------------------------------------------- */

/* A file in the current directory: it outlives the process. */
static const char lost_device[] = "faulty-device-is-lost";

FAULTY_RUN(rmsnorm_loses_device)
{
    FILE *marker = fopen(lost_device, "w");
    if (marker) fclose(marker);
    exit(7);
}

static struct orr_device *first_device, *second_device;
static uint32_t n_open;

FAULTY_RUN(second_device) { return n_open > 1 && dev == first_device ? ORR_OK : faulty_real_run(dev, call, err); }

FAULTY_RUN(second_device_wrong)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; dev == second_device && call->op == ORR_OP_LINEAR && i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] *= 1.001F;
    return status;
}

FAULTY_RUN(run_adds_in_bulk)
{
    return !faulty_in_program && call->op == ORR_OP_LINEAR ? ORR_OK : faulty_real_run(dev, call, err);
}

FAULTY_RUN(run_takes_unknown)
{
    const orr_status status = faulty_real_run(dev, call, err);
    return call->op < ORR_OP_COUNT_ ? status : ORR_OK;
}

static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    if (faulty_chosen == FAULT_supports_everything) return true;
    if (faulty_chosen == FAULT_pad_missing && call->op == ORR_OP_PAD) return false;
    return faulty_real.supports(dev, call);
}

static uint32_t device_count(void)
{
    static atomic_uint asked;
    if (faulty_chosen == FAULT_count_is_unset) return 2000000000;
    if (faulty_chosen == FAULT_count_changes) return 1 + atomic_fetch_add(&asked, 1) % 2;
    return faulty_chosen == FAULT_second_device_wrong ? 2 : 1;
}

static uint32_t real_index(uint32_t index) { return index < device_count() ? 0 : index; }

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    struct orr_device_info info = {.size = sizeof info};
    const orr_status status = faulty_real.device_info(real_index(index), &info, err);
    if (status != ORR_OK) return status;
    if (faulty_chosen == FAULT_info_too_long)
        *out = info;
    else
        memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    if (faulty_chosen == FAULT_rmsnorm_loses_device && access(lost_device, F_OK) == 0)
        return REFERENCE_FAIL(err, ORR_EDEVICE, "the device is lost");
    const orr_status status =
        faulty_real.open(faulty_chosen == FAULT_open_any_index ? 0 : real_index(index), param, out, err);
    if (status != ORR_OK) return status;
    if (!n_open++) first_device = *out;
    if (index == 1) second_device = *out;
    return ORR_OK;
}

static void device_close(struct orr_device *dev)
{
    if (faulty_chosen == FAULT_close_crashes) raise(SIGSEGV);
    --n_open;
    if (dev == second_device) second_device = NULL;
    faulty_real.close(dev);
}

/* --- memory -------------------------------------------------------------------------------------- */

/* Bytes that a driver might take at once. */
enum { TRANSFER_MAX = 1 << 16 };

static struct orr_buffer *previous;

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    const orr_status status = faulty_real.alloc(dev, bytes, out, err);
    if (faulty_chosen == FAULT_free_clears_other) previous = status == ORR_OK ? *out : NULL;
    if (status != ORR_OK && faulty_chosen == FAULT_alloc_status) {
        *out = NULL;
        return ORR_OK;
    }
    return status;
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buf)
{
    if (faulty_chosen == FAULT_free_clears_other) {
        if (previous && previous != buf) memset(previous->data, 0, previous->bytes);
        if (previous == buf) previous = NULL;
    }
    faulty_real.free(dev, buf);
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                              struct orr_error *err)
{
    if (faulty_chosen == FAULT_read_swallows && n > TRANSFER_MAX) return ORR_OK;
    return faulty_real.read(dev, buf, faulty_chosen == FAULT_read_ignores_offset ? 0 : at, dst, n, err);
}

static orr_status buffer_write(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                               struct orr_error *err)
{
    if (faulty_chosen == FAULT_write_swallows && n > TRANSFER_MAX) return ORR_OK;
    return faulty_real.write(dev, buf, at, src, n, err);
}

/* --- programs ------------------------------------------------------------------------------------ */

struct program {
    size_t n;
    struct orr_call call[];
};

static orr_status prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                          struct orr_error *err)
{
    struct program *p = reference_host->alloc(sizeof *p + n * sizeof p->call[0], 64);
    (void)dev;
    if (!p) return REFERENCE_FAIL(err, ORR_ENOMEM, "out of memory for a program");
    p->n = n;
    for (size_t i = 0; i < n; ++i)
        p->call[i] = *calls[i];
    *program = p;
    return ORR_OK;
}

static orr_status execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    const struct program *p = program;
    orr_status status = ORR_OK;
    const bool last_first = faulty_chosen == FAULT_program_order && p->n > 1;
    const size_t end = faulty_chosen == FAULT_program_last_call && p->n > 1 ? p->n - 1 : p->n;
    faulty_in_program = true;
    for (size_t i = 0; i < end && status == ORR_OK; ++i)
        status = faulty_run_call(dev, &p->call[last_first ? (i + p->n - 1) % p->n : i], err);
    faulty_in_program = false;
    return faulty_chosen == FAULT_program_swallows_status ? ORR_OK : status;
}

static orr_status elapsed(struct orr_device *dev, void *program, double *seconds, struct orr_error *err)
{
    (void)dev, (void)err;
    for (size_t i = 0; i < ((const struct program *)program)->n; ++i)
        seconds[i] = 7.5;
    return ORR_OK;
}

static orr_status describe(struct orr_device *dev, void *program, char *text, size_t size, struct orr_error *err)
{
    static const char line[] = "calls in the order in which they were given\n";
    (void)dev, (void)program, (void)size, (void)err;
    memcpy(text, line, sizeof line);
    return ORR_OK;
}

static void discard(struct orr_device *dev, void *program)
{
    (void)dev;
    reference_host->dealloc(program);
}

static bool has_programs(void)
{
    switch (faulty_chosen) {
    case FAULT_program_order:
    case FAULT_program_last_call:
    case FAULT_run_adds_in_bulk:
    case FAULT_mul_in_place_prepared:
    case FAULT_mul_in_place_by_run:
    case FAULT_program_swallows_status:
    case FAULT_elapsed_of_another_clock:
    case FAULT_describe_too_long:
        return true;
    default:
        return false;
    }
}

/* --- counters ------------------------------------------------------------------------------------ */

static void counters(struct orr_device *dev, struct orr_counters *out)
{
    static uint64_t asked;
    const uint64_t launches = faulty_chosen == FAULT_counters_fall ? UINT64_MAX - asked++ : 0;
    const struct orr_counters all = {.size = out->size, .launches = launches};
    const size_t room = faulty_chosen == FAULT_counters_too_long ? sizeof all : out->size;
    (void)dev;
    memcpy(out, &all, room < sizeof all ? room : sizeof all);
}

/* --- one queue for all devices -------------------------------------------------------------------- */

enum { QUEUE = 256 };
static struct {
    struct orr_device *dev;
    struct orr_call call;
} queue[QUEUE];
static size_t queued;
/* Threads of two devices must not end the process: what is dropped is the fault. */
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;

static orr_status drain(struct orr_device *dev, struct orr_error *err)
{
    orr_status status = ORR_OK;
    for (size_t i = 0; i < queued && status == ORR_OK; ++i)
        if (queue[i].dev == dev) status = faulty_real.run(dev, &queue[i].call, err);
    queued = 0;
    return status;
}

static orr_status queue_finish(struct orr_device *dev, struct orr_error *err)
{
    pthread_mutex_lock(&queue_lock);
    const orr_status status = drain(dev, err);
    pthread_mutex_unlock(&queue_lock);
    return status;
}

static orr_status queue_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    orr_status status = ORR_OK;
    if (!faulty_real.supports(dev, call)) return faulty_real.run(dev, call, err);
    pthread_mutex_lock(&queue_lock);
    if (queued == QUEUE) status = drain(dev, err);
    queue[queued].dev = dev;
    queue[queued++].call = *call;
    pthread_mutex_unlock(&queue_lock);
    return status;
}

static orr_status queue_write(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                              struct orr_error *err)
{
    const orr_status status = queue_finish(dev, err);
    return status == ORR_OK ? faulty_real.write(dev, buf, at, src, n, err) : status;
}

static orr_status queue_read(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                             struct orr_error *err)
{
    const orr_status status = queue_finish(dev, err);
    return status == ORR_OK ? faulty_real.read(dev, buf, at, dst, n, err) : status;
}

static void queue_free(struct orr_device *dev, struct orr_buffer *buf)
{
    struct orr_error ignored;
    if (queue_finish(dev, &ignored) != ORR_OK) return;
    faulty_real.free(dev, buf);
}

void faulty_set_interface(struct orr_backend_ops *ops)
{
    ops->device_count = device_count;
    ops->device_info = device_info;
    ops->open = device_open;
    ops->close = device_close;
    ops->supports = supports;
    ops->alloc = buffer_alloc;
    ops->free = buffer_free;
    ops->read = buffer_read;
    ops->write = buffer_write;
    if (has_programs()) {
        ops->prepare = prepare;
        ops->execute = execute;
        ops->discard = discard;
    }
    if (faulty_chosen == FAULT_counters_too_long || faulty_chosen == FAULT_counters_fall) ops->counters = counters;
    if (faulty_chosen == FAULT_elapsed_of_another_clock) ops->elapsed = elapsed;
    if (faulty_chosen == FAULT_describe_too_long) ops->describe = describe;
    if (faulty_chosen == FAULT_shared_queue) {
        ops->run = queue_run;
        ops->write = queue_write;
        ops->read = queue_read;
        ops->free = queue_free;
        ops->finish = queue_finish;
    }
}
