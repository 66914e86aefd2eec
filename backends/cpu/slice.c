/* Values of a segment, slices and slots.
 *
 * In: a piece of a program whose items are cut alike. Out: which values never leave it, placed in memory for one slice;
 * a size of slices that keeps these in a second-level cache; and slots, few enough for their sums to be added up. */
#include "slice.h"

#include "place.h"

#include <string.h>

enum {
    SLICE_BYTES = 768 << 10,  /* of values and scratch: three quarters of a cache of 1 MiB, on every machine */
    SLICE_TRAFFIC = 32 << 10, /* read and written by a slice, at least */
    SLICES_ENOUGH = 16,       /* to keep threads busy */
    SUMMED_BYTES = 4 << 20,   /* of all slots, about */
    SLOTS_FEWEST = 8,
    SLOTS_MOST = 32,
};

/* --- values that never leave a segment -----------------------------------------------------------------------------
 */

const struct cpu_region *cpu_segment_region(const struct cpu_segment *segment, const struct orr_tensor *t)
{
    for (size_t i = 0; i < segment->n_regions; ++i)
        if (cpu_same_place(segment->region[i].like, t)) return &segment->region[i];
    return NULL;
}

/* Is every item that touches t in the segment, and does it take all of t, group by group? */
static bool stays_inside(const struct cpu_item *item, size_t n, const struct cpu_segment *segment,
                         const struct orr_tensor *t)
{
    for (size_t i = 0; i < n; ++i)
        for (uint32_t k = 0; k < CPU_OPERANDS; ++k) {
            const struct orr_tensor *other = cpu_operand(&item[i], k);
            if (!other || !cpu_overlap(other, t)) continue;
            if (i < segment->first || i >= segment->first + segment->count) return false;
            if (cpu_operand_role(&item[i], k) != CPU_SLICED || !cpu_same_place(other, t)) return false;
        }
    return true;
}

/* Values are written before they are read: the first item of a region is one of which it is a result. */
static void find_regions(const struct cpu_item *item, size_t n, struct cpu_segment *segment)
{
    for (size_t i = segment->first; i < segment->first + segment->count; ++i)
        for (uint32_t k = 0; k < CPU_OPERANDS; ++k) {
            const struct orr_tensor *t = cpu_operand(&item[i], k);
            if (!t || t->buffer || (t->flags & ORR_KEPT)) continue;
            struct cpu_region *region = NULL;
            for (size_t r = 0; r < segment->n_regions && !region; ++r)
                if (cpu_same_place(segment->region[r].like, t)) region = &segment->region[r];
            if (!region && cpu_operand_is_written(k) && stays_inside(item, n, segment, t)) {
                region = &segment->region[segment->n_regions++];
                *region = (struct cpu_region){.like = t, .first = i};
            }
            if (region) region->last = i;
        }
}

/* --- how large slices are ------------------------------------------------------------------------------------------
 */

static orr_status place_regions(struct cpu_segment *segment, struct cpu_block *block, struct orr_error *err)
{
    for (size_t i = 0; i < segment->n_regions; ++i) {
        const struct cpu_region *region = &segment->region[i];
        const uint64_t bytes = cpu_bytes(region->like) / (uint64_t)segment->groups * (uint64_t)segment->most;
        block[i] = (struct cpu_block){.bytes = bytes, .first = region->first, .last = region->last};
    }
    CPU_TRY(cpu_place(block, segment->n_regions, &segment->value_bytes, err));
    for (size_t i = 0; i < segment->n_regions; ++i)
        segment->region[i].offset = block[i].offset;
    return ORR_OK;
}

