/* Trajectories from a simulator plugin, on several threads.
 *
 * In: a data set with an open simulator. Out: its observed columns as float, or any columns in double. Trajectory k
 * depends on (seed, k) only, so the bits do not depend on how the work is cut.
 */
#include "data/generate.h"

#include "base/memory.h"
#include "data/ranges.h"

#include <inttypes.h>
#include <math.h>

/* Trajectories asked for at a time: enough to hide the call, few enough for the doubles to stay in cache. */
enum { BLOCK = 32 };

orr_status orr_generate_failed(const struct orr_plugin *plugin, orr_status status, const struct orr_error *own,
                               struct orr_error *err)
{
    if (own->text[0]) return orr_fail(err, status, "%s", own->text);
    return orr_fail(err, status, "simulator %s failed with %s and gave no reason: tell its author", plugin->name,
                    orr_status_name(status));
}

struct columns {
    const struct orr_dataset *data;
    uint64_t first; /* trajectory in row 0 of the arrays */
    double *time, *observed, *hidden, *constant;
};

static double *row(double *array, uint64_t i, uint64_t width) { return array ? array + i * width : NULL; }

/* Trajectories first .. first+count-1, counted from columns->first. */
static orr_status generate_columns(void *context, uint64_t first, uint64_t count, struct orr_error *err)
{
    const struct columns *to = context;
    const struct orr_dataset *data = to->data;
    const uint64_t steps = data->config.steps;
    struct orr_error own = {.code = ORR_OK};
    const orr_status status = data->ops->generate(
        data->simulator, data->config.seed, to->first + first, (uint32_t)count, data->config.steps, to->time,
        row(to->observed, first, steps * data->n_observed), row(to->hidden, first, steps * data->n_hidden),
        row(to->constant, first, data->n_constant), &own);
    return status == ORR_OK ? ORR_OK : orr_generate_failed(data->plugin, status, &own, err);
}

orr_status orr_dataset_columns(const struct orr_dataset *data, uint64_t first, uint32_t count, double *observed,
                               double *hidden, double *constant, struct orr_error *err)
{
    const uint64_t all = data->config.trajectories;
    if (first > all || count > all - first)
        return orr_fail(err, ORR_EINVAL,
                        "trajectories %" PRIu64 " to %" PRIu64 " were asked for, but there are %" PRIu64 " (from 0)",
                        first, first + count - 1, all);
    struct columns to = {data, first, NULL, observed, hidden, constant};
    return orr_ranges_run(count, data->threads, generate_columns, &to, err);
}

/* n numbers of the trajectories from k on into floats. */
static orr_status store(const struct orr_dataset *data, uint64_t k, size_t n, const double *from, float *to,
                        struct orr_error *err)
{
    const uint64_t width = data->n_observed, steps = data->config.steps;
    for (size_t i = 0; i < n; ++i) {
        to[i] = (float)from[i];
        if (!isfinite(to[i]))
            return orr_fail(err, ORR_ENUMERIC,
                            "%s gave %g for column %s of trajectory %" PRIu64 " at step %" PRIu64
                            ": a finite float was expected; check its %s",
                            data->source, from[i], data->observed_field[i % width].name, k + i / (steps * width),
                            i / width % steps, data->recording ? "units" : "parameters");
    }
    return ORR_OK;
}

/* Observed columns of trajectories that begin with number `begin`, as float. */
struct floats {
    const struct orr_dataset *data;
    uint64_t begin;
    float *observed;
};

static orr_status generate_floats(void *context, uint64_t first, uint64_t count, struct orr_error *err)
{
    const struct floats *to = context;
    const struct orr_dataset *data = to->data;
    const size_t width = (size_t)data->config.steps * data->n_observed;
    double *block = orr_memory_array(BLOCK * width, sizeof *block);
    if (!block) return orr_memory_out(err, "a block of trajectories", BLOCK * width * sizeof *block);

    orr_status status = ORR_OK;
    for (uint64_t done = 0; done < count && status == ORR_OK; done += BLOCK) {
        const uint64_t n = count - done < BLOCK ? count - done : BLOCK, at = first + done;
        struct columns columns = {data, to->begin + at, NULL, block, NULL, NULL};
        status = generate_columns(&columns, 0, n, err);
        if (status == ORR_OK) status = store(data, to->begin + at, n * width, block, to->observed + at * width, err);
    }
    orr_memory_free(block);
    return status;
}

orr_status orr_generate_all(struct orr_dataset *data, struct orr_error *err)
{
    struct columns times = {data, 0, data->time, NULL, NULL, NULL};
    struct floats floats = {data, 0, data->observed};
    ORR_TRY(generate_columns(&times, 0, 1, err));
    return orr_ranges_run(data->config.trajectories, data->threads, generate_floats, &floats, err);
}

orr_status orr_dataset_fresh(const struct orr_dataset *data, uint64_t first, uint32_t count, float *observed,
                             struct orr_error *err)
{
    struct floats floats = {data, data->config.trajectories, observed};
    if (data->recording)
        return orr_fail(err, ORR_EUNSUPPORTED, "%s has no other trajectories than its own: fresh ones need a simulator",
                        data->source);
    if (__builtin_add_overflow(floats.begin, first, &floats.begin) || floats.begin > UINT64_MAX - count)
        return orr_fail(err, ORR_EINVAL, "fresh trajectory %" PRIu64 " is past the last number there can be", first);
    return orr_ranges_run(count, data->threads, generate_floats, &floats, err);
}
