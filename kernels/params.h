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

/* Output element (i, j, k, l) of dims dim is the input's at stride[0] i + ... */
struct params_strided {
    int in, y, count;
    int dim[4], stride[4];
};

/* `rows` pieces of `length` elements, from_stride apart in the input and to_stride apart in the output. */
struct params_pieces {
    int in, y, count, length, from_stride, to_stride;
};

/* in (outer, length, inner) into y (outer, to_length, inner), zeros but for [start, start + length). */
struct params_pad {
    int in, y, count, length, to_length, inner, start;
};

/* Rows of `width` elements of a table of `rows`; each index stands for `run` consecutive ones. */
struct params_rows {
    int table, index, row, y, count, rows, width, run;
    int missing; /* the bits of what an index out of range gives */
};

struct params_sort {
    int count, index, indices, rows, run;
    int distance, block; /* of one step of the bitonic network */
};

/* in (outer, length, inner) -> y (outer, chunks, inner); sums are divided by divisor. */
struct params_reduce {
    int in, y, count, length, chunks, inner;
    float divisor;
};

struct params_random {
    int step, y, count;
    int seed_low, seed_high, stream, below;
    float scale;
};

/* Operations along rows of `width` elements. */
struct params_along_rows {
    int in, in2, y, rows, width;
};

struct params_norm {
    int dy, x, gain, bias, mean, rstd, y, rows, width;
    int chunks; /* of rows, in the gradients of gain and bias */
    int dgain, dbias;
    float epsilon;
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
