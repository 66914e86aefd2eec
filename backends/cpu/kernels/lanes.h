/* What moves numbers between the lanes of vectors: turning a square block, and sums or maxima of many vectors at once.
 *
 * A pair of vectors is taken apart in segments of s lanes: `lower` has the lower half of each segment of a, then that
 * of b, `upper` the upper halves. Doing so with s = LANES, LANES / 2, .., 2 turns a block of LANES vectors; combining
 * lower and upper at each step instead leaves one vector, the k-th lane of which belongs to vector k.
 */
#ifndef CPU_LANES_H
#define CPU_LANES_H

#include "kernel.h"

#if CPU_LANES == 4
#define LANES_EACH(F, s) F(0, s), F(1, s), F(2, s), F(3, s)
#elif CPU_LANES == 8
#define LANES_EACH(F, s) F(0, s), F(1, s), F(2, s), F(3, s), F(4, s), F(5, s), F(6, s), F(7, s)
#else
#define LANES_EACH(F, s)                                                                                               \
    F(0, s), F(1, s), F(2, s), F(3, s), F(4, s), F(5, s), F(6, s), F(7, s), F(8, s), F(9, s), F(10, s), F(11, s),      \
        F(12, s), F(13, s), F(14, s), F(15, s)
#endif

/* Where lane j of lower and upper comes from: a is 0 .. LANES - 1, b follows. */
#define LANES_LOWER(j, s)  ((j) % (s) < (s) / 2 ? (j) : CPU_LANES + (j) - (s) / 2)
#define LANES_UPPER(j, s)  ((j) % (s) < (s) / 2 ? (j) + (s) / 2 : CPU_LANES + (j))
#define LANES_NUMBER(j, s) (j)

#define LANES_PAIR(s)                                                                                                  \
    CPU_INLINE vec lanes_lower_##s(vec a, vec b) { return __builtin_shufflevector(a, b, LANES_EACH(LANES_LOWER, s)); } \
    CPU_INLINE vec lanes_upper_##s(vec a, vec b) { return __builtin_shufflevector(a, b, LANES_EACH(LANES_UPPER, s)); }
LANES_PAIR(2)
LANES_PAIR(4)
#if CPU_LANES >= 8
LANES_PAIR(8)
#endif
#if CPU_LANES >= 16
LANES_PAIR(16)
#endif

/* b where a is NaN. */
CPU_INLINE vec lanes_larger(vec a, vec b)
{
#if defined __AVX512F__ && CPU_LANES == 16
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined __AVX2__ && CPU_LANES == 8
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return vec_choose(a > b, a, b);
#endif
}

/* Lane k of the result: the sum over the lanes of v[k], or the largest of them. v is spent. */
#define LANES_COMBINE(s, combine)                                                                                      \
    CPU_UNROLL for (int i = 0; i < (s) / 2; ++i) v[i] =                                                                \
        combine(lanes_lower_##s(v[i], v[i + (s) / 2]), lanes_upper_##s(v[i], v[i + (s) / 2]));
#define LANES_ADD(a, b) ((a) + (b))
#if CPU_LANES == 4
#define LANES_DOWN(combine) LANES_COMBINE(4, combine) LANES_COMBINE(2, combine)
#elif CPU_LANES == 8
#define LANES_DOWN(combine) LANES_COMBINE(8, combine) LANES_COMBINE(4, combine) LANES_COMBINE(2, combine)
#else
#define LANES_DOWN(combine)                                                                                            \
    LANES_COMBINE(16, combine) LANES_COMBINE(8, combine) LANES_COMBINE(4, combine) LANES_COMBINE(2, combine)
#endif

CPU_INLINE vec lanes_sum(vec *v)
{
    LANES_DOWN(LANES_ADD)
    return v[0];
}

CPU_INLINE vec lanes_largest(vec *v)
{
    LANES_DOWN(lanes_larger)
    return v[0];
}

/* Lane i of v[j] and lane j of v[i] change places. */
#define LANES_SWAP(s)                                                                                                  \
    CPU_UNROLL for (int i = 0; i < LANES; ++i) if (i % (s) < (s) / 2)                                                  \
    {                                                                                                                  \
        const vec a = v[i], b = v[i + (s) / 2];                                                                        \
        v[i] = lanes_lower_##s(a, b);                                                                                  \
        v[i + (s) / 2] = lanes_upper_##s(a, b);                                                                        \
    }
CPU_INLINE void lanes_turn(vec *v)
{
#if CPU_LANES >= 16
    LANES_SWAP(16)
#endif
#if CPU_LANES >= 8
    LANES_SWAP(8)
#endif
    LANES_SWAP(4)
    LANES_SWAP(2)
}

/* 0, 1, 2, .. */
CPU_INLINE ivec lanes_numbers(void) { return (ivec){LANES_EACH(LANES_NUMBER, 0)}; }

#endif
