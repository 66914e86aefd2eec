/* Random numbers with the bits of orrery/random.h: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011), and normal
 * numbers read off a table of cubics by adds and multiplies only. One item VECTOR blocks of four elements.
 */
#include "params.h"
#include "real.h"

constant float normal_table[32 * 8 * 4] = {
#define NORMAL(c0, c1, c2, c3) c0, c1, c2, c3,
#include "orrery/normal_table.def"
#undef NORMAL
};

/* What one item makes. */
#define ELEMENTS (4 * VECTOR)
#define LONG     JOIN(ulong, VECTOR)

static BITS high_word(uint factor, BITS x)
{
    return JOIN(convert_uint, VECTOR)(JOIN(convert_ulong, VECTOR)(x) * (LONG)(factor) >> (LONG)(32));
}

/* Blocks first, first + 1 ... of the sequence (seed, stream, step), one a lane; word k of each in out[k]. */
static void philox(const struct params_random *p, uint step, uint first, BITS out[4])
{
    BITS c0 = first + lane_numbers(), c1 = (BITS)(as_uint(p->stream)), c2 = (BITS)(step);
    BITS c3 = (BITS)(0u);
    uint k0 = as_uint(p->seed_low), k1 = as_uint(p->seed_high);
    for (int round = 0; round < 10; ++round) {
        const BITS high_a = high_word(0xD2511F53u, c0), low_a = 0xD2511F53u * c0;
        const BITS high_b = high_word(0xCD9E8D57u, c2), low_b = 0xCD9E8D57u * c2;
        c0 = high_b ^ c1 ^ k0;
        c1 = low_b;
        c2 = high_a ^ c3 ^ k1;
        c3 = low_a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static REAL normal(BITS word)
{
    BITS tail = ((word & 0x7FFFFFFFu) << 1) | 1u;
    /* Leading zeros by way of the exponent: without the second of two bits that follow each other, nothing is rounded
     * up to the next power of two. */
    const BITS bits = tail >> 1, alone = bits & ~(bits >> 1);
    const BITS octave = min(157u - (AS_BITS(JOIN(convert_float, VECTOR)(AS_WHOLE(alone))) >> 23), (BITS)(31u));
    tail <<= octave;
    uint place[VECTOR];
    float c0[VECTOR], c1[VECTOR], c2[VECTOR], c3[VECTOR];
    STORE(octave * 8u + ((tail >> 28) & 7u), 0, place);
#pragma unroll
    for (int j = 0; j < VECTOR; ++j) {
        const float4 c = vload4(place[j], normal_table);
        c0[j] = c.x;
        c1[j] = c.y;
        c2[j] = c.z;
        c3[j] = c.w;
    }
    const REAL t = JOIN(convert_float, VECTOR)(AS_WHOLE((tail << 4) >> 8)) * 0x1p-24f;
    REAL x = LOAD(0, c3) * t;
    x = x + LOAD(0, c2);
    x = x * t;
    x = x + LOAD(0, c1);
    x = x * t;
    x = x + LOAD(0, c0);
    return AS_REAL(AS_BITS(x) ^ (word & 0x80000000u));
}

kernel void random_whole(global const int *step, global int *y, const struct params_random p)
{
    ITEM(i, (p.count + ELEMENTS - 1) / ELEMENTS);
    const int first = (int)i * ELEMENTS, left = min(ELEMENTS, p.count - first);
    BITS word[4];
    uint part[4][VECTOR];
    philox(&p, as_uint(step[p.step]), i * VECTOR, word);
    for (int k = 0; k < 4; ++k)
        STORE(high_word(as_uint(p.below), word[k]), 0, part[k]);
    for (int j = 0; j < left; ++j)
        y[p.y + first + j] = as_int(part[j % 4][j / 4]);
}

/* With `plus` added, where asked for. */
kernel void random_normal(global const int *step, global const float *plus, global float *y,
                          const struct params_random p)
{
    ITEM(i, (p.count + ELEMENTS - 1) / ELEMENTS);
    const int first = (int)i * ELEMENTS, left = min(ELEMENTS, p.count - first);
    BITS word[4];
    float part[ELEMENTS];
    philox(&p, as_uint(step[p.step]), i * VECTOR, word);
    for (int k = 0; k < 4; ++k) {
        float made[VECTOR];
        STORE(p.scale * normal(word[k]), 0, made);
#pragma unroll
        for (int j = 0; j < VECTOR; ++j)
            part[4 * j + k] = made[j];
    }
    global const float *from = plus + p.plus + first;
    for (int k = 0; k * VECTOR < left; ++k) {
        const int few = min(VECTOR, left - k * VECTOR);
        const REAL x = LOAD(k, part);
        give(p.with_plus ? take(from + k * VECTOR, few) + x : x, y + p.y + first + k * VECTOR, few);
    }
}
