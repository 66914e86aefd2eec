/* Tiles of a product: a function for each count of rows and vectors, so that only the loop over the inner axis is left
 * and the sums stay in registers (Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication").
 */
#include "product_tile.h"

/* whole: the last vector has no columns beyond t->columns. */
CPU_INLINE void write_tile(const struct tile *t, vec sum[TILE_ROWS][PANEL / LANES], const int rows, const int vectors,
                           const bool whole)
{
    const int64_t stride = t->c_stride, last = (vectors - 1) * LANES, rest = t->columns - last;
    const float *plus = t->plus;
    float *c = t->c;
    if (plus) {
        CPU_UNROLL for (int r = 0; r < rows; ++r)
        {
            CPU_UNROLL for (int v = 0; v < vectors - 1; ++v) sum[r][v] += vec_load(plus + r * stride + v * LANES);
            sum[r][vectors - 1] +=
                whole ? vec_load(plus + r * stride + last) : vec_load_some(plus + r * stride + last, rest);
        }
    }
    CPU_UNROLL for (int r = 0; r < rows; ++r)
    {
        CPU_UNROLL for (int v = 0; v < vectors - 1; ++v) vec_store(c + r * stride + v * LANES, sum[r][v]);
        if (whole)
            vec_store(c + r * stride + last, sum[r][vectors - 1]);
        else
            vec_store_some(c + r * stride + last, sum[r][vectors - 1], rest);
    }
}

CPU_INLINE void run_tile(const struct tile *t, const int rows, const int vectors, const bool turned)
{
    vec sum[TILE_ROWS][PANEL / LANES];
    const int64_t rest = t->columns - (vectors - 1) * LANES; /* of the last vector */
    vec start[PANEL / LANES] = {{0}};
    if (t->start) {
        CPU_UNROLL for (int v = 0; v < vectors - 1; ++v) start[v] = vec_load(t->start + v * LANES);
        start[vectors - 1] = vec_load_some(t->start + (vectors - 1) * LANES, rest);
    }
    CPU_UNROLL for (int r = 0; r < rows; ++r) { CPU_UNROLL for (int v = 0; v < vectors; ++v) sum[r][v] = start[v]; }
    const float *a = t->a, *b = t->b;
    const int64_t a_stride = t->a_stride, b_stride = t->b_stride;
    CPU_UNROLL_TWICE
    for (int64_t k = t->inner; k > 0; --k) {
        vec line[PANEL / LANES];
        CPU_UNROLL for (int v = 0; v < vectors; ++v) line[v] = vec_load(b + v * LANES);
        CPU_UNROLL for (int r = 0; r < rows; ++r)
        {
            const vec x = vec_all(a[turned ? r : r * a_stride]);
            CPU_UNROLL for (int v = 0; v < vectors; ++v) sum[r][v] += x * line[v];
        }
        a += turned ? a_stride : 1;
        b += b_stride;
    }
    if (rest == LANES)
        write_tile(t, sum, rows, vectors, true);
    else
        write_tile(t, sum, rows, vectors, false);
}

/* clang-format off */
#define UP_TO_6(X, vectors, turned)                                                                                    \
    X(1, vectors, turned) X(2, vectors, turned) X(3, vectors, turned)                                                  \
    X(4, vectors, turned) X(5, vectors, turned) X(6, vectors, turned)
#if TILE_ROWS == 6
#define ALL_ROWS UP_TO_6
#else
#define ALL_ROWS(X, vectors, turned)                                                                                   \
    UP_TO_6(X, vectors, turned)                                                                                        \
    X(7, vectors, turned) X(8, vectors, turned) X(9, vectors, turned)                                                  \
    X(10, vectors, turned) X(11, vectors, turned) X(12, vectors, turned)
#endif

#define DEFINED(rows, vectors, turned)                                                                                 \
    static void tile_##rows##_##vectors##_##turned(const struct tile *t) { run_tile(t, rows, vectors, turned); }
ALL_ROWS(DEFINED, 1, 0)
ALL_ROWS(DEFINED, 2, 0)
ALL_ROWS(DEFINED, 1, 1)
ALL_ROWS(DEFINED, 2, 1)

#define NAMED(rows, vectors, turned) tile_##rows##_##vectors##_##turned,
void (*const product_tiles[2][PANEL / LANES][TILE_ROWS])(const struct tile *t) = {
    {{ALL_ROWS(NAMED, 1, 0)}, {ALL_ROWS(NAMED, 2, 0)}},
    {{ALL_ROWS(NAMED, 1, 1)}, {ALL_ROWS(NAMED, 2, 1)}},
};
/* clang-format on */
