/* Attention of the cpu backend and its gradient, in every instruction set of this machine, against plain loops over
 * all pairs of positions in double; memory around the results must stay as it is. */
#include "../../backends/cpu/isa.h"
#include "orrery/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* The tolerances of ops.def: absolute, and in units of 2^-24 times the sum of |terms|. */
#define VALUE_ERROR  2e-6
#define GRADIENT_SUM (32.0 / 16777216.0)

enum { GUARD = 67, SEED = 20240607 }; /* a guard that leaves results unaligned */

static const int64_t times[] = {1, 2, 3, 7, 10, 14, 15, 16, 17, 31, 33, 64, 65, 100, 129, 300};
static const int64_t depths[] = {1, 3, 8, 16, 32, 33, 64};
static const int64_t head_counts[] = {1, 2, 4};
static const int64_t windows[] = {0, 1, 2, 5, 16};
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

struct shape {
    int64_t batch, time, heads, depth, window;
    bool causal;
    double scale;
};

/* What plain loops give; `sum` is the bound of the gradient's error in units of GRADIENT_SUM. */
struct truth {
    float *qkv, *dy;
    double *y, *lse, *dqkv, *sum;
};

/* Memory for results between two guards. */
struct guarded {
    float *all, *data;
    size_t count;
};

static int64_t channels(const struct shape *s) { return s->heads * s->depth; }
static size_t narrow_count(const struct shape *s) { return (size_t)(s->batch * s->time * channels(s)); }
static size_t lse_count(const struct shape *s) { return (size_t)(s->batch * s->heads * s->time); }

static void *memory(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    assert_non_null(p);
    return p;
}

static float *unit_normal(size_t count, uint32_t stream)
{
    float *x = memory(count, sizeof *x);
    for (size_t i = 0; i < count; ++i) {
        uint32_t word[4];
        orr_random_block(SEED, stream, 0, (uint32_t)i, word);
        x[i] = orr_random_normal(word[0]);
    }
    return x;
}

static bool sees(const struct shape *s, int64_t t, int64_t k)
{
    if (s->causal && k > t) return false;
    return s->window == 0 || (t > k ? t - k : k - t) < s->window;
}

/* One query of one head: qkv, y, dqkv, sum are of that head's first column, in the first row of the sequence. */
static void define_query(const struct shape *s, const float *qkv, const float *dy, int64_t t, double *y, double *lse,
                         double *dqkv, double *sum)
{
    const int64_t c = channels(s), wide = 3 * c;
    double weight[512], most = -HUGE_VAL, total = 0, along = 0, along_size = 0;
    const float *q = qkv + t * wide;
    for (int64_t k = 0; k < s->time; ++k) {
        if (!sees(s, t, k)) continue;
        weight[k] = 0;
        for (int64_t d = 0; d < s->depth; ++d)
            weight[k] += (double)q[d] * (double)qkv[k * wide + c + d] * s->scale;
        most = fmax(most, weight[k]);
    }
    for (int64_t k = 0; k < s->time; ++k)
        if (sees(s, t, k)) total += exp(weight[k] - most);
    lse[t] = most + log(total);
    for (int64_t k = 0; k < s->time; ++k) {
        const double p = sees(s, t, k) ? exp(weight[k] - lse[t]) : 0;
        for (int64_t d = 0; d < s->depth; ++d)
            y[t * c + d] += p * (double)qkv[k * wide + 2 * c + d];
    }
    for (int64_t d = 0; d < s->depth; ++d) {
        along += (double)dy[t * c + d] * y[t * c + d];
        along_size += fabs((double)dy[t * c + d] * y[t * c + d]);
    }
    for (int64_t k = 0; k < s->time; ++k) {
        if (!sees(s, t, k)) continue;
        const float *key = qkv + k * wide + c, *value = key + c;
        const double p = exp(weight[k] - lse[t]);
        double slope = 0, slope_size = along_size, terms = 0;
        for (int64_t d = 0; d < s->depth; ++d) {
            slope += (double)dy[t * c + d] * (double)value[d];
            slope_size += fabs((double)dy[t * c + d] * (double)value[d]);
            terms += fabs((double)q[d] * (double)key[d]);
        }
        /* a probability errs by what its exponent errs by */
        const double doubt = p * (1 + 0.5 * (terms * fabs(s->scale) + fabs(lse[t])));
        const double dscore = p * (slope - along) * s->scale, dscore_size = doubt * slope_size * fabs(s->scale);
        for (int64_t d = 0; d < s->depth; ++d) {
            dqkv[t * wide + d] += dscore * (double)key[d];
            dqkv[k * wide + c + d] += dscore * (double)q[d];
            dqkv[k * wide + 2 * c + d] += p * (double)dy[t * c + d];
            sum[t * wide + d] += dscore_size * fabs((double)key[d]);
            sum[k * wide + c + d] += dscore_size * fabs((double)q[d]);
            sum[k * wide + 2 * c + d] += doubt * fabs((double)dy[t * c + d]);
        }
    }
}

