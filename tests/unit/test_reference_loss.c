/* Losses and the optimiser against their definitions in long double; gradients against differences. */
#include "reference_fixture.h"

#include <math.h>

/* Sums of at most 60 terms of size about 1, in double. */
#define SUM_ERROR 1e-14L
/* What central differences in long double leave: see differentiate(). */
#define DIFFERENCE_ERROR 1e-10L

struct loss {
    const struct operand *x, *target;
    long double weight;
};

static long double mean_square(void *context)
{
    const struct loss *loss = context;
    const int64_t count = operand_count(loss->x);
    long double sum = 0;
    for (int64_t i = 0; i < count; ++i)
        sum += powl(loss->x->value[i] - loss->target->value[i], 2);
    return count ? loss->weight * sum / count : 0;
}

static struct operand scalar(long double value)
{
    struct operand t = operand_make(0, 0, 0, 0, 0, 0);
    t.value[0] = value;
    return t;
}

static void mean_squares(void **state)
{
    (void)state;
    for (int64_t rows = 0; rows < 20; rows += rows < 2 ? 1 : 17) {
        struct operand x = operand_random(2, 2, rows, 3, 0, 0), target = operand_random(2, 2, rows, 3, 0, 0);
        struct loss loss = {.x = &x, .target = &target, .weight = 1};
        struct trial t = {.op = ORR_OP_MSE, .in = {x, target}, .absolute = SUM_ERROR};
        t.out[0] = scalar(mean_square(&loss));
        trial_check(&t, 0);

        struct trial g = {.op = ORR_OP_MSE_GRAD, .absolute = DIFFERENCE_ERROR};
        g.in[0] = scalar(loss.weight = -0.75L), g.in[1] = x, g.in[2] = target;
        g.out[0] = operand_make(0, 2, rows, 3, 0, 0);
        differentiate(mean_square, &loss, &x, &g.out[0]);
        trial_check(&g, 0);
    }
}

static long double row_lse(const long double *logits, int64_t classes)
{
    long double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < classes; ++j)
        most = fmaxl(most, logits[j]);
    for (int64_t j = 0; j < classes; ++j)
        sum += expl(logits[j] - most);
    return most + logl(sum);
}

static long double cross_entropy(void *context)
{
    const struct loss *loss = context;
    const int64_t rows = operand_count(loss->target), classes = loss->x->dim[loss->x->rank - 1];
    long double sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < rows; ++i) {
        const int64_t target = (int64_t)loss->target->value[i];
        if (target < 0) continue;
        sum += row_lse(loss->x->value + i * classes, classes) - loss->x->value[i * classes + target];
        ++count;
    }
    return count ? loss->weight * sum / count : 0;
}

static void check_cross_entropy(int64_t rows, int64_t classes, const double *targets, double size)
{
    struct operand logits = operand_random(size, 2, rows, classes, 0, 0);
    struct operand target = operand_list(ORR_I32, rows, targets);
    struct loss loss = {.x = &logits, .target = &target, .weight = 1};
    struct trial t = {.op = ORR_OP_XENT, .in = {logits, target}, .absolute = SUM_ERROR * (long double)size};
    t.out[0] = scalar(cross_entropy(&loss));
    t.out[1] = operand_make(0, 1, rows, 0, 0, 0);
    for (int64_t i = 0; i < rows; ++i)
        t.out[1].value[i] = row_lse(logits.value + i * classes, classes);
    trial_check(&t, 0);

    struct trial g = {.op = ORR_OP_XENT_GRAD, .absolute = DIFFERENCE_ERROR * (long double)size};
    g.in[0] = scalar(loss.weight = 1.25L), g.in[1] = logits, g.in[2] = target, g.in[3] = t.out[1];
    g.out[0] = operand_make(0, 2, rows, classes, 0, 0);
    differentiate(cross_entropy, &loss, &logits, &g.out[0]);
    trial_check(&g, 0);
}

