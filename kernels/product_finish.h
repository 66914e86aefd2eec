/* What is done to a result of a product before it is written, WIDTH columns at a time: bias, activation, the slope of
 * one, residual. Of the places in memory that p.with does not name nothing is read.
 */
#ifndef KERNELS_PRODUCT_FINISH_H
#define KERNELS_PRODUCT_FINISH_H

#include "params.h"

#define GLUE_(a, b) a##b
#define GLUE(a, b)  GLUE_(a, b)
#if WIDTH == 1
#define REAL    float
#define BITS    uint
#define WHOLE   int
#define SOME(c) (c)
/* A comparison of scalars is 1 where it is true; PoCL 3.1 looks at the sign, as is right for vectors only. */
#define select(a, b, c) ((c) ? (b) : (a))
#else
#define REAL    GLUE(float, WIDTH)
#define BITS    GLUE(uint, WIDTH)
#define WHOLE   GLUE(int, WIDTH)
#define SOME(c) any(c)
#endif
#define AS_BITS GLUE(as_, BITS)
#define AS_REAL GLUE(as_, REAL)

#include "activation.h"

/* `count` elements, zeros after them. */
static REAL take(global const float *from, int count)
{
#if WIDTH == 1
    return *from;
#else
    float piece[WIDTH];
    if (count >= WIDTH) return GLUE(vload, WIDTH)(0, from);
    for (int i = 0; i < WIDTH; ++i)
        piece[i] = i < count ? from[i] : 0.0f;
    return GLUE(vload, WIDTH)(0, piece);
#endif
}

static void put(REAL value, global float *to, int count)
{
#if WIDTH == 1
    *to = value;
#else
    float piece[WIDTH];
    if (count >= WIDTH) {
        GLUE(vstore, WIDTH)(value, 0, to);
        return;
    }
    GLUE(vstore, WIDTH)(value, 0, piece);
    for (int i = 0; i < count; ++i)
        to[i] = piece[i];
#endif
}

/* A compensated sum (kernels/sum.h) of vectors; sum_whole gives infinity and NaN as a plain sum does. */
static void sum_more(REAL *value, REAL *error, REAL x)
{
    const REAL sum = *value + x;
    const REAL seen = sum - *value;
    *error += (*value - (sum - seen)) + (x - seen);
    *value = sum;
}

static REAL sum_whole(REAL value, REAL error) { return value + select(error, (REAL)0.0f, isnan(error)); }

/* The places of a row's operands. */
struct finish {
    global float *y, *before;
    global const float *bias, *residual, *at;
};

/* The row of the residual that is added to row `row`. */
static int residual_row(const struct params_product *p, int row) { return row - row / p->repeat * p->repeat; }

/* `value` is of row `row` (of all matrices), columns [column, column + WIDTH) as far as they exist. */
static void finish(REAL value, const struct finish *to, const struct params_product *p, int row, int column)
{
    const int at = row * p->n + column, count = p->n - column;
    if (p->with & PRODUCT_BIAS) value += take(to->bias + p->bias + column, count);
    if (p->with & PRODUCT_BEFORE) put(value, to->before + p->before + at, count);
    if (p->with & PRODUCT_SILU) value = silu(value);
    if (p->with & PRODUCT_GELU) value = gelu(value);
    if (p->with & PRODUCT_SILU_GRAD) value *= silu_slope(take(to->at + p->at + at, count));
    if (p->with & PRODUCT_GELU_GRAD) value *= gelu_slope(take(to->at + p->at + at, count));
    if (p->with & PRODUCT_RESIDUAL) {
        global const float *residual = to->residual + p->residual + residual_row(p, row) * p->n + column;
        value += take(residual, count);
    }
    put(value, to->y + p->y + at, count);
}

#endif
