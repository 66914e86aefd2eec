/* Kernels of the cpu backend that must know which part of a call they have, in every instruction set of this machine:
 * the parts put together are the whole. */
#include "../../backends/cpu/isa.h"
#include "orrery/random.h"

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 7, ROWS = 3 /* of a group */, CLASSES = 37, ALL = GROUPS * ROWS, ELEMENTS = ALL * CLASSES, SEED = 41 };

/* Parts of 1, 2 and 4 groups, or the whole. */
static const int64_t cuts[][4] = {{0, 7, 7, 7}, {0, 1, 3, 7}};
enum { CUTS = 2 };

/* Of rounding to float, and what SUM allows of it: ops.def. */
static const double unit = 1.0 / 16777216.0, sum_units = 16;

static const struct orr_tensor scalar = {.rank = 0, .dtype = ORR_F32};
static const struct orr_tensor per_row = {.dim = {GROUPS, ROWS}, .rank = 2, .dtype = ORR_F32};
static const struct orr_tensor matrix = {.dim = {GROUPS, ROWS, CLASSES}, .rank = 3, .dtype = ORR_F32};

static float x[ELEMENTS], target[ELEMENTS];

static void draw(void)
{
    for (int i = 0; i < ELEMENTS; ++i) {
        uint32_t word[4];
        orr_random_block(SEED, 0, 0, (uint32_t)i, word);
        x[i] = orr_random_normal(word[0]);
        target[i] = orr_random_normal(word[1]);
    }
}

static struct cpu_view whole(const struct orr_tensor *t, void *data)
{
    struct cpu_view v = {.data = data, .rank = t->rank, .dtype = t->dtype};
    memcpy(v.dim, t->dim, sizeof v.dim);
    return v;
}

static struct cpu_view share(const struct orr_tensor *t, void *data, const struct cpu_job *job)
{
    struct cpu_view v = whole(t, data);
    v.dim[0] = t->dim[0] / GROUPS * job->count;
    v.data = (char *)data + 4 * t->dim[0] / GROUPS * job->group * orr_tensor_span(t, 1, t->rank);
    return v;
}

/* The p-th part of a cut; false where it is empty. */
static bool next(struct cpu_job *job, const struct orr_call *call, const int64_t cut[4], int p)
{
    *job =
        (struct cpu_job){.call = call, .groups = GROUPS, .group = cut[p], .count = cut[p + 1] - cut[p], .add = p > 0};
    return job->count > 0;
}

typedef void (*check)(const struct cpu_kernels *set, const int64_t cut[4]);

static void with_all(check one)
{
    draw();
    const struct cpu_kernels *set;
    for (size_t s = 0; (set = cpu_usable_kernels(s)); ++s)
        for (int c = 0; c < CUTS; ++c)
            one(set, cuts[c]);
}

static void assert_near(const char *what, const struct cpu_kernels *set, double got, double want, double terms)
{
    if (!(fabs(got - want) <= sum_units * unit * terms))
        fail_msg("%s (%s): got %.9g, expected %.9g, allowed %g", what, set->name, got, want, sum_units * unit * terms);
}

static void sum(const struct cpu_kernels *set, const int64_t cut[4])
{
    static const struct orr_tensor row = {.dim = {1, ROWS, CLASSES}, .rank = 3, .dtype = ORR_F32};
    const struct orr_call call = {.size = sizeof call, .op = ORR_OP_SUM, .in = {matrix}, .out = {row}};
    float total[ROWS * CLASSES];
    struct cpu_job job;
    for (int p = 0; p < 3; ++p)
        if (next(&job, &call, cut, p)) {
            job.in[0] = share(&matrix, x, &job);
            job.out[0] = whole(&row, total);
            set->kernel[call.op]->run(&job);
        }
    for (int j = 0; j < ROWS * CLASSES; ++j) {
        double want = 0, terms = 0;
        for (int g = 0; g < GROUPS; ++g) {
            want += (double)x[g * ROWS * CLASSES + j];
            terms += fabs((double)x[g * ROWS * CLASSES + j]);
        }
        assert_near("sum", set, (double)total[j], want, terms);
    }
}

