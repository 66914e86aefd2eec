/* Products and AdamW of the cpu backend, in every instruction set of this machine, against plain loops in double.
 *
 * Every operand ends or begins at memory that may not be touched, so that a read or write beyond it ends the test.
 */
#include "../../backends/cpu/isa.h"
#include "orrery/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* cmocka.h needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

enum { SEED = 20261122, MOST = 1 << 17, ROOM = 1 << 20 };

/* SUM(16) of ops.def, u = 2^-24. */
#define SUM_ERROR (16 * 0x1p-24)

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

struct shape {
    int64_t m, k, n;
};

/* How a product is asked for. `end`: operands end at forbidden memory; else they begin there. */
struct how {
    bool ta, tb, add, packed, end;
};

/* Places in memory, each between two pages that may not be touched. */
enum place { A, B, BIAS, AT, RESIDUAL, C, BEFORE, PACKED, SCRATCH, PLACES };
static unsigned char *rooms[PLACES];

/* Operands as matrices (m, k), (k, n) and (m, n); the true product, and the sum of the sizes of its terms. */
static float a_value[MOST], b_value[MOST], c_value[MOST], more_value[PLACES][MOST];
static double sum[MOST], size[MOST];

static void *refused(void)
{
    fail_msg("no memory for the test");
    return NULL;
}

static int reserve(void **state)
{
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < PLACES; ++i) {
        unsigned char *all = mmap(NULL, ROOM + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED) return -1;
        rooms[i] = all + page;
        if (mprotect(rooms[i], ROOM, PROT_READ | PROT_WRITE)) return -1;
    }
    return 0;
}

static float *place(enum place which, size_t count, bool end)
{
    if (count * sizeof(float) > ROOM) return refused();
    return (float *)(void *)(rooms[which] + (end ? ROOM - count * sizeof(float) : 0));
}

/* Uniform in [-1, 1). */
static void draw(float *x, int64_t count, uint32_t stream)
{
    for (int64_t i = 0; i < count; ++i) {
        uint32_t word[4];
        orr_random_block(SEED, stream, 0, (uint32_t)i, word);
        x[i] = (float)(int32_t)word[0] * 0x1p-31f;
    }
}

static void draw_shape(const struct shape *s)
{
    assert_true(s->m * s->k <= MOST && s->k * s->n <= MOST && s->m * s->n <= MOST);
    draw(a_value, s->m * s->k, 1);
    draw(b_value, s->k * s->n, 2);
    draw(c_value, s->m * s->n, 3);
    for (int i = 0; i < PLACES; ++i)
        draw(more_value[i], s->m * s->n, 4 + (uint32_t)i);
    for (int64_t i = 0; i < s->m; ++i)
        for (int64_t j = 0; j < s->n; ++j) {
            double total = 0, sizes = 0;
            for (int64_t k = 0; k < s->k; ++k) {
                const double term = (double)a_value[i * s->k + k] * (double)b_value[k * s->n + j];
                total += term;
                sizes += fabs(term);
            }
            sum[i * s->n + j] = total;
            size[i * s->n + j] = sizes;
        }
}

static void put_matrix(float *to, const float *from, int64_t rows, int64_t columns, bool turned)
{
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
            to[turned ? j * rows + i : i * columns + j] = from[i * columns + j];
}

/* A tensor and a view of the same. */
static void describe(struct orr_tensor *t, struct cpu_view *v, float *data, uint32_t rank, const int64_t *dim)
{
    *t = (struct orr_tensor){.rank = rank, .dtype = ORR_F32};
    *v = (struct cpu_view){.data = data, .rank = rank, .dtype = ORR_F32};
    memcpy(t->dim, dim, rank * sizeof *dim);
    memcpy(v->dim, dim, rank * sizeof *dim);
}

struct product {
    struct orr_call call;
    struct cpu_job job;
    float *c;
};

/* Scratch and what is packed, exactly as large as was asked for. */
static void run(const struct cpu_kernel *kernel, struct product *p, const struct how *how)
{
    p->job.call = &p->call;
    p->job.groups = p->job.count = 1;
    p->job.add = how->add;
    const size_t scratch = kernel->scratch ? kernel->scratch(&p->call, 1, 1) / sizeof(float) : 0;
    p->job.scratch = place(SCRATCH, scratch, how->end);
    memset(p->job.scratch, 0xFF, scratch * sizeof(float));
    const size_t packed = how->packed ? kernel->pack_floats(&p->call, 1) : 0;
    if (packed) {
        float *to = place(PACKED, packed, how->end);
        memset(to, 0xFF, packed * sizeof *to);
        kernel->pack(&p->call, 1, &p->job.in[1], to);
        p->job.packed[1] = to;
    }
    kernel->run(&p->job);
}

