/* The functions of one number of the cpu backend, in every instruction set of this machine, against libm in double: the
 * bounds that backends/cpu/kernels/math.h states, at edges and over a million floats of every exponent. */
#include "../../backends/cpu/isa.h"

#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { SWEEP = 4099, /* a prime: every so-many-th float */ COUNT = (int)(UINT32_MAX / SWEEP) + 1, GUARD = 64 };

static const float edges[] = {
    0.0f,
    -0.0f,
    INFINITY,
    -INFINITY,
    NAN,
    0x1p-149f,
    -0x1p-149f,
    0x1.fffffcp-127f,
    0x1p-126f,
    -0x1p-126f,
    1.0f,
    0x1.fffffep-1f,
    0x1.000002p+0f,
    -1.0f,
    0.625f,
    0x1.6a09e6p-1f,
    0x1.6a09e8p+0f,
    88.7228f,
    88.72284f,
    89.0f,
    -87.0f,
    -87.33655f,
    -103.97f,
    -103.98f,
    -104.0f,
    -105.0f,
    200.0f,
    -170.0f,
    -171.0f,
    9.0f,
    10.0f,
    13.0f,
    -13.0f,
    -14.5f,
    15.0f,
    -15.0f,
    -15.1f,
    0x1.fffffep+127f,
    -0x1.fffffep+127f,
};
enum { EDGES = (int)(sizeof edges / sizeof edges[0]) };

static double sigmoid(double x)
{
    const double small = exp(-fabs(x));
    return (x >= 0 ? 1 : small) / (1 + small);
}

static double normal_below(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

static double silu(double x) { return isinf(x) && x < 0 ? 0 : x * sigmoid(x); }

static double silu_slope(double x) { return isinf(x) ? x > 0 : sigmoid(x) * (1 + x * sigmoid(-x)); }

static double gelu(double x) { return isinf(x) && x < 0 ? 0 : x * normal_below(x); }

static double gelu_slope(double x)
{
    return isinf(x) ? x > 0 : normal_below(x) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
}

static const struct function {
    const char *name;
    uint32_t op; /* whose input is x or, of a gradient, 1 and x */
    double (*truth)(double x);
    double ulps, absolute; /* allowed, one of them */
} functions[] = {
    {"exp", ORR_OP_EXP, exp, .ulps = 2},    {"log", ORR_OP_LOG, log, .ulps = 2},
    {"tanh", ORR_OP_TANH, tanh, .ulps = 3}, {"erf", ORR_OP_ERF, erf, .ulps = 3},
    {"silu", ORR_OP_SILU, silu, .ulps = 5}, {"silu_slope", ORR_OP_SILU_GRAD, silu_slope, .absolute = 3e-7},
    {"gelu", ORR_OP_GELU, gelu, .ulps = 7}, {"gelu_slope", ORR_OP_GELU_GRAD, gelu_slope, .absolute = 3e-7},
};
enum { FUNCTIONS = (int)(sizeof functions / sizeof functions[0]) };

/* Unaligned, and between guards that must stay. */
static float x_memory[COUNT + 1], y_memory[COUNT + 1 + 2 * GUARD], ones[COUNT];
static float *const x = x_memory + 1, *const y = y_memory + 1 + GUARD;
static double truth[COUNT];

static double spacing(double value)
{
    int exponent;
    frexp(value, &exponent);
    return value == 0 || exponent < -125 ? ldexp(1, -149) : ldexp(1, exponent - 24);
}

/* The error in units of what is allowed; infinite where one is NaN or infinite and the other is not. */
static double error_of(const struct function *f, float got, double want)
{
    const float rounded = (float)want;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : HUGE_VAL;
    if (got == rounded) return 0;
    if (isinf(got) || isinf(rounded)) return HUGE_VAL;
    return fabs((double)got - want) / (f->ulps > 0 ? f->ulps * spacing(want) : f->absolute);
}

static void compute(const struct cpu_kernels *set, uint32_t op, const float *from, float *to, int64_t n)
{
    const bool gradient = op == ORR_OP_SILU_GRAD || op == ORR_OP_GELU_GRAD;
    const struct orr_call call = {.size = sizeof call, .op = op};
    struct cpu_job job = {.call = &call, .groups = 1, .count = 1};
    job.in[gradient] = (struct cpu_view){.data = (void *)(uintptr_t)from, .dim = {n}, .rank = 1, .dtype = ORR_F32};
    if (gradient) job.in[0] = (struct cpu_view){.data = ones, .dim = {n}, .rank = 1, .dtype = ORR_F32};
    job.out[0] = (struct cpu_view){.data = to, .dim = {n}, .rank = 1, .dtype = ORR_F32};
    set->kernel[op]->run(&job);
}

static void check(const struct function *f, const struct cpu_kernels *set, int n)
{
    compute(set, f->op, x, y, n);
    double worst = 0;
    int at = 0;
    for (int i = 0; i < n; ++i) {
        const double error = error_of(f, y[i], truth[i]);
        if (error > worst) worst = error, at = i;
    }
    if (worst > 1)
        fail_msg("%s (%s): at %a got %a, expected %a: %g times what is allowed", f->name, set->name, (double)x[at],
                 (double)y[at], truth[at], worst);
}

static void take(const struct function *f, int n)
{
    for (int i = 0; i < n; ++i) {
        truth[i] = f->truth((double)x[i]);
        ones[i] = 1;
    }
}

static void is_within_its_bound_at_edges(void **state)
{
    (void)state;
    memcpy(x, edges, sizeof edges);
    for (int k = 0; k < FUNCTIONS; ++k) {
        take(&functions[k], EDGES);
        const struct cpu_kernels *set;
        for (size_t s = 0; (set = cpu_usable_kernels(s)); ++s)
            check(&functions[k], set, EDGES);
    }
}

static void is_within_its_bound_over_all_exponents(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COUNT; ++i)
        memcpy(&x[i], &(uint32_t){i * SWEEP}, sizeof *x);
    for (int k = 0; k < FUNCTIONS; ++k) {
        take(&functions[k], COUNT);
        const struct cpu_kernels *set;
        for (size_t s = 0; (set = cpu_usable_kernels(s)); ++s)
            check(&functions[k], set, COUNT);
    }
}

