/* Layer and root-mean-square normalisation against their definitions; gradients against differences of those. */
#include "reference_fixture.h"

#include <math.h>

#define EPS 1e-5
/* Rows of at most 17 numbers in double; rstd is below 40 here, and errors of the mean grow by it. */
#define ROW_ERROR 1e-13L
/* Central differences in long double, of functions whose third derivatives grow with rstd^3. */
#define DIFFERENCE_ERROR 1e-8L

static const int64_t sizes[][2] = {{0, 3}, {1, 1}, {2, 2}, {5, 17}};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* One row: y, and the statistics that the op keeps. bias NULL: root-mean-square. */
static void define(const long double *x, const long double *gain, const long double *bias, int64_t width,
                   long double *y, long double *mean, long double *rstd)
{
    long double sum = 0, squares = 0;
    for (int64_t j = 0; j < width; ++j)
        sum += x[j];
    *mean = bias ? sum / width : 0;
    for (int64_t j = 0; j < width; ++j)
        squares += (x[j] - *mean) * (x[j] - *mean);
    *rstd = 1 / sqrtl(squares / width + (long double)EPS);
    for (int64_t j = 0; j < width; ++j)
        y[j] = (x[j] - *mean) * *rstd * gain[j] + (bias ? bias[j] : 0);
}

struct loss {
    const struct operand *dy, *x, *gain, *bias;
};

static long double weighted(void *context)
{
    const struct loss *loss = context;
    const int64_t rows = loss->x->dim[0], width = loss->x->dim[1];
    long double y[32], mean, rstd, sum = 0;
    for (int64_t i = 0; i < rows; ++i) {
        define(loss->x->value + i * width, loss->gain->value, loss->bias ? loss->bias->value : NULL, width, y, &mean,
               &rstd);
        for (int64_t j = 0; j < width; ++j)
            sum += loss->dy->value[i * width + j] * y[j];
    }
    return sum;
}

static void layer(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; ++s) {
        const int64_t rows = sizes[s][0], width = sizes[s][1];
        struct operand x = operand_random(2, 2, rows, width, 0, 0), gain = operand_random(2, 1, width, 0, 0, 0);
        struct operand bias = operand_random(1, 1, width, 0, 0, 0), dy = operand_random(1, 2, rows, width, 0, 0);
        struct trial t = {.op = ORR_OP_LAYERNORM, .attr = {.f = {EPS}}, .in = {x, gain, bias}, .absolute = ROW_ERROR};
        t.relative = ROW_ERROR;
        t.out[0] = operand_make(0, 2, rows, width, 0, 0);
        t.out[1] = operand_make(0, 1, rows, 0, 0, 0);
        t.out[2] = operand_make(0, 1, rows, 0, 0, 0);
        for (int64_t i = 0; i < rows; ++i)
            define(x.value + i * width, gain.value, bias.value, width, t.out[0].value + i * width, &t.out[1].value[i],
                   &t.out[2].value[i]);
        trial_check(&t, 0);

        struct trial g = {.op = ORR_OP_LAYERNORM_GRAD, .absolute = DIFFERENCE_ERROR};
        g.in[0] = dy, g.in[1] = x, g.in[2] = gain, g.in[3] = t.out[1], g.in[4] = t.out[2];
        g.out[0] = operand_make(0, 2, rows, width, 0, 0);
        g.out[1] = operand_make(0, 1, width, 0, 0, 0);
        g.out[2] = operand_make(0, 1, width, 0, 0, 0);
        struct loss loss = {.dy = &dy, .x = &x, .gain = &gain, .bias = &bias};
        differentiate(weighted, &loss, &x, &g.out[0]);
        differentiate(weighted, &loss, &gain, &g.out[1]);
        differentiate(weighted, &loss, &bias, &g.out[2]);
        trial_check(&g, 0);
    }
}

static void root_mean_square(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; ++s) {
        const int64_t rows = sizes[s][0], width = sizes[s][1];
        struct operand x = operand_random(2, 2, rows, width, 0, 0), gain = operand_random(2, 1, width, 0, 0, 0);
        struct operand dy = operand_random(1, 2, rows, width, 0, 0);
        struct trial t = {.op = ORR_OP_RMSNORM, .attr = {.f = {EPS}}, .in = {x, gain}, .absolute = ROW_ERROR};
        t.relative = ROW_ERROR;
        t.out[0] = operand_make(0, 2, rows, width, 0, 0);
        t.out[1] = operand_make(0, 1, rows, 0, 0, 0);
        for (int64_t i = 0; i < rows; ++i) {
            long double zero;
            define(x.value + i * width, gain.value, NULL, width, t.out[0].value + i * width, &zero, &t.out[1].value[i]);
        }
        trial_check(&t, 0);

        struct trial g = {.op = ORR_OP_RMSNORM_GRAD, .absolute = DIFFERENCE_ERROR};
        g.in[0] = dy, g.in[1] = x, g.in[2] = gain, g.in[3] = t.out[1];
        g.out[0] = operand_make(0, 2, rows, width, 0, 0);
        g.out[1] = operand_make(0, 1, width, 0, 0, 0);
        struct loss loss = {.dy = &dy, .x = &x, .gain = &gain};
        differentiate(weighted, &loss, &x, &g.out[0]);
        differentiate(weighted, &loss, &gain, &g.out[1]);
        trial_check(&g, 0);
    }
}

/* A NaN spoils its own row and no other; a row far from 0 keeps its variance (sums of squares in f32 would not). */
static void keeps_rows_apart(void **state)
{
    (void)state;
    static const double x[] = {NAN, 1, 2, 4097, 4096, 4095}, mean[] = {NAN, 4096}, gain[] = {1, 1, 1};
    struct trial t = {.op = ORR_OP_LAYERNORM, .attr = {.f = {0}}, .absolute = 1e-15L};
    t.in[0] = operand_make(0, 2, 2, 3, 0, 0);
    t.out[0] = operand_make(0, 2, 2, 3, 0, 0);
    t.in[1] = operand_list(0, 3, gain);
    t.in[2] = operand_make(0, 1, 3, 0, 0, 0);
    t.out[1] = operand_list(0, 2, mean);
    t.out[2] = operand_list(0, 2, mean);
    t.out[2].value[1] = sqrtl(1.5L);
    for (int i = 0; i < 6; ++i) {
        t.in[0].value[i] = (long double)x[i];
        t.out[0].value[i] = i < 3 ? (long double)NAN : (4 - i) * sqrtl(1.5L);
    }
    trial_check(&t, 0);
}

int test_reference_norm(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(layer, fixture_setup),
        cmocka_unit_test_setup(root_mean_square, fixture_setup),
        cmocka_unit_test_setup(keeps_rows_apart, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference norm", tests, fixture_open, fixture_close);
}
