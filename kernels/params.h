/* The parameters of every kernel: one struct a kernel, filled in by the host and passed by value.
 *
 * Read by C and by OpenCL C: all members are 4 bytes wide, so that the layout is the same in both. Fields named after
 * operands are where the operand begins in its buffer, in elements. Every index fits 31 bits: the backend makes no
 * buffer larger than 8 GiB.
 */
#ifndef KERNELS_PARAMS_H
#define KERNELS_PARAMS_H

#ifdef __OPENCL_VERSION__
/* Equal bits everywhere where ops.def says EXACT, and compensated sums as written. */
#pragma OPENCL FP_CONTRACT OFF
/* The item's number; items beyond the count only fill the last work-group. */
#define ITEM(i, total)                                                                                                 \
    const uint i = (uint)get_global_id(0);                                                                             \
    if (i >= (uint)(total)) return
/* What a bad index gives, so that it is seen: the engine stops at a loss that is not finite. */
#define NOT_A_NUMBER as_float(0x7FC00000)
#endif

/* Elements of sums and maxima that one item reduces: a constant, so that bits depend on shapes only. */
#define REDUCE_CHUNK 256

struct params_fill {
    int y, count;
    int word; /* the bits of the value */
};

struct params_elementwise {
    int a, b, c, y, count;
    float factor, shift;
};

/* Output element (i, j, k, l) of dims dim is the input's at stride[0] i + ...; rows: all but the last dim. */
struct params_strided {
    int in, y, rows;
    int dim[4], stride[4];
};

/* Pieces of `length` elements, from_stride apart in the input and to_stride apart in the output. */
struct params_pieces {
    int in, y, pieces, length, from_stride, to_stride;
};

/* in (rows, length) into y (rows, to_length), zeros but for columns [start, start + length). */
struct params_pad {
    int in, y, rows, length, to_length, start;
};

/* Rows of `width` elements of a table of `rows`; each index stands for `run` consecutive ones. count: of indices, or
 * elements. */
struct params_rows {
    int table, index, row, y, count, rows, width, run;
    int missing; /* the bits of what an index out of range gives */
    int shift;   /* added to every index */
};

struct params_sort {
    int count, index, indices, rows, run;
    int distance, block; /* of one step of the bitonic network */
};

/* in (outer, length, inner) -> y (outer, chunks, inner); sums are divided by divisor. An item takes one of `columns`
 * parts of the inner axis. */
struct params_reduce {
    int in, y, count, length, chunks, inner, columns;
    float divisor;
};

/* Columns that one item of a second pass adds up. */
#define JOIN_WIDTH 16

/* y[y + i] := the sum of `chunks` partial sums of each of `columns`, from element `from` on; or so for each of `rows`
 * rows of a table. */
struct params_join {
    int from, chunks, columns, y, count, rows;
};

struct params_random {
    int step, y, count;
    int seed_low, seed_high, stream, below;
    int plus, with_plus; /* what is added to normal numbers, when with_plus */
    float scale;
};

/* Operations along rows of `width` elements. */
struct params_along_rows {
    int in, in2, y, rows, width;
};

struct params_norm {
    int dy, x, gain, bias, mean, rstd, y, rows, width;
    int chunk, chunks; /* rows of a chunk, and how many, in the gradients of gain and bias */
    int dgain, dbias;
    int plus, with_plus; /* what is added to the first result, when with_plus */
    float epsilon;
};

/* Of params_product.with. */
#define PRODUCT_TURN_A    1
#define PRODUCT_TURN_B    2
#define PRODUCT_BIAS      4
#define PRODUCT_BEFORE    8
#define PRODUCT_SILU      16
#define PRODUCT_GELU      32
#define PRODUCT_SILU_GRAD 64
#define PRODUCT_GELU_GRAD 128
#define PRODUCT_RESIDUAL  256
#define PRODUCT_SUMS      512
/* Those that product_finish.h adds to a result. */
#define PRODUCT_EPILOGUE (PRODUCT_SUMS - PRODUCT_BIAS)
/* Terms of a plain sum, and of plain sums of those; sums of the latter are compensated. */
#define PRODUCT_CHAIN 32
#define PRODUCT_PANEL 256
/* Most rows of an item of product_panel.cl, and how many of its rows are in registers at a time. */
#define PRODUCT_ROWS        128
#define PRODUCT_TILE(width) ((width) == 16 ? 8 : 4)

/* y (count, m, n) := a (count, m, k) times b (count, k, n), turned where `with` says so. Of `chunks` chunks of `length`
 * of the inner axis each gives a y of its own, `apart` elements after the one before, and n sums. */
struct params_product {
    int a, b, y, bias, residual, before, at, sums;
    int count, m, n, k;
    int chunks, length, apart;
    int block;  /* rows of an item; a multiple of its tile */
    int repeat; /* rows of the residual, which begins again after them */
    int with;
};

struct params_attention {
    int dy, qkv, y, lse, along, dqkv;
    int batch, time, heads, window, causal;
    float scale;
};

struct params_loss {
    int dloss, x, target, lse, y, term, counted, total;
    int count, width, chunks;
};

struct params_adamw {
    int p, m, v, g, row, p_out, m_out, v_out, count;
    float b1, b2, rest1, rest2, eps, decay; /* rest: 1 - b */
};

#endif