static uint64_t kernel_bytes(const struct cpu_kernels *kernels, const struct cpu_item *item,
                             const struct cpu_segment *segment)
{
    uint64_t most = 0;
    for (size_t i = segment->first; i < segment->first + segment->count; ++i) {
        const struct cpu_kernel *kernel = kernels->kernel[item[i].call.op];
        const uint64_t bytes = kernel->scratch ? kernel->scratch(&item[i].call, segment->groups, segment->most) : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* Bytes that one group reads and writes. */
static uint64_t group_traffic(const struct cpu_item *item, const struct cpu_segment *segment)
{
    uint64_t bytes = 0;
    for (size_t i = segment->first; i < segment->first + segment->count; ++i)
        for (uint32_t k = 0; k < CPU_OPERANDS; ++k)
            if (cpu_operand(&item[i], k) && cpu_operand_role(&item[i], k) == CPU_SLICED)
                bytes += cpu_bytes(cpu_operand(&item[i], k)) / (uint64_t)segment->groups;
    return bytes;
}

static int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static orr_status choose_slices(const struct cpu_kernels *kernels, const struct cpu_item *item,
                                struct cpu_segment *segment, struct cpu_block *block, struct orr_error *err)
{
    const int64_t traffic = (int64_t)group_traffic(item, segment);
    int64_t most = divided_up(segment->groups, SLICES_ENOUGH);
    if (traffic > 0 && most < SLICE_TRAFFIC / traffic) most = SLICE_TRAFFIC / traffic;
    if (most > segment->groups) most = segment->groups;
    /* What fits follows from the size of one group, but for rounding and what kernels ask for. */
    for (;;) {
        segment->most = most;
        CPU_TRY(place_regions(segment, block, err));
        segment->kernel_bytes = kernel_bytes(kernels, item, segment);
        const int64_t bytes = (int64_t)(segment->value_bytes + segment->kernel_bytes);
        if (bytes <= SLICE_BYTES || most == 1) break;
        const int64_t fits = (int64_t)((double)most * SLICE_BYTES / (double)bytes);
        most = fits < 1 ? 1 : fits < most ? fits : most - 1;
    }
    const int64_t slices = divided_up(segment->groups, most);
    segment->slices = (uint32_t)(slices < UINT32_MAX ? slices : UINT32_MAX);
    return ORR_OK;
}

static void choose_slots(const struct cpu_item *item, struct cpu_segment *segment)
{
    for (size_t i = segment->first; i < segment->first + segment->count; ++i)
        for (uint32_t k = CPU_OUT; k < CPU_BEFORE; ++k)
            if (cpu_operand(&item[i], k) && cpu_operand_role(&item[i], k) == CPU_SUMMED)
                segment->summed_bytes += cpu_aligned(cpu_bytes(cpu_operand(&item[i], k)));
    uint64_t slots = segment->summed_bytes ? SUMMED_BYTES / segment->summed_bytes : SLOTS_MOST;
    slots = slots < SLOTS_FEWEST ? SLOTS_FEWEST : slots > SLOTS_MOST ? SLOTS_MOST : slots;
    if (segment->summed_bytes == 0) slots = UINT32_MAX;
    segment->slots = slots < segment->slices ? (uint32_t)slots : segment->slices;
}

orr_status cpu_segment_make(const struct cpu_kernels *kernels, const struct cpu_item *item, size_t n,
                            const struct cpu_piece *piece, struct cpu_segment *segment, struct orr_error *err)
{
    *segment = (struct cpu_segment){.first = piece->first, .count = piece->count, .groups = piece->groups};
    const size_t operands = piece->count * CPU_OPERANDS;
    segment->region = cpu_host->alloc(operands * sizeof *segment->region, CPU_ALIGN);
    struct cpu_block *block = cpu_host->alloc(operands * sizeof *block, CPU_ALIGN);
    orr_status status = ORR_OK;
    if (!segment->region || !block)
        status = CPU_FAIL(err, ORR_ENOMEM, "out of memory: the values of %zu calls", piece->count);
    if (status == ORR_OK) find_regions(item, n, segment);
    if (status == ORR_OK) status = choose_slices(kernels, item, segment, block, err);
    if (status == ORR_OK) choose_slots(item, segment);
    cpu_host->dealloc(block);
    return status;
}
