/* The innermost part of every product: a tile of the result that stays in registers while the inner axis is summed.
 *
 * A tile is up to TILE_ROWS rows of A times a panel, up to PANEL columns of B: as many sums as there are registers
 * for, beside a line of the panel and an element of A.
 */
#ifndef CPU_PRODUCT_TILE_H
#define CPU_PRODUCT_TILE_H

#include "kernel.h"

#if CPU_LANES == 16 || defined __aarch64__
#define TILE_ROWS 12
#else
#define TILE_ROWS 6
#endif
enum { PANEL = 2 * LANES };

/* c (rows, columns) = a (rows, inner) x b (inner, columns) + start + plus. */
struct tile {
    const float *a, *b;
    int64_t a_stride;   /* from row to row of A, whose inner axis is contiguous; turned: the other way round */
    int64_t b_stride;   /* from a step of the inner axis to the next, each readable to whole vectors */
    const float *start; /* (columns), or NULL: sums begin with it */
    const float *plus;  /* like c, or NULL: added last; may be c */
    float *c;
    int64_t c_stride; /* from row to row of c and plus */
    int64_t inner, columns;
};

/* [is A turned][vectors - 1][rows - 1] */
#define product_tiles CPU_NAME(product_tiles)
extern void (*const product_tiles[2][PANEL / LANES][TILE_ROWS])(const struct tile *t);

#endif
