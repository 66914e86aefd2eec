/* The table of operations, made from ops.def: a row without a function does not link. And what each of them takes. */
#include "operations.h"

#include "orrery/op_types.h"

#include <string.h>

typedef orr_status (*operation)(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);

static const operation operations[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, ...) [id] = opencl_run_##NAME,
#include "orrery/ops.def"
#undef ORR_OP
};

static const char *const names[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, ...) [id] = name,
#include "orrery/ops.def"
#undef ORR_OP
};

/* Positions are of 31 bits, also those a chunk or a work-group beyond the last. */
enum { COUNT_MAX = INT32_MAX - 1024 };

static bool fits(const struct orr_tensor *t)
{
    int64_t count = 1;
    if (t->rank > ORR_RANK_MAX || (t->dtype != ORR_F32 && t->dtype != ORR_I32)) return false;
    for (uint32_t k = 0; k < t->rank; ++k)
        if (t->dim[k] < 0 || __builtin_mul_overflow(count, t->dim[k], &count) || count > COUNT_MAX) return false;
    return true;
}

static bool limits_fit(const struct orr_call *call)
{
    const int64_t heads = call->attr.i[2];
    switch (call->op) {
    case ORR_OP_ATTENTION:
    case ORR_OP_ATTENTION_GRAD:
        return heads > 0 && call->out[0].dim[2] > 0 &&
               call->in[call->op == ORR_OP_ATTENTION_GRAD].dim[2] / 3 / heads <= OPENCL_DEPTH_MAX;
    case ORR_OP_SCATTER_ADD:
        /* Pairs of (row, position), rounded up to a power of two, are indexed by 31 bits. */
        return (int64_t)opencl_count(&call->in[1]) * (call->attr.i[0] > 1 ? call->attr.i[0] : 1) <= INT64_C(1) << 29;
    case ORR_OP_MAX:
        return call->in[0].dim[call->attr.i[0]] > 0;
    default:
        return true;
    }
}

bool opencl_supports(const struct orr_call *call)
{
    if (call->op >= ORR_OP_COUNT_ || !operations[call->op]) return false;
    for (uint32_t k = 0; k < call->n_in; ++k)
        if (!fits(&call->in[k])) return false;
    for (uint32_t k = 0; k < call->n_out; ++k)
        if (!fits(&call->out[k])) return false;
    return orr_op_types_fit(call) && limits_fit(call);
}

orr_status opencl_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    if (!opencl_supports(call))
        return OPENCL_FAIL(err, ORR_EUNSUPPORTED, "%s: these element types or sizes are not taken here",
                           call->op < ORR_OP_COUNT_ && names[call->op] ? names[call->op] : "unknown operation");
    const orr_status status = operations[call->op](dev, call, err);
    return status == ORR_OK ? ORR_OK : opencl_failed_in(call->op, status, err);
}

orr_status opencl_failed_in(uint32_t op, orr_status status, struct orr_error *err)
{
    char text[sizeof err->text];
    memcpy(text, err->text, sizeof text);
    return OPENCL_FAIL(err, status, "%s: %s", names[op], text);
}
