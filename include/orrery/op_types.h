/* orrery/op_types.h - which operands of an operation of ops.def are whole numbers, for a backend that says what it
 * takes.
 *
 * A backend may use these functions or rules of its own that say the same. An operation has one element type, that of
 * its results and of every input not named here; CAST alone takes any.
 */
#ifndef ORRERY_OP_TYPES_H
#define ORRERY_OP_TYPES_H

#include "backend.h"

/* Bit k: input k of op is i32 (indices, targets, a step), whatever the type of the result. Any thread. */
static inline uint32_t orr_op_whole_inputs(uint32_t op)
{
    switch (op) {
    case ORR_OP_GATHER:
    case ORR_OP_SCATTER_ADD:
    case ORR_OP_PUT:
    case ORR_OP_XENT:
        return 1u << 1;
    case ORR_OP_XENT_GRAD:
        return 1u << 2;
    case ORR_OP_ONE_HOT:
    case ORR_OP_RANDOM_INT:
    case ORR_OP_RANDOM_NORMAL:
        return 1u << 0;
    default:
        return 0;
    }
}

/* May the results of op be i32? Those of RANDOM_INT always are. Any thread. */
static inline bool orr_op_gives_whole(uint32_t op)
{
    switch (op) {
    case ORR_OP_FILL:
    case ORR_OP_COPY:
    case ORR_OP_ADD:
    case ORR_OP_BROADCAST:
    case ORR_OP_PERMUTE:
    case ORR_OP_SLICE:
    case ORR_OP_PAD:
    case ORR_OP_GATHER:
    case ORR_OP_PUT:
    case ORR_OP_CAST:
    case ORR_OP_RANDOM_INT:
        return true;
    default:
        return false;
    }
}

/* Are the element types of a call's operands those of its operation? Whether the backend has that type it knows itself.
 * Any thread. */
static inline bool orr_op_types_fit(const struct orr_call *call)
{
    const uint32_t type = call->out[0].dtype;
    if (type == ORR_I32 ? !orr_op_gives_whole(call->op) : call->op == ORR_OP_RANDOM_INT) return false;
    for (uint32_t k = 0; k < call->n_in; ++k) {
        const uint32_t wanted = orr_op_whole_inputs(call->op) >> k & 1u ? (uint32_t)ORR_I32 : type;
        if (call->op != ORR_OP_CAST && call->in[k].dtype != wanted) return false;
    }
    for (uint32_t k = 1; k < call->n_out; ++k)
        if (call->out[k].dtype != type) return false;
    return true;
}

#endif
