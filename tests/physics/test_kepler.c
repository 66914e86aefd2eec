/* Simulator `kepler` against golden orbits and against the laws of its physics.
 *
 * In: the module that ORRERY_TEST_KEPLER names, and the golden files in ORRERY_TEST_GOLDEN. Tolerances are stated where
 * they are used; eps is DBL_EPSILON, 2.2e-16, twice the error of one rounding.
 */
#include "golden.h"
#include "kepler_orbits.h"

#include <float.h>

/* ---- against numbers ---- */

/* 1e-13 absolute: what the project promises. The golden file itself is rounded arithmetic, good to about 3e-14. */
static void golden_orbits_are_reproduced(void **state)
{
    (void)state;
    struct golden *given = NULL, *exact = NULL;
    assert_int_equal(golden_load_named("kepler20.txt", &given), 0);
    assert_int_equal(golden_load_named("kepler20_exact.txt", &exact), 0);
    const struct golden_tensor *t = golden_find(given, "t"), *elements = golden_find(given, "e_a_angle");
    const struct golden_tensor *derived = golden_find(given, "orbital_params");
    const struct golden_tensor *position = golden_find(exact, "position_exact");
    const struct golden_tensor *velocity = golden_find(exact, "velocity_exact");
    assert_true(t && elements && derived && position && velocity);
    assert_int_equal(position->count, elements->dim[0] * t->count * 2);
    /* kepler20.txt: e, a, b, c, average_radius, LRL_x, LRL_y, LRL_magnitude, LRL_angle -> our columns */
    static const int column[] = {0, 1, 2, 3, 9, 4, 5, 6, 7};
    double worst[2] = {0, 0};

    for (size_t k = 0; k < elements->dim[0]; ++k) {
        struct simulator_settings settings = defaults();
        set_orbit(&settings, elements->value[3 * k], elements->value[3 * k + 1], elements->value[3 * k + 2]);
        struct orbits o = simulate(&settings, SEED, 1, (uint32_t)t->count);
        for (size_t i = 0; i < t->count; ++i) {
            assert_near("time", k, i, o.time[i], t->value[i], 0);
            for (size_t axis = 0; axis < 2; ++axis) {
                const size_t at = (k * t->count + i) * 2 + axis;
                const double x = o.observed[i * OBSERVED + axis], v = o.hidden[i * HIDDEN + axis];
                assert_near("position", k, i, x, position->value[at], 1e-13);
                assert_near("velocity", k, i, v, velocity->value[at], 1e-13);
                worst[0] = fmax(worst[0], fabs(x - position->value[at]));
                worst[1] = fmax(worst[1], fabs(v - velocity->value[at]));
            }
        }
        /* The file takes its LRL vector from the first point: a few roundings of numbers up to 1.8, over e >= 0.03
         * for the angle. Its perihelion direction lies in (-pi, pi], as ours. */
        for (size_t j = 0; j < sizeof column / sizeof *column; ++j)
            assert_near("constant", k, j, o.constant[column[j]], derived->value[k * derived->dim[1] + j], 4e-15 / 0.03);
        assert_near("e", k, 0, o.constant[0], elements->value[3 * k], 0);
        assert_near("a", k, 0, o.constant[1], elements->value[3 * k + 1], 0);
        assert_near("angle", k, 0, o.constant[8], elements->value[3 * k + 2], 0);
        orbits_free(&o);
    }
    print_message("golden orbits: position within %.2g, velocity within %.2g\n", worst[0], worst[1]);
    golden_free(given);
    golden_free(exact);
}

/* ---- against the laws ---- */

/* Every law that holds at each step, for `settings`. Each tolerance is a small number of roundings of the largest term
 * of its formula, computed beside it. */
