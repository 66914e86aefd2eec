/* Trajectories of a simulator or a file, and windows into them.
 *
 * The data set holds what the model sees: the observed columns as float. Hidden and constant columns are regenerated
 * for the trajectories that are asked for, since trajectory k is a pure function of seed and k; those of a file are
 * kept. The first part of the trajectories is for training, the rest is held out: the split is by trajectory, never
 * inside one.
 */
#ifndef ORR_DATA_DATASET_H
#define ORR_DATA_DATASET_H

#include "base/loader.h"
#include "data/recording.h"
#include "data/tokens.h"
#include "orrery/probe.h"
#include "orrery/simulator.h"

struct orr_data_config {
    uint64_t seed;
    uint64_t trajectories; /* in all */
    uint32_t steps;        /* points of one */
    double train_fraction; /* of the trajectories */
    uint32_t context;      /* points of a window; == steps: whole trajectories, steps - 1 inputs */
    int64_t bins;          /* tokens of each observed column; 0: none */
    bool has_bin_range;    /* of every column; else each has that of its own numbers, both splits */
    double bin_low, bin_high;
};

struct orr_dataset {
    const struct orr_plugin *plugin;     /* never NULL: orr_replay_plugin where the data are a file's */
    struct orr_recording *recording;     /* the file's contents; NULL where a simulator makes the data */
    char *source;                        /* for messages: "simulator kepler", "the file orbits.csv" */
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
    struct orr_bins bins;
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
/* The same from a file's trajectories, the first config->trajectories of them and of each the first config->steps
 * points. Takes recording, also on failure. EINVAL: there are fewer. */
ORR_CHECKED orr_status orr_dataset_from_recording(struct orr_recording *recording, const struct orr_data_config *config,
                                                  uint32_t threads, struct orr_dataset **out, struct orr_error *err);
void orr_dataset_destroy(struct orr_dataset *data); /* NULL is fine */

/* Tokens of points first .. first+count-1 (rows of (trajectories * steps)): token (count, n_observed), the caller's.
 * Any thread. EINVAL: the data set has no bins, or not so many points. */
ORR_CHECKED orr_status orr_dataset_tokens(const struct orr_dataset *data, uint64_t first, uint64_t count,
                                          int32_t *token, struct orr_error *err);

/* Observed columns of `count` trajectories that are not in the data set: number `first` is the one after its last.
 * observed (count, steps, n_observed) is the caller's. A pure function of seed and number. Any thread. EUNSUPPORTED:
 * the data are a file's, which has no more; EINVAL: past the last number there can be; ENUMERIC; the simulator's own.
 */
ORR_CHECKED orr_status orr_dataset_fresh(const struct orr_dataset *data, uint64_t first, uint32_t count,
                                         float *observed, struct orr_error *err);

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
