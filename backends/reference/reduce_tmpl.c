/* Sum and maximum along one axis, which stays as a dim of 1. */
#include "template.h"

/* in (outer, length, inner) -> out (outer, 1, inner), the axis being i[0]; sums in double, of nothing 0. */
KERNEL(SUM)
{
    const struct orr_tensor *shape = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(shape, 0, axis), length = shape->dim[axis];
    const int64_t inner = reference_span(shape, axis + 1, shape->rank);
    double *restrict sum = reference_scratch(dev, inner, err);
    if (!sum) return ORR_ENOMEM;
    const element *restrict in = reference_data(shape);
    element *restrict out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < outer; ++i) {
        for (int64_t j = 0; j < inner; ++j)
            sum[j] = 0;
        for (int64_t k = 0; k < length; ++k, in += inner)
            for (int64_t j = 0; j < inner; ++j)
                sum[j] += (double)in[j];
        for (int64_t j = 0; j < inner; ++j)
            *out++ = (element)sum[j];
    }
    return ORR_OK;
}

/* As SUM, the largest; NaN when any is. The axis is not empty. */
KERNEL(MAX)
{
    const struct orr_tensor *shape = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t outer = reference_span(shape, 0, axis), length = shape->dim[axis];
    const int64_t inner = reference_span(shape, axis + 1, shape->rank);
    const element *restrict in = reference_data(shape);
    element *restrict out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < outer; ++i, in += length * inner, out += inner) {
        for (int64_t j = 0; j < inner; ++j)
            out[j] = in[j];
        for (int64_t k = 1; k < length; ++k)
            for (int64_t j = 0; j < inner; ++j) {
                const element a = out[j], b = in[k * inner + j];
                out[j] = a > b || a != a ? a : b;
            }
    }
    return ORR_OK;
}