static struct product matmul(const struct shape *s, const struct how *how)
{
    const int64_t a_dim[] = {how->ta ? s->k : s->m, how->ta ? s->m : s->k};
    const int64_t b_dim[] = {how->tb ? s->n : s->k, how->tb ? s->k : s->n}, c_dim[] = {s->m, s->n};
    struct product p = {.call = {.op = ORR_OP_MATMUL, .n_in = 2, .n_out = 1, .attr = {.i = {how->ta, how->tb}}}};
    float *a = place(A, (size_t)(s->m * s->k), how->end), *b = place(B, (size_t)(s->k * s->n), how->end);
    p.c = place(C, (size_t)(s->m * s->n), how->end);
    put_matrix(a, a_value, s->m, s->k, how->ta);
    put_matrix(b, b_value, s->k, s->n, how->tb);
    put_matrix(p.c, c_value, s->m, s->n, false);
    describe(&p.call.in[0], &p.job.in[0], a, 2, a_dim);
    describe(&p.call.in[1], &p.job.in[1], b, 2, b_dim);
    describe(&p.call.out[0], &p.job.out[0], p.c, 2, c_dim);
    return p;
}

static void expect_near(const char *what, const struct cpu_kernels *set, const struct shape *s, const struct how *how,
                        int64_t at, float got, double want, double allowed)
{
    if (fabs((double)got - want) <= allowed) return;
    fail_msg("%s: %s of (%lld, %lld, %lld) turned %d %d, add %d, packed %d: element %lld is %.9g, expected %.9g within "
             "%.3g (seed %d)",
             set->name, what, (long long)s->m, (long long)s->k, (long long)s->n, how->ta, how->tb, how->add,
             how->packed, (long long)at, (double)got, want, allowed, SEED);
}

static void check_matmul(const struct cpu_kernels *set, const struct shape *s, const struct how *how)
{
    struct product p = matmul(s, how);
    run(set->kernel[ORR_OP_MATMUL], &p, how);
    for (int64_t i = 0; i < s->m * s->n; ++i) {
        const double before = how->add ? (double)c_value[i] : 0;
        expect_near("product", set, s, how, i, p.c[i], sum[i] + before, SUM_ERROR * (size[i] + fabs(before)));
    }
}

static void check_every_way(const struct shape *s)
{
    const struct cpu_kernels *set;
    draw_shape(s);
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
        for (unsigned bits = 0; bits < 32; ++bits) {
            const struct how how = {bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1, bits >> 4 & 1};
            if (how.packed && (how.ta || how.add))
                continue; /* packed are weights, whose products are not sums of parts */
            check_matmul(set, s, &how);
        }
}

static void products(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 7, 15, 16, 17, 31, 33, 100};
    for (size_t i = 0; i < COUNT(sizes); ++i)
        for (size_t j = 0; j < COUNT(sizes); ++j)
            for (size_t k = 0; k < COUNT(sizes); ++k)
                check_every_way(&(struct shape){sizes[i], sizes[j], sizes[k]});
}

static void nothing(void **state)
{
    (void)state;
    static const struct shape shapes[] = {{0, 3, 5}, {3, 0, 5}, {3, 5, 0}, {0, 0, 0}};
    for (size_t i = 0; i < COUNT(shapes); ++i)
        check_every_way(&shapes[i]);
}

/* Several blocks of the inner axis and of columns. */
static void long_sums(void **state)
{
    (void)state;
    static const struct shape shapes[] = {{3, 257, 5},   {2, 5000, 3}, {13, 600, 20},
                                          {2, 256, 400}, {1, 8, 2100}, {64, 3, 1024}};
    for (size_t i = 0; i < COUNT(shapes); ++i)
        check_every_way(&shapes[i]);
}

