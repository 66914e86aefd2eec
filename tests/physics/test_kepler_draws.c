/* Simulator `kepler` as a plugin: its tables, its draws, refusals and speed.
 *
 * In: the module that ORRERY_TEST_KEPLER names. Every orbit must be a function of the seed and its number only: of no
 * range, no order and no thread.
 */
#include "kepler_orbits.h"

#include <float.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* ---- the plugin's own description ---- */

static void assert_names(const struct orr_field *field, uint32_t n, const char *const *names, uint32_t expected)
{
    assert_int_equal(n, expected);
    for (uint32_t i = 0; i < n; ++i) {
        assert_string_equal(field[i].name, names[i]);
        assert_true(field[i].unit && *field[i].unit && field[i].doc && *field[i].doc);
    }
}

static void describes_itself(void **state)
{
    (void)state;
    static const char *const observed[] = {"x", "y"};
    static const char *const hidden[] = {"vx", "vy", "r", "F_magnitude", "Fx", "Fy"};
    static const char *const constant[] = {
        "e", "a", "b", "c", "LRL_x", "LRL_y", "LRL_magnitude", "LRL_angle", "angle", "average_radius", "phase"};
    assert_int_equal(kepler.plugin->magic, ORR_ABI_MAGIC);
    assert_int_equal(kepler.plugin->abi_major, ORR_ABI_MAJOR);
    assert_int_equal(kepler.plugin->kind, ORR_SIMULATOR);
    assert_string_equal(kepler.plugin->name, "kepler");
    for (const struct orr_param *p = kepler.plugin->params; p->type; ++p) {
        if (p->type != ORR_PARAM_REAL) continue;
        char *end = NULL;
        const double value = strtod(p->fallback, &end);
        if (*end || value < p->min || value > p->max)
            fail_msg("%s: default %s is no real in range", p->key, p->fallback);
    }
    const struct simulator_settings settings = defaults();
    assert_near("dt", 0, 0, real_value(&settings, "dt"), 20.0 / 99, 0);
    assert_near("angle_max", 0, 0, real_value(&settings, "angle_max"), two_pi, 0);

    struct orr_simulator *sim = create(&settings);
    uint32_t n = 0;
    const struct orr_field *field = ops->observed(sim, &n);
    assert_names(field, n, observed, OBSERVED);
    field = ops->hidden(sim, &n);
    assert_names(field, n, hidden, HIDDEN);
    field = ops->constant(sim, &n);
    assert_names(field, n, constant, CONSTANT);
    ops->destroy(sim);
}

/* ---- draws ---- */

/* Uniform: 8 equal bins, each within 5 standard deviations of its share (one false alarm in 2e6 a bin). */
static void assert_uniform(const char *what, const struct orbits *o, size_t column, double min, double max)
{
    enum { BINS = 8 };
    uint32_t bin[BINS] = {0};
    for (size_t k = 0; k < o->count; ++k) {
        const double value = o->constant[k * CONSTANT + column];
        if (!(value >= min && value <= max)) fail_msg("%s of orbit %zu: %.17g", what, k, value);
        const size_t at = (size_t)((value - min) / (max - min) * BINS);
        ++bin[at < BINS ? at : BINS - 1];
    }
    const double share = (double)o->count / BINS;
    for (size_t i = 0; i < BINS; ++i)
        assert_near(what, 0, i, bin[i], share, 5 * sqrt(share * (1 - 1.0 / BINS)));
}

/* Draws of different columns have nothing to do with one another: their correlation is within 5 of its standard
 * deviations, 1/sqrt(count). */
static void assert_unrelated(const struct orbits *o, size_t first, size_t second)
{
    double sum[2] = {0, 0}, square[2] = {0, 0}, product = 0;
    const double n = o->count;
    for (size_t k = 0; k < o->count; ++k) {
        const double x = o->constant[k * CONSTANT + first], y = o->constant[k * CONSTANT + second];
        sum[0] += x, sum[1] += y, square[0] += x * x, square[1] += y * y, product += x * y;
    }
    const double spread = sqrt((square[0] - sum[0] * sum[0] / n) * (square[1] - sum[1] * sum[1] / n));
    assert_near("correlation", first, second, (product - sum[0] * sum[1] / n) / spread, 0, 5 / sqrt(n));
}

