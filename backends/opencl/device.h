/* An open device: one context, one in-order queue, programs built as they are needed, scratch that only grows. */
#ifndef OPENCL_DEVICE_H
#define OPENCL_DEVICE_H

#include "discover.h"
#include "kernels/params.h"
#include "variant.h"

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
struct opencl_record;

struct orr_device {
    const struct opencl_found *found;
    cl_context context;
    cl_command_queue queue;
    struct opencl_program *programs;
    uint32_t align;       /* of sub-buffers, bytes */
    uint64_t launch_work; /* most element visits of one launch, of which multiply-adds of products and attention count
                             an eighth */
    cl_mem scratch;
    size_t scratch_bytes;
    uint64_t allocated;    /* bytes of all buffers, without scratch */
    size_t partials_bytes; /* of `partials`, which only grows, as scratch does */
    cl_mem partials;
    bool rehearsing;                 /* build and allocate, but queue nothing */
    struct opencl_record *recording; /* where launches go instead of into the queue, or NULL */
    struct opencl_record *rehearsal; /* while rehearsing a program, or NULL */
    bool profiles;                   /* the queue keeps the times of what it ran */
    struct opencl_variant variant;
    struct opencl_products *products; /* of product.h */
    bool told;                        /* that kernels are being compiled */
    double compiling;                 /* seconds that it has taken so far, of what was told */
    bool compiled;                    /* that has been told */
    uint32_t launches;                /* since the last bound */
    cl_event bound;                   /* where the queue was at the bound before, or NULL */
    /* Since the device was opened; logged when it is closed. largest: visits of one launch. */
    struct {
        uint64_t launches, flushes, waits, largest;
        uint64_t libraries, library_launches; /* library_launches: those of `launches` that are a library's, about */
        uint64_t written, read;               /* bytes */
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
    int depth;       /* what the program is built for, or 0 */
    uint32_t group;  /* exactly so many items of a group; 0: OPENCL_GROUP, or fewer where that is too many */
    cl_mem buffer[8];
};

/* Queue a launch, in pieces of at most launch_work visits (of one item where an item has more); of no items, nothing.
 */
ORR_CHECKED orr_status opencl_launch(struct orr_device *dev, const struct opencl_launch *launch, struct orr_error *err);

/* The most work-items that a group of the kernel may have; builds it if it is new. */
ORR_CHECKED orr_status opencl_group_most(struct orr_device *dev, enum opencl_kernel kernel, int depth, size_t *most,
                                         struct orr_error *err);

/* Tell the user, once a device, that kernels are being compiled, which may take long. */
void opencl_compiling(struct orr_device *dev, const char *what);

/* Free every program that launches have built. */
void opencl_programs_release(struct orr_device *dev);

/* Say that `count` more launches of at most `visits` each were queued: flushes and waits as the constants above say. */
ORR_CHECKED orr_status opencl_queued(struct orr_device *dev, uint32_t count, uint64_t visits, struct orr_error *err);

/* At least `elements` floats of scratch, not zeroed, valid until the next call. An operation asks once and divides. */
ORR_CHECKED orr_status opencl_scratch(struct orr_device *dev, uint64_t elements, cl_mem *out, struct orr_error *err);

/* --- sums in two passes ------------------------------------------------------------------------------------------ */

/* A first pass leaves `chunks` rows of `count` partial sums in memory from element `first` on. What opencl_partials
 * gives is valid until the next call of it, and until y is whole where opencl_join was told. */
struct opencl_partials {
    cl_mem memory;
    int first;
};
/* Floats of partial sums of which many may wait for their second pass, of one program; one sum may have more. */
enum { OPENCL_PARTIALS_MAX = 1 << 24 };
ORR_CHECKED orr_status opencl_partials_reserve(struct orr_device *dev, uint64_t elements, struct orr_error *err);
ORR_CHECKED orr_status opencl_partials(struct orr_device *dev, uint64_t elements, struct opencl_partials *out,
                                       struct orr_error *err);

/* y[y_first + i] := partial sums i, count + i, 2 count + i ... added in this order, compensated: at once, or, of a
 * program that is being recorded, together with others before somebody uses y. May be called more than once for one
 * opencl_partials, with other firsts. */
struct opencl_join {
    cl_mem memory;
    int first, chunks, count;
    cl_mem y;
    int y_first;
};
ORR_CHECKED orr_status opencl_join(struct orr_device *dev, const struct opencl_join *join, struct orr_error *err);

/* --- work that is not a launch of ours --------------------------------------------------------------------------- */

/* Queue work by another library: now, or, while a program is recorded, whenever it is executed. `state` is copied
 * (`bytes` of it); `release`, which may be NULL, frees what it holds when it is not needed any more, also on failure.
 * While rehearsing nothing is queued, and state is released. */
struct opencl_foreign {
    orr_status (*queue)(struct orr_device *dev, const void *state, struct orr_error *err);
    void (*release)(struct orr_device *dev, void *state);
    void *state;
    size_t bytes;
};
ORR_CHECKED orr_status opencl_queue_foreign(struct orr_device *dev, const struct opencl_foreign *foreign,
                                            struct orr_error *err);

ORR_CHECKED orr_status opencl_device_open(uint32_t index, uint64_t launch_work, struct orr_device **out,
                                          struct orr_error *err);
/* Keep the times of what is queued, or no longer; with an empty queue. */
ORR_CHECKED orr_status opencl_device_watch(struct orr_device *dev, bool on, struct orr_error *err);
void opencl_device_close(struct orr_device *dev); /* NULL is fine */

#endif
