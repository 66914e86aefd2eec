/* The second pass of a product whose inner axis was divided, and what is left to do where another library computed it:
 * chunks added in order, then product_finish.h. DEPTH columns an item.
 */
#define WIDTH DEPTH
#include "product_finish.h"

/* Rows of all matrices. y may be the only chunk. */
kernel void product_finish_chunks(global const float *chunks, global float *y, global const float *bias,
                                  global const float *residual, global float *before, global const float *at,
                                  const struct params_product p)
{
    const uint item = (uint)get_global_id(0), across = (uint)(p.n + WIDTH - 1) / WIDTH;
    const int row = (int)(item / across), column = ((int)item - row * (int)across) * WIDTH;
    if (row >= p.count * p.m) return;
    const struct finish places = {y, before, bias, residual, at};
    global const float *from = chunks + p.a + row * p.n + column;
    REAL value = take(from, p.n - column), error = 0.0f;
    for (int chunk = 1; chunk < p.chunks; ++chunk) {
        from += p.apart;
        sum_more(&value, &error, take(from, p.n - column));
    }
    finish(sum_whole(value, error), &places, &p, row, column);
}
