/* Fresh data: every step trains on trajectories that no other step and no split of the data set has.
 *
 * Step s has the `batch` trajectories that begin n + s * batch after the first, n those of the data set, and one window
 * of each: a pure function of the data's seed, the training seed and s. They are made some steps ahead in a thread of
 * their own and given to the device for many steps at once, so that the step stays one static graph.
 */
#ifndef ORR_TRAIN_FRESH_H
#define ORR_TRAIN_FRESH_H

#include "train/step.h"

struct orr_fresh;

/* What a job's executables need; *out is NULL when the job does not ask for fresh data. The caller destroys it; job and
 * step must outlive it. One for each executable; one thread at a time. ENOMEM. */
ORR_CHECKED orr_status orr_fresh_create(const struct orr_train_job *job, const struct orr_step *step,
                                        struct orr_fresh **out, struct orr_error *err);
void orr_fresh_destroy(struct orr_fresh *fresh); /* NULL is fine; waits for its thread */

/* See to it that the executable holds the data of a step before it is run. Nothing for NULL. The simulator's errors. */
ORR_CHECKED orr_status orr_fresh_provide(struct orr_fresh *fresh, uint64_t step, struct orr_exec *exec,
                                         struct orr_error *err);

#endif
