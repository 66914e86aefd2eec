/* Transcendental functions of vectors, from arithmetic, comparisons and integer operations alone.
 *
 * Ranges are reduced in two parts (Cody and Waite 1980); the polynomials are minimax fits to the relative error of the
 * result, their coefficients rounded to float one after the other. NaN gives NaN, infinities and results below the
 * normal range are right. tests/unit/test_cpu_math.c holds every function to the bound, in units in the last place,
 * that stands beside it here, with and without fused multiply-adds.
 */
#ifndef CPU_MATH_H
#define CPU_MATH_H

#include "kernel.h"

/* --- parts ------------------------------------------------------------------------------------- */

CPU_INLINE vec vec_magnitude(vec x) { return (vec)((uvec)x & 0x7FFFFFFFu); }

/* magnitude >= 0, with the sign of `of`. */
CPU_INLINE vec vec_with_sign(vec magnitude, vec of) { return (vec)((uvec)magnitude | ((uvec)of & 0x80000000u)); }

/* NaN stays: of NaN and a number the instructions give their second operand. */
CPU_INLINE vec vec_at_least(vec x, float low)
{
#if defined __AVX512F__ && CPU_LANES == 16
    return (vec)_mm512_max_ps((__m512)vec_all(low), (__m512)x);
#elif defined __AVX2__ && CPU_LANES == 8
    return (vec)_mm256_max_ps((__m256)vec_all(low), (__m256)x);
#else
    return vec_choose(x < low, vec_all(low), x);
#endif
}

CPU_INLINE vec vec_at_most(vec x, float high)
{
#if defined __AVX512F__ && CPU_LANES == 16
    return (vec)_mm512_min_ps((__m512)vec_all(high), (__m512)x);
#elif defined __AVX2__ && CPU_LANES == 8
    return (vec)_mm256_min_ps((__m256)vec_all(high), (__m256)x);
#else
    return vec_choose(x > high, vec_all(high), x);
#endif
}

/* For |x| < 200: exp(x) = exp(r) 2^n with |r| < 0.35, the result. n is in the low bits of `power`, with 127 added to
 * it: it is n + 127 + 1.5 * 2^23. */
CPU_INLINE vec vec_exp_reduce(vec x, vec *power)
{
    const float shift = 0x1.8p+23f + 127.0f;
    *power = x * 0x1.715476p+0f + shift;
    const vec n = *power - shift;
    return x - n * 0x1.62ep-1f - n * 0x1.0bfbe8p-15f;
}

/* For |r| < 0.4: exp(r) - 1, with an error that counts in units of exp(r). */
CPU_INLINE vec vec_exp_rest(vec r)
{
    vec p = r * 0x1.6a6f16p-10f + 0x1.123f7ap-7f;
    p = p * r + 0x1.55589ap-5f;
    p = p * r + 0x1.55548ap-3f;
    p = p * r + 0x1.fffffcp-2f;
    return p * (r * r) + r;
}

/* 2^n for -126 <= n <= 127. */
CPU_INLINE vec vec_two_to(vec power) { return (vec)((uvec)power << 23); }

/* x 2^n for -252 <= n <= 254, rounded once: for results beyond the range of normal numbers. */
CPU_INLINE vec vec_scale_far(vec x, vec power)
{
    const uvec n = (uvec)power - 0x4B40007Fu, half = (uvec)((ivec)n >> 1);
    return x * (vec)((half + 127u) << 23) * (vec)((n - half + 127u) << 23);
}

/* exp(x) for -87 <= x <= 88. */
CPU_INLINE vec vec_exp_normal(vec x)
{
    vec power;
    const vec rest = vec_exp_rest(vec_exp_reduce(x, &power)), scale = vec_two_to(power);
    return rest * scale + scale;
}

/* --- exponential, logarithm -------------------------------------------------------------------- */

/* 2 ulps. */
CPU_INLINE vec vec_exp(vec x)
{
    vec power;
    const vec near = vec_at_most(vec_at_least(x, -104.0f), 89.0f);
    const vec r = vec_exp_reduce(near, &power);
    return vec_scale_far(vec_exp_rest(r) + 1.0f, power);
}

/* exp(x) for x <= 88, 0 where x < -87: what a sum of exponentials needs. 2 ulps. */
CPU_INLINE vec vec_exp_or_zero(vec x) { return (vec)((ivec)vec_exp_normal(x) & ~(x < -87.0f)); }

/* 2 ulps. */
CPU_INLINE vec vec_log(vec x)
{
    const ivec tiny = x < 0x1p-126f;
    const uvec bits = (uvec)vec_choose(tiny, x * 0x1p+24f, x);
    const ivec exponent = (ivec)(bits - 0x3F3504F3u) >> 23; /* the mantissa is within [sqrt(1/2), sqrt(2)) */
    const vec f = (vec)(bits - ((uvec)exponent << 23)) - 1.0f;
    const vec n = __builtin_convertvector(exponent - (tiny & 24), vec);
    vec p = f * -0x1.38d54ep-4f + 0x1.05616cp-3f;
    p = p * f - 0x1.0d816ap-3f;
    p = p * f + 0x1.22d8c4p-3f;
    p = p * f - 0x1.547292p-3f;
    p = p * f + 0x1.99a020p-3f;
    p = p * f - 0x1.000226p-2f;
    p = p * f + 0x1.555554p-2f;
    const vec square = f * f;
    const vec curve = p * (f * square) - 0.5f * square;
    const vec y = n * 0x1.63p-1f + (f + (curve - n * 0x1.bd0106p-13f));
    const vec infinity = vec_all(__builtin_inff());
    const vec beyond = vec_choose(x < 0.0f, infinity - infinity, x); /* infinity, NaN */
    return vec_choose((x > 0.0f) & (x < infinity), y, vec_choose(x == 0.0f, -infinity, beyond));
}

