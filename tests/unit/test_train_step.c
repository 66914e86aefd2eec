/* One training step against the same step by hand: batch, noise, loss, ring, counter, AdamW or SGD.
 *
 * In: tiny kepler jobs on the reference backend with every value kept. Seeds: data 7, training 3 (train_fixture.c).
 */
#include "base/memory.h"
#include "orrery/random.h"
#include "train/fresh.h"
#include "train/state.h"
#include "train_fixture.h"

#include <math.h>
#include <string.h>

struct bench {
    struct train_fixture f;
    struct orr_parameters p;
    struct orr_step step;
    struct orr_exec *exec;
    struct orr_fresh *fresh;
    float *seen; /* fresh: (batch, steps, 2), those of a step */
    struct orr_train_state state;
};

static void bench_open(struct bench *b, uint32_t real, uint64_t ring_rows)
{
    const struct orr_exec_options options = {.keep_all = true};
    struct orr_error err = {0};
    b->p = (struct orr_parameters){.item = NULL};
    b->f.job.real = real;
    assert_ok(orr_model_parameters(&b->f.model, &b->p, &err), &err);
    assert_ok(orr_parameters_arrange(&b->p, b->f.config.decay_patterns, b->f.config.n_decay_patterns, &err), &err);
    assert_ok(orr_step_build(&b->f.job, &b->p, ring_rows, &b->step, &err), &err);
    assert_ok(orr_graph_verify(b->step.graph, &err), &err);
    assert_ok(orr_exec_create(b->step.graph, b->f.device, &options, &b->exec, &err), &err);
    assert_ok(orr_step_upload(&b->f.job, &b->step, b->exec, &err), &err);
    assert_ok(orr_fresh_create(&b->f.job, &b->step, &b->fresh, &err), &err);
    b->seen = NULL;
    const size_t n = (size_t)b->p.elements;
    float *block = orr_memory_array(n, sizeof *block);
    orr_parameters_initialise(&b->p, b->f.config.seed, block);
    assert_ok(orr_train_state_init(&b->state, &b->f.config.optimiser, n, &err), &err);
    for (size_t i = 0; i < n; ++i)
        b->state.parameters[i] = (double)block[i];
    orr_memory_free(block);
    assert_ok(orr_train_state_write(&b->state, &b->step, b->exec, &err), &err);
}

static void bench_close(struct bench *b)
{
    orr_train_state_fini(&b->state);
    orr_memory_free(b->seen);
    orr_fresh_destroy(b->fresh);
    orr_exec_destroy(b->exec);
    orr_step_fini(&b->step);
    orr_parameters_fini(&b->p);
    fixture_close(&b->f);
}

static void run(struct bench *b, uint64_t step)
{
    struct orr_error err = {0};
    assert_ok(orr_fresh_provide(b->fresh, step, b->exec, &err), &err);
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
    if (b->f.config.full_batch) return (size_t)b->f.windows.start[i];
    const uint32_t word = word_of(b->f.config.seed, ORR_STREAM_WINDOWS, step, i);
    return (size_t)b->f.windows.start[orr_random_below(word, (uint32_t)b->f.windows.count)];
}

/* Trajectories of this step alone: numbers step * batch on after the data set's, whichever were made before. */
static void see_fresh(struct bench *b, uint32_t step)
{
    const uint32_t batch = b->f.config.batch;
    struct orr_error err = {0};
    orr_memory_free(b->seen);
    b->seen = orr_memory_array((size_t)batch * b->f.data->config.steps, 2 * sizeof *b->seen);
    assert_non_null(b->seen);
    assert_ok(orr_dataset_fresh(b->f.data, (uint64_t)step * batch, batch, b->seen, &err), &err);
}

