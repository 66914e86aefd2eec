/* Simulator `random_walk`: its ring, its steps, its columns, and that a trajectory depends on seed and number only.
 *
 * In: the module beside that which ORRERY_TEST_KEPLER names.
 */
#include "simulator_module.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the two before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

#define SEED UINT64_C(20260206) /* any value: no test depends on it */

enum { WALKS = 400, STEPS = 60 };

static struct simulator_module module;
static struct simulator_settings settings;
static double observed[WALKS][STEPS][2], hidden[WALKS][STEPS][4], constant[WALKS][2], times[STEPS];

static int load_module(void **state)
{
    (void)state;
    char path[4096];
    const char *kepler = getenv("ORRERY_TEST_KEPLER"), *slash = kepler ? strrchr(kepler, '/') : NULL;
    if (!slash) return -1;
    snprintf(path, sizeof path, "%.*s/orrery-simulator-random_walk.so", (int)(slash - kepler), kepler);
    return setenv("ORRERY_TEST_WALK", path, 1) || simulator_module_load("ORRERY_TEST_WALK", &module) ? -1 : 0;
}

static int set_defaults(void **state)
{
    (void)state;
    settings = simulator_defaults(&module);
    return 0;
}

static void simulate(void)
{
    struct orr_error err = {0};
    struct orr_simulator *sim;
    if (module.ops->create(settings.value, &sim, &err)) fail_msg("create: %s", err.text);
    assert_int_equal(module.ops->generate(sim, SEED, 0, WALKS, STEPS, times, &observed[0][0][0], &hidden[0][0][0],
                                          &constant[0][0], &err),
                     ORR_OK);
    module.ops->destroy(sim);
}

static void near(const char *what, double got, double want, double allowed)
{
    if (!(fabs(got - want) <= allowed))
        fail_msg("%s, seed %ju: %.17g, expected %.17g, allowed %.3g", what, (uintmax_t)SEED, got, want, allowed);
}

static void test_columns_follow_from_positions(void **state)
{
    (void)state;
    simulate();
    for (size_t k = 0; k < WALKS; ++k) {
        near("x at the beginning", observed[k][0][0], constant[k][0] * cos(constant[k][1]), 0);
        assert_true(constant[k][0] >= 0.5 && constant[k][0] <= 2);
        for (size_t i = 0; i < STEPS; ++i) {
            const double x = observed[k][i][0], y = observed[k][i][1], r = hypot(x, y);
            /* Some roundings of numbers up to 1 / 0.1^2. */
            near("r", hidden[k][i][0], r, 1e-15 * r);
            near("F", hidden[k][i][1], 1 / (r * r), 1e-14 / (r * r));
            near("Fx", hidden[k][i][2], -x / (r * r * r), 1e-14 / (r * r));
            near("Fy", hidden[k][i][3], -y / (r * r * r), 1e-14 / (r * r));
            if (r < 0.1 || r > 3.6) fail_msg("walk %zu is at a distance of %.17g at step %zu", k, r, i);
        }
    }
    near("time", times[3], 3 * 20.0 / 99, 1e-15);
}

/* In a ring that no walk meets the end of, steps are normal and know nothing of the steps before. */
static void test_steps_are_independent(void **state)
{
    (void)state;
    double mean = 0, square = 0, next = 0;
    const double n = 2.0 * WALKS * (STEPS - 1), pairs = 2.0 * WALKS * (STEPS - 2);
    simulator_set(&module, &settings, "ring_max", 1e4);
    simulator_set(&module, &settings, "ring_min", 500);
    simulator_set(&module, &settings, "radius_min", 1000);
    simulator_set(&module, &settings, "radius_max", 1000);
    simulate();
    for (size_t k = 0; k < WALKS; ++k)
        for (size_t i = 1; i < STEPS; ++i)
            for (int c = 0; c < 2; ++c) {
                const double step = (observed[k][i][c] - observed[k][i - 1][c]) / 0.143;
                mean += step / n;
                square += step * step / n;
                if (i > 1) next += step * (observed[k][i - 1][c] - observed[k][i - 2][c]) / 0.143 / pairs;
            }
    /* Four deviations of the mean of n normal numbers, of their squares (variance 2), of products (variance 1). */
    near("mean step", mean, 0, 4 / sqrt(n));
    near("mean square", square, 1, 4 * sqrt(2 / n));
    near("correlation with the step before", next, 0, 4 / sqrt(pairs));
}

static void test_a_walk_depends_on_seed_and_number_only(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_simulator *sim;
    double alone[STEPS][2], other[STEPS][2];
    simulate();
    assert_int_equal(module.ops->create(settings.value, &sim, &err), ORR_OK);
    assert_int_equal(module.ops->generate(sim, SEED, 7, 1, STEPS, NULL, &alone[0][0], NULL, NULL, &err), ORR_OK);
    assert_int_equal(module.ops->generate(sim, SEED + 1, 7, 1, STEPS, NULL, &other[0][0], NULL, NULL, &err), ORR_OK);
    module.ops->destroy(sim);
    assert_memory_equal(alone, observed[7], sizeof alone);
    assert_memory_not_equal(alone, other, sizeof alone);
    assert_memory_not_equal(alone, observed[8], sizeof alone);
}

static void refuse(const char *key, double value, const char *part)
{
    struct orr_error err = {0};
    struct orr_simulator *sim = NULL;
    set_defaults(NULL);
    simulator_set(&module, &settings, key, value);
    const orr_status status = module.ops->create(settings.value, &sim, &err);
    if (status != ORR_EINVAL || sim || !strstr(err.text, part))
        fail_msg("%s = %g: status %d \"%s\", expected \"%s\"", key, value, status, err.text, part);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("radius_min", 2.5, "radius_min 2.5 is greater than radius_max 2");
    refuse("ring_min", 0.6, "do not lie in the ring from 0.6 to 3.6");
    refuse("ring_max", 1, "do not lie in the ring");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_columns_follow_from_positions, set_defaults),
        cmocka_unit_test_setup(test_steps_are_independent, set_defaults),
        cmocka_unit_test_setup(test_a_walk_depends_on_seed_and_number_only, set_defaults),
        cmocka_unit_test_setup(test_refusals, set_defaults),
    };
    return cmocka_run_group_tests(tests, load_module, NULL);
}
