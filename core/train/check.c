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
    const struct orr_model *m = job->model;
    if (job->windows->length > m->block_size)
        return orr_fail(err, ORR_EINVAL,
                        "windows of %" PRIu32 " points do not fit the model's block_size %" PRId64
                        ": lower data.context or raise block_size",
                        job->windows->length, m->block_size);
    if (m->n_input != job->data->n_observed || m->n_output != job->data->n_observed)
        return orr_fail(err, ORR_EINVAL,
                        "the model takes %" PRId64 " and gives %" PRId64 " numbers a point, the data have %" PRIu32,
                        m->n_input, m->n_output, job->data->n_observed);
    if (m->vocab_size != job->data->bins.count)
        return orr_fail(err, ORR_EINVAL, "the model's vocabulary is %" PRId64 " tokens, the data have %" PRId64 " bins",
                        m->vocab_size, job->data->bins.count);
    if (m->vocab_size && job->config->noise > 0)
        return orr_fail(err, ORR_EINVAL, "train.noise %g: tokens have no noise; leave it out", job->config->noise);
    return ORR_OK;
}

static bool within(double x, double min, double max) { return x >= min && x <= max; }

/* NaN is within nothing, so it is refused too. */
static orr_status check_numbers(const struct orr_train_config *c, struct orr_error *err)
{
    const struct orr_schedule *s = &c->schedule;
    const struct orr_optimiser *o = &c->optimiser;
    const double huge = DBL_MAX, below_one = nextafter(1, 0);
    const bool drops = s->kind == ORR_SCHEDULE_STEP_DROP, anneals = s->kind == ORR_SCHEDULE_COSINE;
    const bool tails = s->kind == ORR_SCHEDULE_LINEAR_TAIL;
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
                  {!tails || within(s->tail_from, 0, 1), "tail_from", s->tail_from, "a part of the steps: 0 to 1"},
                  {!tails || within(s->tail_factor, 0, huge), "tail_factor", s->tail_factor, "0 or more"},
                  {within(o->beta1, 0, below_one), "beta1", o->beta1, "0 or more and below 1"},
                  {within(o->beta2, 0, below_one), "beta2", o->beta2, "0 or more and below 1"},
                  {within(o->eps, 0, huge), "eps", o->eps, "0 or more"},
                  {within(o->momentum, 0, below_one), "momentum", o->momentum, "0 or more and below 1"},
                  {within(o->weight_decay, 0, huge), "weight_decay", o->weight_decay, "0 or more"}};
    for (size_t i = 0; i < sizeof number / sizeof *number; ++i)
        if (!number[i].good)
            return orr_fail(err, ORR_EINVAL, "train.%s %g: expected %s", number[i].name, number[i].value,
                            number[i].expected);
    if ((unsigned)s->kind >= ORR_SCHEDULE_KINDS)
        return orr_fail(err, ORR_EINVAL, "train.schedule: kind %d is not known", (int)s->kind);
    if ((unsigned)o->kind >= ORR_OPTIMISER_KINDS)
        return orr_fail(err, ORR_EINVAL, "train.optimiser: kind %d is not known", (int)o->kind);
    return ORR_OK;
}

static orr_status check_batch(const struct orr_train_job *job, struct orr_error *err)
{
    const struct orr_train_config *c = job->config;
    const uint64_t steps = job->data->config.steps;
    if (c->full_batch && c->fresh)
        return orr_fail(err, ORR_EINVAL,
                        "train.batch: full takes every window there is, train.fresh makes new ones: "
                        "choose one");
    if (c->full_batch) return ORR_OK;
    if (c->batch < 1) return orr_fail(err, ORR_EINVAL, "a batch of 0 windows trains nothing: raise train.batch_size");
    if (c->batch > INT32_MAX)
        return orr_fail(err, ORR_EINVAL, "train.batch_size %" PRIu32 " is more than %d", c->batch, INT32_MAX);
    if (c->fresh && c->batch > INT32_MAX / steps)
        return orr_fail(err, ORR_EINVAL,
                        "%" PRIu32 " fresh trajectories of %" PRIu64
                        " points are more than the %d that a step can hold: "
                        "lower train.batch_size",
                        c->batch, steps, INT32_MAX);
    return ORR_OK;
}

static orr_status check_evaluation(const struct orr_train_config *c, struct orr_error *err)
{
    const struct orr_evaluation_plan *plan = &c->evaluation;
    if ((unsigned)plan->kind >= ORR_EVALUATION_KINDS)
        return orr_fail(err, ORR_EINVAL, "train.evaluate: kind %d is not known", (int)plan->kind);
    if (plan->kind != ORR_EVALUATE_NONE && plan->count < 1)
        return orr_fail(err, ORR_EINVAL, "train.evaluations 0: at least one was expected, that of the last step");
    return ORR_OK;
}

orr_status orr_train_check(const struct orr_train_job *job, struct orr_error *err)
{
    const struct orr_train_config *c = job->config;
    if (c->steps < 1 || c->steps > INT32_MAX - 1)
        return orr_fail(err, ORR_EINVAL, "train.steps %" PRIu64 " is not within 1 to %d", c->steps, INT32_MAX - 1);
    ORR_TRY(check_batch(job, err));
    ORR_TRY(check_numbers(c, err));
    ORR_TRY(check_evaluation(c, err));
    if (job->windows->count < 1 || job->windows->count > INT32_MAX)
        return orr_fail(err, ORR_EINVAL, "%zu windows to choose from: 1 to %d were expected", job->windows->count,
                        INT32_MAX);
    return check_model(job, err);
}
