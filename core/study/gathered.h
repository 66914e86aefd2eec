/* Everything that the points of one or several run directories came to, read back from their files.
 *
 * No plugin is loaded, no device opened and no lock taken, so that it can be read anywhere, also while the run goes on.
 * Reports and figures are made from this alone.
 */
#ifndef ORR_STUDY_GATHERED_H
#define ORR_STUDY_GATHERED_H

#include "study/findings.h"
#include "study/point_name.h"
#include "train/metrics.h"

enum orr_point_state {
    ORR_POINT_MISSING,  /* nothing was computed */
    ORR_POINT_BEGUN,    /* there are checkpoints */
    ORR_POINT_FINISHED, /* only these have measures and findings */
};

/* A line of evaluations.jsonl; NaN where the file has null. */
struct orr_gathered_evaluation {
    uint64_t step;
    double learning_rate_sum, train_loss, held_out_loss;
};

/* Matrix products of one implementation. */
struct orr_gathered_provider {
    char name[32];
    double products, multiply_adds;
};

/* Where a point was computed: the last session of its env.json that has it; texts "" where there is none. */
struct orr_gathered_place {
    char orrery[32];                                          /* its version */
    char device[192];                                         /* "reference:0 (host)" */
    char driver[64], processor[128];                          /* of the device; of the host */
    char plugins[256];                                        /* "kepler 1.0, linear 1.0" */
    double seconds;                                           /* of all sessions that ended by themselves, together */
    struct orr_gathered_provider provider[ORR_PROVIDERS_MAX]; /* of all sessions together */
    size_t n_providers;
};

/* How many findings a probe has. */
struct orr_gathered_count {
    char probe[ORR_LABEL_SIZE];
    size_t n;
};

struct orr_gathered_point {
    char name[ORR_POINT_NAME];  /* by all keys, "context=2,seed=100"; "" where there is only one point */
    char group[ORR_POINT_NAME]; /* by all but the seed: points of one group are repeats of one experiment */
    char *directory;
    char **value; /* (n_keys) its values of the keys, as texts; "-" where its recipe has no such key */
    int64_t seed; /* train.seed */
    enum orr_point_state state;
    uint64_t steps;            /* of its newest checkpoint; 0: none */
    struct orr_recipe *recipe; /* not bound */
    struct orr_measures measures;
    struct orr_findings findings; /* in the order of the file: of whole networks, and R2 where every step was probed */
    struct orr_gathered_count *found; /* (n_found) of every row of the file */
    size_t n_found;
    struct orr_metrics_line *loss; /* of metrics.jsonl; NaN where the file has null */
    size_t n_losses;
    struct orr_gathered_evaluation *evaluation;
    size_t n_evaluations;
    struct orr_gathered_place place;
};

struct orr_gathered {
    char **key; /* dotted paths in which points may differ: of every sweep, of `vary`, the seed where it differs */
    size_t n_keys;
    struct orr_gathered_point *point; /* of several directories in the order of their keys' values */
    size_t n_points, n_finished;
    size_t n_directories;
    bool sweep; /* some directory is that of a sweep, with a directory for each point */
    /* Of the first directory's last session that has them. */
    char size[ORR_LABEL_SIZE]; /* "": none was chosen */
    double full_tokens;        /* input points of the recipe's full size; 0: it has none, or is not known */
    char *weights; /* what was probed in all points instead of training them; NULL: there is a trained one */
    char *command; /* of its first session, quoted for a shell; NULL: not known */
};

struct orr_gather_options {
    const char *const *directory; /* of runs, sweeps or single points */
    size_t n_directories;         /* at least 1 */
    const char *const *vary;      /* further keys in which directories may differ, "data.context" */
    size_t n_vary;
};

/* Read it all. EINVAL: a directory holds no run; two are of different recipes (the first key that differs is named:
 * numbers are compared by value; title, claims, report, and where data.file lies do not count); a finished point is in
 * two of them, of which an unfinished one is left out. EFORMAT: a damaged file of a finished point. On success the
 * caller destroys *out. */
ORR_CHECKED orr_status orr_gathered_read(const struct orr_gather_options *options, struct orr_gathered **out,
                                         struct orr_error *err);
void orr_gathered_destroy(struct orr_gathered *gathered); /* NULL is fine */

/* A measure of every finished point of a group, in their order, into value (n_points); returns how many. NaN where a
 * point does not have it. network2 not NULL: network minus network2, point by point. */
size_t orr_gathered_values(const struct orr_gathered *gathered, const char *group, const char *quantity,
                           const char *network, const char *network2, const char *probe, const char *split,
                           double *value);

/* Write findings.csv and summary.json of all finished points, as of a sweep, into a directory. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_gathered_write(const struct orr_gathered *gathered, const char *directory,
                                          struct orr_error *err);

/* Append every row of the point's findings.csv. EIO, EFORMAT, ENOMEM. */
ORR_CHECKED orr_status orr_gathered_findings(const struct orr_gathered_point *point, struct orr_findings *findings,
                                             struct orr_error *err);

/* Used by gather*.c only: fill in what lies in point->directory, for a finished point all of it. hash: of its recipe.
 */
ORR_CHECKED orr_status orr_gathered_read_point(struct orr_gathered_point *point, const char *hash,
                                               struct orr_error *err);
ORR_CHECKED orr_status orr_gathered_read_place(struct orr_gathered_place *place, const char *directory,
                                               struct orr_error *err);
/* size, full_tokens and command of a run's env.json, where it has them. */
ORR_CHECKED orr_status orr_gathered_read_run(struct orr_gathered *gathered, const char *directory,
                                             struct orr_error *err);

#endif
