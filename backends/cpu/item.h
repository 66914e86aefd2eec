/* A call of a program as the executor sees it: cut into groups, and perhaps with what is done to its result. */
#ifndef CPU_ITEM_H
#define CPU_ITEM_H

#include "rules.h"

/* Operands by one number: inputs, results, and those of struct cpu_after. */
enum {
    CPU_OUT = ORR_IN_MAX,
    CPU_BEFORE = ORR_IN_MAX + ORR_OUT_MAX,
    CPU_AT,
    CPU_RESIDUAL,
    CPU_OPERANDS,
};

struct cpu_item {
    struct orr_call call; /* out[0] is where the result of the whole item goes */
    struct cpu_cut cut;
    size_t number;                          /* of the call in its program; of several, the first */
    struct orr_tensor before, at, residual; /* as far as their bit of `has` is set */
    uint32_t has;                           /* bits 1 << CPU_BEFORE, CPU_AT, CPU_RESIDUAL */
    uint32_t activation, slope;             /* operations, or 0 */
};

/* Operand k; NULL where the item has none. */
const struct orr_tensor *cpu_operand(const struct cpu_item *item, uint32_t k);
enum cpu_role cpu_operand_role(const struct cpu_item *item, uint32_t k);
static inline bool cpu_operand_is_written(uint32_t k) { return k >= CPU_OUT && k <= CPU_BEFORE; }

/* Do two tensors share a byte; are they the same bytes? */
bool cpu_overlap(const struct orr_tensor *a, const struct orr_tensor *b);
bool cpu_same_place(const struct orr_tensor *a, const struct orr_tensor *b);

/* In which order two items must be run, of which a comes first in the program. */
enum cpu_order {
    CPU_FREE,     /* in any */
    CPU_IN_TURN,  /* b after a */
    CPU_TOGETHER, /* group by group: part of b after the same part of a, in one segment */
    CPU_APART,    /* b after all of a, with a barrier between them unless both are run whole */
};
enum cpu_order cpu_item_order(const struct cpu_item *a, const struct cpu_item *b);

#endif