/* The points that window i must begin with. */
static const float *chosen_points(const struct bench *b, uint32_t step, size_t i)
{
    const struct orr_data_config *data = &b->f.data->config;
    if (!b->fresh) return b->f.data->observed + chosen_row(b, step, i) * 2;
    const uint32_t word = word_of(b->f.config.seed, ORR_STREAM_WINDOWS, step, i);
    const uint32_t place = orr_random_below(word, b->f.windows.whole ? 1 : data->steps - data->context);
    return b->seen + (i * data->steps + place) * 2;
}

/* Data, noise and their sum are exact in f32, so bits are compared. */
static void check_batch(struct bench *b, uint32_t step)
{
    const struct orr_windows *w = &b->f.windows;
    const size_t batch = (size_t)orr_train_batch(&b->f.job), length = w->length, tail = w->whole ? length : 1,
                 width = 2;
    if (b->fresh) see_fresh(b, step);
    double *input = read_real(b, b->step.input, batch * length * width);
    double *target = read_real(b, b->step.target, batch * tail * width);
    const float noise = (float)b->f.config.noise;
    for (size_t i = 0; i < batch; ++i) {
        const float *from = chosen_points(b, step, i);
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
    const size_t n = (size_t)orr_train_batch(&b->f.job) * (w->whole ? w->length : 1) * 2;
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

/* A number before and after an update, and its state; after.tolerance: a few roundings of each term. */
struct number {
    double parameter, state[2], tolerance, state_tolerance;
};

static struct number adamw_by_hand(const struct orr_optimiser *o, const struct number *before, double g, double decay,
                                   const double row[4], double unit)
{
    const double m = o->beta1 * before->state[0] + (1 - o->beta1) * g;
    const double v = o->beta2 * before->state[1] + (1 - o->beta2) * g * g;
    const double change = row[0] * m * row[1] / (sqrt(v) * row[2] + o->eps);
    return (struct number){.parameter = before->parameter * (1 - row[0] * decay) - change,
                           .state = {m, v},
                           .tolerance = 16 * unit * (fabs(before->parameter) + row[0] + fabs(change)),
                           .state_tolerance = 16 * unit * (fabs(m) + fabs(g))};
}

/* torch.optim.SGD as documented, with dampening 0 and nesterov False: g += weight_decay p; b = momentum b + g (its
 * first b is g, as here, where b begins at 0); p -= lr b. */
static struct number sgd_by_hand(const struct orr_optimiser *o, const struct number *before, double g, double decay,
                                 const double row[4], double unit)
{
    const double d = g + decay * before->parameter, b = o->momentum * before->state[0] + d;
    const double state = fabs(o->momentum * before->state[0]) + fabs(g) + fabs(decay * before->parameter);
    return (struct number){.parameter = before->parameter - row[0] * b,
                           .state = {b},
                           .tolerance = 16 * unit * (fabs(before->parameter) + row[0] * state),
                           .state_tolerance = 16 * unit * state};
}

static void check_number(const struct orr_train_state *after, size_t i, const struct number *expected, uint32_t step)
{
    if (!(fabs(after->parameters[i] - expected->parameter) <= expected->tolerance))
        fail_msg("step %u, parameter %zu: %.9g, expected %.9g", step, i, after->parameters[i], expected->parameter);
    if (after->n_blocks && !(fabs(after->block[0][i] - expected->state[0]) <= expected->state_tolerance))
        fail_msg("step %u, %s %zu: %.9g, expected %.9g", step, after->name[0].one, i, after->block[0][i],
                 expected->state[0]);
}

/* From the state before and the gradient block, in double; then *state is the state after. */
static void check_update(struct bench *b, uint32_t step, double unit)
{
    const struct orr_train_config *c = &b->f.config;
    const struct orr_optimiser *o = &c->optimiser;
    const size_t n = b->state.elements;
    double *g = read_real(b, b->step.gradient, n), row[4];
    struct orr_train_state after;
    struct orr_error err = {0};
    assert_ok(orr_train_state_init(&after, o, n, &err), &err);
    assert_ok(orr_train_state_read(&after, &b->step, b->exec, &err), &err);
    orr_schedule_rows(&c->schedule, c->steps, o->beta1, o->beta2, step, 1, row);
    size_t moved = 0;
    for (size_t i = 0; i < n; ++i) {
        struct number before = {.parameter = b->state.parameters[i]};
        for (uint32_t k = 0; k < after.n_blocks; ++k)
            before.state[k] = b->state.block[k][i];
        const double decay = i < (size_t)b->p.decayed_elements ? o->weight_decay : 0;
        const struct number expected = o->kind == ORR_OPTIMISER_SGD ? sgd_by_hand(o, &before, g[i], decay, row, unit)
                                                                    : adamw_by_hand(o, &before, g[i], decay, row, unit);
        check_number(&after, i, &expected, step);
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
        run(b, step);
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
    b.f.config.optimiser.weight_decay = 5;
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
    b.f.config.optimiser.weight_decay = 5;
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

static void sgd_with_and_without_momentum(void **state)
{
    (void)state;
    static const char *const patterns[] = {"*.attn.*.weight", "*.mlp.*.weight"};
    const struct {
        double momentum;
        uint32_t blocks;
    } cases[] = {{0, 0}, {0.9, 1}};
    const uint32_t reals[] = {ORR_F32, ORR_F64};
    for (size_t i = 0; i < 4; ++i) {
        struct bench b;
        fixture_open(&b.f, 6, 20, 5);
        b.f.config.noise = 0;
        b.f.config.decay_patterns = patterns;
        b.f.config.n_decay_patterns = 2;
        b.f.config.schedule.learning_rate = 0.5;
        b.f.config.optimiser =
            (struct orr_optimiser){.kind = ORR_OPTIMISER_SGD, .momentum = cases[i / 2].momentum, .weight_decay = 0.2};
        bench_open(&b, reals[i % 2], 3);
        assert_int_equal(b.state.n_blocks, cases[i / 2].blocks);
        follow(&b, 4, reals[i % 2] == ORR_F64 ? 0x1p-53 : 0x1p-24);
        bench_close(&b);
    }
}

static void a_full_batch_is_every_window_in_order(void **state)
{
    (void)state;
    const uint32_t contexts[] = {5, 20};
    for (size_t i = 0; i < 2; ++i) {
        struct bench b;
        fixture_open(&b.f, 6, 20, contexts[i]);
        b.f.config.full_batch = true;
        bench_open(&b, ORR_F32, 2);
        assert_int_equal(b.step.batch, b.f.windows.count);
        follow(&b, 3, 0x1p-24);
        bench_close(&b);
    }
}

/* Chunks of all steps, of some, and of one. */
static void every_step_has_fresh_trajectories(void **state)
{
    (void)state;
    const struct {
        uint32_t points, context, batch, chunk;
    } cases[] = {{20, 5, 4, 20}, {12, 12, 1, 20}, {500, 5, 400, 2}, {500, 500, 2, 20}, {600, 3, 1000, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct bench b;
        fixture_open(&b.f, 2, cases[i].points, cases[i].context);
        b.f.config.fresh = true;
        b.f.config.batch = cases[i].batch;
        bench_open(&b, ORR_F32, 2);
        assert_int_equal(b.step.chunk, cases[i].chunk);
        follow(&b, 3, 0x1p-24);
        bench_close(&b);
    }
}

/* Inputs and targets are the tokens of the points of the windows. */
static void check_tokens(struct bench *b, uint32_t step)
{
    enum { LENGTH_MAX = 20, WIDTH = 2 };
    const struct orr_windows *w = &b->f.windows;
    const size_t batch = (size_t)orr_train_batch(&b->f.job), length = w->length, tail = w->whole ? length : 1;
    int32_t *input = orr_memory_array(batch * length * WIDTH, sizeof *input);
    int32_t *target = orr_memory_array(batch * tail * WIDTH, sizeof *target);
    struct orr_error err = {0};
    if (b->fresh) see_fresh(b, step);
    assert_ok(orr_exec_read(b->exec, b->step.input, input, batch * length * WIDTH * sizeof *input, &err), &err);
    assert_ok(orr_exec_read(b->exec, b->step.target, target, batch * tail * WIDTH * sizeof *target, &err), &err);
    for (size_t i = 0; i < batch; ++i) {
        int32_t expected[(LENGTH_MAX + 1) * WIDTH];
        orr_bins_tokens(&b->f.data->bins, WIDTH, length + 1, chosen_points(b, step, i), expected);
        for (size_t e = 0; e < length * WIDTH; ++e)
            if (input[i * length * WIDTH + e] != expected[e])
                fail_msg("step %u, input %zu of window %zu: %d, expected %d", step, e, i, input[i * length * WIDTH + e],
                         expected[e]);
        for (size_t e = 0; e < tail * WIDTH; ++e)
            if (target[i * tail * WIDTH + e] != expected[(length + 1 - tail) * WIDTH + e])
                fail_msg("step %u, target %zu of window %zu: %d, expected %d", step, e, i, target[i * tail * WIDTH + e],
                         expected[(length + 1 - tail) * WIDTH + e]);
    }
    orr_memory_free(input);
    orr_memory_free(target);
}

/* The mean over all targets of -log softmax(logits)[target], in double. */
static void check_cross_entropy(struct bench *b, uint32_t step)
{
    const struct orr_windows *w = &b->f.windows;
    const size_t n = (size_t)orr_train_batch(&b->f.job) * (w->whole ? w->length : 1) * 2;
    const size_t bins = (size_t)b->f.model.vocab_size;
    int32_t *target = orr_memory_array(n, sizeof *target);
    double *logit = read_real(b, b->step.prediction, n * bins), *loss = read_real(b, b->step.loss, 1), mean = 0;
    struct orr_error err = {0};
    assert_ok(orr_exec_read(b->exec, b->step.target, target, n * sizeof *target, &err), &err);
    for (size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (size_t k = 0; k < bins; ++k)
            sum += exp(logit[i * bins + k]);
        mean += (log(sum) - logit[i * bins + (size_t)target[i]]) / (double)n;
    }
    /* ops.def: log_softmax within 2e-6; the mean of up to 400 of them near 2, rounded 24 bits at each addition, as much
     * again. */
    if (!(fabs(*loss - mean) <= 4e-6)) fail_msg("step %u: loss %.9g, expected %.9g", step, *loss, mean);
    orr_memory_free(target);
    orr_memory_free(logit);
    orr_memory_free(loss);
}

/* The whole split in order, or trajectories of this step alone; windows chopped, and whole trajectories. */
static void tokens_in_full_batches_and_fresh(void **state)
{
    (void)state;
    const uint32_t contexts[] = {5, 20};
    for (size_t i = 0; i < 4; ++i) {
        struct bench b;
        fixture_open(&b.f, 6, 20, contexts[i / 2]);
        fixture_use_tokens(&b.f, 9);
        b.f.config.full_batch = i % 2 == 0;
        b.f.config.fresh = i % 2 == 1;
        bench_open(&b, ORR_F32, 2);
        for (uint32_t step = 0; step < 3; ++step) {
            run(&b, step);
            check_tokens(&b, step);
            check_cross_entropy(&b, step);
            check_update(&b, step, 0x1p-24);
        }
        bench_close(&b);
    }
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
        cmocka_unit_test(sgd_with_and_without_momentum),
        cmocka_unit_test(a_full_batch_is_every_window_in_order),
        cmocka_unit_test(every_step_has_fresh_trajectories),
        cmocka_unit_test(tokens_in_full_batches_and_fresh),
        cmocka_unit_test(gradients_are_complete_at_the_cut),
        cmocka_unit_test(values_have_names),
    };
    return cmocka_run_group_tests_name("train_step", tests, NULL, NULL);
}
