/* AdamW (Loshchilov and Hutter 2019), with the schedule's part of the arithmetic done by the host. */
#include "template.h"

#include <math.h>

/* p, m, v, g (alike in dims), row {lr, 1 / (1 - b1^t), 1 / sqrt(1 - b2^t), 0} -> p, m, v, each of them also in place.
 * f[0..3]: b1, b2, eps, weight decay wd.
 *   p *= 1 - lr wd;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr row[1] m / (sqrt(v) row[2] + eps) */
KERNEL(ADAMW)
{
    const element *p = reference_data(&call->in[0]), *m = reference_data(&call->in[1]);
    const element *v = reference_data(&call->in[2]), *g = reference_data(&call->in[3]);
    const element *row = reference_data(&call->in[4]);
    element *p_out = reference_data(&call->out[0]), *m_out = reference_data(&call->out[1]);
    element *v_out = reference_data(&call->out[2]);
    const double b1 = call->attr.f[0], b2 = call->attr.f[1], eps = call->attr.f[2];
    const double step = (double)row[0] * (double)row[1], correction = (double)row[2];
    const double keep = 1 - (double)row[0] * call->attr.f[3];
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i) {
        const double gradient = (double)g[i];
        const double first = b1 * (double)m[i] + (1 - b1) * gradient;
        const double second = b2 * (double)v[i] + (1 - b2) * gradient * gradient;
        p_out[i] = (element)((double)p[i] * keep - step * first / (sqrt(second) * correction + eps));
        m_out[i] = (element)first;
        v_out[i] = (element)second;
    }
    return ORR_OK;
}
