/* Simulators `sine`, `uniform_motion` and `circular_motion`: closed forms, draws, energy, refusals.
 *
 * In: the modules beside that which ORRERY_TEST_KEPLER names. Every number must follow from the constants of its
 * trajectory, and these from the seed and its number only.
 */
#include "simulator_module.h"

#include <float.h>
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

enum { SINE, UNIFORM, CIRCLE, KINDS };
static const char *const names[KINDS] = {"sine", "uniform_motion", "circular_motion"};
static struct simulator_module module[KINDS];

static int load_modules(void **state)
{
    (void)state;
    const char *kepler = getenv("ORRERY_TEST_KEPLER"), *slash = kepler ? strrchr(kepler, '/') : NULL;
    for (int k = 0; slash && k < KINDS; ++k) {
        char path[4096];
        snprintf(path, sizeof path, "%.*s/orrery-simulator-%s.so", (int)(slash - kepler), kepler, names[k]);
        if (setenv("ORRERY_TEST_MOTION", path, 1) || simulator_module_load("ORRERY_TEST_MOTION", &module[k])) return -1;
    }
    return slash ? 0 : -1;
}

/* Trajectories of one simulator, and how many columns it has of each kind. */
struct run {
    struct orr_simulator *sim;
    uint32_t count, steps, n[3];
    double *time, *observed, *hidden, *constant;
};

static struct run simulate(int kind, const struct simulator_settings *settings, uint64_t first, uint32_t count,
                           uint32_t steps)
{
    const struct orr_simulator_ops *ops = module[kind].ops;
    struct run r = {.count = count, .steps = steps};
    struct orr_error err = {0};
    if (ops->create(settings->value, &r.sim, &err)) fail_msg("create %s: %s", names[kind], err.text);
    ops->observed(r.sim, &r.n[0]);
    ops->hidden(r.sim, &r.n[1]);
    ops->constant(r.sim, &r.n[2]);
    const size_t rows = (size_t)count * steps;
    r.time = calloc(steps, sizeof(double));
    r.observed = calloc(rows * r.n[0], sizeof(double));
    r.hidden = calloc(rows * r.n[1], sizeof(double));
    r.constant = calloc((size_t)count * r.n[2], sizeof(double));
    assert_true(r.time && r.observed && r.hidden && r.constant);
    if (ops->generate(r.sim, SEED, first, count, steps, r.time, r.observed, r.hidden, r.constant, &err))
        fail_msg("generate %s: %s", names[kind], err.text);
    return r;
}

static void release(int kind, struct run *r)
{
    module[kind].ops->destroy(r->sim);
    free(r->time), free(r->observed), free(r->hidden), free(r->constant);
}

static void near(const char *what, size_t k, size_t i, double got, double want, double allowed)
{
    if (!(fabs(got - want) <= allowed))
        fail_msg("%s of trajectory %zu, step %zu, seed %ju: %.17g, expected %.17g, allowed %.3g", what, k, i,
                 (uintmax_t)SEED, got, want, allowed);
}

/* A few roundings of numbers of this size; an angle of up to `turns` radians loses as many units of its own. */
static double roundings(double size, double radians) { return 4 * DBL_EPSILON * size * (1 + fabs(radians)); }

static void sine_waves_are_sines(void **state)
{
    (void)state;
    const struct simulator_settings settings = simulator_defaults(&module[SINE]);
    struct run r = simulate(SINE, &settings, 0, 50, 100);
    assert_true(r.n[0] == 1 && r.n[1] == 2 && r.n[2] == 3);
    near("last time", 0, 99, r.time[99], 20, roundings(20, 0));
    for (size_t k = 0; k < r.count; ++k) {
        const double *c = r.constant + 3 * k, a = c[0], w = c[1], phi = c[2];
        for (size_t i = 0; i < r.steps; ++i) {
            const double angle = w * r.time[i] + phi, *h = r.hidden + 2 * (k * r.steps + i);
            near("x", k, i, r.observed[k * r.steps + i], a * sin(angle), roundings(a, angle));
            near("v", k, i, h[0], a * w * cos(angle), roundings(a * w, angle));
            near("acceleration", k, i, h[1], -w * w * a * sin(angle), roundings(a * w * w, angle));
        }
    }
    release(SINE, &r);
}

