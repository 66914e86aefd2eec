/* A recipe: one experiment, read from YAML, checked whole, with every default filled in.
 *
 * Keys and their ranges are rows of recipe_table.c. Parameters of plugins are checked against the plugins' own tables
 * by orr_recipe_bind. A recipe belongs to one thread at a time.
 */
#ifndef ORR_STUDY_RECIPE_H
#define ORR_STUDY_RECIPE_H

#include "base/config.h"
#include "base/loader.h"
#include "data/dataset.h"
#include "model/model.h"
#include "train/train.h"

/* What a probe may look at: the trained network, the same initialisation untrained, the inputs without a network. */
enum orr_network_kind { ORR_TRAINED, ORR_UNTRAINED, ORR_NO_NETWORK };
extern const char *const orr_network_names[3];

/* Room for a name that stands in findings. */
enum { ORR_LABEL_SIZE = 64 };

/* A simulator or a probe and its parameters. */
struct orr_recipe_plugin {
    const char *name;                   /* or a path */
    const char *label;                  /* of a probe in findings: `as`, or its name */
    bool on_network[3];                 /* of a probe: enum orr_network_kind; `networks`, or all */
    const struct orr_config_node *node; /* name, as, networks, parameters */
    const struct orr_plugin *plugin;    /* NULL before orr_recipe_bind */
    union orr_value *values;            /* in the order of the plugin's table */
};

/* A score is the mean over targets of the R2 of the best site for each. */
struct orr_recipe_score {
    const char *name;
    const char **targets;
    size_t n_targets;
    const struct orr_config_node *node;
};

/* One score minus another. */
struct orr_recipe_contrast {
    const char *name, *first, *second;
    const struct orr_config_node *node;
};

/* A power law of two keys of the sweep, y = A v^alpha d^beta, to be fitted to a number of all points. */
struct orr_recipe_fit {
    const char *name, *quantity, *network, *probe, *split; /* probe NULL: the first that has the quantity */
    const char *over[2];                                   /* dotted paths: v and d */
    double times[2];                                       /* on the values of the keys */
    bool complement;                                       /* y is 1 minus the number */
    bool has_published;
    double published[3]; /* A, alpha, beta */
    const struct orr_config_node *node;
};

/* What was published or is claimed of one number at some points of the sweep. */
struct orr_recipe_expectation {
    const char *claim, *quantity, *network, *split, *probe, *source; /* probe NULL: the first that has the quantity */
    double low, high;                                                /* equal: one value */
    const struct orr_config_node *where;                             /* key: value, ...; NULL: every point */
    const struct orr_config_node *node;
};

/* Texts are borrowed from config. Whole numbers are 64-bit so that one table can fill them. */
struct orr_recipe {
    struct orr_config *config; /* resolved; owned */
    const char *name, *title, *label;
    struct {
        int64_t trajectories, steps, context, seed, bins; /* trajectories, steps: 0 before a file is read */
        double train_fraction;
        const char *file, *tensor, *checksum; /* NULL: not given */
        const char **columns, **observed, **constant;
        size_t n_columns, n_observed, n_constant;
        bool has_bin_range;
        double bin_low, bin_high;
    } data;
    struct orr_recording *recording; /* of data.file, without its numbers; NULL: a simulator makes the data */
    struct {
        int64_t n_layer, n_head, n_embd, window;
        const char *kind, *graph; /* graph: a file before orr_recipe_bind, then its text; NULL: of another kind */
    } model;
    struct {
        int64_t steps, batch_tokens, batch_size, warmup_steps, log_every, checkpoint_every, seed;
        int64_t evaluations;
        double learning_rate, drop_at, drop_factor, tail_from, tail_factor, min_lr;
        double beta1, beta2, eps, momentum, weight_decay, noise;
        const char *optimiser, *schedule, *batch, *evaluate;
        bool fresh, keep_evaluated;
        const char **decay;
        size_t n_decay;
    } train;
    struct {
        int64_t windows, cache_mb;
        bool save_activations, every_evaluation, untrained, inputs;
        char **sites; /* the recipe's, or the usual ones of the model; of a graph, from orr_recipe_bind on */
        size_t n_sites;
    } study;
    struct {
        const char *file, *checksum; /* to be probed instead of training; NULL: not given. From the root once bound */
    } weights;
    int64_t digits;
    /* The analysis that was fixed beforehand (study/analysis.h); file and sha256 NULL: none. */
    struct {
        const char *file, *sha256;
        int64_t first_seed;      /* seeds below it may have been looked at before the analysis was fixed */
        double identified_share; /* of the seeds: a crossing is reported if at least so many have exactly one */
    } analysis;
    struct orr_recipe_plugin simulator; /* with data.file orr_replay_plugin */
    struct orr_recipe_plugin *probes;
    size_t n_probes;
    struct orr_recipe_score *scores;
    size_t n_scores;
    struct orr_recipe_contrast *contrasts;
    size_t n_contrasts;
    struct orr_recipe_fit *fits;
    size_t n_fits;
    struct orr_recipe_expectation *expectations;
    size_t n_expectations;
};

