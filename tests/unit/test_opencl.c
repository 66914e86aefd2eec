/* Every operation on an OpenCL device against the reference backend in double precision, within the bound of ops.def.
 *
 * The device is whatever OCL_ICD_VENDORS and the drivers of the machine offer first; without one the test is skipped.
 */
#include "opencl_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Half a unit in the last place of 1 in single precision, as ops.def counts. */
#define U 0x1p-24

/* --- one element at a time --------------------------------------------------------------------------------------- */

static void check_unary(uint32_t op, double from, double to, double ulps, double absolute)
{
    for (int i = 0; i < FIXTURE_LENGTHS; ++i) {
        if (fixture_left_out(fixture_lengths[i])) continue;
        fixture_setup(NULL);
        struct trial t = {.op = op, .ulps = ulps, .absolute = absolute, .attr = {.f = {0.625, -0.3}}};
        t.in[0] = operand_random(from, to, 1, fixture_lengths[i], 1, 1, 1);
        /* What a comparison or an exponential may do wrong. */
        static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1.0, -1.0};
        for (size_t k = 0; k < sizeof special / sizeof special[0] && fixture_lengths[i] > 60; ++k)
            t.in[0].value[8 * k] = special[k];
        t.out[0] = operand_like(&t.in[0]);
        trial_check(&t);
    }
}

static void unary(void **state)
{
    (void)state;
    check_unary(ORR_OP_NEG, -2, 2, 0, 0);
    check_unary(ORR_OP_EXP, -80, 80, 4, 0);
    check_unary(ORR_OP_LOG, 0, 100, 4, 0);
    check_unary(ORR_OP_SQRT, 0, 100, 4, 0);
    check_unary(ORR_OP_TANH, -10, 10, 8, 0);
    check_unary(ORR_OP_ERF, -5, 5, 16, 0);
    check_unary(ORR_OP_STEP, -1, 1, 0, 0);
    /* Two roundings, of the product and of the sum; the product may be the larger: up to 0.625 * 2. */
    check_unary(ORR_OP_AFFINE, -2, 2, 0, 2 * U);
    check_unary(ORR_OP_GELU, -8, 8, 16, 0);
    /* Where the probability is not a normal number any more; the result may be flushed where it is none either. */
    check_unary(ORR_OP_GELU, -14, -7, 16, 0x1p-126);
    check_unary(ORR_OP_SILU, -90, 30, 8, 0);
}

static void check_binary(uint32_t op, double to, double ulps, double absolute)
{
    for (int i = 0; i < FIXTURE_LENGTHS; ++i) {
        if (fixture_left_out(fixture_lengths[i])) continue;
        fixture_setup(NULL);
        struct trial t = {.op = op, .ulps = ulps, .absolute = absolute};
        t.in[0] = operand_random(-1, 1, 1, fixture_lengths[i], 1, 1, 1);
        t.in[1] = operand_random(-to, to, 1, fixture_lengths[i], 1, 1, 1);
        if (fixture_lengths[i] > 60) {
            t.in[0].value[3] = NAN;
            t.in[1].value[5] = NAN;
            t.in[1].value[9] = INFINITY;
            t.in[1].value[11] = 0;
        }
        t.out[0] = operand_like(&t.in[0]);
        trial_check(&t);
    }
}

static void binary(void **state)
{
    (void)state;
    check_binary(ORR_OP_ADD, 1, 0, 0);
    check_binary(ORR_OP_SUB, 1, 0, 0);
    check_binary(ORR_OP_MUL, 1, 0, 0);
    check_binary(ORR_OP_DIV, 1, 3, 0);
    check_binary(ORR_OP_MAXIMUM, 1, 0, 0);
    check_binary(ORR_OP_GELU_GRAD, 8, 0, 1e-6);
    check_binary(ORR_OP_SILU_GRAD, 30, 0, 1e-6);
    struct trial t = {.op = ORR_OP_ADD};
    fixture_setup(NULL);
    t.in[0] = operand_whole(-2000000000, 2000000000, 1, 300, 1);
    t.in[1] = operand_whole(-100000000, 100000000, 1, 300, 1);
    t.out[0] = operand_like(&t.in[0]);
    trial_check(&t);
}

