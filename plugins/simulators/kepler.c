/* Simulator `kepler`: one planet around a fixed sun, in the plane.
 *
 * In: ranges of eccentricity, semi-major axis and direction of perihelion, uniform in each. Out: positions; velocities
 * and forces beside them; the elements of the orbit. Closed form (kepler_orbit.c), so that the samples are exact to
 * rounding. Data of arXiv 2602.06923 with its defaults.
 */
#include "draws.h"
#include "kepler_orbit.h"
#include "orrery/plugin.h"
#include "orrery/simulator.h"

#include <math.h>
#include <stdatomic.h>

static const struct orr_host *_Atomic host;

/* ---- parameters ---- */

enum { E_MIN, E_MAX, A_MIN, A_MAX, ANGLE_MIN, ANGLE_MAX, GM, DT, RANDOM_PHASE };

static const struct orr_param params[] = {
    [E_MIN] = {"e_min", ORR_PARAM_REAL, "0", 0, 0.999999, "1", "Smallest eccentricity."},
    [E_MAX] = {"e_max", ORR_PARAM_REAL, "0.8", 0, 0.999999, "1", "Largest eccentricity; equal to e_min: always that."},
    [A_MIN] = {"a_min", ORR_PARAM_REAL, "0.5", 1e-3, 1e3, "length", "Smallest semi-major axis."},
    [A_MAX] = {"a_max", ORR_PARAM_REAL, "2", 1e-3, 1e3, "length",
               "Largest semi-major axis; equal to a_min: always that."},
    [ANGLE_MIN] = {"angle_min", ORR_PARAM_REAL, "0", -6.283185307179586, 6.283185307179586, "radian",
                   "Smallest angle from the x axis to perihelion."},
    [ANGLE_MAX] = {"angle_max", ORR_PARAM_REAL, "6.283185307179586", -6.283185307179586, 6.283185307179586, "radian",
                   "Largest angle from the x axis to perihelion; equal to angle_min: always that."},
    [GM] = {"gm", ORR_PARAM_REAL, "1", 1e-6, 1e6, "length^3/time^2", "Gravitational parameter of the sun."},
    [DT] = {"dt", ORR_PARAM_REAL, "0.20202020202020202", 1e-9, 1e6, "time",
            "Time between samples (the default is 20/99)."},
    [RANDOM_PHASE] = {"random_phase", ORR_PARAM_BOOL, "false", 0, 0, "1",
                      "Start at a mean anomaly uniform over the orbit instead of at perihelion."},
    {.type = ORR_PARAM_END},
};

struct orr_simulator {
    struct range e, a, angle;
    double gm, dt;
    bool random_phase;
};

static orr_status create(const union orr_value *param, struct orr_simulator **out, struct orr_error *err)
{
    *out = NULL;
    const struct orr_simulator wanted = {.e = {param[E_MIN].r, param[E_MAX].r},
                                         .a = {param[A_MIN].r, param[A_MAX].r},
                                         .angle = {param[ANGLE_MIN].r, param[ANGLE_MAX].r},
                                         .gm = param[GM].r,
                                         .dt = param[DT].r,
                                         .random_phase = param[RANDOM_PHASE].b};
    orr_status status = draws_check(host, &wanted.e, "kepler", "e", err);
    if (!status) status = draws_check(host, &wanted.a, "kepler", "a", err);
    if (!status) status = draws_check(host, &wanted.angle, "kepler", "angle", err);
    if (status) return status;

    struct orr_simulator *sim = host->alloc(sizeof *sim, _Alignof(struct orr_simulator));
    if (!sim) return host->fail(err, ORR_ENOMEM, "kepler: no memory for a simulator of %zu bytes", sizeof *sim);
    *sim = wanted;
    *out = sim;
    return ORR_OK;
}

static void destroy(struct orr_simulator *sim) { host->dealloc(sim); }

/* ---- columns ---- */

enum { X, Y, OBSERVED_COUNT };
static const struct orr_field observed_fields[] = {
    [X] = {"x", "length", "Position along the first axis; the sun is at the origin."},
    [Y] = {"y", "length", "Position along the second axis."},
};

enum { VX, VY, R, F_MAGNITUDE, FX, FY, HIDDEN_COUNT };
static const struct orr_field hidden_fields[] = {
    [VX] = {"vx", "length/time", "Velocity along the first axis."},
    [VY] = {"vy", "length/time", "Velocity along the second axis."},
    [R] = {"r", "length", "Distance from the sun."},
    [F_MAGNITUDE] = {"F_magnitude", "length/time^2", "Force on a unit of mass, GM/r^2."},
    [FX] = {"Fx", "length/time^2", "Force on a unit of mass along the first axis, -GM x/r^3."},
    [FY] = {"Fy", "length/time^2", "Force on a unit of mass along the second axis, -GM y/r^3."},
};

enum { E, A, B, C, LRL_X, LRL_Y, LRL_MAGNITUDE, LRL_ANGLE, ANGLE, AVERAGE_RADIUS, PHASE, CONSTANT_COUNT };
static const struct orr_field constant_fields[] = {
    [E] = {"e", "1", "Eccentricity."},
    [A] = {"a", "length", "Semi-major axis."},
    [B] = {"b", "length", "Semi-minor axis, a sqrt(1 - e^2)."},
    [C] = {"c", "length", "Distance from the centre of the ellipse to the sun, e a."},
    [LRL_X] = {"LRL_x", "1", "Laplace-Runge-Lenz vector in units of GM, first axis: e cos(angle)."},
    [LRL_Y] = {"LRL_y", "1", "Laplace-Runge-Lenz vector in units of GM, second axis: e sin(angle)."},
    [LRL_MAGNITUDE] = {"LRL_magnitude", "1", "Length of the Laplace-Runge-Lenz vector in units of GM: e."},
    [LRL_ANGLE] = {"LRL_angle", "radian", "Direction of the Laplace-Runge-Lenz vector, from -pi to pi."},
    [ANGLE] = {"angle", "radian", "Angle from the x axis to perihelion, as drawn."},
    [AVERAGE_RADIUS] = {"average_radius", "length", "Radius of the circle of equal area, sqrt(a b)."},
    [PHASE] = {"phase", "radian", "Mean anomaly at step 0; 0 is perihelion."},
};

