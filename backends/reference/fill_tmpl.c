/* Operations that make elements of a given type: constants, conversions, random whole numbers. Also compiled for i32.
 */
#include "orrery/random.h"
#include "template.h"

/* x as an element. To i32: towards zero, NaN as 0, and what is out of range as the nearest number that is in range. */
static element convert(double x)
{
    const bool integer = (element)0.5 == 0;
    if (!integer) return (element)x;
    if (x != x) return 0;
    if (x >= INT32_MAX) return (element)INT32_MAX;
    if (x <= INT32_MIN) return (element)INT32_MIN;
    return (element)x;
}

/* Every element of out (any dims) := f[0]. */
KERNEL(FILL)
{
    element *out = reference_data(&call->out[0]);
    const element value = convert(call->attr.f[0]);
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i)
        out[i] = value;
    return ORR_OK;
}

/* in and out alike in dims; in is f32, f64 or i32 (all of which a double holds exactly). */
KERNEL(CAST)
{
    const void *in = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    switch (call->in[0].dtype) {
    case ORR_F32:
        for (int64_t i = 0; i < count; ++i)
            out[i] = convert((double)((const float *)in)[i]);
        break;
    case ORR_F64:
        for (int64_t i = 0; i < count; ++i)
            out[i] = convert(((const double *)in)[i]);
        break;
    default:
        for (int64_t i = 0; i < count; ++i)
            out[i] = convert(((const int32_t *)in)[i]);
    }
    return ORR_OK;
}

/* in: the step, one i32; out (any dims, i32): whole numbers in [0, i[2]), element e from word e & 3 of block e >> 2 of
 * the sequence (seed i[0], stream i[1], step). */
KERNEL(RANDOM_INT)
{
    const int32_t *step = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    uint32_t word[4] = {0};
    for (int64_t e = 0; e < count; ++e) {
        if ((e & 3) == 0)
            orr_random_block((uint64_t)call->attr.i[0], (uint32_t)call->attr.i[1], (uint32_t)*step, (uint32_t)(e >> 2),
                             word);
        out[e] = (element)orr_random_below(word[e & 3], (uint32_t)call->attr.i[2]);
    }
    return ORR_OK;
}
