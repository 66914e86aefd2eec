/* One bound orbit of the two-body problem in the plane, in closed form.
 *
 * In: the elements of an orbit and a time. Out: position, velocity and distance to rounding error. No state, no
 * allocation, any thread. The mathematics and its sources stand in kepler_orbit.c.
 */
#ifndef ORRERY_PLUGINS_KEPLER_ORBIT_H
#define ORRERY_PLUGINS_KEPLER_ORBIT_H

/* What an orbit is given by. The attracting body is at the origin; motion is counter-clockwise. */
struct kepler_elements {
    double gm;             /* gravitational parameter, length^3/time^2, > 0 */
    double eccentricity;   /* 0 <= e < 1 */
    double semi_major;     /* length, > 0 */
    double angle;          /* direction of perihelion, radians from the x axis */
    double phase_in_turns; /* mean anomaly at time 0, in turns: 0 is perihelion */
};

/* The elements, and what every step needs of them. */
struct kepler_orbit {
    struct kepler_elements of;
    double semi_minor;
    double cos_angle, sin_angle;
    double mean_motion;       /* radians per time */
    double turns, turns_rest; /* turns per time, as an unevaluated sum of two doubles */
};

struct kepler_state {
    double x, y;   /* length */
    double vx, vy; /* length/time */
    double r;      /* distance from the attracting body, length */
};

struct kepler_orbit kepler_orbit_of(const struct kepler_elements *elements);

/* The mean anomaly at `time`, in [-pi, pi]; correct to two roundings however many turns have passed (below 2^50). */
double kepler_mean_anomaly(const struct kepler_orbit *orbit, double time);

struct kepler_state kepler_state_at(const struct kepler_orbit *orbit, double time);

#endif