static void check_laws(const struct simulator_settings *settings, uint32_t count, uint32_t steps)
{
    const double gm = real_value(settings, "gm");
    struct orr_simulator *sim = create(settings);
    struct orbits o = simulate(settings, SEED, count, steps);
    double *energy = calloc(steps, sizeof *energy);
    assert_non_null(energy);
    for (size_t k = 0; k < count; ++k) {
        struct orr_error err = {0};
        if (ops->invariant(sim, o.observed + k * steps * OBSERVED, o.hidden + k * steps * HIDDEN, steps, energy, &err))
            fail_msg("invariant: %s", err.text);
        for (size_t i = 0; i < steps; ++i) {
            const struct point p = point_at(&o, k, i);
            const double eps = DBL_EPSILON, v = hypot(p.vx, p.vy), r = hypot(p.x, p.y);
            const double momentum = p.x * p.vy - p.y * p.vx, flatness = p.a / p.b;
            /* A rounding of x of size eps a is a rounding of r of eps a/r, relative, and of all that is made of r. */
            const double here = eps * (8 + 4 * p.a / r);

            assert_near("r", k, i, p.r, r, r * here);
            assert_near("energy", k, i, energy[i], -gm / (2 * p.a), gm / r * here);
            assert_near("angular momentum", k, i, momentum, sqrt(gm * p.a * (1 - p.e) * (1 + p.e)), r * v * here);
            assert_near("LRL_x", k, i, p.vy * momentum / gm - p.x / r, p.lrl_x, (v * v * r / gm + 1) * 2 * here);
            assert_near("LRL_y", k, i, -p.vx * momentum / gm - p.y / r, p.lrl_y, (v * v * r / gm + 1) * 2 * here);
            assert_near("force", k, i, p.force, gm / (r * r), gm / (r * r) * 2 * here);
            assert_near("Fx", k, i, p.fx, -gm * p.x / (r * r * r), gm / (r * r) * 3 * here);
            assert_near("Fy", k, i, p.fy, -gm * p.y / (r * r * r), gm / (r * r) * 3 * here);

            /* Kepler's equation: E from the point, its mean anomaly against n t + phase. The point lies on a circle
             * of radius 1, its coordinates off by `flatness` times some eps; n t has three roundings. */
            const double px = cos(p.angle) * p.x + sin(p.angle) * p.y, py = cos(p.angle) * p.y - sin(p.angle) * p.x;
            const double anomaly = atan2(py / p.b, px / p.a + p.e);
            const double mean = sqrt(gm / (p.a * p.a * p.a)) * p.t + p.phase;
            const double apart = remainder(mean - (anomaly - p.e * sin(anomaly)), two_pi);
            assert_near("residual of Kepler's equation", k, i, apart, 0, eps * (2 * mean + 8 * flatness));
        }
    }
    free(energy);
    ops->destroy(sim);
    orbits_free(&o);
}

static void laws_hold(void **state)
{
    (void)state;
    struct simulator_settings settings = defaults();
    check_laws(&settings, 500, 100);
    set(&settings, "random_phase", 1);
    set(&settings, "gm", 3.7);
    check_laws(&settings, 500, 100);
}

static void laws_hold_at_high_eccentricity(void **state)
{
    (void)state;
    struct simulator_settings settings = defaults();
    set(&settings, "e_max", 0.999), set(&settings, "e_min", 0.97);
    check_laws(&settings, 500, 100);
    set(&settings, "random_phase", 1);
    check_laws(&settings, 500, 100);
    set_orbit(&settings, 0.97, 1, 0);
    set(&settings, "random_phase", 0), set(&settings, "dt", 1e-4); /* the region of perihelion, closely sampled */
    check_laws(&settings, 1, 2000);
}

/* E - sin E for 0 <= E < 1, summed until a term no longer counts. */
static double excess(double angle)
{
    double term = angle * angle * angle / 6, sum = 0;
    for (int n = 4; fabs(term) > sum * DBL_EPSILON / 8; n += 2) {
        sum += term;
        term *= -angle * angle / (n * (n + 1));
    }
    return sum;
}

/* Close to perihelion of a long ellipse r is thousands of times smaller than a, and must still be good to some eps of
 * itself, or the force is not. E comes from the direction of motion; a relative error of E is at most three times as
 * large in M. */
static void perihelion_keeps_its_digits(void **state)
{
    (void)state;
    static const double eccentricities[] = {0.97, 0.999, 0.999999};
    for (size_t k = 0; k < sizeof eccentricities / sizeof *eccentricities; ++k) {
        const double e = eccentricities[k], b = sqrt((1 - e) * (1 + e));
        struct simulator_settings settings = defaults();
        set_orbit(&settings, e, 1, 0);
        set(&settings, "dt", 0.1 * pow(1 - e, 1.5)); /* 50 steps: E up to 0.5, or less */
        struct orbits o = simulate(&settings, SEED, 1, 50);
        for (size_t i = 0; i < o.steps; ++i) {
            const struct point p = point_at(&o, 0, i);
            const double angle = atan2(-p.vx * b, p.vy), half = sin(angle / 2);
            const double r = (1 - e) + 2 * e * half * half, mean = (1 - e) * angle + e * excess(angle);
            assert_near("mean anomaly", k, i, mean, p.t, 16 * DBL_EPSILON * p.t);
            assert_near("r", k, i, p.r, r, 16 * DBL_EPSILON * r);
            assert_near("force", k, i, p.force, 1 / (r * r), 32 * DBL_EPSILON / (r * r));
        }
        orbits_free(&o);
    }
}

static void circles_hold(void **state)
{
    (void)state;
    struct simulator_settings settings = defaults();
    set(&settings, "e_max", 0);
    check_laws(&settings, 50, 100);
}

