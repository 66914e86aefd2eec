/* One training step against the same step by hand: batch, noise, loss, ring, counter, AdamW.
 *
 * In: tiny kepler jobs on the reference backend with every value kept. Seeds: data 7, training 3 (train_fixture.c).
 */
#include "base/memory.h"
#include "orrery/random.h"
#include "train/state.h"
#include "train_fixture.h"

#include <math.h>
#include <string.h>

struct bench {
    struct train_fixture f;
    struct orr_parameters p;
    struct orr_step step;
    struct orr_exec *exec;
    struct orr_train_state state;
};

static void bench_open(struct bench *b, uint32_t real, uint64_t ring_rows)
{
    const struct orr_exec_options options = {.keep_all = true};
    struct orr_error err = {0};
    b->p = (struct orr_parameters){.item = NULL};
    b->f.job.real = real;
    assert_ok(orr_transformer_parameters(&b->f.model, &b->p, &err), &err);
    assert_ok(orr_parameters_arrange(&b->p, b->f.config.decay_patterns, b->f.config.n_decay_patterns, &err), &err);
    assert_ok(orr_step_build(&b->f.job, &b->p, ring_rows, &b->step, &err), &err);
    assert_ok(orr_graph_verify(b->step.graph, &err), &err);
    assert_ok(orr_exec_create(b->step.graph, b->f.device, &options, &b->exec, &err), &err);
    assert_ok(orr_step_upload(&b->f.job, &b->step, b->exec, &err), &err);
    const size_t n = (size_t)b->p.elements;
    float *block = orr_memory_array(n, sizeof *block);
    orr_parameters_initialise(&b->p, b->f.config.seed, block);
    assert_ok(orr_train_state_init(&b->state, n, &err), &err);
    for (size_t i = 0; i < n; ++i)
        b->state.parameters[i] = (double)block[i];
    orr_memory_free(block);
    assert_ok(orr_train_state_write(&b->state, &b->step, b->exec, &err), &err);
}

static void bench_close(struct bench *b)
{
    orr_train_state_fini(&b->state);
    orr_exec_destroy(b->exec);
    orr_step_fini(&b->step);
    orr_parameters_fini(&b->p);
    fixture_close(&b->f);
}

static void run(struct bench *b)
{
    struct orr_error err = {0};
    assert_ok(orr_exec_run(b->exec, &err), &err);
    assert_ok(orr_exec_finish(b->exec, &err), &err);
}

static double *read_real(struct bench *b, orr_handle v, size_t n)
{
    struct orr_error err = {0};
    double *x = orr_memory_array(n, sizeof *x);
    assert_non_null(x);
    assert_ok(orr_exec_read_real(b->exec, v, x, n, &err), &err);
    return x;
}

/* Element e of the block sequence (seed, stream, step). */
static uint32_t word_of(uint64_t seed, uint32_t stream, uint32_t step, size_t e)
{
    uint32_t word[4];
    orr_random_block(seed, stream, step, (uint32_t)(e / 4), word);
    return word[e % 4];
}

static size_t chosen_row(const struct bench *b, uint32_t step, size_t i)
{
    const uint32_t word = word_of(b->f.config.seed, ORR_STREAM_WINDOWS, step, i);
    return (size_t)b->f.windows.start[orr_random_below(word, (uint32_t)b->f.windows.count)];
}

/* Data, noise and their sum are exact in f32, so bits are compared. */
static void check_batch(struct bench *b, uint32_t step)
{
    const struct orr_windows *w = &b->f.windows;
    const size_t batch = b->f.config.batch, length = w->length, tail = w->whole ? length : 1, width = 2;
    double *input = read_real(b, b->step.input, batch * length * width);
    double *target = read_real(b, b->step.target, batch * tail * width);
    const float noise = (float)b->f.config.noise;
    for (size_t i = 0; i < batch; ++i) {
        const float *from = b->f.data->observed + chosen_row(b, step, i) * width;
        for (size_t e = 0; e < length * width; ++e) {
            const size_t at = i * length * width + e;
            const float added = noise * orr_random_normal(word_of(b->f.config.seed, ORR_STREAM_NOISE, step, at));
            const float expected = noise > 0 ? from[e] + added : from[e];
            if ((float)input[at] != expected)
                fail_msg("step %u, input %zu: %.9g, expected %.9g", step, at, input[at], (double)expected);
        }
        for (size_t e = 0; e < tail * width; ++e) {
            const float expected = from[(length + 1 - tail) * width + e];
            if ((float)target[i * tail * width + e] != expected)
                fail_msg("step %u, target %zu of window %zu: %.9g, expected %.9g", step, e, i,
                         target[i * tail * width + e], (double)expected);
        }
    }
    orr_memory_free(input);
    orr_memory_free(target);
}

