/* What a product does to its result, each alone and all together, against calls that do one thing each.
 *
 * Linked with the backend itself, since fusion is its own affair. The device is the first that OpenCL offers; without
 * one the test is skipped.
 */
#include "orrery/random.h"
#include "product.h"

#include <math.h>
#include <stdio.h>
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

enum { SEED = 20261122, ROOM = 1 << 16, SHIFT = 5, PLACES = 16 };

/* Half a unit in the last place of 1 in single precision, as ops.def counts. */
#define U 0x1p-24

static const struct orr_backend_ops *opencl;
static struct orr_device *device;
static struct orr_buffer *buffers[PLACES];
static float host_copy[ROOM], numbers[2][ROOM];
static int warnings;

ORR_PRINTF(3, 4)
static void host_log(enum orr_log_level level, const char *plugin, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (level <= ORR_LOG_WARN) {
        ++warnings;
        fprintf(stderr, "# %s: ", plugin);
        vfprintf(stderr, fmt, args);
        fputc('\n', stderr);
    }
    va_end(args);
}

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

static void *host_alloc(size_t bytes, size_t align)
{
    void *p = NULL;
    return posix_memalign(&p, align, bytes) ? NULL : p;
}

static const struct orr_host host = {.size = sizeof host,
                                     .abi_major = ORR_ABI_MAJOR,
                                     .abi_minor = ORR_ABI_MINOR,
                                     .alloc = host_alloc,
                                     .dealloc = free,
                                     .log = host_log,
                                     .fail = host_fail,
                                     .philox = orr_random_philox};

