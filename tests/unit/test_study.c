/* Studies: samples and columns against the data set, activations and patches against networks whose answers are known,
 * the control without a network, and what happens when a probe misbehaves. */
#include "base/memory.h"
#include "study/study.h"
#include "train_fixture.h"

#include <math.h>
#include <string.h>

/* Float activations of magnitude about 1 pass through some ten roundings. */
static const double float_tolerance = 1e-5;

enum { STEPS = 12, CONTEXT = 5, WINDOWS = 20 };

/* A small network with its initial values, studied on 40 trajectories. */
struct bench {
    struct train_fixture fixture;
    struct orr_parameters parameters;
    float *block;
    struct orr_sample *sample;
    struct orr_network network, none;
    char **hooks;
    size_t n_hooks;
    struct orr_study_config config;
    struct orr_study_state *study, *control;
};

static void bench_open(struct bench *b, uint32_t context)
{
    struct orr_error err;
    *b = (struct bench){.none = {.name = "none"}};
    fixture_open(&b->fixture, 40, STEPS, context);
    assert_ok(orr_model_parameters(&b->fixture.model, &b->parameters, &err), &err);
    assert_ok(orr_parameters_arrange(&b->parameters, NULL, 0, &err), &err);
    b->block = orr_memory_array((size_t)b->parameters.elements, sizeof *b->block);
    orr_parameters_initialise(&b->parameters, 11, b->block);
    b->network = (struct orr_network){.name = "trained",
                                      .model = &b->fixture.model,
                                      .parameters = &b->parameters,
                                      .block = b->block,
                                      .device = b->fixture.device};
    assert_ok(orr_sample_create(b->fixture.data, WINDOWS, &b->sample, &err), &err);
    assert_ok(orr_model_hooks(&b->fixture.model, &b->hooks, &b->n_hooks, &err), &err);
    b->config = (struct orr_study_config){.network = &b->network,
                                          .sample = b->sample,
                                          .sites = (const char *const *)b->hooks,
                                          .n_sites = (uint32_t)b->n_hooks,
                                          .cache_bytes = 1 << 20};
    assert_ok(orr_study_create(&b->config, &b->study, &err), &err);
    struct orr_study_config control = b->config;
    control.network = &b->none;
    assert_ok(orr_study_create(&control, &b->control, &err), &err);
}

static void bench_close(struct bench *b)
{
    orr_study_destroy(b->study);
    orr_study_destroy(b->control);
    orr_model_hooks_free(b->hooks, b->n_hooks);
    orr_sample_destroy(b->sample);
    orr_parameters_fini(&b->parameters);
    orr_memory_free(b->block);
    fixture_close(&b->fixture);
}

static struct orr_matrix activations(struct orr_study_state *study, const char *site, enum orr_split split,
                                     enum orr_positions positions)
{
    struct orr_error err;
    struct orr_matrix m = {.data = NULL};
    const struct orr_study *face = orr_study_face(study);
    assert_ok(face->activations(face->state, site, split, positions, &m, &err), &err);
    return m;
}

static struct orr_matrix column(struct orr_study_state *study, const char *name, enum orr_split split,
                                enum orr_positions positions)
{
    struct orr_error err;
    struct orr_matrix m = {.data = NULL};
    const struct orr_study *face = orr_study_face(study);
    assert_ok(face->column(face->state, name, split, positions, &m, &err), &err);
    return m;
}

static void assert_near(double value, double expected, double tolerance, const char *what, size_t i)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s, number %zu: %.17g, expected %.17g within %g", what, i, value, expected, tolerance);
}

/* ---- samples ---- */

