/* What a segment keeps in the memory of a thread, and into how many slices and slots its groups are cut. */
#ifndef CPU_SLICE_H
#define CPU_SLICE_H

#include "segment.h"

/* A value that lives and dies within a segment: a thread has memory for a slice of it. */
struct cpu_region {
    const struct orr_tensor *like; /* one of the tensors that are this value */
    size_t first, last;            /* items */
    uint64_t offset;               /* in the thread's memory */
};

struct cpu_segment {
    size_t first, count; /* items */
    int64_t groups;
    struct cpu_region *region;
    size_t n_regions;
    uint32_t slices;       /* their shares of the groups: cpu_share_begin */
    uint32_t slots;        /* their shares of the slices; each has memory for what its slices add up */
    int64_t most;          /* groups in the largest slice */
    uint64_t value_bytes;  /* of a thread: values of a slice */
    uint64_t kernel_bytes; /* of a thread: what the most demanding kernel asks for */
    uint64_t summed_bytes; /* of a slot */
};

/* Describe the segment that a piece with groups is: its values, slices and slots. All from shapes: the same on every
 * machine. The caller frees segment->region by the host, also after an error (ENOMEM). */
ORR_CHECKED orr_status cpu_segment_make(const struct cpu_kernels *kernels, const struct cpu_item *item, size_t n,
                                        const struct cpu_piece *piece, struct cpu_segment *segment,
                                        struct orr_error *err);
/* The region that tensor t is; NULL where the segment keeps it elsewhere. */
const struct cpu_region *cpu_segment_region(const struct cpu_segment *segment, const struct orr_tensor *t);

/* The first of `all` things that part `which` of `parts` nearly equal ones holds. */
static inline int64_t cpu_share_begin(int64_t all, uint32_t parts, uint32_t which)
{
    return all / parts * which + all % parts * which / parts;
}

#endif
