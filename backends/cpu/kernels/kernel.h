/* What the kernels share: vectors of the instruction set that a file is being compiled for.
 *
 * Every file of this directory is compiled once an instruction set, with CPU_ISA (a word) and CPU_LANES (floats in a
 * vector) given by the build; what it exports carries the instruction set in its name. Vectors are the compiler's own,
 * so that one source serves SSE2, AVX2, AVX-512 and NEON.
 */
#ifndef CPU_KERNEL_H
#define CPU_KERNEL_H

#include "job.h"

#include <string.h>
#if defined __AVX2__
#include <immintrin.h>
#endif

#define CPU_PASTE_(a, b, c) a##b##c
#define CPU_PASTE(a, b, c)  CPU_PASTE_(a, b, c)
#define CPU_NAME(word)      CPU_PASTE(cpu_, CPU_ISA, _##word) /* cpu_avx2_word */
#define CPU_KERNEL(OP)      CPU_NAME(kernel_##OP)             /* one a row of ops.def */

/* The entries of the table (table.c), so that each is declared before it is defined and a missing one does not link. */
#define ORR_OP(id, NAME, ...) extern const struct cpu_kernel CPU_KERNEL(NAME);
#include "orrery/ops.def"
#undef ORR_OP

/* Before a loop of constant length over registers, all of it; before one that is only to have fewer branches. */
#ifdef __clang__
#define CPU_UNROLL       _Pragma("clang loop unroll(full)")
#define CPU_UNROLL_TWICE _Pragma("clang loop unroll_count(2)")
#else
#define CPU_UNROLL       _Pragma("GCC unroll 16")
#define CPU_UNROLL_TWICE _Pragma("GCC unroll 2")
#endif

#define CPU_INLINE static inline __attribute__((always_inline, unused))

enum { LANES = CPU_LANES };
typedef float vec __attribute__((vector_size(4 * CPU_LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * CPU_LANES)));
typedef uint32_t uvec __attribute__((vector_size(4 * CPU_LANES)));

/* n numbers or more, as many as whole vectors hold. */
CPU_INLINE int64_t whole_vectors(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* Memory need not be aligned. */
CPU_INLINE vec vec_load(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

CPU_INLINE void vec_store(float *p, vec v) { memcpy(p, &v, sizeof v); }

#if defined __AVX512F__ && CPU_LANES == 16
#define CPU_FIRST(n) ((__mmask16)((1u << (n)) - 1u))
#elif defined __AVX2__ && CPU_LANES == 8
#define CPU_FIRST(n) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#endif

/* The first n <= LANES; the others are 0, and nothing beyond them is read or written. */
CPU_INLINE vec vec_load_some(const float *p, int64_t n)
{
#if defined __AVX512F__ && CPU_LANES == 16
    return (vec)_mm512_maskz_loadu_ps(CPU_FIRST(n), p);
#elif defined __AVX2__ && CPU_LANES == 8
    return (vec)_mm256_maskload_ps(p, CPU_FIRST(n));
#else
    vec v = {0};
    for (int i = 0; i < LANES; ++i)
        if (i < n) v[i] = p[i];
    return v;
#endif
}

CPU_INLINE void vec_store_some(float *p, vec v, int64_t n)
{
#if defined __AVX512F__ && CPU_LANES == 16
    _mm512_mask_storeu_ps(p, CPU_FIRST(n), (__m512)v);
#elif defined __AVX2__ && CPU_LANES == 8
    _mm256_maskstore_ps(p, CPU_FIRST(n), (__m256)v);
#else
    for (int i = 0; i < LANES; ++i)
        if (i < n) p[i] = v[i];
#endif
}

CPU_INLINE vec vec_all(float x) { return x - (vec){0}; }

/* mask: all bits of a lane, or none, as comparisons give them. By instructions, since a compiler
 * that misses the blend in a loop or an expression goes through the lanes one by one. */
CPU_INLINE vec vec_choose(ivec mask, vec yes, vec no)
{
#if defined __AVX512F__ && CPU_LANES == 16
    return (vec)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)mask), (__m512)no, (__m512)yes);
#elif defined __AVX2__ && CPU_LANES == 8
    return (vec)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
#else
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
#endif
}

/* NaN where either is NaN. */
CPU_INLINE vec vec_maximum(vec a, vec b) { return vec_choose((a > b) | (a != a), a, b); }

/* Compilers make one instruction of it. */
CPU_INLINE vec vec_root(vec x)
{
    for (int i = 0; i < LANES; ++i)
        x[i] = __builtin_sqrtf(x[i]);
    return x;
}

/* total[0, LANES) += v. */
CPU_INLINE void vec_add_to(double *total, vec v)
{
    typedef float half __attribute__((vector_size(2 * CPU_LANES)));
    typedef double wide __attribute__((vector_size(4 * CPU_LANES)));
    half from[2];
    wide to[2];
    memcpy(from, &v, sizeof from);
    memcpy(to, total, sizeof to);
    for (int i = 0; i < 2; ++i)
        to[i] += __builtin_convertvector(from[i], wide);
    memcpy(total, to, sizeof to);
}

/* to[0, n) := total, or added to what it holds. */
CPU_INLINE void put_totals(float *to, const double *total, int64_t n, bool add)
{
    for (int64_t j = 0; j < n; ++j)
        to[j] = (add ? to[j] : 0.0f) + (float)total[j];
}

#endif
