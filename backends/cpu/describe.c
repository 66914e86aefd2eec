/* What became of a program's calls: segments with their groups, slices and slots, calls that are run whole, memory.
 *
 * In: a prepared program. Out: plain text, cut where the caller's room ends. */
#include "describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct page {
    char *text;
    size_t size, at;
};

ORR_PRINTF(2, 3) static void put(struct page *page, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (page->at < page->size) {
        const int n = vsnprintf(page->text + page->at, page->size - page->at, format, values);
        if (n > 0) page->at += (size_t)n;
    }
    va_end(values);
}

static size_t count_packs(const struct cpu_program *program, const struct cpu_segment *segment)
{
    size_t packs = 0;
    for (size_t i = 0; i < program->n_packs; ++i)
        packs += (size_t)(program->pack[i].step - program->step) - segment->first < segment->count;
    return packs;
}

static void put_segment(struct page *page, const struct cpu_program *program, const struct cpu_segment *segment)
{
    put(page, "segment of %zu calls: %" PRId64 " groups in %" PRIu32 " slices, %" PRIu32 " slots", segment->count,
        segment->groups, segment->slices, segment->slots);
    put(page, "; a thread keeps %zu values in %.1f KiB, and %.1f KiB for kernels", segment->n_regions,
        (double)segment->value_bytes / 1024, (double)segment->kernel_bytes / 1024);
    if (segment->summed_bytes) put(page, "; a slot adds up %.1f KiB", (double)segment->summed_bytes / 1024);
    if (count_packs(program, segment)) put(page, "; %zu operands packed", count_packs(program, segment));
    put(page, "\n");
}

/* Each operation once, with the number of its calls. */
static void put_whole(struct page *page, const struct cpu_program *program, const struct cpu_phase *phase)
{
    put(page, "whole:");
    for (size_t i = 0; i < phase->count; ++i) {
        const struct cpu_item *item = &program->item[phase->first];
        size_t before = 0, calls = 0;
        for (size_t k = 0; k < phase->count; ++k) {
            before += k < i && item[k].call.op == item[i].call.op;
            calls += item[k].call.op == item[i].call.op;
        }
        if (before == 0) {
            put(page, " %s", cpu_op_name(item[i].call.op));
            if (calls > 1) put(page, " x%zu", calls);
        }
    }
    put(page, "\n");
}

orr_status cpu_describe(struct orr_device *dev, void *program, char *text, size_t size, struct orr_error *err)
{
    const struct cpu_program *p = program;
    struct page page = {text, size, 0};
    (void)err;
    if (size) text[0] = '\0';
    put(&page, "%zu calls as %zu, %" PRIu32 " threads, kernels for %s", p->n_calls, p->n_items, p->threads,
        dev->kernels->name);
    put(&page, "; %.1f KiB between segments, %.1f KiB a thread, %.1f KiB of sums, %.1f KiB packed\n",
        (double)p->shared_bytes / 1024, (double)p->thread_bytes / 1024, (double)p->slots_bytes / 1024,
        (double)p->packed_bytes / 1024);
    for (size_t i = 0; i < p->n_phases; ++i)
        if (p->phase[i].kind == CPU_WHOLE_STEPS)
            put_whole(&page, p, &p->phase[i]);
        else if (p->phase[i].kind == CPU_SLICES)
            put_segment(&page, p, p->phase[i].segment);
    return ORR_OK;
}
