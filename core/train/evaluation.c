/* At which steps of a run the network is evaluated.
 *
 * In: how, how often, and the length of a run. Out: the next such step. Nothing is stored: a plan is short.
 */
#include "train/evaluation.h"

#include <math.h>

const char *const orr_evaluation_names[ORR_EVALUATION_KINDS] = {
    [ORR_EVALUATE_NONE] = "none", [ORR_EVALUATE_LOG] = "log", [ORR_EVALUATE_LINEAR] = "linear"};

/* Of the k-th evaluation after that of step 0, before neighbours are kept apart. */
static uint64_t spaced(const struct orr_evaluation_plan *plan, uint64_t steps, uint64_t k)
{
    if (k >= plan->count) return steps;
    if (plan->kind == ORR_EVALUATE_LINEAR) return (uint64_t)llround((double)steps * (double)k / (double)plan->count);
    return (uint64_t)llround(pow((double)steps, (double)(k - 1) / (double)(plan->count - 1)));
}

uint64_t orr_evaluation_walk(const struct orr_evaluation_plan *plan, uint64_t steps, struct orr_evaluation_place *place,
                             uint64_t from)
{
    if (plan->kind == ORR_EVALUATE_NONE || from > steps) return UINT64_MAX;
    while (place->step < from) {
        const uint64_t wanted = spaced(plan, steps, ++place->number);
        place->step = wanted > place->step ? wanted : place->step + 1;
    }
    return place->step;
}

uint64_t orr_evaluation_next(const struct orr_evaluation_plan *plan, uint64_t steps, uint64_t from)
{
    struct orr_evaluation_place place = {0};
    return orr_evaluation_walk(plan, steps, &place, from);
}
