/* Operations on one element at a time: arithmetic, powers, exponentials, comparison.
 *
 * Shapes: inputs and result all alike. The result may be input 0, so pointers are not restrict.
 */
#include "template.h"

#include <math.h>

#define UNARY(NAME, type, expression)                                                                                  \
    KERNEL(NAME)                                                                                                       \
    {                                                                                                                  \
        const element *in = reference_data(&call->in[0]);                                                              \
        element *out = reference_data(&call->out[0]);                                                                  \
        const int64_t count = reference_count(&call->out[0]);                                                          \
        for (int64_t i = 0; i < count; ++i) {                                                                          \
            const type x = (type)in[i];                                                                                \
            out[i] = (element)(expression);                                                                            \
        }                                                                                                              \
        return ORR_OK;                                                                                                 \
    }

#define BINARY(NAME, expression)                                                                                       \
    KERNEL(NAME)                                                                                                       \
    {                                                                                                                  \
        const element *left = reference_data(&call->in[0]);                                                            \
        const element *right = reference_data(&call->in[1]);                                                           \
        element *out = reference_data(&call->out[0]);                                                                  \
        const int64_t count = reference_count(&call->out[0]);                                                          \
        for (int64_t i = 0; i < count; ++i) {                                                                          \
            const element a = left[i], b = right[i];                                                                   \
            out[i] = (expression);                                                                                     \
        }                                                                                                              \
        return ORR_OK;                                                                                                 \
    }

/* clang-format off */
UNARY(NEG, element, -x)
UNARY(EXP, double, exp(x))
UNARY(LOG, double, log(x))
UNARY(SQRT, double, sqrt(x))
UNARY(TANH, double, tanh(x))
UNARY(ERF, double, erf(x))
/* 1 where x > 0, 0 where not, NaN where NaN. */
UNARY(STEP, element, x > 0 ? 1 : x <= 0 ? 0 : x)

BINARY(ADD, a + b)
BINARY(SUB, a - b)
BINARY(MUL, a * b)
BINARY(DIV, a / b)
/* The larger; NaN when either is. */
BINARY(MAXIMUM, a > b || a != a ? a : b)
/* clang-format on */

/* f[0] * x + f[1], the coefficients rounded to the element type first. */
KERNEL(AFFINE)
{
    const element *in = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    const element factor = (element)call->attr.f[0], shift = (element)call->attr.f[1];
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i)
        out[i] = factor * in[i] + shift;
    return ORR_OK;
}