static void check_loss(struct bench *b, uint32_t step)
{
    const struct orr_windows *w = &b->f.windows;
    const size_t n = (size_t)b->f.config.batch * (w->whole ? w->length : 1) * 2;
    const size_t rows = (size_t)b->step.ring_rows;
    double *target = read_real(b, b->step.target, n), *prediction = read_real(b, b->step.prediction, n);
    double *ring = read_real(b, b->step.ring, rows), *loss = read_real(b, b->step.loss, 1), sum = 0;
    int32_t counter;
    struct orr_error err = {0};
    for (size_t i = 0; i < n; ++i)
        sum += (prediction[i] - target[i]) * (prediction[i] - target[i]);
    /* ops.def: a mean of squares within 16 units of 2^-24. */
    if (!(fabs(*loss - sum / (double)n) <= 16 * 0x1p-24 * *loss))
        fail_msg("step %u: loss %.9g, expected %.9g", step, *loss, sum / (double)n);
    assert_true(ring[step % rows] == *loss);
    assert_ok(orr_exec_read(b->exec, b->step.step, &counter, sizeof counter, &err), &err);
    assert_int_equal(counter, step + 1);
    orr_memory_free(target);
    orr_memory_free(prediction);
    orr_memory_free(ring);
    orr_memory_free(loss);
}

/* From the state before and the gradient block, in double; then *state is the state after. */
static void check_update(struct bench *b, uint32_t step, double unit)
{
    const struct orr_train_config *c = &b->f.config;
    const size_t n = b->state.elements;
    double *g = read_real(b, b->step.gradient, n), row[4];
    struct orr_train_state after;
    struct orr_error err = {0};
    assert_ok(orr_train_state_init(&after, n, &err), &err);
    assert_ok(orr_train_state_read(&after, &b->step, b->exec, &err), &err);
    orr_schedule_rows(&c->schedule, c->steps, c->adamw.beta1, c->adamw.beta2, step, 1, row);
    size_t moved = 0;
    for (size_t i = 0; i < n; ++i) {
        const double decay = i < (size_t)b->p.decayed_elements ? c->adamw.weight_decay : 0;
        const double m = c->adamw.beta1 * b->state.first_moment[i] + (1 - c->adamw.beta1) * g[i];
        const double v = c->adamw.beta2 * b->state.second_moment[i] + (1 - c->adamw.beta2) * g[i] * g[i];
        const double change = row[0] * m * row[1] / (sqrt(v) * row[2] + c->adamw.eps);
        const double p = b->state.parameters[i] * (1 - row[0] * decay) - change;
        /* A few roundings of each term: the state is rounded to the device's type at every step. */
        const double tolerance = 16 * unit * (fabs(b->state.parameters[i]) + row[0] + fabs(change));
        if (!(fabs(after.parameters[i] - p) <= tolerance))
            fail_msg("step %u, parameter %zu: %.9g, expected %.9g", step, i, after.parameters[i], p);
        if (!(fabs(after.first_moment[i] - m) <= 16 * unit * (fabs(m) + fabs(g[i]))))
            fail_msg("step %u, first moment %zu: %.9g, expected %.9g", step, i, after.first_moment[i], m);
        moved += after.parameters[i] != b->state.parameters[i];
    }
    /* The decayed zeros and rows of the position table that no window reaches may stay. */
    const size_t numbers = (size_t)orr_parameters_numbers(&b->p, false);
    if (moved * 2 < numbers) fail_msg("step %u moved %zu parameters of %zu", step, moved, numbers);
    orr_memory_free(g);
    orr_train_state_fini(&b->state);
    b->state = after;
}

static void follow(struct bench *b, uint32_t steps, double unit)
{
    for (uint32_t step = 0; step < steps; ++step) {
        run(b);
        check_batch(b, step);
        check_loss(b, step);
        check_update(b, step, unit);
    }
}

static void chopped_windows_with_noise(void **state)
{
    (void)state;
    struct bench b;
    fixture_open(&b.f, 6, 20, 5);
    bench_open(&b, ORR_F32, 2);
    follow(&b, 4, 0x1p-24);
    bench_close(&b);
}