static void draws_are_uniform_and_phase_is_optional(void **state)
{
    (void)state;
    struct simulator_settings settings = defaults();
    struct orbits still = simulate(&settings, SEED, 8000, 1);
    set(&settings, "random_phase", 1);
    struct orbits turned = simulate(&settings, SEED, 8000, 1);

    assert_uniform("e", &still, 0, 0, 0.8);
    assert_uniform("a", &still, 1, 0.5, 2);
    assert_uniform("angle", &still, 8, 0, two_pi);
    assert_uniform("phase", &turned, 10, 0, two_pi);
    static const size_t drawn[] = {0, 1, 8, 10};
    for (size_t i = 0; i < 4; ++i)
        for (size_t j = 0; j < i; ++j)
            assert_unrelated(&turned, drawn[i], drawn[j]);
    for (size_t k = 0; k < still.count; ++k) {
        const struct point p = point_at(&still, k, 0), q = point_at(&turned, k, 0);
        assert_near("phase", k, 0, p.phase, 0, 0);
        assert_near("x of perihelion", k, 0, p.x, p.a * (1 - p.e) * cos(p.angle), 4 * DBL_EPSILON * p.a);
        assert_near("y of perihelion", k, 0, p.y, p.a * (1 - p.e) * sin(p.angle), 4 * DBL_EPSILON * p.a);
        assert_true(p.e == q.e && p.a == q.a && p.angle == q.angle);
    }
    orbits_free(&still);
    orbits_free(&turned);
}

struct share {
    const struct orr_simulator *sim;
    uint64_t first;
    struct orbits out;
    orr_status status;
    pthread_t thread;
};

static void *generate_share(void *argument)
{
    struct share *s = argument;
    struct orr_error err = {0};
    s->status = ops->generate(s->sim, SEED, s->first, s->out.count, s->out.steps, NULL, s->out.observed, s->out.hidden,
                              s->out.constant, &err);
    return NULL;
}

static struct share share_of(const struct orr_simulator *sim, const struct orbits *o, uint32_t first, uint32_t count)
{
    const size_t row = (size_t)first * o->steps;
    return (struct share){.sim = sim,
                          .first = first,
                          .out = {count, o->steps, NULL, o->observed + row * OBSERVED,
                                  o->hidden ? o->hidden + row * HIDDEN : NULL,
                                  o->constant ? o->constant + (size_t)first * CONSTANT : NULL}};
}

static void generate_on_two_threads(const struct orr_simulator *sim, const struct orbits *o)
{
    struct share half[2] = {share_of(sim, o, 0, o->count / 2), share_of(sim, o, o->count / 2, o->count - o->count / 2)};
    for (int i = 0; i < 2; ++i)
        assert_int_equal(pthread_create(&half[i].thread, NULL, generate_share, &half[i]), 0);
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(pthread_join(half[i].thread, NULL), 0);
        assert_int_equal(half[i].status, ORR_OK);
    }
}

static void assert_same_bits(const struct orbits *a, const struct orbits *b)
{
    const size_t rows = (size_t)a->count * a->steps * sizeof(double);
    assert_memory_equal(a->observed, b->observed, rows * OBSERVED);
    assert_memory_equal(a->hidden, b->hidden, rows * HIDDEN);
    assert_memory_equal(a->constant, b->constant, a->count * sizeof(double) * CONSTANT);
}

static void bits_do_not_depend_on_the_split(void **state)
{
    (void)state;
    enum { COUNT = 301, STEPS = 20 };
    static const uint32_t ends[] = {0, 0, 1, 3, 100, COUNT}; /* shares of 0, 1 and 2 orbits among them */
    struct simulator_settings settings = defaults();
    set(&settings, "random_phase", 1);
    struct orr_simulator *sim = create(&settings);
    struct orbits whole = simulate(&settings, SEED, COUNT, STEPS), parts = orbits_new(COUNT, STEPS);

    for (size_t i = sizeof ends / sizeof *ends - 1; i > 0; --i) { /* last first */
        struct share share = share_of(sim, &parts, ends[i - 1], ends[i] - ends[i - 1]);
        generate_share(&share);
        assert_int_equal(share.status, ORR_OK);
    }
    assert_same_bits(&parts, &whole);

    struct orbits threads = orbits_new(COUNT, STEPS);
    generate_on_two_threads(sim, &threads);
    assert_same_bits(&threads, &whole);

    ops->destroy(sim);
    orbits_free(&whole), orbits_free(&parts), orbits_free(&threads);
}

static void every_orbit_has_draws_of_its_own(void **state)
{
    (void)state;
    static const uint64_t which[][2] = {{0, 0}, {1, 0}, {UINT64_C(1) << 32, 0}, {0, 1}, {0, UINT64_C(1) << 32}};
    enum { COUNT = sizeof which / sizeof *which };
    const struct simulator_settings settings = defaults();
    struct orr_simulator *sim = create(&settings);
    double constant[COUNT][CONSTANT];
    for (size_t i = 0; i < COUNT; ++i) {
        struct orr_error err = {0};
        assert_int_equal(ops->generate(sim, which[i][0], which[i][1], 1, 1, NULL, NULL, NULL, constant[i], &err),
                         ORR_OK);
        for (size_t j = 0; j < i; ++j)
            assert_true(constant[i][0] != constant[j][0] && constant[i][1] != constant[j][1]);
    }
    ops->destroy(sim);
}