static void cross_entropies(void **state)
{
    (void)state;
    static const double targets[] = {2, -1, 0, 10, 5, -1, 5}, ignored[] = {-1, -1, -1}, two[] = {1, 0};
    check_cross_entropy(7, 11, targets, 2);
    check_cross_entropy(1, 11, targets, 2);
    check_cross_entropy(0, 11, targets, 2);
    check_cross_entropy(2, 11, targets, 2);
    check_cross_entropy(3, 11, ignored, 2);
    check_cross_entropy(2, 2, two, 1e4);
    check_cross_entropy(1, 1, two + 1, 2);
}

static void refuses_targets_out_of_range(void **state)
{
    (void)state;
    static const double targets[] = {0, 3, -1};
    struct trial t = {.op = ORR_OP_XENT, .in = {operand_random(1, 2, 3, 3, 0, 0), operand_list(ORR_I32, 3, targets)}};
    t.out[0] = scalar(0);
    t.out[1] = operand_make(0, 1, 3, 0, 0, 0);
    trial_refuse(&t, ORR_EINVAL, "xent: index 3 at position 1 is out of range: at most 2");
    struct trial g = {.op = ORR_OP_XENT_GRAD, .in = {scalar(1), t.in[0], t.in[1], t.out[1]}, .out = {t.in[0]}};
    trial_refuse(&g, ORR_EINVAL, "xent_grad: index 3 at position 1");
}

/* Three steps, each from the state that the step before should have left. */
static void adamw_steps(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 35};
    const long double b1 = (long double)0.9, b2 = (long double)0.999, eps = (long double)1e-8, decay = (long double)0.1;
    for (size_t s = 0; s < 4; ++s) {
        struct operand p = operand_random(1, 1, sizes[s], 0, 0, 0), m = operand_make(0, 1, sizes[s], 0, 0, 0);
        struct operand v = operand_make(0, 1, sizes[s], 0, 0, 0);
        for (int step = 1; step <= 3; ++step) {
            struct trial t = {.op = ORR_OP_ADAMW, .attr = {.f = {0.9, 0.999, 1e-8, 0.1}}};
            /* 1 - 0.999 loses 3 digits, the square root halves that: 1e-13 of the step, which is about lr. */
            t.relative = 1e-12L;
            t.in[0] = p, t.in[1] = m, t.in[2] = v;
            t.in[3] = operand_random(1, 1, sizes[s], 0, 0, 0);
            t.in[4] = operand_make(0, 2, 1, 4, 0, 0);
            const long double lr = 1e-3L, first = 1 / (1 - powl(b1, step)), second = 1 / sqrtl(1 - powl(b2, step));
            t.in[4].value[0] = (long double)(double)lr;
            t.in[4].value[1] = (long double)(double)first;
            t.in[4].value[2] = (long double)(double)second;
            for (int k = 0; k < 3; ++k)
                t.out[k] = operand_make(0, 1, sizes[s], 0, 0, 0);
            for (int64_t i = 0; i < sizes[s]; ++i) {
                const long double g = t.in[3].value[i];
                const long double mean = b1 * m.value[i] + (1 - b1) * g, square = b2 * v.value[i] + (1 - b2) * g * g;
                t.out[0].value[i] = p.value[i] * (1 - lr * decay) - lr * first * mean / (sqrtl(square) * second + eps);
                t.out[1].value[i] = mean;
                t.out[2].value[i] = square;
            }
            trial_check(&t, 0);
            p = t.out[0], m = t.out[1], v = t.out[2];
        }
    }
}

int test_reference_loss(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(mean_squares, fixture_setup),
        cmocka_unit_test_setup(cross_entropies, fixture_setup),
        cmocka_unit_test_setup(refuses_targets_out_of_range, fixture_setup),
        cmocka_unit_test_setup(adamw_steps, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference loss", tests, fixture_open, fixture_close);
}
