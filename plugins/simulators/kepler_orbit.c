/* One bound orbit of the two-body problem in the plane, in closed form.
 *
 * In: the elements of an orbit and a time. Out: position, velocity and distance to rounding error. Kepler's equation
 * M = E - e sin E is solved without iteration: the cubic starter and the fifth-order correction of Markley (1995),
 * "Kepler Equation Solver", Celestial Mechanics and Dynamical Astronomy 63, 101-111. Positions and velocities from E:
 * Murray and Dermott (1999), "Solar System Dynamics", section 2.4. Product errors by fma: Dekker (1971).
 */
#include "kepler_orbit.h"

#include <math.h>

static const double pi = 3.141592653589793;
static const double two_pi = 6.283185307179586;

/* 1 / (2 pi), rounded, and what the rounding left. */
static const double turns_per_radian = 0x1.45f306dc9c883p-3;
static const double turns_per_radian_rest = -9.839338337591243e-18;

/* Eccentric anomaly, as far as the position needs it: near perihelion 1 - cos E is not to be had from cos E. */
struct anomaly {
    double sine, cosine, versine; /* versine = 1 - cos E */
};

struct kepler_orbit kepler_orbit_of(const struct kepler_elements *elements)
{
    const double gm = elements->gm, a = elements->semi_major, e = elements->eccentricity;
    struct kepler_orbit orbit = {.of = *elements,
                                 .semi_minor = a * sqrt((1 - e) * (1 + e)),
                                 .cos_angle = cos(elements->angle),
                                 .sin_angle = sin(elements->angle)};

    /* Kepler's third law, n = sqrt(gm / a^3), to twice the precision of a double: an error in n grows with time. */
    const double square = a * a;
    const double cube = square * a;
    const double cube_rest = fma(square, a, -cube) + fma(a, a, -square) * a;
    const double n = sqrt(gm / cube);
    const double n_square = n * n;
    const double product = n_square * cube;
    const double residual =
        (gm - product) - fma(n_square, cube, -product) - fma(n, n, -n_square) * cube - n_square * cube_rest;
    const double n_rest = residual / (2 * n * cube);

    orbit.mean_motion = n;
    orbit.turns = n * turns_per_radian;
    orbit.turns_rest = fma(n, turns_per_radian, -orbit.turns) + n * turns_per_radian_rest + n_rest * turns_per_radian;
    return orbit;
}

/* Counted in turns, taking off whole ones is exact, where a remainder by the irrational 2 pi would round. */
double kepler_mean_anomaly(const struct kepler_orbit *orbit, double time)
{
    const double whole = orbit->turns * time;
    const double rest = fma(orbit->turns, time, -whole) + orbit->turns_rest * time;
    double turns = (whole - rint(whole)) + rest;
    turns += orbit->of.phase_in_turns;
    turns -= rint(turns);
    return two_pi * turns;
}

/* E - sin E. Below 1/2 the difference would cancel; the first term left out of the series is 1e-17 of the sum. */
static double eccentric_excess(double angle, double sine)
{
    if (angle > 0.5) return angle - sine;
    const double s = angle * angle;
    double sum = 1.0 / 6227020800.0;
    sum = 1.0 / 39916800.0 - s * sum;
    sum = 1.0 / 362880.0 - s * sum;
    sum = 1.0 / 5040.0 - s * sum;
    sum = 1.0 / 120.0 - s * sum;
    sum = 1.0 / 6.0 - s * sum;
    return angle * s * sum;
}

/* Markley's cubic for 0 <= M <= pi: sin E is replaced by a Pade form that is exact at 0 and pi. */
static double starter(double e, double mean)
{
    const double alpha = (3 * pi * pi + 1.6 * pi * (pi - mean) / (1 + e)) * (1 / (pi * pi - 6));
    const double d = 3 * (1 - e) + alpha * e;
    const double q = 2 * alpha * d * (1 - e) - mean * mean;
    const double r = (3 * alpha * d * (d - (1 - e)) + mean * mean) * mean;
    const double root = cbrt(r + sqrt(q * q * q + r * r));
    const double w = root * root;
    return (2 * r * w / (w * w + w * q + q * q) + mean) / d;
}

/* Solves M = E - e sin E for 0 <= M <= pi and 0 <= e < 1. The correction to the starter is below 5e-4, so that the sine
 * and versine of their sum follow from those of the starter: the library is asked for one sine and cosine in all. */
static struct anomaly solve(double e, double mean)
{
    const double start = starter(e, mean);
    const double half_sine = sin(0.5 * start), half_cosine = cos(0.5 * start);
    const double sine = 2 * half_sine * half_cosine, versine = 2 * half_sine * half_sine, cosine = 1 - versine;

    /* f = E - e sin E - M and its derivatives at the starter */
    const double f = (1 - e) * start + e * eccentric_excess(start, sine) - mean;
    const double f1 = (1 - e) + e * versine, f2 = e * sine, f3 = e * cosine;
    const double step3 = -f * f1 / (f1 * f1 - 0.5 * f * f2);
    const double step4 = -f / (f1 + step3 * (0.5 * f2 + step3 * f3 * (1.0 / 6)));
    const double step = -f / (f1 + step4 * (0.5 * f2 + step4 * (f3 * (1.0 / 6) - step4 * f2 * (1.0 / 24))));

    const double square = step * step;
    const double step_sine = step * (1 - square * (1.0 / 6));
    const double step_versine = square * (0.5 - square * (1.0 / 24));
    struct anomaly out = {.sine = sine + (cosine * step_sine - sine * step_versine),
                          .versine = versine + (sine * step_sine + cosine * step_versine)};
    out.cosine = 1 - out.versine;
    return out;
}

struct kepler_state kepler_state_at(const struct kepler_orbit *orbit, double time)
{
    const double e = orbit->of.eccentricity, a = orbit->of.semi_major, b = orbit->semi_minor;
    const double mean = kepler_mean_anomaly(orbit, time);
    struct anomaly at = solve(e, fabs(mean));
    at.sine = copysign(at.sine, mean);

    /* in the frame of the orbit, perihelion on the first axis */
    const double r = a * ((1 - e) + e * at.versine);
    const double rate = orbit->mean_motion * a / r; /* of E, radians per time */
    const double px = a * ((1 - e) - at.versine), py = b * at.sine;
    const double pvx = -a * rate * at.sine, pvy = b * rate * at.cosine;

    const double c = orbit->cos_angle, s = orbit->sin_angle;
    return (struct kepler_state){
        .x = c * px - s * py, .y = s * px + c * py, .vx = c * pvx - s * pvy, .vy = s * pvx + c * pvy, .r = r};
}