static void test_columns_belong_to_the_positions_of_the_windows(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    const struct orr_dataset *data = b.fixture.data;
    double observed[STEPS * 2], hidden[STEPS * 8], constant[16];
    for (int split = 0; split < 2; ++split) {
        const struct orr_matrix all_x = column(b.study, "x", (enum orr_split)split, ORR_ALL_POSITIONS);
        const struct orr_matrix fx = column(b.study, "Fx", (enum orr_split)split, ORR_ALL_POSITIONS);
        const struct orr_matrix a = column(b.study, "a", (enum orr_split)split, ORR_ALL_POSITIONS);
        const struct orr_matrix trajectory = column(b.study, "trajectory", (enum orr_split)split, ORR_ALL_POSITIONS);
        const struct orr_matrix step = column(b.study, "step", (enum orr_split)split, ORR_ALL_POSITIONS);
        const struct orr_matrix last_x = column(b.study, "x", (enum orr_split)split, ORR_LAST_POSITION);
        assert_int_equal(all_x.rows, WINDOWS * CONTEXT);
        assert_int_equal(last_x.rows, WINDOWS);
        assert_int_equal(all_x.cols, 1);
        for (size_t i = 0; i < all_x.rows; ++i) {
            const uint64_t k = (uint64_t)trajectory.data[i];
            const uint32_t t = (uint32_t)step.data[i];
            assert_true((k < data->n_train) == (split == ORR_TRAIN));
            assert_ok(orr_dataset_columns(data, k, 1, observed, hidden, constant, &err), &err);
            assert_near(all_x.data[i], observed[2 * t], 0, "x", i);
            assert_near(fx.data[i], hidden[data->n_hidden * t + 4], 0, "Fx", i);
            assert_near(a.data[i], constant[1], 0, "a", i);
            if (i % CONTEXT) assert_near(step.data[i], step.data[i - 1] + 1, 0, "step", i);
            if (i % CONTEXT == CONTEXT - 1) assert_near(last_x.data[i / CONTEXT], all_x.data[i], 0, "last x", i);
        }
    }
    bench_close(&b);
}

static void test_windows_are_distinct_and_no_more_than_there_are(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_error err;
    struct orr_sample *some, *all;
    fixture_open(&f, 40, STEPS, CONTEXT);
    assert_ok(orr_sample_create(f.data, 3, &some, &err), &err);
    assert_ok(orr_sample_create(f.data, 100000, &all, &err), &err);
    assert_int_equal(some->count[ORR_TRAIN], 3);
    assert_int_equal(all->count[ORR_TRAIN], f.windows.count);
    for (size_t i = 1; i < 3; ++i)
        assert_true(some->start[ORR_TRAIN][i] > some->start[ORR_TRAIN][i - 1]);
    for (size_t i = 0; i < f.windows.count; ++i)
        assert_int_equal(all->start[ORR_TRAIN][i], f.windows.start[i]);
    orr_sample_destroy(some);
    orr_sample_destroy(all);
    fixture_close(&f);
}

static void test_targets_lie_one_point_after_inputs(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, STEPS); /* whole trajectories: one input less than points */
    double input[(STEPS - 1) * 2], target[(STEPS - 1) * 2];
    assert_int_equal(b.sample->length, STEPS - 1);
    orr_sample_inputs(b.sample, ORR_HELD_OUT, 2, 1, input);
    orr_sample_targets(b.sample, ORR_HELD_OUT, 2, 1, target);
    for (size_t i = 0; i + 2 < sizeof input / sizeof *input; ++i)
        assert_near(target[i], input[i + 2], 0, "target", i);
    bench_close(&b);
}

/* ---- the control ---- */

static void test_control_shows_the_inputs_and_their_squares(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    const struct orr_matrix last = activations(b.control, "raw_inputs", ORR_TRAIN, ORR_LAST_POSITION);
    const struct orr_matrix squared = activations(b.control, "raw_inputs_squared", ORR_TRAIN, ORR_LAST_POSITION);
    const struct orr_matrix all = activations(b.control, "raw_inputs", ORR_TRAIN, ORR_ALL_POSITIONS);
    assert_int_equal(last.cols, 2 * CONTEXT);
    assert_int_equal(squared.cols, 4 * CONTEXT);
    assert_int_equal(all.rows, WINDOWS * CONTEXT);
    for (size_t w = 0; w < WINDOWS; ++w) {
        double input[2 * CONTEXT];
        orr_sample_inputs(b.sample, ORR_TRAIN, w, 1, input);
        for (size_t i = 0; i < 2 * CONTEXT; ++i) {
            assert_near(last.data[w * last.cols + i], input[i], 0, "input", i);
            assert_near(squared.data[w * squared.cols + i], input[i], 0, "input", i);
            assert_near(squared.data[w * squared.cols + 2 * CONTEXT + i], input[i] * input[i], 0, "square", i);
            for (size_t p = 0; p < CONTEXT; ++p)
                assert_near(all.data[(w * CONTEXT + p) * all.cols + i], i < 2 * (p + 1) ? input[i] : 0, 0, "so far", i);
        }
    }
    bench_close(&b);
}

