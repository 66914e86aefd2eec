/* Studies of a model on tokens: coordinates in and out, losses against logits, what a study lends to probes. */
#include "base/memory.h"
#include "study/study.h"
#include "train_fixture.h"

#include <math.h>
#include <string.h>

enum { TRAJECTORIES = 20, STEPS = 12, CONTEXT = 5, WINDOWS = 20, BINS = 9 };

/* A small network with its initial values on kepler in bins, and the control without a network. */
struct bench {
    struct train_fixture fixture;
    struct orr_parameters parameters;
    float *block;
    struct orr_sample *sample;
    struct orr_network network, none;
    struct orr_study_state *study, *control;
};

static void bench_open(struct bench *b)
{
    static const char *const sites[] = {"hook_output"};
    struct orr_error err;
    *b = (struct bench){.none = {.name = "none"}};
    fixture_open(&b->fixture, TRAJECTORIES, STEPS, CONTEXT);
    fixture_use_tokens(&b->fixture, BINS);
    assert_ok(orr_model_parameters(&b->fixture.model, &b->parameters, &err), &err);
    assert_ok(orr_parameters_arrange(&b->parameters, NULL, 0, &err), &err);
    b->block = orr_memory_array((size_t)b->parameters.elements, sizeof *b->block);
    orr_parameters_initialise(&b->parameters, 11, b->block);
    b->network = (struct orr_network){.name = "trained",
                                      .model = &b->fixture.model,
                                      .parameters = &b->parameters,
                                      .block = b->block,
                                      .device = b->fixture.device,
                                      .bins = &b->fixture.data->bins};
    assert_ok(orr_sample_create(b->fixture.data, WINDOWS, &b->sample, &err), &err);
    struct orr_study_config config = {
        .network = &b->network, .sample = b->sample, .sites = sites, .n_sites = 1, .cache_bytes = 1 << 20};
    assert_ok(orr_study_create(&config, &b->study, &err), &err);
    config.network = &b->none;
    assert_ok(orr_study_create(&config, &b->control, &err), &err);
}

static void bench_close(struct bench *b)
{
    orr_study_destroy(b->study);
    orr_study_destroy(b->control);
    orr_sample_destroy(b->sample);
    orr_parameters_fini(&b->parameters);
    orr_memory_free(b->block);
    fixture_close(&b->fixture);
}

/* ---- coordinates ---- */

/* (windows, CONTEXT, 2) of the held-out windows. */
static void held_out_inputs(const struct bench *b, double *input)
{
    orr_sample_inputs(b->sample, ORR_HELD_OUT, 0, WINDOWS, input);
}

static void test_predictions_are_centres_of_bins(void **state)
{
    (void)state;
    struct bench b;
    struct orr_error err;
    double input[WINDOWS * CONTEXT * 2], centres[WINDOWS * CONTEXT * 2], out[2][WINDOWS * CONTEXT * 2];
    bench_open(&b);
    const struct orr_study *face = orr_study_face(b.study);
    const struct orr_bins *bins = &b.fixture.data->bins;
    held_out_inputs(&b, input);
    for (size_t i = 0; i < sizeof input / sizeof *input; ++i)
        centres[i] = orr_bins_centre(bins, i % 2, orr_bins_token(bins, i % 2, input[i]));
    assert_int_equal(face->vocabulary, BINS);
    assert_ok(face->forward(face->state, input, WINDOWS, CONTEXT, NULL, 0, out[0], &err), &err);
    assert_ok(face->forward(face->state, centres, WINDOWS, CONTEXT, NULL, 0, out[1], &err), &err);
    for (size_t i = 0; i < sizeof input / sizeof *input; ++i) {
        const double again = orr_bins_centre(bins, i % 2, orr_bins_token(bins, i % 2, out[0][i]));
        if (out[0][i] != again) fail_msg("number %zu, %.17g, is no centre: %.17g", i, out[0][i], again);
        if (out[0][i] != out[1][i]) fail_msg("number %zu: %.17g, of centres %.17g", i, out[0][i], out[1][i]);
    }
    input[3] = (double)NAN;
    assert_error(face->forward(face->state, input, WINDOWS, CONTEXT, NULL, 0, out[0], &err), &err, ORR_EINVAL,
                 "number 3", "nan", NULL);
    bench_close(&b);
}

