/* The layers of a model on an OpenCL device against the reference backend in double precision: normalisation, losses,
 * products, attention. Run by test_opencl.c.
 */
#include "opencl_fixture.h"

#include <math.h>
#include <stdlib.h>

/* Half a unit in the last place of 1 in single precision, as ops.def counts. */
#define U 0x1p-24

/* The terms of layer normalisation's gradients in absolute value: rstd (|g| + average|g| + |n| average|g n|), sums of
 * |dy n| and of |dy|. Without a mean, the middle term is not there. */
static void norm_bounds(const struct trial *t, const double *mean, const double *rstd, struct operand bound[3])
{
    const int64_t n_rows = t->in[1].dim[0], width = t->in[1].dim[1];
    for (int64_t i = 0; i < n_rows; ++i) {
        double all_g = 0, all_gn = 0;
        for (int pass = 0; pass < 2; ++pass)
            for (int64_t j = 0; j < width; ++j) {
                const double dy = t->in[0].value[i * width + j], g = fabs(dy * t->in[2].value[j]);
                const double n = fabs((t->in[1].value[i * width + j] - (mean ? mean[i] : 0)) * rstd[i]);
                if (pass == 0) {
                    all_g += mean ? g / (double)width : 0;
                    all_gn += g * n / (double)width;
                    bound[1].value[j] += fabs(dy) * n;
                    if (mean) bound[2].value[j] += fabs(dy);
                } else {
                    bound[0].value[i * width + j] = rstd[i] * (g + all_g + n * all_gn);
                }
            }
    }
}

static void check_norm(int64_t n_rows, int64_t width)
{
    const double epsilon = 1e-5;
    fixture_setup(NULL);
    struct trial layer = {.op = ORR_OP_LAYERNORM, .absolute = 2e-6, .attr = {.f = {epsilon}}};
    struct trial square = {.op = ORR_OP_RMSNORM, .absolute = 2e-6, .attr = {.f = {epsilon}}};
    struct trial layer_grad = {.op = ORR_OP_LAYERNORM_GRAD, .relative = 32 * U};
    struct trial square_grad = {.op = ORR_OP_RMSNORM_GRAD, .relative = 32 * U};
    /* Rows of one element have rstd near 1 / sqrt(eps); then a variance of rounding errors is all there is. */
    layer.in[0] = square.in[0] = operand_random(-1, 1, 2, n_rows, width, 1, 1);
    layer.in[1] = square.in[1] = operand_random(-1, 1, 1, width, 1, 1, 1);
    layer.in[2] = operand_random(-1, 1, 1, width, 1, 1, 1);
    layer.out[0] = operand_like(&layer.in[0]);
    layer.out[1] = operand_make(ORR_F32, 1, n_rows, 1, 1, 1);
    layer.out[2] = operand_like(&layer.out[1]);
    if (width == 1) layer.relative = 4 * U;
    layer.bound[2] = operand_like(&layer.out[2]);
    for (int64_t i = 0; i < n_rows; ++i)
        layer.bound[2].value[i] = 1 / sqrt(epsilon);
    trial_check(&layer);
    square.out[0] = operand_like(&layer.in[0]);
    square.out[1] = operand_like(&layer.out[1]);
    square.ulps = 8; /* rstd of a row near zero is much larger than 1 */
    trial_check(&square);
    layer_grad.in[0] = square_grad.in[0] = operand_random(-1, 1, 2, n_rows, width, 1, 1);
    layer_grad.in[1] = square_grad.in[1] = layer.in[0];
    layer_grad.in[2] = square_grad.in[2] = layer.in[1];
    layer_grad.in[3] = layer.out[1];
    layer_grad.in[4] = layer.out[2];
    square_grad.in[3] = square.out[1];
    for (int64_t i = 0; i < n_rows; ++i) { /* as both backends are given them */
        layer_grad.in[3].value[i] = (double)(float)layer_grad.in[3].value[i];
        layer_grad.in[4].value[i] = (double)(float)layer_grad.in[4].value[i];
        square_grad.in[3].value[i] = (double)(float)square_grad.in[3].value[i];
    }
    for (int k = 0; k < 3; ++k) {
        const struct operand *shape = k ? &layer.in[1] : &layer.in[0];
        layer_grad.out[k] = operand_like(shape);
        layer_grad.bound[k] = operand_like(shape);
        if (k == 2) continue;
        square_grad.out[k] = operand_like(shape);
        square_grad.bound[k] = operand_like(shape);
    }
    norm_bounds(&layer_grad, layer_grad.in[3].value, layer_grad.in[4].value, layer_grad.bound);
    norm_bounds(&square_grad, NULL, square_grad.in[3].value, square_grad.bound);
    trial_check(&layer_grad);
    trial_check(&square_grad);
}

