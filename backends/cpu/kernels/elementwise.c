/* Operations on one element at a time: arithmetic, powers, exponentials, comparison. */
#include "each.h"
#include "math.h"

/* Whole numbers wrap round. */
static void add_whole(const struct cpu_job *job)
{
    const uint32_t *left = job->in[0].data, *right = job->in[1].data;
    uint32_t *out = job->out[0].data;
    const int64_t n = cpu_elements(&job->out[0]);
    for (int64_t i = 0; i < n; ++i)
        out[i] = left[i] + right[i];
}

CPU_EACH2_RUN(add_real, a + b)

static void add(const struct cpu_job *job) { (job->out[0].dtype == ORR_I32 ? add_whole : add_real)(job); }

const struct cpu_kernel CPU_KERNEL(ADD) = {.run = add};

CPU_EACH1(NEG, -x);
CPU_EACH1(EXP, vec_exp(x));
CPU_EACH1(LOG, vec_log(x));
CPU_EACH1(SQRT, vec_root(x));
CPU_EACH1(TANH, vec_tanh(x));
CPU_EACH1(ERF, vec_erf(x));
/* 1 where x > 0, 0 where not, NaN where NaN. */
CPU_EACH1(STEP, vec_choose(x > 0.0f, vec_all(1.0f), vec_choose(x == x, (vec){0}, x)));

CPU_EACH2(SUB, a - b);
CPU_EACH2(MUL, (a * b));
CPU_EACH2(DIV, a / b);
CPU_EACH2(MAXIMUM, vec_maximum(a, b));

/* f[0] x + f[1], the coefficients rounded first. */
static void affine(const struct cpu_job *job)
{
    const float factor = (float)job->call->attr.f[0], shift = (float)job->call->attr.f[1];
    const float *in = job->in[0].data;
    float *out = job->out[0].data;
    const int64_t n = cpu_elements(&job->out[0]);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(out + i, vec_load(in + i) * factor + shift);
    if (i < n) vec_store_some(out + i, vec_load_some(in + i, n - i) * factor + shift, n - i);
}

const struct cpu_kernel CPU_KERNEL(AFFINE) = {.run = affine};
