/* Tokens and fresh trajectories: bins and their edges, ranges of data sets, refusals, numbers beyond the data set.
 *
 * In: the kepler module, which the fixture loads.
 */
#include "train_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct orr_error err;

static void bins_have_edges_and_centres(void **state)
{
    (void)state;
    double low[] = {-1, 0}, high[] = {1, 10};
    const struct orr_bins bins = {.count = 4, .low = low, .high = high};
    static const struct {
        double x;
        int32_t token;
    } cases[] = {{-1, 0}, {-0.51, 0}, {-0.5, 1},  {0, 2},     {0.49, 2},  {0.5, 3},
                 {1, 3},  {1.5, 3},   {-1.01, 0}, {1e300, 3}, {-1e300, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        const int32_t token = orr_bins_token(&bins, 0, cases[i].x);
        if (token != cases[i].token) fail_msg("%g has token %d, expected %d", cases[i].x, token, cases[i].token);
    }
    for (int32_t token = 0; token < 4; ++token) {
        assert_true(fabs(orr_bins_centre(&bins, 0, token) - (-0.75 + 0.5 * token)) <= 0);
        assert_true(fabs(orr_bins_centre(&bins, 1, token) - (1.25 + 2.5 * token)) <= 0);
        assert_int_equal(orr_bins_token(&bins, 1, orr_bins_centre(&bins, 1, token)), token);
    }
    const float points[] = {-1, 0, 1, 10, 0, 5};
    int32_t tokens[6];
    orr_bins_tokens(&bins, 2, 3, points, tokens);
    const int32_t expected[] = {0, 0, 3, 3, 2, 2};
    assert_memory_equal(tokens, expected, sizeof expected);
}

/* arXiv 2602.06923: floor((x + 1) / (2 / V)) for x in [-1, 1); every bin of the paper's largest vocabulary is itself.
 */
static void bins_are_those_of_the_paper(void **state)
{
    (void)state;
    double low = -1, high = 1;
    const struct orr_bins bins = {.count = 7000, .low = &low, .high = &high};
    for (int i = 0; i < 100000; ++i) {
        const double x = -1 + 2 * (i + 0.5) / 100000;
        assert_int_equal(orr_bins_token(&bins, 0, x), (int32_t)floor((x + 1) / (2.0 / 7000)));
    }
    for (int32_t token = 0; token < 7000; ++token)
        assert_int_equal(orr_bins_token(&bins, 0, orr_bins_centre(&bins, 0, token)), token);
}

static orr_status make(struct orr_data_config config, struct orr_dataset **data)
{
    union orr_value values[FIXTURE_VALUES];
    config.seed = 11;
    config.steps = 10;
    config.train_fraction = 0.5;
    config.context = 5;
    fixture_kepler_values(values);
    return orr_dataset_create(fixture_kepler(), values, &config, 2, data, &err);
}

static void a_range_from_the_data_is_that_of_both_splits(void **state)
{
    (void)state;
    struct orr_dataset *data;
    int32_t tokens[40 * 10 * 2];
    assert_ok(make((struct orr_data_config){.trajectories = 40, .bins = 16}, &data), &err);
    for (uint32_t c = 0; c < 2; ++c) {
        float low = INFINITY, high = -INFINITY;
        for (size_t i = c; i < 800; i += 2) {
            low = fminf(low, data->observed[i]);
            high = fmaxf(high, data->observed[i]);
        }
        assert_true(fabs(data->bins.low[c] - (double)low) <= 0 && fabs(data->bins.high[c] - (double)high) <= 0);
    }
    assert_ok(orr_dataset_tokens(data, 0, 400, tokens, &err), &err);
    bool seen[2][16] = {{false}};
    for (size_t i = 0; i < 800; ++i) {
        assert_in_range(tokens[i], 0, 15);
        seen[i % 2][tokens[i]] = true;
        assert_int_equal(tokens[i], orr_bins_token(&data->bins, i % 2, (double)data->observed[i]));
    }
    assert_true(seen[0][0] && seen[0][15] && seen[1][0] && seen[1][15]);

    int32_t some[6];
    assert_ok(orr_dataset_tokens(data, 397, 3, some, &err), &err);
    assert_memory_equal(some, tokens + 397 * 2, sizeof some);
    assert_ok(orr_dataset_tokens(data, 400, 0, some, &err), &err);
    assert_error(orr_dataset_tokens(data, 398, 3, some, &err), &err, ORR_EINVAL, "398 to 400", "400", NULL);
    orr_dataset_destroy(data);
}

static void a_given_range_must_hold_the_data(void **state)
{
    (void)state;
    struct orr_dataset *data;
    struct orr_data_config config = {
        .trajectories = 40, .bins = 16, .has_bin_range = true, .bin_low = -5, .bin_high = 5};
    assert_ok(make(config, &data), &err);
    assert_true(fabs(data->bins.low[1] + 5) <= 0 && fabs(data->bins.high[1] - 5) <= 0);
    orr_dataset_destroy(data);
    config.bin_high = 0.5;
    assert_error(make(config, &data), &err, ORR_EINVAL, "kepler", "column", "trajectory", "step", "[-5, 0.5]", NULL);
    assert_null(data);
    config = (struct orr_data_config){.trajectories = 40};
    assert_ok(make(config, &data), &err);
    int32_t token[2];
    assert_error(orr_dataset_tokens(data, 0, 1, token, &err), &err, ORR_EINVAL, "data.bins", NULL);
    orr_dataset_destroy(data);
}

static void fresh_trajectories_are_those_after_the_last(void **state)
{
    (void)state;
    enum { NUMBERS = 10 * 2 };
    struct orr_dataset *few, *many;
    float fresh[5 * NUMBERS];
    assert_ok(make((struct orr_data_config){.trajectories = 40}, &few), &err);
    assert_ok(make((struct orr_data_config){.trajectories = 100}, &many), &err);
    assert_ok(orr_dataset_fresh(few, 0, 5, fresh, &err), &err);
    assert_memory_equal(fresh, many->observed + 40 * NUMBERS, sizeof fresh);
    assert_ok(orr_dataset_fresh(few, 37, 3, fresh, &err), &err);
    assert_memory_equal(fresh, many->observed + 77 * NUMBERS, 3 * NUMBERS * sizeof *fresh);
    assert_ok(orr_dataset_fresh(few, 0, 0, fresh, &err), &err);
    assert_ok(orr_dataset_fresh(few, UINT64_MAX - 45, 5, fresh, &err), &err);
    assert_error(orr_dataset_fresh(few, UINT64_MAX - 44, 5, fresh, &err), &err, ORR_EINVAL, "last number", NULL);
    assert_error(orr_dataset_fresh(few, UINT64_MAX, 1, fresh, &err), &err, ORR_EINVAL, "last number", NULL);
    orr_dataset_destroy(few);
    orr_dataset_destroy(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_have_edges_and_centres),
        cmocka_unit_test(bins_are_those_of_the_paper),
        cmocka_unit_test(a_range_from_the_data_is_that_of_both_splits),
        cmocka_unit_test(a_given_range_must_hold_the_data),
        cmocka_unit_test(fresh_trajectories_are_those_after_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
