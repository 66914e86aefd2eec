/* One element an item: arithmetic, powers, exponentials, comparison. Inputs and result alike in dims; the result may
 * be input 0. */
#include "params.h"

#define UNARY(NAME, EXPRESSION)                                                                                        \
    kernel void elementwise_##NAME(global const float *a, global float *y, const struct params_elementwise p)          \
    {                                                                                                                  \
        ITEM(i, p.count);                                                                                              \
        const float x = a[p.a + i];                                                                                    \
        y[p.y + i] = (EXPRESSION);                                                                                     \
    }

#define BINARY(NAME, TYPE, EXPRESSION)                                                                                 \
    kernel void elementwise_##NAME(global const TYPE *left, global const TYPE *right, global TYPE *y,                  \
                                   const struct params_elementwise p)                                                  \
    {                                                                                                                  \
        ITEM(i, p.count);                                                                                              \
        const TYPE a = left[p.a + i], b = right[p.b + i];                                                              \
        y[p.y + i] = (EXPRESSION);                                                                                     \
    }

/* clang-format off */
UNARY(neg, -x)
UNARY(exp, exp(x))
UNARY(log, log(x))
UNARY(sqrt, sqrt(x))
UNARY(tanh, tanh(x))
UNARY(erf, erf(x))
/* 1 where x > 0, 0 where not, NaN where NaN. */
UNARY(step, x > 0.0f ? 1.0f : x <= 0.0f ? 0.0f : x)
UNARY(affine, p.factor * x + p.shift)

BINARY(add, float, a + b)
BINARY(add_whole, uint, a + b)
BINARY(sub, float, a - b)
BINARY(mul, float, a * b)
BINARY(div, float, a / b)
/* The larger; NaN when either is. */
BINARY(maximum, float, a > b || a != a ? a : b)
/* clang-format on */

/* y (rows, width) += b (width); count is of y, which is also `a`; c is the width. */
kernel void elementwise_add_row(global const float *bias, global float *y, const struct params_elementwise p)
{
    ITEM(i, p.count);
    y[p.y + i] += bias[p.b + i % (uint)p.c];
}