static void optimiser(void **state)
{
    (void)state;
    for (int i = 0; i < FIXTURE_LENGTHS; ++i) {
        if (fixture_left_out(fixture_lengths[i])) continue;
        fixture_setup(NULL);
        /* Terms of like sign, so that no result is smaller than its terms. */
        struct trial t = {.op = ORR_OP_ADAMW, .ulps = 16, .attr = {.f = {0.9, 0.999, 1e-8, 0.1}}};
        t.in[0] = operand_random(1, 2, 1, fixture_lengths[i], 1, 1, 1);
        for (int k = 1; k < 4; ++k)
            t.in[k] = operand_random(0.001, 1, 1, fixture_lengths[i], 1, 1, 1);
        t.in[4] = operand_random(0.001, 0.01, 1, 4, 1, 1, 1);
        for (int k = 0; k < 3; ++k)
            t.out[k] = operand_like(&t.in[0]);
        trial_check(&t);
    }
}

/* --- moving ------------------------------------------------------------------------------------------------------ */

static struct operand of_type(uint32_t dtype, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct operand t = operand_random(-1000, 1000, rank, a, b, c, d);
    t.dtype = dtype;
    for (int64_t i = 0; i < operand_count(&t) && dtype == ORR_I32; ++i)
        t.value[i] = trunc(t.value[i]);
    return t;
}

static void check_moves(uint32_t dtype)
{
    struct trial fill = {.op = ORR_OP_FILL, .attr = {.f = {-3.75}}};
    struct trial copy = {.op = ORR_OP_COPY}, cast = {.op = ORR_OP_CAST};
    struct trial wide = {.op = ORR_OP_BROADCAST}, turn = {.op = ORR_OP_PERMUTE, .attr = {.i = {2, 0, 3, 1}}};
    struct trial slice = {.op = ORR_OP_SLICE, .attr = {.i = {1, 2}}}, pad = {.op = ORR_OP_PAD, .attr = {.i = {2, 3}}};
    fixture_setup(NULL);
    fill.out[0] = operand_make(dtype, 2, 37, 5, 1, 1);
    trial_check(&fill);
    copy.in[0] = of_type(dtype, 3, 5, 13, 7, 1);
    copy.out[0] = operand_like(&copy.in[0]);
    trial_check(&copy);
    wide.in[0] = of_type(dtype, 4, 3, 1, 5, 1);
    wide.out[0] = operand_make(dtype, 4, 3, 4, 5, 6);
    trial_check(&wide);
    turn.in[0] = of_type(dtype, 4, 2, 3, 5, 7);
    turn.out[0] = operand_make(dtype, 4, 5, 2, 7, 3);
    trial_check(&turn);
    slice.in[0] = of_type(dtype, 3, 4, 9, 5, 1);
    slice.out[0] = operand_make(dtype, 3, 4, 6, 5, 1);
    trial_check(&slice);
    pad.in[0] = of_type(dtype, 3, 4, 3, 5, 1);
    pad.out[0] = operand_make(dtype, 3, 4, 3, 9, 1);
    trial_check(&pad);
    for (uint32_t other = ORR_F32; other <= ORR_I32; ++other) {
        fixture_setup(NULL);
        cast.in[0] = of_type(dtype, 1, 100, 1, 1, 1);
        if (dtype == ORR_F32) {
            static const double special[] = {NAN, INFINITY, -INFINITY, 3e9, -3e9, 2.75, -2.75};
            memcpy(cast.in[0].value, special, sizeof special);
        }
        cast.out[0] = operand_make(other, 1, 100, 1, 1, 1);
        trial_check(&cast);
    }
}

static void moves(void **state)
{
    (void)state;
    check_moves(ORR_F32);
    check_moves(ORR_I32);
    struct trial scalar = {.op = ORR_OP_COPY}, empty = {.op = ORR_OP_PERMUTE, .attr = {.i = {1, 0}}};
    scalar.in[0] = operand_random(-1, 1, 0, 1, 1, 1, 1);
    scalar.out[0] = operand_like(&scalar.in[0]);
    trial_check(&scalar);
    empty.in[0] = operand_make(ORR_F32, 2, 3, 0, 1, 1);
    empty.out[0] = operand_make(ORR_F32, 2, 0, 3, 1, 1);
    trial_check(&empty);
}

