/* Matrix products by vectors in registers, without local memory and barriers: for processors, and for devices whose
 * work-groups are too small for product_tile.cl.
 *
 * DEPTH is the width of a vector. An item computes p.block rows of one panel of two vectors of columns, over one chunk
 * of the inner axis: PRODUCT_PANEL inner elements of b at a time are put in order in private memory (turned, and filled
 * with zeros beyond the edge), and TILE rows at a time stay in registers. Sums are of PRODUCT_CHAIN terms each, and
 * sums of panels are compensated, so that the error does not grow with the inner axis; bits depend on neither DEPTH nor
 * the block.
 */
#define WIDTH DEPTH
#include "ahead.h"
#include "product_finish.h"

#pragma OPENCL FP_CONTRACT ON

#define COLUMNS (2 * WIDTH)
#define TILE    PRODUCT_TILE(WIDTH)
#define LOAD    GLUE(vload, WIDTH)
#define STORE   GLUE(vstore, WIDTH)

/* Rows of the inner axis between what is read and what is fetched. */
#define SOON 16

#if WIDTH == 16
/* 16 rows of 16 -> panel[2 i], by four perfect shuffles. */
static void turn(global const float *from, int row, REAL *panel)
{
    REAL v[16], w[16];
#pragma unroll
    for (int i = 0; i < 16; ++i)
        v[i] = vload16(0, from + i * row);
#pragma unroll
    for (int round = 0; round < 4; ++round) {
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            w[2 * i].even = v[i].lo;
            w[2 * i].odd = v[i + 8].lo;
            w[2 * i + 1].even = v[i].hi;
            w[2 * i + 1].odd = v[i + 8].hi;
        }
#pragma unroll
        for (int i = 0; i < 16; ++i)
            v[i] = w[i];
    }
#pragma unroll
    for (int i = 0; i < 16; ++i)
        panel[2 * i] = v[i];
}
#endif

/* b[first .. first + length) of the inner axis, columns [column, column + COLUMNS), zeros beyond the edge. */
static void pack(global const float *b, const struct params_product *p, int first, int length, int column, REAL *panel)
{
    const int columns = min(p->n - column, COLUMNS);
    if (!(p->with & PRODUCT_TURN_B)) {
        global const float *from = b + first * p->n + column;
        for (int i = 0; i < length; ++i, from += p->n) {
            AHEAD(from + SOON * p->n);
            AHEAD(from + SOON * p->n + WIDTH);
            panel[2 * i] = take(from, columns);
            panel[2 * i + 1] = columns > WIDTH ? take(from + WIDTH, columns - WIDTH) : (REAL)0.0f;
        }
        return;
    }
    global const float *from = b + column * p->k + first;
    float *to = (float *)panel;
    int i = 0;
#if WIDTH == 16
    if (columns == COLUMNS)
        for (; i + 16 <= length; i += 16) {
            turn(from + i, p->k, panel + 2 * i);
            turn(from + i + 16 * p->k, p->k, panel + 2 * i + 1);
        }
#endif
    for (; i < length; ++i)
        for (int j = 0; j < COLUMNS; ++j)
            to[i * COLUMNS + j] = j < columns ? from[j * p->k + i] : 0.0f;
}

/* Adds the panel's rows to the sums of its columns. */
static void add_columns(const REAL *panel, int length, REAL *value, REAL *error)
{
    for (int first = 0; first < length; first += PRODUCT_CHAIN) {
        REAL u = 0.0f, v = 0.0f;
        for (int i = first; i < min(length, first + PRODUCT_CHAIN); ++i) {
            u += panel[2 * i];
            v += panel[2 * i + 1];
        }
        sum_more(&value[0], &error[0], u);
        sum_more(&value[1], &error[1], v);
    }
}

/* What stays in registers: an item's tile of the result. */
struct tile {
    REAL row[TILE][2];
};

