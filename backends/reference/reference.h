/* What the files of the reference backend share: the device, the shape of an operation, access to tensors.
 *
 * A tensor here is host memory: data at buffer->data + offset, dense, row-major. Rank 0 is one element; any dim may be
 * 0, and then there is nothing to read or write.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "orrery/backend.h"

enum { REFERENCE_ALIGN = 64 };

struct orr_buffer {
    size_t bytes;
    unsigned char *data;
};

/* Scratch belongs to the device and only grows, so that a step that has run once allocates nothing more. */
struct orr_device {
    double *scratch;
    size_t scratch_count;
};

/* The table of the engine, set by the first orr_plugin_query and never changed. */
extern const struct orr_host *reference_host;

#define REFERENCE_FAIL(err, ...) reference_host->fail(err, __VA_ARGS__)
#define REFERENCE_UNUSED         __attribute__((unused))

typedef orr_status (*reference_kernel)(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);

/* One entry an op, NULL where the element type of the result is not taken. Indexed by enum orr_op. */
extern const reference_kernel reference_kernels_f32[ORR_OP_COUNT_];
extern const reference_kernel reference_kernels_f64[ORR_OP_COUNT_];
extern const reference_kernel reference_kernels_i32[ORR_OP_COUNT_];

/* The name of an op as in ops.def, or NULL for a number that has no row. */
const char *reference_op_name(uint32_t op);

/* Counts, element types, shapes and attributes of a call; ORR_OK when the backend can run it. Any thread. */
ORR_CHECKED orr_status reference_check(const struct orr_call *call, struct orr_error *err);

/* The shape rule of call->op alone; counts and element types are known to be right. */
ORR_CHECKED orr_status reference_check_shape(const struct orr_call *call, struct orr_error *err);

/* Buffers present, ranges inside them, aligned, and results overlapping inputs only where ops.def says. */
ORR_CHECKED orr_status reference_check_memory(const struct orr_call *call, struct orr_error *err);

/* count doubles of the device's scratch, not zeroed, valid until the next call; NULL (err filled) when out of memory.
 * An op asks once and divides what it got. */
double *reference_scratch(struct orr_device *dev, int64_t count, struct orr_error *err);

static inline size_t reference_size(uint32_t dtype)
{
    return dtype == ORR_F64 ? 8 : dtype == ORR_F32 || dtype == ORR_I32 ? 4 : 0;
}

/* Product of dims [from, to). */
static inline int64_t reference_span(const struct orr_tensor *t, uint32_t from, uint32_t to)
{
    int64_t count = 1;
    for (uint32_t k = from; k < to; ++k)
        count *= t->dim[k];
    return count;
}

static inline int64_t reference_count(const struct orr_tensor *t) { return reference_span(t, 0, t->rank); }

/* A tensor of rank 1 or more as a matrix (rows, width) of its last axis. */
static inline int64_t reference_width(const struct orr_tensor *t) { return t->dim[t->rank - 1]; }

static inline int64_t reference_rows(const struct orr_tensor *t) { return reference_span(t, 0, t->rank - 1); }

static inline void *reference_data(const struct orr_tensor *t) { return t->buffer->data + t->offset; }

#endif
