/* orrery/random.h - the random numbers that every backend must agree on, to the bit.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011) turns (key, counter) into four words; the normal distribution is
 * read off a table of cubics (see orr_random_normal). A backend may use these functions or its own with equal bits.
 * Compile callers with contraction off (-ffp-contract=off): a fused multiply-add changes the last bit.
 */
#ifndef ORRERY_RANDOM_H
#define ORRERY_RANDOM_H

#include <stdint.h>

/* Philox4x32-10: out (4 words), a pure function of key (2 words) and counter (4 words). Any thread. */
static inline void orr_random_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = UINT64_C(0xD2511F53) * c0;
        const uint64_t b = UINT64_C(0xCD9E8D57) * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Block j of the sequence (seed, stream, step): elements 4j .. 4j+3 of a random op. Any thread. */
static inline void orr_random_block(uint64_t seed, uint32_t stream, uint32_t step, uint32_t j, uint32_t out[4])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {j, stream, step, 0};
    orr_random_philox(key, counter, out);
}

/* A whole number in [0, below) from a word: the high half of word * below. */
static inline uint32_t orr_random_below(uint32_t word, uint32_t below)
{
    return (uint32_t)(((uint64_t)word * below) >> 32);
}

/* Standard normal from a word. The top bit is the sign; the other 31, as r, give the tail probability
 * p = (2 r + 1) / 2^33. Leading zeros of 2 r + 1 choose the octave, the next three bits the piece, the next 24 bits
 * t in [0, 1). Within 6e-7 of the inverse normal distribution of p. */
static inline float orr_random_normal(uint32_t word)
{
    static const float table[32 * 8][4] = {
#define NORMAL(c0, c1, c2, c3) {c0, c1, c2, c3},
#include "normal_table.def" /* installed beside this header */
#undef NORMAL
    };
    uint32_t tail = ((word & UINT32_C(0x7FFFFFFF)) << 1) | 1u;
    uint32_t octave = 0;
    while (!(tail & UINT32_C(0x80000000))) {
        tail <<= 1;
        ++octave;
    }
    const float *c = table[octave * 8 + ((tail >> 28) & 7u)];
    const float t = (float)((tail << 4) >> 8) * (1.0f / 16777216.0f);
    float x = c[3] * t;
    x = x + c[2];
    x = x * t;
    x = x + c[1];
    x = x * t;
    x = x + c[0];
    return (word & UINT32_C(0x80000000)) ? -x : x;
}

#endif
