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

/* The failure in err, again, with the name of the operation before its text. */
orr_status opencl_failed_in(uint32_t op, orr_status status, struct orr_error *err);

/* Elements that an item of an element-wise kernel takes, which is the depth that it is built for: kernels/real.h. */
static inline int opencl_vector(const struct orr_device *dev) { return dev->variant.groups ? 4 : 16; }

static inline uint64_t opencl_vectors(const struct orr_device *dev, int count)
{
    return ((uint64_t)count + (uint64_t)opencl_vector(dev) - 1) / (uint64_t)opencl_vector(dev);
}

/* A kernel of the family that the device's variant asks for. */
#define OPENCL_VARIANT(dev, family, name)                                                                              \
    ((dev)->variant.groups ? OPENCL_##family##_groups_##name : OPENCL_##family##_##name)

/* `pieces` of work of `visits` each: an item each, or a group where the variant is of groups. */
static inline void opencl_share(const struct orr_device *dev, struct opencl_launch *launch, uint64_t pieces,
                                uint64_t visits)
{
    const bool groups = dev->variant.groups;
    launch->items = groups ? pieces * OPENCL_GROUP : pieces;
    launch->visits = groups ? visits / OPENCL_GROUP + 1 : visits;
    launch->group = groups ? OPENCL_GROUP : 0;
}

/* The gradients with `plus` (as many elements as the first result; NULL: nothing) added to the first result last. plus
 * may be the first result, each element of which is read just before it is written; else it overlaps no result. */
ORR_CHECKED orr_status opencl_layernorm_grad(struct orr_device *dev, const struct orr_call *call,
                                             const struct orr_tensor *plus, struct orr_error *err);
ORR_CHECKED orr_status opencl_rmsnorm_grad(struct orr_device *dev, const struct orr_call *call,
                                           const struct orr_tensor *plus, struct orr_error *err);

ORR_CHECKED orr_status opencl_random_normal(struct orr_device *dev, const struct orr_call *call,
                                            const struct orr_tensor *plus, struct orr_error *err);

/* GATHER of the rows at index + shift. */
ORR_CHECKED orr_status opencl_gather(struct orr_device *dev, const struct orr_call *call, int shift,
                                     struct orr_error *err);
/* f[0] of a FILL as the word that it writes. */
int opencl_fill_word(double value, uint32_t dtype);

/* Heads of attention larger than this are lowered: a row of them would not fit into registers. */
enum { OPENCL_DEPTH_MAX = 256 };

/* A launch of move.cl over `rows` rows of `length` elements, whose items it fills in. */
ORR_CHECKED orr_status opencl_move(struct orr_device *dev, struct opencl_launch *launch, int rows, int length,
                                   struct orr_error *err);
/* y := elements of `in` as dim and stride say; the number of rows is filled in. */
ORR_CHECKED orr_status opencl_move_strided(struct orr_device *dev, struct params_strided params, cl_mem in, cl_mem y,
                                           struct orr_error *err);

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
/* Most chunks that opencl_join is given: an item of it adds them all. */
enum { OPENCL_JOIN_CHUNKS = 4096 };
/* How many chunks of REDUCE_CHUNK; at least 1. */
int opencl_chunks(int length);

#endif