/* Read and check a resolved configuration (no sizes, no sweep), which becomes the recipe's, also on failure. Every
 * error says file, line and column. On success the caller destroys *out. */
ORR_CHECKED orr_status orr_recipe_create(struct orr_config *config, struct orr_recipe **out, struct orr_error *err);
void orr_recipe_destroy(struct orr_recipe *recipe); /* NULL is fine */

/* Find the simulator and the probes, check their parameters and fill in the defaults; read and check data.file, and
 * fill in what the recipe leaves to it. */
ORR_CHECKED orr_status orr_recipe_bind(struct orr_recipe *recipe, struct orr_loader *loader, struct orr_error *err);

/* The trajectories of a bound recipe, of its simulator or its file. The caller destroys *out before the recipe. */
ORR_CHECKED orr_status orr_recipe_dataset(const struct orr_recipe *recipe, uint32_t threads, struct orr_dataset **out,
                                          struct orr_error *err);
/* A path that a recipe names: relative ones begin at the directory of the recipe. The caller's (orr_memory_free); NULL
 * when out of memory. */
char *orr_recipe_path(const struct orr_config *recipe, const char *path);
/* Set a key to a path, whatever characters that has. */
ORR_CHECKED orr_status orr_recipe_keep_path(struct orr_config *recipe, const char *key, const char *path,
                                            struct orr_error *err);

/* What the layers below want to know. orr_recipe_model needs the number of observed columns. */
struct orr_data_config orr_recipe_data(const struct orr_recipe *recipe);
struct orr_model orr_recipe_model(const struct orr_recipe *recipe, uint32_t n_observed);
struct orr_train_config orr_recipe_train(const struct orr_recipe *recipe);
/* Input points of all training steps together; 0 with weights.file. */
double orr_recipe_tokens(const struct orr_recipe *recipe);

/* Is the expectation about this recipe: has it every value of `where`? Numbers are compared as numbers. */
bool orr_recipe_expects(const struct orr_recipe *recipe, const struct orr_recipe_expectation *expectation);

/* The recipe as YAML that reads back to the same recipe; *text is the caller's (orr_memory_free). */
ORR_CHECKED orr_status orr_recipe_write(const struct orr_recipe *recipe, char **text, struct orr_error *err);
/* The text of a bound recipe with every number written in one way only ("01" and "1" as 1): two recipes of one text are
 * one experiment. *text is the caller's. */
ORR_CHECKED orr_status orr_recipe_identity(const struct orr_recipe *recipe, char **text, struct orr_error *err);
/* Remove from a resolved configuration what has no bearing on training: probes, scores, expect, report, study, weights.
 */
void orr_recipe_keep_training(struct orr_config *config);
/* What is then left of a resolved recipe's text, which it keeps. *text is the caller's (orr_memory_free). */
ORR_CHECKED orr_status orr_recipe_training(const char *recipe, char **text, struct orr_error *err);
/* 16 hexadecimal digits of FNV-1a over the text of orr_recipe_write, and a zero. */
void orr_recipe_hash(const char *text, char hash[17]);
/* The dotted path of the first key in which two recipes differ, into path; false where they are equal. */
bool orr_recipe_difference(const struct orr_config_node *a, const struct orr_config_node *b, char *path, size_t size);

/* Used by recipe*.c only. */
ORR_CHECKED orr_status orr_recipe_read_choice(const struct orr_config_node *map, const char *key, const char *fallback,
                                              const char *const *known, size_t n, const char **out,
                                              struct orr_error *err);
extern const char *const orr_recipe_claimed_networks[];
extern const size_t orr_recipe_claimed_network_count;
ORR_CHECKED orr_status orr_recipe_read_fits(struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_read_scalars(struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_read_lists(struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_read_words(const struct orr_config_node *node, const char *what, const char ***words,
                                             size_t *count, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_read_data(struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_bind_file(struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_bind_weights(struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_check(const struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_check_model(const struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_read_sites(struct orr_recipe *recipe, struct orr_error *err);
ORR_CHECKED orr_status orr_recipe_bind_model(struct orr_recipe *recipe, struct orr_error *err);
void orr_recipe_free_lists(struct orr_recipe *recipe);

#endif
