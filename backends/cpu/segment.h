/* The order of a program: its items in levels, and in each level those that are run whole, then segments. */
#ifndef CPU_SEGMENT_H
#define CPU_SEGMENT_H

#include "item.h"

/* Items that follow one another. */
struct cpu_piece {
    size_t first, count;
    int64_t groups; /* a segment: its items are run group by group; 0: each is run whole */
    uint32_t level; /* there is a barrier before each level, and before each segment */
};

/* Decide by which groups each of n items, in the order of the program, is cut: by the `batch` of its tensors; else as
 * the items that read its results; else, where it is worth it, by rows of its own. */
void cpu_cut_items(struct cpu_item *item, size_t n);

/* Put n items that are cut into the order in which they are to be run, and list the pieces, which the caller frees
 * (*piece, by the host). ENOMEM: then the items are as they were. */
ORR_CHECKED orr_status cpu_order_items(struct cpu_item *item, size_t n, struct cpu_piece **piece, size_t *n_pieces,
                                       struct orr_error *err);

#endif
