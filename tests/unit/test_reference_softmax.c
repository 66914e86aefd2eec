/* Softmax and log-softmax against their definitions in long double; gradients against differences of those. */
#include "reference_fixture.h"

#include <math.h>

/* Results of size up to 6 from at most 33 exponentials, in double. */
#define ROW_ERROR 1e-14L
/* What central differences in long double leave: see differentiate(). */
#define DIFFERENCE_ERROR 1e-10L

static const int64_t sizes[][2] = {{0, 3}, {1, 1}, {2, 2}, {3, 0}, {5, 33}};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void define(bool logarithm, const long double *x, int64_t width, long double *y)
{
    long double sum = 0, most = -INFINITY;
    for (int64_t j = 0; j < width; ++j)
        most = fmaxl(most, x[j]);
    for (int64_t j = 0; j < width; ++j)
        sum += expl(x[j] - most);
    for (int64_t j = 0; j < width; ++j)
        y[j] = logarithm ? x[j] - most - logl(sum) : expl(x[j] - most) / sum;
}

struct loss {
    bool logarithm;
    const struct operand *x, *dy;
    long double y[64];
};

static long double weighted(void *context)
{
    struct loss *loss = context;
    const int64_t rows = loss->x->dim[0], width = loss->x->dim[1];
    long double sum = 0;
    for (int64_t i = 0; i < rows; ++i) {
        define(loss->logarithm, loss->x->value + i * width, width, loss->y);
        for (int64_t j = 0; j < width; ++j)
            sum += loss->dy->value[i * width + j] * loss->y[j];
    }
    return sum;
}

static void values_and_gradients(void **state)
{
    (void)state;
    for (int logarithm = 0; logarithm < 2; ++logarithm)
        for (size_t s = 0; s < SIZES; ++s) {
            const int64_t rows = sizes[s][0], width = sizes[s][1];
            struct trial t = {.op = logarithm ? ORR_OP_LOG_SOFTMAX : ORR_OP_SOFTMAX, .absolute = ROW_ERROR};
            t.in[0] = operand_random(2, 2, rows, width, 0, 0);
            t.out[0] = operand_make(0, 2, rows, width, 0, 0);
            for (int64_t i = 0; i < rows; ++i)
                define(logarithm, t.in[0].value + i * width, width, t.out[0].value + i * width);
            trial_check(&t, 0);

            struct trial g = {.op = logarithm ? ORR_OP_LOG_SOFTMAX_GRAD : ORR_OP_SOFTMAX_GRAD,
                              .absolute = DIFFERENCE_ERROR};
            g.in[0] = operand_random(1, 2, rows, width, 0, 0);
            g.in[1] = t.out[0];
            g.out[0] = operand_make(0, 2, rows, width, 0, 0);
            struct loss loss = {.logarithm = logarithm, .x = &t.in[0], .dy = &g.in[0]};
            differentiate(weighted, &loss, &t.in[0], &g.out[0]);
            trial_check(&g, 0);
        }
}

static void extremes(void **state)
{
    (void)state;
    static const double large[] = {1e4, 0, -1e4}, gap[] = {0, -INFINITY, 0}, none[] = {-INFINITY, -INFINITY, -INFINITY};
    static const double broken[] = {0, NAN, 1}, all[] = {NAN, NAN, NAN};
    static const double one[] = {1, 0, 0}, log_one[] = {0, -1e4, -2e4}, half[] = {0.5, 0, 0.5};
    static const double *const x[] = {large, gap, none, broken}, *const y[] = {one, half, all, all};
    for (int k = 0; k < 4; ++k) {
        struct trial t = {.op = ORR_OP_SOFTMAX, .in = {operand_list(0, 3, x[k])}, .out = {operand_list(0, 3, y[k])}};
        trial_check(&t, 0);
        t.op = ORR_OP_LOG_SOFTMAX;
        if (k == 0) t.out[0] = operand_list(0, 3, log_one);
        if (k != 1) trial_check(&t, 0);
    }
}

int test_reference_softmax(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values_and_gradients, fixture_setup),
        cmocka_unit_test_setup(extremes, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference softmax", tests, fixture_open, fixture_close);
}
