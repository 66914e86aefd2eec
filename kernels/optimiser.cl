/* AdamW (Loshchilov and Hutter 2019), with the schedule's part of the arithmetic in a row {lr, 1 / (1 - b1^t),
 * 1 / sqrt(1 - b2^t), 0}. Each result may be the input of the same number. VECTOR elements an item. */
#include "params.h"
#include "real.h"

kernel void optimiser_adamw(global const float *p_in, global const float *m_in, global const float *v_in,
                            global const float *g_in, global const float *row, global float *p_out, global float *m_out,
                            global float *v_out, const struct params_adamw p)
{
    ITEM_OF_REALS(p.count);
    const float rate = row[p.row], step = rate * row[p.row + 1], correction = row[p.row + 2];
    const REAL gradient = take(g_in + p.g + at, left);
    const REAL first = p.b1 * take(m_in + p.m + at, left) + p.rest1 * gradient;
    const REAL second = p.b2 * take(v_in + p.v + at, left) + p.rest2 * gradient * gradient;
    const REAL kept = take(p_in + p.p + at, left) * (1.0f - rate * p.decay);
    give(kept - step * first / (sqrt(second) * correction + p.eps), p_out + p.p_out + at, left);
    give(first, m_out + p.m_out + at, left);
    give(second, v_out + p.v_out + at, left);
}
