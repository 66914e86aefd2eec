/* Learning rate by step: constant, one drop, a cosine or a linear tail, each after a warm-up; and the table of rows
 * that optimisers read. */
#ifndef ORR_TRAIN_SCHEDULE_H
#define ORR_TRAIN_SCHEDULE_H

#include "base/error.h"

enum orr_schedule_kind {
    ORR_SCHEDULE_CONSTANT,
    ORR_SCHEDULE_STEP_DROP,
    ORR_SCHEDULE_COSINE,
    ORR_SCHEDULE_LINEAR_TAIL,
    ORR_SCHEDULE_KINDS
};
extern const char *const orr_schedule_names[ORR_SCHEDULE_KINDS]; /* as recipes and checkpoints say them */

struct orr_schedule {
    enum orr_schedule_kind kind;
    double learning_rate;
    double drop_at;               /* step drop: from step floor(drop_at * steps) on ... */
    double drop_factor;           /* ... the rate is multiplied by this, once */
    uint64_t warmup_steps;        /* of every kind: the rate of step s of these is times (s + 1) / (warmup_steps + 1) */
    double minimum_learning_rate; /* cosine: reached at the last step */
    double tail_from;             /* linear tail: from step floor(tail_from * steps) on the rate falls in a line ... */
    double tail_factor;           /* ... to this times learning_rate at the last step */
};

/* Rate at a step (from 0) of steps in all. Cosine: Loshchilov and Hutter 2017 (arXiv 1608.03983), without restarts. */
double orr_schedule_rate(const struct orr_schedule *s, uint64_t step, uint64_t steps);

/* Rows {lr, 1/(1-beta1^t), 1/sqrt(1-beta2^t), 0}, t = step + 1, for steps first .. first+count-1, in double; rows:
 * caller's (count, 4). Kingma and Ba 2015 (arXiv 1412.6980). */
void orr_schedule_rows(const struct orr_schedule *s, uint64_t steps, double beta1, double beta2, uint64_t first,
                       uint64_t count, double *rows);

#endif
