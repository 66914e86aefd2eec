/* Trajectories of a simulator, and windows into them.
 *
 * The data set holds what the model sees: the observed columns as float. Hidden and constant columns are regenerated
 * for the trajectories that are asked for, since trajectory k is a pure function of seed and k. The first part of the
 * trajectories is for training, the rest is held out: the split is by trajectory, never inside one.
 */
#ifndef ORR_DATA_DATASET_H
#define ORR_DATA_DATASET_H

#include "base/loader.h"
#include "orrery/probe.h"
#include "orrery/simulator.h"

struct orr_data_config {
    uint64_t seed;
    uint64_t trajectories; /* in all */
    uint32_t steps;        /* points of one */
    double train_fraction; /* of the trajectories */
    uint32_t context;      /* points of a window; == steps: whole trajectories, steps - 1 inputs */
};

struct orr_dataset {
    const struct orr_plugin *plugin;
    const struct orr_simulator_ops *ops; /* the plugin's */
    struct orr_simulator *simulator;
    union orr_value *values; /* of the plugin's parameters; texts in it are borrowed */
    const struct orr_field *observed_field, *hidden_field, *constant_field;
    uint32_t n_observed, n_hidden, n_constant;
    struct orr_data_config config;
    uint32_t threads; /* that generation uses */
    uint64_t n_train; /* trajectories 0 .. n_train-1 */
    float *observed;  /* (trajectories, steps, n_observed) */
    double *time;     /* (steps) */
};

/* Windows of one split. Input points start[i] .. start[i]+length-1 (rows of (trajectories * steps)), targets one
 * later. whole: the loss is on all positions, else on the last only. */
struct orr_windows {
    int32_t *start;
    size_t count;
    uint32_t length; /* inputs in a window: context, or steps - 1 when context == steps */
    bool whole;
};

/* Create the simulator with values (its parameter table's order; texts in it must outlive *out) and generate all
 * trajectories on `threads` threads (0: one for each processor); the bits do not depend on how many. The caller
 * destroys *out, which several threads may then read at once. Errors: EINVAL for a context longer than a trajectory,
 * an empty split, more rows than an i32 can index; ENUMERIC for a column that is not finite;
 * EABI for columns that are unnamed, misnamed ([A-Za-z0-9_]+; not trajectory, step or time) or named alike; the
 * simulator's own. */
ORR_CHECKED orr_status orr_dataset_create(const struct orr_plugin *simulator, const union orr_value *values,
                                          const struct orr_data_config *config, uint32_t threads,
                                          struct orr_dataset **out, struct orr_error *err);
void orr_dataset_destroy(struct orr_dataset *data); /* NULL is fine */

/* The windows of a split as the paper (arXiv 2602.06923) cuts them: for context < steps, floor(steps / context)
 * distinct starts per trajectory drawn without replacement from 0 .. steps-1-context (all of them if fewer exist); for
 * context == steps one whole trajectory each. In ascending order. Drawn by Philox from seed, so they are the same on
 * every machine. ORR_TRAIN starts lie in the first n_train * steps rows. The caller frees by orr_windows_fini. */
ORR_CHECKED orr_status orr_windows_create(const struct orr_dataset *data, enum orr_split split, struct orr_windows *out,
                                          struct orr_error *err);
void orr_windows_fini(struct orr_windows *windows);

/* All columns of trajectories first .. first+count-1 in double, regenerated: the caller's arrays, observed (count,
 * steps, n_observed), hidden (count, steps, n_hidden), constant (count, n_constant); any may be NULL. Any thread.
 * EINVAL for a trajectory that is not in the data set; the simulator's own errors. */
ORR_CHECKED orr_status orr_dataset_columns(const struct orr_dataset *data, uint64_t first, uint32_t count,
                                           double *observed, double *hidden, double *constant, struct orr_error *err);

/* The largest |I(t) - I(0)| / max |I| of the simulator's conserved quantity I over trajectories first .. first+count-1:
 * 1e-15 is rounding error, 1e-3 a poor integrator. *drift is NaN when the simulator declares no such quantity. Any
 * thread. EINVAL for a trajectory that is not in the data set; ENOMEM; the simulator's own errors. */
ORR_CHECKED orr_status orr_dataset_invariant_drift(const struct orr_dataset *data, uint64_t first, uint32_t count,
                                                   double *drift, struct orr_error *err);

#endif