static void mse(const struct cpu_kernels *set, const int64_t cut[4])
{
    const struct orr_call call = {.size = sizeof call, .op = ORR_OP_MSE, .in = {matrix, matrix}, .out = {scalar}};
    double want = 0;
    float loss = NAN;
    struct cpu_job job;
    for (int i = 0; i < ELEMENTS; ++i)
        want += pow((double)x[i] - (double)target[i], 2) / ELEMENTS;
    for (int p = 0; p < 3; ++p)
        if (next(&job, &call, cut, p)) {
            job.in[0] = share(&matrix, x, &job);
            job.in[1] = share(&matrix, target, &job);
            job.out[0] = whole(&scalar, &loss);
            set->kernel[call.op]->run(&job);
        }
    assert_near("mse", set, (double)loss, want, want);
}

/* Loss, log-sum-exp and gradient; one target is -1. The target is given whole. */
static void xent(const struct cpu_kernels *set, const int64_t cut[4])
{
    struct orr_tensor label_shape = per_row;
    label_shape.dtype = ORR_I32;
    const struct orr_call call = {
        .size = sizeof call, .op = ORR_OP_XENT, .in = {matrix, label_shape}, .out = {scalar, per_row}};
    const struct orr_call gradient = {
        .size = sizeof call, .op = ORR_OP_XENT_GRAD, .in = {scalar, matrix, label_shape, per_row}, .out = {matrix}};
    int32_t label[ALL];
    float loss = NAN, lse[ALL], dx[ELEMENTS], slope = 3;
    double want = 0, terms = 0;
    for (int i = 0; i < ALL; ++i)
        label[i] = i == 4 ? -1 : i * 11 % CLASSES;
    struct cpu_job job;
    for (int p = 0; p < 3; ++p) {
        if (!next(&job, &call, cut, p)) continue;
        job.in[0] = share(&matrix, x, &job);
        job.in[1] = whole(&label_shape, label);
        job.out[0] = whole(&scalar, &loss);
        job.out[1] = share(&per_row, lse, &job);
        set->kernel[call.op]->run(&job);
        next(&job, &gradient, cut, p);
        job.in[0] = whole(&scalar, &slope);
        job.in[1] = share(&matrix, x, &job);
        job.in[2] = whole(&label_shape, label);
        job.in[3] = share(&per_row, lse, &job);
        job.out[0] = share(&matrix, dx, &job);
        set->kernel[gradient.op]->run(&job);
    }
    for (int i = 0; i < ALL; ++i) {
        const float *logits = x + i * CLASSES;
        double total = 0;
        for (int j = 0; j < CLASSES; ++j)
            total += exp((double)logits[j]);
        assert_near("lse", set, (double)lse[i], log(total), log(total));
        for (int j = 0; j < CLASSES; ++j) {
            const double d = (exp((double)logits[j]) / total - (j == label[i])) * (double)slope / (ALL - 1);
            const double got = (double)dx[i * CLASSES + j];
            if (!(fabs(got - (label[i] == -1 ? 0 : d)) <= 1e-6 * (double)slope / (ALL - 1))) /* ABS(1e-6): ops.def */
                fail_msg("xent_grad (%s): row %d, class %d: got %.9g, expected %.9g", set->name, i, j, got, d);
        }
        if (label[i] == -1) continue;
        want += (log(total) - (double)logits[label[i]]) / (ALL - 1);
        terms += (log(total) + fabs((double)logits[label[i]])) / (ALL - 1);
    }
    assert_near("xent", set, (double)loss, want, terms);
}

