/* A run: every point of a sweep, one run directory, one report. */
#ifndef ORR_STUDY_RUN_H
#define ORR_STUDY_RUN_H

#include "io/lock.h"
#include "study/findings.h"
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
    struct orr_open_device *device;
    const char *directory;
    const char *weights; /* of the one point, instead of training it; NULL: train */
    int64_t block_size;  /* of those weights; 0: as the recipe's model */
    uint32_t threads;
    bool resume;
    const char *const *command_line; /* for env.json */
    size_t n_command_line;
    const volatile sig_atomic_t *stop;
    struct orr_run_watcher watcher;
};

/* One point and what it came to. */
struct orr_run_point {
    char name[ORR_POINT_NAME], group[ORR_POINT_NAME];
    struct orr_recipe *recipe;    /* bound; owned */
    char hash[17];                /* of the resolved recipe */
    char identity[17];            /* of its numbers by value: the same for "01" and "1" */
    char training_hash[17];       /* of what of it bears on training */
    struct orr_measures measures; /* empty until the point is done */
    bool done;
    double seconds; /* in this session; negative: an earlier one finished it */
};

struct orr_run {
    struct orr_run_point *point;
    size_t n_points, n_done;
    struct orr_file_lock *lock; /* of the run directory, from orr_run_all to orr_run_fini */
};

/* Check every point before anything is made: recipes, plugins, parameters, and that no two points are the same or have
 * one name. On success the caller releases *run. */
ORR_CHECKED orr_status orr_run_prepare(const struct orr_sweep *sweep, struct orr_loader *loader, struct orr_run *run,
                                       struct orr_error *err);
void orr_run_fini(struct orr_run *run);

/* Run all points of a prepared run and write the run directory. ECANCELLED when the user stopped it: what was done is
 * saved. The directory stays locked until orr_run_fini, for what the caller adds to it. */
ORR_CHECKED orr_status orr_run_all(const struct orr_run_job *job, struct orr_run *run, struct orr_error *err);

/* Input points of all training steps of all points. */
double orr_run_tokens(const struct orr_run *run);

#endif