/* TILE rows of a, at start[] and then every a_step, times the panel. `next`, and then every next_step, is read soon. */
static struct tile multiply(global const float *a, const int *start, int a_step, const REAL *panel, int length,
                            global const float *next, int next_step)
{
    REAL sum[TILE][2];
    struct tile acc;
    for (int first = 0;; first += PRODUCT_CHAIN) {
        const int end = min(length, first + PRODUCT_CHAIN);
#pragma unroll
        for (int r = 0; r < TILE; ++r)
            acc.row[r][0] = acc.row[r][1] = (REAL)0.0f;
        for (int i = first; i < end; ++i, a += a_step, next += next_step) {
            const REAL u = panel[2 * i], v = panel[2 * i + 1];
            AHEAD(next);
#pragma unroll
            for (int r = 0; r < TILE; ++r) {
                acc.row[r][0] += a[start[r]] * u;
                acc.row[r][1] += a[start[r]] * v;
            }
        }
        if (first) {
#pragma unroll
            for (int r = 0; r < TILE; ++r) {
                acc.row[r][0] += sum[r][0];
                acc.row[r][1] += sum[r][1];
            }
        }
        if (end == length) return acc;
#pragma unroll
        for (int r = 0; r < TILE; ++r) {
            sum[r][0] = acc.row[r][0];
            sum[r][1] = acc.row[r][1];
        }
    }
}

/* A tile's places in memory, which processors fetch ahead along rows but not down them. */
static void fetch_tile(global const float *from, int row)
{
#pragma unroll
    for (int r = 0; r < TILE; ++r, from += row) {
        AHEAD(from);
        AHEAD(from + WIDTH);
    }
}

/* A whole tile with what most products need: bias and residual. */
static void store(struct tile acc, const struct finish *to, const struct params_product *p, int row, int column)
{
    const int at = row * p->n + column;
    if (p->with & PRODUCT_BIAS) {
        const REAL u = LOAD(0, to->bias + p->bias + column), v = LOAD(1, to->bias + p->bias + column);
#pragma unroll
        for (int r = 0; r < TILE; ++r) {
            acc.row[r][0] += u;
            acc.row[r][1] += v;
        }
    }
    if (p->with & PRODUCT_RESIDUAL) {
        global const float *table = to->residual + p->residual + column;
        int line = residual_row(p, row);
#pragma unroll
        for (int r = 0; r < TILE; ++r, line = line + 1 == p->repeat ? 0 : line + 1) {
            acc.row[r][0] += LOAD(0, table + line * p->n);
            acc.row[r][1] += LOAD(1, table + line * p->n);
        }
    }
    global float *y = to->y + p->y + at;
#pragma unroll
    for (int r = 0; r < TILE; ++r, y += p->n) {
        STORE(acc.row[r][0], 0, y);
        STORE(acc.row[r][1], 1, y);
    }
}

/* A tile of which some rows or columns do not exist, or with more to be done. */
static void store_some(struct tile acc, const struct finish *to, const struct params_product *p, int row, int rows,
                       int column)
{
    REAL sum[2 * TILE];
#pragma unroll
    for (int r = 0; r < TILE; ++r) {
        sum[2 * r] = acc.row[r][0];
        sum[2 * r + 1] = acc.row[r][1];
    }
    for (int r = 0; r < 2 * rows; ++r)
        if (column + r % 2 * WIDTH < p->n) finish(sum[r], to, p, row + r / 2, column + r % 2 * WIDTH);
}