#define EXPECT_OK(expression)                                                                                          \
    do {                                                                                                               \
        struct orr_error err = {0};                                                                                    \
        if (expression) fail_msg("%s: %s", #expression, err.text);                                                     \
    } while (0)

static void open_device(int64_t launch_work)
{
    const union orr_value values[] = {{.i = launch_work}};
    const char *given = getenv("ORRERY_TEST_OPENCL_DEVICE");
    EXPECT_OK(opencl->open(given ? (uint32_t)strtoul(given, NULL, 10) : 0, values, &device, &err));
    for (int i = 0; i < PLACES; ++i)
        EXPECT_OK(opencl->alloc(device, sizeof host_copy, &buffers[i], &err));
}

static void close_device(void)
{
    for (int i = 0; i < PLACES; ++i)
        opencl->free(device, buffers[i]);
    opencl->close(device);
}

/* --- operands ---------------------------------------------------------------------------------------------------- */

/* What lies in each buffer; RESULT and those after it exist twice: as the product leaves it, and as plain calls do. */
enum place { A, B, BIAS, AT, RESIDUAL, RESULT, BEFORE, SUMS, PLAIN_RESULT, PLAIN_BEFORE, PLAIN_SUMS, PRODUCT, WIDE };

static struct orr_tensor tensor(enum place place, int64_t rows, int64_t columns)
{
    struct orr_tensor t = {.buffer = buffers[place], .offset = 4 * SHIFT, .rank = 2, .dtype = ORR_F32};
    t.dim[0] = rows;
    t.dim[1] = columns;
    t.dim[2] = t.dim[3] = 1;
    assert_true(rows * columns + SHIFT <= ROOM);
    return t;
}

static void fill_places(void)
{
    srand(SEED);
    for (int i = 0; i < PLACES; ++i) {
        for (int j = 0; j < ROOM; ++j)
            host_copy[j] = i >= RESULT ? NAN : 2.0f * (float)rand() / (float)RAND_MAX - 1.0f;
        EXPECT_OK(opencl->write(device, buffers[i], 0, host_copy, sizeof host_copy, &err));
    }
}

/* CLBlast rounds as it likes, and leaves what is more than the product to a launch of its own. */
static bool own_kernels(void)
{
    const char *forced = getenv("ORRERY_GEMM");
    return !forced || strcmp(forced, "clblast") != 0;
}

static void call(uint32_t op, int64_t axis, const struct orr_tensor *a, const struct orr_tensor *b,
                 const struct orr_tensor *out)
{
    struct orr_call c = {.size = sizeof c, .op = op, .n_in = b ? 2 : 1, .n_out = 1, .in = {*a}, .out = {*out}};
    c.attr.i[0] = axis;
    if (b) c.in[1] = *b;
    EXPECT_OK(opencl->run(device, &c, &err));
}

struct shape {
    int64_t m, n, k;
    bool ta, tb;
};

static struct orr_call product_call(const struct shape *s, enum place result)
{
    struct orr_call c = {.size = sizeof c, .op = ORR_OP_MATMUL, .n_in = 2, .n_out = 1, .attr = {.i = {s->ta, s->tb}}};
    c.in[0] = s->ta ? tensor(A, s->k, s->m) : tensor(A, s->m, s->k);
    c.in[1] = s->tb ? tensor(B, s->n, s->k) : tensor(B, s->k, s->n);
    c.out[0] = tensor(result, s->m, s->n);
    return c;
}

/* --- the same by plain calls ------------------------------------------------------------------------------------- */

/* y += rows, again and again. */
static void add_repeated(const struct shape *s, const struct orr_tensor *rows, const struct orr_tensor *y)
{
    const struct orr_tensor wide = tensor(WIDE, s->m, s->n);
    struct orr_tensor once = *rows, often = wide;
    once.rank = often.rank = 3;
    once.dim[0] = 1;
    often.dim[0] = s->m / rows->dim[0];
    once.dim[1] = often.dim[1] = rows->dim[0];
    once.dim[2] = often.dim[2] = s->n;
    call(ORR_OP_BROADCAST, 0, &once, NULL, &often);
    call(ORR_OP_ADD, 0, y, &wide, y);
}

static void plain(const struct shape *s, const struct opencl_epilogue *more)
{
    const struct orr_call c = product_call(s, PLAIN_RESULT);
    const struct orr_tensor y = c.out[0], wide = tensor(WIDE, s->m, s->n), copy = tensor(PLAIN_BEFORE, s->m, s->n);
    EXPECT_OK(opencl->run(device, &c, &err));
    if (more->bias) {
        const struct orr_tensor row = tensor(BIAS, 1, s->n);
        call(ORR_OP_BROADCAST, 0, &row, NULL, &wide);
        call(ORR_OP_ADD, 0, &y, &wide, &y);
    }
    if (more->before) call(ORR_OP_COPY, 0, &y, NULL, &copy);
    if (more->activation) call(more->activation, 0, &y, NULL, &y);
    if (more->slope) call(more->slope, 0, &y, more->at, &y);
    if (more->residual && more->residual->dim[0] == s->m) call(ORR_OP_ADD, 0, &y, more->residual, &y);
    if (more->residual && more->residual->dim[0] != s->m) add_repeated(s, more->residual, &y);
    if (more->sums) {
        const struct orr_tensor columns = s->tb ? tensor(PLAIN_SUMS, s->n, 1) : tensor(PLAIN_SUMS, 1, s->n);
        call(ORR_OP_SUM, s->tb, &c.in[1], NULL, &columns);
    }
}

static void compare(const char *what, const struct shape *s, enum place got, enum place want, int64_t count,
                    double relative, double absolute)
{
    EXPECT_OK(opencl->read(device, buffers[got], 0, numbers[0], sizeof numbers[0], &err));
    EXPECT_OK(opencl->read(device, buffers[want], 0, numbers[1], sizeof numbers[1], &err));
    for (int64_t i = -SHIFT; i < ROOM - SHIFT; ++i) {
        const float x = numbers[0][i + SHIFT], y = numbers[1][i + SHIFT];
        if (i < 0 || i >= count) {
            if (!isnan(x)) fail_msg("%s: element %lld outside the result was written", what, (long long)i);
        } else if (!(fabs((double)x - (double)y) <= relative * fabs((double)y) + absolute))
            fail_msg("%s of (%lld, %lld, %lld) turned %d %d: element %lld is %.9g, expected %.9g (seed %d)", what,
                     (long long)s->m, (long long)s->n, (long long)s->k, s->ta, s->tb, (long long)i, (double)x,
                     (double)y, SEED);
    }
}

/* Sums of a product's terms round alike with and without an epilogue. What is added is rounded once each time. After
 * that an activation is within 16 units in the last place (ops.def, both ways), a slope within 1e-6 of values below
 * about sqrt(k), and column sums of k numbers below 1 within 16 u k, both ways. */
static void check(const char *what, const struct shape *s, struct opencl_epilogue more)
{
    /* Whether sums are asked for decides who computes. */
    const double product = own_kernels() || !more.sums ? 0 : 32 * U * (double)s->k;
    const int64_t count = s->m * s->n;
    const struct orr_call c = product_call(s, RESULT);
    fill_places();
    if (own_kernels() && !opencl_product_takes(device, &c, &more)) fail_msg("%s is not taken", what);
    EXPECT_OK(opencl_product(device, &c, &more, &err));
    plain(s, &more);
    EXPECT_OK(opencl->finish(device, &err));
    const double slack = more.slope ? 4e-6 * sqrt((double)s->k + 1) : more.activation ? 1e-6 * (double)(s->k + 1) : 0;
    compare(what, s, RESULT, PLAIN_RESULT, count, more.activation ? 32 * U : 0, slack + product);
    compare(what, s, BEFORE, PLAIN_BEFORE, more.before ? count : 0, 0, 0);
    compare(what, s, SUMS, PLAIN_SUMS, more.sums ? s->n : 0, 0, 32 * U * (double)s->k);
}

static void check_shape(const struct shape *s)
{
    const struct orr_tensor bias = tensor(BIAS, 1, s->n), residual = tensor(RESIDUAL, s->m, s->n);
    const struct orr_tensor at = tensor(AT, s->m, s->n), before = tensor(BEFORE, s->m, s->n);
    const struct orr_tensor sums = tensor(SUMS, 1, s->n);
    check("nothing more", s, (struct opencl_epilogue){.bias = NULL});
    check("bias", s, (struct opencl_epilogue){.bias = &bias});
    check("residual", s, (struct opencl_epilogue){.residual = &residual});
    const struct orr_tensor few = tensor(RESIDUAL, s->m % 2 ? 1 : s->m / 2, s->n);
    check("residual that repeats", s, (struct opencl_epilogue){.residual = &few});
    check("silu and residual that repeats", s, (struct opencl_epilogue){.activation = ORR_OP_SILU, .residual = &few});
    check("silu", s, (struct opencl_epilogue){.activation = ORR_OP_SILU});
    check("gelu, bias and before", s,
          (struct opencl_epilogue){.activation = ORR_OP_GELU, .bias = &bias, .before = &before});
    check("slope of silu", s, (struct opencl_epilogue){.slope = ORR_OP_SILU_GRAD, .at = &at});
    check("slope of gelu", s, (struct opencl_epilogue){.slope = ORR_OP_GELU_GRAD, .at = &at});
    check("bias, silu, before and residual", s,
          (struct opencl_epilogue){.bias = &bias, .activation = ORR_OP_SILU, .before = &before, .residual = &residual});
    check("sums", s, (struct opencl_epilogue){.sums = &sums});
    check("sums, bias and residual", s, (struct opencl_epilogue){.sums = &sums, .bias = &bias, .residual = &residual});
}

/* ORRERY_TEST_OPENCL, as in opencl_fixture.h. */
static bool left_out(const struct shape *s)
{
    const char *given = getenv("ORRERY_TEST_OPENCL");
    const int64_t work = s->m * s->n * s->k;
    if (!given) return false;
    return (strcmp(given, "tiny") == 0 && work >= 30000) || (strcmp(given, "toy") == 0 && work >= 5000);
}

/* Whole tiles and tails, one panel and several, a divided inner axis; nothing at all. */
static void epilogues(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {64, 32, 32, false, false}, {33, 70, 40, false, true}, {1, 1, 1, true, true},      {130, 65, 300, false, false},
        {32, 96, 600, true, false}, {7, 3, 1100, true, false}, {20, 33, 700, false, true}, {5, 6, 0, false, false},
        {9, 10, 20, false, true},   {3, 5, 300, true, false},
    };
    open_device(268435456);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i)
        if (!left_out(&shapes[i])) check_shape(&shapes[i]);
    close_device();
}

