/* Optimisers alone, in double on the reference, against numbers worked out by hand; and resuming with each of them.
 *
 * The rules are those that torch documents: torch.optim.SGD with dampening 0 and nesterov False (weight decay coupled:
 * added to the gradient), torch.optim.AdamW (decoupled).
 */
#include "train_fixture.h"

#include <math.h>
#include <string.h>

enum { N = 3 };

struct bench {
    struct orr_graph *g;
    struct orr_exec *exec;
    orr_handle parameters, gradient, row, state[ORR_OPTIMISER_BLOCKS_MAX];
};

/* One update as a graph; p begins as given, state at zero. */
static void bench_open(struct bench *b, struct train_fixture *f, const struct orr_optimiser *o, bool decays,
                       const double p[N])
{
    const struct orr_optimiser_block *name;
    const int64_t n = N, four = 4;
    const double zeros[N] = {0};
    struct orr_error err = {0};
    const uint32_t blocks = orr_optimiser_blocks(o, &name);
    assert_ok(orr_graph_create(ORR_F64, &b->g, &err), &err);
    b->parameters = orr_graph_input(b->g, "parameters", ORR_F64, 1, &n);
    b->gradient = orr_graph_input(b->g, "gradient", ORR_F64, 1, &n);
    b->row = orr_graph_input(b->g, "row", ORR_F64, 1, &four);
    for (uint32_t k = 0; k < blocks; ++k)
        b->state[k] = orr_graph_input(b->g, name[k].name, ORR_F64, 1, &n);
    orr_optimiser_build(b->g, o, decays, b->parameters, b->state, b->gradient, b->row);
    assert_ok(orr_graph_verify(b->g, &err), &err);
    assert_ok(orr_exec_create(b->g, f->device, NULL, &b->exec, &err), &err);
    assert_ok(orr_exec_write_real(b->exec, b->parameters, p, N, &err), &err);
    for (uint32_t k = 0; k < blocks; ++k)
        assert_ok(orr_exec_write_real(b->exec, b->state[k], zeros, N, &err), &err);
}

static void bench_close(struct bench *b)
{
    orr_exec_destroy(b->exec);
    orr_graph_destroy(b->g);
}

/* One step with this gradient and rate; the parameters are then these, within 1e-12. */
static void step(struct bench *b, const double gradient[N], double rate, const double expected[N])
{
    const double row[4] = {rate, 1, 1, 0};
    double p[N];
    struct orr_error err = {0};
    assert_ok(orr_exec_write_real(b->exec, b->gradient, gradient, N, &err), &err);
    assert_ok(orr_exec_write_real(b->exec, b->row, row, 4, &err), &err);
    assert_ok(orr_exec_run(b->exec, &err), &err);
    assert_ok(orr_exec_read_real(b->exec, b->parameters, p, N, &err), &err);
    for (size_t i = 0; i < N; ++i)
        if (!(fabs(p[i] - expected[i]) <= 1e-12))
            fail_msg("parameter %zu: %.17g, expected %.17g", i, p[i], expected[i]);
}

static void plain_sgd_is_a_step_down_the_gradient(void **state)
{
    (void)state;
    struct train_fixture f;
    struct bench b;
    const struct orr_optimiser o = {.kind = ORR_OPTIMISER_SGD};
    fixture_open(&f, 4, 10, 5);
    bench_open(&b, &f, &o, true, (const double[N]){1, -2, 0});
    step(&b, (const double[N]){0.5, 1, -3}, 0.1, (const double[N]){0.95, -2.1, 0.3});
    step(&b, (const double[N]){0.5, 0, 3}, 0.2, (const double[N]){0.85, -2.1, -0.3});
    bench_close(&b);
    fixture_close(&f);
}

/* g = 0.5, 0.5, -1 with weight decay 0.1, momentum 0.9 and rate 0.1, then 0.01:
 * d = 0.5 + 0.1 = 0.6;             b = 0.6;                    p = 1 - 0.06 = 0.94
 * d = 0.5 + 0.094 = 0.594;         b = 0.54 + 0.594 = 1.134;   p = 0.94 - 0.1134 = 0.8266
 * d = -1 + 0.08266 = -0.91734;     b = 1.0206 - 0.91734 = 0.10326; p = 0.8266 - 0.0010326 = 0.8255674 (the rate is
 * outside the velocity, so a new rate also weighs old gradients). */