/* A part of a sum: scratch is that of the whole, whose blocks of columns are narrower. */
static void parts_of_long_sums(void **state)
{
    (void)state;
    static const struct shape part = {64, 64, 1024};
    static const int64_t wholes[] = {1, 3, 3125};
    const struct how how = {.ta = true, .add = true, .end = true};
    const struct cpu_kernels *set;
    draw_shape(&part);
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
        for (size_t i = 0; i < COUNT(wholes); ++i) {
            struct product p = matmul(&part, &how);
            p.call.in[0].dim[0] = p.call.in[1].dim[0] = part.k * wholes[i];
            run(set->kernel[ORR_OP_MATMUL], &p, &how);
            for (int64_t at = 0; at < part.m * part.n; ++at) {
                const double before = (double)c_value[at];
                expect_near("part", set, &part, &how, at, p.c[at], sum[at] + before,
                            SUM_ERROR * (size[at] + fabs(before)));
            }
        }
}

/* Terms of one sign: what a long sum in single precision loses grows with its length. */
static void a_huge_sum(void **state)
{
    (void)state;
    enum { LENGTH = 100000 };
    static const struct shape s = {1, LENGTH, 1};
    const struct how how = {.ta = true, .end = true};
    const struct cpu_kernels *set;
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k) {
        float *a = place(A, LENGTH, true), *b = place(B, LENGTH, true), *c = place(C, 1, true);
        double want = 0;
        draw(a, LENGTH, 1);
        for (int i = 0; i < LENGTH; ++i) {
            a[i] = fabsf(a[i]);
            b[i] = 1.0f / 3.0f;
            want += (double)a[i] * (double)b[i];
        }
        struct product p = {.call = {.op = ORR_OP_MATMUL, .n_in = 2, .n_out = 1, .attr = {.i = {1, 0}}}};
        const int64_t column[] = {LENGTH, 1}, one[] = {1, 1};
        describe(&p.call.in[0], &p.job.in[0], a, 2, column);
        describe(&p.call.in[1], &p.job.in[1], b, 2, column);
        describe(&p.call.out[0], &p.job.out[0], c, 2, one);
        run(set->kernel[ORR_OP_MATMUL], &p, &how);
        expect_near("huge sum", set, &s, &how, 0, c[0], want, SUM_ERROR * want);
    }
}

/* Ranks 3 and 4: each matrix is the same as alone, to the bit. */
static void many_matrices(void **state)
{
    (void)state;
    static const struct shape s = {7, 33, 17};
    enum { MATRICES = 6 };
    const struct cpu_kernels *set;
    draw_shape(&s);
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
        for (int turned = 0; turned < 4; ++turned)
            for (uint32_t rank = 3; rank <= 4; ++rank) {
                const struct how how = {.ta = turned & 1, .tb = turned >> 1, .end = true};
                struct product alone = matmul(&s, &how);
                run(set->kernel[ORR_OP_MATMUL], &alone, &how);
                float want[7 * 17];
                memcpy(want, alone.c, sizeof want);
                struct product p = alone;
                for (int t = 0; t < 3; ++t) {
                    struct orr_tensor *tensor = t < 2 ? &p.call.in[t] : &p.call.out[0];
                    struct cpu_view *view = t < 2 ? &p.job.in[t] : &p.job.out[0];
                    const size_t count = (size_t)(tensor->dim[0] * tensor->dim[1]);
                    const int64_t dim[] = {rank == 3 ? MATRICES : 2, rank == 3 ? tensor->dim[0] : 3,
                                           rank == 3 ? tensor->dim[1] : tensor->dim[0], tensor->dim[1]};
                    float *data = place(t == 0 ? A : t == 1 ? B : C, MATRICES * count, true);
                    float *one = data + (MATRICES - 1) * count;
                    for (int i = 0; t < 2 && i < MATRICES - 1; ++i)
                        memcpy(data + (size_t)i * count, one, count * sizeof *one);
                    describe(tensor, view, data, rank, dim);
                    if (t == 2) p.c = data;
                }
                assert_int_equal(set->kernel[ORR_OP_MATMUL]->pack_floats(&p.call, 1), 0);
                memset(p.c, 0xFF, MATRICES * sizeof want);
                run(set->kernel[ORR_OP_MATMUL], &p, &how);
                for (int i = 0; i < MATRICES; ++i)
                    assert_memory_equal(p.c + (size_t)i * COUNT(want), want, sizeof want);
            }
}

/* --- after the product ------------------------------------------------------------------------------------------- */

