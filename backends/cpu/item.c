/* What items read and write, and so in which order they may be run.
 *
 * Memory is a range of bytes of a buffer, or of a storage where the backend keeps the value. A range that two items
 * slice alike (the same bytes, the same groups) is passed on group by group, whatever the shapes. */
#include "item.h"

const struct orr_tensor *cpu_operand(const struct cpu_item *item, uint32_t k)
{
    if (k < CPU_OUT) return k < item->call.n_in ? &item->call.in[k] : NULL;
    if (k < CPU_BEFORE) return k - CPU_OUT < item->call.n_out ? &item->call.out[k - CPU_OUT] : NULL;
    if (!(item->has & 1u << k)) return NULL;
    return k == CPU_BEFORE ? &item->before : k == CPU_AT ? &item->at : &item->residual;
}

enum cpu_role cpu_operand_role(const struct cpu_item *item, uint32_t k)
{
    if (k < CPU_OUT) return item->cut.in[k];
    return item->cut.out[k < CPU_BEFORE ? k - CPU_OUT : 0];
}

static bool same_space(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->buffer == b->buffer && (a->buffer || a->storage == b->storage);
}

bool cpu_overlap(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return same_space(a, b) && a->offset < b->offset + cpu_bytes(b) && b->offset < a->offset + cpu_bytes(a);
}

bool cpu_same_place(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return same_space(a, b) && a->offset == b->offset && cpu_bytes(a) == cpu_bytes(b);
}

static enum cpu_order operand_order(const struct cpu_item *a, uint32_t i, const struct cpu_item *b, uint32_t j)
{
    const struct orr_tensor *first = cpu_operand(a, i), *second = cpu_operand(b, j);
    if (!first || !second || (!cpu_operand_is_written(i) && !cpu_operand_is_written(j))) return CPU_FREE;
    if (!cpu_overlap(first, second)) return CPU_FREE;
    if (a->cut.groups == 0) return CPU_IN_TURN;
    const bool alike = a->cut.groups == b->cut.groups && cpu_operand_role(a, i) == CPU_SLICED &&
                       cpu_operand_role(b, j) == CPU_SLICED && cpu_same_place(first, second);
    return alike ? CPU_TOGETHER : CPU_APART;
}

enum cpu_order cpu_item_order(const struct cpu_item *a, const struct cpu_item *b)
{
    enum cpu_order order = CPU_FREE;
    for (uint32_t i = 0; i < CPU_OPERANDS; ++i)
        for (uint32_t j = 0; j < CPU_OPERANDS; ++j) {
            const enum cpu_order one = operand_order(a, i, b, j);
            if (one > order) order = one;
        }
    return order;
}
