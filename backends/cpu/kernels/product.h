/* Products of two matrices, in parts: the operation (product.c), blocks and panels (product_pack.c), tiles
 * (product_tile.c).
 */
#ifndef CPU_PRODUCT_H
#define CPU_PRODUCT_H

#include "product_tile.h"

/* c (rows, columns) = a (rows, inner) x b (inner, columns) + bias, or added to what c holds. */
struct product {
    int64_t rows, inner, columns;
    const float *a, *b;
    bool a_turned, b_turned; /* in memory a is (inner, rows), b is (columns, inner) */
    const float *packed;     /* b as panels over the whole inner axis, or NULL */
    const float *bias;       /* (columns), or NULL */
    bool add;
    const struct cpu_after *after;
    float *c;
    float *scratch; /* product_scratch floats */
};

enum { BLOCK_FLOATS = 65536 }; /* of b, unless a single panel has more */

/* The inner axis and the columns are worked off in blocks of at most these sizes, so that a row of tiles finds its part
 * of b in cache, and that sums have a bounded number of terms. */
CPU_INLINE int64_t block_of(int64_t size, int64_t most)
{
    const int64_t blocks = (size + most - 1) / most;
    return blocks ? (size + blocks - 1) / blocks : 1;
}

CPU_INLINE int64_t inner_most(int64_t inner) { return inner / 256 > 256 ? inner / 256 : 256; }

CPU_INLINE int64_t inner_block(int64_t inner) { return block_of(inner, inner_most(inner)); }

CPU_INLINE int64_t column_block(int64_t inner)
{
    const int64_t depth = inner_block(inner);
    const int64_t most = BLOCK_FLOATS / (depth > 32 ? depth : 32);
    return most > PANEL ? most / PANEL * PANEL : PANEL;
}

/* Panels, one after the other, of `columns` columns of b, each (inner, PANEL), the last as wide as it has vectors, with
 * zeros beyond the columns. `stride`: from row to row of b as it lies in memory. */
#define product_pack CPU_NAME(product_pack)
void product_pack(const float *b, int64_t stride, bool turned, int64_t inner, int64_t columns, float *to);

#endif