static double normal_below(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

static double activation(uint32_t op, double x) { return op == ORR_OP_SILU ? x / (1 + exp(-x)) : x * normal_below(x); }

static double slope(uint32_t op, double x)
{
    const double s = 1 / (1 + exp(-x));
    if (op == ORR_OP_SILU_GRAD) return s * (1 + x * (1 - s));
    return normal_below(x) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
}

/* The bounds of ops.def for each step; no slope is above 1.13. */
static void check_after(const struct cpu_kernels *set, const struct shape *s, const struct how *how, struct product *p,
                        const float *bias)
{
    const struct cpu_after after = p->job.after;
    const struct cpu_kernel *kernel = set->kernel[p->call.op];
    if (!kernel->takes_after(&p->call, &after)) fail_msg("%s: what comes after a product is not taken", set->name);
    run(kernel, p, how);
    for (int64_t i = 0; i < s->m * s->n; ++i) {
        const double add = bias ? (double)bias[i % s->n] : 0;
        double want = sum[i] + add, allowed = SUM_ERROR * (size[i] + fabs(add));
        if (after.before) expect_near("value before", set, s, how, i, after.before[i], want, allowed);
        if (after.activation) {
            want = activation(after.activation, want);
            allowed = 1.13 * allowed + 16 * 0x1p-23 * fabs(want) + (double)0x1p-126f;
        }
        if (after.slope) {
            const double factor = slope(after.slope, (double)after.at[i]);
            allowed = 1.13 * allowed + 1e-6 * fmax(1, fabs(want));
            want *= factor;
        }
        if (after.residual) {
            want += (double)more_value[RESIDUAL][i];
            allowed += 0x1p-23 * fabs(want);
        }
        expect_near("finished product", set, s, how, i, p->c[i], want, allowed);
    }
}

static struct product linear(const struct shape *s, const struct how *how, float **bias)
{
    struct product p = matmul(s, how);
    const int64_t x_dim[] = {1, s->m, s->k}, y_dim[] = {1, s->m, s->n};
    *bias = place(BIAS, (size_t)s->n, how->end);
    memcpy(*bias, more_value[BIAS], (size_t)s->n * sizeof **bias);
    p.call.op = ORR_OP_LINEAR;
    p.call.n_in = 3;
    describe(&p.call.in[0], &p.job.in[0], p.job.in[0].data, 3, x_dim);
    describe(&p.call.in[2], &p.job.in[2], *bias, 1, &s->n);
    describe(&p.call.out[0], &p.job.out[0], p.c, 3, y_dim);
    return p;
}

static float *place_more(enum place which, const struct shape *s, bool end)
{
    float *to = place(which, (size_t)(s->m * s->n), end);
    memcpy(to, more_value[which], (size_t)(s->m * s->n) * sizeof *to);
    return to;
}

/* LINEAR, or a product by turned weights, with each thing that may come after it. */
static void check_all_after(const struct cpu_kernels *set, const struct shape *s, bool bias, const struct how *how)
{
    enum { PLAIN, SILU, GELU, SILU_BEFORE, GELU_BEFORE, SILU_SLOPE, GELU_SLOPE, RESIDUAL_ADDED, IN_PLACE, ALL };
    for (int which = PLAIN; which < ALL; ++which) {
        float *given = NULL;
        struct product p = bias ? linear(s, how, &given) : matmul(s, how);
        struct cpu_after *after = &p.job.after;
        if (which == SILU || which == SILU_BEFORE) after->activation = ORR_OP_SILU;
        if (which == GELU || which == GELU_BEFORE) after->activation = ORR_OP_GELU;
        if (which == SILU_BEFORE || which == GELU_BEFORE) after->before = place_more(BEFORE, s, how->end);
        if (which == SILU_SLOPE) after->slope = ORR_OP_SILU_GRAD;
        if (which == GELU_SLOPE) after->slope = ORR_OP_GELU_GRAD;
        if (after->slope) after->at = place_more(AT, s, how->end);
        if (which == RESIDUAL_ADDED) after->residual = place_more(RESIDUAL, s, how->end);
        if (which == IN_PLACE) {
            memcpy(p.c, more_value[RESIDUAL], (size_t)(s->m * s->n) * sizeof *p.c);
            after->residual = p.c;
        }
        check_after(set, s, how, &p, given);
    }
}

static void what_comes_after(void **state)
{
    (void)state;
    static const struct shape shapes[] = {{1, 1, 1},    {7, 5, 3},    {13, 32, 32}, {33, 17, 33},
                                          {25, 2, 100}, {9, 300, 31}, {2, 600, 20}, {3, 0, 18}};
    const struct cpu_kernels *set;
    for (size_t i = 0; i < COUNT(shapes); ++i) {
        draw_shape(&shapes[i]);
        for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
            for (unsigned bits = 0; bits < 4; ++bits) {
                struct how how = {.packed = bits & 1, .end = bits >> 1};
                check_all_after(set, &shapes[i], true, &how);
                how.tb = true;
                check_all_after(set, &shapes[i], false, &how);
            }
    }
}

/* Two at once, or onto a sum of parts: refused. */
static void what_is_not_taken(void **state)
{
    (void)state;
    static const struct shape s = {4, 4, 4};
    static const float number = 1;
    const struct cpu_after both = {.activation = ORR_OP_SILU, .residual = &number}, silu = {.activation = ORR_OP_SILU};
    const struct cpu_kernel *kernel = cpu_usable_kernels(0)->kernel[ORR_OP_MATMUL];
    draw_shape(&s);
    const struct product plain = matmul(&s, &(struct how){.end = true});
    const struct product turned = matmul(&s, &(struct how){.ta = true, .end = true});
    assert_true(kernel->takes_after(&plain.call, &silu));
    assert_false(kernel->takes_after(&plain.call, &both));
    assert_false(kernel->takes_after(&turned.call, &silu));
    assert_int_equal(kernel->pack_floats(&turned.call, 1), 0);
}

/* --- values that are not finite ---------------------------------------------------------------------------------- */

static void not_finite(void **state)
{
    (void)state;
    static const struct shape shapes[] = {{13, 5, 17}, {3, 2, 1}, {25, 33, 35}};
    static const float wild[] = {NAN, INFINITY, -INFINITY};
    const struct cpu_kernels *set;
    for (size_t i = 0; i < COUNT(shapes) * COUNT(wild) * 8; ++i) {
        const struct shape *s = &shapes[i / 8 % COUNT(shapes)];
        const float x = wild[i / 8 / COUNT(shapes)];
        const struct how how = {.ta = i & 1, .tb = i >> 1 & 1, .end = i >> 2 & 1};
        draw_shape(s);
        a_value[(s->m - 1) * s->k] = x;
        b_value[s->n - 1] = x;
        for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k) {
            struct product p = matmul(s, &how);
            run(set->kernel[ORR_OP_MATMUL], &p, &how);
            for (int64_t at = 0; at < s->m * s->n; ++at)
                if (isfinite(p.c[at]) != (at / s->n != s->m - 1 && at % s->n != s->n - 1))
                    fail_msg("%s: %g in the last row and column: element %lld of (%lld, %lld) is %g", set->name,
                             (double)x, (long long)at, (long long)s->m, (long long)s->n, (double)p.c[at]);
            if (isnan(x)) assert_true(isnan(p.c[0 + s->n - 1]));
        }
    }
}

