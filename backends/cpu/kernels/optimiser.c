/* AdamW (Loshchilov and Hutter 2019), with the schedule's part of the arithmetic done by the host. */
#include "kernel.h"

struct rates {
    float b1, rest1, b2, rest2, eps, keep, step, correction;
};

CPU_INLINE void update(const struct rates *r, vec *p, vec *m, vec *v, vec g)
{
    *m = r->b1 * *m + r->rest1 * g;
    *v = r->b2 * *v + r->rest2 * (g * g);
    *p = r->keep * *p - r->step * *m / (vec_root(*v) * r->correction + r->eps);
}

/* p, m, v, g (alike in dims), row {lr, 1 / (1 - b1^t), 1 / sqrt(1 - b2^t), 0} -> p, m, v, each of them also in place.
 * f[0..3]: b1, b2, eps, weight decay wd.
 *   p *= 1 - lr wd;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr row[1] m / (sqrt(v) row[2] + eps) */
static void run_adamw(const struct cpu_job *job)
{
    const double *f = job->call->attr.f;
    const float *row = job->in[4].data;
    const struct rates rates = {.b1 = (float)f[0],
                                .rest1 = (float)(1 - f[0]),
                                .b2 = (float)f[1],
                                .rest2 = (float)(1 - f[1]),
                                .eps = (float)f[2],
                                .keep = (float)(1 - (double)row[0] * f[3]),
                                .step = row[0] * row[1],
                                .correction = row[2]};
    const float *from[4];
    float *to[3];
    for (int i = 0; i < 4; ++i)
        from[i] = job->in[i].data;
    for (int i = 0; i < 3; ++i)
        to[i] = job->out[i].data;
    const int64_t count = cpu_elements(&job->out[0]);
    for (int64_t i = 0; i < count; i += LANES) {
        const bool whole = count - i >= LANES;
        const int64_t some = whole ? LANES : count - i;
        vec x[4];
        for (int j = 0; j < 4; ++j)
            x[j] = whole ? vec_load(from[j] + i) : vec_load_some(from[j] + i, some);
        update(&rates, &x[0], &x[1], &x[2], x[3]);
        for (int j = 0; j < 3; ++j)
            if (whole)
                vec_store(to[j] + i, x[j]);
            else
                vec_store_some(to[j] + i, x[j], some);
    }
}

const struct cpu_kernel CPU_KERNEL(ADAMW) = {.run = run_adamw};
