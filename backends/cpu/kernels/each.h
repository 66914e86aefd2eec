/* Functions and kernels of one element at a time: CPU_EACH1(OP, expression in x), CPU_EACH2(OP, expression in a and b),
 * and CPU_EACH2_RUN(name, expression) for the function alone.
 *
 * Inputs and result are all alike in dims; the result may be input 0. The elements behind the last whole vector are
 * computed as a vector too, so that an element's bits do not depend on where it stands.
 */
#ifndef CPU_EACH_H
#define CPU_EACH_H

#include "kernel.h"

#define CPU_EACH1(OP, expression)                                                                                      \
    static void each_##OP(const struct cpu_job *job)                                                                   \
    {                                                                                                                  \
        const float *in = job->in[0].data;                                                                             \
        float *out = job->out[0].data;                                                                                 \
        const int64_t n = cpu_elements(&job->out[0]);                                                                  \
        int64_t i = 0;                                                                                                 \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            const vec x = vec_load(in + i);                                                                            \
            vec_store(out + i, (expression));                                                                          \
        }                                                                                                              \
        if (i < n) {                                                                                                   \
            const vec x = vec_load_some(in + i, n - i);                                                                \
            vec_store_some(out + i, (expression), n - i);                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    const struct cpu_kernel CPU_KERNEL(OP) = {.run = each_##OP}

#define CPU_EACH2_RUN(name, expression)                                                                                \
    static void name(const struct cpu_job *job)                                                                        \
    {                                                                                                                  \
        const float *left = job->in[0].data, *right = job->in[1].data;                                                 \
        float *out = job->out[0].data;                                                                                 \
        const int64_t n = cpu_elements(&job->out[0]);                                                                  \
        int64_t i = 0;                                                                                                 \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            const vec a = vec_load(left + i), b = vec_load(right + i);                                                 \
            vec_store(out + i, (expression));                                                                          \
        }                                                                                                              \
        if (i < n) {                                                                                                   \
            const vec a = vec_load_some(left + i, n - i), b = vec_load_some(right + i, n - i);                         \
            vec_store_some(out + i, (expression), n - i);                                                              \
        }                                                                                                              \
    }

#define CPU_EACH2(OP, expression)                                                                                      \
    CPU_EACH2_RUN(each_##OP, expression)                                                                               \
    const struct cpu_kernel CPU_KERNEL(OP) = {.run = each_##OP}

#endif