void test_opencl_normalisation(void **state)
{
    (void)state;
    check_norm(1, 1);
    check_norm(0, 5);
    check_norm(3, 2);
    check_norm(65, 7);
    if (!fixture_left_out(257 * 16)) check_norm(257, 16);
    if (!fixture_left_out(150000)) check_norm(1500, 100);
}

/* --- losses ------------------------------------------------------------------------------------------------------ */

void test_opencl_losses(void **state)
{
    (void)state;
    for (int i = 0; i < FIXTURE_LENGTHS; ++i) {
        if (fixture_left_out(fixture_lengths[i])) continue;
        fixture_setup(NULL);
        struct trial mse = {.op = ORR_OP_MSE, .relative = 16 * U}, grad = {.op = ORR_OP_MSE_GRAD, .ulps = 8};
        mse.in[0] = operand_random(-1, 1, 1, fixture_lengths[i], 1, 1, 1);
        mse.in[1] = operand_random(-1, 1, 1, fixture_lengths[i], 1, 1, 1);
        mse.out[0] = operand_make(ORR_F32, 0, 1, 1, 1, 1);
        trial_reference(&mse);
        mse.bound[0] = mse.out[0]; /* all terms are positive */
        mse.out[0] = operand_like(&mse.out[0]);
        trial_check(&mse);
        grad.in[0] = operand_random(0.5, 2, 0, 1, 1, 1, 1);
        grad.in[1] = mse.in[0];
        grad.in[2] = mse.in[1];
        grad.out[0] = operand_like(&mse.in[0]);
        trial_check(&grad);
    }
}

static void check_classes(int64_t n_rows, int64_t classes, int64_t first_target)
{
    fixture_setup(NULL);
    /* Terms are differences of numbers of size 1 to log(classes), and the result is their mean. */
    struct trial xent = {.op = ORR_OP_XENT, .absolute = 16 * U * (1 + log((double)classes + 1))};
    struct trial grad = {.op = ORR_OP_XENT_GRAD, .absolute = 1e-6};
    xent.in[0] = operand_random(-1, 1, 2, n_rows, classes, 1, 1);
    xent.in[1] = operand_whole(first_target, first_target < 0 ? 0 : classes, 1, n_rows, 1);
    for (int64_t i = 0; i < n_rows; i += 3)
        xent.in[1].value[i] = -1;
    xent.out[0] = operand_make(ORR_F32, 0, 1, 1, 1, 1);
    xent.out[1] = operand_make(ORR_F32, 1, n_rows, 1, 1, 1);
    trial_check(&xent);
    grad.in[0] = operand_random(0.5, 2, 0, 1, 1, 1, 1);
    grad.in[1] = xent.in[0];
    grad.in[2] = xent.in[1];
    grad.in[3] = xent.out[1];
    grad.out[0] = operand_like(&xent.in[0]);
    if (first_target >= 0 && n_rows != 1) trial_check(&grad);
}

void test_opencl_classes(void **state)
{
    (void)state;
    check_classes(1, 3, 0);
    check_classes(2, 1, 0);
    check_classes(5, 4, -1);
    if (!fixture_left_out(65 * 11)) check_classes(65, 11, 0);
    if (!fixture_left_out(300000)) check_classes(1300, 257, 0);
}