/* T = 2 pi sqrt(a^3 / GM). The last place of dt, over t, is a way of v eps t; the sample itself is off by eps a. */
static void period_follows_keplers_third_law(void **state)
{
    (void)state;
    enum { PER_PERIOD = 64, PERIODS = 10 };
    static const double cases[][3] = {{0, 1, 1}, {0.8, 0.5, 1}, {0.3, 2, 1}, {0.6, 1.7, 4}, {0.97, 1, 0.25}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        const double e = cases[k][0], a = cases[k][1], gm = cases[k][2];
        const double period = two_pi * sqrt(a * a * a / gm), fastest = sqrt(gm / a * (1 + e) / (1 - e));
        struct simulator_settings settings = defaults();
        set_orbit(&settings, e, a, 0.7);
        set(&settings, "gm", gm), set(&settings, "dt", period / PER_PERIOD);
        struct orbits o = simulate(&settings, SEED, 1, PER_PERIOD * PERIODS + 1);
        for (size_t i = PER_PERIOD; i < o.steps; ++i) {
            const struct point was = point_at(&o, 0, i % PER_PERIOD), is = point_at(&o, 0, i);
            const double tolerance = DBL_EPSILON * (4 * fastest * is.t + 8 * a);
            assert_near("x, whole periods later", k, i, is.x, was.x, tolerance);
            assert_near("y, whole periods later", k, i, is.y, was.y, tolerance);
        }
        /* and no shorter period: half way round it is farthest, on the other side */
        const struct point far = point_at(&o, 0, PER_PERIOD / 2);
        assert_near("x of aphelion", k, PER_PERIOD / 2, far.x, -a * (1 + e) * cos(0.7), 16 * DBL_EPSILON * a);
        assert_near("y of aphelion", k, PER_PERIOD / 2, far.y, -a * (1 + e) * sin(0.7), 16 * DBL_EPSILON * a);
        orbits_free(&o);
    }
}

/* A circle with n = sqrt(2): the angle n t to twice the precision of a double, less whole turns, against the point. In
 * plain doubles it would be off by 1e-10 at these times; some eps are allowed. */
static void many_periods_keep_the_phase(void **state)
{
    (void)state;
    const double two_pi_rest = 2.4492935982947064e-16; /* 2 pi less two_pi */
    const double n = sqrt(2), n_rest = -fma(n, n, -2) / (2 * n);
    struct simulator_settings settings = defaults();
    set_orbit(&settings, 0, 1, 0);
    set(&settings, "gm", 2), set(&settings, "dt", 1e4 + 1.0 / 3);
    struct orbits o = simulate(&settings, SEED, 1, 100);
    for (size_t i = 0; i < o.steps; ++i) {
        const double t = o.time[i], product = n * t, turns = nearbyint(product / two_pi);
        const double rest = fma(n, t, -product) + n_rest * t - turns * two_pi_rest;
        const double angle = fma(-turns, two_pi, product) + rest;
        assert_near("x", 0, i, o.observed[i * OBSERVED], cos(angle), 8 * DBL_EPSILON);
        assert_near("y", 0, i, o.observed[i * OBSERVED + 1], sin(angle), 8 * DBL_EPSILON);
    }
    orbits_free(&o);
}

/* Central differences over 2h. Truncation: h^2/6 of the third derivative, of x at most 4 GM v / r^3, of v at most
 * 46 GM^2 / r^5 (differentiate -GM x/r^3 and use v^2 < 2 GM/r). Rounding: some eps of the value, over h. */
static void velocity_and_force_are_derivatives(void **state)
{
    (void)state;
    const double h = 1e-5;
    struct simulator_settings settings = defaults();
    set(&settings, "dt", h), set(&settings, "random_phase", 1);
    struct orbits o = simulate(&settings, SEED, 2000, 3);
    for (size_t k = 0; k < o.count; ++k) {
        const struct point p = point_at(&o, k, 0), q = point_at(&o, k, 1), s = point_at(&o, k, 2);
        const double r = fmin(p.r, fmin(q.r, s.r)), v = sqrt(2 / r);
        const double of_position = h * h / 6 * 4 * v / (r * r * r) + 8 * DBL_EPSILON * p.a / h;
        const double of_velocity = h * h / 6 * 46 / pow(r, 5) + 8 * DBL_EPSILON * v / h;
        assert_near("vx", k, 1, q.vx, (s.x - p.x) / (2 * h), of_position);
        assert_near("vy", k, 1, q.vy, (s.y - p.y) / (2 * h), of_position);
        assert_near("Fx", k, 1, q.fx, (s.vx - p.vx) / (2 * h), of_velocity);
        assert_near("Fy", k, 1, q.fy, (s.vy - p.vy) / (2 * h), of_velocity);
        if (!(q.x * q.vy - q.y * q.vx > 0)) fail_msg("orbit %zu runs clockwise", k);
    }
    orbits_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_orbits_are_reproduced),
        cmocka_unit_test(laws_hold),
        cmocka_unit_test(laws_hold_at_high_eccentricity),
        cmocka_unit_test(perihelion_keeps_its_digits),
        cmocka_unit_test(circles_hold),
        cmocka_unit_test(period_follows_keplers_third_law),
        cmocka_unit_test(many_periods_keep_the_phase),
        cmocka_unit_test(velocity_and_force_are_derivatives),
    };
    return cmocka_run_group_tests_name("kepler", tests, load_module, NULL);
}
