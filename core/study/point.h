/* One point of a run: simulate, train, probe three networks, write down what was found. */
#ifndef ORR_STUDY_POINT_H
#define ORR_STUDY_POINT_H

#include "study/findings.h"

struct orr_point_job {
    struct orr_recipe *recipe; /* bound */
    const char *name;          /* of the point; "" in a run of one */
    const char *directory;     /* exists */
    const char *hash;          /* of the resolved recipe */
    const char *training_hash; /* of what of it bears on training: recorded in checkpoints */
    const char *weights;       /* a file to be probed instead of training a network; NULL: train */
    int64_t block_size;        /* of those weights; 0: as the recipe's model */
    struct orr_open_device *device;
    uint32_t threads; /* for simulating */
    bool resume;
    const volatile sig_atomic_t *stop;
    orr_train_watch watch;
    /* What is being done now, in a few words: "simulating", "probe linear on network trained". May be NULL. */
    void (*notice)(void *context, const char *what);
    void *context; /* of watch and notice */
};

/* Run the point, unless an earlier session finished it (*ran is false). A point that was trained for other probes or
 * scores is only probed again. summary.json is written last, so that it marks a finished point. EINVAL: it was begun on
 * another device. */
ORR_CHECKED orr_status orr_point_run(const struct orr_point_job *job, bool *ran, struct orr_error *err);

/* Did an earlier session finish the point in directory with the recipe of this hash: are its findings.csv and a
 * summary.json of that recipe there? A damaged summary.json is a warning and counts as none. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_point_is_finished(const char *directory, const char *hash, bool *finished,
                                             struct orr_error *err);

#endif