/* --- products ---------------------------------------------------------------------------------------------------- */

void test_opencl_check_product(int64_t count, int64_t m, int64_t n, int64_t k, bool ta, bool tb)
{
    fixture_setup(NULL);
    const uint32_t rank = count < 0 ? 2 : 3;
    struct trial t = {.op = ORR_OP_MATMUL, .relative = 16 * U, .attr = {.i = {ta, tb}}};
    if (rank == 2) {
        t.in[0] = operand_random(-1, 1, 2, ta ? k : m, ta ? m : k, 1, 1);
        t.in[1] = operand_random(-1, 1, 2, tb ? n : k, tb ? k : n, 1, 1);
        t.out[0] = operand_make(ORR_F32, 2, m, n, 1, 1);
    } else {
        t.in[0] = operand_random(-1, 1, 3, count, ta ? k : m, ta ? m : k, 1);
        t.in[1] = operand_random(-1, 1, 3, count, tb ? n : k, tb ? k : n, 1);
        t.out[0] = operand_make(ORR_F32, 3, count, m, n, 1);
    }
    struct trial bound = t;
    bound.in[0] = operand_absolute(&t.in[0]);
    bound.in[1] = operand_absolute(&t.in[1]);
    bound.out[0] = operand_like(&t.out[0]);
    trial_reference(&bound);
    t.bound[0] = bound.out[0];
    trial_check(&t);
}

/* So large that CLBlast works on copies of the operands (from about 900 by default), in temporaries beside what is
 * staged. */
static void check_large_products(void)
{
    if (fixture_left_out(900 * 910)) return;
    test_opencl_check_product(-1, 900, 910, 905, false, false);
    test_opencl_check_product(-1, 905, 900, 910, true, true);
}

void test_opencl_products(void **state)
{
    (void)state;
    static const int64_t shapes[][4] = {
        {-1, 1, 1, 1},     {-1, 0, 3, 2},  {-1, 3, 0, 2},   {-1, 3, 2, 0},   {-1, 7, 5, 3},
        {-1, 64, 32, 128}, {3, 10, 10, 4}, {2, 0, 1, 1},    {2, 5, 4, 0},    {0, 3, 3, 3},
        {4, 32, 8, 16},    {1, 9, 9, 9},   {-1, 33, 2, 65}, {-1, 1, 100, 7}, {-1, 256, 256, 128},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i)
        for (int turned = 0; turned < 4; ++turned) {
            if (fixture_left_out(shapes[i][1] * shapes[i][2])) continue;
            test_opencl_check_product(shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], turned & 1, turned >> 1);
        }
    check_large_products();
}

static void check_linear(int64_t time, int64_t in, int64_t out)
{
    fixture_setup(NULL);
    struct trial t = {.op = ORR_OP_LINEAR, .relative = 16 * U};
    t.in[0] = operand_random(-1, 1, 3, 3, time, in, 1);
    t.in[1] = operand_random(-1, 1, 2, in, out, 1, 1);
    t.in[2] = operand_random(-1, 1, 1, out, 1, 1, 1);
    t.out[0] = operand_make(ORR_F32, 3, 3, time, out, 1);
    struct trial bound = t;
    for (int k = 0; k < 3; ++k)
        bound.in[k] = operand_absolute(&t.in[k]);
    bound.out[0] = operand_like(&t.out[0]);
    trial_reference(&bound);
    t.bound[0] = bound.out[0];
    trial_check(&t);
}

void test_opencl_linear(void **state)
{
    (void)state;
    check_linear(1, 1, 1);
    check_linear(4, 0, 3);
    check_linear(0, 2, 3);
    check_linear(5, 7, 9);
    if (!fixture_left_out(32 * 96)) check_linear(32, 32, 96);
}

/* --- attention --------------------------------------------------------------------------------------------------- */

struct attention {
    int64_t batch, time, channels, heads, window;
    bool causal;
};

