/* Simulator `random_walk`: steps in the plane that know nothing of one another, in place of orbits.
 *
 * In: a range of starting radii, the size of a step, the ring that is not left. Out: positions; of each the force that
 * a sun at the origin would have there, which the walk does not feel. A control: what a probe finds in a network that
 * was trained on these is no dynamics. With its defaults radii, steps and the smallest distance are those of `kepler`.
 */
#include "draws.h"
#include "orrery/plugin.h"
#include "orrery/simulator.h"

#include <math.h>
#include <stdatomic.h>

static const struct orr_host *_Atomic host;

/* ---- parameters ---- */

enum { RADIUS_MIN, RADIUS_MAX, STEP, RING_MIN, RING_MAX, GM, DT };

static const struct orr_param params[] = {
    [RADIUS_MIN] = {"radius_min", ORR_PARAM_REAL, "0.5", 1e-3, 1e3, "length", "Smallest distance to begin at."},
    [RADIUS_MAX] = {"radius_max", ORR_PARAM_REAL, "2", 1e-3, 1e3, "length",
                    "Largest distance to begin at; equal to radius_min: always that."},
    [STEP] = {"step", ORR_PARAM_REAL, "0.143", 0, 1e3, "length",
              "Standard deviation of a step along each axis (the default gives the mean length of kepler's, 0.179)."},
    [RING_MIN] = {"ring_min", ORR_PARAM_REAL, "0.1", 1e-6, 1e3, "length", "Distance that is not undercut."},
    [RING_MAX] = {"ring_max", ORR_PARAM_REAL, "3.6", 1e-3, 1e4, "length", "Distance that is not exceeded."},
    [GM] = {"gm", ORR_PARAM_REAL, "1", 1e-6, 1e6, "length^3/time^2", "Of the force that is not felt."},
    [DT] = {"dt", ORR_PARAM_REAL, "0.20202020202020202", 1e-9, 1e6, "time", "Time between samples."},
    {.type = ORR_PARAM_END},
};

struct orr_simulator {
    struct range radius, ring;
    double step, gm, dt;
};

static orr_status create(const union orr_value *param, struct orr_simulator **out, struct orr_error *err)
{
    *out = NULL;
    const struct orr_simulator wanted = {.radius = {param[RADIUS_MIN].r, param[RADIUS_MAX].r},
                                         .ring = {param[RING_MIN].r, param[RING_MAX].r},
                                         .step = param[STEP].r,
                                         .gm = param[GM].r,
                                         .dt = param[DT].r};
    const orr_status status = draws_check(host, &wanted.radius, "random_walk", "radius", err);
    if (status) return status;
    if (wanted.radius.min < wanted.ring.min || wanted.radius.max > wanted.ring.max)
        return host->fail(err, ORR_EINVAL,
                          "random_walk: radii from %g to %g do not lie in the ring from %g to %g: change radius_min, "
                          "radius_max, ring_min or ring_max",
                          wanted.radius.min, wanted.radius.max, wanted.ring.min, wanted.ring.max);
    struct orr_simulator *sim = host->alloc(sizeof *sim, _Alignof(struct orr_simulator));
    if (!sim) return host->fail(err, ORR_ENOMEM, "random_walk: no memory for a simulator of %zu bytes", sizeof *sim);
    *sim = wanted;
    *out = sim;
    return ORR_OK;
}

static void destroy(struct orr_simulator *sim) { host->dealloc(sim); }

/* ---- columns ---- */

enum { X, Y, OBSERVED_COUNT };
static const struct orr_field observed_fields[] = {
    [X] = {"x", "length", "Position along the first axis."},
    [Y] = {"y", "length", "Position along the second axis."},
};

