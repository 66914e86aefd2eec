/* The data set: configuration checked, simulator opened, trajectories generated; and the check on what it conserves.
 *
 * In: a simulator plugin and its parameter values, or a recording; sizes. Out: observed columns of all trajectories as
 * float.
 */
#include "data/dataset.h"

#include "base/memory.h"
#include "base/params.h"
#include "data/fields.h"
#include "data/generate.h"
#include "data/replay.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A row of the data set is indexed by an i32 on the device. */
static const uint64_t rows_max = INT32_MAX;

static orr_status check_config(const struct orr_data_config *c, struct orr_error *err)
{
    if (c->steps < 2)
        return orr_fail(err, ORR_EINVAL,
                        "a trajectory of %" PRIu32 " steps has no next point to predict: raise data.steps to 2 or more",
                        c->steps);
    if (c->context < 1)
        return orr_fail(err, ORR_EINVAL, "context 0 shows the model nothing: raise data.context to 1 or more");
    if (c->context > c->steps)
        return orr_fail(err, ORR_EINVAL,
                        "context %" PRIu32 " is longer than a trajectory (%" PRIu32
                        " steps): lower data.context or raise data.steps",
                        c->context, c->steps);
    if (c->trajectories > rows_max / c->steps)
        return orr_fail(err, ORR_EINVAL,
                        "%" PRIu64 " trajectories of %" PRIu32 " steps are more than the %" PRIu64
                        " points that a data set can hold: lower data.trajectories or data.steps",
                        c->trajectories, c->steps, rows_max);
    return ORR_OK;
}

static orr_status split(struct orr_dataset *data, struct orr_error *err)
{
    const struct orr_data_config *c = &data->config;
    const double train = floor(c->train_fraction * (double)c->trajectories + 0.5);
    if (!(train >= 1 && train <= (double)c->trajectories - 1))
        return orr_fail(err, ORR_EINVAL,
                        "data.train_fraction %g of %" PRIu64
                        " trajectories leaves none to train on or none to hold out: each needs at least one",
                        c->train_fraction, c->trajectories);
    data->n_train = (uint64_t)train;
    return ORR_OK;
}

static orr_status check_ops(const struct orr_plugin *plugin, struct orr_error *err)
{
    const struct orr_simulator_ops *ops = plugin->ops;
    const char *missing = !ORR_HAS(ops, create)     ? "create"
                          : !ORR_HAS(ops, destroy)  ? "destroy"
                          : !ORR_HAS(ops, observed) ? "observed"
                          : !ORR_HAS(ops, hidden)   ? "hidden"
                          : !ORR_HAS(ops, constant) ? "constant"
                          : !ORR_HAS(ops, generate) ? "generate"
                                                    : NULL;
    if (!missing) return ORR_OK;
    return orr_fail(err, ORR_EABI,
                    "simulator %s has no function \"%s\": set it in its struct orr_simulator_ops, and size to sizeof",
                    plugin->name, missing);
}

static orr_status create_simulator(struct orr_dataset *data, const union orr_value *values, struct orr_error *err)
{
    const size_t n_values = orr_params_count(data->plugin->params);
    data->values = orr_memory_array(n_values, sizeof *data->values);
    if (!data->values) return orr_memory_out(err, "simulator parameters", n_values * sizeof *data->values);
    if (n_values) memcpy(data->values, values, n_values * sizeof *values);
    if (data->recording) return orr_replay_create(data->recording, &data->simulator, err);
    struct orr_error own = {.code = ORR_OK};
    const orr_status status = data->ops->create(data->values, &data->simulator, &own);
    if (status == ORR_OK) return ORR_OK;
    data->simulator = NULL;
    return orr_generate_failed(data->plugin, status, &own, err);
}

static orr_status read_fields(struct orr_dataset *data, struct orr_error *err)
{
    data->observed_field = data->ops->observed(data->simulator, &data->n_observed);
    data->hidden_field = data->ops->hidden(data->simulator, &data->n_hidden);
    data->constant_field = data->ops->constant(data->simulator, &data->n_constant);
    if (data->n_observed == 0)
        return orr_fail(err, ORR_EABI, "%s has no observed columns: a model needs at least one", data->source);
    const struct orr_fields groups[] = {{"observed", data->observed_field, data->n_observed},
                                        {"hidden", data->hidden_field, data->n_hidden},
                                        {"constant", data->constant_field, data->n_constant}};
    return orr_fields_check(groups, 3, data->source, ORR_EABI, err);
}

