/* Every operation of ops.def as one function that queues it, and the pieces that several of them share. */
#ifndef OPENCL_OPERATIONS_H
#define OPENCL_OPERATIONS_H

#include "device.h"

/* Queue one call, whose element types opencl_supports has accepted. */
#define OPERATION(NAME)                                                                                                \
    orr_status opencl_run_##NAME(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)

#define ORR_OP(id, NAME, ...) ORR_CHECKED OPERATION(NAME);
#include "orrery/ops.def"
#undef ORR_OP

/* Can the device run the call? Pure; the shapes are right, as the engine guarantees. */
bool opencl_supports(const struct orr_call *call);

/* Queue the call; failures name the operation. */
ORR_CHECKED orr_status opencl_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);

/* Heads of attention larger than this are lowered: a row of them would not fit into registers. */
enum { OPENCL_DEPTH_MAX = 256 };

/* Pieces of `length` elements each, `stride` elements apart, beginning at element `first`. */
struct opencl_pieces {
    cl_mem memory;
    int first, stride;
};
ORR_CHECKED orr_status opencl_copy(struct orr_device *dev, struct opencl_pieces from, struct opencl_pieces to,
                                   int pieces, int length, struct orr_error *err);
ORR_CHECKED orr_status opencl_copy_tensor(struct orr_device *dev, const struct orr_tensor *from,
                                          const struct orr_tensor *to, struct orr_error *err);

/* `count` words from element `first` on := word. */
ORR_CHECKED orr_status opencl_fill(struct orr_device *dev, cl_mem memory, int first, int count, int word,
                                   struct orr_error *err);

/* y (outer, 1, inner) := sum (divided by divisor) or maximum of in (outer, length, inner). scratch and y may not
 * overlap in; scratch needs opencl_reduce_scratch elements from its first. */
struct opencl_reduction {
    enum opencl_kernel kernel; /* OPENCL_reduce_sum or OPENCL_reduce_max */
    cl_mem in, y, scratch;
    int in_first, y_first, scratch_first;
    int outer, length, inner;
    float divisor; /* 1 for none */
};
ORR_CHECKED orr_status opencl_reduce(struct orr_device *dev, const struct opencl_reduction *r, struct orr_error *err);
uint64_t opencl_reduce_scratch(int outer, int length, int inner);
/* How many chunks of REDUCE_CHUNK; at least 1. */
int opencl_chunks(int length);

#endif