/* The residual, and where the slope is taken, may be the result itself. */
static void results_in_place(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {40, 33, 20, false, false}, {9, 70, 800, true, false}, {9, 10, 20, false, false}, {3, 5, 300, true, false}};
    open_device(268435456);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i) {
        const struct shape *s = &shapes[i];
        if (left_out(s)) continue;
        const struct orr_tensor y = tensor(RESULT, s->m, s->n), apart = tensor(RESIDUAL, s->m, s->n);
        const struct opencl_epilogue in_place = {.residual = &y, .slope = ORR_OP_SILU_GRAD, .at = &y};
        const struct opencl_epilogue out_of_place = {.residual = &apart, .slope = ORR_OP_SILU_GRAD, .at = &apart};
        const struct orr_call c = product_call(s, RESULT), other = product_call(s, PLAIN_RESULT);
        fill_places();
        call(ORR_OP_COPY, 0, &apart, NULL, &y);
        if (!opencl_product_takes(device, &c, &in_place)) continue;
        EXPECT_OK(opencl_product(device, &c, &in_place, &err));
        EXPECT_OK(opencl_product(device, &other, &out_of_place, &err));
        compare("in place", s, RESULT, PLAIN_RESULT, s->m * s->n, 0, 0);
    }
    close_device();
}

