/* AdamW (Loshchilov and Hutter 2019), with the schedule's part of the arithmetic in a row {lr, 1 / (1 - b1^t),
 * 1 / sqrt(1 - b2^t), 0}. Each result may be the input of the same number. */
#include "params.h"

kernel void optimiser_adamw(global const float *p_in, global const float *m_in, global const float *v_in,
                            global const float *g_in, global const float *row, global float *p_out, global float *m_out,
                            global float *v_out, const struct params_adamw p)
{
    ITEM(i, p.count);
    const float rate = row[p.row], gradient = g_in[p.g + i];
    const float first = p.b1 * m_in[p.m + i] + p.rest1 * gradient;
    const float second = p.b2 * v_in[p.v + i] + p.rest2 * gradient * gradient;
    const float step = rate * row[p.row + 1], correction = row[p.row + 2];
    const float kept = p_in[p.p + i] * (1.0f - rate * p.decay);
    p_out[p.p_out + i] = kept - step * first / (sqrt(second) * correction + p.eps);
    m_out[p.m_out + i] = first;
    v_out[p.v_out + i] = second;
}
