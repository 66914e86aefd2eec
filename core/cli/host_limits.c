/* The host's limits: peak of multiply-adds, and the triad a = b + s c (McCalpin, STREAM).
 *
 * Out: rates of all threads together, from when the first begins until the last ends. The loops may contract a
 * multiplication and an addition into one instruction, which the rest of the engine must not: no result depends on
 * them. */
#include "cli/host_limits.h"

#include "base/memory.h"
#include "base/threads.h"

#include <pthread.h>
#include <time.h>

#if defined(__clang__)
#pragma clang fp contract(fast)
#define CONTRACTED
#else
#define CONTRACTED __attribute__((optimize("O3", "fp-contract=fast")))
#endif

/* As many independent sums as hide the latency of an addition, and no more than there are registers. */
enum { SUMS = 12, ROUNDS = 1 << 22, TRIAD = 1 << 24, SWEEPS = 2 };

/* For LANES numbers a register. */
#define MULTIPLY_ADDS(name, LANES, TARGET)                                                                             \
    typedef float name##_vector __attribute__((vector_size((LANES) * sizeof(float))));                                 \
    CONTRACTED TARGET static float name(float start)                                                                   \
    {                                                                                                                  \
        name##_vector sum[SUMS], scale, step;                                                                          \
        float all = 0;                                                                                                 \
        for (int i = 0; i < (LANES); ++i) {                                                                            \
            scale[i] = 0.999F;                                                                                         \
            step[i] = start;                                                                                           \
        }                                                                                                              \
        for (int k = 0; k < SUMS; ++k)                                                                                 \
            sum[k] = step * (float)k;                                                                                  \
        for (int r = 0; r < ROUNDS; ++r)                                                                               \
            for (int k = 0; k < SUMS; ++k)                                                                             \
                sum[k] = sum[k] * scale + step;                                                                        \
        for (int k = 0; k < SUMS; ++k)                                                                                 \
            for (int i = 0; i < (LANES); ++i)                                                                          \
                all += sum[k][i];                                                                                      \
        return all;                                                                                                    \
    }

MULTIPLY_ADDS(multiply_adds, 4, )
#if defined(__x86_64__)
MULTIPLY_ADDS(multiply_adds_avx2, 8, __attribute__((target("avx2,fma"))))
MULTIPLY_ADDS(multiply_adds_avx512, 16, __attribute__((target("avx512f"))))
#endif

struct worker {
    pthread_t thread;
    float (*loop)(float);
    float *a, *b, *c; /* (elements) of the triad; NULL: the loop instead */
    size_t elements;
    double begin, end; /* seconds */
    float kept;        /* so that no loop is left out */
};

static float (*best_loop(uint32_t *lanes, const char **name))(float)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        *lanes = 16;
        *name = "avx512f";
        return multiply_adds_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        *lanes = 8;
        *name = "avx2";
        return multiply_adds_avx2;
    }
#endif
    *lanes = 4;
    *name = "the compiler's default";
    return multiply_adds;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

CONTRACTED static void triad(float *restrict a, const float *restrict b, const float *restrict c, size_t n)
{
    for (size_t i = 0; i < n; ++i)
        a[i] = b[i] + 3.0F * c[i];
}

static void *work(void *context)
{
    struct worker *w = context;
    w->begin = now();
    if (!w->a)
        w->kept = w->loop(0.001F);
    else
        for (int sweep = 0; sweep < SWEEPS; ++sweep)
            triad(w->a, w->b, w->c, w->elements);
    w->end = now();
    return NULL;
}

/* One repetition on n threads, the caller's among them: *seconds is lowered to it. */
static orr_status run_workers(struct worker *w, uint32_t n, double *seconds, struct orr_error *err)
{
    uint32_t started = 1;
    while (started < n && pthread_create(&w[started].thread, NULL, work, &w[started]) == 0)
        ++started;
    work(&w[0]);
    double begin = w[0].begin, end = w[0].end;
    for (uint32_t k = 1; k < started; ++k) {
        pthread_join(w[k].thread, NULL);
        begin = w[k].begin < begin ? w[k].begin : begin;
        end = w[k].end > end ? w[k].end : end;
    }
    if (started < n) return orr_fail(err, ORR_EIO, "only %u of %u threads could be started", started, n);
    if (*seconds <= 0 || end - begin < *seconds) *seconds = end - begin;
    return ORR_OK;
}

static void share_arrays(struct worker *w, uint32_t n, float *array)
{
    for (size_t i = 0; i < 3 * (size_t)TRIAD; ++i)
        array[i] = 1.0F;
    for (uint32_t k = 0; k < n; ++k) {
        w[k].elements = TRIAD / n;
        w[k].a = array + k * w[k].elements;
        w[k].b = w[k].a + TRIAD;
        w[k].c = w[k].b + TRIAD;
    }
}

static orr_status measure(struct worker *w, uint32_t n, uint32_t repeats, float *array, double seconds[2],
                          struct orr_error *err)
{
    for (uint32_t k = 0; k < repeats; ++k)
        ORR_TRY(run_workers(w, n, &seconds[0], err));
    share_arrays(w, n, array);
    for (uint32_t k = 0; k < repeats; ++k)
        ORR_TRY(run_workers(w, n, &seconds[1], err));
    return ORR_OK;
}

orr_status orr_host_limits(uint32_t repeats, double *flops, double *bytes, uint32_t *threads, const char **instructions,
                           struct orr_error *err)
{
    uint32_t lanes;
    float (*loop)(float) = best_loop(&lanes, instructions);
    const uint32_t n = *threads = orr_threads_wanted();
    struct worker *w = orr_memory_array(n, sizeof *w);
    float *array = orr_memory_aligned(3 * (size_t)TRIAD * sizeof *array, 64);
    double seconds[2] = {0, 0};
    orr_status status = w && array ? ORR_OK : orr_memory_out(err, "a triad", 3 * (size_t)TRIAD * sizeof *array);
    for (uint32_t k = 0; w && k < n; ++k)
        w[k].loop = loop;
    if (status == ORR_OK) status = measure(w, n, repeats, array, seconds, err);
    if (status == ORR_OK) {
        *flops = 2.0 * lanes * SUMS * ROUNDS * n / seconds[0];
        *bytes = 12.0 * SWEEPS * (double)(TRIAD / n) * n / seconds[1];
    }
    orr_memory_free(array);
    orr_memory_free(w);
    return status;
}