static void check_rows(int64_t n_rows, int64_t width, int64_t count, int64_t run, uint32_t dtype)
{
    fixture_setup(NULL);
    struct trial gather = {.op = ORR_OP_GATHER, .attr = {.i = {run}}};
    struct trial add = {.op = ORR_OP_SCATTER_ADD, .attr = {.i = {run}}, .relative = 16 * U};
    gather.in[0] = of_type(dtype, 2, n_rows, width, 1, 1);
    gather.in[1] = operand_whole(-1, n_rows - run + 1, 1, count, 1);
    gather.out[0] = operand_make(dtype, 2, count * run, width, 1, 1);
    trial_check(&gather);
    if (dtype == ORR_I32) return;
    add.in[0] = operand_random(-1, 1, 2, n_rows, width, 1, 1);
    add.in[1] = gather.in[1];
    add.in[2] = operand_random(-1, 1, 2, count * run, width, 1, 1);
    add.out[0] = operand_like(&add.in[0]);
    struct trial bound = add;
    bound.in[0] = operand_absolute(&add.in[0]);
    bound.in[2] = operand_absolute(&add.in[2]);
    bound.out[0] = operand_like(&add.in[0]);
    trial_reference(&bound);
    add.bound[0] = bound.out[0];
    trial_check(&add);
}

static void indexed(void **state)
{
    (void)state;
    check_rows(1, 1, 1, 1, ORR_F32);
    check_rows(5, 3, 0, 1, ORR_F32);
    check_rows(7, 5, 40, 1, ORR_F32);
    check_rows(20, 3, 33, 4, ORR_F32);
    check_rows(9, 2, 64, 2, ORR_I32);
    check_rows(3, 0, 4, 1, ORR_F32);
    if (!fixture_left_out(6400)) check_rows(100, 32, 6400, 1, ORR_F32);
    /* Runs of one row on both sides of the 256 pairs that one item adds up, and over several of them. */
    check_rows(1, 3, 255, 1, ORR_F32);
    check_rows(1, 3, 257, 1, ORR_F32);
    if (!fixture_left_out(1100)) check_rows(3, 2, 1100, 1, ORR_F32);
    if (!fixture_left_out(1400)) check_rows(2, 1, 700, 2, ORR_F32);
    if (!fixture_left_out(70000)) check_rows(1, 2, 70000, 1, ORR_F32);
    for (uint32_t dtype = ORR_F32; dtype <= ORR_I32; ++dtype)
        for (int index = -7; index < 12; index += 5) {
            fixture_setup(NULL);
            struct trial put = {.op = ORR_OP_PUT};
            put.in[0] = of_type(dtype, 2, 5, 3, 1, 1);
            put.in[1] = operand_whole(index, index + 1, 0, 1, 1);
            put.in[2] = of_type(dtype, 1, 3, 1, 1, 1);
            put.out[0] = operand_like(&put.in[0]);
            trial_check(&put);
        }
    struct trial hot = {.op = ORR_OP_ONE_HOT, .attr = {.i = {9}}};
    fixture_setup(NULL);
    hot.in[0] = operand_whole(-1, 9, 2, 4, 30);
    hot.out[0] = operand_make(ORR_F32, 3, 4, 30, 9, 1);
    trial_check(&hot);
}

static void random_numbers(void **state)
{
    (void)state;
    static const int64_t seeds[] = {0, 1, -1, INT64_C(0x123456789ABCDEF)};
    for (int i = 0; i < FIXTURE_LENGTHS; ++i)
        for (int s = 0; s < 4; ++s) {
            if (fixture_left_out(fixture_lengths[i])) continue;
            fixture_setup(NULL);
            struct trial whole = {.op = ORR_OP_RANDOM_INT, .attr = {.i = {seeds[s], 4000000000, 1000003}}};
            struct trial normal = {.op = ORR_OP_RANDOM_NORMAL, .attr = {.i = {seeds[s], 7}, .f = {0.02}}};
            whole.in[0] = normal.in[0] = operand_whole(-5, 100000, 0, 1, 1);
            whole.out[0] = operand_make(ORR_I32, 1, fixture_lengths[i], 1, 1, 1);
            normal.out[0] = operand_make(ORR_F32, 1, fixture_lengths[i], 1, 1, 1);
            trial_check(&whole);
            trial_check(&normal);
        }
}

/* --- reducing ---------------------------------------------------------------------------------------------------- */

