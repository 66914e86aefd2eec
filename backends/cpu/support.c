/* What the backend takes: element types by ops.def, sizes that can be counted, tensors that lie inside their memory. */
#include "cpu.h"
#include "orrery/op_types.h"

static const char *const names[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, ...) [id] = name,
#include "orrery/ops.def"
#undef ORR_OP
};

static const struct {
    uint8_t in, out;
} operands[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, n_in, n_out, ...) [id] = {n_in, n_out},
#include "orrery/ops.def"
#undef ORR_OP
};

const char *cpu_op_name(uint32_t op) { return op < ORR_OP_COUNT_ && names[op] ? names[op] : "unknown operation"; }

/* So that bytes, and sums of several sizes, can be counted. */
#define COUNT_MAX (INT64_MAX / 64)

static bool fits(const struct orr_tensor *t)
{
    int64_t count = 1;
    if (t->rank > ORR_RANK_MAX || (t->dtype != ORR_F32 && t->dtype != ORR_I32)) return false;
    for (uint32_t k = 0; k < t->rank; ++k)
        if (t->dim[k] < 0 || __builtin_mul_overflow(count, t->dim[k], &count) || count > COUNT_MAX) return false;
    return true;
}

static bool attributes_fit(const struct orr_call *call)
{
    switch (call->op) {
    case ORR_OP_ATTENTION:
    case ORR_OP_ATTENTION_GRAD:
        return call->attr.i[2] > 0;
    case ORR_OP_MAX:
        return call->in[0].dim[call->attr.i[0]] > 0;
    default:
        return true;
    }
}

bool cpu_supports(const struct cpu_kernels *kernels, const struct orr_call *call)
{
    if (call->op >= ORR_OP_COUNT_ || !kernels->kernel[call->op] || !kernels->kernel[call->op]->run) return false;
    if (call->n_in != operands[call->op].in || call->n_out != operands[call->op].out) return false;
    for (uint32_t k = 0; k < call->n_in; ++k)
        if (!fits(&call->in[k])) return false;
    for (uint32_t k = 0; k < call->n_out; ++k)
        if (!fits(&call->out[k])) return false;
    return orr_op_types_fit(call) && attributes_fit(call);
}

static orr_status check_memory(const struct orr_tensor *t, bool scratch, struct orr_error *err)
{
    if (!t->buffer && !scratch) return CPU_FAIL(err, ORR_EINVAL, "a tensor has no buffer");
    const uint64_t end = t->buffer ? t->buffer->bytes : t->storage_bytes, bytes = cpu_bytes(t);
    if (bytes == 0 || (t->offset <= end && bytes <= end - t->offset)) return ORR_OK;
    return CPU_FAIL(err, ORR_EINVAL, "a tensor of %llu bytes at %llu: its memory ends at %llu",
                    (unsigned long long)bytes, (unsigned long long)t->offset, (unsigned long long)end);
}

orr_status cpu_check(const struct cpu_kernels *kernels, const struct orr_call *call, bool scratch,
                     struct orr_error *err)
{
    if (!cpu_supports(kernels, call))
        return CPU_FAIL(err, ORR_EUNSUPPORTED, "%s: these element types or sizes are not taken here",
                        cpu_op_name(call->op));
    for (uint32_t k = 0; k < call->n_in; ++k)
        CPU_TRY(check_memory(&call->in[k], scratch, err));
    for (uint32_t k = 0; k < call->n_out; ++k)
        CPU_TRY(check_memory(&call->out[k], scratch, err));
    return ORR_OK;
}