static void test_control_repeats_the_last_point(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    double loss, expected = 0;
    assert_ok(orr_study_loss(b.control, ORR_HELD_OUT, &loss, &err), &err);
    for (size_t w = 0; w < WINDOWS; ++w) {
        double input[2 * CONTEXT], target[2 * CONTEXT];
        orr_sample_inputs(b.sample, ORR_HELD_OUT, w, 1, input);
        orr_sample_targets(b.sample, ORR_HELD_OUT, w, 1, target);
        for (size_t i = 2 * CONTEXT - 2; i < 2 * CONTEXT; ++i)
            expected += (input[i] - target[i]) * (input[i] - target[i]) / (2.0 * WINDOWS);
    }
    /* Two orders of summing 40 numbers. */
    assert_near(loss, expected, 1e-14, "loss of repeating", 0);
    bench_close(&b);
}

/* ---- networks ---- */

/* W x + b from the parameters themselves. */
static void test_embedding_is_what_its_weights_say(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    const int64_t width = b.fixture.model.n_embd;
    float *weight = b.block + orr_parameters_find(&b.parameters, "input_embedding.weight")->first;
    float *bias = b.block + orr_parameters_find(&b.parameters, "input_embedding.bias")->first;
    for (int64_t c = 0; c < width; ++c)
        bias[c] = (float)c;
    const struct orr_matrix embed = activations(b.study, "hook_embed", ORR_HELD_OUT, ORR_LAST_POSITION);
    assert_int_equal(embed.rows, WINDOWS);
    assert_int_equal(embed.cols, width);
    for (size_t w = 0; w < WINDOWS; ++w) {
        double input[2 * CONTEXT];
        orr_sample_inputs(b.sample, ORR_HELD_OUT, w, 1, input);
        const double *point = input + 2 * (CONTEXT - 1);
        for (int64_t c = 0; c < width; ++c)
            assert_near(embed.data[w * embed.cols + (size_t)c],
                        point[0] * (double)weight[c] + point[1] * (double)weight[width + c] + (double)c,
                        float_tolerance, "hook_embed", (size_t)c);
    }
    bench_close(&b);
}

static void test_every_site_is_the_same_whatever_the_cache(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    struct orr_study_config config = b.config;
    struct orr_study_state *small;
    config.cache_bytes = 1;
    assert_ok(orr_study_create(&config, &small, &err), &err);
    for (size_t i = 0; i < b.n_hooks; ++i) {
        const struct orr_matrix x = activations(b.study, b.hooks[i], ORR_TRAIN, ORR_ALL_POSITIONS);
        const struct orr_matrix y = activations(small, b.hooks[i], ORR_TRAIN, ORR_ALL_POSITIONS);
        const struct orr_matrix last = activations(small, b.hooks[i], ORR_TRAIN, ORR_LAST_POSITION);
        assert_int_equal(x.rows, WINDOWS * CONTEXT);
        assert_int_equal(x.cols, y.cols);
        /* Attention is computed by one operation or from primitives, according to which sites are captured together. */
        for (size_t k = 0; k < x.rows * x.cols; ++k)
            assert_near(x.data[k], y.data[k], float_tolerance, b.hooks[i], k);
        for (size_t w = 0; w < WINDOWS; ++w)
            assert_near(last.data[w * last.cols], y.data[((w + 1) * CONTEXT - 1) * y.cols], float_tolerance, b.hooks[i],
                        w);
    }
    orr_study_destroy(small);
    bench_close(&b);
}

static void test_rows_of_the_attention_pattern_are_queries(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    const struct orr_matrix p = activations(b.study, "blocks.0.attn.hook_pattern", ORR_TRAIN, ORR_ALL_POSITIONS);
    const size_t heads = (size_t)b.fixture.model.n_head;
    assert_int_equal(p.cols, heads * CONTEXT);
    for (size_t row = 0; row < p.rows; ++row)
        for (size_t h = 0; h < heads; ++h) {
            double sum = 0;
            for (size_t key = 0; key < CONTEXT; ++key) {
                const double share = p.data[row * p.cols + h * CONTEXT + key];
                if (key > row % CONTEXT) assert_near(share, 0, 0, "attention to a later point", key);
                sum += share;
            }
            assert_near(sum, 1, float_tolerance, "attention", row);
        }
    bench_close(&b);
}

