/* A prepared program: plain tables of what to run, on which memory, in which order. */
#ifndef CPU_PROGRAM_H
#define CPU_PROGRAM_H

#include "pool.h"
#include "slice.h"

#include <stdatomic.h>

/* What the place of an operand is counted from. */
enum cpu_base {
    CPU_MEMORY, /* its buffer, or memory of the program */
    CPU_THREAD, /* the thread's memory, which holds one slice of a value */
    CPU_SLOT,   /* the slot's memory, which holds sums */
};

/* An operand on its memory. */
struct cpu_bound {
    struct cpu_view view; /* data: of the first group; dim[0]: of one group, where it is sliced */
    uint8_t operand;      /* its number (item.h) */
    uint8_t base;         /* enum cpu_base */
    bool sliced;
    size_t offset; /* from the thread's or slot's memory */
    size_t stride; /* bytes from one group to the next */
};

/* An item, bound. */
struct cpu_step {
    const struct cpu_kernel *kernel;
    const struct cpu_item *item;
    const struct cpu_bound *bound;
    uint32_t n_bound;
    const float *packed[ORR_IN_MAX];
};

/* An operand in the form that its kernel likes: made anew in each execution. */
struct cpu_pack {
    const struct cpu_step *step;
    uint32_t operand;
    struct cpu_view from;
    float *to;
};

/* Some elements of a summed result, which are those of all slots added up. */
struct cpu_sum {
    float *to;
    size_t offset, count; /* bytes into a slot; elements */
    size_t number;        /* of the call */
};

enum cpu_phase_kind { CPU_WHOLE_STEPS, CPU_PACKS, CPU_SLICES, CPU_SUMS };

/* Work that may be done at once, given out in tickets; between two phases is a barrier, unless the first thread does
 * both because they have no more than one ticket. */
struct cpu_phase {
    enum cpu_phase_kind kind;
    size_t first, count;               /* steps, packs or sums */
    const struct cpu_segment *segment; /* of slices and sums */
    uint32_t tickets, used;            /* used: threads among which they are shared out */
    atomic_uint next;
};

struct cpu_program {
    size_t n_calls, n_items, n_segments, n_phases, n_packs, n_sums;
    struct cpu_item *item; /* in the order in which they are run */
    struct cpu_step *step; /* one an item */
    struct cpu_bound *bound;
    struct cpu_segment *segment;
    struct cpu_pack *pack;
    struct cpu_sum *sum;
    struct cpu_phase *phase;
    uint64_t launches, products, multiply_adds; /* of an execution */
    uint32_t threads, most_tickets;
    unsigned char *shared;                       /* values that live in no single segment */
    unsigned char *packed, *slots;               /* of the segment at hand */
    unsigned char *thread_memory, *whole_memory; /* of each thread; scratch of items that are run whole */
    uint64_t shared_bytes, packed_bytes, slots_bytes, thread_bytes, whole_bytes;
    double *seconds; /* (thread, call) of the last execution that was watched */
    bool watched;
};

/* As struct orr_backend_ops says of prepare and discard. */
ORR_CHECKED orr_status cpu_prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n,
                                   void **program, struct orr_error *err);
void cpu_discard(struct orr_device *dev, void *program);

/* Fill in steps, packs, sums and phases, with memory for them; items, segments and pieces are known. ENOMEM. */
ORR_CHECKED orr_status cpu_program_bind(const struct cpu_kernels *kernels, struct cpu_program *program,
                                        const struct cpu_piece *piece, size_t n_pieces, struct orr_error *err);

#endif
