/* Simulator `circular_motion`: a body on a circle around the origin at constant angular speed.
 *
 * In: ranges of radius, angular velocity and phase, uniform in each. Out: position; velocity and acceleration beside
 * it; radius, omega, phase. x = radius cos(omega t + phase), y = radius sin(omega t + phase).
 */
#include "motion.h"

#include <math.h>

enum { RADIUS, OMEGA, PHASE, DRAWN };

static const struct orr_param params[] = {
    {"radius_min", ORR_PARAM_REAL, "0.5", 0, 1e6, "length", "Smallest radius."},
    {"radius_max", ORR_PARAM_REAL, "2", 0, 1e6, "length", "Largest radius; equal: always that."},
    {"omega_min", ORR_PARAM_REAL, "0.5", -1e6, 1e6, "radian/time", "Smallest angular velocity; below 0: clockwise."},
    {"omega_max", ORR_PARAM_REAL, "2", -1e6, 1e6, "radian/time", "Largest angular velocity; equal: always that."},
    {"phase_min", ORR_PARAM_REAL, "0", -6.283185307179586, 6.283185307179586, "radian",
     "Smallest angle from the x axis at time 0."},
    {"phase_max", ORR_PARAM_REAL, "6.283185307179586", -6.283185307179586, 6.283185307179586, "radian",
     "Largest angle from the x axis at time 0; equal: always that."},
    {"dt", ORR_PARAM_REAL, "0.1", 1e-9, 1e6, "time", "Time between samples."},
    {.type = ORR_PARAM_END},
};

static const struct orr_field observed[] = {
    {"x", "length", "Position on the first axis; the centre is at the origin."},
    {"y", "length", "Position on the second axis."},
};
static const struct orr_field hidden[] = {
    {"vx", "length/time", "Velocity along the first axis, -omega y."},
    {"vy", "length/time", "Velocity along the second axis, omega x."},
    {"ax", "length/time^2", "Acceleration along the first axis, -omega^2 x."},
    {"ay", "length/time^2", "Acceleration along the second axis, -omega^2 y."},
};
static const struct orr_field constant[] = {
    {"radius", "length", "Distance from the centre."},
    {"omega", "radian/time", "Angular velocity, counter-clockwise."},
    {"phase", "radian", "Angle from the x axis at time 0."},
};

static void at(const double *drawn, double time, double *position, double *derivative)
{
    const double omega = drawn[OMEGA], angle = omega * time + drawn[PHASE];
    position[0] = drawn[RADIUS] * cos(angle);
    position[1] = drawn[RADIUS] * sin(angle);
    derivative[0] = -omega * position[1];
    derivative[1] = omega * position[0];
    derivative[2] = -omega * omega * position[0];
    derivative[3] = -omega * omega * position[1];
}

static void constants(const double *drawn, double *out)
{
    out[0] = drawn[RADIUS];
    out[1] = drawn[OMEGA];
    out[2] = drawn[PHASE];
}

const struct motion motion = {.name = "circular_motion",
                              .params = params,
                              .drawn = DRAWN,
                              .dimensions = 1,
                              .observed = observed,
                              .hidden = hidden,
                              .constant = constant,
                              .n_observed = 2,
                              .n_hidden = 4,
                              .n_constant = 3,
                              .at = at,
                              .constants = constants};

static const struct orr_plugin plugin = {ORR_PLUGIN_HEAD(ORR_SIMULATOR),
                                         .name = "circular_motion",
                                         .version = "0.1.0",
                                         .summary = "A body on a circle at constant angular speed",
                                         .source = "Huygens 1673, Horologium Oscillatorium",
                                         .license = "MIT",
                                         .params = params,
                                         .ops = &motion_ops};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    motion_host = lent;
    return &plugin;
}
