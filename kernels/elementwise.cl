/* VECTOR elements an item: arithmetic, powers, exponentials, comparison. Inputs and result alike in dims; the result
 * may be input 0. */
#include "params.h"
#include "real.h"

#define UNARY(NAME, EXPRESSION)                                                                                        \
    kernel void elementwise_##NAME(global const float *in, global float *y, const struct params_elementwise p)         \
    {                                                                                                                  \
        ITEM_OF_REALS(p.count);                                                                                        \
        const REAL x = take(in + p.a + at, left);                                                                      \
        give((EXPRESSION), y + p.y + at, left);                                                                        \
    }

#define BINARY(NAME, EXPRESSION)                                                                                       \
    kernel void elementwise_##NAME(global const float *left_in, global const float *right_in, global float *y,         \
                                   const struct params_elementwise p)                                                  \
    {                                                                                                                  \
        ITEM_OF_REALS(p.count);                                                                                        \
        const REAL a = take(left_in + p.a + at, left), b = take(right_in + p.b + at, left);                            \
        give((EXPRESSION), y + p.y + at, left);                                                                        \
    }

/* clang-format off */
UNARY(neg, -x)
UNARY(exp, exp(x))
UNARY(log, log(x))
UNARY(sqrt, sqrt(x))
UNARY(tanh, tanh(x))
UNARY(erf, erf(x))
/* 1 where x > 0, 0 where not, NaN where NaN. */
UNARY(step, select(select(x, (REAL)(0.0f), x <= 0.0f), (REAL)(1.0f), x > 0.0f))
UNARY(affine, p.factor * x + p.shift)

BINARY(add, a + b)
/* Sums of whole numbers wrap around; their bits are not to be taken for floats, which arithmetic may change. */
BINARY(add_whole, AS_REAL(AS_BITS(a) + AS_BITS(b)))
BINARY(sub, a - b)
BINARY(mul, a * b)
BINARY(div, a / b)
/* The larger; NaN when either is. */
BINARY(maximum, select(b, a, (a > b) | (a != a)))
/* clang-format on */