static void test_control_repeats_the_point(void **state)
{
    (void)state;
    struct bench b;
    struct orr_error err;
    double input[WINDOWS * CONTEXT * 2], out[WINDOWS * CONTEXT * 2];
    bench_open(&b);
    const struct orr_study *face = orr_study_face(b.control);
    held_out_inputs(&b, input);
    assert_ok(face->forward(face->state, input, WINDOWS, CONTEXT, NULL, 0, out, &err), &err);
    assert_memory_equal(out, input, sizeof input);
    assert_int_equal(face->vocabulary, BINS);
    bench_close(&b);
}

/* ---- losses ---- */

/* The same from the logits at their site, position by position. Only the last position of a window counts. */
static void test_loss_is_the_cross_entropy_of_the_logits(void **state)
{
    (void)state;
    struct bench b;
    struct orr_error err;
    struct orr_matrix logits;
    double target[WINDOWS * CONTEXT * 2], loss, expected = 0;
    bench_open(&b);
    const struct orr_study *face = orr_study_face(b.study);
    const struct orr_bins *bins = &b.fixture.data->bins;
    assert_ok(face->activations(face->state, "hook_output", ORR_HELD_OUT, ORR_LAST_POSITION, &logits, &err), &err);
    assert_int_equal(logits.cols, 2 * BINS);
    orr_sample_targets(b.sample, ORR_HELD_OUT, 0, WINDOWS, target);
    for (uint32_t w = 0; w < WINDOWS; ++w)
        for (uint32_t c = 0; c < 2; ++c) {
            const double *logit = logits.data + w * logits.cols + c * BINS;
            double sum = 0;
            for (int k = 0; k < BINS; ++k)
                sum += exp(logit[k]);
            const int32_t token = orr_bins_token(bins, c, target[(w * CONTEXT + CONTEXT - 1) * 2 + c]);
            expected -= log(exp(logit[token]) / sum) / (WINDOWS * 2);
        }
    assert_ok(orr_study_loss(b.study, ORR_HELD_OUT, &loss, &err), &err);
    /* Sums of some tens of numbers of size 1, in double. */
    if (!(fabs(loss - expected) < 1e-12)) fail_msg("loss %.17g, expected %.17g", loss, expected);
    bench_close(&b);
}

/* -ln of (count + 1) / (points + bins) at the token of every counted target: the mean over two columns. */
static void test_control_knows_the_shares_of_the_tokens(void **state)
{
    (void)state;
    struct bench b;
    struct orr_error err;
    double count[2][BINS] = {{0}}, target[WINDOWS * CONTEXT * 2], loss, expected = 0;
    bench_open(&b);
    const struct orr_dataset *data = b.fixture.data;
    const double points = TRAJECTORIES / 2 * STEPS;
    for (size_t row = 0; row < (size_t)(TRAJECTORIES / 2 * STEPS); ++row)
        for (uint32_t c = 0; c < 2; ++c)
            ++count[c][orr_bins_token(&data->bins, c, (double)data->observed[row * 2 + c])];
    orr_sample_targets(b.sample, ORR_HELD_OUT, 0, WINDOWS, target);
    for (uint32_t w = 0; w < WINDOWS; ++w)
        for (uint32_t c = 0; c < 2; ++c) {
            const int32_t token = orr_bins_token(&data->bins, c, target[(w * CONTEXT + CONTEXT - 1) * 2 + c]);
            expected -= log((count[c][token] + 1) / (points + BINS)) / (WINDOWS * 2);
        }
    assert_ok(orr_study_loss(b.control, ORR_HELD_OUT, &loss, &err), &err);
    /* Sums of 40 numbers of size 1, in double. */
    if (!(fabs(loss - expected) < 1e-12)) fail_msg("loss %.17g, expected %.17g", loss, expected);
    bench_close(&b);
}

/* ---- what is lent ---- */

