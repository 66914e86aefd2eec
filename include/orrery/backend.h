/* orrery/backend.h - run tensor operations on a device.
 *
 * Tensors are dense, row-major, rank 0 to 4. The engine owns the graph, gradients and order of
 * calls. A small backend allocates buffers, copies bytes and runs one operation at a time; a fast
 * one also takes the whole step as a program (prepare) and plans, fuses and slices it as it likes.
 * Gradients and the optimiser are ordinary operations: there is no second, "backward" entry point.
 */
#ifndef ORRERY_BACKEND_H
#define ORRERY_BACKEND_H

#include "plugin.h"

enum { ORR_RANK_MAX = 4, ORR_IN_MAX = 6, ORR_OUT_MAX = 4 };
enum orr_dtype { ORR_F32 = 1, ORR_I32 = 2, ORR_F64 = 3, ORR_F16 = 4, ORR_BF16 = 5 };

enum orr_op {
#define ORR_OP(id, name, ...) ORR_OP_##name = id,
#include "ops.def" /* installed beside this header */
#undef ORR_OP
    ORR_OP_COUNT_
};

struct orr_device; /* the backend's own; opaque to the engine */
struct orr_buffer; /* likewise */

/* KEPT: read or written outside the program (parameters, optimiser state, inputs, loss ring, captured
 * activations), so it must live in `buffer`. Other values are scratch: a backend that sets plans_scratch gets
 * buffer == NULL for them and keeps them wherever it likes, or never materialises them. */
enum orr_tensor_flags { ORR_KEPT = 1u << 0 };

/* A dense range of a storage. Storages, not tensors, have lifetimes: two tensors with the same storage number are
 * views of the same memory (a gradient inside the gradient block, an in-place result). */
struct orr_tensor {
    struct orr_buffer *buffer; /* NULL: scratch under plans_scratch; always NULL in supports() */
    uint64_t offset;           /* bytes into buffer, or into the storage when buffer is NULL */
    uint64_t storage_bytes;    /* of the whole storage that this is a view of */
    int64_t dim[ORR_RANK_MAX];
    uint32_t rank, dtype;
    uint32_t storage;         /* same number = same memory, within one program */
    uint32_t batch;           /* dim[0] is this many equal, independent groups of rows; 0: not batched */
    uint32_t flags, reserved; /* enum orr_tensor_flags */
};

/* Which fields an operation reads is written beside it in ops.def. */
struct orr_attr {
    int64_t i[8];
    double f[4];
};

struct orr_call {
    uint32_t size, op;
    uint32_t n_in, n_out;
    struct orr_tensor in[ORR_IN_MAX], out[ORR_OUT_MAX]; /* out[k] is in[k] only where ops.def says */
    struct orr_attr attr;
};
/* The calls of a program come in a valid order. A backend that reorders them keeps the order of accesses that overlap
 * in (buffer, byte range), since storages whose lifetimes are apart may share the bytes of a buffer; where buffer is
 * NULL, in (storage, byte range). */

/* Elements of t along its axes from .. to-1: 1 where there are none. */
static inline int64_t orr_tensor_span(const struct orr_tensor *t, uint32_t from, uint32_t to)
{
    int64_t n = 1;
    for (; from < to; ++from)
        n *= t->dim[from];
    return n;
}

/* Elements of t: 1 where its rank is 0. */
static inline int64_t orr_tensor_elements(const struct orr_tensor *t) { return orr_tensor_span(t, 0, t->rank); }

struct orr_device_info {
    uint32_t size;
    char name[64], vendor[64], driver[64];
    uint64_t memory_bytes; /* 0 when unknown */
    uint64_t max_alloc;    /* largest single buffer, bytes; 0 when unlimited */
    uint32_t align;        /* power of two, bytes: storages begin at multiples of it, their views at any element */
    uint32_t kind;         /* 0 cpu, 1 gpu, 2 other */
    uint32_t dtypes;       /* bit (1 << enum orr_dtype) */
    bool plans_scratch;    /* prepare places scratch values itself */
    bool flushes_denormals;
    double peak_flops; /* f32, per second; 0 when unknown */
};

enum { ORR_PROVIDERS_MAX = 8 };

/* Matrix products that one implementation computed: a library, or kernels of the backend's own. */
struct orr_provider {
    char name[32];          /* [a-z0-9_]+ */
    uint64_t products;      /* of one call each, however many launches they took */
    uint64_t multiply_adds; /* m * n * k of each, times its batch */
};

/* Filled in by the callee as far as the caller's size says. */
struct orr_counters {
    uint32_t size;
    uint32_t n_providers;   /* of provider[], in an order that stays the same while the device is open */
    uint64_t launches;      /* pieces of work that the backend queued or started itself: kernels, fills, copies */
    uint64_t library_calls; /* calls of libraries that queue work of their own, which `launches` does not see */
    uint64_t bytes_written; /* host to device, by write and by the backend itself; no arguments */
    uint64_t bytes_read;    /* device to host */
    struct orr_provider provider[ORR_PROVIDERS_MAX];
};

/* A device is used by one thread at a time; different devices may run at once. */
struct orr_backend_ops {
    uint32_t size;
    /* Devices. */
    uint32_t (*device_count)(void);
    orr_status (*device_info)(uint32_t index, struct orr_device_info *out, struct orr_error *err);
    orr_status (*open)(uint32_t index, const union orr_value *param, struct orr_device **out, struct orr_error *err);
    void (*close)(struct orr_device *dev); /* after every buffer is freed */
    /* Memory. */
    orr_status (*alloc)(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err);
    void (*free)(struct orr_device *dev, struct orr_buffer *buf);
    /* write and read act as if all queued work had completed; src is free on return. */
    orr_status (*write)(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                        struct orr_error *err);
    orr_status (*read)(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                       struct orr_error *err);
    /* Compute. supports: pure, asked while planning, maybe several times a node: shapes, types and attributes are
     * final, flags, storage and offset may still change. run: may only queue the work. */
    bool (*supports)(struct orr_device *dev, const struct orr_call *call);
    orr_status (*run)(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);
    orr_status (*finish)(struct orr_device *dev, struct orr_error *err); /* wait for all queued work */
    /* Optional from here on; NULL means "loop over run". Lets a backend compile, bind and fuse once. */
    orr_status (*prepare)(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                          struct orr_error *err);
    orr_status (*execute)(struct orr_device *dev, void *program, struct orr_error *err);
    void (*discard)(struct orr_device *dev, void *program);
    /* Seconds on the device's own clock for each call of the last execute; n as given to prepare. Of calls that ran as
     * one, one has their time and the others 0. */
    orr_status (*elapsed)(struct orr_device *dev, void *program, double *seconds, struct orr_error *err);
    /* Where keeping time costs any: elapsed answers only for what is executed after watch(dev, true) and until
     * watch(dev, false). Called between executes, with no work queued. NULL: elapsed always answers. */
    orr_status (*watch)(struct orr_device *dev, bool on, struct orr_error *err);
    /* What the device has done since it was opened; the numbers only grow. May be called between any other two calls,
     * and waits for nothing. */
    void (*counters)(struct orr_device *dev, struct orr_counters *out);
    /* What was made of a prepared program, for people: lines of plain text, each ended by a newline. No more than size
     * bytes are written, the last a 0; what does not fit is cut off. */
    orr_status (*describe)(struct orr_device *dev, void *program, char *text, size_t size, struct orr_error *err);
};

#endif
