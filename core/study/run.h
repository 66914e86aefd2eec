/* A run: the points of a sweep and the directory that holds them.
 *
 * A run of one point computes it here. The points of a sweep each have a directory of their own in the run's, and are
 * computed by processes of their own (cli/run_points.h), every one a run of one point; this file claims and records.
 */
#ifndef ORR_STUDY_RUN_H
#define ORR_STUDY_RUN_H

#include "io/lock.h"
#include "study/sweep.h"

struct orr_run_watcher {
    void *context;
    /* Point i of n begins (what NULL), or does something: "simulating", "training", ... May be NULL. */
    void (*notice)(void *context, size_t i, size_t n, const char *point, const char *what);
    void (*progress)(void *context, const struct orr_train_progress *progress); /* may be NULL */
};

struct orr_run_job {
    const struct orr_sweep *sweep;
    struct orr_loader *loader;
    struct orr_open_device *device; /* orr_environment_end of a sweep needs none */
    const char *directory;
    const char *size;   /* of the recipe, for env.json; NULL: none was chosen */
    double full_tokens; /* input points of the recipe's full size, for env.json; 0: it has none */
    int64_t block_size; /* of the weights of the one point; 0: as the recipe's model */
    uint32_t threads;
    bool resume;
    const char *const *command_line; /* for env.json */
    size_t n_command_line;
    const volatile sig_atomic_t *stop;
    struct orr_run_watcher watcher;
};

struct orr_run_point {
    char name[ORR_POINT_NAME];
    struct orr_recipe *recipe; /* bound; owned */
    char hash[17];             /* of the resolved recipe */
    char identity[17];         /* of its numbers by value: the same for "01" and "1" */
    char training_hash[17];    /* of what of it bears on training */
    bool done;
    double seconds; /* in this session; negative: an earlier one finished it */
};

struct orr_run {
    struct orr_run_point *point;
    size_t n_points, n_done;
    struct orr_file_lock *lock; /* of the run directory, from orr_run_one or orr_run_claim to orr_run_fini */
};

/* Check every point before anything is made: recipes, plugins, parameters, and that no two points are the same or have
 * one name. On success the caller releases *run. */
ORR_CHECKED orr_status orr_run_prepare(const struct orr_sweep *sweep, struct orr_loader *loader, struct orr_run *run,
                                       struct orr_error *err);
void orr_run_fini(struct orr_run *run);

/* Run the first point of a prepared run in job->directory itself, by its name. ECANCELLED when the user stopped it:
 * what was done is saved. The directory stays locked until orr_run_fini, for what the caller adds to it. */
ORR_CHECKED orr_status orr_run_one(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err);

/* Claim the directory of a sweep, and those of its points, each with its recipe; mark the points that an earlier
 * session finished as done. EINVAL: a directory holds something else, or a point that was begun is of another device.
 * The directory stays locked until orr_run_fini. */
ORR_CHECKED orr_status orr_run_claim(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err);
/* The directory of point i of a sweep. The caller's (orr_memory_free); NULL when out of memory. */
char *orr_run_point_directory(const struct orr_run_job *job, const struct orr_run *run, size_t i);
/* Input points of all training steps of all points. */
double orr_run_tokens(const struct orr_run *run);

#endif