static void reductions(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{1, 1, 1},   {3, 0, 5},    {2, 7, 1},     {1, 255, 3}, {1, 256, 3},
                                        {5, 257, 1}, {3, 1000, 4}, {1, 70000, 1}, {0, 4, 3},   {2, 66000, 2}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i) {
        if (fixture_left_out(shapes[i][0] * shapes[i][1] * shapes[i][2])) continue;
        fixture_setup(NULL);
        struct trial sum = {.op = ORR_OP_SUM, .attr = {.i = {1}}, .relative = 16 * U}, most = {.op = ORR_OP_MAX};
        sum.in[0] = operand_random(-1, 1, 3, shapes[i][0], shapes[i][1], shapes[i][2], 1);
        sum.out[0] = operand_make(ORR_F32, 3, shapes[i][0], 1, shapes[i][2], 1);
        struct trial bound = sum;
        bound.in[0] = operand_absolute(&sum.in[0]);
        bound.out[0] = operand_like(&sum.out[0]);
        trial_reference(&bound);
        sum.bound[0] = bound.out[0];
        trial_check(&sum);
        most = (struct trial){.op = ORR_OP_MAX, .attr = sum.attr, .in = {sum.in[0]}, .out = {sum.out[0]}};
        if (shapes[i][1] == 0) continue;
        trial_check(&most);
        if (operand_count(&most.in[0]) < 10) continue;
        most.in[0].value[7] = NAN;
        trial_check(&most);
        sum.in[0].value[7] = INFINITY;
        trial_check(&sum);
    }
}

static void check_softmax(int64_t n_rows, int64_t width, double scale)
{
    fixture_setup(NULL);
    struct trial soft = {.op = ORR_OP_SOFTMAX, .absolute = 1e-6}, soft_grad = {.op = ORR_OP_SOFTMAX_GRAD};
    struct trial logs = {.op = ORR_OP_LOG_SOFTMAX, .absolute = 2e-6 * fmax(1, scale)};
    struct trial logs_grad = {.op = ORR_OP_LOG_SOFTMAX_GRAD};
    soft.in[0] = logs.in[0] = operand_random(-scale, scale, 2, n_rows, width, 1, 1);
    soft.out[0] = operand_like(&soft.in[0]);
    logs.out[0] = operand_like(&soft.in[0]);
    trial_check(&soft);
    trial_check(&logs);
    soft_grad.absolute = 1e-6;
    logs_grad.absolute = 2e-6;
    soft_grad.in[0] = operand_random(-1, 1, 2, n_rows, width, 1, 1);
    soft_grad.in[1] = soft.out[0];
    soft_grad.out[0] = operand_like(&soft.in[0]);
    /* A gradient of unit scale: what reaches a softmax is divided by the number of elements. */
    logs_grad.in[0] = operand_random(-1.0 / (double)(width + 1), 1.0 / (double)(width + 1), 2, n_rows, width, 1, 1);
    logs_grad.in[1] = logs.out[0];
    logs_grad.out[0] = operand_like(&soft.in[0]);
    trial_check(&soft_grad);
    trial_check(&logs_grad);
}

static void softmax(void **state)
{
    (void)state;
    check_softmax(1, 1, 1);
    check_softmax(3, 0, 1);
    check_softmax(0, 3, 1);
    check_softmax(65, 7, 1);
    check_softmax(3, 257, 20);
    if (!fixture_left_out(100000)) check_softmax(1000, 100, 3);
    struct trial odd = {.op = ORR_OP_SOFTMAX, .absolute = 1e-6};
    fixture_setup(NULL);
    odd.in[0] = operand_random(-1e4, 1e4, 2, 4, 5, 1, 1);
    odd.in[0].value[1] = NAN;
    odd.in[0].value[7] = -INFINITY;
    for (int j = 10; j < 15; ++j)
        odd.in[0].value[j] = -INFINITY;
    odd.out[0] = operand_like(&odd.in[0]);
    trial_check(&odd);
}

/* Pieces of a product and of launches give the same as the whole, within the same bounds; none is larger than it may
 * be, and the queue is handed over and waited for as device.h says. */
