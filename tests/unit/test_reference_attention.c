/* Attention against its definition over all pairs of positions in long double; its gradient against differences. */
#include "reference_fixture.h"

#include <math.h>
#include <stdlib.h>

/* Scores and values of size about 1 over at most 9 keys, in double. */
#define SUM_ERROR 2e-15L
/* What central differences in long double leave: see differentiate(). */
#define DIFFERENCE_ERROR 1e-10L

struct shape {
    int64_t batch, time, channels, heads, window;
    bool causal;
};

static const struct shape shapes[] = {
    {1, 1, 1, 1, 0, true},  {2, 2, 2, 2, 0, true},  {0, 3, 4, 2, 0, true},  {2, 0, 4, 2, 0, true},
    {2, 9, 6, 2, 0, true},  {2, 9, 6, 2, 0, false}, {2, 9, 6, 3, 1, true},  {2, 9, 6, 1, 1, false},
    {1, 9, 6, 2, 4, true},  {1, 9, 6, 2, 4, false}, {1, 5, 3, 1, 99, true}, {1, 5, 3, 1, 5, false},
    {1, 6, 4, 2, 2, false}, {1, 7, 5, 1, 7, true},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };
static const double scale = 0.625;

static bool sees(const struct shape *s, int64_t t, int64_t k)
{
    if (s->causal && k > t) return false;
    return s->window == 0 || llabs((long long)(t - k)) < s->window;
}

/* y and lse of one query t of head h in batch b. */
static void define(const struct shape *s, const long double *qkv, int64_t b, int64_t h, int64_t t, long double *y,
                   long double *lse)
{
    const int64_t depth = s->channels / s->heads, stride = 3 * s->channels;
    const long double *row = qkv + b * s->time * stride + h * depth;
    long double weight[16], total = 0;
    for (int64_t k = 0; k < s->time; ++k) {
        long double score = 0;
        for (int64_t d = 0; d < depth; ++d)
            score += row[t * stride + d] * row[k * stride + s->channels + d];
        weight[k] = sees(s, t, k) ? expl(score * (long double)scale) : 0;
        total += weight[k];
    }
    for (int64_t d = 0; d < depth; ++d) {
        y[d] = 0;
        for (int64_t k = 0; k < s->time; ++k)
            if (sees(s, t, k)) y[d] += weight[k] / total * row[k * stride + 2 * s->channels + d];
    }
    *lse = logl(total);
}

struct loss {
    const struct shape *shape;
    const struct operand *dy, *qkv;
};

static long double weighted(void *context)
{
    const struct loss *loss = context;
    const struct shape *s = loss->shape;
    const int64_t depth = s->channels / s->heads;
    long double y[16], lse, sum = 0;
    for (int64_t b = 0; b < s->batch; ++b)
        for (int64_t h = 0; h < s->heads; ++h)
            for (int64_t t = 0; t < s->time; ++t) {
                define(s, loss->qkv->value, b, h, t, y, &lse);
                for (int64_t d = 0; d < depth; ++d)
                    sum += loss->dy->value[(b * s->time + t) * s->channels + h * depth + d] * y[d];
            }
    return sum;
}

static struct trial forward(const struct shape *s)
{
    const int64_t depth = s->channels / s->heads;
    struct trial t = {.op = ORR_OP_ATTENTION, .absolute = SUM_ERROR};
    t.attr = (struct orr_attr){.i = {s->causal, s->window, s->heads}, .f = {scale}};
    t.in[0] = operand_random(1, 3, s->batch, s->time, 3 * s->channels, 0);
    t.out[0] = operand_make(0, 3, s->batch, s->time, s->channels, 0);
    t.out[1] = operand_make(0, 3, s->batch, s->heads, s->time, 0);
    for (int64_t b = 0; b < s->batch; ++b)
        for (int64_t h = 0; h < s->heads; ++h)
            for (int64_t i = 0; i < s->time; ++i)
                define(s, t.in[0].value, b, h, i, t.out[0].value + (b * s->time + i) * s->channels + h * depth,
                       t.out[1].value + (b * s->heads + h) * s->time + i);
    return t;
}

static void values_and_gradients(void **state)
{
    for (size_t k = 0; k < SHAPES; ++k) {
        const struct shape *s = &shapes[k];
        fixture_setup(state);
        struct trial t = forward(s);
        trial_check(&t, 0);

        struct trial g = {.op = ORR_OP_ATTENTION_GRAD, .attr = t.attr, .absolute = DIFFERENCE_ERROR};
        g.in[0] = operand_random(1, 3, s->batch, s->time, s->channels, 0);
        g.in[1] = t.in[0], g.in[2] = t.out[0], g.in[3] = t.out[1];
        g.out[0] = operand_make(0, 3, s->batch, s->time, 3 * s->channels, 0);
        struct loss loss = {.shape = s, .dy = &g.in[0], .qkv = &t.in[0]};
        differentiate(weighted, &loss, &t.in[0], &g.out[0]);
        trial_check(&g, 0);
    }
}

/* What a query may not see cannot reach it: a NaN in the last position stays there when attention is causal. */
static void masked_keys_do_not_leak(void **state)
{
    (void)state;
    const struct shape s = {1, 4, 2, 1, 0, true};
    struct trial t = forward(&s);
    for (int64_t j = 0; j < 3 * s.channels; ++j)
        t.in[0].value[3 * 3 * s.channels + j] = NAN;
    for (int64_t d = 0; d < s.channels; ++d)
        t.out[0].value[3 * s.channels + d] = NAN;
    t.out[1].value[3] = NAN;
    trial_check(&t, 0);
}

/* Scores of 1e4 and -1e4: exp of neither may be taken as it is. */
static void large_scores(void **state)
{
    (void)state;
    static const double qkv[] = {100, 160, 7, 100, -160, 9}, y[] = {7, 7}, lse[] = {1e4, 1e4};
    struct trial t = {.op = ORR_OP_ATTENTION, .attr = {.i = {1, 0, 1}, .f = {scale}}};
    t.in[0] = operand_make(0, 3, 1, 2, 3, 0);
    t.out[0] = operand_make(0, 3, 1, 2, 1, 0);
    t.out[1] = operand_make(0, 3, 1, 1, 2, 0);
    for (int i = 0; i < 6; ++i)
        t.in[0].value[i] = (long double)qkv[i];
    for (int i = 0; i < 2; ++i) {
        t.out[0].value[i] = (long double)y[i];
        t.out[1].value[i] = (long double)lse[i];
    }
    trial_check(&t, 0);
}

static void refuses_heads_that_do_not_divide(void **state)
{
    (void)state;
    const struct shape s = {1, 2, 4, 2, 0, true};
    struct trial t = forward(&s);
    t.attr.i[2] = 3;
    trial_refuse(&t, ORR_ESHAPE, "heads");
    t.attr.i[2] = 0;
    trial_refuse(&t, ORR_ESHAPE, "heads");
    t.attr.i[2] = 2;
    t.attr.i[1] = -1;
    trial_refuse(&t, ORR_ESHAPE, "window");
}

int test_reference_attention(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values_and_gradients, fixture_setup),
        cmocka_unit_test_setup(masked_keys_do_not_leak, fixture_setup),
        cmocka_unit_test_setup(large_scores, fixture_setup),
        cmocka_unit_test_setup(refuses_heads_that_do_not_divide, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference attention", tests, fixture_open, fixture_close);
}
