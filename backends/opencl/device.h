/* An open device: one context, one in-order queue, programs built as they are needed, scratch that only grows. */
#ifndef OPENCL_DEVICE_H
#define OPENCL_DEVICE_H

#include "discover.h"
#include "kernels/params.h"

/* Work-items of a group, where device and kernel allow it: a constant, so that a driver compiles a kernel once. */
enum { OPENCL_GROUP = 64 };
/* The queue is handed to the device every FLUSH launches, and never holds more than about two times BOUND of them, so
 * that neither memory of the driver nor the time to stop grows with the number of steps. */
enum { OPENCL_FLUSH = 64, OPENCL_BOUND = 1024 };
/* Bytes of scratch from the start, so that it seldom grows. */
enum { OPENCL_SCRATCH_MIN = 1 << 20 };

enum opencl_kernel {
#define KERNEL(family, name, ...) OPENCL_##family##_##name,
#include "kernels.def"
#undef KERNEL
    OPENCL_KERNELS
};

struct orr_buffer {
    cl_mem memory;
    size_t bytes;
};

struct opencl_program;

struct orr_device {
    const struct opencl_found *found;
    cl_context context;
    cl_command_queue queue;
    struct opencl_program *programs;
    uint32_t align;       /* of sub-buffers, bytes */
    uint64_t launch_work; /* most element visits of one launch */
    cl_mem scratch;
    size_t scratch_bytes;
    uint64_t allocated;  /* bytes of all buffers, without scratch */
    bool rehearsing;     /* build and allocate, but queue nothing */
    bool products_ready; /* CLBlast has compiled its kernels */
    bool told;           /* that kernels are being compiled */
    uint32_t launches;   /* since the last bound */
    cl_event bound;      /* where the queue was at the bound before, or NULL */
    /* Since the device was opened; logged when it is closed. largest: visits of one launch. */
    struct {
        uint64_t launches, flushes, waits, largest;
    } tally;
};

/* The number of elements and where they begin in the buffer; both fit 31 bits. */
static inline int opencl_count(const struct orr_tensor *t)
{
    int64_t count = 1;
    for (uint32_t k = 0; k < t->rank; ++k)
        count *= t->dim[k];
    return (int)count;
}

static inline int opencl_first(const struct orr_tensor *t) { return (int)(t->offset / 4); }

/* Product of dims [from, to). */
static inline int opencl_span(const struct orr_tensor *t, uint32_t from, uint32_t to)
{
    int span = 1;
    for (uint32_t k = from; k < to; ++k)
        span *= (int)t->dim[k];
    return span;
}

/* A tensor of rank 1 or more as a matrix (rows, width) of its last axis. */
static inline int opencl_width(const struct orr_tensor *t) { return (int)t->dim[t->rank - 1]; }

static inline int opencl_rows(const struct orr_tensor *t) { return opencl_span(t, 0, t->rank - 1); }

/* What the operations launch. A kernel's buffers come first, in its order, then its parameters (kernels/params.h). */
struct opencl_launch {
    enum opencl_kernel kernel;
    const void *params;
    uint64_t items;
    uint64_t visits; /* elements that one item visits, about; 0: 1. Large launches are split by it. */
    int depth;       /* what the program is built for; 0 but for attention */
    cl_mem buffer[8];
};

/* Queue a launch, in pieces of at most launch_work visits (of one item where an item has more); of no items, nothing.
 */
ORR_CHECKED orr_status opencl_launch(struct orr_device *dev, const struct opencl_launch *launch, struct orr_error *err);

/* Tell the user, once a device, that kernels are being compiled, which may take long. */
void opencl_compiling(struct orr_device *dev, const char *what);

/* Free every program that launches have built. */
void opencl_programs_release(struct orr_device *dev);

/* Say that `count` more launches of at most `visits` each were queued: flushes and waits as the constants above say. */
ORR_CHECKED orr_status opencl_queued(struct orr_device *dev, uint32_t count, uint64_t visits, struct orr_error *err);

/* At least `elements` floats of scratch, not zeroed, valid until the next call. An operation asks once and divides. */
ORR_CHECKED orr_status opencl_scratch(struct orr_device *dev, uint64_t elements, cl_mem *out, struct orr_error *err);

ORR_CHECKED orr_status opencl_device_open(uint32_t index, uint64_t launch_work, struct orr_device **out,
                                          struct orr_error *err);
void opencl_device_close(struct orr_device *dev); /* NULL is fine */

#endif