static void free_bodies_move_on_straight_lines(void **state)
{
    (void)state;
    struct simulator_settings settings = simulator_defaults(&module[UNIFORM]);
    struct run plane = simulate(UNIFORM, &settings, 0, 50, 40);
    simulator_set(&module[UNIFORM], &settings, "dimensions", 1);
    struct run line = simulate(UNIFORM, &settings, 0, 50, 40);
    assert_true(plane.n[0] == 2 && plane.n[1] == 2 && plane.n[2] == 2);
    assert_true(line.n[0] == 1 && line.n[1] == 1 && line.n[2] == 1);
    for (size_t k = 0; k < plane.count; ++k)
        for (size_t i = 0; i < plane.steps; ++i) {
            const size_t row = k * plane.steps + i;
            for (size_t c = 0; c < 2; ++c) {
                const double v = plane.hidden[2 * row + c], from = plane.constant[2 * k + c];
                near("velocity", k, i, v, plane.hidden[2 * k * plane.steps + c], 0);
                near("position", k, i, plane.observed[2 * row + c], from + v * 0.1 * (double)i, roundings(5, 0));
            }
            near("x on a line", k, i, line.observed[row], plane.observed[2 * row], 0);
            near("vx on a line", k, i, line.hidden[row], plane.hidden[2 * row], 0);
        }
    release(UNIFORM, &plane);
    release(UNIFORM, &line);
}

static void circles_are_round(void **state)
{
    (void)state;
    const struct simulator_settings settings = simulator_defaults(&module[CIRCLE]);
    struct run r = simulate(CIRCLE, &settings, 0, 50, 100);
    assert_true(r.n[0] == 2 && r.n[1] == 4 && r.n[2] == 3);
    for (size_t k = 0; k < r.count; ++k) {
        const double *c = r.constant + 3 * k, radius = c[0], w = c[1], phase = c[2];
        for (size_t i = 0; i < r.steps; ++i) {
            const double angle = w * r.time[i] + phase, *p = r.observed + 2 * (k * r.steps + i);
            const double *h = r.hidden + 4 * (k * r.steps + i);
            near("x", k, i, p[0], radius * cos(angle), roundings(radius, angle));
            near("y", k, i, p[1], radius * sin(angle), roundings(radius, angle));
            near("radius", k, i, hypot(p[0], p[1]), radius, roundings(radius, 0));
            near("vx", k, i, h[0], -radius * w * sin(angle), roundings(radius * w, angle));
            near("vy", k, i, h[1], radius * w * cos(angle), roundings(radius * w, angle));
            near("ax", k, i, h[2], -w * w * radius * cos(angle), roundings(radius * w * w, angle));
            near("ay", k, i, h[3], -w * w * radius * sin(angle), roundings(radius * w * w, angle));
        }
    }
    release(CIRCLE, &r);
}

/* The kinetic energy that the constants give, and with a force that of the spring. */
static double energy(int kind, const struct run *r, size_t k)
{
    const double *c = r->constant + k * r->n[2], *v = r->hidden + k * r->steps * r->n[1];
    if (kind == SINE) return 0.5 * c[0] * c[0] * c[1] * c[1];
    if (kind == CIRCLE) return c[0] * c[0] * c[1] * c[1];
    return 0.5 * (v[0] * v[0] + v[1] * v[1]);
}

static void energy_is_conserved(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; ++kind) {
        const struct simulator_settings settings = simulator_defaults(&module[kind]);
        struct run r = simulate(kind, &settings, 0, 20, 100);
        struct orr_error err = {0};
        double found[100];
        for (size_t k = 0; k < r.count; ++k) {
            assert_int_equal(module[kind].ops->invariant(r.sim, r.observed + k * 100 * r.n[0],
                                                         r.hidden + k * 100 * r.n[1], 100, found, &err),
                             ORR_OK);
            for (size_t i = 0; i < 100; ++i)
                near(names[kind], k, i, found[i], energy(kind, &r, k), roundings(energy(kind, &r, k), 1));
        }
        assert_int_equal(module[kind].ops->invariant(r.sim, r.observed, NULL, 1, found, &err), ORR_EINVAL);
        assert_non_null(strstr(err.text, "hidden"));
        release(kind, &r);
    }
}

