/* Learning rate by step, and the numbers of an optimiser that depend on the step alone.
 *
 * In: a schedule and the number of steps. Out: rates in double; rounding to a device's type is for the caller.
 */
#include "train/schedule.h"

#include <math.h>

const char *const orr_schedule_names[ORR_SCHEDULE_KINDS] = {[ORR_SCHEDULE_CONSTANT] = "constant",
                                                            [ORR_SCHEDULE_STEP_DROP] = "step_drop",
                                                            [ORR_SCHEDULE_COSINE] = "cosine",
                                                            [ORR_SCHEDULE_LINEAR_TAIL] = "linear_tail"};

/* How far a step is on the way from step `first` (0) to the last (1); before it less than 0. */
static double progress(uint64_t first, uint64_t step, uint64_t steps)
{
    const double span = (double)steps - 1 - (double)first;
    return span > 0 ? fmin(((double)step - (double)first) / span, 1) : 1;
}

static double cosine_rate(const struct orr_schedule *s, uint64_t step, uint64_t steps)
{
    const double weight = 0.5 * (1 + cos(3.14159265358979323846 * progress(s->warmup_steps, step, steps)));
    return s->minimum_learning_rate + weight * (s->learning_rate - s->minimum_learning_rate);
}

static double tail_rate(const struct orr_schedule *s, uint64_t step, uint64_t steps)
{
    const double first = floor(s->tail_from * (double)steps);
    if ((double)step < first) return s->learning_rate;
    const double fallen = progress((uint64_t)first, step, steps);
    return s->learning_rate * (1 - fallen * (1 - s->tail_factor));
}

/* Without the warm-up; a cosine begins after it. */
static double settled_rate(const struct orr_schedule *s, uint64_t step, uint64_t steps)
{
    switch (s->kind) {
    case ORR_SCHEDULE_STEP_DROP:
        return (double)step < floor(s->drop_at * (double)steps) ? s->learning_rate : s->learning_rate * s->drop_factor;
    case ORR_SCHEDULE_COSINE:
        return step < s->warmup_steps ? s->learning_rate : cosine_rate(s, step, steps);
    case ORR_SCHEDULE_LINEAR_TAIL:
        return tail_rate(s, step, steps);
    case ORR_SCHEDULE_CONSTANT:
    case ORR_SCHEDULE_KINDS:
        break;
    }
    return s->learning_rate;
}

double orr_schedule_rate(const struct orr_schedule *s, uint64_t step, uint64_t steps)
{
    const double rate = settled_rate(s, step, steps);
    return step < s->warmup_steps ? rate * (double)(step + 1) / (double)(s->warmup_steps + 1) : rate;
}

void orr_schedule_rows(const struct orr_schedule *s, uint64_t steps, double beta1, double beta2, uint64_t first,
                       uint64_t count, double *rows)
{
    for (uint64_t i = 0; i < count; ++i) {
        const double t = (double)(first + i + 1);
        rows[4 * i] = orr_schedule_rate(s, first + i, steps);
        /* expm1 keeps the digits that 1 - beta^t loses where beta^t is close to 1. */
        rows[4 * i + 1] = -1 / expm1(t * log(beta1));
        rows[4 * i + 2] = 1 / sqrt(-expm1(t * log(beta2)));
        rows[4 * i + 3] = 0;
    }
}
