/* Matrix products by tiles in local memory: for GPUs.
 *
 * A group computes DEPTH x DEPTH elements of one result over one chunk of the inner axis, an item 4 x 4 of them, STEP
 * inner elements of both operands at a time in local memory. Sums are made as in product_panel.cl.
 */
#define WIDTH 1
#include "product_finish.h"

#pragma OPENCL FP_CONTRACT ON

#define SIDE  (DEPTH / 4)
#define ITEMS (SIDE * SIDE)
#define STEP  16
/* So that neighbours along either axis lie in different banks. */
#define PITCH (DEPTH + 1)

/* STEP x DEPTH elements of an operand, the inner axis first, zeros beyond its edges: to[i][j] is from[j outer + i
 * inner] for i < length, j < count. Items that follow each other read along the axis that is dense in memory. */
static void fetch(local float *to, global const float *from, int outer, int inner, int count, int length, int item)
{
    for (int e = item; e < STEP * DEPTH; e += ITEMS) {
        const int i = inner == 1 ? e & (STEP - 1) : e / DEPTH, j = inner == 1 ? e / STEP : e & (DEPTH - 1);
        to[i * PITCH + j] = i < length && j < count ? from[j * outer + i * inner] : 0.0f;
    }
}

kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
product_tile_multiply(global const float *left, global const float *right, global float *result,
                      global const float *bias, global const float *residual, global float *before,
                      global const float *at, global float *sums, const struct params_product p)
{
    local float a[STEP * PITCH], b[STEP * PITCH];
    const uint tile = (uint)get_global_id(0) / ITEMS;
    const uint across = (uint)(p.n + DEPTH - 1) / DEPTH, down = (uint)(p.m + DEPTH - 1) / DEPTH;
    /* Remainders by hand, as in product_panel.cl. */
    const uint line = tile / across, area = line / down, matrix = area / (uint)p.chunks;
    const int column = (int)(tile - line * across) * DEPTH, row = (int)(line - area * down) * DEPTH;
    const int chunk = (int)(area - matrix * (uint)p.chunks);
    const int item = (int)get_local_id(0), y = item / SIDE, x = item - y * SIDE;
    if (matrix >= (uint)p.count) return; /* all of a group */
    const int from = chunk * p.length, to = min(p.k, from + p.length);
    const bool turn_a = (p.with & PRODUCT_TURN_A) != 0, turn_b = (p.with & PRODUCT_TURN_B) != 0;
    const int a_outer = turn_a ? 1 : p.k, a_inner = turn_a ? p.m : 1;
    const int b_outer = turn_b ? p.k : 1, b_inner = turn_b ? 1 : p.n;
    global const float *a_from = left + p.a + (int)matrix * p.m * p.k + row * a_outer;
    global const float *b_from = right + p.b + (int)matrix * p.k * p.n + column * b_outer;
    const bool adding = (p.with & PRODUCT_SUMS) != 0 && row == 0 && y == 0;
    float acc[4][4], part[4][4], value[4][4], error[4][4];
    float column_value[4] = {0.0f, 0.0f, 0.0f, 0.0f}, column_error[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c)
            acc[r][c] = part[r][c] = value[r][c] = error[r][c] = 0.0f;
    for (int first = from; first < to; first += STEP) {
        const int length = min(STEP, to - first), done = first - from + STEP;
        barrier(CLK_LOCAL_MEM_FENCE);
        fetch(a, a_from + first * a_inner, a_outer, a_inner, p.m - row, length, item);
        fetch(b, b_from + first * b_inner, b_outer, b_inner, p.n - column, length, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < STEP; ++i) {
#pragma unroll
            for (int r = 0; r < 4; ++r)
#pragma unroll
                for (int c = 0; c < 4; ++c)
                    acc[r][c] += a[i * PITCH + y + r * SIDE] * b[i * PITCH + x + c * SIDE];
            if (adding)
                for (int c = 0; c < 4; ++c)
                    sum_more(&column_value[c], &column_error[c], b[i * PITCH + x + c * SIDE]);
        }
        if (done % PRODUCT_CHAIN && done < to - from) continue;
        const bool panel_ends = done % PRODUCT_PANEL == 0 || done >= to - from;
#pragma unroll
        for (int r = 0; r < 4; ++r)
#pragma unroll
            for (int c = 0; c < 4; ++c) {
                part[r][c] += acc[r][c];
                acc[r][c] = 0.0f;
                if (panel_ends) {
                    sum_more(&value[r][c], &error[r][c], part[r][c]);
                    part[r][c] = 0.0f;
                }
            }
    }
    const struct finish places = {result + chunk * p.apart, before, bias, residual, at};
    for (int r = 0; r < 4; ++r)
        for (int c = 0; c < 4; ++c) {
            const int i = row + y + r * SIDE, j = column + x + c * SIDE;
            if (i < p.m && j < p.n) finish(sum_whole(value[r][c], error[r][c]), &places, &p, (int)matrix * p.m + i, j);
        }
    for (int c = 0; c < 4 && adding; ++c)
        if (column + x + c * SIDE < p.n)
            sums[p.sums + chunk * p.n + column + x + c * SIDE] = sum_whole(column_value[c], column_error[c]);
}
