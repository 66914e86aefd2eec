/* Rules that let a step finish its own result: a product with activation, slope and residual, which may be a table that
 * repeats; a gradient or noise that is added to something; and a product that adds up the columns of its second
 * operand, which it reads anyway. */
#include "fuse.h"

/* How far apart two steps may be that become one. */
enum { REACH = 64 };

static bool is_product(const struct opencl_step *step)
{
    return step->call.op == ORR_OP_MATMUL || step->call.op == ORR_OP_LINEAR;
}

/* Can something be added to its first result, though it is no product? */
static bool takes_more(const struct opencl_step *step)
{
    return step->call.op == ORR_OP_LAYERNORM_GRAD || step->call.op == ORR_OP_RMSNORM_GRAD ||
           step->call.op == ORR_OP_RANDOM_NORMAL;
}

static bool is_plain(const struct opencl_step *step)
{
    return !step->done && !step->activation && !step->slope && !step->residual.buffer && !step->sums.buffer;
}

static struct opencl_epilogue epilogue_of(const struct opencl_step *step)
{
    return (struct opencl_epilogue){.before = step->before.buffer ? &step->before : NULL,
                                    .activation = step->activation,
                                    .slope = step->slope,
                                    .at = step->at.buffer ? &step->at : NULL,
                                    .residual = step->residual.buffer ? &step->residual : NULL,
                                    .sums = step->sums.buffer ? &step->sums : NULL};
}

static bool possible(const struct orr_device *dev, const struct opencl_step *step)
{
    const struct opencl_epilogue more = epilogue_of(step);
    return opencl_apart(step) && (!is_product(step) || opencl_product_takes(dev, &step->call, &more));
}

/* The next step that reads the result of step i, and nothing else of it; 0 for none. */
static size_t reader_of(const struct opencl_plan *plan, size_t i)
{
    const struct orr_tensor *result = &plan->step[i].call.out[0];
    for (size_t j = i + 1; j < plan->count && j <= i + REACH; ++j) {
        if (plan->step[j].done) continue;
        if (opencl_reads(&plan->step[j], result)) return is_plain(&plan->step[j]) ? j : 0;
        if (opencl_writes(&plan->step[j], result)) return 0;
    }
    return 0;
}

/* Which operand of the call the value t is, all of it; -1 when it is none, or more than one. */
static int operand_of(const struct orr_call *call, const struct orr_tensor *t)
{
    int found = -1;
    for (uint32_t k = 0; k < call->n_in; ++k) {
        if (!opencl_overlap(&call->in[k], t)) continue;
        if (found >= 0 || !opencl_same_place(&call->in[k], t)) return -1;
        found = (int)k;
    }
    return found;
}

/* What `next`, of which operand `which` is the result of `both`, does to it. */
static bool take_over(struct opencl_step *both, const struct orr_call *next, int which)
{
    const bool open = is_product(both) && !both->activation && !both->slope && !both->residual.buffer;
    switch (next->op) {
    case ORR_OP_SILU:
    case ORR_OP_GELU:
        if (!open) return false;
        both->activation = next->op;
        return true;
    case ORR_OP_SILU_GRAD:
    case ORR_OP_GELU_GRAD:
        if (!open || which != 0) return false;
        both->slope = next->op;
        both->at = next->in[1];
        return true;
    case ORR_OP_ADD:
        if (both->residual.buffer || next->out[0].dtype != ORR_F32) return false;
        if (!is_product(both) && !takes_more(both)) return false;
        both->residual = next->in[1 - which];
        return true;
    default:
        return false;
    }
}

bool opencl_fuse_result(const struct orr_device *dev, struct opencl_plan *plan, size_t i)
{
    struct opencl_step both = plan->step[i];
    const struct orr_tensor result = both.call.out[0];
    if (!is_product(&both) && !takes_more(&both)) return false;
    const size_t next = reader_of(plan, i);
    const int which = next ? operand_of(&plan->step[next].call, &result) : -1;
    if (which < 0 || !take_over(&both, &plan->step[next].call, which)) return false;
    const struct orr_tensor *out = &plan->step[next].call.out[0];
    if (opencl_wanted(plan, &result, i, next)) {
        if (!both.activation || both.residual.buffer || both.before.buffer) return false;
        both.before = result;
    }
    both.call.out[0].buffer = out->buffer;
    both.call.out[0].offset = out->offset;
    both.call.out[0].storage = out->storage;
    both.call.out[0].storage_bytes = out->storage_bytes;
    both.call.out[0].flags = out->flags;
    return possible(dev, &both) && opencl_unite(plan, i, next, &both);
}

/* The step before i that writes any of t last; i for none. */
static size_t writer_before(const struct opencl_plan *plan, size_t i, const struct orr_tensor *t)
{
    for (size_t j = i; j-- > 0 && i - j <= REACH;)
        if (!plan->step[j].done && opencl_writes(&plan->step[j], t)) return j;
    return i;
}

/* Is the result of the broadcast its input, whole rows of `width`, again and again? */
static bool repeats_rows(const struct orr_call *broadcast, int64_t width)
{
    const struct orr_tensor *in = &broadcast->in[0], *out = &broadcast->out[0];
    uint32_t axis = in->rank;
    while (axis > 0 && in->dim[axis - 1] == out->dim[axis - 1])
        --axis;
    return orr_tensor_span(in, 0, axis) == 1 && width > 0 && orr_tensor_elements(in) % width == 0;
}

bool opencl_fuse_repeat(const struct orr_device *dev, struct opencl_plan *plan, size_t i)
{
    struct opencl_step both = plan->step[i];
    if (!is_product(&both) || !both.residual.buffer) return false;
    const struct orr_tensor wide = both.residual;
    const size_t from = writer_before(plan, i, &wide);
    const struct orr_call *call = &plan->step[from].call;
    if (from == i || call->op != ORR_OP_BROADCAST || !opencl_overwrites(&plan->step[from], &wide) ||
        opencl_wanted(plan, &wide, from, i) || !repeats_rows(call, both.call.out[0].dim[both.call.out[0].rank - 1]))
        return false;
    both.residual = call->in[0];
    /* It may be multiplied as well. */
    return !opencl_reads(&both, &wide) && possible(dev, &both) && opencl_unite(plan, from, i, &both);
}

/* Is `sum` that of the columns of the (k, n) matrix b? */
static bool sums_columns(const struct orr_call *sum, const struct orr_tensor *b)
{
    const struct orr_tensor *in = &sum->in[0];
    if (sum->op != ORR_OP_SUM || !opencl_same_place(in, b) || in->storage != b->storage) return false;
    const uint32_t axis = (uint32_t)sum->attr.i[0];
    return orr_tensor_span(in, 0, axis) == 1 && in->dim[axis] == b->dim[0];
}

bool opencl_fuse_sums(const struct orr_device *dev, struct opencl_plan *plan, size_t i)
{
    const struct orr_call *call = &plan->step[i].call;
    if (call->op != ORR_OP_MATMUL || call->out[0].rank != 2 || call->attr.i[1]) return false;
    if (plan->step[i].sums.buffer) return false;
    for (size_t j = i > REACH ? i - REACH : 0; j < plan->count && j <= i + REACH; ++j) {
        const struct opencl_step *other = &plan->step[j];
        if (j == i || !is_plain(other) || !sums_columns(&other->call, &call->in[1])) continue;
        struct opencl_step both = plan->step[i];
        both.sums = other->call.out[0];
        if (possible(dev, &both) && opencl_unite(plan, i < j ? i : j, i < j ? j : i, &both)) return true;
    }
    return false;
}