kernel void product_panel_multiply(global const float *left, global const float *right, global float *result,
                                   global const float *bias, global const float *residual, global float *before,
                                   global const float *at, global float *sums, const struct params_product p)
{
    const uint item = (uint)get_global_id(0);
    const uint panels = (uint)(p.n + COLUMNS - 1) / COLUMNS, blocks = (uint)(p.m + p.block - 1) / (uint)p.block;
    /* Remainders by hand: a division beside its remainder becomes an instruction that not every checker knows. */
    const uint line = item / panels, area = line / blocks, matrix = area / (uint)p.chunks;
    const int column = (int)(item - line * panels) * COLUMNS, row = (int)(line - area * blocks) * p.block;
    const int chunk = (int)(area - matrix * (uint)p.chunks);
    if (matrix >= (uint)p.count) return;
    const int from = chunk * p.length, to = min(p.k, from + p.length), end = min(p.m, row + p.block);
    const bool turn_a = (p.with & PRODUCT_TURN_A) != 0, adding = (p.with & PRODUCT_SUMS) != 0 && row == 0;
    const int a_row = turn_a ? 1 : p.k, a_step = turn_a ? p.m : 1;
    const struct finish places = {result + chunk * p.apart, before, bias, residual, at};
    global const float *a = left + p.a + (int)matrix * p.m * p.k;
    /* What store() does. */
    const bool simple = p.n - column >= COLUMNS && !(p.with & PRODUCT_EPILOGUE & ~(PRODUCT_BIAS | PRODUCT_RESIDUAL));
    REAL panel[2 * PRODUCT_PANEL], value[2 * PRODUCT_ROWS], error[2 * PRODUCT_ROWS];
    REAL column_value[2] = {0.0f, 0.0f}, column_error[2] = {0.0f, 0.0f};
    for (int first = from; first < to; first += PRODUCT_PANEL) {
        const int length = min(PRODUCT_PANEL, to - first);
        pack(right + p.b + (int)matrix * p.k * p.n, &p, first, length, column, panel);
        if (adding) add_columns(panel, length, column_value, column_error);
        for (int t = row; t < end; t += TILE) {
            const int soon = ((int)matrix * p.m + t + TILE) * p.n + column;
            fetch_tile(places.y + p.y + soon, p.n);
            if (p.with & (PRODUCT_SILU_GRAD | PRODUCT_GELU_GRAD)) fetch_tile(at + p.at + soon, p.n);
            if (p.with & PRODUCT_BEFORE) fetch_tile(before + p.before + soon, p.n);
            if (p.with & PRODUCT_RESIDUAL) {
                const int next = residual_row(&p, (int)matrix * p.m + t) + TILE;
                fetch_tile(residual + p.residual + next * p.n + column, p.n);
            }
            int start[TILE];
            for (int r = 0; r < TILE; ++r)
                start[r] = min(t + r, p.m - 1) * a_row;
            struct tile acc =
                multiply(a + first * a_step, start, a_step, panel, length,
                         turn_a ? a + (first + SOON) * p.m + t : a + (t + TILE) * p.k + first, turn_a ? p.m : TILE);
            if (first > from || to - first > PRODUCT_PANEL) {
                REAL *const v = &value[2 * (t - row)], *const e = &error[2 * (t - row)];
#pragma unroll
                for (int r = 0; r < TILE; ++r) {
                    if (first == from) v[2 * r] = e[2 * r] = v[2 * r + 1] = e[2 * r + 1] = (REAL)0.0f;
                    sum_more(&v[2 * r], &e[2 * r], acc.row[r][0]);
                    sum_more(&v[2 * r + 1], &e[2 * r + 1], acc.row[r][1]);
                    acc.row[r][0] = sum_whole(v[2 * r], e[2 * r]);
                    acc.row[r][1] = sum_whole(v[2 * r + 1], e[2 * r + 1]);
                }
            }
            if (first + PRODUCT_PANEL < to) continue;
            if (simple && t + TILE <= end)
                store(acc, &places, &p, (int)matrix * p.m + t, column);
            else
                store_some(acc, &places, &p, (int)matrix * p.m + t, min(TILE, end - t), column);
        }
    }
    if (!adding) return;
    put(sum_whole(column_value[0], column_error[0]), sums + p.sums + chunk * p.n + column, p.n - column);
    if (p.n - column > WIDTH)
        put(sum_whole(column_value[1], column_error[1]), sums + p.sums + chunk * p.n + column + WIDTH,
            p.n - column - WIDTH);
}
