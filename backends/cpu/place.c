/* Greedy-by-size placement with best-fit gaps (Pisarchyk and Lee 2020, arXiv 2001.03288).
 *
 * In: sizes and lifetimes. Out: offsets. The largest goes first; each takes the smallest gap that holds it between
 * those placed before that live at the same time, or the end. */
#include "place.h"

#include <stdlib.h>

static int larger_first(const void *a, const void *b)
{
    const struct cpu_block *x = *(struct cpu_block *const *)a, *y = *(struct cpu_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static bool live_together(const struct cpu_block *a, const struct cpu_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Those of the first n of `order` that live together with `block`, by offset, into `near`. */
static size_t find_neighbours(struct cpu_block *const *order, size_t n, const struct cpu_block *block,
                              struct cpu_block **near)
{
    size_t count = 0;
    for (size_t i = 0; i < n; ++i) {
        if (!live_together(order[i], block)) continue;
        size_t at = count++;
        for (; at > 0 && near[at - 1]->offset > order[i]->offset; --at)
            near[at] = near[at - 1];
        near[at] = order[i];
    }
    return count;
}

static uint64_t best_gap(struct cpu_block *const *near, size_t n, uint64_t bytes)
{
    uint64_t end = 0, best = UINT64_MAX, offset = 0;
    for (size_t i = 0; i < n; ++i) {
        if (near[i]->offset > end && near[i]->offset - end >= bytes && near[i]->offset - end < best) {
            best = near[i]->offset - end;
            offset = end;
        }
        const uint64_t behind = near[i]->offset + cpu_aligned(near[i]->bytes);
        if (behind > end) end = behind;
    }
    return best == UINT64_MAX ? end : offset;
}

orr_status cpu_place(struct cpu_block *block, size_t n, uint64_t *bytes, struct orr_error *err)
{
    *bytes = 0;
    if (n == 0) return ORR_OK;
    struct cpu_block **order = cpu_host->alloc(2 * n * sizeof *order, CPU_ALIGN);
    if (!order) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: places of %zu values", n);
    struct cpu_block **near = order + n;
    for (size_t i = 0; i < n; ++i)
        order[i] = &block[i];
    qsort(order, n, sizeof *order, larger_first);
    for (size_t i = 0; i < n; ++i) {
        const uint64_t need = cpu_aligned(order[i]->bytes);
        order[i]->offset = best_gap(near, find_neighbours(order, i, order[i], near), need);
        if (order[i]->offset + need > *bytes) *bytes = order[i]->offset + need;
    }
    cpu_host->dealloc(order);
    return ORR_OK;
}
