/* What the executor asks of a kernel: one call, or a part of one, on host memory.
 *
 * A part is a range of the groups that `batch` of a tensor counts: operands that hold a row or more for each group are
 * given by that range alone, operands that all groups read are given whole, and results that are sums over the groups
 * go into memory of the part's own, which the executor adds up in a fixed order. So bits depend on how a call is cut
 * into parts, which its shape decides, and never on the number of threads.
 */
#ifndef CPU_JOB_H
#define CPU_JOB_H

#include "orrery/backend.h"

enum { CPU_ALIGN = 64 };

/* How an operand takes part in a call that is run part by part. */
enum cpu_role {
    CPU_WHOLE,  /* read by every part */
    CPU_SLICED, /* dim[0] is a multiple of the groups; a part has its share of the rows */
    CPU_SUMMED, /* a result that is the sum of what the parts give */
};

/* Dense, row-major host memory. */
struct cpu_view {
    void *data;
    int64_t dim[ORR_RANK_MAX];
    uint32_t rank, dtype;
};

/* What a product does with a result before it leaves registers, in this order. NULL or 0: not asked for. All have the
 * shape of the part's result. */
struct cpu_after {
    float *before;       /* gets the value as it is here: activation(before) is the result */
    uint32_t activation; /* ORR_OP_SILU or ORR_OP_GELU */
    uint32_t slope;      /* ORR_OP_SILU_GRAD or ORR_OP_GELU_GRAD: times the slope of the activation at `at` */
    const float *at;
    const float *residual; /* added last; may be the result's own memory */
};

struct cpu_job {
    const struct orr_call *call;    /* operation, attributes and the shapes of the whole; its buffers mean nothing */
    struct cpu_view in[ORR_IN_MAX]; /* of this part */
    struct cpu_view out[ORR_OUT_MAX];
    int64_t groups, group, count;    /* of the call; the first of this part; of this part */
    bool add;                        /* CPU_SUMMED results: add to what they hold instead of writing */
    void *scratch;                   /* cpu_kernel.scratch bytes, aligned, the thread's own, with any content */
    const float *packed[ORR_IN_MAX]; /* what pack made of a CPU_WHOLE input, or NULL where it was not called */
    struct cpu_after after;
};

/* One operation in one instruction set. Kernels know nothing of threads, allocate nothing and cannot fail: all that
 * could is refused by takes or checked before. */
struct cpu_kernel {
    /* Compute out[] from in[]. Any dim may be 0. */
    void (*run)(const struct cpu_job *job);
    /* Bytes of scratch that a part of `count` of `groups` groups needs; NULL: none. */
    size_t (*scratch)(const struct orr_call *call, int64_t groups, int64_t count);
    /* Floats of the form in which run would like the CPU_WHOLE input k, 0: as it is; NULL: as they are. run must also
     * work where packed is NULL. Packing is done once an execution, before all parts. */
    size_t (*pack_floats)(const struct orr_call *call, uint32_t k);
    void (*pack)(const struct orr_call *call, uint32_t k, const struct cpu_view *in, float *packed);
    /* Can run do `after`? NULL: none of it. */
    bool (*takes_after)(const struct orr_call *call, const struct cpu_after *after);
};

/* All operations in one instruction set; an entry whose run is NULL is not supported. */
struct cpu_kernels {
    const char *name;                               /* baseline, avx2, avx512, neon */
    uint32_t lanes;                                 /* floats in a vector */
    const struct cpu_kernel *kernel[ORR_OP_COUNT_]; /* NULL: not supported */
};

/* Rows of the whole that lie before this part, of a tensor that is CPU_SLICED. */
static inline int64_t cpu_rows_before(const struct cpu_job *job, const struct orr_tensor *t)
{
    return job->groups > 0 ? t->dim[0] / job->groups * job->group : 0;
}

static inline int64_t cpu_span(const struct cpu_view *v, uint32_t from, uint32_t to)
{
    int64_t n = 1;
    for (; from < to; ++from)
        n *= v->dim[from];
    return n;
}

static inline int64_t cpu_elements(const struct cpu_view *v) { return cpu_span(v, 0, v->rank); }

/* A tensor of rank 1 or more as a matrix (rows, width) of its last axis. */
static inline int64_t cpu_width(const struct cpu_view *v) { return v->rank ? v->dim[v->rank - 1] : 1; }

static inline int64_t cpu_rows(const struct cpu_view *v) { return v->rank ? cpu_span(v, 0, v->rank - 1) : 1; }

#endif
