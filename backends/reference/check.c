/* What a call must be before a kernel may trust it: counts, element types, buffers, overlaps.
 *
 * The engine guarantees all of this; the oracle checks it again, cheaply, so that a fault there is found here.
 */
#include "orrery/op_types.h"
#include "reference.h"

struct row {
    const char *name;
    uint32_t n_in, n_out, alias;
};

static const struct row rows[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, n_in, n_out, kind, alias, ...) [id] = {name, n_in, n_out, alias},
#include "orrery/ops.def"
#undef ORR_OP
};

const char *reference_op_name(uint32_t op) { return op < ORR_OP_COUNT_ ? rows[op].name : NULL; }

static orr_status check_dtypes(const struct orr_call *call, struct orr_error *err)
{
    const char *name = rows[call->op].name;
    const uint32_t dtype = call->out[0].dtype;
    const bool integer = dtype == ORR_I32;
    if (!integer && dtype != ORR_F32 && dtype != ORR_F64)
        return REFERENCE_FAIL(err, ORR_EDTYPE, "%s: element type %u is not taken: use f32, f64 or i32", name, dtype);
    if (integer ? !reference_kernels_i32[call->op] : call->op == ORR_OP_RANDOM_INT)
        return REFERENCE_FAIL(err, ORR_EDTYPE, "%s: a result of type %s is not taken here", name,
                              integer ? "i32" : "f32 or f64");
    for (uint32_t k = 0; k < call->n_in; ++k) {
        const uint32_t given = call->in[k].dtype;
        const uint32_t wanted = orr_op_whole_inputs(call->op) >> k & 1u ? (uint32_t)ORR_I32 : dtype;
        if (call->op == ORR_OP_CAST ? !reference_size(given) : given != wanted)
            return REFERENCE_FAIL(err, ORR_EDTYPE, "%s: input %u has element type %u, expected %u", name, k, given,
                                  wanted);
    }
    for (uint32_t k = 1; k < call->n_out; ++k)
        if (call->out[k].dtype != dtype)
            return REFERENCE_FAIL(err, ORR_EDTYPE, "%s: result %u has element type %u, expected %u as result 0", name,
                                  k, call->out[k].dtype, dtype);
    return ORR_OK;
}

static orr_status check_dims(const char *name, const char *side, uint32_t k, const struct orr_tensor *t,
                             struct orr_error *err)
{
    if (t->rank > ORR_RANK_MAX)
        return REFERENCE_FAIL(err, ORR_ESHAPE, "%s: %s %u has rank %u, at most %d is possible", name, side, k, t->rank,
                              ORR_RANK_MAX);
    int64_t count = 1;
    for (uint32_t axis = 0; axis < t->rank; ++axis)
        if (t->dim[axis] < 0 || __builtin_mul_overflow(count, t->dim[axis], &count) || count > INT64_MAX / 8)
            return REFERENCE_FAIL(err, ORR_ESHAPE, "%s: %s %u has dim %u of %lld: negative or too large", name, side, k,
                                  axis, (long long)t->dim[axis]);
    return ORR_OK;
}

orr_status reference_check(const struct orr_call *call, struct orr_error *err)
{
    if (call->op >= ORR_OP_COUNT_ || !rows[call->op].name)
        return REFERENCE_FAIL(err, ORR_EUNSUPPORTED, "operation %u has no row in ops.def", call->op);
    const struct row *row = &rows[call->op];
    if (call->n_in != row->n_in || call->n_out != row->n_out)
        return REFERENCE_FAIL(err, ORR_EINVAL, "%s: %u inputs and %u results given, expected %u and %u", row->name,
                              call->n_in, call->n_out, row->n_in, row->n_out);
    orr_status status = ORR_OK;
    for (uint32_t k = 0; k < call->n_in && status == ORR_OK; ++k)
        status = check_dims(row->name, "input", k, &call->in[k], err);
    for (uint32_t k = 0; k < call->n_out && status == ORR_OK; ++k)
        status = check_dims(row->name, "result", k, &call->out[k], err);
    if (status == ORR_OK) status = check_dtypes(call, err);
    if (status == ORR_OK) status = reference_check_shape(call, err);
    return status;
}

static uint64_t byte_count(const struct orr_tensor *t)
{
    return (uint64_t)reference_count(t) * reference_size(t->dtype);
}

static orr_status check_place(const char *name, const char *side, uint32_t k, const struct orr_tensor *t,
                              struct orr_error *err)
{
    const uint64_t bytes = byte_count(t);
    if (!t->buffer) return REFERENCE_FAIL(err, ORR_EINVAL, "%s: %s %u has no buffer", name, side, k);
    if (t->offset > t->buffer->bytes || bytes > t->buffer->bytes - t->offset)
        return REFERENCE_FAIL(err, ORR_EINVAL, "%s: %s %u is %llu bytes at %llu of a buffer of %zu", name, side, k,
                              (unsigned long long)bytes, (unsigned long long)t->offset, t->buffer->bytes);
    if (t->offset % reference_size(t->dtype))
        return REFERENCE_FAIL(err, ORR_EINVAL, "%s: %s %u starts at byte %llu, not a multiple of its element", name,
                              side, k, (unsigned long long)t->offset);
    return ORR_OK;
}

static bool overlap(const struct orr_tensor *a, const struct orr_tensor *b)
{
    const uint64_t n_a = byte_count(a), n_b = byte_count(b);
    return n_a && n_b && a->buffer == b->buffer && a->offset < b->offset + n_b && b->offset < a->offset + n_a;
}

static bool same_place(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->buffer == b->buffer && a->offset == b->offset && byte_count(a) == byte_count(b);
}

/* A result may lie on input k of the same number where the row says so, and then on any other input that is the same
 * memory (x + x in place). */
static orr_status check_overlap(const struct orr_call *call, uint32_t k, struct orr_error *err)
{
    const struct row *row = &rows[call->op];
    const struct orr_tensor *out = &call->out[k];
    const bool in_place = (row->alias >> k & 1u) && same_place(out, &call->in[k]);
    for (uint32_t j = 0; j < call->n_in; ++j)
        if (overlap(out, &call->in[j]) && !(in_place && same_place(out, &call->in[j])))
            return REFERENCE_FAIL(err, ORR_EINVAL, "%s: result %u overlaps input %u, which its row does not allow",
                                  row->name, k, j);
    for (uint32_t j = 0; j < k; ++j)
        if (overlap(out, &call->out[j]))
            return REFERENCE_FAIL(err, ORR_EINVAL, "%s: results %u and %u overlap", row->name, j, k);
    return ORR_OK;
}

orr_status reference_check_memory(const struct orr_call *call, struct orr_error *err)
{
    const char *name = rows[call->op].name;
    orr_status status = ORR_OK;
    for (uint32_t k = 0; k < call->n_in && status == ORR_OK; ++k)
        status = check_place(name, "input", k, &call->in[k], err);
    for (uint32_t k = 0; k < call->n_out && status == ORR_OK; ++k)
        status = check_place(name, "result", k, &call->out[k], err);
    for (uint32_t k = 0; k < call->n_out && status == ORR_OK; ++k)
        status = check_overlap(call, k, err);
    return status;
}
