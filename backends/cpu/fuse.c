/* Products that finish their own result: activation, slope of an activation, and what is added to it.
 *
 * In: items in the order of a program. Out: the same with some united. Only a value that the backend keeps itself, and
 * that nobody else reads, disappears; one that is read again is written by the product too, if an activation follows.
 */
#include "fuse.h"

#include <stdlib.h>
#include <string.h>

/* How far apart two items may be that become one. */
enum { REACH = 64 };

static bool touches(const struct cpu_item *item, const struct orr_tensor *t, bool writing)
{
    for (uint32_t k = 0; k < CPU_OPERANDS; ++k)
        if (cpu_operand(item, k) && cpu_operand_is_written(k) == writing && cpu_overlap(cpu_operand(item, k), t))
            return true;
    return false;
}

static bool overwrites(const struct cpu_item *item, const struct orr_tensor *t)
{
    for (uint32_t k = 0; k < item->call.n_out; ++k)
        if (cpu_same_place(&item->call.out[k], t)) return true;
    return false;
}

/* The next item that reads the result of item i; i where there is none in reach. */
static size_t reader_of(const struct cpu_item *item, size_t n, size_t i)
{
    const struct orr_tensor *result = &item[i].call.out[0];
    for (size_t j = i + 1; j < n && j <= i + REACH; ++j) {
        if (touches(&item[j], result, false)) return j;
        if (touches(&item[j], result, true)) return i;
    }
    return i;
}

/* Does anybody but item `reader` want the result of item i? */
static bool wanted(const struct cpu_item *item, size_t n, size_t i, size_t reader)
{
    const struct orr_tensor *result = &item[i].call.out[0];
    if (result->buffer) return true;
    for (size_t j = i + 1; j < n; ++j) {
        if (j != reader && touches(&item[j], result, false)) return true;
        if (overwrites(&item[j], result)) return false;
    }
    return false;
}

/* Which operand of the call the value t is, all of it; -1 when it is none, or more than one. */
static int operand_of(const struct orr_call *call, const struct orr_tensor *t)
{
    int found = -1;
    for (uint32_t k = 0; k < call->n_in; ++k) {
        if (!cpu_overlap(&call->in[k], t)) continue;
        if (found >= 0 || !cpu_same_place(&call->in[k], t)) return -1;
        found = (int)k;
    }
    return found;
}

/* A product whose result is not the sum of what parts of it give. */
static bool is_product(const struct orr_call *call)
{
    return call->op == ORR_OP_LINEAR || (call->op == ORR_OP_MATMUL && !call->attr.i[0]);
}

/* What `next`, of which operand `which` is the result of `both`, does to it. */
static bool take_over(struct cpu_item *both, const struct orr_call *next, int which)
{
    const bool open = !both->activation && !both->slope && !(both->has & 1u << CPU_RESIDUAL);
    switch (next->op) {
    case ORR_OP_SILU:
    case ORR_OP_GELU:
        both->activation = next->op;
        return open;
    case ORR_OP_SILU_GRAD:
    case ORR_OP_GELU_GRAD:
        both->slope = next->op;
        both->at = next->in[1];
        both->has |= 1u << CPU_AT;
        return open && which == 0;
    case ORR_OP_ADD:
        if (both->has & 1u << CPU_RESIDUAL) return false;
        both->residual = next->in[1 - which];
        both->has |= 1u << CPU_RESIDUAL;
        return true;
    default:
        return false;
    }
}

/* Is nothing that is written read elsewhere in the item, or written twice? What is added may be the result's memory. */
static bool is_apart(const struct cpu_item *item)
{
    for (uint32_t w = CPU_OUT; w <= CPU_BEFORE; ++w)
        for (uint32_t k = 0; k < CPU_OPERANDS; ++k) {
            const struct orr_tensor *a = cpu_operand(item, w), *b = cpu_operand(item, k);
            if (!a || !b || k == w || !cpu_overlap(a, b)) continue;
            if (w != CPU_OUT || k != CPU_RESIDUAL || !cpu_same_place(a, b)) return false;
        }
    return true;
}

static bool kernel_takes(const struct cpu_kernels *kernels, const struct cpu_item *item)
{
    float some = 0;
    const struct cpu_kernel *kernel = kernels->kernel[item->call.op];
    const struct cpu_after after = {.before = item->has & 1u << CPU_BEFORE ? &some : NULL,
                                    .activation = item->activation,
                                    .slope = item->slope,
                                    .at = item->has & 1u << CPU_AT ? &some : NULL,
                                    .residual = item->has & 1u << CPU_RESIDUAL ? &some : NULL};
    return kernel->takes_after && kernel->takes_after(&item->call, &after);
}

/* Can items i and j (i < j) be done at the place of one of them? *place is j if they can there, else i. */
static bool can_meet(const struct cpu_item *item, size_t i, size_t j, size_t *place)
{
    bool at_first = true, at_last = true;
    for (size_t k = i + 1; k < j; ++k) {
        at_last = at_last && cpu_item_order(&item[i], &item[k]) == CPU_FREE;
        at_first = at_first && cpu_item_order(&item[k], &item[j]) == CPU_FREE;
    }
    *place = at_last ? j : i;
    return at_last || at_first;
}

/* Have item i do what its reader does; true when it does, and one item is gone. */
static bool fuse_reader(const struct cpu_kernels *kernels, struct cpu_item *item, size_t *n, size_t i)
{
    struct cpu_item both = item[i];
    const struct orr_tensor result = both.call.out[0];
    const size_t reader = is_product(&both.call) ? reader_of(item, *n, i) : i;
    size_t place;
    if (reader == i || item[reader].has || item[reader].call.out[0].dtype != ORR_F32) return false;
    const int which = operand_of(&item[reader].call, &result);
    if (which < 0 || !take_over(&both, &item[reader].call, which)) return false;
    if (wanted(item, *n, i, reader)) {
        if (!both.activation || (both.has & (1u << CPU_BEFORE | 1u << CPU_RESIDUAL))) return false;
        both.before = result;
        both.has |= 1u << CPU_BEFORE;
    }
    const struct orr_tensor *out = &item[reader].call.out[0];
    both.call.out[0].buffer = out->buffer;
    both.call.out[0].offset = out->offset;
    both.call.out[0].storage = out->storage;
    both.call.out[0].storage_bytes = out->storage_bytes;
    both.call.out[0].flags = out->flags;
    if (!is_apart(&both) || !kernel_takes(kernels, &both) || !can_meet(item, i, reader, &place)) return false;
    const size_t gone = place == i ? reader : i;
    item[place] = both;
    memmove(&item[gone], &item[gone + 1], (*n - gone - 1) * sizeof *item);
    *n -= 1;
    return true;
}

void cpu_fuse(const struct cpu_kernels *kernels, struct cpu_item *item, size_t *n)
{
    const char *forced = secure_getenv("ORRERY_FUSE");
    if (forced && strcmp(forced, "0") == 0) return;
    /* A united item may have gone to the place of a later one, and is met again there. */
    for (size_t i = 0; i < *n;)
        i += !fuse_reader(kernels, item, n, i);
}
