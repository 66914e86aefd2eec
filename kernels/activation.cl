/* GELU (by erf: Hendrycks and Gimpel 2016) and SiLU, with gradients; dy first.
 *
 * Where a factor has vanished (x at or near -infinity) the product is 0, not infinity times 0.
 */
#include "params.h"

static float vanishing(float x, float factor)
{
    return factor == 0.0f ? 0.0f : x * factor; /* NaN == 0 is false, so NaN goes on */
}

/* P(Z < x) of the standard normal distribution, erfc(-x / sqrt(2)) / 2. In the lower tail an error of the argument is
 * magnified by its square, so the argument is kept in two parts: 12 bits of x times 8 bits of the constant are exact.
 */
static float normal_below(float x)
{
    if (x < -15.0f) return 0.0f;
    if (x > 15.0f) return 1.0f;
    const float head = as_float(as_uint(x) & 0xFFFFF000u);
    const float main_part = -head * 0x1.6ap-1f;
    const float rest = -(x - head) * 0x1.6ap-1f - x * 0x1.3cccfep-14f;
    const float argument = main_part + rest;
    const float lost = (main_part - argument) + rest;
    return 0.5f * (erfc(argument) - lost * 1.12837917f * exp(-argument * argument));
}

static float normal_density(float x) { return 0.39894228f * exp(-0.5f * x * x); }

/* 1 / (1 + exp(-x)) without overflow. */
static float sigmoid(float x)
{
    const float small = exp(-fabs(x));
    return (x >= 0.0f ? 1.0f : small) / (1.0f + small);
}

/* x sigmoid(x); far below, where sigmoid is no longer a normal number but the product is, exp is taken in two steps. */
static float silu(float x)
{
    if (x < -64.0f) return vanishing(x, exp(x + 32.0f)) * 0x1.c8465p-47f;
    return vanishing(x, sigmoid(x));
}

/* x P(Z < x). Far below, where erfc loses bits and then the probability is no longer a normal number though the product
 * is, P(Z < x) is the density over -x times an asymptotic series (terms alternate; the first left out is below 4e-8),
 * and the square is taken in two parts. */
static float gelu(float x)
{
    if (!(x < -8.0f)) return vanishing(x, normal_below(x));
    if (x < -15.0f) return 0.0f;
    const float head = as_float(as_uint(x) & 0xFFFFF000u), r = 1.0f / (x * x);
    const float series = 1.0f - r * (1.0f - r * (3.0f - r * (15.0f - r * (105.0f - r * (945.0f - r * 10395.0f)))));
    return -0.39894228f * series * exp(-0.5f * (x - head) * (x + head)) * exp(-0.5f * head * head);
}

#define ACTIVATION(NAME, VALUE, SLOPE)                                                                                 \
    kernel void activation_##NAME(global const float *in, global float *y, const struct params_elementwise p)          \
    {                                                                                                                  \
        ITEM(i, p.count);                                                                                              \
        const float x = in[p.a + i];                                                                                   \
        y[p.y + i] = (VALUE);                                                                                          \
    }                                                                                                                  \
    kernel void activation_##NAME##_grad(global const float *dy, global const float *in, global float *y,              \
                                         const struct params_elementwise p)                                            \
    {                                                                                                                  \
        ITEM(i, p.count);                                                                                              \
        const float x = in[p.b + i];                                                                                   \
        y[p.y + i] = dy[p.a + i] * (SLOPE);                                                                            \
    }

/* clang-format off */
ACTIVATION(gelu, gelu(x), normal_below(x) + vanishing(x, normal_density(x)))
ACTIVATION(silu, silu(x), sigmoid(x) + vanishing(x, sigmoid(x) * sigmoid(-x)))
/* clang-format on */
