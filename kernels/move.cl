/* Operations that only move elements, or make constants and conversions. Elements are 32-bit words, of f32 and i32
 * alike. */
#include "params.h"

kernel void move_fill(global uint *y, const struct params_fill p)
{
    ITEM(i, p.count);
    y[p.y + i] = as_uint(p.word);
}

kernel void move_strided(global const uint *in, global uint *y, const struct params_strided p)
{
    ITEM(i, p.count);
    const uint row = i / (uint)p.dim[3], l = i - row * (uint)p.dim[3];
    const uint plane = row / (uint)p.dim[2], k = row - plane * (uint)p.dim[2];
    const uint cube = plane / (uint)p.dim[1], j = plane - cube * (uint)p.dim[1];
    y[p.y + i] = in[p.in + cube * p.stride[0] + j * p.stride[1] + k * p.stride[2] + l * p.stride[3]];
}

kernel void move_pieces(global const uint *in, global uint *y, const struct params_pieces p)
{
    ITEM(i, p.count);
    const uint piece = i / (uint)p.length, j = i - piece * (uint)p.length;
    y[p.y + piece * p.to_stride + j] = in[p.in + piece * p.from_stride + j];
}

kernel void move_pad(global const uint *in, global uint *y, const struct params_pad p)
{
    ITEM(i, p.count);
    const int row = (int)(i / (uint)p.inner), j = (int)i - row * p.inner;
    const int outer = row / p.to_length, k = row - outer * p.to_length - p.start;
    const bool inside = k >= 0 && k < p.length;
    y[p.y + i] = inside ? in[p.in + (outer * p.length + k) * p.inner + j] : 0u;
}

/* Towards zero, NaN as 0, and what is out of range as the nearest number that is in range. */
kernel void move_to_whole(global const float *in, global int *y, const struct params_elementwise p)
{
    ITEM(i, p.count);
    const float x = in[p.a + i];
    y[p.y + i] = x != x ? 0 : convert_int_sat_rtz(x);
}

kernel void move_to_real(global const int *in, global float *y, const struct params_elementwise p)
{
    ITEM(i, p.count);
    y[p.y + i] = convert_float_rte(in[p.a + i]);
}
