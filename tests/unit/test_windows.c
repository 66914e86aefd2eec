/* Windows against the rules of the paper (arXiv 2602.06923) and its published counts.
 *
 * In: small kepler data sets. Seed of all data: 7 (train_fixture.c).
 */
#include "train_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 100 };

static struct orr_windows windows_of(const struct orr_dataset *data, enum orr_split split)
{
    struct orr_windows w;
    struct orr_error err = {0};
    assert_ok(orr_windows_create(data, split, &w, &err), &err);
    return w;
}

/* Starts are distinct, ascending, of the split's trajectories, and window and target stay inside one trajectory. */
static void check_windows(const struct orr_dataset *data, const struct orr_windows *w, uint64_t first, uint64_t end,
                          uint32_t per_trajectory)
{
    assert_int_equal(w->count, (end - first) * per_trajectory);
    for (size_t i = 0; i < w->count; ++i) {
        const uint64_t k = first + i / per_trajectory;
        const int64_t place = w->start[i] - (int64_t)(k * STEPS);
        const int64_t last = data->config.context == STEPS ? 0 : STEPS - 1 - (int64_t)data->config.context;
        if (place < 0 || place > last)
            fail_msg("window %zu begins at point %lld of trajectory %llu, not within 0 to %lld", i, (long long)place,
                     (unsigned long long)k, (long long)last);
        assert_true(place + w->length <= STEPS - 1); /* the row of the last target */
        if (i > 0) assert_true(w->start[i] > w->start[i - 1]);
    }
}

static void counts_and_ranges_are_the_papers(void **state)
{
    (void)state;
    const struct {
        uint32_t context, per_trajectory, length;
        bool whole;
    } cases[] = {{1, 99, 1, false},  {2, 50, 2, false},  {10, 10, 10, false}, {50, 2, 50, false},
                 {99, 1, 99, false}, {100, 1, 99, true}, {60, 1, 60, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct orr_dataset *data = fixture_data(7, STEPS, cases[i].context);
        struct orr_windows train = windows_of(data, ORR_TRAIN), held_out = windows_of(data, ORR_HELD_OUT);
        assert_int_equal(data->n_train, 4);
        check_windows(data, &train, 0, 4, cases[i].per_trajectory);
        check_windows(data, &held_out, 4, 7, cases[i].per_trajectory);
        assert_int_equal(train.length, cases[i].length);
        assert_int_equal(train.whole, cases[i].whole);
        orr_windows_fini(&train);
        orr_windows_fini(&held_out);
        orr_dataset_destroy(data);
    }
}

/* 10,000 training orbits of 100 points: the table of the paper's code. */
static void published_counts_for_ten_thousand_orbits(void **state)
{
    (void)state;
    const struct {
        uint32_t context;
        size_t count;
    } cases[] = {{1, 990000}, {2, 500000}, {10, 100000}, {50, 20000}, {100, 10000}};
    struct orr_dataset *data = fixture_data(20000, STEPS, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        data->config.context = cases[i].context;
        struct orr_windows w = windows_of(data, ORR_TRAIN);
        assert_int_equal(w.count, cases[i].count);
        orr_windows_fini(&w);
    }
    orr_dataset_destroy(data);
}

/* The smallest split: one trajectory each. */
static void one_trajectory_a_split(void **state)
{
    (void)state;
    struct orr_dataset *data = fixture_data(2, STEPS, 10);
    struct orr_windows train = windows_of(data, ORR_TRAIN), held_out = windows_of(data, ORR_HELD_OUT);
    check_windows(data, &train, 0, 1, 10);
    check_windows(data, &held_out, 1, 2, 10);
    orr_windows_fini(&train);
    orr_windows_fini(&held_out);
    orr_dataset_destroy(data);
}

/* 2 of 50 places in each of 1,000 trajectories: 40 expected at each place, deviation 6.2; five deviations. */
static void places_are_equally_likely(void **state)
{
    (void)state;
    struct orr_dataset *data = fixture_data(2000, STEPS, 50);
    struct orr_windows w = windows_of(data, ORR_TRAIN);
    int hits[50] = {0};
    for (size_t i = 0; i < w.count; ++i)
        ++hits[w.start[i] % STEPS];
    for (int place = 0; place < 50; ++place)
        if (hits[place] < 9 || hits[place] > 71)
            fail_msg("place %d was drawn %d times, expected 40", place, hits[place]);
    orr_windows_fini(&w);
    orr_dataset_destroy(data);
}

static void the_seed_decides(void **state)
{
    (void)state;
    struct orr_dataset *data = fixture_data(40, STEPS, 10);
    struct orr_windows a = windows_of(data, ORR_TRAIN), b = windows_of(data, ORR_TRAIN);
    assert_memory_equal(a.start, b.start, a.count * sizeof *a.start);
    data->config.seed += 1;
    struct orr_windows c = windows_of(data, ORR_TRAIN);
    assert_int_equal(c.count, a.count);
    assert_memory_not_equal(a.start, c.start, a.count * sizeof *a.start);
    orr_windows_fini(&a);
    orr_windows_fini(&b);
    orr_windows_fini(&c);
    orr_dataset_destroy(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_ranges_are_the_papers),
        cmocka_unit_test(published_counts_for_ten_thousand_orbits),
        cmocka_unit_test(one_trajectory_a_split),
        cmocka_unit_test(places_are_equally_likely),
        cmocka_unit_test(the_seed_decides),
    };
    return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
