/* Places for storages whose lifetimes are known: greedy by size, best gap (Pisarchyk and Lee 2020, arXiv 2001.03288).
 */
#ifndef ORR_PLAN_ARENA_H
#define ORR_PLAN_ARENA_H

#include "plan/lifetime.h"

struct orr_arena_item {
    uint64_t bytes; /* already a multiple of the alignment */
    struct orr_lifetime life;
    int32_t chunk;   /* out: number of the chunk */
    uint64_t offset; /* out: within it */
};

/* Give every item a place such that no two that live at the same time overlap, in as many chunks of at most max_chunk
 * bytes (0: unlimited) as it takes. chunk_bytes gets their sizes; the caller frees it (orr_memory_free). Every item
 * must fit in a chunk. */
ORR_CHECKED orr_status orr_arena_place(struct orr_arena_item *item, size_t count, uint64_t max_chunk,
                                       uint64_t **chunk_bytes, size_t *n_chunks, struct orr_error *err);

#endif