static orr_status generate(struct orr_dataset *data, struct orr_error *err)
{
    const uint64_t points = data->config.trajectories * data->config.steps;
    size_t bytes;
    if (__builtin_mul_overflow(points, data->n_observed * sizeof *data->observed, &bytes))
        return orr_memory_out(err, "trajectories (lower data.trajectories)", SIZE_MAX);
    data->time = orr_memory_array(data->config.steps, sizeof *data->time);
    data->observed = orr_memory_aligned(bytes, 64);
    if (!data->time || !data->observed) return orr_memory_out(err, "trajectories (lower data.trajectories)", bytes);
    return orr_generate_all(data, err);
}

/* ---- tokens ---- */

/* In float, as the numbers are: 0.1 lies in [0, 0.1], though its float is greater. */
static orr_status check_in_range(const struct orr_dataset *data, struct orr_error *err)
{
    const struct orr_data_config *c = &data->config;
    const uint64_t width = data->n_observed, numbers = c->trajectories * c->steps * width;
    const float low = (float)c->bin_low, high = (float)c->bin_high;
    for (uint64_t i = 0; i < numbers; ++i) {
        const float x = data->observed[i];
        if (x >= low && x <= high) continue;
        return orr_fail(err, ORR_EINVAL,
                        "%s: %.9g in column %s of trajectory %" PRIu64 " at step %" PRIu64
                        " lies outside data.bin_range [%g, %g]: widen it, or leave it out",
                        data->source, (double)x, data->observed_field[i % width].name, i / width / c->steps,
                        i / width % c->steps, c->bin_low, c->bin_high);
    }
    return ORR_OK;
}

/* The range of each column over all trajectories. A column of one value gets one that holds it. */
static void find_range(const struct orr_dataset *data)
{
    const uint64_t width = data->n_observed, rows = data->config.trajectories * data->config.steps;
    for (uint64_t c = 0; c < width; ++c) {
        float low = data->observed[c], high = low;
        for (uint64_t row = 1; row < rows; ++row) {
            low = fminf(low, data->observed[row * width + c]);
            high = fmaxf(high, data->observed[row * width + c]);
        }
        data->bins.low[c] = (double)low;
        data->bins.high[c] = high > low ? (double)high : (double)low + fmax(1, fabs((double)low));
    }
}

static orr_status make_bins(struct orr_dataset *data, struct orr_error *err)
{
    const struct orr_data_config *c = &data->config;
    if (c->bins == 0) return ORR_OK;
    data->bins.low = orr_memory_array(data->n_observed, sizeof *data->bins.low);
    data->bins.high = orr_memory_array(data->n_observed, sizeof *data->bins.high);
    if (!data->bins.low || !data->bins.high)
        return orr_memory_out(err, "bins", 2 * data->n_observed * sizeof *data->bins.low);
    data->bins.count = c->bins;
    if (!c->has_bin_range) {
        find_range(data);
        return ORR_OK;
    }
    for (uint32_t i = 0; i < data->n_observed; ++i) {
        data->bins.low[i] = c->bin_low;
        data->bins.high[i] = c->bin_high;
    }
    return check_in_range(data, err);
}

orr_status orr_dataset_tokens(const struct orr_dataset *data, uint64_t first, uint64_t count, int32_t *token,
                              struct orr_error *err)
{
    const uint64_t all = data->config.trajectories * data->config.steps;
    if (data->bins.count == 0)
        return orr_fail(err, ORR_EINVAL, "%s: its columns are numbers, not tokens: set data.bins", data->source);
    if (first > all || count > all - first)
        return orr_fail(err, ORR_EINVAL,
                        "points %" PRIu64 " to %" PRIu64 " were asked for, but there are %" PRIu64 " (from 0)", first,
                        first + count - 1, all);
    orr_bins_tokens(&data->bins, data->n_observed, (size_t)count, data->observed + first * data->n_observed, token);
    return ORR_OK;
}

/* ---- life ---- */

static orr_status fill(struct orr_dataset *data, const union orr_value *values, struct orr_error *err)
{
    if (!data->source) return orr_memory_out(err, "a name", strlen(data->plugin->name));
    if (!data->recording) ORR_TRY(check_ops(data->plugin, err));
    ORR_TRY(split(data, err));
    ORR_TRY(create_simulator(data, values, err));
    ORR_TRY(read_fields(data, err));
    ORR_TRY(generate(data, err));
    return make_bins(data, err);
}

