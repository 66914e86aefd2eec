/* Greedy-by-size placement with best-fit gaps (Pisarchyk and Lee 2020, arXiv 2001.03288).
 *
 * In: sizes and lifetimes. Out: a chunk and an offset for each. The largest goes first; each takes the smallest gap
 * that holds it between those placed before that live at the same time, or the end. */
#include "plan/arena.h"

#include "base/memory.h"

#include <stdlib.h>

struct arena {
    struct orr_arena_item *item;
    size_t *order;  /* items, largest first */
    size_t *placed; /* items of one chunk that live at the same time as the one at hand, by offset */
    size_t count;
    uint64_t max_chunk;
};

struct sort_key {
    uint64_t bytes;
    size_t index;
};

static int larger_first(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static orr_status sort_items(struct arena *a, struct orr_error *err)
{
    struct sort_key *key = orr_memory_array(a->count, sizeof(*key));
    if (!key) return orr_memory_out(err, "planning memory", a->count * sizeof(*key));
    for (size_t i = 0; i < a->count; ++i)
        key[i] = (struct sort_key){a->item[i].bytes, i};
    qsort(key, a->count, sizeof(*key), larger_first);
    for (size_t i = 0; i < a->count; ++i)
        a->order[i] = key[i].index;
    orr_memory_free(key);
    return ORR_OK;
}

static bool live_together(const struct orr_lifetime *a, const struct orr_lifetime *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Items already in the chunk that live together with `index`, sorted by offset into a->placed. */
static size_t neighbours(struct arena *a, size_t index, size_t n_done, int32_t chunk)
{
    size_t n = 0;
    for (size_t i = 0; i < n_done; ++i) {
        const size_t other = a->order[i];
        if (a->item[other].chunk != chunk || !live_together(&a->item[other].life, &a->item[index].life)) continue;
        size_t at = n++;
        for (; at > 0 && a->item[a->placed[at - 1]].offset > a->item[other].offset; --at)
            a->placed[at] = a->placed[at - 1];
        a->placed[at] = other;
    }
    return n;
}

/* The smallest gap that fits, else the end; false when that passes the chunk's limit. */
static bool best_gap(struct arena *a, size_t index, size_t n_done, int32_t chunk, uint64_t *offset)
{
    const uint64_t bytes = a->item[index].bytes;
    const size_t n = neighbours(a, index, n_done, chunk);
    uint64_t end = 0, best = UINT64_MAX;
    for (size_t i = 0; i < n; ++i) {
        const struct orr_arena_item *other = &a->item[a->placed[i]];
        if (other->offset > end && other->offset - end >= bytes && other->offset - end < best) {
            best = other->offset - end;
            *offset = end;
        }
        if (other->offset + other->bytes > end) end = other->offset + other->bytes;
    }
    if (best != UINT64_MAX) return true;
    *offset = end;
    return a->max_chunk == 0 || end + bytes <= a->max_chunk;
}

static orr_status place_all(struct arena *a, uint64_t **chunk_bytes, size_t *n_chunks, struct orr_error *err)
{
    size_t capacity = 0;
    for (size_t i = 0; i < a->count; ++i) {
        struct orr_arena_item *item = &a->item[a->order[i]];
        int32_t chunk = 0;
        while ((size_t)chunk < *n_chunks && !best_gap(a, a->order[i], i, chunk, &item->offset))
            ++chunk;
        if ((size_t)chunk == *n_chunks) {
            ORR_TRY(orr_memory_grow((void **)chunk_bytes, &capacity, *n_chunks + 1, sizeof(**chunk_bytes), err));
            *n_chunks += 1;
            item->offset = 0;
        }
        item->chunk = chunk;
        if ((*chunk_bytes)[chunk] < item->offset + item->bytes) (*chunk_bytes)[chunk] = item->offset + item->bytes;
    }
    return ORR_OK;
}

orr_status orr_arena_place(struct orr_arena_item *item, size_t count, uint64_t max_chunk, uint64_t **chunk_bytes,
                           size_t *n_chunks, struct orr_error *err)
{
    struct arena a = {.item = item, .count = count, .max_chunk = max_chunk};
    *chunk_bytes = NULL;
    *n_chunks = 0;
    for (size_t i = 0; i < count; ++i)
        item[i].chunk = ORR_NONE;
    a.order = orr_memory_array(count, sizeof(*a.order));
    a.placed = orr_memory_array(count, sizeof(*a.placed));
    orr_status status =
        a.order && a.placed ? sort_items(&a, err) : orr_memory_out(err, "planning memory", count * sizeof(*a.order));
    if (status == ORR_OK) status = place_all(&a, chunk_bytes, n_chunks, err);
    orr_memory_free(a.order);
    orr_memory_free(a.placed);
    if (status != ORR_OK) {
        orr_memory_free(*chunk_bytes);
        *chunk_bytes = NULL;
    }
    return status;
}
