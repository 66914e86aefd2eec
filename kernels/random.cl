/* Random numbers with the bits of orrery/random.h: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011), and normal
 * numbers read off a table of cubics by adds and multiplies only. One item a block of four elements. */
#include "params.h"

constant float normal_table[32 * 8 * 4] = {
#define NORMAL(c0, c1, c2, c3) c0, c1, c2, c3,
#include "orrery/normal_table.def"
#undef NORMAL
};

/* Block j of the sequence (seed, stream, step). */
static void philox(const struct params_random *p, uint step, uint j, uint out[4])
{
    uint c0 = j, c1 = as_uint(p->stream), c2 = step, c3 = 0u;
    uint k0 = as_uint(p->seed_low), k1 = as_uint(p->seed_high);
    for (int round = 0; round < 10; ++round) {
        const uint high_a = mul_hi(0xD2511F53u, c0), low_a = 0xD2511F53u * c0;
        const uint high_b = mul_hi(0xCD9E8D57u, c2), low_b = 0xCD9E8D57u * c2;
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

static float normal(uint word)
{
    uint tail = ((word & 0x7FFFFFFFu) << 1) | 1u;
    const uint octave = clz(tail);
    tail <<= octave;
    constant float *c = normal_table + 4u * (octave * 8u + ((tail >> 28) & 7u));
    const float t = (float)((tail << 4) >> 8) * 0x1p-24f;
    float x = c[3] * t;
    x = x + c[2];
    x = x * t;
    x = x + c[1];
    x = x * t;
    x = x + c[0];
    return (word & 0x80000000u) ? -x : x;
}

#define BLOCK                                                                                                          \
    ITEM(i, (p.count + 3) / 4);                                                                                        \
    uint word[4];                                                                                                      \
    philox(&p, as_uint(step[p.step]), i, word);                                                                        \
    const int left = min(4, p.count - 4 * (int)i)

kernel void random_whole(global const int *step, global int *y, const struct params_random p)
{
    BLOCK;
    for (int k = 0; k < left; ++k)
        y[p.y + 4 * i + k] = as_int(mul_hi(word[k], as_uint(p.below)));
}

kernel void random_normal(global const int *step, global float *y, const struct params_random p)
{
    BLOCK;
    for (int k = 0; k < left; ++k)
        y[p.y + 4 * i + k] = p.scale * normal(word[k]);
}