static void test_parameters_are_lent_as_files_have_them(void **state)
{
    (void)state;
    struct bench b;
    struct orr_error err;
    struct orr_matrix m;
    bench_open(&b);
    const struct orr_study *face = orr_study_face(b.study);
    const size_t shape[][2] = {{BINS, 8}, {24, 8}, {24, 1}};
    const char *const name[] = {"transformer.wte.1.weight", "transformer.h.0.attn.c_attn.weight",
                                "transformer.h.0.attn.c_attn.bias"};
    for (size_t i = 0; i < 3; ++i) {
        const struct orr_parameter *p = orr_parameters_find(&b.parameters, name[i]);
        float file[BINS * 8 + 24 * 8];
        assert_non_null(p);
        assert_ok(face->parameter(face->state, name[i], &m, &err), &err);
        assert_int_equal(m.rows, shape[i][0]);
        assert_int_equal(m.cols, shape[i][1]);
        orr_parameter_to_file(p, b.block, file);
        for (size_t k = 0; k < m.rows * m.cols; ++k)
            if (m.data[k] != (double)file[k]) fail_msg("%s, number %zu: %g", name[i], k, m.data[k]);
    }
    assert_error(face->parameter(face->state, "transformer.wte.3.weight", &m, &err), &err, ORR_EINVAL, "did you mean",
                 NULL);
    const struct orr_study *control = orr_study_face(b.control);
    assert_error(control->parameter(control->state, name[0], &m, &err), &err, ORR_EUNSUPPORTED, "control", NULL);
    bench_close(&b);
}

static void test_tokens_are_counted_in_the_training_data(void **state)
{
    (void)state;
    struct bench b;
    struct orr_error err;
    struct orr_matrix m;
    bench_open(&b);
    const struct orr_study *face = orr_study_face(b.study);
    const struct orr_dataset *data = b.fixture.data;
    for (uint32_t c = 0; c < 2; ++c) {
        double count[BINS] = {0};
        for (size_t row = 0; row < data->n_train * STEPS; ++row)
            ++count[orr_bins_token(&data->bins, c, (double)data->observed[row * 2 + c])];
        assert_ok(face->tokens(face->state, c, &m, &err), &err);
        assert_int_equal(m.rows, BINS);
        assert_int_equal(m.cols, 2);
        for (int k = 0; k < BINS; ++k)
            if (m.data[2 * k] != orr_bins_centre(&data->bins, c, k) || m.data[2 * k + 1] != count[k])
                fail_msg("column %u, token %d: centre %g, count %g, expected %g", c, k, m.data[2 * k],
                         m.data[2 * k + 1], count[k]);
    }
    assert_error(face->tokens(face->state, 2, &m, &err), &err, ORR_EINVAL, "column 2", NULL);
    bench_close(&b);
}

static void test_batches_fit_the_logits(void **state)
{
    (void)state;
    struct orr_model model = {.n_output = 1};
    const struct orr_network numbers = {.model = &model}, none = {.model = NULL};
    assert_int_equal(orr_forward_batch(&none, 1000, 100), 81);
    assert_int_equal(orr_forward_batch(&numbers, 1000, 100), 81);
    model.vocab_size = 100;
    assert_int_equal(orr_forward_batch(&numbers, 1000, 100), 81);
    model.vocab_size = 7000; /* 2^22 / 7000 = 599 positions */
    assert_int_equal(orr_forward_batch(&numbers, 1000, 100), 5);
    assert_int_equal(orr_forward_batch(&numbers, 2, 100), 2);
    model.vocab_size = 16777216;
    assert_int_equal(orr_forward_batch(&numbers, 1000, 100), 1);
    assert_int_equal(orr_forward_batch(&numbers, 0, 1), 1);
}

/* 2^26 logits of one window are enough, and one bin more is too many. */
static void test_one_window_has_so_many_logits(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_model model = {.n_output = 2, .vocab_size = 1 << 22};
    assert_ok(orr_forward_check_logits(&model, 8, &err), &err);
    ++model.vocab_size;
    assert_error(orr_forward_check_logits(&model, 8, &err), &err, ORR_EINVAL, "4194305 bins x 8 points x 2 columns",
                 "67108864", "lower data.bins", NULL);
    model.vocab_size = 0;
    assert_ok(orr_forward_check_logits(&model, 1000000, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predictions_are_centres_of_bins),
        cmocka_unit_test(test_control_repeats_the_point),
        cmocka_unit_test(test_loss_is_the_cross_entropy_of_the_logits),
        cmocka_unit_test(test_control_knows_the_shares_of_the_tokens),
        cmocka_unit_test(test_parameters_are_lent_as_files_have_them),
        cmocka_unit_test(test_tokens_are_counted_in_the_training_data),
        cmocka_unit_test(test_batches_fit_the_logits),
        cmocka_unit_test(test_one_window_has_so_many_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