/* A long inner axis of equal terms, whose rounding errors all have one sign: the worst case of a plain sum. */
static void long_sums_stay_exact(void **state)
{
    (void)state;
    enum { K = 12000 };
    const struct shape s = {3, 4, K, true, false};
    const float x = 0.1f, w = 0.7f;
    if (!own_kernels() || left_out(&s)) skip();
    open_device(268435456);
    for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < ROOM; ++j)
            host_copy[j] = i ? w : x;
        EXPECT_OK(opencl->write(device, buffers[i], 0, host_copy, sizeof host_copy, &err));
    }
    const struct orr_call c = product_call(&s, RESULT);
    EXPECT_OK(opencl->run(device, &c, &err));
    EXPECT_OK(opencl->read(device, buffers[RESULT], 0, numbers[0], sizeof numbers[0], &err));
    const double exact = (double)x * (double)w * K;
    for (int i = 0; i < s.m * s.n; ++i) {
        const double off = fabs((double)numbers[0][SHIFT + i] - exact);
        if (!(off <= 16 * U * exact))
            fail_msg("%.9g, expected %.9g within %.3g", (double)numbers[0][SHIFT + i], exact, 16 * U * exact);
    }
    close_device();
}

static void counts_products(void **state)
{
    (void)state;
    const struct shape s = {4, 5, 6, false, false};
    const struct orr_call c = product_call(&s, RESULT);
    open_device(268435456);
    struct orr_call again = c;
    again.in[0].buffer = buffers[A];
    again.in[1].buffer = buffers[B];
    again.out[0].buffer = buffers[RESULT];
    fill_places();
    EXPECT_OK(opencl->run(device, &again, &err));
    EXPECT_OK(opencl->run(device, &again, &err));
    const struct opencl_product_tally *t = opencl_product_tally(device);
    assert_int_equal(t[OPENCL_OWN].products + t[OPENCL_CLBLAST].products, 2);
    assert_int_equal(t[OPENCL_OWN].multiply_adds + t[OPENCL_CLBLAST].multiply_adds, 2 * 4 * 5 * 6);
    close_device();
}

/* The device is not opened where the variable is set to what is no choice; the text says both. */
static void check_refused(const char *variable, const char *given, const char *choices)
{
    const union orr_value values[] = {{.i = 268435456}};
    const char *before = getenv(variable);
    char *kept = before ? strdup(before) : NULL;
    struct orr_error err = {0};
    setenv(variable, given, 1);
    const orr_status status = opencl->open(0, values, &device, &err);
    if (kept)
        setenv(variable, kept, 1);
    else
        unsetenv(variable);
    free(kept);
    if (status != ORR_EINVAL || !strstr(err.text, given) || !strstr(err.text, choices))
        fail_msg("%s=%s: status %d, text: %s", variable, given, (int)status, err.text);
}

static void what_is_no_provider_is_refused(void **state)
{
    (void)state;
    check_refused("ORRERY_GEMM", "cublas", "clblast or own");
}

static void what_is_no_variant_is_refused(void **state)
{
    (void)state;
    check_refused("ORRERY_KERNELS", "columns", "rows or groups");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epilogues),
        cmocka_unit_test(results_in_place),
        cmocka_unit_test(long_sums_stay_exact),
        cmocka_unit_test(counts_products),
        cmocka_unit_test(what_is_no_provider_is_refused),
        cmocka_unit_test(what_is_no_variant_is_refused),
    };
    opencl = orr_plugin_query(&host)->ops;
    if (opencl->device_count() == 0) {
        printf("1..0 # SKIP no OpenCL device (OCL_ICD_VENDORS=%s)\n",
               getenv("OCL_ICD_VENDORS") ? getenv("OCL_ICD_VENDORS") : "");
        return 77;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    struct orr_device_info info = {.size = sizeof info};
    struct orr_error err = {0};
    if (opencl->device_info(0, &info, &err) == ORR_OK) printf("# device: %s\n", info.name);
    return failed;
}
