/* Fusion: the calls of a program as steps, of which one may do several calls at once.
 *
 * Decided from operations, places and uses, never from a model. A step is equal to its calls run in order, up to
 * rounding within the bound of each; ORRERY_FUSE=0 leaves every call a step of its own.
 */
#ifndef OPENCL_FUSE_H
#define OPENCL_FUSE_H

#include "product.h"

/* A call, and what is done with its first result before it is written. Tensors of rank 0 without a buffer: none. */
struct opencl_step {
    struct orr_call call;       /* out[0] is where the result of the whole step goes */
    struct orr_tensor before;   /* gets the value before the activation */
    struct orr_tensor at;       /* where the slope is taken */
    struct orr_tensor residual; /* added last */
    struct orr_tensor sums;     /* gets the column sums of in[1] */
    uint32_t activation, slope; /* operations, or 0 */
    int shift;                  /* added to the indices of a GATHER */
    size_t first;               /* which call it stands for; of several, the first */
    bool constant;              /* a FILL, done when the program is prepared and never again */
    bool done;                  /* nothing is left to do: another step does it */
};

struct opencl_plan {
    struct opencl_step *step;
    size_t count;
    struct orr_buffer *constants; /* where constant steps write; its memory may be made later */
    uint64_t constant_bytes;
};

/* The steps of n calls, each one call as yet; the caller frees plan->step by the host. */
ORR_CHECKED orr_status opencl_plan_create(const struct orr_call *const *calls, size_t n, struct orr_buffer *constants,
                                          struct opencl_plan *plan, struct orr_error *err);
/* Fuse what can be fused. All calls are supported ones. */
void opencl_plan_fuse(const struct orr_device *dev, struct opencl_plan *plan);

/* Queue (or record) a step. */
ORR_CHECKED orr_status opencl_step_run(struct orr_device *dev, const struct opencl_step *step, struct orr_error *err);

/* --- memory of steps (fuse_memory.c) ----------------------------------------------------------------------------- */

enum { OPENCL_ACCESSES = ORR_IN_MAX + ORR_OUT_MAX + 4 };

/* Every tensor that a step reads or writes. */
struct opencl_accesses {
    const struct orr_tensor *in[OPENCL_ACCESSES], *out[OPENCL_ACCESSES];
    size_t n_in, n_out;
};
struct opencl_accesses opencl_accesses_of(const struct opencl_step *step);

uint64_t opencl_bytes(const struct orr_tensor *t);
/* Do two tensors share a byte; are they the same bytes? */
bool opencl_overlap(const struct orr_tensor *a, const struct orr_tensor *b);
bool opencl_same_place(const struct orr_tensor *a, const struct orr_tensor *b);
/* Is every byte that the step writes neither read by it, but in place, nor written twice? */
bool opencl_apart(const struct opencl_step *step);
/* Can what steps from and to (from < to) do be done at one of the two places? *place is `to` if it can, else `from`. */
bool opencl_can_meet(const struct opencl_plan *plan, size_t from, size_t to, size_t *place);
/* Does anybody but steps writer and reader want what `writer` writes to t? */
bool opencl_wanted(const struct opencl_plan *plan, const struct orr_tensor *t, size_t writer, size_t reader);
/* Does the step read, or write, any of the value t? And does it write all of it? */
bool opencl_reads(const struct opencl_step *step, const struct orr_tensor *t);
bool opencl_writes(const struct opencl_step *step, const struct orr_tensor *t);
bool opencl_overwrites(const struct opencl_step *step, const struct orr_tensor *t);
/* Is any byte of t kept, by whatever name? */
bool opencl_kept(const struct opencl_plan *plan, const struct orr_tensor *t);

/* Steps from and to (from < to) become `both`, at one of their places; false, and nothing changes, where they cannot
 * meet. */
bool opencl_unite(struct opencl_plan *plan, size_t from, size_t to, const struct opencl_step *both);

/* --- rules (fuse_product.c, fuse_index.c, fuse_constant.c) ------------------------------------------------------- */

/* Make step i, or another with it, do what steps that follow do; true when there was something. */
bool opencl_fuse_result(const struct orr_device *dev, struct opencl_plan *plan, size_t i);
bool opencl_fuse_repeat(const struct orr_device *dev, struct opencl_plan *plan, size_t i);
bool opencl_fuse_sums(const struct orr_device *dev, struct opencl_plan *plan, size_t i);
bool opencl_fuse_index(struct opencl_plan *plan, size_t i);
/* Results of FILL that nothing else writes become constants of the program. */
void opencl_fuse_constants(const struct orr_device *dev, struct opencl_plan *plan);

#endif
