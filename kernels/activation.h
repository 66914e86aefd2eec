/* SiLU and GELU (by erf: Hendrycks and Gimpel 2016) with their slopes, of REAL: float or a vector of floats.
 *
 * Who includes this defines REAL, its unsigned counterpart BITS (as_BITS by AS_BITS, back by AS_REAL), and SOME(c): is
 * the comparison c true of any element. Where a factor has vanished (x at or near -infinity) the product is 0, not
 * infinity times 0; NaN goes on.
 */
#ifndef KERNELS_ACTIVATION_H
#define KERNELS_ACTIVATION_H

static REAL vanishing(REAL x, REAL factor) { return select(x * factor, (REAL)0.0f, factor == 0.0f); }

/* P(Z < x) of the standard normal distribution, erfc(-x / sqrt(2)) / 2. In the lower tail an error of the argument is
 * magnified by its square, so the argument is kept in two parts: 12 bits of x times 8 bits of the constant are exact.
 */
static REAL normal_below(REAL x)
{
    const REAL head = AS_REAL(AS_BITS(x) & 0xFFFFF000u);
    const REAL main_part = -head * 0x1.6ap-1f;
    const REAL rest = -(x - head) * 0x1.6ap-1f - x * 0x1.3cccfep-14f;
    const REAL argument = main_part + rest;
    const REAL lost = (main_part - argument) + rest;
    const REAL inside = 0.5f * (erfc(argument) - lost * 1.12837917f * exp(-argument * argument));
    return select(select(inside, (REAL)0.0f, x < -15.0f), (REAL)1.0f, x > 15.0f);
}

static REAL normal_density(REAL x) { return 0.39894228f * exp(-0.5f * x * x); }

/* x sigmoid(x), by half of the exponent twice: far below, sigmoid is no longer a normal number though the product is.
 */
static REAL silu(REAL x)
{
    const REAL half_way = exp(-0.5f * fabs(x));
    const REAL below = 1.0f + half_way * half_way;
    return select(vanishing(x, half_way) * half_way, x, x >= 0.0f) / below;
}

static REAL silu_slope(REAL x)
{
    const REAL small = exp(-fabs(x));
    const REAL large = 1.0f / (1.0f + small), rest = small * large;
    return select(rest, large, x >= 0.0f) + vanishing(x, rest * large);
}

/* x P(Z < x). Far below, where erfc loses bits and then the probability is no longer a normal number though the product
 * is, P(Z < x) is the density over -x times an asymptotic series (terms alternate; the first left out is below 4e-8),
 * and the square is taken in two parts. */
static REAL gelu(REAL x)
{
    const REAL near = vanishing(x, normal_below(x));
    if (!SOME(x < -8.0f)) return near;
    const REAL head = AS_REAL(AS_BITS(x) & 0xFFFFF000u), r = 1.0f / (x * x);
    const REAL series = 1.0f - r * (1.0f - r * (3.0f - r * (15.0f - r * (105.0f - r * (945.0f - r * 10395.0f)))));
    const REAL far = -0.39894228f * series * exp(-0.5f * (x - head) * (x + head)) * exp(-0.5f * head * head);
    return select(select(near, far, x < -8.0f), (REAL)0.0f, x < -15.0f);
}

static REAL gelu_slope(REAL x) { return normal_below(x) + vanishing(x, normal_density(x)); }

#endif