/* --- AdamW ------------------------------------------------------------------------------------------------------- */

/* ULP(16), at the largest term since results are differences. */
static void expect_adamw(const struct cpu_kernels *set, const char *what, int64_t at, float got, double want,
                         double term)
{
    const double size_of = fmax(fabs(want), fabs(term));
    const double spacing = (double)(nextafterf((float)size_of, INFINITY) - (float)size_of);
    if (!(fabs((double)got - want) <= 16 * spacing))
        fail_msg("%s: adamw's %s %lld is %.9g, expected %.9g (seed %d)", set->name, what, (long long)at, (double)got,
                 want, SEED);
}

static void check_adamw(const struct cpu_kernels *set, int64_t count, bool in_place, bool end)
{
    static const double f[4] = {0.9, 0.999, 1e-8, 0.1};
    const double lr = (double)1e-3f, first_scale = (double)2.5f, second_scale = (double)7.25f;
    struct product job = {.call = {.op = ORR_OP_ADAMW, .n_in = 5, .n_out = 3}};
    static const enum place inputs[] = {A, B, C, AT}, results[] = {BIAS, RESIDUAL, BEFORE};
    memcpy(job.call.attr.f, f, sizeof f);
    for (int i = 0; i < 4; ++i) {
        draw(more_value[i], count, 30 + (uint32_t)i);
        for (int64_t j = 0; i == 2 && j < count; ++j)
            more_value[i][j] = fabsf(more_value[i][j]);
        float *to = place(inputs[i], (size_t)count, end);
        memcpy(to, more_value[i], (size_t)count * sizeof *to);
        describe(&job.call.in[i], &job.job.in[i], to, 1, &count);
        if (i < 3)
            describe(&job.call.out[i], &job.job.out[i], in_place ? to : place(results[i], (size_t)count, end), 1,
                     &count);
    }
    float *row = place(PACKED, 4, end);
    memcpy(row, (const float[]){(float)lr, (float)first_scale, (float)second_scale, 0}, 4 * sizeof *row);
    describe(&job.call.in[4], &job.job.in[4], row, 1, (const int64_t[]){4});
    run(set->kernel[ORR_OP_ADAMW], &job, &(struct how){.end = end});
    const float *p = job.job.out[0].data, *m = job.job.out[1].data, *v = job.job.out[2].data;
    for (int64_t i = 0; i < count; ++i) {
        const double g = (double)more_value[3][i];
        const double m_want = f[0] * (double)more_value[1][i] + (1 - f[0]) * g;
        const double v_want = f[1] * (double)more_value[2][i] + (1 - f[1]) * g * g;
        const double change = lr * first_scale * m_want / (sqrt(v_want) * second_scale + f[2]);
        expect_adamw(set, "first moment", i, m[i], m_want, (double)more_value[1][i]);
        expect_adamw(set, "second moment", i, v[i], v_want, 0);
        /* An error of the first moment is one of its largest term. */
        const double largest = change * (f[0] * (double)more_value[1][i]) / m_want;
        expect_adamw(set, "parameter", i, p[i], (double)more_value[0][i] * (1 - lr * f[3]) - change,
                     fmax(fabs((double)more_value[0][i]), fabs(largest)));
    }
}