/* To the bit, though no part begins at a block of four words. */
static void random_numbers(const struct cpu_kernels *set, const int64_t cut[4])
{
    struct orr_tensor whole_numbers = matrix;
    whole_numbers.dtype = ORR_I32;
    static const struct orr_tensor one = {.dim = {1}, .rank = 1, .dtype = ORR_I32};
    const int64_t seed = (INT64_C(5) << 32) + SEED, stream = 3, below = 1000;
    const struct orr_attr attr = {.i = {seed, stream, below}, .f = {0.1}};
    const struct orr_call normal = {
        .size = sizeof normal, .op = ORR_OP_RANDOM_NORMAL, .in = {one}, .out = {matrix}, .attr = attr};
    const struct orr_call integer = {
        .size = sizeof normal, .op = ORR_OP_RANDOM_INT, .in = {one}, .out = {whole_numbers}, .attr = attr};
    int32_t step = 17, whole_number[ELEMENTS];
    float number[ELEMENTS];
    struct cpu_job job;
    for (int p = 0; p < 3; ++p) {
        if (!next(&job, &normal, cut, p)) continue;
        job.in[0] = whole(&one, &step);
        job.out[0] = share(&matrix, number, &job);
        set->kernel[normal.op]->run(&job);
        job.call = &integer;
        job.out[0] = share(&whole_numbers, whole_number, &job);
        set->kernel[integer.op]->run(&job);
    }
    for (int e = 0; e < ELEMENTS; ++e) {
        uint32_t word[4];
        orr_random_block((uint64_t)seed, (uint32_t)stream, (uint32_t)step, (uint32_t)e >> 2, word);
        const float want = 0.1f * orr_random_normal(word[e & 3]);
        const int32_t want_whole = (int32_t)orr_random_below(word[e & 3], (uint32_t)below);
        if (number[e] != want || whole_number[e] != want_whole)
            fail_msg("random (%s): element %d: got %a and %d, expected %a and %d", set->name, e, (double)number[e],
                     whole_number[e], (double)want, want_whole);
    }
}

/* --- long sums ------------------------------------------------------------------------------------ */

enum { LONG = 1 << 20 };

/* (LONG / inner, inner) to its sums along axis 0, against a sum in double; all columns are alike. */
static void check_long(const struct cpu_kernels *set, const char *what, const float *terms, int64_t inner, int64_t rows)
{
    const struct orr_tensor in = {.dim = {rows, inner}, .rank = 2, .dtype = ORR_F32};
    const struct orr_tensor out = {.dim = {1, inner}, .rank = 2, .dtype = ORR_F32};
    const struct orr_call call = {.size = sizeof call, .op = ORR_OP_SUM, .in = {in}, .out = {out}};
    float total[128];
    struct cpu_job job = {.call = &call, .groups = 1, .count = 1, .out = {whole(&out, total)}};
    job.in[0] = whole(&in, (void *)(uintptr_t)terms);
    double want = 0;
    for (int64_t i = 0; i < rows; ++i)
        want += (double)terms[i * inner];
    set->kernel[call.op]->run(&job);
    for (int64_t j = 0; j < inner; ++j)
        assert_near(what, set, (double)total[j], want, want);
}

/* Whatever is lost at each step is lost the same way: terms that are alike, and terms that vanish beside the first. */
static void long_sums_keep_what_is_small(void **state)
{
    (void)state;
    static const int64_t widths[] = {1, 2, 16, 37, 64, 101};
    static const float alike[] = {0.1f, 1.0f / 3.0f, 1.9f};
    float *terms = malloc(LONG * sizeof *terms);
    assert_non_null(terms);
    const struct cpu_kernels *set;
    for (size_t s = 0; (set = cpu_usable_kernels(s)); ++s)
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; ++w) {
            const int64_t width = widths[w];
            for (size_t k = 0; k < sizeof alike / sizeof alike[0]; ++k) {
                for (int64_t i = 0; i < LONG; ++i)
                    terms[i] = alike[k];
                check_long(set, "sum of equal terms", terms, width, LONG / width);
            }
            for (int64_t i = 0; i < 100 * width; ++i)
                terms[i] = i < width ? 1.0f : 0x1.fcp-25f;
            check_long(set, "sum of small terms", terms, width, 100);
        }
    free(terms);
}

