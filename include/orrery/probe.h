/* orrery/probe.h - measure what a trained model knows or does.
 *
 * A probe pulls what it needs from a study: activations at named sites, the simulator's columns,
 * and the model itself, run forward with or without patches. It emits findings; the engine records
 * them, prints them and plots them. The engine splits by trajectory, so a probe that fits on TRAIN
 * and scores on HELD_OUT cannot leak.
 */
#ifndef ORRERY_PROBE_H
#define ORRERY_PROBE_H

#include "plugin.h"

struct orr_probe;
struct orr_study_state; /* the engine's */

enum orr_split { ORR_TRAIN = 0, ORR_HELD_OUT = 1 };
enum orr_positions { ORR_ALL_POSITIONS = 0, ORR_LAST_POSITION = 1 };

struct orr_finding {
    uint32_t size;
    const char *quantity; /* "r2", "rmse", "rollout_error", "exponent", ... */
    const char *site;     /* "blocks.0.hook_resid_post", or "" */
    const char *target;   /* a simulator column, or "" */
    const char *unit;
    enum orr_split split;
    double value, uncertainty; /* uncertainty: standard error, NaN when not estimated */
    int64_t n;                 /* rows it rests on */
    /* Bootstrap replicates of value, borrowed for the call: replicate b of every finding of a probe, on every network,
     * must be of the same draw of trajectories, so that the engine can take differences of scores draw by draw. NaN
     * where a draw has no value. NULL: none. */
    const double *replicates;
    uint32_t n_replicates;
};

enum orr_patch_verb { ORR_PATCH_SET, ORR_PATCH_ADD, ORR_PATCH_SCALE, ORR_PATCH_PROJECT_OUT };
struct orr_patch {
    const char *site;
    enum orr_patch_verb verb;
    enum orr_positions where;
    const double *vector;
    double scale;
};

struct orr_study {
    uint32_t size;
    struct orr_study_state *state;
    const char *const *sites;
    uint32_t n_sites;
    /* Observed, hidden, then constant columns, then "trajectory" and "step": row -> orbit for any resampling. */
    const struct orr_field *columns;
    uint32_t n_columns;
    uint32_t context, n_observed, n_steps; /* n_steps: of a whole trajectory */
    uint32_t vocabulary;                   /* tokens of each observed column; 0: a regression model */
    /* Matrices are borrowed until measure returns. rows of activations and of columns correspond. */
    orr_status (*activations)(struct orr_study_state *, const char *site, enum orr_split, enum orr_positions,
                              struct orr_matrix *out, struct orr_error *);
    orr_status (*column)(struct orr_study_state *, const char *name, enum orr_split, enum orr_positions,
                         struct orr_matrix *out, struct orr_error *);
    /* input (n, steps, n_observed) -> prediction (n, steps, n_observed), caller's arrays. A token model takes and
     * returns the same coordinates: the engine tokenises and decodes to bin centres. */
    orr_status (*forward)(struct orr_study_state *, const double *input, uint32_t n, uint32_t steps,
                          const struct orr_patch *patches, uint32_t n_patches, double *prediction, struct orr_error *);
    /* Whole trajectories of a split, for rollouts: observed columns, rows count * n_steps; fewer rows where the split
     * holds fewer trajectories from `first` on. */
    orr_status (*trajectories)(struct orr_study_state *, enum orr_split, uint64_t first, uint32_t count,
                               struct orr_matrix *observed, struct orr_error *);
    orr_status (*emit)(struct orr_study_state *, const struct orr_finding *, struct orr_error *);
    /* Saved as a .npy beside the run's other results. */
    orr_status (*save)(struct orr_study_state *, const char *name, struct orr_matrix, struct orr_error *);
    /* A parameter of the network by its name in files, in the layout of files: a weight (out, in), an embedding
     * (tokens, channels), a bias (channels, 1). Borrowed until measure returns. ORR_EUNSUPPORTED: the control without
     * a network has none; ORR_EINVAL: the model has none of this name. Of engines before it NULL (ORR_HAS). */
    orr_status (*parameter)(struct orr_study_state *, const char *name, struct orr_matrix *out, struct orr_error *);
    /* What the tokens of an observed column (0 .. n_observed-1) mean, (vocabulary, 2): the centre of the bin in the
     * column's unit, and how many points of the training trajectories lie in it. Borrowed until measure returns.
     * ORR_EINVAL: the data have no tokens. Of engines before it NULL (ORR_HAS). */
    orr_status (*tokens)(struct orr_study_state *, uint32_t column, struct orr_matrix *out, struct orr_error *);
};

struct orr_probe_ops {
    uint32_t size;
    orr_status (*create)(const union orr_value *param, struct orr_probe **out, struct orr_error *err);
    void (*destroy)(struct orr_probe *probe);
    orr_status (*measure)(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err);
};

#endif