static const struct orr_field *observed_columns(const struct orr_simulator *sim, uint32_t *n)
{
    (void)sim;
    *n = OBSERVED_COUNT;
    return observed_fields;
}

static const struct orr_field *hidden_columns(const struct orr_simulator *sim, uint32_t *n)
{
    (void)sim;
    *n = HIDDEN_COUNT;
    return hidden_fields;
}

static const struct orr_field *constant_columns(const struct orr_simulator *sim, uint32_t *n)
{
    (void)sim;
    *n = CONSTANT_COUNT;
    return constant_fields;
}

/* ---- trajectories ---- */

static struct kepler_elements draw_elements(const struct orr_simulator *sim, uint64_t seed, uint64_t k)
{
    uint32_t word[8];
    draws_words(host, seed, k, 2, word);
    return (struct kepler_elements){.gm = sim->gm,
                                    .eccentricity = draws_from(&sim->e, &word[0]),
                                    .semi_major = draws_from(&sim->a, &word[2]),
                                    .angle = draws_from(&sim->angle, &word[4]),
                                    .phase_in_turns = sim->random_phase ? draws_uniform(&word[6]) : 0};
}

static void write_constants(const struct kepler_orbit *orbit, double *out)
{
    const double e = orbit->of.eccentricity, a = orbit->of.semi_major, b = orbit->semi_minor;
    out[E] = e;
    out[A] = a;
    out[B] = b;
    out[C] = e * a;
    out[LRL_X] = e * orbit->cos_angle;
    out[LRL_Y] = e * orbit->sin_angle;
    out[LRL_MAGNITUDE] = e;
    out[LRL_ANGLE] = atan2(orbit->sin_angle, orbit->cos_angle);
    out[ANGLE] = orbit->of.angle;
    out[AVERAGE_RADIUS] = sqrt(a * b);
    out[PHASE] = orbit->of.phase_in_turns * 6.283185307179586;
}

static void write_hidden(const struct kepler_state *state, double gm, double *out)
{
    const double inverse = 1 / state->r;
    const double force = gm * inverse * inverse;
    out[VX] = state->vx;
    out[VY] = state->vy;
    out[R] = state->r;
    out[F_MAGNITUDE] = force;
    out[FX] = -force * (state->x * inverse);
    out[FY] = -force * (state->y * inverse);
}

static orr_status generate(const struct orr_simulator *sim, uint64_t seed, uint64_t first, uint32_t count,
                           uint32_t steps, double *time, double *observed, double *hidden, double *constant,
                           struct orr_error *err)
{
    (void)err;
    if (time)
        for (uint32_t i = 0; i < steps; ++i)
            time[i] = i * sim->dt;

    for (size_t k = 0; k < count; ++k) {
        const struct kepler_elements elements = draw_elements(sim, seed, first + k);
        const struct kepler_orbit orbit = kepler_orbit_of(&elements);
        if (constant) write_constants(&orbit, constant + k * CONSTANT_COUNT);
        if (!observed && !hidden) continue;
        for (uint32_t i = 0; i < steps; ++i) {
            const struct kepler_state state = kepler_state_at(&orbit, i * sim->dt);
            const size_t row = k * steps + i;
            if (observed) {
                observed[row * OBSERVED_COUNT + X] = state.x;
                observed[row * OBSERVED_COUNT + Y] = state.y;
            }
            if (hidden) write_hidden(&state, sim->gm, hidden + row * HIDDEN_COUNT);
        }
    }
    return ORR_OK;
}

/* Energy of a unit of mass, v^2/2 - GM/r (length^2/time^2), per step. Position and velocity only, so that it judges
 * predicted rows as well as simulated ones. */
static orr_status invariant(const struct orr_simulator *sim, const double *observed, const double *hidden,
                            uint32_t steps, double *out, struct orr_error *err)
{
    if (!observed || !hidden)
        return host->fail(err, ORR_EINVAL, "kepler: the energy needs the observed and the hidden columns; %s is NULL",
                          observed ? "hidden" : "observed");
    for (uint32_t i = 0; i < steps; ++i) {
        const double *position = observed + (size_t)i * OBSERVED_COUNT;
        const double *other = hidden + (size_t)i * HIDDEN_COUNT;
        const double r = sqrt(position[X] * position[X] + position[Y] * position[Y]);
        out[i] = 0.5 * (other[VX] * other[VX] + other[VY] * other[VY]) - sim->gm / r;
    }
    return ORR_OK;
}

/* ---- plugin ---- */

static const struct orr_simulator_ops ops = {.size = sizeof ops,
                                             .create = create,
                                             .destroy = destroy,
                                             .observed = observed_columns,
                                             .hidden = hidden_columns,
                                             .constant = constant_columns,
                                             .generate = generate,
                                             .invariant = invariant};

static const struct orr_plugin plugin = {ORR_PLUGIN_HEAD(ORR_SIMULATOR),
                                         .name = "kepler",
                                         .version = "0.1.0",
                                         .summary = "One planet around a fixed sun, closed form by Kepler's equation",
                                         .source = "Kepler's equation: Markley 1995; data: arXiv 2602.06923",
                                         .license = "MIT",
                                         .params = params,
                                         .ops = &ops};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
