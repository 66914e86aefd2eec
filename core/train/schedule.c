/* Learning rate by step, and the numbers of AdamW that depend on the step alone.
 *
 * In: a schedule and the number of steps. Out: rates in double; rounding to a device's type is for the caller.
 */
#include "train/schedule.h"

#include <math.h>

static double cosine_rate(const struct orr_schedule *s, uint64_t step, uint64_t steps)
{
    if (step < s->warmup_steps) return s->learning_rate * (double)(step + 1) / (double)(s->warmup_steps + 1);
    const double span = (double)steps - 1 - (double)s->warmup_steps;
    const double progress = span > 0 ? (double)(step - s->warmup_steps) / span : 1;
    const double weight = 0.5 * (1 + cos(3.14159265358979323846 * fmin(progress, 1)));
    return s->minimum_learning_rate + weight * (s->learning_rate - s->minimum_learning_rate);
}

double orr_schedule_rate(const struct orr_schedule *s, uint64_t step, uint64_t steps)
{
    switch (s->kind) {
    case ORR_SCHEDULE_STEP_DROP:
        return (double)step < floor(s->drop_at * (double)steps) ? s->learning_rate : s->learning_rate * s->drop_factor;
    case ORR_SCHEDULE_COSINE:
        return cosine_rate(s, step, steps);
    case ORR_SCHEDULE_CONSTANT:
        break;
    }
    return s->learning_rate;
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
