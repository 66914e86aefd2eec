/* Random numbers, the same bits on every backend: orrery/random.h, a vector of blocks at a time.
 *
 * Element e of the whole is word e & 3 of block e >> 2; a part begins at any element.
 */
#include "orrery/random.h"

#include "lanes.h"

enum { CHUNK = 4 * LANES }; /* elements: four words of a vector of blocks */

/* high, low := the halves of factor * x. */
CPU_INLINE void multiply(uint32_t factor, uvec x, uvec *high, uvec *low)
{
    uvec h = {0};
    for (int i = 0; i < LANES; ++i)
        h[i] = (uint32_t)(((uint64_t)factor * x[i]) >> 32);
    *high = h;
    *low = x * factor;
}

/* Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011): words of blocks first .. first + LANES - 1. */
CPU_INLINE void philox(uint64_t seed, uint32_t stream, uint32_t step, uint32_t first, uvec word[4])
{
    uvec c0 = first + (uvec)lanes_numbers(), c1 = stream - (uvec){0}, c2 = step - (uvec){0}, c3 = {0};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        uvec a, low_a, b, low_b;
        multiply(0xD2511F53u, c0, &a, &low_a);
        multiply(0xCD9E8D57u, c2, &b, &low_b);
        c0 = b ^ c1 ^ k0;
        c1 = low_b;
        c2 = a ^ c3 ^ k1;
        c3 = low_a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    word[0] = c0;
    word[1] = c1;
    word[2] = c2;
    word[3] = c3;
}

CPU_INLINE vec look_up(const float *column, ivec at)
{
    float value[LANES];
    for (int i = 0; i < LANES; ++i)
        value[i] = column[at[i]];
    return vec_load(value);
}

/* As orr_random_normal, with the table by columns. */
CPU_INLINE vec normal(uvec word)
{
    static const float table[4][32 * 8] = {
#define NORMAL(c0, c1, c2, c3) c0,
        {
#include "orrery/normal_table.def"
        },
#undef NORMAL
#define NORMAL(c0, c1, c2, c3) c1,
        {
#include "orrery/normal_table.def"
        },
#undef NORMAL
#define NORMAL(c0, c1, c2, c3) c2,
        {
#include "orrery/normal_table.def"
        },
#undef NORMAL
#define NORMAL(c0, c1, c2, c3) c3,
        {
#include "orrery/normal_table.def"
        },
#undef NORMAL
    };
    /* The exponent of a float tells the highest bit of r, once the bit below it, by which r might be rounded up, is
     * gone. Where r is 0 the octave is the last. */
    const ivec r = (ivec)(word & 0x7FFFFFFFu);
    const ivec exponent = (ivec) __builtin_convertvector(r & ~(r >> 1), vec) >> 23;
    const ivec octave = 157 - exponent - ((r == 0) & 126);
    const uvec tail = (((uvec)r << 1) | 1u) << (uvec)octave;
    const ivec piece = octave * 8 + (ivec)((tail >> 28) & 7u);
    const vec t = __builtin_convertvector((ivec)((tail << 4) >> 8), vec) * (1.0f / 16777216.0f);
    const vec cubic = look_up(table[3], piece) * t + look_up(table[2], piece);
    const vec x = (cubic * t + look_up(table[1], piece)) * t + look_up(table[0], piece);
    return (vec)((uvec)x ^ (word & 0x80000000u));
}

/* The lanes of a and b in turn: `first` has the first half of them, `rest` the others. */
#define FIRST_OF(j, s) ((j) % 2 * CPU_LANES + (j) / 2)
#define REST_OF(j, s)  ((j) % 2 * CPU_LANES + (j) / 2 + CPU_LANES / 2)
CPU_INLINE void take_turns(uvec a, uvec b, uvec *first, uvec *rest)
{
    *first = __builtin_shufflevector(a, b, LANES_EACH(FIRST_OF, 0));
    *rest = __builtin_shufflevector(a, b, LANES_EACH(REST_OF, 0));
}

/* Words of blocks, by their number in the block, in the order of the elements. */
CPU_INLINE void order(uvec word[4])
{
    uvec even[2], odd[2];
    take_turns(word[0], word[2], &even[0], &even[1]);
    take_turns(word[1], word[3], &odd[0], &odd[1]);
    take_turns(even[0], odd[0], &word[0], &word[1]);
    take_turns(even[1], odd[1], &word[2], &word[3]);
}

/* Elements of out from words of the blocks, a CHUNK at a time; an element has four bytes. */
CPU_INLINE void each_chunk(const struct cpu_job *job, vec (*make)(const struct orr_call *call, uvec word))
{
    const struct orr_call *call = job->call;
    const struct cpu_view *out = &job->out[0];
    const int64_t first = cpu_rows_before(job, &call->out[0]) * cpu_span(out, 1, out->rank);
    const int64_t end = first + cpu_elements(out);
    const int32_t *step = job->in[0].data;
    for (int64_t e = first & ~INT64_C(3); e < end; e += CHUNK) {
        uvec word[4];
        vec value[4];
        philox((uint64_t)call->attr.i[0], (uint32_t)call->attr.i[1], (uint32_t)*step, (uint32_t)(e >> 2), word);
        order(word);
        for (int k = 0; k < 4; ++k)
            value[k] = make(call, word[k]);
        const int64_t from = e < first ? first - e : 0, to = end - e < CHUNK ? end - e : CHUNK;
        memcpy((char *)out->data + 4 * (e + from - first), (const char *)value + 4 * from, 4 * (size_t)(to - from));
    }
}

CPU_INLINE vec whole_number(const struct orr_call *call, uvec word)
{
    uvec high, low;
    multiply((uint32_t)call->attr.i[2], word, &high, &low);
    return (vec)high;
}

CPU_INLINE vec normal_number(const struct orr_call *call, uvec word) { return normal(word) * (float)call->attr.f[0]; }

/* in: the step, one i32; out (any dims, i32): whole numbers in [0, i[2]). */
static void random_int(const struct cpu_job *job) { each_chunk(job, whole_number); }

/* in: the step, one i32; out (any dims): f[0] times a standard normal number each. */
static void random_normal(const struct cpu_job *job) { each_chunk(job, normal_number); }

const struct cpu_kernel CPU_KERNEL(RANDOM_INT) = {.run = random_int};
const struct cpu_kernel CPU_KERNEL(RANDOM_NORMAL) = {.run = random_normal};
