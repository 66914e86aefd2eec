/* Rows of a matrix that fit no whole number of vectors, for operations along the last axis that go over LANES rows at
 * once, so that sums and maxima of a row are a lane of a vector. */
#ifndef CPU_ROWS_H
#define CPU_ROWS_H

#include "kernel.h"
#include "lanes.h"

/* The vector of a row that begins `left` numbers before its end; zeros behind that. */
CPU_INLINE vec row_load(const float *p, int64_t left) { return left >= LANES ? vec_load(p) : vec_load_some(p, left); }

CPU_INLINE void row_store(float *p, vec v, int64_t left)
{
    if (left >= LANES)
        vec_store(p, v);
    else
        vec_store_some(p, v, left);
}

/* `other` in the lanes behind the end of the row. */
CPU_INLINE vec row_end(vec v, int64_t left, vec other)
{
    return left >= LANES ? v : vec_choose(lanes_numbers() < (int32_t)left, v, other);
}

/* One vector for each of LANES rows, as what lanes_sum and lanes_largest take; all `start`. */
CPU_INLINE void row_parts(vec *part, vec start)
{
    for (int r = 0; r < LANES; ++r)
        part[r] = start;
}

CPU_INLINE int64_t row_count(int64_t rows, int64_t first) { return rows - first < LANES ? rows - first : LANES; }

#endif
