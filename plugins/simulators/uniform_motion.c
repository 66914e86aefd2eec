/* Simulator `uniform_motion`: a body that nothing acts on, x = x0 + v t, on a line or in the plane.
 *
 * In: ranges of position at time 0 and of velocity, uniform in each. Out: position; velocity beside it; where it began.
 * Newton's first law. The numbers of the first axis do not depend on whether there is a second.
 */
#include "motion.h"

enum { X0, VX, Y0, VY, DRAWN };

static const struct orr_param params[] = {
    {"x_min", ORR_PARAM_REAL, "-1", -1e6, 1e6, "length", "Smallest position on the first axis at time 0."},
    {"x_max", ORR_PARAM_REAL, "1", -1e6, 1e6, "length", "Largest position on the first axis at time 0."},
    {"vx_min", ORR_PARAM_REAL, "-1", -1e6, 1e6, "length/time", "Smallest velocity along the first axis."},
    {"vx_max", ORR_PARAM_REAL, "1", -1e6, 1e6, "length/time", "Largest velocity along the first axis."},
    {"y_min", ORR_PARAM_REAL, "-1", -1e6, 1e6, "length", "Smallest position on the second axis at time 0."},
    {"y_max", ORR_PARAM_REAL, "1", -1e6, 1e6, "length", "Largest position on the second axis at time 0."},
    {"vy_min", ORR_PARAM_REAL, "-1", -1e6, 1e6, "length/time", "Smallest velocity along the second axis."},
    {"vy_max", ORR_PARAM_REAL, "1", -1e6, 1e6, "length/time", "Largest velocity along the second axis."},
    {"dt", ORR_PARAM_REAL, "0.1", 1e-9, 1e6, "time", "Time between samples."},
    {"dimensions", ORR_PARAM_INT, "2", 1, 2, "1", "Axes: 1 for a line, 2 for the plane."},
    {.type = ORR_PARAM_END},
};

static const struct orr_field observed[] = {
    {"x", "length", "Position on the first axis, x0 + vx t."},
    {"y", "length", "Position on the second axis, y0 + vy t."},
};
static const struct orr_field hidden[] = {
    {"vx", "length/time", "Velocity along the first axis."},
    {"vy", "length/time", "Velocity along the second axis."},
};
static const struct orr_field constant[] = {
    {"x0", "length", "Position on the first axis at time 0."},
    {"y0", "length", "Position on the second axis at time 0."},
};

static void at(const double *drawn, double time, double *position, double *velocity)
{
    position[0] = drawn[X0] + drawn[VX] * time;
    position[1] = drawn[Y0] + drawn[VY] * time;
    velocity[0] = drawn[VX];
    velocity[1] = drawn[VY];
}

static void constants(const double *drawn, double *out)
{
    out[0] = drawn[X0];
    out[1] = drawn[Y0];
}

const struct motion motion = {.name = "uniform_motion",
                              .params = params,
                              .drawn = DRAWN,
                              .dimensions = 2,
                              .observed = observed,
                              .hidden = hidden,
                              .constant = constant,
                              .n_observed = 2,
                              .n_hidden = 2,
                              .n_constant = 2,
                              .at = at,
                              .constants = constants};

static const struct orr_plugin plugin = {ORR_PLUGIN_HEAD(ORR_SIMULATOR),
                                         .name = "uniform_motion",
                                         .version = "0.1.0",
                                         .summary = "A body that nothing acts on, in one or two dimensions",
                                         .source = "Newton's first law",
                                         .license = "MIT",
                                         .params = params,
                                         .ops = &motion_ops};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    motion_host = lent;
    return &plugin;
}