static void sgd_with_momentum_and_decay_is_torchs(void **state)
{
    (void)state;
    struct train_fixture f;
    struct bench b;
    const struct orr_optimiser o = {.kind = ORR_OPTIMISER_SGD, .momentum = 0.9, .weight_decay = 0.1};
    fixture_open(&f, 4, 10, 5);
    bench_open(&b, &f, &o, true, (const double[N]){1, -1, 0});
    step(&b, (const double[N]){0.5, -0.5, 0}, 0.1, (const double[N]){0.94, -0.94, 0});
    step(&b, (const double[N]){0.5, -0.5, 0}, 0.1, (const double[N]){0.8266, -0.8266, 0});
    step(&b, (const double[N]){-1, 1, 0}, 0.01, (const double[N]){0.8255674, -0.8255674, 0});
    bench_close(&b);
    fixture_close(&f);
}

/* p - rate * (g + decay * p) = 1 - 0.1 * (0.5 + 0.2), and without decay 1 - 0.05. AdamW, from rest with eps 0, moves by
 * rate * sign(g), and decay takes rate * decay * p before: 1 - 0.02 - 0.1, and without 0.9. */
static void undecayed_parameters_do_not_decay(void **state)
{
    (void)state;
    struct train_fixture f;
    const struct orr_optimiser o[] = {{.kind = ORR_OPTIMISER_SGD, .weight_decay = 0.2},
                                      {.kind = ORR_OPTIMISER_ADAMW, .weight_decay = 0.2}};
    const double expected[2][2] = {{0.95, 0.93}, {0.9, 0.88}};
    fixture_open(&f, 4, 10, 5);
    for (size_t i = 0; i < 2; ++i)
        for (int decays = 0; decays < 2; ++decays) {
            const double p = expected[i][decays];
            struct bench b;
            bench_open(&b, &f, &o[i], decays, (const double[N]){1, -1, 1});
            step(&b, (const double[N]){0.5, -0.5, 0.5}, 0.1, (const double[N]){p, -p, p});
            bench_close(&b);
        }
    fixture_close(&f);
}

static void each_has_its_blocks(void **state)
{
    (void)state;
    const struct {
        struct orr_optimiser o;
        uint32_t blocks;
        const char *first;
    } cases[] = {{{.kind = ORR_OPTIMISER_ADAMW}, 2, "first_moment"},
                 {{.kind = ORR_OPTIMISER_SGD, .momentum = 0.5}, 1, "velocity"},
                 {{.kind = ORR_OPTIMISER_SGD}, 0, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        const struct orr_optimiser_block *name;
        assert_int_equal(orr_optimiser_blocks(&cases[i].o, &name), cases[i].blocks);
        if (cases[i].first) assert_string_equal(name[0].name, cases[i].first);
    }
}

static void each_resumes_to_the_bit(void **state)
{
    (void)state;
    const struct orr_optimiser cases[] = {
        {.kind = ORR_OPTIMISER_ADAMW, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.1},
        {.kind = ORR_OPTIMISER_ADAMW, .eps = 1e-8}, /* both betas 0 */
        {.kind = ORR_OPTIMISER_SGD, .momentum = 0.9, .weight_decay = 0.1},
        {.kind = ORR_OPTIMISER_SGD}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; ++i) {
        struct train_fixture f;
        char *whole, *resumed;
        fixture_open(&f, 6, 20, 5);
        f.config.optimiser = cases[i / 2];
        f.config.schedule.learning_rate = 0.05;
        f.job.real = i % 2 ? ORR_F64 : ORR_F32;
        fixture_resumes(&f, 10, &whole, &resumed);
        fixture_remove(whole);
        fixture_remove(resumed);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_sgd_is_a_step_down_the_gradient),
        cmocka_unit_test(sgd_with_momentum_and_decay_is_torchs),
        cmocka_unit_test(undecayed_parameters_do_not_decay),
        cmocka_unit_test(each_has_its_blocks),
        cmocka_unit_test(each_resumes_to_the_bit),
    };
    return cmocka_run_group_tests_name("optimiser", tests, NULL, NULL);
}