/* Uniform: 8 equal bins, each within 5 standard deviations of its share (one false alarm in 2e6 a bin). */
static void assert_uniform(const struct run *r, size_t column, double low, double high)
{
    enum { BINS = 8 };
    uint32_t bin[BINS] = {0};
    for (size_t k = 0; k < r->count; ++k) {
        const double value = r->constant[k * r->n[2] + column];
        if (!(value >= low && value <= high)) fail_msg("constant %zu of trajectory %zu: %.17g", column, k, value);
        const size_t at = (size_t)((value - low) / (high - low) * BINS);
        ++bin[at < BINS ? at : BINS - 1];
    }
    const double share = (double)r->count / BINS;
    for (size_t i = 0; i < BINS; ++i)
        near("bin", column, i, bin[i], share, 5 * sqrt(share * (1 - 1.0 / BINS)));
}

static void draws_fill_their_ranges(void **state)
{
    (void)state;
    static const double range[KINDS][3][2] = {
        {{0.5, 1}, {0.5, 2}, {0, 6.283185307179586}}, {{-1, 1}, {-1, 1}}, {{0.5, 2}, {0.5, 2}, {0, 6.283185307179586}}};
    for (int kind = 0; kind < KINDS; ++kind) {
        const struct simulator_settings settings = simulator_defaults(&module[kind]);
        struct run r = simulate(kind, &settings, 0, 8000, 1);
        for (size_t c = 0; c < r.n[2]; ++c)
            assert_uniform(&r, c, range[kind][c][0], range[kind][c][1]);
        release(kind, &r);
    }
}

static void a_trajectory_is_its_number_alone(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; ++kind) {
        const struct simulator_settings settings = simulator_defaults(&module[kind]);
        struct run all = simulate(kind, &settings, 0, 9, 7);
        for (uint32_t k = 0; k < 9; ++k) {
            struct run one = simulate(kind, &settings, k, 1, 7);
            assert_memory_equal(one.observed, all.observed + 7 * k * all.n[0], 7 * all.n[0] * sizeof(double));
            assert_memory_equal(one.hidden, all.hidden + 7 * k * all.n[1], 7 * all.n[1] * sizeof(double));
            assert_memory_equal(one.constant, all.constant + k * all.n[2], all.n[2] * sizeof(double));
            release(kind, &one);
        }
        release(kind, &all);
    }
}

static void tables_are_sound_and_ranges_checked(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; ++kind) {
        const struct orr_plugin *plugin = module[kind].plugin;
        assert_string_equal(plugin->name, names[kind]);
        for (int i = 0; plugin->params[i].type; ++i) {
            const double value = strtod(plugin->params[i].fallback, NULL);
            if (value < plugin->params[i].min || value > plugin->params[i].max)
                fail_msg("%s: default of %s is out of range", names[kind], plugin->params[i].key);
        }
        struct simulator_settings settings = simulator_defaults(&module[kind]);
        struct orr_simulator *sim;
        struct orr_error err = {0};
        const char *key = plugin->params[0].key; /* ..._min */
        simulator_set(&module[kind], &settings, key, 100);
        assert_int_equal(module[kind].ops->create(settings.value, &sim, &err), ORR_EINVAL);
        assert_null(sim);
        if (!strstr(err.text, key) || !strstr(err.text, "100") || !strstr(err.text, names[kind]))
            fail_msg("%s: %s", key, err.text);
        simulator_set(&module[kind], &settings, plugin->params[1].key, 100);
        assert_int_equal(module[kind].ops->create(settings.value, &sim, &err), ORR_OK);
        module[kind].ops->destroy(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_waves_are_sines),
        cmocka_unit_test(free_bodies_move_on_straight_lines),
        cmocka_unit_test(circles_are_round),
        cmocka_unit_test(energy_is_conserved),
        cmocka_unit_test(draws_fill_their_ranges),
        cmocka_unit_test(a_trajectory_is_its_number_alone),
        cmocka_unit_test(tables_are_sound_and_ranges_checked),
    };
    return cmocka_run_group_tests(tests, load_modules, NULL);
}
