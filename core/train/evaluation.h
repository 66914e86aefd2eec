/* At which steps of a run the network is evaluated: none, evenly spaced, or evenly in the logarithm of the step. */
#ifndef ORR_TRAIN_EVALUATION_H
#define ORR_TRAIN_EVALUATION_H

#include "base/error.h"

enum orr_evaluation_kind { ORR_EVALUATE_NONE, ORR_EVALUATE_LOG, ORR_EVALUATE_LINEAR, ORR_EVALUATION_KINDS };
extern const char *const orr_evaluation_names[ORR_EVALUATION_KINDS]; /* as recipes say them */

struct orr_evaluation_plan {
    enum orr_evaluation_kind kind;
    uint64_t count; /* 1 or more, beside step 0 */
};

/* What was found: mean losses of clean inputs. */
struct orr_evaluated {
    double train_loss, held_out_loss;
};

/* The first evaluated step (steps done) that is `from` or more; UINT64_MAX where there is none. Step 0 and the last of
 * `steps` are always among them; between are as many as make count beside step 0 (or every step where there are fewer),
 * linear: step k at steps k / count; log: at steps^((k - 1) / (count - 1)), rounded, and where these lie closer than
 * one step, one after another. */
uint64_t orr_evaluation_next(const struct orr_evaluation_plan *plan, uint64_t steps, uint64_t from);

/* The same for one `from` after another, none less than the one before, in one walk over the plan. place: zeroed before
 * the first. */
struct orr_evaluation_place {
    uint64_t number, step;
};
uint64_t orr_evaluation_walk(const struct orr_evaluation_plan *plan, uint64_t steps, struct orr_evaluation_place *place,
                             uint64_t from);

#endif
