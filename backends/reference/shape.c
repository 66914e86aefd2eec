/* The shape rule of every operation, as the oracle checks it before a kernel runs.
 *
 * Rules that several operations share are functions; reference_check_shape says which rule an operation has.
 */
#include "reference.h"

/* Return from the calling rule when the condition does not hold; the text goes after the name of the op. */
#define NEED(condition, text)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) return need_failed(call, text, err);                                                         \
    } while (0)

static orr_status need_failed(const struct orr_call *call, const char *text, struct orr_error *err)
{
    return REFERENCE_FAIL(err, ORR_ESHAPE, "%s: %s", reference_op_name(call->op), text);
}

static bool same(const struct orr_tensor *a, const struct orr_tensor *b)
{
    if (a->rank != b->rank) return false;
    for (uint32_t k = 0; k < a->rank; ++k)
        if (a->dim[k] != b->dim[k]) return false;
    return true;
}

/* Equal dims but for one axis. */
static bool same_except(const struct orr_tensor *a, const struct orr_tensor *b, int64_t axis)
{
    if (a->rank != b->rank) return false;
    for (uint32_t k = 0; k < a->rank; ++k)
        if (k != axis && a->dim[k] != b->dim[k]) return false;
    return true;
}

/* short has the dims of full without the last. */
static bool drops_last(const struct orr_tensor *full, const struct orr_tensor *reduced)
{
    if (reduced->rank + 1 != full->rank) return false;
    for (uint32_t k = 0; k < reduced->rank; ++k)
        if (full->dim[k] != reduced->dim[k]) return false;
    return true;
}

static orr_status all_same(const struct orr_call *call, struct orr_error *err)
{
    for (uint32_t k = 0; k < call->n_in; ++k)
        NEED(same(&call->in[k], &call->out[0]), "all inputs and the result must have the same dims");
    return ORR_OK;
}

/* As all_same, and there is a last axis to work along. */
static orr_status all_same_rows(const struct orr_call *call, struct orr_error *err)
{
    NEED(call->in[0].rank >= 1, "a scalar has no last axis");
    return all_same(call, err);
}

static orr_status axis_rule(const struct orr_call *call, struct orr_error *err)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    const int64_t axis = call->attr.i[0], start = call->attr.i[1];
    NEED(axis >= 0 && axis < in->rank, "the axis (attribute 0) is not one of the input's");
    NEED(same_except(in, out, axis), "dims other than the axis must be the same in input and result");
    switch (call->op) {
    case ORR_OP_SLICE:
        NEED(start >= 0 && start <= in->dim[axis] && out->dim[axis] <= in->dim[axis] - start,
             "the range leaves the input");
        break;
    case ORR_OP_PAD:
        NEED(start >= 0 && start <= out->dim[axis] && in->dim[axis] <= out->dim[axis] - start,
             "the input does not fit into the result at that start");
        break;
    default:
        NEED(out->dim[axis] == 1, "the axis must be 1 in the result");
        NEED(call->op == ORR_OP_SUM || in->dim[axis] > 0, "the maximum of no elements is not defined");
    }
    return ORR_OK;
}

static orr_status broadcast_rule(const struct orr_call *call, struct orr_error *err)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    NEED(in->rank == out->rank, "input and result must have the same rank");
    for (uint32_t k = 0; k < in->rank; ++k)
        NEED(in->dim[k] == out->dim[k] || in->dim[k] == 1, "only dims of 1 repeat");
    return ORR_OK;
}

static orr_status permute_rule(const struct orr_call *call, struct orr_error *err)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    NEED(in->rank == out->rank, "input and result must have the same rank");
    uint32_t seen = 0;
    for (uint32_t k = 0; k < in->rank; ++k) {
        const int64_t axis = call->attr.i[k];
        NEED(axis >= 0 && axis < in->rank && !(seen >> axis & 1u), "the attributes are not a permutation of the axes");
        NEED(out->dim[k] == in->dim[axis], "a dim of the result is not that of its source axis");
        seen |= 1u << axis;
    }
    return ORR_OK;
}

static orr_status matmul_rule(const struct orr_call *call, struct orr_error *err)
{
    const struct orr_tensor *a = &call->in[0], *b = &call->in[1], *out = &call->out[0];
    NEED(a->rank >= 2 && a->rank == b->rank && a->rank == out->rank, "all ranks must be the same, and at least 2");
    const uint32_t r = a->rank;
    for (uint32_t k = 0; k + 2 < r; ++k)
        NEED(a->dim[k] == b->dim[k] && a->dim[k] == out->dim[k], "leading dims must be equal");
    const bool ta = call->attr.i[0] != 0, tb = call->attr.i[1] != 0;
    NEED(a->dim[r - 1 - ta] == b->dim[r - 2 + tb], "the inner dims differ");
    NEED(out->dim[r - 2] == a->dim[r - 2 + ta] && out->dim[r - 1] == b->dim[r - 1 - tb],
         "the result is not (rows of the first, columns of the second)");
    return ORR_OK;
}

