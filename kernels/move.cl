/* Operations that only move elements, or make constants and conversions. Elements are 32-bit words, of f32 and i32
 * alike; an item takes VECTOR of them, or what is left of a row. */
#include "params.h"
#include "real.h"

/* Item i takes elements [at, at + left) of row `row`, of rows of `length`. */
#define ITEM_OF_ROW(rows, length)                                                                                      \
    const uint per_row = ((uint)(length) + VECTOR - 1) / VECTOR;                                                       \
    ITEM(i, (uint)(rows)*per_row);                                                                                     \
    const int row = (int)(i / per_row), at = ((int)i - row * (int)per_row) * VECTOR;                                   \
    const int left = min(VECTOR, (int)(length)-at)

static void move(global const uint *from, int stride, global uint *to, int count)
{
    if (count == VECTOR && stride == 1) {
        STORE(LOAD(0, from), 0, to);
        return;
    }
    for (int j = 0; j < count; ++j)
        to[j] = from[j * stride];
}

static void fill(uint word, global uint *to, int count)
{
    if (count == VECTOR) {
        STORE((BITS)(word), 0, to);
        return;
    }
    for (int j = 0; j < count; ++j)
        to[j] = word;
}

kernel void move_fill(global uint *y, const struct params_fill p)
{
    ITEM_OF_REALS(p.count);
    fill(as_uint(p.word), y + p.y + at, left);
}

kernel void move_strided(global const uint *in, global uint *y, const struct params_strided p)
{
    ITEM_OF_ROW(p.rows, p.dim[3]);
    const int plane = row / p.dim[2], k = row - plane * p.dim[2];
    const int cube = plane / p.dim[1], j = plane - cube * p.dim[1];
    const int from = cube * p.stride[0] + j * p.stride[1] + k * p.stride[2] + at * p.stride[3];
    move(in + p.in + from, p.stride[3], y + p.y + row * p.dim[3] + at, left);
}

kernel void move_pieces(global const uint *in, global uint *y, const struct params_pieces p)
{
    ITEM_OF_ROW(p.pieces, p.length);
    move(in + p.in + row * p.from_stride + at, 1, y + p.y + row * p.to_stride + at, left);
}

kernel void move_pad(global const uint *in, global uint *y, const struct params_pad p)
{
    ITEM_OF_ROW(p.rows, p.to_length);
    const int first = at - p.start;
    global const uint *from = in + p.in + row * p.length + first;
    global uint *to = y + p.y + row * p.to_length + at;
    if (first >= 0 && first + left <= p.length) {
        move(from, 1, to, left);
        return;
    }
    if (first >= p.length || first + left <= 0) {
        fill(0u, to, left);
        return;
    }
    for (int j = 0; j < left; ++j)
        to[j] = first + j >= 0 && first + j < p.length ? from[j] : 0u;
}

/* Rows of a table, `run` consecutive ones an index. */
kernel void move_gather(global const uint *table, global const int *index, global uint *y, const struct params_rows p)
{
    ITEM_OF_ROW(p.count, p.run * p.width);
    const int first = as_int(as_uint(index[p.index + row]) + as_uint(p.shift));
    global uint *to = y + p.y + row * p.run * p.width + at;
    if (first >= 0 && first <= p.rows - p.run)
        move(table + p.table + first * p.width + at, 1, to, left);
    else
        fill(first == -1 ? 0u : as_uint(p.missing), to, left);
}

/* 1 at the index of each row, 0 elsewhere; no 1 for -1, NaN where the index is out of range. */
kernel void move_one_hot(global const int *index, global uint *y, const struct params_rows p)
{
    ITEM_OF_ROW(p.count, p.width);
    const int label = index[p.index + row];
    const bool known = label >= -1 && label < p.width;
    global uint *to = y + p.y + row * p.width + at;
    fill(known ? 0u : as_uint(NOT_A_NUMBER), to, left);
    if (known && label >= at && label - at < left) to[label - at] = as_uint(1.0f);
}

/* Towards zero, NaN as 0, and what is out of range as the nearest number that is in range. */
kernel void move_to_whole(global const float *in, global int *y, const struct params_elementwise p)
{
    ITEM_OF_REALS(p.count);
    const REAL x = take(in + p.a + at, left);
    const WHOLE whole = select(JOIN(JOIN(convert_int, VECTOR), _sat_rtz)(x), (WHOLE)(0), isnan(x));
    give(AS_REAL(whole), (global float *)y + p.y + at, left);
}

kernel void move_to_real(global const int *in, global float *y, const struct params_elementwise p)
{
    ITEM_OF_REALS(p.count);
    const WHOLE whole = AS_WHOLE(take((global const float *)in + p.a + at, left));
    give(JOIN(JOIN(convert_float, VECTOR), _rte)(whole), y + p.y + at, left);
}