static struct truth define(const struct shape *s)
{
    const size_t n = narrow_count(s);
    struct truth truth = {.qkv = unit_normal(3 * n, 1), .dy = unit_normal(n, 2)};
    truth.y = memory(n, sizeof(double));
    truth.lse = memory(lse_count(s), sizeof(double));
    truth.dqkv = memory(3 * n, sizeof(double));
    truth.sum = memory(3 * n, sizeof(double));
    for (int64_t b = 0; b < s->batch; ++b)
        for (int64_t h = 0; h < s->heads; ++h)
            for (int64_t t = 0; t < s->time; ++t) {
                const int64_t at = b * s->time * channels(s) + h * s->depth, wide = at + 2 * (at - h * s->depth);
                define_query(s, truth.qkv + wide, truth.dy + at, t, truth.y + at,
                             truth.lse + (b * s->heads + h) * s->time, truth.dqkv + wide, truth.sum + wide);
            }
    return truth;
}

static void release(struct truth *truth)
{
    void *all[] = {truth->qkv, truth->dy, truth->y, truth->lse, truth->dqkv, truth->sum};
    for (size_t i = 0; i < COUNT(all); ++i)
        free(all[i]);
}

static struct guarded guarded_new(size_t count)
{
    struct guarded g = {.all = memory(count + 2 * GUARD, sizeof(float)), .count = count};
    memset(g.all, 0xA5, (count + 2 * GUARD) * sizeof(float));
    g.data = g.all + GUARD;
    return g;
}

static void guarded_check(struct guarded *g)
{
    unsigned char want[GUARD * sizeof(float)];
    memset(want, 0xA5, sizeof want);
    assert_memory_equal(g->all, want, sizeof want);
    assert_memory_equal(g->data + g->count, want, sizeof want);
    free(g->all);
}

static void describe(const struct shape *s, const char *set, const char *what, size_t at, double got, double want,
                     double allowed)
{
    fail_msg("%s, batch %lld, time %lld, heads %lld, depth %lld, window %lld, causal %d, seed %d: %s[%zu] is %.9g, "
             "expected %.9g within %.3g",
             set, (long long)s->batch, (long long)s->time, (long long)s->heads, (long long)s->depth,
             (long long)s->window, s->causal, SEED, what, at, got, want, allowed);
}

/* sum: the error allowed of each in units of `unit`; NULL: `unit` itself. */
static void compare(const struct shape *s, const char *set, const char *what, const struct guarded *got,
                    const double *want, const double *sum, double unit)
{
    for (size_t i = 0; i < got->count; ++i) {
        const double allowed = sum ? unit * sum[i] : unit;
        if (!(fabs((double)got->data[i] - want[i]) <= allowed))
            describe(s, set, what, i, (double)got->data[i], want[i], allowed);
    }
}

static struct cpu_view view(void *data, uint32_t rank, const int64_t *dim)
{
    struct cpu_view v = {.data = data, .rank = rank, .dtype = ORR_F32};
    memcpy(v.dim, dim, rank * sizeof *dim);
    return v;
}

static struct orr_tensor tensor(uint32_t rank, const int64_t *dim)
{
    struct orr_tensor t = {.rank = rank, .dtype = ORR_F32};
    memcpy(t.dim, dim, rank * sizeof *dim);
    return t;
}

