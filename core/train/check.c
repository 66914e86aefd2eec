/* Whether a job can be trained at all: sizes that fit one another, numbers that make sense.
 *
 * In: a job. Out: the first thing that does not fit.
 */
#include "train/check.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

static orr_status check_model(const struct orr_train_job *job, struct orr_error *err)
{
    const struct orr_transformer *m = job->model;
    if (job->windows->length > m->block_size)
        return orr_fail(err, ORR_EINVAL,
                        "windows of %" PRIu32 " points do not fit the model's block_size %" PRId64
                        ": lower data.context or raise block_size",
                        job->windows->length, m->block_size);
    if (m->n_input != job->data->n_observed || m->n_output != job->data->n_observed)
        return orr_fail(err, ORR_EINVAL,
                        "the model takes %" PRId64 " and gives %" PRId64 " numbers a point, the data have %" PRIu32,
                        m->n_input, m->n_output, job->data->n_observed);
    return ORR_OK;
}

static bool within(double x, double min, double max) { return x >= min && x <= max; }

/* NaN is within nothing, so it is refused too. */
static orr_status check_numbers(const struct orr_train_config *c, struct orr_error *err)
{
    const struct orr_schedule *s = &c->schedule;
    const struct orr_adamw *a = &c->adamw;
    const double huge = DBL_MAX, below_one = nextafter(1, 0);
    const bool drops = s->kind == ORR_SCHEDULE_STEP_DROP, anneals = s->kind == ORR_SCHEDULE_COSINE;
    const struct {
        bool good;
        const char *name;
        double value;
        const char *expected;
    } number[] = {{within(c->noise, 0, huge), "noise", c->noise, "a standard deviation: 0 or more"},
                  {within(s->learning_rate, 0, huge), "learning_rate", s->learning_rate, "0 or more"},
                  {!drops || within(s->drop_at, 0, 1), "drop_at", s->drop_at, "a part of the steps: 0 to 1"},
                  {!drops || within(s->drop_factor, 0, huge), "drop_factor", s->drop_factor, "0 or more"},
                  {!anneals || within(s->minimum_learning_rate, 0, huge), "minimum_learning_rate",
                   s->minimum_learning_rate, "0 or more"},
                  {within(a->beta1, 0, below_one), "beta1", a->beta1, "0 or more and below 1"},
                  {within(a->beta2, 0, below_one), "beta2", a->beta2, "0 or more and below 1"},
                  {within(a->eps, 0, huge), "eps", a->eps, "0 or more"},
                  {within(a->weight_decay, 0, huge), "weight_decay", a->weight_decay, "0 or more"}};
    for (size_t i = 0; i < sizeof number / sizeof *number; ++i)
        if (!number[i].good)
            return orr_fail(err, ORR_EINVAL, "train.%s %g: expected %s", number[i].name, number[i].value,
                            number[i].expected);
    if ((unsigned)s->kind > ORR_SCHEDULE_COSINE)
        return orr_fail(err, ORR_EINVAL, "train.schedule: kind %d is not known", (int)s->kind);
    return ORR_OK;
}

orr_status orr_train_check(const struct orr_train_job *job, struct orr_error *err)
{
    const struct orr_train_config *c = job->config;
    if (c->steps < 1 || c->steps > INT32_MAX - 1)
        return orr_fail(err, ORR_EINVAL, "train.steps %" PRIu64 " is not within 1 to %d", c->steps, INT32_MAX - 1);
    if (c->batch < 1) return orr_fail(err, ORR_EINVAL, "a batch of 0 windows trains nothing: raise train.batch_size");
    if (c->batch > INT32_MAX)
        return orr_fail(err, ORR_EINVAL, "train.batch_size %" PRIu32 " is more than %d", c->batch, INT32_MAX);
    ORR_TRY(check_numbers(c, err));
    if (job->windows->count < 1 || job->windows->count > INT32_MAX)
        return orr_fail(err, ORR_EINVAL, "%zu windows to choose from: 1 to %d were expected", job->windows->count,
                        INT32_MAX);
    return check_model(job, err);
}