/* Sums of the absolute terms of dq, dk and dv, with every factor in absolute value. */
static void attention_bound(const struct attention *s, double scale, const struct trial *t, double *bound)
{
    const int64_t depth = s->channels / s->heads, wide = 3 * s->channels;
    for (int64_t g = 0; g < s->batch * s->heads; ++g)
        for (int64_t q = 0; q < s->time; ++q)
            for (int64_t k = 0; k < s->time; ++k) {
                const int64_t b = g / s->heads, h = g % s->heads * depth;
                if ((s->causal && k > q) || (s->window && llabs((long long)(q - k)) >= s->window)) continue;
                const double *query = t->in[1].value + (b * s->time + q) * wide + h;
                const double *key = t->in[1].value + (b * s->time + k) * wide + s->channels + h;
                const double *dy = t->in[0].value + (b * s->time + q) * s->channels + h;
                const double *y = t->in[2].value + (b * s->time + q) * s->channels + h;
                double score = 0, slope = 0;
                for (int64_t d = 0; d < depth; ++d) {
                    score += query[d] * key[d];
                    slope += fabs(dy[d] * key[s->channels + d]) + fabs(dy[d] * y[d]);
                }
                const double weight = exp(score * scale - t->in[3].value[g * s->time + q]);
                double *dq = bound + (b * s->time + q) * wide + h, *dk = bound + (b * s->time + k) * wide + h;
                for (int64_t d = 0; d < depth; ++d) {
                    dq[d] += weight * slope * scale * fabs(key[d]);
                    dk[s->channels + d] += weight * slope * scale * fabs(query[d]);
                    dk[2 * s->channels + d] += weight * fabs(dy[d]);
                }
            }
}

static void check_attention(const struct attention *s)
{
    const double scale = 0.35;
    fixture_setup(NULL);
    struct trial t = {.op = ORR_OP_ATTENTION, .absolute = 2e-6, .attr = {.i = {s->causal, s->window, s->heads}}};
    struct trial grad = {.op = ORR_OP_ATTENTION_GRAD, .relative = 32 * U};
    t.attr.f[0] = scale;
    t.in[0] = operand_random(-1, 1, 3, s->batch, s->time, 3 * s->channels, 1);
    t.out[0] = operand_make(ORR_F32, 3, s->batch, s->time, s->channels, 1);
    t.out[1] = operand_make(ORR_F32, 3, s->batch, s->heads, s->time, 1);
    trial_check(&t);
    grad.attr = t.attr;
    grad.in[0] = operand_random(-1, 1, 3, s->batch, s->time, s->channels, 1);
    grad.in[1] = t.in[0];
    grad.in[2] = t.out[0];
    grad.in[3] = t.out[1];
    for (int k = 2; k < 4; ++k) /* as both backends are given them */
        for (int64_t i = 0; i < operand_count(&grad.in[k]); ++i)
            grad.in[k].value[i] = (double)(float)grad.in[k].value[i];
    grad.out[0] = operand_like(&t.in[0]);
    grad.bound[0] = operand_like(&t.in[0]);
    attention_bound(s, scale, &grad, grad.bound[0].value);
    trial_check(&grad);
}

void test_opencl_attention(void **state)
{
    (void)state;
    static const struct attention shapes[] = {
        {1, 1, 1, 1, 0, true},  {2, 2, 2, 2, 0, true},  {0, 3, 4, 2, 0, true},   {2, 0, 4, 2, 0, true},
        {2, 9, 6, 2, 0, true},  {2, 9, 6, 2, 0, false}, {2, 9, 6, 2, 1, true},   {1, 9, 6, 2, 4, true},
        {1, 9, 6, 2, 4, false}, {1, 5, 6, 2, 99, true}, {3, 65, 32, 2, 0, true}, {1, 300, 32, 1, 0, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i)
        if (!fixture_left_out(shapes[i].batch * shapes[i].time * shapes[i].time * shapes[i].heads * 4))
            check_attention(&shapes[i]);
}