static void adamw(void **state)
{
    (void)state;
    static const int64_t counts[] = {0, 1, 2, 7, 15, 16, 17, 1000};
    const struct cpu_kernels *set;
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
        for (size_t i = 0; i < COUNT(counts); ++i)
            for (int how = 0; how < 4; ++how)
                check_adamw(set, counts[i], how & 1, how >> 1);
}

/* --- the choice of an instruction set ---------------------------------------------------------------------------- */

ORR_PRINTF(3, 4)
static orr_status host_fail(struct orr_error *err, orr_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return code;
}

ORR_PRINTF(3, 4)
static void host_log(enum orr_log_level level, const char *plugin, const char *fmt, ...)
{
    (void)level, (void)plugin, (void)fmt;
}

static void instruction_sets(void **state)
{
    (void)state;
    static const struct orr_host host = {.size = sizeof host, .log = host_log, .fail = host_fail};
    struct orr_error err = {0};
    const struct cpu_kernels *set;
    assert_non_null(orr_plugin_query(&host));
    unsetenv("ORRERY_CPU_ISA");
    assert_ptr_equal(cpu_choose_kernels(&err), cpu_usable_kernels(0));
    setenv("ORRERY_CPU_ISA", "", 1);
    assert_ptr_equal(cpu_choose_kernels(&err), cpu_usable_kernels(0));
    setenv("ORRERY_CPU_ISA", "mmx", 1);
    assert_null(cpu_choose_kernels(&err));
    assert_int_equal(err.code, ORR_EINVAL);
    assert_non_null(strstr(err.text, "ORRERY_CPU_ISA is \"mmx\""));
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k) {
        assert_non_null(strstr(err.text, set->name));
        setenv("ORRERY_CPU_ISA", set->name, 1);
        assert_ptr_equal(cpu_choose_kernels(&err), set);
    }
    unsetenv("ORRERY_CPU_ISA");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),           cmocka_unit_test(nothing),
        cmocka_unit_test(long_sums),          cmocka_unit_test(a_huge_sum),
        cmocka_unit_test(many_matrices),      cmocka_unit_test(what_comes_after),
        cmocka_unit_test(parts_of_long_sums), cmocka_unit_test(what_is_not_taken),
        cmocka_unit_test(not_finite),         cmocka_unit_test(adamw),
        cmocka_unit_test(instruction_sets),
    };
    return cmocka_run_group_tests_name("products of the cpu backend", tests, reserve, NULL);
}