/* --- tanh, SiLU -------------------------------------------------------------------------------- */

/* 3 ulps. */
CPU_INLINE vec vec_tanh(vec x)
{
    const vec size = vec_magnitude(x), s = x * x;
    const vec far = 1.0f - 2.0f / (vec_exp_normal(2.0f * vec_at_most(size, 10.0f)) + 1.0f);
    vec p = s * -0x1.758facp-8f + 0x1.5211c4p-6f;
    p = p * s - 0x1.b838a0p-5f;
    p = p * s + 0x1.110704p-3f;
    p = p * s - 0x1.555532p-2f;
    return vec_choose(size < 0.625f, x + x * (s * p), vec_with_sign(far, x));
}

/* x sigmoid(x), by half of the exponent twice: far below, sigmoid is no longer a normal number though the product is.
 * At -infinity 0. 5 ulps. */
CPU_INLINE vec vec_silu(vec x)
{
    const vec low = vec_at_least(x, -170.0f);
    const vec half_way = vec_exp_normal(-0.5f * vec_magnitude(vec_at_most(low, 170.0f)));
    return vec_choose(x < 0.0f, (low * half_way) * half_way, x) / (1.0f + half_way * half_way);
}

/* The derivative of SiLU, sigmoid(x) (1 + x sigmoid(-x)): within 3e-7. */
CPU_INLINE vec vec_silu_slope(vec x)
{
    const vec near = vec_at_most(vec_at_least(x, -87.0f), 87.0f);
    const vec small = vec_exp_normal(-vec_magnitude(near));
    const vec large = 1.0f / (1.0f + small), rest = small * large;
    return vec_choose(x < 0.0f, rest, large) + near * (rest * large);
}

/* --- the normal distribution: erf, GELU ------------------------------------------------------- */

/* For 0 <= a <= 15: exp(-a^2 / 2) = result * 2^n, as vec_exp_reduce; the square in two parts, the first of them exact.
 */
CPU_INLINE vec vec_bell_parts(vec a, vec *power)
{
    const vec head = (vec)((uvec)a & 0xFFFFF000u);
    const vec r = vec_exp_reduce(-0.5f * (head * head), power);
    return vec_exp_rest(r - 0.5f * ((a - head) * (a + head))) + 1.0f;
}

/* For 0 <= a <= 15: P(Z > a) / exp(-a^2 / 2) of the standard normal distribution, as a polynomial in
 * (a - 4) / (a + 4) over a + 4 (after Shepherd and Laframboise 1981). */
CPU_INLINE vec vec_tail_over_bell(vec a)
{
    const vec over = 1.0f / (a + 4.0f), t = (a - 4.0f) * over;
    vec p = t * -0x1.11fa02p-13f + 0x1.781fb6p-13f;
    p = p * t + 0x1.9a5244p-10f;
    p = p * t - 0x1.ccbff0p-9f;
    p = p * t - 0x1.ed06ccp-8f;
    p = p * t + 0x1.eed726p-5f;
    p = p * t - 0x1.7e0034p-3f;
    p = p * t + 0x1.8c6d8ep-2f;
    p = p * t - 0x1.373e38p-1f;
    p = p * t + 0x1.82b4bcp-1f;
    return p * over;
}

/* 3 ulps. */
CPU_INLINE vec vec_erf(vec x)
{
    const vec size = vec_magnitude(x), s = x * x, a = vec_at_most(size, 9.0f) * 0x1.6a09e6p+0f;
    vec power;
    const vec bell = vec_bell_parts(a, &power);
    const vec far = 1.0f - 2.0f * (bell * vec_tail_over_bell(a) * vec_two_to(power));
    vec p = s * 0x1.4916f2p-14f - 0x1.a3d7ecp-11f;
    p = p * s + 0x1.540170p-8f;
    p = p * s - 0x1.b7f88cp-6f;
    p = p * s + 0x1.ce2cf2p-4f;
    p = p * s - 0x1.81273ep-2f;
    p = p * s + 0x1.06eba8p-3f;
    return vec_choose(size < 1.0f, x + x * p, vec_with_sign(far, x));
}

/* x P(Z < x). At -infinity 0. 7 ulps. */
CPU_INLINE vec vec_gelu(vec x)
{
    const vec low = vec_at_least(x, -15.0f), a = vec_magnitude(vec_at_most(low, 15.0f));
    vec power;
    const vec bell = vec_bell_parts(a, &power);
    const ivec below = x < 0.0f;
    const vec tail = vec_scale_far(vec_choose(below, low, vec_all(1.0f)) * vec_tail_over_bell(a) * bell, power);
    return vec_choose(below, tail, x * (1.0f - tail));
}

/* The derivative of GELU, P(Z < x) + x exp(-x^2 / 2) / sqrt(2 pi): within 3e-7. */
CPU_INLINE vec vec_gelu_slope(vec x)
{
    const vec near = vec_at_most(vec_at_least(x, -13.0f), 13.0f), a = vec_magnitude(near);
    vec power;
    const vec parts = vec_bell_parts(a, &power), bell = parts * vec_two_to(power);
    const vec tail = bell * vec_tail_over_bell(a);
    return vec_choose(x < 0.0f, tail, 1.0f - tail) + near * (bell * 0x1.988454p-2f);
}

#endif
