/* What the tests of simulator `kepler` share: the module, its settings, its orbits.
 *
 * In: the module that ORRERY_TEST_KEPLER names. Out: generated orbits as arrays, or point by point with named fields.
 */
#ifndef ORRERY_TESTS_KEPLER_ORBITS_H
#define ORRERY_TESTS_KEPLER_ORBITS_H

#include "simulator_module.h"

#include <math.h>
#include <stdlib.h>

/* cmocka.h needs the two before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

#define SEED UINT64_C(20260206) /* any value: no test depends on it */

static const double two_pi = 6.283185307179586;
static struct simulator_module kepler;
static const struct orr_simulator_ops *ops;

static inline int load_module(void **state)
{
    (void)state;
    if (simulator_module_load("ORRERY_TEST_KEPLER", &kepler)) return -1;
    ops = kepler.ops;
    return 0;
}

static inline struct simulator_settings defaults(void) { return simulator_defaults(&kepler); }

static inline void set(struct simulator_settings *settings, const char *key, double value)
{
    simulator_set(&kepler, settings, key, value);
}

static inline double real_value(const struct simulator_settings *settings, const char *key)
{
    const int i = simulator_parameter(&kepler, key);
    assert_true(i >= 0);
    return settings->value[i].r;
}

static inline void set_orbit(struct simulator_settings *settings, double e, double a, double angle)
{
    set(settings, "e_min", e), set(settings, "e_max", e);
    set(settings, "a_min", a), set(settings, "a_max", a);
    set(settings, "angle_min", angle), set(settings, "angle_max", angle);
}

static inline struct orr_simulator *create(const struct simulator_settings *settings)
{
    struct orr_simulator *sim = NULL;
    struct orr_error err = {0};
    if (ops->create(settings->value, &sim, &err)) fail_msg("create: %s", err.text);
    return sim;
}

enum { OBSERVED = 2, HIDDEN = 6, CONSTANT = 11 };

struct orbits {
    uint32_t count, steps;
    double *time, *observed, *hidden, *constant;
};

static inline struct orbits orbits_new(uint32_t count, uint32_t steps)
{
    const size_t rows = (size_t)count * steps;
    struct orbits o = {count,
                       steps,
                       calloc(steps + 1u, sizeof(double)),
                       calloc(rows * OBSERVED + 1, sizeof(double)),
                       calloc(rows * HIDDEN + 1, sizeof(double)),
                       calloc((size_t)count * CONSTANT + 1, sizeof(double))};
    assert_true(o.time && o.observed && o.hidden && o.constant);
    return o;
}

static inline void orbits_free(struct orbits *o)
{
    free(o->time), free(o->observed), free(o->hidden), free(o->constant);
}

static inline struct orbits simulate(const struct simulator_settings *settings, uint64_t seed, uint32_t count,
                                     uint32_t steps)
{
    struct orr_simulator *sim = create(settings);
    struct orbits o = orbits_new(count, steps);
    struct orr_error err = {0};
    if (ops->generate(sim, seed, 0, count, steps, o.time, o.observed, o.hidden, o.constant, &err))
        fail_msg("generate: %s", err.text);
    ops->destroy(sim);
    return o;
}

/* One step of one orbit, and the orbit's constants, by name. */
struct point {
    double t, x, y, vx, vy, r, force, fx, fy;
    double e, a, b, lrl_x, lrl_y, angle, phase;
};

static inline struct point point_at(const struct orbits *o, size_t k, size_t i)
{
    const double *p = o->observed + (k * o->steps + i) * OBSERVED;
    const double *h = o->hidden + (k * o->steps + i) * HIDDEN;
    const double *c = o->constant + k * CONSTANT;
    return (struct point){o->time[i], p[0], p[1], h[0], h[1], h[2], h[3], h[4],
                          h[5],       c[0], c[1], c[2], c[4], c[5], c[8], c[10]};
}

static inline void assert_near(const char *what, size_t k, size_t i, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s, orbit %zu, step %zu, seed %ju: %.17g, expected %.17g, apart by %.3g, allowed %.3g", what, k, i,
                 (uintmax_t)SEED, got, want, fabs(got - want), tolerance);
}

#endif