enum { R, F_MAGNITUDE, FX, FY, HIDDEN_COUNT };
static const struct orr_field hidden_fields[] = {
    [R] = {"r", "length", "Distance from the origin."},
    [F_MAGNITUDE] = {"F_magnitude", "length/time^2", "GM/r^2, which the walk does not feel."},
    [FX] = {"Fx", "length/time^2", "-GM x/r^3, which the walk does not feel."},
    [FY] = {"Fy", "length/time^2", "-GM y/r^3, which the walk does not feel."},
};

enum { RADIUS, DIRECTION, CONSTANT_COUNT };
static const struct orr_field constant_fields[] = {
    [RADIUS] = {"radius", "length", "Distance that the walk begins at."},
    [DIRECTION] = {"direction", "radian", "Angle from the x axis to where it begins."},
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

/* Two normal numbers from the words of one step (Box and Muller 1958). */
static void draw_step(uint64_t seed, uint64_t k, uint32_t step, double size, double out[2])
{
    enum { STREAM = 2 };
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {step, (uint32_t)k, (uint32_t)(k >> 32), STREAM};
    uint32_t word[4];
    host->philox(key, counter, word);
    const double length = size * sqrt(-2 * log(1 - draws_uniform(&word[0])));
    const double angle = 6.283185307179586 * draws_uniform(&word[2]);
    out[0] = length * cos(angle);
    out[1] = length * sin(angle);
}

static bool is_inside(const struct orr_simulator *sim, double x, double y)
{
    const double r = sqrt(x * x + y * y);
    return r >= sim->ring.min && r <= sim->ring.max;
}

/* A step that would leave the ring is taken the other way, and where that leaves it too, not at all. */
static void move(const struct orr_simulator *sim, const double step[2], double *x, double *y)
{
    for (int sign = 1; sign >= -1; sign -= 2) {
        const double to_x = *x + sign * step[0], to_y = *y + sign * step[1];
        if (!is_inside(sim, to_x, to_y)) continue;
        *x = to_x;
        *y = to_y;
        return;
    }
}

static void write_hidden(double x, double y, double gm, double *out)
{
    const double r = sqrt(x * x + y * y), force = gm / (r * r);
    out[R] = r;
    out[F_MAGNITUDE] = force;
    out[FX] = -force * (x / r);
    out[FY] = -force * (y / r);
}

static orr_status generate(const struct orr_simulator *sim, uint64_t seed, uint64_t first, uint32_t count,
                           uint32_t steps, double *time, double *observed, double *hidden, double *constant,
                           struct orr_error *err)
{
    (void)err;
    for (uint32_t i = 0; time && i < steps; ++i)
        time[i] = i * sim->dt;
    for (size_t k = 0; k < count; ++k) {
        uint32_t word[4];
        draws_words(host, seed, first + k, 1, word);
        const double radius = draws_from(&sim->radius, &word[0]), angle = 6.283185307179586 * draws_uniform(&word[2]);
        double x = radius * cos(angle), y = radius * sin(angle);
        if (constant) {
            constant[k * CONSTANT_COUNT + RADIUS] = radius;
            constant[k * CONSTANT_COUNT + DIRECTION] = angle;
        }
        for (uint32_t i = 0; (observed || hidden) && i < steps; ++i) {
            double step[2];
            draw_step(seed, first + k, i, sim->step, step);
            if (i > 0) move(sim, step, &x, &y);
            if (observed) {
                observed[(k * steps + i) * OBSERVED_COUNT + X] = x;
                observed[(k * steps + i) * OBSERVED_COUNT + Y] = y;
            }
            if (hidden) write_hidden(x, y, sim->gm, hidden + (k * steps + i) * HIDDEN_COUNT);
        }
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
                                             .generate = generate};

static const struct orr_plugin plugin = {ORR_PLUGIN_HEAD(ORR_SIMULATOR),
                                         .name = "random_walk",
                                         .version = "0.1.0",
                                         .summary = "Independent steps in the plane: a control in place of orbits",
                                         .source = "Box and Muller 1958",
                                         .license = "MIT",
                                         .params = params,
                                         .ops = &ops};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