static void forward(struct bench *b, const double *input, uint32_t n, uint32_t steps, const struct orr_patch *patch,
                    uint32_t n_patches, double *out)
{
    struct orr_error err;
    const struct orr_study *face = orr_study_face(b->study);
    assert_ok(face->forward(face->state, input, n, steps, patch, n_patches, out, &err), &err);
}

static void test_shorter_inputs_give_the_same_predictions(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    enum { SHORT = 3 };
    double input[2 * CONTEXT], prediction[2 * CONTEXT], head[2 * SHORT];
    const struct orr_matrix output = activations(b.study, "hook_output", ORR_TRAIN, ORR_ALL_POSITIONS);
    orr_sample_inputs(b.sample, ORR_TRAIN, 0, 1, input);
    forward(&b, input, 1, CONTEXT, NULL, 0, prediction);
    forward(&b, input, 1, SHORT, NULL, 0, head);
    for (size_t i = 0; i < 2 * CONTEXT; ++i)
        assert_near(prediction[i], output.data[i], float_tolerance, "prediction", i);
    for (size_t i = 0; i < 2 * SHORT; ++i)
        assert_near(head[i], prediction[i], float_tolerance, "prediction of the shorter input", i);
    struct orr_error err;
    const struct orr_study *face = orr_study_face(b.study);
    assert_error(face->forward(face->state, input, 1, CONTEXT + 1, NULL, 0, prediction, &err), &err, ORR_EINVAL,
                 "6 steps", "at most 5", NULL);
    assert_ok(face->forward(face->state, input, 0, CONTEXT, NULL, 0, prediction, &err), &err);
    bench_close(&b);
}

/* ---- patches ---- */

static double largest_change(const double *a, const double *b, size_t n)
{
    double change = 0;
    for (size_t i = 0; i < n; ++i)
        change = fmax(change, fabs(a[i] - b[i]));
    return change;
}

static void test_patches_that_change_nothing_change_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    double input[4 * CONTEXT], plain[4 * CONTEXT], patched[4 * CONTEXT], vector[64] = {1, -2, 3};
    orr_sample_inputs(b.sample, ORR_TRAIN, 0, 2, input);
    forward(&b, input, 2, CONTEXT, NULL, 0, plain);
    for (size_t i = 0; i < b.n_hooks; ++i) {
        const struct orr_patch idle[] = {
            {b.hooks[i], ORR_PATCH_ADD, ORR_ALL_POSITIONS, vector, 0},
            {b.hooks[i], ORR_PATCH_SCALE, ORR_LAST_POSITION, NULL, 1},
        };
        if (strstr(b.hooks[i], "hook_pattern")) continue;
        forward(&b, input, 2, CONTEXT, idle, 2, patched);
        for (size_t k = 0; k < 4 * CONTEXT; ++k)
            assert_near(patched[k], plain[k], float_tolerance, b.hooks[i], k);
    }
    bench_close(&b);
}

/* Every site is on the way to the output, so that erasing it must show; and an erased last position leaves the
 * predictions before it alone. */
static void test_every_site_can_be_erased(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    enum { N = 2 * CONTEXT };
    double input[N], plain[N], patched[N], vector[64];
    /* Large initial weights, so that no site's effect drowns in rounding. */
    for (int64_t i = 0; i < b.parameters.elements; ++i)
        b.block[i] *= 20;
    for (size_t i = 0; i < 64; ++i)
        vector[i] = i % 3 ? 1 : -2;
    orr_sample_inputs(b.sample, ORR_TRAIN, 0, 1, input);
    forward(&b, input, 1, CONTEXT, NULL, 0, plain);
    for (size_t i = 0; i < b.n_hooks; ++i) {
        if (strstr(b.hooks[i], "hook_pattern")) continue;
        const struct orr_patch set = {b.hooks[i], ORR_PATCH_SET, ORR_ALL_POSITIONS, vector, 0};
        const struct orr_patch last = {b.hooks[i], ORR_PATCH_SET, ORR_LAST_POSITION, vector, 0};
        forward(&b, input, 1, CONTEXT, &set, 1, patched);
        const double change = largest_change(patched, plain, N);
        if (!(change > 1e-3)) fail_msg("%s set to a constant changed the prediction by %g only", b.hooks[i], change);
        forward(&b, input, 1, CONTEXT, &last, 1, patched);
        for (size_t k = 0; k < N - 2; ++k)
            assert_near(patched[k], plain[k], float_tolerance * 20, b.hooks[i], k);
    }
    bench_close(&b);
}