static orr_status linear_rule(const struct orr_call *call, struct orr_error *err)
{
    const struct orr_tensor *x = &call->in[0], *weight = &call->in[1], *out = &call->out[0];
    NEED(x->rank >= 1 && weight->rank == 2, "expected x (.., in) and a weight (in, out)");
    NEED(same_except(x, out, (int64_t)x->rank - 1), "the result must be (.., out) with the leading dims of x");
    NEED(reference_width(x) == weight->dim[0], "the last dim of x is not the first of the weight");
    NEED(reference_width(out) == weight->dim[1], "the last dim of the result is not the last of the weight");
    NEED(reference_count(&call->in[2]) == weight->dim[1], "the bias must have as many elements as the weight columns");
    return ORR_OK;
}

static orr_status rows_rule(const struct orr_call *call, struct orr_error *err)
{
    const struct orr_tensor *table = &call->in[0], *index = &call->in[1], *out = &call->out[0];
    const int64_t run = call->attr.i[0] > 1 ? call->attr.i[0] : 1;
    NEED(call->attr.i[0] >= 0, "the number of consecutive rows (attribute 0) is negative");
    NEED(table->rank >= 1, "the first input needs rows: rank 1 or more");
    const int64_t width = reference_span(table, 1, table->rank), given = reference_count(index);
    const struct orr_tensor *moved = call->op == ORR_OP_GATHER ? out : &call->in[2];
    if (call->op == ORR_OP_PUT) {
        NEED(given == 1, "the index must be one element");
        NEED(table->dim[0] > 0, "there is no row to put into");
        NEED(reference_count(moved) == width, "the third input must be one row");
    } else {
        int64_t count;
        NEED(!__builtin_mul_overflow(given, run, &count) && !__builtin_mul_overflow(count, width, &count) &&
                 reference_count(moved) == count,
             "elements moved must be (indices) x (consecutive rows) x (elements of a row)");
    }
    NEED(call->op == ORR_OP_GATHER || same(table, out), "the result must have the dims of the first input");
    return ORR_OK;
}

static orr_status one_hot_rule(const struct orr_call *call, struct orr_error *err)
{
    NEED(drops_last(&call->out[0], &call->in[0]), "the result must have the dims of the indices and one more");
    NEED(reference_width(&call->out[0]) == call->attr.i[0], "the last dim of the result must be attribute 0");
    return ORR_OK;
}

static orr_status random_rule(const struct orr_call *call, struct orr_error *err)
{
    NEED(reference_count(&call->in[0]) == 1, "the step must be one element");
    NEED(reference_count(&call->out[0]) <= INT64_C(4) << 32, "the result has more than 2^34 elements");
    NEED(call->attr.i[1] >= 0 && call->attr.i[1] <= UINT32_MAX, "the stream (attribute 1) must fit 32 bits");
    NEED(call->op != ORR_OP_RANDOM_INT || (call->attr.i[2] >= 1 && call->attr.i[2] <= INT32_MAX),
         "the bound (attribute 2) must be from 1 to 2^31 - 1");
    return ORR_OK;
}

/* Inputs of layer or root-mean-square normalisation and of their gradients. `x` is where x stands among the inputs:
 * 0, or 1 behind dy. Then come gain and, for the gradients, the statistics. */
static orr_status norm_rule(const struct orr_call *call, struct orr_error *err)
{
    const bool gradient = call->op == ORR_OP_LAYERNORM_GRAD || call->op == ORR_OP_RMSNORM_GRAD;
    const bool layer = call->op == ORR_OP_LAYERNORM || call->op == ORR_OP_LAYERNORM_GRAD;
    const struct orr_tensor *x = &call->in[gradient];
    NEED(x->rank >= 1 && reference_width(x) >= 1, "x needs a last axis of at least one element");
    NEED(same(x, &call->out[0]) && same(x, &call->in[0]), "gradients, x and the first result must have the same dims");
    const int64_t width = reference_width(x);
    NEED(reference_count(&call->in[gradient + 1]) == width, "the gain must have as many elements as the last dim of x");
    if (!gradient && layer) NEED(reference_count(&call->in[2]) == width, "the bias must be as large as the gain");
    for (uint32_t k = 1; k < call->n_out; ++k) {
        if (gradient)
            NEED(reference_count(&call->out[k]) == width, "gradients of gain and bias must be as large as it");
        if (!gradient) NEED(drops_last(x, &call->out[k]), "mean and rstd must have the dims of x without the last");
    }
    for (uint32_t k = gradient ? 3 : call->n_in; k < call->n_in; ++k)
        NEED(drops_last(x, &call->in[k]), "mean and rstd must have the dims of x without the last");
    return ORR_OK;
}