/* With any number of elements before and behind it, and nothing beside the result is written. */
static void does_not_depend_on_the_place(void **state)
{
    (void)state;
    enum { MOST = 67 };
    float whole[MOST];
    for (int i = 0; i < MOST; ++i) {
        x[i] = (float)i * 0.25f - 8.0f;
        ones[i] = 1;
    }
    const struct cpu_kernels *set;
    for (size_t s = 0; (set = cpu_usable_kernels(s)); ++s)
        for (int k = 0; k < FUNCTIONS; ++k) {
            compute(set, functions[k].op, x, whole, MOST);
            for (int n = 0; n <= MOST; ++n) {
                memset(y_memory, 0x55, sizeof *y * (1 + MOST + 2 * GUARD));
                compute(set, functions[k].op, x + MOST - n, y, n);
                assert_memory_equal(y, whole + MOST - n, (size_t)n * sizeof *y);
                for (int g = 1; g <= GUARD; ++g) {
                    const uint32_t *before = (const uint32_t *)(const void *)(y - g);
                    const uint32_t *behind = (const uint32_t *)(const void *)(y + n - 1 + g);
                    assert_int_equal(*before, 0x55555555);
                    assert_int_equal(*behind, 0x55555555);
                }
            }
        }
}

/* exp as a sum of exponentials takes it: as exp from -87 to 88, and 0 below. It is seen through the gradient of
 * cross-entropy, whose other factors are 1 here. */
static void exp_or_zero_is_exp_or_zero(void **state)
{
    (void)state;
    enum { N = 17501 };
    const struct function f = {"exp_or_zero", ORR_OP_XENT_GRAD, exp, .ulps = 2};
    float one = 1, zero = 0;
    int32_t target = N;
    for (int i = 0; i <= N; ++i)
        x[i] = i == N ? 0 : -87.0f + 0.01f * (float)i;
    x[0] = -INFINITY;
    x[1] = NAN;
    x[2] = -87.01f;
    x[3] = -1e30f;
    struct orr_call call = {.size = sizeof call, .op = ORR_OP_XENT_GRAD, .n_in = 4, .n_out = 1};
    call.in[1] = (struct orr_tensor){.dim = {1, N + 1}, .rank = 2, .dtype = ORR_F32};
    struct cpu_job job = {.call = &call, .groups = 1, .count = 1};
    job.in[0] = (struct cpu_view){.data = &one, .rank = 0, .dtype = ORR_F32};
    job.in[1] = (struct cpu_view){.data = x, .dim = {1, N + 1}, .rank = 2, .dtype = ORR_F32};
    job.in[2] = (struct cpu_view){.data = &target, .dim = {1}, .rank = 1, .dtype = ORR_I32};
    job.in[3] = (struct cpu_view){.data = &zero, .dim = {1}, .rank = 1, .dtype = ORR_F32};
    job.out[0] = (struct cpu_view){.data = y, .dim = {1, N + 1}, .rank = 2, .dtype = ORR_F32};
    const struct cpu_kernels *set;
    for (size_t s = 0; (set = cpu_usable_kernels(s)); ++s) {
        set->kernel[ORR_OP_XENT_GRAD]->run(&job);
        for (int i = 0; i < N; ++i) {
            const double want = x[i] < -87.0f ? 0 : exp((double)x[i]), error = error_of(&f, y[i], want);
            if (error > 1)
                fail_msg("%s: at %a got %a, expected %a: %g times what is allowed", set->name, (double)x[i],
                         (double)y[i], want, error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_within_its_bound_at_edges),
        cmocka_unit_test(is_within_its_bound_over_all_exponents),
        cmocka_unit_test(does_not_depend_on_the_place),
        cmocka_unit_test(exp_or_zero_is_exp_or_zero),
    };
    return cmocka_run_group_tests_name("cpu_math", tests, NULL, NULL);
}
