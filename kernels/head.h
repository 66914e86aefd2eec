/* The row of a head, DEPTH elements, as vectors of sixteen floats. */
#ifndef KERNELS_HEAD_H
#define KERNELS_HEAD_H

#include "ahead.h"
#include "vector.h"

/* Sixteenths of a row, the last perhaps in part. */
#define CHUNKS ((DEPTH + 15) / 16)
#define TAIL   (DEPTH % 16)

static float16 load_chunk(global const float *row, int c)
{
#if TAIL
    if (c == CHUNKS - 1) return load_some(row + 16 * c, TAIL, 0.0f);
#endif
    return vload16(c, row);
}

static void store_chunk(float16 x, global float *row, int c)
{
#if TAIL
    if (c == CHUNKS - 1) {
        store_some(x, row + 16 * c, TAIL);
        return;
    }
#endif
    vstore16(x, c, row);
}

/* Asks for `count` rows, `row` elements apart, before they are needed: too far apart for a processor to guess. */
static void fetch_rows(global const float *from, int row, int count)
{
    for (int r = 0; r < count; ++r)
        for (int c = 0; c < CHUNKS; ++c)
            AHEAD(from + r * row + 16 * c);
}

#endif
