/* What simulators of a motion in closed form share: everything but the motion.
 *
 * A module defines one `motion` and lends the host to motion_host. Its parameter table begins with `least, greatest` of
 * every drawn number, whose keys end in _min and _max; then dt; then, where dimensions is more than 1, "dimensions".
 * The energy of a unit of mass that is drawn to the origin by a force in proportion to its distance is conserved:
 * (v^2 - x a) / 2, where a = 0 without acceleration columns.
 */
#ifndef ORRERY_PLUGINS_MOTION_H
#define ORRERY_PLUGINS_MOTION_H

#include "orrery/simulator.h"

#include <stdatomic.h>

enum { MOTION_DRAWN_MAX = 8, MOTION_COLUMNS_MAX = 8 };

struct motion {
    const char *name;
    const struct orr_param *params;
    uint32_t drawn, dimensions;
    /* Columns, and how many there are of each: observed are coordinates; hidden their velocities, then perhaps their
     * accelerations. With fewer dimensions than there can be, the first of each, in proportion. */
    const struct orr_field *observed, *hidden, *constant;
    uint32_t n_observed, n_hidden, n_constant;
    /* All columns of a trajectory whose drawn numbers are `drawn`, at a time. */
    void (*at)(const double *drawn, double time, double *observed, double *hidden);
    void (*constants)(const double *drawn, double *constant);
};

extern const struct motion motion;
extern const struct orr_simulator_ops motion_ops;
extern const struct orr_host *_Atomic motion_host;

#endif