/* Takes recording, which is NULL where the simulator makes the trajectories. */
static orr_status create(const struct orr_plugin *simulator, struct orr_recording *recording,
                         const union orr_value *values, const struct orr_data_config *config, uint32_t threads,
                         struct orr_dataset **out, struct orr_error *err)
{
    struct orr_dataset *data = orr_memory_array(1, sizeof *data);
    *out = NULL;
    if (!data) {
        orr_recording_destroy(recording);
        return orr_memory_out(err, "a data set", sizeof *data);
    }
    data->plugin = simulator;
    data->recording = recording;
    data->ops = simulator->ops;
    data->config = *config;
    data->threads = threads;
    data->source = recording ? orr_memory_print("the file %s", recording->path)
                             : orr_memory_print("simulator %s", simulator->name);
    orr_status status = check_config(config, err);
    if (status == ORR_OK) status = fill(data, values, err);
    if (status == ORR_OK)
        *out = data;
    else
        orr_dataset_destroy(data);
    return status;
}

orr_status orr_dataset_create(const struct orr_plugin *simulator, const union orr_value *values,
                              const struct orr_data_config *config, uint32_t threads, struct orr_dataset **out,
                              struct orr_error *err)
{
    return create(simulator, NULL, values, config, threads, out, err);
}

orr_status orr_dataset_from_recording(struct orr_recording *recording, const struct orr_data_config *config,
                                      uint32_t threads, struct orr_dataset **out, struct orr_error *err)
{
    const union orr_value checksum = {.s = recording->checksum};
    return create(&orr_replay_plugin, recording, &checksum, config, threads, out, err);
}

void orr_dataset_destroy(struct orr_dataset *data)
{
    if (!data) return;
    if (data->simulator) data->ops->destroy(data->simulator);
    orr_recording_destroy(data->recording);
    orr_memory_free(data->values);
    orr_memory_free(data->observed);
    orr_memory_free(data->time);
    orr_memory_free(data->bins.low);
    orr_memory_free(data->bins.high);
    orr_memory_free(data->source);
    orr_memory_free(data);
}

/* Largest relative change along one trajectory. */
static double drift_of(const double *invariant, uint32_t steps)
{
    double largest = 0, change = 0;
    for (uint32_t i = 0; i < steps; ++i) {
        if (isnan(invariant[i])) return (double)INFINITY;
        largest = fmax(largest, fabs(invariant[i]));
        change = fmax(change, fabs(invariant[i] - invariant[0]));
    }
    return largest > 0 ? change / largest : 0;
}

static orr_status drift_over(const struct orr_dataset *data, uint64_t first, uint32_t count, double *observed,
                             double *hidden, double *invariant, double *drift, struct orr_error *err)
{
    const uint32_t steps = data->config.steps;
    for (uint32_t k = 0; k < count; ++k) {
        ORR_TRY(orr_dataset_columns(data, first + k, 1, observed, hidden, NULL, err));
        struct orr_error own = {.code = ORR_OK};
        const orr_status status = data->ops->invariant(data->simulator, observed, hidden, steps, invariant, &own);
        if (status != ORR_OK) return orr_generate_failed(data->plugin, status, &own, err);
        *drift = fmax(*drift, drift_of(invariant, steps));
    }
    return ORR_OK;
}

orr_status orr_dataset_invariant_drift(const struct orr_dataset *data, uint64_t first, uint32_t count, double *drift,
                                       struct orr_error *err)
{
    *drift = (double)NAN;
    if (!ORR_HAS(data->ops, invariant)) return ORR_OK;
    const size_t steps = data->config.steps;
    const size_t numbers = steps * (data->n_observed + (size_t)data->n_hidden + 1);
    double *scratch = orr_memory_array(numbers, sizeof *scratch);
    if (!scratch) return orr_memory_out(err, "a trajectory", numbers * sizeof *scratch);
    double *hidden = scratch + steps * data->n_observed;
    *drift = 0;
    const orr_status status =
        drift_over(data, first, count, scratch, hidden, hidden + steps * data->n_hidden, drift, err);
    orr_memory_free(scratch);
    return status;
}