static void bounded_launches(void **state)
{
    (void)state;
    enum { WORK = 2048, FLUSH = 64, BOUND = 1024 };
    if (fixture_left_out(300 * 300)) skip();
    fixture_reopen(WORK);
    check_binary(ORR_OP_ADD, 1, 0, 0);
    check_softmax(300, 40, 1);
    test_opencl_check_product(-1, 200, 33, 48, false, false);
    test_opencl_check_product(-1, 200, 33, 48, false, true);
    test_opencl_check_product(-1, 33, 20, 500, true, false);
    test_opencl_check_product(2, 96, 33, 48, true, true);
    test_opencl_check_product(-1, 300, 300, 48, false, false);
    /* One row, one column and one inner element that are more than a launch may do. */
    test_opencl_check_product(-1, 1, 300, 300, false, false);
    test_opencl_check_product(-1, 300, 1, 300, false, true);
    test_opencl_check_product(-1, 300, 300, 1, true, false);
    fixture_reopen(268435456);
    const struct fixture_tally t = fixture_tally;
    printf("# %llu launches, the largest of %llu visits; %llu flushes, %llu waits\n", t.launches, t.largest, t.flushes,
           t.waits);
    if (t.largest > WORK || t.largest < WORK / 2)
        fail_msg("the largest launch made %llu visits, expected %d to %d", t.largest, WORK / 2, WORK);
    /* A product counts as four launches, so a flush may come three late. */
    if (t.flushes < t.launches / (FLUSH + 3) || t.flushes > t.launches / FLUSH)
        fail_msg("%llu flushes of %llu launches, expected one in %d", t.flushes, t.launches, FLUSH);
    /* The first bound has nothing before it to wait for. */
    if (t.waits + 1 < t.launches / (BOUND + 3) || t.waits > t.launches / BOUND)
        fail_msg("%llu waits in %llu launches, expected one in %d", t.waits, t.launches, BOUND);
    if (!fixture_left_out(100000)) assert_true(t.waits > 0);
}

/* With less than a visit for each item of a group the groups are smaller, not the launches larger. */
static void launches_smaller_than_a_group(void **state)
{
    (void)state;
    if (fixture_left_out(70 * 40)) skip();
    fixture_reopen(1024);
    check_softmax(70, 40, 1);
    check_softmax(5, 1500, 1);
    fixture_reopen(268435456);
    /* An item of softmax, or a group of 64, visits a whole row, which cannot be divided; visits are counted by item. */
    if (fixture_tally.largest > 3 * 1500 + 64)
        fail_msg("the largest launch made %llu visits, expected one row's", fixture_tally.largest);
}

/* --- the backend itself ------------------------------------------------------------------------------------------ */

/* CLBlast's strided-batched product is wrong where an operand has an offset or a stride: neither batched form may be
 * looked up. The plain one must be, or this test would prove nothing. */