static orr_status attention_rule(const struct orr_call *call, struct orr_error *err)
{
    const bool gradient = call->op == ORR_OP_ATTENTION_GRAD;
    const struct orr_tensor *qkv = &call->in[gradient];
    const struct orr_tensor *y = gradient ? &call->in[2] : &call->out[0];
    const struct orr_tensor *lse = gradient ? &call->in[3] : &call->out[1];
    const int64_t heads = call->attr.i[2];
    NEED(qkv->rank == 3 && qkv->dim[2] % 3 == 0, "expected qkv (batch, time, 3 * channels)");
    NEED(heads >= 1 && qkv->dim[2] / 3 % heads == 0, "heads (attribute 2) must divide the channels");
    NEED(call->attr.i[1] >= 0, "the window (attribute 1) is negative");
    NEED(same_except(qkv, y, 2) && y->dim[2] == qkv->dim[2] / 3, "y must be (batch, time, channels)");
    NEED(lse->rank == 3 && lse->dim[0] == qkv->dim[0] && lse->dim[1] == heads && lse->dim[2] == qkv->dim[1],
         "lse must be (batch, heads, time)");
    NEED(!gradient || (same(&call->in[0], y) && same(&call->out[0], qkv)),
         "dy must have the dims of y, and dqkv those of qkv");
    return ORR_OK;
}

static orr_status mse_rule(const struct orr_call *call, struct orr_error *err)
{
    const bool gradient = call->op == ORR_OP_MSE_GRAD;
    const struct orr_tensor *x = &call->in[gradient], *loss = gradient ? &call->in[0] : &call->out[0];
    NEED(same(x, &call->in[gradient + 1]), "x and target must have the same dims");
    NEED(reference_count(loss) == 1, "the loss must be one element");
    NEED(!gradient || same(x, &call->out[0]), "the gradient must have the dims of x");
    return ORR_OK;
}

static orr_status xent_rule(const struct orr_call *call, struct orr_error *err)
{
    const bool gradient = call->op == ORR_OP_XENT_GRAD;
    const struct orr_tensor *logits = &call->in[gradient], *loss = gradient ? &call->in[0] : &call->out[0];
    NEED(logits->rank >= 1 && drops_last(logits, &call->in[gradient + 1]),
         "targets must have the dims of the logits without the last");
    NEED(reference_count(loss) == 1, "the loss must be one element");
    NEED(drops_last(logits, gradient ? &call->in[3] : &call->out[1]),
         "lse must have the dims of the logits without the last");
    NEED(!gradient || same(logits, &call->out[0]), "the gradient must have the dims of the logits");
    return ORR_OK;
}

static orr_status adamw_rule(const struct orr_call *call, struct orr_error *err)
{
    for (uint32_t k = 0; k < 3; ++k)
        NEED(same(&call->in[k], &call->in[3]) && same(&call->out[k], &call->in[3]),
             "p, m, v, g and the results must have the same dims");
    NEED(reference_count(&call->in[4]) == 4, "the row of the schedule must have 4 elements");
    return ORR_OK;
}

orr_status reference_check_shape(const struct orr_call *call, struct orr_error *err)
{
    switch (call->op) {
    case ORR_OP_FILL:
        return ORR_OK;
    case ORR_OP_SUM:
    case ORR_OP_MAX:
    case ORR_OP_SLICE:
    case ORR_OP_PAD:
        return axis_rule(call, err);
    case ORR_OP_BROADCAST:
        return broadcast_rule(call, err);
    case ORR_OP_PERMUTE:
        return permute_rule(call, err);
    case ORR_OP_MATMUL:
        return matmul_rule(call, err);
    case ORR_OP_LINEAR:
        return linear_rule(call, err);
    case ORR_OP_GATHER:
    case ORR_OP_SCATTER_ADD:
    case ORR_OP_PUT:
        return rows_rule(call, err);
    case ORR_OP_ONE_HOT:
        return one_hot_rule(call, err);
    case ORR_OP_RANDOM_INT:
    case ORR_OP_RANDOM_NORMAL:
        return random_rule(call, err);
    case ORR_OP_SOFTMAX:
    case ORR_OP_SOFTMAX_GRAD:
    case ORR_OP_LOG_SOFTMAX:
    case ORR_OP_LOG_SOFTMAX_GRAD:
        return all_same_rows(call, err);
    case ORR_OP_LAYERNORM:
    case ORR_OP_LAYERNORM_GRAD:
    case ORR_OP_RMSNORM:
    case ORR_OP_RMSNORM_GRAD:
        return norm_rule(call, err);
    case ORR_OP_ATTENTION:
    case ORR_OP_ATTENTION_GRAD:
        return attention_rule(call, err);
    case ORR_OP_MSE:
    case ORR_OP_MSE_GRAD:
        return mse_rule(call, err);
    case ORR_OP_XENT:
    case ORR_OP_XENT_GRAD:
        return xent_rule(call, err);
    case ORR_OP_ADAMW:
        return adamw_rule(call, err);
    default:
        return all_same(call, err);
    }
}