static void whole_trajectories_without_noise(void **state)
{
    (void)state;
    struct bench b;
    fixture_open(&b.f, 2, 12, 12);
    b.f.config.noise = 0;
    b.f.config.batch = 1;
    bench_open(&b, ORR_F32, 1);
    follow(&b, 2, 0x1p-24);
    bench_close(&b);
}

static void weights_decay_and_others_do_not(void **state)
{
    (void)state;
    static const char *const patterns[] = {"*.attn.*.weight", "*.mlp.*.weight"};
    struct bench b;
    fixture_open(&b.f, 6, 20, 5);
    b.f.config.decay_patterns = patterns;
    b.f.config.n_decay_patterns = 2;
    b.f.config.adamw.weight_decay = 5;
    bench_open(&b, ORR_F32, 3);
    assert_true(b.p.decayed_elements > 0 && b.p.decayed_elements < b.p.elements);
    follow(&b, 3, 0x1p-24);
    bench_close(&b);
}

static void everything_decays(void **state)
{
    (void)state;
    static const char *const patterns[] = {"*"};
    struct bench b;
    fixture_open(&b.f, 4, 10, 1);
    b.f.config.decay_patterns = patterns;
    b.f.config.n_decay_patterns = 1;
    b.f.config.adamw.weight_decay = 5;
    bench_open(&b, ORR_F32, 1);
    assert_int_equal(b.p.decayed_elements, b.p.elements);
    follow(&b, 2, 0x1p-24);
    bench_close(&b);
}

static void the_same_in_double(void **state)
{
    (void)state;
    struct bench b;
    fixture_open(&b.f, 6, 20, 5);
    b.f.config.noise = 0; /* the sum of data and noise is then not that of floats */
    bench_open(&b, ORR_F64, 2);
    follow(&b, 3, 0x1p-53);
    bench_close(&b);
}

/* An all-reduce may come between the programs: the gradient block is complete after the first, parameters are not yet
 * changed. */
static void gradients_are_complete_at_the_cut(void **state)
{
    (void)state;
    struct bench b;
    struct orr_error err = {0};
    fixture_open(&b.f, 6, 20, 5);
    bench_open(&b, ORR_F32, 2);
    const size_t n = b.state.elements;
    assert_int_equal(orr_exec_plan(b.exec)->n_programs, 2);
    assert_ok(orr_exec_run_program(b.exec, ORR_STEP_GRADIENTS, &err), &err);
    double *first = read_real(&b, b.step.gradient, n), *parameters = read_real(&b, b.step.parameters, n);
    assert_memory_equal(parameters, b.state.parameters, n * sizeof *parameters);
    assert_ok(orr_exec_run_program(b.exec, ORR_STEP_UPDATE, &err), &err);
    double *second = read_real(&b, b.step.gradient, n);
    assert_memory_equal(first, second, n * sizeof *first);
    check_update(&b, 0, 0x1p-24);
    orr_memory_free(first);
    orr_memory_free(second);
    orr_memory_free(parameters);
    bench_close(&b);
}

/* What a message may have to call by a name has one. */
static void values_have_names(void **state)
{
    (void)state;
    static const char *const wanted[] = {"window",
                                         "noise",
                                         "input",
                                         "target",
                                         "loss",
                                         "blocks.0.attn.qkv",
                                         "hook_embed",
                                         "gradient of input_embedding.weight",
                                         "gradient of transformer.h.0.attn.c_attn.weight",
                                         "gradient of output_head.bias"};
    struct bench b;
    fixture_open(&b.f, 6, 20, 5);
    bench_open(&b, ORR_F32, 4);
    const struct orr_graph *g = b.step.graph;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) {
        size_t found = 0;
        for (size_t v = 0; v < g->n_values; ++v)
            found += g->value[v].name && strcmp(g->value[v].name, wanted[i]) == 0;
        if (found != 1) fail_msg("%zu values are called \"%s\", expected one", found, wanted[i]);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chopped_windows_with_noise),
        cmocka_unit_test(whole_trajectories_without_noise),
        cmocka_unit_test(weights_decay_and_others_do_not),
        cmocka_unit_test(everything_decays),
        cmocka_unit_test(the_same_in_double),
        cmocka_unit_test(gradients_are_complete_at_the_cut),
        cmocka_unit_test(values_have_names),
    };
    return cmocka_run_group_tests_name("train_step", tests, NULL, NULL);
}