/* Scratch of exactly the size asked for, full of NaN. */
static void run(const struct shape *s, const struct cpu_kernel *kernel, struct orr_call *call, struct cpu_job *job)
{
    call->attr = (struct orr_attr){.i = {s->causal, s->window, s->heads}, .f = {s->scale}};
    for (uint32_t k = 0; k < call->n_in; ++k)
        call->in[k] = tensor(job->in[k].rank, job->in[k].dim);
    for (uint32_t k = 0; k < call->n_out; ++k)
        call->out[k] = tensor(job->out[k].rank, job->out[k].dim);
    job->call = call;
    job->groups = job->count = s->batch;
    const size_t bytes = kernel->scratch(call, job->groups, job->count);
    const size_t room = (bytes + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
    job->scratch = aligned_alloc(CPU_ALIGN, room ? room : CPU_ALIGN);
    assert_non_null(job->scratch);
    memset(job->scratch, 0xFF, bytes);
    kernel->run(job);
    free(job->scratch);
}

static void check_set(const struct shape *s, const struct cpu_kernels *set, const struct truth *truth)
{
    const int64_t narrow[] = {s->batch, s->time, channels(s)}, wide[] = {s->batch, s->time, 3 * channels(s)};
    const int64_t sums[] = {s->batch, s->heads, s->time};
    struct guarded y = guarded_new(narrow_count(s)), lse = guarded_new(lse_count(s));
    struct guarded dqkv = guarded_new(3 * narrow_count(s));

    struct orr_call call = {.op = ORR_OP_ATTENTION, .n_in = 1, .n_out = 2};
    struct cpu_job job = {.in = {view(truth->qkv, 3, wide)}, .out = {view(y.data, 3, narrow), view(lse.data, 3, sums)}};
    run(s, set->kernel[ORR_OP_ATTENTION], &call, &job);
    compare(s, set->name, "y", &y, truth->y, NULL, VALUE_ERROR);
    compare(s, set->name, "lse", &lse, truth->lse, NULL, VALUE_ERROR);

    call = (struct orr_call){.op = ORR_OP_ATTENTION_GRAD, .n_in = 4, .n_out = 1};
    job = (struct cpu_job){
        .in = {view(truth->dy, 3, narrow), view(truth->qkv, 3, wide), view(y.data, 3, narrow), view(lse.data, 3, sums)},
        .out = {view(dqkv.data, 3, wide)}};
    run(s, set->kernel[ORR_OP_ATTENTION_GRAD], &call, &job);
    compare(s, set->name, "dqkv", &dqkv, truth->dqkv, truth->sum, GRADIENT_SUM);

    guarded_check(&y);
    guarded_check(&lse);
    guarded_check(&dqkv);
}

static void check(const struct shape *s)
{
    struct truth truth = define(s);
    const struct cpu_kernels *set;
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
        check_set(s, set, &truth);
    release(&truth);
}

/* Batches of more sequences than a vector has lanes where a lane is a sequence. */
static void equals_plain_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); ++i)
        for (size_t j = 0; j < COUNT(depths); ++j)
            for (size_t k = 0; k < 2 * COUNT(windows); ++k) {
                const struct shape s = {.batch = times[i] <= 17 ? 7 : 2,
                                        .time = times[i],
                                        .heads = head_counts[(i + j + k) % COUNT(head_counts)],
                                        .depth = depths[j],
                                        .window = windows[k / 2],
                                        .causal = k % 2,
                                        .scale = 1 / sqrt((double)depths[j])};
                check(&s);
            }
}

static void takes_empty_tensors(void **state)
{
    (void)state;
    const struct shape shapes[] = {
        {.batch = 0, .time = 3, .heads = 2, .depth = 4, .scale = 1},
        {.batch = 2, .time = 0, .heads = 2, .depth = 4, .scale = 1},
        {.batch = 2, .time = 3, .heads = 2, .depth = 0, .scale = 1},
        {.batch = 2, .time = 33, .heads = 2, .depth = 0, .causal = true, .scale = 1},
    };
    for (size_t i = 0; i < COUNT(shapes); ++i)
        check(&shapes[i]);
}

