/* GELU and SiLU, with gradients; dy first. VECTOR elements an item. */
#include "params.h"
#include "real.h"

#define ACTIVATION(NAME)                                                                                               \
    kernel void activation_##NAME(global const float *in, global float *y, const struct params_elementwise p)          \
    {                                                                                                                  \
        ITEM_OF_REALS(p.count);                                                                                        \
        give(NAME(take(in + p.a + at, left)), y + p.y + at, left);                                                     \
    }                                                                                                                  \
    kernel void activation_##NAME##_grad(global const float *dy, global const float *in, global float *y,              \
                                         const struct params_elementwise p)                                            \
    {                                                                                                                  \
        ITEM_OF_REALS(p.count);                                                                                        \
        const REAL slope = NAME##_slope(take(in + p.b + at, left));                                                    \
        give(take(dy + p.a + at, left) * slope, y + p.y + at, left);                                                   \
    }

#include "activation.h" /* of REAL */

/* clang-format off */
ACTIVATION(gelu)
ACTIVATION(silu)
/* clang-format on */
