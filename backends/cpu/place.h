/* Placing values in one piece of memory, where those that live at the same time do not overlap. */
#ifndef CPU_PLACE_H
#define CPU_PLACE_H

#include "cpu.h"

struct cpu_block {
    uint64_t bytes;     /* in */
    size_t first, last; /* in: the time it lives, ends included */
    uint64_t offset;    /* out: a multiple of CPU_ALIGN */
};

/* Place n blocks; *bytes is what all of them need. ENOMEM. */
ORR_CHECKED orr_status cpu_place(struct cpu_block *block, size_t n, uint64_t *bytes, struct orr_error *err);

static inline uint64_t cpu_aligned(uint64_t bytes) { return (bytes + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN; }

#endif
