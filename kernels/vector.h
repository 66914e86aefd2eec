/* Vectors of sixteen floats, for processors: rows of any length as whole vectors and a tail, trees over lanes, and the
 * transpose of a block. */
#ifndef KERNELS_VECTOR_H
#define KERNELS_VECTOR_H

#define LANES 16

static int16 lane_numbers(void) { return (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }

/* The first n < 16 elements, then `rest`. Nothing behind them is read. */
static float16 load_some(global const float *from, int n, float rest)
{
    float part[LANES];
    int at = 0;
    vstore16((float16)(rest), 0, part);
    if (n & 8) vstore8(vload8(0, from), 0, part), at = 8;
    if (n & 4) vstore4(vload4(0, from + at), 0, part + at), at += 4;
    for (; at < n; ++at)
        part[at] = from[at];
    return vload16(0, part);
}

static void store_some(float16 x, global float *to, int n)
{
    float part[LANES];
    int at = 0;
    vstore16(x, 0, part);
    if (n & 8) vstore8(x.lo, 0, to), at = 8;
    if (n & 4) vstore4(vload4(0, part + at), 0, to + at), at += 4;
    for (; at < n; ++at)
        to[at] = part[at];
}

/* Chunk c, of sixteen elements, of a row of `width`; `rest` where the row has ended. */
static float16 row_chunk(global const float *row, int c, int width, float rest)
{
    if (16 * c + 16 <= width) return vload16(c, row);
    return load_some(row + 16 * c, width - 16 * c, rest);
}

static void put_chunk(float16 x, global float *row, int c, int width)
{
    if (16 * c + 16 <= width)
        vstore16(x, c, row);
    else
        store_some(x, row + 16 * c, width - 16 * c);
}

/* total += TERM over c in [0, n): in parts, so that a long sum does not round what is small against it. */
#define ADD_ALONG(total, c, n, TERM)                                                                                   \
    for (int part_of_##total = 0; part_of_##total < (n); part_of_##total += 16) {                                      \
        float16 sum_of_##total = (float16)(0.0f);                                                                      \
        for (int c = part_of_##total; c < min(part_of_##total + 16, (n)); ++c)                                         \
            sum_of_##total += (TERM);                                                                                  \
        total += sum_of_##total;                                                                                       \
    }

/* The upper half, in letters, since Oclgrind 21.10 takes element 11 of a shuffle for one that was never written. */
#define UPPER(x) (float8)((x).s8, (x).s9, (x).sa, (x).sb, (x).sc, (x).sd, (x).se, (x).sf)

static float add_lanes(float16 x)
{
    const float8 a = x.lo + UPPER(x);
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
}

/* The largest of a row, without its NaNs; -infinity of none. */
static float row_largest(global const float *row, int width)
{
    float16 most = (float16)(-INFINITY);
    for (int c = 0; 16 * c < width; ++c) {
        const float16 x = row_chunk(row, c, width, -INFINITY);
        most = x > most ? x : most;
    }
    const float8 a = fmax(most.lo, UPPER(most));
    const float4 b = fmax(a.lo, a.hi);
    const float2 c = fmax(b.lo, b.hi);
    return fmax(c.x, c.y);
}

/* a0 b0 a1 b1 ... of the first halves, and of the second. */
#define WEAVE_LOW(a, b)                                                                                                \
    (float16)((a).s0, (b).s0, (a).s1, (b).s1, (a).s2, (b).s2, (a).s3, (b).s3, (a).s4, (b).s4, (a).s5, (b).s5, (a).s6,  \
              (b).s6, (a).s7, (b).s7)
#define WEAVE_HIGH(a, b)                                                                                               \
    (float16)((a).s8, (b).s8, (a).s9, (b).s9, (a).sa, (b).sa, (a).sb, (b).sb, (a).sc, (b).sc, (a).sd, (b).sd, (a).se,  \
              (b).se, (a).sf, (b).sf)

/* Row j of the block becomes its column j: woven four times, each row with the one half the block away. */
static void transpose(float16 block[LANES])
{
#pragma unroll
    for (int pass = 0; pass < 4; ++pass) {
        float16 woven[LANES];
#pragma unroll
        for (int j = 0; j < LANES / 2; ++j) {
            woven[2 * j] = WEAVE_LOW(block[j], block[j + 8]);
            woven[2 * j + 1] = WEAVE_HIGH(block[j], block[j + 8]);
        }
#pragma unroll
        for (int j = 0; j < LANES; ++j)
            block[j] = woven[j];
    }
}

#endif
