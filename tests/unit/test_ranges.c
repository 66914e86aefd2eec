/* Ranges of items on several threads: each item once, parts in order, the lowest part's error. */
#include "data/ranges.h"
#include "expect.h"

#include <stdatomic.h>

enum { MOST = 100 };

struct visits {
    atomic_uint times[MOST], calls;
    uint64_t fail_from; /* parts that begin here or later fail */
};

static orr_status visit(void *context, uint64_t first, uint64_t count, struct orr_error *err)
{
    struct visits *visits = context;
    atomic_fetch_add(&visits->calls, 1u);
    for (uint64_t i = first; i < first + count; ++i)
        atomic_fetch_add(&visits->times[i], 1u);
    if (first < visits->fail_from) return ORR_OK;
    return orr_fail(err, ORR_ENUMERIC, "part from %llu", (unsigned long long)first);
}

static void test_every_item_is_visited_once(void **state)
{
    (void)state;
    static const struct {
        uint64_t total;
        uint32_t threads;
        unsigned calls; /* 0: as many as there are processors */
    } cases[] = {{0, 1, 0}, {0, 4, 0}, {1, 1, 1}, {1, 4, 1},   {2, 1, 1},
                 {2, 2, 2}, {2, 3, 2}, {7, 3, 3}, {100, 8, 8}, {5, 0, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        struct visits visits = {.fail_from = UINT64_MAX};
        struct orr_error err = {0};
        expect_ok(orr_ranges_run(cases[k].total, cases[k].threads, visit, &visits, &err), &err);
        for (uint64_t i = 0; i < MOST; ++i)
            if (visits.times[i] != (i < cases[k].total))
                fail_msg("case %zu: item %llu was visited %u times", k, (unsigned long long)i, visits.times[i]);
        if (cases[k].calls || cases[k].total == 0) assert_int_equal(visits.calls, cases[k].calls);
    }
}

static void test_the_lowest_part_that_failed_is_reported(void **state)
{
    (void)state;
    static const struct {
        uint64_t fail_from;
        const char *text;
    } cases[] = {{0, "part from 0"}, {1, "part from 25"}, {26, "part from 50"}, {75, "part from 75"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        struct visits visits = {.fail_from = cases[k].fail_from};
        struct orr_error err = {0};
        expect_error(orr_ranges_run(MOST, 4, visit, &visits, &err), &err, ORR_ENUMERIC, cases[k].text);
        assert_int_equal(visits.calls, 4); /* the others are done nevertheless */
        assert_int_equal(orr_ranges_run(MOST, 4, visit, &visits, NULL), ORR_ENUMERIC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_is_visited_once),
        cmocka_unit_test(test_the_lowest_part_that_failed_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
