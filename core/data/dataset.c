/* The data set: configuration checked, simulator opened, trajectories generated; and the check on what it conserves.
 *
 * In: a simulator plugin, its parameter values, sizes. Out: observed columns of all trajectories as float.
 */
#include "data/dataset.h"

#include "base/memory.h"
#include "base/params.h"
#include "base/text.h"
#include "data/generate.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A row of the data set is indexed by an i32 on the device. */
static const uint64_t rows_max = INT32_MAX;

/* Of one kind: far beyond what a model can read, and small enough for every product below to fit. */
static const uint32_t columns_max = 4096;

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

/* The names of columns are those of files, of probes' targets, and of what the engine adds. */
static orr_status check_field(const struct orr_dataset *data, const struct orr_field *field, struct orr_error *err)
{
    static const char *const taken[] = {"trajectory", "step", "time"};
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const char *simulator = data->plugin->name;
    if (!*field->name || field->name[strspn(field->name, letters)])
        return orr_fail(err, ORR_EABI, "simulator %s: \"%.60s\" is no name for a column: use A-Z, a-z, 0-9 and _",
                        simulator, field->name);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; ++i)
        if (strcmp(field->name, taken[i]) == 0)
            return orr_fail(err, ORR_EABI,
                            "simulator %s: the column name \"%s\" is taken by the engine: choose another", simulator,
                            field->name);
    if (orr_text_is_utf8(field->unit)) return ORR_OK;
    return orr_fail(err, ORR_EABI, "simulator %s: the unit of column %s is not UTF-8 text", simulator, field->name);
}

/* Column i of all three groups, one after another. */
static const struct orr_field *field_at(const struct orr_dataset *data, uint64_t i)
{
    if (i < data->n_observed) return &data->observed_field[i];
    i -= data->n_observed;
    return i < data->n_hidden ? &data->hidden_field[i] : &data->constant_field[i - data->n_hidden];
}

static orr_status check_unique(const struct orr_dataset *data, struct orr_error *err)
{
    const uint64_t n = (uint64_t)data->n_observed + data->n_hidden + data->n_constant;
    for (uint64_t i = 0; i < n; ++i)
        for (uint64_t k = 0; k < i; ++k)
            if (strcmp(field_at(data, i)->name, field_at(data, k)->name) == 0)
                return orr_fail(err, ORR_EABI, "simulator %s: two columns are called \"%s\": rename one",
                                data->plugin->name, field_at(data, i)->name);
    return ORR_OK;
}

static orr_status check_fields(const struct orr_dataset *data, const char *which, const struct orr_field *field,
                               uint32_t n, struct orr_error *err)
{
    if (n > columns_max)
        return orr_fail(err, ORR_EABI, "simulator %s: %" PRIu32 " columns of %s are more than %" PRIu32,
                        data->plugin->name, n, which, columns_max);
    for (uint32_t i = 0; i < n; ++i) {
        if (!field || !field[i].name || !field[i].unit)
            return orr_fail(err, ORR_EABI, "simulator %s: column %" PRIu32 " of %s has no name or no unit",
                            data->plugin->name, i, which);
        ORR_TRY(check_field(data, &field[i], err));
    }
    return ORR_OK;
}

static orr_status open_simulator(struct orr_dataset *data, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    const orr_status status = data->ops->create(data->values, &data->simulator, &own);
    if (status != ORR_OK) {
        data->simulator = NULL;
        return orr_generate_failed(data->plugin, status, &own, err);
    }
    data->observed_field = data->ops->observed(data->simulator, &data->n_observed);
    data->hidden_field = data->ops->hidden(data->simulator, &data->n_hidden);
    data->constant_field = data->ops->constant(data->simulator, &data->n_constant);
    if (data->n_observed == 0)
        return orr_fail(err, ORR_EABI, "simulator %s has no observed columns: a model needs at least one",
                        data->plugin->name);
    ORR_TRY(check_fields(data, "observed", data->observed_field, data->n_observed, err));
    ORR_TRY(check_fields(data, "hidden", data->hidden_field, data->n_hidden, err));
    ORR_TRY(check_fields(data, "constant", data->constant_field, data->n_constant, err));
    return check_unique(data, err);
}

static orr_status fill(struct orr_dataset *data, const union orr_value *values, struct orr_error *err)
{
    ORR_TRY(check_ops(data->plugin, err));
    ORR_TRY(split(data, err));
    const size_t n_values = orr_params_count(data->plugin->params);
    data->values = orr_memory_array(n_values, sizeof *data->values);
    if (!data->values) return orr_memory_out(err, "simulator parameters", n_values * sizeof *data->values);
    if (n_values) memcpy(data->values, values, n_values * sizeof *values);
    ORR_TRY(open_simulator(data, err));

    const uint64_t points = data->config.trajectories * data->config.steps;
    size_t bytes;
    if (__builtin_mul_overflow(points, data->n_observed * sizeof *data->observed, &bytes))
        return orr_memory_out(err, "trajectories (lower data.trajectories)", SIZE_MAX);
    data->time = orr_memory_array(data->config.steps, sizeof *data->time);
    data->observed = orr_memory_aligned(bytes, 64);
    if (!data->time || !data->observed) return orr_memory_out(err, "trajectories (lower data.trajectories)", bytes);
    return orr_generate_all(data, err);
}

orr_status orr_dataset_create(const struct orr_plugin *simulator, const union orr_value *values,
                              const struct orr_data_config *config, uint32_t threads, struct orr_dataset **out,
                              struct orr_error *err)
{
    *out = NULL;
    ORR_TRY(check_config(config, err));
    struct orr_dataset *data = orr_memory_array(1, sizeof *data);
    if (!data) return orr_memory_out(err, "a data set", sizeof *data);
    data->plugin = simulator;
    data->ops = simulator->ops;
    data->config = *config;
    data->threads = threads;
    const orr_status status = fill(data, values, err);
    if (status != ORR_OK) {
        orr_dataset_destroy(data);
        return status;
    }
    *out = data;
    return ORR_OK;
}

void orr_dataset_destroy(struct orr_dataset *data)
{
    if (!data) return;
    if (data->simulator) data->ops->destroy(data->simulator);
    orr_memory_free(data->values);
    orr_memory_free(data->observed);
    orr_memory_free(data->time);
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