static void test_patches_do_what_their_verbs_say(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    enum { N = 2 * CONTEXT };
    double input[N], plain[N], patched[N];
    const double vector[] = {0.25, -0.5}, along[] = {2, 0};
    orr_sample_inputs(b.sample, ORR_TRAIN, 0, 1, input);
    forward(&b, input, 1, CONTEXT, NULL, 0, plain);
    /* hook_output is the prediction itself. */
    const struct orr_patch set = {"hook_output", ORR_PATCH_SET, ORR_ALL_POSITIONS, vector, 0};
    const struct orr_patch add = {"hook_output", ORR_PATCH_ADD, ORR_ALL_POSITIONS, vector, 2};
    const struct orr_patch scale = {"hook_output", ORR_PATCH_SCALE, ORR_LAST_POSITION, NULL, 3};
    const struct orr_patch project = {"hook_output", ORR_PATCH_PROJECT_OUT, ORR_ALL_POSITIONS, along, 0};
    forward(&b, input, 1, CONTEXT, &set, 1, patched);
    for (size_t i = 0; i < N; ++i)
        assert_near(patched[i], vector[i % 2], 0, "set", i);
    forward(&b, input, 1, CONTEXT, &add, 1, patched);
    for (size_t i = 0; i < N; ++i)
        assert_near(patched[i], plain[i] + 2 * vector[i % 2], float_tolerance, "add", i);
    forward(&b, input, 1, CONTEXT, &scale, 1, patched);
    for (size_t i = 0; i < N; ++i)
        assert_near(patched[i], i < N - 2 ? plain[i] : 3 * plain[i], float_tolerance, "scale", i);
    forward(&b, input, 1, CONTEXT, &project, 1, patched);
    for (size_t i = 0; i < N; ++i)
        assert_near(patched[i], i % 2 ? plain[i] : 0, float_tolerance, "project out", i);
    bench_close(&b);
}

static void test_patches_that_cannot_be_made(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    double input[2 * CONTEXT] = {0}, out[2 * CONTEXT];
    const double zero[64] = {0};
    const struct orr_study *face = orr_study_face(b.study), *control = orr_study_face(b.control);
    const struct orr_patch unknown = {"blocks.7.hook_resid_post", ORR_PATCH_SCALE, ORR_ALL_POSITIONS, NULL, 1};
    const struct orr_patch pattern = {"blocks.0.attn.hook_pattern", ORR_PATCH_SCALE, ORR_ALL_POSITIONS, NULL, 1};
    const struct orr_patch no_vector = {"hook_embed", ORR_PATCH_SET, ORR_ALL_POSITIONS, NULL, 1};
    const struct orr_patch nothing = {"hook_embed", ORR_PATCH_PROJECT_OUT, ORR_ALL_POSITIONS, zero, 1};
    assert_error(face->forward(face->state, input, 1, CONTEXT, &unknown, 1, out, &err), &err, ORR_EINVAL, "blocks.7",
                 NULL);
    assert_error(face->forward(face->state, input, 1, CONTEXT, &pattern, 1, out, &err), &err, ORR_EUNSUPPORTED,
                 "cannot be patched", NULL);
    assert_error(face->forward(face->state, input, 1, CONTEXT, &no_vector, 1, out, &err), &err, ORR_EINVAL, "no vector",
                 NULL);
    assert_error(face->forward(face->state, input, 1, CONTEXT, &nothing, 1, out, &err), &err, ORR_EINVAL, "length 0",
                 NULL);
    assert_error(control->forward(control->state, input, 1, CONTEXT, &unknown, 1, out, &err), &err, ORR_EUNSUPPORTED,
                 "nothing to patch", NULL);
    forward(&b, input, 1, CONTEXT, NULL, 0, out); /* and the study still works */
    bench_close(&b);
}

/* ---- probes ---- */

static orr_status make_probe(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    (void)param, (void)err;
    *out = NULL;
    return ORR_OK;
}

static void drop_probe(struct orr_probe *probe) { (void)probe; }

static orr_status measure_well(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    (void)probe;
    const struct orr_finding f = {
        .size = sizeof f, .quantity = "q", .site = "", .target = "", .unit = "1", .split = ORR_HELD_OUT, .value = 42};
    struct orr_matrix m;
    const orr_status status =
        study->trajectories(study->state, ORR_HELD_OUT, 0, 1000, &m, err); /* more than there are */
    if (status != ORR_OK) return status;
    if (m.rows != 20 * STEPS || m.cols != 2) return ORR_ESHAPE;
    return study->emit(study->state, &f, err);
}

