/* orrery/simulator.h - generate trajectories of a physical system. */
#ifndef ORRERY_SIMULATOR_H
#define ORRERY_SIMULATOR_H

#include "plugin.h"

struct orr_simulator;

/* Trajectory k depends on (seed, k) and the parameters only: any order, any thread, any batch size
 * gives the same bits on the same machine. generate is called from several threads at once. */
struct orr_simulator_ops {
    uint32_t size;
    orr_status (*create)(const union orr_value *param, struct orr_simulator **out, struct orr_error *err);
    void (*destroy)(struct orr_simulator *sim);
    /* Columns; pointers live as long as sim. observed: what the model sees. hidden: per step, never
     * shown to the model, targets for probes (forces). constant: per trajectory (a, e, mass). */
    const struct orr_field *(*observed)(const struct orr_simulator *sim, uint32_t *n);
    const struct orr_field *(*hidden)(const struct orr_simulator *sim, uint32_t *n);
    const struct orr_field *(*constant)(const struct orr_simulator *sim, uint32_t *n);
    /* Arrays are the caller's, row-major: time (steps), observed (count, steps, n_observed),
     * hidden (count, steps, n_hidden), constant (count, n_constant). NULL: not wanted. */
    orr_status (*generate)(const struct orr_simulator *sim, uint64_t seed, uint64_t first, uint32_t count,
                           uint32_t steps, double *time, double *observed, double *hidden, double *constant,
                           struct orr_error *err);
    /* Optional. A conserved quantity per step (energy): the engine reports its drift. */
    orr_status (*invariant)(const struct orr_simulator *sim, const double *observed, const double *hidden,
                            uint32_t steps, double *out, struct orr_error *err);
};

#endif
