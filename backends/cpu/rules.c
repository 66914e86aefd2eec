/* By which groups of rows each operation may be cut: one rule an operation, from shapes and attributes alone.
 *
 * In: a call. Out: the role of each operand. An operation is cut where a part of its result needs only that part of
 * some operands, and others whole; or where the result is the sum of what the parts give. */
#include "rules.h"

#include <string.h>

static bool divides(const struct orr_tensor *t, int64_t groups) { return t->rank > 0 && t->dim[0] % groups == 0; }

static bool any_empty(const struct orr_call *call)
{
    bool empty = false;
    for (uint32_t k = 0; k < call->n_in; ++k)
        empty = empty || orr_tensor_elements(&call->in[k]) == 0;
    for (uint32_t k = 0; k < call->n_out; ++k)
        empty = empty || orr_tensor_elements(&call->out[k]) == 0;
    return empty;
}

/* Operations that give each element of the result from the elements at the same place. */
static bool is_elementwise(uint32_t op)
{
    switch (op) {
    case ORR_OP_FILL:
    case ORR_OP_COPY:
    case ORR_OP_NEG:
    case ORR_OP_EXP:
    case ORR_OP_LOG:
    case ORR_OP_SQRT:
    case ORR_OP_TANH:
    case ORR_OP_ERF:
    case ORR_OP_ADD:
    case ORR_OP_SUB:
    case ORR_OP_MUL:
    case ORR_OP_DIV:
    case ORR_OP_MAXIMUM:
    case ORR_OP_STEP:
    case ORR_OP_CAST:
    case ORR_OP_AFFINE:
    case ORR_OP_GELU:
    case ORR_OP_GELU_GRAD:
    case ORR_OP_SILU:
    case ORR_OP_SILU_GRAD:
        return true;
    default:
        return false;
    }
}

/* Roles are given as a letter an operand, inputs before outputs: w whole, s sliced, + summed. */
static bool assign(const char *roles, const struct orr_call *call, struct cpu_cut *cut)
{
    for (uint32_t k = 0; k < call->n_in + call->n_out; ++k) {
        const uint8_t role = roles[k] == 's' ? CPU_SLICED : roles[k] == '+' ? CPU_SUMMED : CPU_WHOLE;
        if (k < call->n_in)
            cut->in[k] = role;
        else
            cut->out[k - call->n_in] = role;
    }
    return true;
}

static const char *broadcast_roles(const struct orr_call *call)
{
    if (call->in[0].rank == 0) return NULL;
    return call->in[0].dim[0] == call->out[0].dim[0] ? "ss" : "ws";
}

static const char *product_roles(const struct orr_call *call)
{
    if (call->out[0].rank > 2) return "sss";
    if (!call->attr.i[0]) return "sws";
    return call->attr.i[1] ? NULL : "ss+";
}

/* Roles for any number of groups that divides the rows, or NULL. */
static const char *roles_of(const struct orr_call *call)
{
    static const char *const elementwise[] = {"s", "ss", "sss"};
    const bool first_axis = call->attr.i[0] == 0;
    if (is_elementwise(call->op)) return elementwise[call->n_in];
    switch (call->op) {
    case ORR_OP_SUM:
        return first_axis ? "s+" : "ss";
    case ORR_OP_MAX:
    case ORR_OP_SLICE:
    case ORR_OP_PAD:
        return first_axis ? NULL : "ss";
    case ORR_OP_PERMUTE:
        return first_axis ? "ss" : NULL;
    case ORR_OP_BROADCAST:
        return broadcast_roles(call);
    case ORR_OP_MATMUL:
        return product_roles(call);
    case ORR_OP_LINEAR:
        return call->in[0].rank > 1 ? "swws" : NULL;
    case ORR_OP_GATHER:
        return "wss";
    case ORR_OP_ONE_HOT:
        return "ss";
    case ORR_OP_RANDOM_INT:
    case ORR_OP_RANDOM_NORMAL:
        return "ws";
    case ORR_OP_SOFTMAX:
    case ORR_OP_LOG_SOFTMAX:
        return call->in[0].rank > 1 ? "ss" : NULL;
    case ORR_OP_SOFTMAX_GRAD:
    case ORR_OP_LOG_SOFTMAX_GRAD:
        return call->in[0].rank > 1 ? "sss" : NULL;
    case ORR_OP_LAYERNORM:
        return call->in[0].rank > 1 ? "swwsss" : NULL;
    case ORR_OP_LAYERNORM_GRAD:
        return call->in[0].rank > 1 ? "sswsss++" : NULL;
    case ORR_OP_RMSNORM:
        return call->in[0].rank > 1 ? "swss" : NULL;
    case ORR_OP_RMSNORM_GRAD:
        return call->in[0].rank > 1 ? "sswss+" : NULL;
    case ORR_OP_ATTENTION:
        return "sss";
    case ORR_OP_ATTENTION_GRAD:
        return "sssss";
    case ORR_OP_MSE:
        return "ss+";
    case ORR_OP_MSE_GRAD:
        return "wsss";
    case ORR_OP_XENT:
        return call->in[0].rank > 1 ? "sw+s" : NULL;
    case ORR_OP_XENT_GRAD:
        return call->in[1].rank > 1 ? "wswss" : NULL;
    default:
        return NULL;
    }
}

bool cpu_cut_rows(const struct orr_call *call, int64_t groups, struct cpu_cut *cut)
{
    struct cpu_cut new = {.groups = groups};
    const char *roles = groups > 0 && !any_empty(call) ? roles_of(call) : NULL;
    if (!roles || !assign(roles, call, &new)) return false;
    for (uint32_t k = 0; k < call->n_in; ++k)
        if (new.in[k] == CPU_SLICED && !divides(&call->in[k], groups)) return false;
    for (uint32_t k = 0; k < call->n_out; ++k)
        if (new.out[k] == CPU_SLICED && !divides(&call->out[k], groups)) return false;
    *cut = new;
    return true;
}

/* Rows enough for the parts that a call is cut into. */
enum { ROWS_ENOUGH = 16 };

static bool cut_by(const struct orr_call *call, const struct orr_tensor *t, struct cpu_cut *cut)
{
    return t->rank > 0 && cpu_cut_rows(call, t->dim[0], cut);
}

static bool cut_flat(const struct orr_call *call, struct cpu_cut *cut)
{
    const bool updates = call->op == ORR_OP_ADAMW;
    if ((!updates && !is_elementwise(call->op)) || any_empty(call)) return false;
    *cut = (struct cpu_cut){.groups = orr_tensor_elements(&call->out[0]), .flat = true};
    return assign(updates ? "sssswsss" : roles_of(call), call, cut);
}

bool cpu_cut_alone(const struct orr_call *call, struct cpu_cut *cut)
{
    const struct orr_tensor *out = &call->out[0];
    struct cpu_cut new;
    if (cut_by(call, out, &new) && new.out[0] == CPU_SLICED &&
        (!is_elementwise(call->op) || new.groups >= ROWS_ENOUGH)) {
        *cut = new;
        return true;
    }
    if (cut_flat(call, cut)) return true;
    /* A result that is a sum has the rows of what is added up. */
    if (call->n_in == 0 || !cut_by(call, &call->in[0], &new) || new.in[0] != CPU_SLICED) return false;
    *cut = new;
    return true;
}