static orr_status fail_silently(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    (void)probe, (void)study, (void)err;
    return ORR_ENUMERIC;
}

static orr_status save_outside(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    (void)probe;
    return study->save(study->state, "../escaped", (struct orr_matrix){.data = NULL}, err);
}

static orr_status measure(struct orr_study_state *study,
                          orr_status (*how)(struct orr_probe *, const struct orr_study *, struct orr_error *),
                          struct orr_findings *findings, struct orr_error *err)
{
    const struct orr_probe_ops ops = {.size = sizeof ops, .create = make_probe, .destroy = drop_probe, .measure = how};
    const struct orr_plugin plugin = {.name = "fake", .ops = &ops};
    const struct orr_recipe_plugin probe = {.name = "fake", .label = "mine", .plugin = &plugin};
    return orr_study_measure(study, &probe, findings, err);
}

static void test_findings_carry_network_and_probe(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    struct orr_findings findings = {.row = NULL};
    assert_ok(measure(b.study, measure_well, &findings, &err), &err);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.row[0].network, "trained");
    assert_string_equal(findings.row[0].probe, "mine");
    assert_true(findings.row[0].value == 42);
    orr_findings_fini(&findings);
    bench_close(&b);
}

static void test_failing_probes_are_named(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    struct orr_findings findings = {.row = NULL};
    assert_error(measure(b.study, fail_silently, &findings, &err), &err, ORR_ENUMERIC, "probe mine", "network trained",
                 "no reason", NULL);
    assert_error(measure(b.study, save_outside, &findings, &err), &err, ORR_EINVAL, "../escaped", NULL);
    assert_error(measure(b.study, NULL, &findings, &err), &err, ORR_EABI, "fake", NULL);
    assert_int_equal(findings.count, 0);
    bench_close(&b);
}

static void test_unknown_names_are_met_with_the_nearest(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    struct orr_matrix m;
    const struct orr_study *face = orr_study_face(b.study);
    assert_error(face->activations(face->state, "hook_embedd", ORR_TRAIN, ORR_LAST_POSITION, &m, &err), &err,
                 ORR_EINVAL, "did you mean \"hook_embed\"", NULL);
    assert_error(face->column(face->state, "F_magnitud", ORR_TRAIN, ORR_LAST_POSITION, &m, &err), &err, ORR_EINVAL,
                 "did you mean \"F_magnitude\"", NULL);
    bench_close(&b);
}

static void test_stop_is_obeyed(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, CONTEXT);
    struct orr_error err;
    struct orr_study_state *study;
    volatile sig_atomic_t stop = 1;
    struct orr_study_config config = b.config;
    double loss;
    config.stop = &stop;
    assert_ok(orr_study_create(&config, &study, &err), &err);
    assert_error(orr_study_loss(study, ORR_TRAIN, &loss, &err), &err, ORR_ECANCELLED, "--resume", NULL);
    stop = 0;
    assert_ok(orr_study_loss(study, ORR_TRAIN, &loss, &err), &err);
    assert_true(loss > 0);
    orr_study_destroy(study);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_belong_to_the_positions_of_the_windows),
        cmocka_unit_test(test_windows_are_distinct_and_no_more_than_there_are),
        cmocka_unit_test(test_targets_lie_one_point_after_inputs),
        cmocka_unit_test(test_control_shows_the_inputs_and_their_squares),
        cmocka_unit_test(test_control_repeats_the_last_point),
        cmocka_unit_test(test_embedding_is_what_its_weights_say),
        cmocka_unit_test(test_every_site_is_the_same_whatever_the_cache),
        cmocka_unit_test(test_rows_of_the_attention_pattern_are_queries),
        cmocka_unit_test(test_shorter_inputs_give_the_same_predictions),
        cmocka_unit_test(test_patches_that_change_nothing_change_nothing),
        cmocka_unit_test(test_every_site_can_be_erased),
        cmocka_unit_test(test_patches_do_what_their_verbs_say),
        cmocka_unit_test(test_patches_that_cannot_be_made),
        cmocka_unit_test(test_findings_carry_network_and_probe),
        cmocka_unit_test(test_failing_probes_are_named),
        cmocka_unit_test(test_unknown_names_are_met_with_the_nearest),
        cmocka_unit_test(test_stop_is_obeyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