/* A negative scale turns the order of scores round; 0 makes all keys alike. */
static void takes_any_scale(void **state)
{
    (void)state;
    const double scales[] = {-0.5, 0, 1};
    for (size_t i = 0; i < COUNT(scales); ++i)
        for (int64_t time = 5; time < 300; time += 97)
            check(
                &(struct shape){.batch = 1, .time = time, .heads = 2, .depth = 5, .causal = true, .scale = scales[i]});
}

/* Every number of a row of the gradient, which is `seen` or not. */
static void check_reach(const struct shape *s, const char *set, const char *what, int64_t key, const float *row,
                        bool seen)
{
    for (int64_t d = 0; d < s->depth; ++d)
        if (isnan(row[d]) != seen)
            fail_msg("%s, time %lld, window %lld, causal %d: %s of key %lld is %g, and it is %sseen", set,
                     (long long)s->time, (long long)s->window, s->causal, what, (long long)key, (double)row[d],
                     seen ? "" : "not ");
}

/* NaN in query `at`, or in its dy, is in its own y and dq, and in dk and dv of the keys that it sees. */
static void check_wild(const struct shape *s, const struct cpu_kernels *set, int64_t at, bool in_dy)
{
    const int64_t narrow[] = {1, s->time, s->depth}, wide[] = {1, s->time, 3 * s->depth}, sums[] = {1, 1, s->time};
    const size_t n = narrow_count(s);
    float *qkv = unit_normal(3 * n, 1), *dy = unit_normal(n, 2);
    float *y = memory(n, sizeof *y), *lse = memory(lse_count(s), sizeof *lse), *dqkv = memory(3 * n, sizeof *dqkv);
    *(in_dy ? &dy[at * s->depth] : &qkv[at * 3 * s->depth]) = NAN;
    struct orr_call call = {.op = ORR_OP_ATTENTION, .n_in = 1, .n_out = 2};
    struct cpu_job job = {.in = {view(qkv, 3, wide)}, .out = {view(y, 3, narrow), view(lse, 3, sums)}};
    run(s, set->kernel[ORR_OP_ATTENTION], &call, &job);
    call = (struct orr_call){.op = ORR_OP_ATTENTION_GRAD, .n_in = 4, .n_out = 1};
    job = (struct cpu_job){.in = {view(dy, 3, narrow), view(qkv, 3, wide), view(y, 3, narrow), view(lse, 3, sums)},
                           .out = {view(dqkv, 3, wide)}};
    run(s, set->kernel[ORR_OP_ATTENTION_GRAD], &call, &job);
    for (int64_t k = 0; k < s->time; ++k) {
        const float *row = dqkv + k * 3 * s->depth;
        check_reach(s, set->name, "y", k, y + k * s->depth, !in_dy && k == at);
        check_reach(s, set->name, "dq", k, row, k == at);
        check_reach(s, set->name, "dk", k, row + s->depth, sees(s, at, k));
        check_reach(s, set->name, "dv", k, row + 2 * s->depth, sees(s, at, k));
    }
    void *all[] = {qkv, dy, y, lse, dqkv};
    for (size_t i = 0; i < COUNT(all); ++i)
        free(all[i]);
}

/* One head of one column, so that what is NaN is so in all of a row. */
static void a_wild_query_reaches_the_keys_it_sees(void **state)
{
    (void)state;
    static const int64_t lengths[] = {7, 40, 300};
    const struct cpu_kernels *set;
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
        for (size_t i = 0; i < COUNT(lengths) * 8; ++i) {
            const struct shape s = {.batch = 1,
                                    .time = lengths[i / 8],
                                    .heads = 1,
                                    .depth = 1,
                                    .window = i & 2 ? 5 : 0,
                                    .causal = i & 1,
                                    .scale = 1};
            check_wild(&s, set, s.time / 2 + 1, i & 4);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_plain_loops),
        cmocka_unit_test(takes_empty_tensors),
        cmocka_unit_test(takes_any_scale),
        cmocka_unit_test(a_wild_query_reaches_the_keys_it_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
