/* Simulator `sine`: a sine wave x = A sin(omega t + phi).
 *
 * In: ranges of angular frequency, amplitude and phase, uniform in each. Out: x; velocity and acceleration beside it;
 * A, omega, phi. With its defaults the data of arXiv 2602.06923, figure 3.
 */
#include "motion.h"

#include <math.h>

enum { OMEGA, AMPLITUDE, PHASE, DRAWN };

static const struct orr_param params[] = {
    {"omega_min", ORR_PARAM_REAL, "0.5", -1e6, 1e6, "radian/time", "Smallest angular frequency."},
    {"omega_max", ORR_PARAM_REAL, "2", -1e6, 1e6, "radian/time", "Largest angular frequency; equal: always that."},
    {"amplitude_min", ORR_PARAM_REAL, "0.5", 0, 1e6, "length", "Smallest amplitude."},
    {"amplitude_max", ORR_PARAM_REAL, "1", 0, 1e6, "length", "Largest amplitude; equal: always that."},
    {"phase_min", ORR_PARAM_REAL, "0", -6.283185307179586, 6.283185307179586, "radian", "Smallest phase at time 0."},
    {"phase_max", ORR_PARAM_REAL, "6.283185307179586", -6.283185307179586, 6.283185307179586, "radian",
     "Largest phase at time 0; equal: always that."},
    {"dt", ORR_PARAM_REAL, "0.20202020202020202", 1e-9, 1e6, "time", "Time between samples (the default is 20/99)."},
    {.type = ORR_PARAM_END},
};

static const struct orr_field observed[] = {{"x", "length", "Displacement, A sin(omega t + phi)."}};
static const struct orr_field hidden[] = {
    {"v", "length/time", "Velocity, A omega cos(omega t + phi)."},
    {"acceleration", "length/time^2", "Acceleration, -omega^2 x."},
};
static const struct orr_field constant[] = {
    {"A", "length", "Amplitude."},
    {"omega", "radian/time", "Angular frequency."},
    {"phi", "radian", "Phase at time 0."},
};

static void at(const double *drawn, double time, double *x, double *derivative)
{
    const double omega = drawn[OMEGA], angle = omega * time + drawn[PHASE];
    *x = drawn[AMPLITUDE] * sin(angle);
    derivative[0] = drawn[AMPLITUDE] * omega * cos(angle);
    derivative[1] = -omega * omega * *x;
}

static void constants(const double *drawn, double *out)
{
    out[0] = drawn[AMPLITUDE];
    out[1] = drawn[OMEGA];
    out[2] = drawn[PHASE];
}

const struct motion motion = {.name = "sine",
                              .params = params,
                              .drawn = DRAWN,
                              .dimensions = 1,
                              .observed = observed,
                              .hidden = hidden,
                              .constant = constant,
                              .n_observed = 1,
                              .n_hidden = 2,
                              .n_constant = 3,
                              .at = at,
                              .constants = constants};

static const struct orr_plugin plugin = {ORR_PLUGIN_HEAD(ORR_SIMULATOR),
                                         .name = "sine",
                                         .version = "0.1.0",
                                         .summary = "A sine wave of random frequency, amplitude and phase",
                                         .source = "arXiv 2602.06923",
                                         .license = "MIT",
                                         .params = params,
                                         .ops = &motion_ops};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    motion_host = lent;
    return &plugin;
}
