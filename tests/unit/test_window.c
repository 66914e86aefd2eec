/* An attention window: how far back the last position of a transformer sees, by its layers and the window. */
#include "base/memory.h"
#include "study/study.h"
#include "train_fixture.h"

#include <math.h>
#include <string.h>

enum { STEPS = 16, CONTEXT = 15 };

/* Prediction at the last position of one window, (2). */
static void predict(const struct orr_study_state *study, const double *input, double out[2])
{
    struct orr_error err;
    double all[CONTEXT * 2];
    const struct orr_study *face = orr_study_face(study);
    assert_ok(face->forward(face->state, input, 1, CONTEXT, NULL, 0, all, &err), &err);
    memcpy(out, all + (CONTEXT - 1) * 2, 2 * sizeof *out);
}

/* The earliest point that the last position sees, found by moving one point after the other. */
static size_t earliest_seen(const struct orr_study_state *study)
{
    double input[CONTEXT * 2], before[2], after[2];
    for (size_t i = 0; i < CONTEXT * 2; ++i)
        input[i] = sin((double)i);
    predict(study, input, before);
    for (size_t t = 0; t < CONTEXT; ++t) {
        input[2 * t] += 3;
        predict(study, input, after);
        if (memcmp(before, after, sizeof before) != 0) return t;
        input[2 * t] -= 3;
    }
    return CONTEXT;
}

static size_t earliest_of(struct train_fixture *f, int64_t n_layer, int64_t window)
{
    struct orr_error err;
    struct orr_parameters parameters = {.item = NULL};
    struct orr_model model = f->model;
    struct orr_sample *sample;
    struct orr_study_state *study;
    model.n_layer = n_layer;
    model.window = window;
    assert_ok(orr_model_parameters(&model, &parameters, &err), &err);
    assert_ok(orr_parameters_arrange(&parameters, NULL, 0, &err), &err);
    float *block = orr_memory_array((size_t)parameters.elements, sizeof *block);
    assert_non_null(block);
    orr_parameters_initialise(&parameters, 3, block);
    /* Larger matrices, so that what passes through both layers does not vanish in rounding, and no softmax saturates.
     */
    for (size_t i = 0; i < parameters.count; ++i) {
        const struct orr_parameter *p = &parameters.item[i];
        for (int64_t k = 0; p->deviation > 0 && k < p->dim[0] * p->dim[1]; ++k)
            block[p->first + k] *= 5;
    }
    assert_ok(orr_sample_create(f->data, 4, &sample, &err), &err);
    const struct orr_network network = {
        .name = "trained", .model = &model, .parameters = &parameters, .block = block, .device = f->device};
    const struct orr_study_config config = {.network = &network, .sample = sample, .cache_bytes = 1 << 20};
    assert_ok(orr_study_create(&config, &study, &err), &err);
    const size_t earliest = earliest_seen(study);
    orr_study_destroy(study);
    orr_sample_destroy(sample);
    orr_memory_free(block);
    orr_parameters_fini(&parameters);
    return earliest;
}

/* With L layers, a window of w points sees L (w - 1) + 1 of them: what recipes/kepler-window.yaml compares. */
static void test_the_receptive_field(void **state)
{
    (void)state;
    static const struct {
        int64_t n_layer, window;
    } cases[] = {{1, 1}, {1, 4}, {2, 1}, {2, 2}, {2, 3}, {2, 5}, {3, 3}, {2, 0}, {2, CONTEXT}};
    struct train_fixture f;
    fixture_open(&f, 8, STEPS, CONTEXT);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        const int64_t window = cases[c].window ? cases[c].window : CONTEXT;
        const int64_t field = cases[c].n_layer * (window - 1) + 1;
        const size_t expected = field < CONTEXT ? (size_t)(CONTEXT - field) : 0;
        const size_t earliest = earliest_of(&f, cases[c].n_layer, cases[c].window);
        if (earliest != expected)
            fail_msg("%d layers, window %d: the earliest point seen is %zu, expected %zu", (int)cases[c].n_layer,
                     (int)cases[c].window, earliest, expected);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_receptive_field)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