static void each_output_may_be_left_out(void **state)
{
    (void)state;
    const struct simulator_settings settings = defaults();
    struct orr_simulator *sim = create(&settings);
    for (uint32_t steps = 0; steps < 3; ++steps) {
        for (uint32_t count = 0; count < 3; ++count) {
            struct orbits all = simulate(&settings, SEED, count, steps), alone = orbits_new(count, steps);
            struct orr_error err = {0};
            assert_int_equal(ops->generate(sim, SEED, 0, count, steps, alone.time, NULL, NULL, NULL, &err), ORR_OK);
            assert_int_equal(ops->generate(sim, SEED, 0, count, steps, NULL, alone.observed, NULL, NULL, &err), ORR_OK);
            assert_int_equal(ops->generate(sim, SEED, 0, count, steps, NULL, NULL, alone.hidden, NULL, &err), ORR_OK);
            assert_int_equal(ops->generate(sim, SEED, 0, count, steps, NULL, NULL, NULL, alone.constant, &err), ORR_OK);
            assert_memory_equal(alone.time, all.time, (steps + 1u) * sizeof(double));
            if (count && steps) assert_same_bits(&alone, &all);
            orbits_free(&all), orbits_free(&alone);
        }
    }
    ops->destroy(sim);
}

/* ---- refusals ---- */

static void bad_ranges_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *min, *max;
        double low, high;
        const char *says[2];
    } cases[] = {{"e_min", "e_max", 0.5, 0.25, {"e_min 0.5", "e_max 0.25"}},
                 {"a_min", "a_max", 2, 1.5, {"a_min 2", "a_max 1.5"}},
                 {"angle_min", "angle_max", 0.75, -0.5, {"angle_min 0.75", "angle_max -0.5"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct simulator_settings settings = defaults();
        set(&settings, cases[i].min, cases[i].low), set(&settings, cases[i].max, cases[i].high);
        struct orr_simulator *sim = (struct orr_simulator *)(uintptr_t)1;
        struct orr_error err = {0};
        assert_int_equal(ops->create(settings.value, &sim, &err), ORR_EINVAL);
        assert_null(sim);
        assert_int_equal(err.code, ORR_EINVAL);
        for (size_t j = 0; j < 2; ++j)
            if (!strstr(err.text, cases[i].says[j])) fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says[j]);
    }
}

static void energy_without_velocities_is_refused(void **state)
{
    (void)state;
    const struct simulator_settings settings = defaults();
    struct orr_simulator *sim = create(&settings);
    const double position[2] = {1, 0};
    double energy = 0;
    struct orr_error err = {0};
    assert_int_equal(ops->invariant(sim, position, NULL, 1, &energy, &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "hidden is NULL"));
    ops->destroy(sim);
}

/* ---- speed ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Best of three, so that a busy machine is not taken for a slow simulator. Checked builds only print the figure. */
static void twenty_thousand_orbits_take_half_a_second(void **state)
{
    (void)state;
    const char *preload = getenv("LD_PRELOAD");
    const bool checked_build = ORR_BUILD_FLAGS || kepler.plugin->build || (preload && strstr(preload, "vgpreload"));
    const struct simulator_settings settings = defaults();
    struct orr_simulator *sim = create(&settings);
    struct orbits o = orbits_new(20000, 100);
    free(o.hidden);
    o.hidden = NULL;
    double best = INFINITY;
    for (int i = 0; i < 3; ++i) {
        const double start = seconds();
        generate_on_two_threads(sim, &o);
        best = fmin(best, seconds() - start);
    }
    print_message("20,000 orbits of 100 points on two threads: %.3f s\n", best);
    if (!checked_build && !(best < 0.5)) fail_msg("%.3f s, expected less than 0.5 s", best);
    ops->destroy(sim);
    orbits_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_itself),
        cmocka_unit_test(draws_are_uniform_and_phase_is_optional),
        cmocka_unit_test(bits_do_not_depend_on_the_split),
        cmocka_unit_test(every_orbit_has_draws_of_its_own),
        cmocka_unit_test(each_output_may_be_left_out),
        cmocka_unit_test(bad_ranges_are_refused),
        cmocka_unit_test(energy_without_velocities_is_refused),
        cmocka_unit_test(twenty_thousand_orbits_take_half_a_second),
    };
    return cmocka_run_group_tests_name("kepler_draws", tests, load_module, NULL);
}