static void batched_products_are_out_of_reach(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/opencl/orrery-backend-opencl.so", getenv("ORRERY_TEST_BACKENDS"));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    char *bytes = malloc(size);
    assert_non_null(bytes);
    rewind(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    assert_non_null(memmem(bytes, size, "CLBlastSgemmWithTempBuffer", sizeof "CLBlastSgemmWithTempBuffer"));
    assert_null(memmem(bytes, size, "Batched", 7));
    free(bytes);
}

static void index_out_of_range_is_seen(void **state)
{
    (void)state;
    struct trial t = {.op = ORR_OP_GATHER};
    struct orr_error err = {0};
    t.in[0] = operand_random(-1, 1, 2, 4, 3, 1, 1);
    t.in[1] = operand_whole(4, 5, 1, 1, 1);
    t.out[0] = operand_make(ORR_F32, 2, 1, 3, 1, 1);
    assert_int_equal(trial_device(&t, 0, false, &err), ORR_OK);
    for (int j = 0; j < 3; ++j)
        if (!isnan(t.out[0].value[j])) fail_msg("row 4 of 4: element %d is %g, expected NaN", j, t.out[0].value[j]);
}

/* A product and a sum are rounded each, as compensated sums need it, though the device could fuse them. */
static void products_and_sums_are_not_fused(void **state)
{
    (void)state;
    enum { N = 1000 };
    static const float factor = 0.7f, shift = -0.3f;
    struct trial t = {.op = ORR_OP_AFFINE, .attr = {.f = {(double)factor, (double)shift}}};
    struct orr_error err = {0};
    int telling = 0;
    t.in[0] = operand_random(-2, 2, 1, N, 1, 1, 1);
    t.out[0] = operand_like(&t.in[0]);
    if (trial_device(&t, 0, false, &err)) fail_msg("%s", err.text);
    for (int i = 0; i < N; ++i) {
        const float x = (float)t.in[0].value[i], product = factor * x, apart = product + shift;
        telling += apart != fmaf(factor, x, shift);
        if (t.out[0].value[i] != (double)apart)
            fail_msg("%.9g * %.9g + %.9g is %.9g, expected %.9g", (double)factor, (double)x, (double)shift,
                     t.out[0].value[i], (double)apart);
    }
    if (telling < N / 10) fail_msg("only %d of %d numbers tell fused from not", telling, N);
}

static void unknown_device_is_refused(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_device_info info = {.size = sizeof info};
    assert_int_equal(fixture_opencl->device_info(1000, &info, &err), ORR_EINVAL);
    if (!strstr(err.text, "1000")) fail_msg("the text does not name the device: %s", err.text);
}

static void buffers_have_ends(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_buffer *buffer = NULL;
    struct orr_device_info info = {.size = sizeof info};
    char four[4] = "abc";
    assert_int_equal(fixture_opencl->alloc(fixture_device, 4, &buffer, &err), ORR_OK);
    assert_int_equal(fixture_opencl->write(fixture_device, buffer, 1, four, 4, &err), ORR_EINVAL);
    assert_int_equal(fixture_opencl->read(fixture_device, buffer, 5, four, 0, &err), ORR_EINVAL);
    assert_int_equal(fixture_opencl->write(fixture_device, buffer, 4, four, 0, &err), ORR_OK);
    fixture_opencl->free(fixture_device, buffer);
    assert_int_equal(fixture_opencl->device_info(0, &info, &err), ORR_OK);
    assert_int_equal(fixture_opencl->alloc(fixture_device, (size_t)info.max_alloc + 1, &buffer, &err), ORR_ENOMEM);
}

/* --- running ----------------------------------------------------------------------------------------------------- */

static int report(void **state)
{
    static const char *const names[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, ...) [id] = name,
#include "orrery/ops.def"
#undef ORR_OP
    };
    printf("# device: %s\n# largest error, as part of what is allowed:", fixture_name);
    for (size_t i = 0; i < ORR_OP_COUNT_; ++i)
        if (fixture_worst[i] > 0) printf(" %s %.2f", names[i], fixture_worst[i]);
    printf("\n");
    return fixture_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(unary, fixture_setup),
        cmocka_unit_test_setup(binary, fixture_setup),
        cmocka_unit_test_setup(optimiser, fixture_setup),
        cmocka_unit_test_setup(moves, fixture_setup),
        cmocka_unit_test_setup(indexed, fixture_setup),
        cmocka_unit_test_setup(random_numbers, fixture_setup),
        cmocka_unit_test_setup(reductions, fixture_setup),
        cmocka_unit_test_setup(softmax, fixture_setup),
        cmocka_unit_test_setup(test_opencl_normalisation, fixture_setup),
        cmocka_unit_test_setup(test_opencl_losses, fixture_setup),
        cmocka_unit_test_setup(test_opencl_classes, fixture_setup),
        cmocka_unit_test_setup(test_opencl_products, fixture_setup),
        cmocka_unit_test_setup(test_opencl_linear, fixture_setup),
        cmocka_unit_test_setup(test_opencl_attention, fixture_setup),
        cmocka_unit_test_setup(bounded_launches, fixture_setup),
        cmocka_unit_test_setup(launches_smaller_than_a_group, fixture_setup),
        cmocka_unit_test_setup(index_out_of_range_is_seen, fixture_setup),
        cmocka_unit_test_setup(products_and_sums_are_not_fused, fixture_setup),
        cmocka_unit_test(batched_products_are_out_of_reach),
        cmocka_unit_test(unknown_device_is_refused),
        cmocka_unit_test(buffers_have_ends),
    };
    if (fixture_device_count() == 0) {
        printf("1..0 # SKIP no OpenCL device (OCL_ICD_VENDORS=%s)\n",
               getenv("OCL_ICD_VENDORS") ? getenv("OCL_ICD_VENDORS") : "");
        return 77;
    }
    return cmocka_run_group_tests(tests, fixture_open, report);
}