/* Equal gradients: dgain and dbias are sums over all rows, in parts. Scratch as large as asked for, full of NaN. */
static void norm_gradient(const struct cpu_kernels *set, const int64_t cut[4])
{
    enum { EACH = 20000 /* rows of a group */, WIDTH = 5, LENGTH = GROUPS * EACH };
    static const struct orr_tensor big = {.dim = {GROUPS, EACH, WIDTH}, .rank = 3, .dtype = ORR_F32};
    static const struct orr_tensor row = {.dim = {GROUPS, EACH}, .rank = 2, .dtype = ORR_F32};
    static const struct orr_tensor column = {.dim = {WIDTH}, .rank = 1, .dtype = ORR_F32};
    static const double norm_units = 32; /* SUM(32): ops.def */
    const struct orr_call call = {.size = sizeof call,
                                  .op = ORR_OP_LAYERNORM_GRAD,
                                  .n_in = 5,
                                  .n_out = 3,
                                  .in = {big, big, column, row, row},
                                  .out = {big, column, column}};
    const struct cpu_kernel *kernel = set->kernel[call.op];
    static float dy[LENGTH * WIDTH], dx[LENGTH * WIDTH], in[LENGTH * WIDTH], mean[LENGTH], rstd[LENGTH];
    float gain[WIDTH], dgain[WIDTH], dbias[WIDTH];
    for (int i = 0; i < LENGTH * WIDTH; ++i) {
        dy[i] = 0.1f;
        in[i] = (float)(i % WIDTH + 1);
    }
    for (int i = 0; i < LENGTH; ++i)
        rstd[i] = 0.7f;
    for (int j = 0; j < WIDTH; ++j)
        gain[j] = 1;
    struct cpu_job job;
    for (int p = 0; p < 3; ++p) {
        if (!next(&job, &call, cut, p)) continue;
        job.in[0] = share(&big, dy, &job);
        job.in[1] = share(&big, in, &job);
        job.in[2] = whole(&column, gain);
        job.in[3] = share(&row, mean, &job);
        job.in[4] = share(&row, rstd, &job);
        job.out[0] = share(&big, dx, &job);
        job.out[1] = whole(&column, dgain);
        job.out[2] = whole(&column, dbias);
        const size_t bytes = kernel->scratch(&call, GROUPS, job.count);
        job.scratch = malloc(bytes);
        assert_non_null(job.scratch);
        memset(job.scratch, 0xFF, bytes);
        kernel->run(&job);
        free(job.scratch);
    }
    for (int j = 0; j < WIDTH; ++j) {
        const double bias_want = LENGTH * (double)0.1f, gain_want = bias_want * (j + 1) * (double)0.7f;
        assert_near("dgain", set, (double)dgain[j], gain_want, norm_units / sum_units * gain_want);
        assert_near("dbias", set, (double)dbias[j], bias_want, norm_units / sum_units * bias_want);
    }
}

static void gradients_of_gain_and_bias_add_up(void **state)
{
    (void)state;
    with_all(norm_gradient);
}

static void sums_add_up(void **state)
{
    (void)state;
    with_all(sum);
}

static void squares_add_up(void **state)
{
    (void)state;
    with_all(mse);
}

static void cross_entropy_finds_its_targets(void **state)
{
    (void)state;
    with_all(xent);
}

static void random_numbers_are_those_of_the_whole(void **state)
{
    (void)state;
    with_all(random_numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_add_up),
        cmocka_unit_test(long_sums_keep_what_is_small),
        cmocka_unit_test(gradients_of_gain_and_bias_add_up),
        cmocka_unit_test(squares_add_up),
        cmocka_unit_test(cross_entropy_finds_its_targets),
        cmocka_unit_test(random_numbers_are_those_of_the_whole),
    };
    return cmocka_run_group_tests_name("cpu_parts", tests, NULL, NULL);
}
