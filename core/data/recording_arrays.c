/* A recording from dense arrays: .npy, the .safetensors that `orrery generate` writes, one tensor of another's.
 *
 * An array is (trajectories, steps, columns), float32 or float64.
 */
#include "base/memory.h"
#include "base/number.h"
#include "data/fields.h"
#include "data/recording_build.h"
#include "io/json.h"
#include "io/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- an array without names ---- */

static orr_status check_shape(uint32_t dtype, uint32_t rank, const int64_t *dim, struct orr_error *err)
{
    if (dtype != ORR_NPY_F32 && dtype != ORR_NPY_F64)
        return orr_fail(err, ORR_EFORMAT, "the array holds whole numbers: float32 or float64 was expected");
    if (rank != 3)
        return orr_fail(err, ORR_EFORMAT,
                        "the array has %" PRIu32 " dimensions: 3 were expected, (trajectories, steps, columns)", rank);
    for (int i = 0; i < 3; ++i)
        if (dim[i] < 1 || dim[i] > INT32_MAX)
            return orr_fail(err, ORR_EFORMAT,
                            "the array is (%" PRId64 ", %" PRId64 ", %" PRId64
                            "): each of trajectories, steps and columns is 1 to %d",
                            dim[0], dim[1], dim[2], INT32_MAX);
    if (dim[2] > ORR_COLUMNS_MAX)
        return orr_fail(err, ORR_EFORMAT,
                        "the array has %" PRId64
                        " columns: at most %d were expected; it is (trajectories, steps, columns)",
                        dim[2], ORR_COLUMNS_MAX);
    return ORR_OK;
}

enum { NAME = 24 };

/* The names that the recipe gives, or x0, x1, ...; both arrays are the caller's, text (n, NAME). */
static orr_status name_columns(const struct orr_recording_config *config, size_t n, const char **name, char *text,
                               struct orr_error *err)
{
    if (config->n_columns && config->n_columns != n)
        return orr_fail(err, ORR_EINVAL, "data.columns has %zu names, and the array has %zu columns", config->n_columns,
                        n);
    for (size_t i = 0; i < n; ++i) {
        snprintf(text + NAME * i, NAME, "x%zu", i);
        name[i] = config->n_columns ? config->columns[i] : text + NAME * i;
    }
    return ORR_OK;
}

static double number_at(uint32_t dtype, const void *data, size_t i)
{
    return dtype == ORR_NPY_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static orr_status not_finite(const struct orr_recording *recording, uint64_t row, const char *column, double number,
                             struct orr_error *err)
{
    return orr_fail(err, ORR_EFORMAT,
                    "trajectory %" PRIu64 ", step %" PRIu64
                    ", column \"%.60s\": %g, where a finite number was expected",
                    row / recording->steps, row % recording->steps, column, number);
}

static orr_status add_rows(struct orr_recording_builder *b, uint32_t dtype, const void *data, const char *const *name,
                           double *row, struct orr_error *err)
{
    const uint64_t rows = b->recording->trajectories * b->recording->steps;
    for (uint64_t k = 0; k < rows; ++k) {
        for (size_t i = 0; i < b->n_columns; ++i) {
            row[i] = number_at(dtype, data, k * b->n_columns + i);
            if (!isfinite(row[i])) return not_finite(b->recording, k, name[i], row[i], err);
        }
        ORR_TRY(orr_recording_add(b, row, err));
    }
    ORR_TRY(orr_recording_count_time(b->recording, err));
    return orr_recording_finish(b, err);
}

static orr_status fill(const struct orr_recording_config *config, struct orr_recording *recording, uint32_t dtype,
                       uint32_t rank, const int64_t *dim, const void *data, struct orr_error *err)
{
    ORR_TRY(check_shape(dtype, rank, dim, err));
    const size_t n = (size_t)dim[2];
    struct orr_recording_builder builder = {.recording = NULL};
    const char **name = orr_memory_array(n, sizeof *name);
    char *text = orr_memory_array(n, NAME);
    double *row = orr_memory_array(n, sizeof *row);
    recording->trajectories = (uint64_t)dim[0];
    recording->steps = (uint32_t)dim[1];
    orr_status status = name && text && row ? ORR_OK : orr_memory_out(err, "columns", n * NAME);
    if (status == ORR_OK) status = name_columns(config, n, name, text, err);
    if (status == ORR_OK) status = orr_recording_begin(&builder, config, recording, name, n, err);
    if (status == ORR_OK) status = add_rows(&builder, dtype, data, name, row, err);
    orr_recording_builder_fini(&builder);
    orr_memory_free(name);
    orr_memory_free(text);
    orr_memory_free(row);
    return status;
}

orr_status orr_recording_read_npy(const struct orr_recording_config *config, struct orr_file_reader *file,
                                  struct orr_recording *recording, struct orr_error *err)
{
    struct orr_npy_head head;
    struct orr_array array;
    if (config->tensor) return orr_fail(err, ORR_EINVAL, "a .npy has no tensors: leave out data.tensor");
    ORR_TRY(orr_npy_read_head(file, &head, err));
    ORR_TRY(check_shape(head.array.dtype, head.array.rank, head.array.dim, err));
    ORR_TRY(orr_npy_read_body(file, &head, &array, err));
    const orr_status status = fill(config, recording, array.dtype, array.rank, array.dim, array.data, err);
    orr_array_fini(&array);
    return status;
}

/* ---- what `orrery generate` writes ---- */

static orr_status read_fields(struct orr_recording *recording, const json_t *columns, const char *kind,
                              struct orr_recording_columns *to, struct orr_error *err)
{
    const json_t *list = json_object_get(columns, kind);
    if (!json_is_array(list)) return orr_fail(err, ORR_EFORMAT, "its metadata \"columns\" has no list \"%s\"", kind);
    for (size_t i = 0; i < json_array_size(list); ++i) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *unit = json_string_value(json_object_get(one, "unit"));
        if (!name || !unit)
            return orr_fail(err, ORR_EFORMAT, "its metadata \"columns\": %s column %zu has no name or no unit", kind,
                            i);
        ORR_TRY(orr_recording_add_field(recording, to, name, unit, err));
    }
    return ORR_OK;
}

/* A copy of an F64 tensor that has this shape. */
static orr_status read_tensor(const struct orr_safetensors *set, const char *name, uint32_t rank, const int64_t *dim,
                              double **out, struct orr_error *err)
{
    const struct orr_safetensors_tensor *t = orr_safetensors_find(set, name);
    bool fits = t && t->rank == rank && t->dtype == ORR_NPY_F64;
    for (uint32_t i = 0; fits && i < rank; ++i)
        fits = t->dim[i] == dim[i];
    if (!fits)
        return orr_fail(err, ORR_EFORMAT,
                        "tensor \"%s\" is missing, or not F64 of the shape that \"columns\" and \"time\" need", name);
    *out = orr_memory_aligned(t->bytes, 64);
    if (!*out) return orr_memory_out(err, name, t->bytes);
    memcpy(*out, t->data, t->bytes);
    return ORR_OK;
}

static orr_status check_finite(const struct orr_recording *recording, const struct orr_recording_columns *c,
                               uint64_t steps, struct orr_error *err)
{
    const uint64_t n = recording->trajectories * steps * c->count;
    for (uint64_t i = 0; i < n; ++i)
        if (!isfinite(c->number[i]))
            return not_finite(recording, i / c->count * (recording->steps / steps), c->field[i % c->count].name,
                              c->number[i], err);
    return ORR_OK;
}

static orr_status check_time(const struct orr_recording *recording, struct orr_error *err)
{
    const double *time = recording->time;
    for (uint32_t i = 0; i < recording->steps; ++i) {
        char here[ORR_NUMBER_SIZE], before[ORR_NUMBER_SIZE];
        if (!isfinite(time[i]))
            return orr_fail(err, ORR_EFORMAT, "step %" PRIu32 " has time %g, where a finite number was expected", i,
                            time[i]);
        if (i > 0 && time[i] <= time[i - 1])
            return orr_fail(err, ORR_EFORMAT, "step %" PRIu32 " has time %s, the step before %s: times must ascend", i,
                            orr_number_print(time[i], here), orr_number_print(time[i - 1], before));
    }
    return ORR_OK;
}

static orr_status read_numbers(const struct orr_safetensors *set, struct orr_recording *recording,
                               struct orr_error *err)
{
    const struct orr_safetensors_tensor *observed = orr_safetensors_find(set, "observed");
    if (!observed) return orr_fail(err, ORR_EFORMAT, "tensor \"observed\" is missing");
    ORR_TRY(check_shape(observed->dtype, observed->rank, observed->dim, err));
    const int64_t n = observed->dim[0], steps = observed->dim[1];
    recording->trajectories = (uint64_t)n;
    recording->steps = (uint32_t)steps;
    ORR_TRY(read_tensor(set, "time", 1, (int64_t[]){steps}, &recording->time, err));
    ORR_TRY(read_tensor(set, "observed", 3, (int64_t[]){n, steps, recording->observed.count},
                        &recording->observed.number, err));
    ORR_TRY(
        read_tensor(set, "hidden", 3, (int64_t[]){n, steps, recording->hidden.count}, &recording->hidden.number, err));
    ORR_TRY(
        read_tensor(set, "constant", 2, (int64_t[]){n, recording->constant.count}, &recording->constant.number, err));
    ORR_TRY(check_time(recording, err));
    ORR_TRY(check_finite(recording, &recording->observed, recording->steps, err));
    ORR_TRY(check_finite(recording, &recording->hidden, recording->steps, err));
    return check_finite(recording, &recording->constant, 1, err);
}

static orr_status copy_metadata(const struct orr_safetensors *set, const char *key, char **out, struct orr_error *err)
{
    const char *text = orr_safetensors_metadata(set, key);
    if (!text) return orr_fail(err, ORR_EFORMAT, "its metadata has no \"%s\"", key);
    *out = orr_memory_text(text);
    return *out ? ORR_OK : orr_memory_out(err, key, strlen(text) + 1);
}

static orr_status read_origin(const struct orr_safetensors *set, struct orr_recording *recording, struct orr_error *err)
{
    ORR_TRY(copy_metadata(set, "simulator", &recording->simulator, err));
    ORR_TRY(copy_metadata(set, "version", &recording->version, err));
    ORR_TRY(copy_metadata(set, "parameters", &recording->parameters, err));
    json_t *parameters;
    ORR_TRY(orr_json_parse(recording->parameters, strlen(recording->parameters), "its metadata \"parameters\"",
                           &parameters, err));
    const bool map = json_is_object(parameters);
    json_decref(parameters);
    if (!map) return orr_fail(err, ORR_EFORMAT, "its metadata \"parameters\" is not a map in JSON");
    int64_t seed;
    const char *text = orr_safetensors_metadata(set, "seed");
    if (!text || !orr_number_integer(text, &seed) || seed < 0)
        return orr_fail(err, ORR_EFORMAT, "its metadata \"seed\" is not a whole number from 0");
    recording->seed = (uint64_t)seed;
    return ORR_OK;
}

static orr_status read_own(const struct orr_recording_config *config, struct orr_recording *recording,
                           const struct orr_safetensors *set, struct orr_error *err)
{
    if (config->tensor || config->n_columns || config->n_observed || config->n_constant)
        return orr_fail(err, ORR_EINVAL,
                        "orrery generate wrote this file, and it names its columns: leave out data.tensor, "
                        "data.columns, data.observed and data.constant (a .csv can be read in other ways)");
    const char *text = orr_safetensors_metadata(set, "columns");
    json_t *columns;
    if (!text) return orr_fail(err, ORR_EFORMAT, "its metadata has no \"columns\"");
    ORR_TRY(orr_json_parse(text, strlen(text), "its metadata \"columns\"", &columns, err));
    orr_status status = read_fields(recording, columns, "observed", &recording->observed, err);
    if (status == ORR_OK) status = read_fields(recording, columns, "hidden", &recording->hidden, err);
    if (status == ORR_OK) status = read_fields(recording, columns, "constant", &recording->constant, err);
    json_decref(columns);
    ORR_TRY(status);
    ORR_TRY(read_numbers(set, recording, err));
    return read_origin(set, recording, err);
}

/* ---- any .safetensors ---- */

static orr_status read_foreign(const struct orr_recording_config *config, struct orr_recording *recording,
                               const struct orr_safetensors *set, struct orr_error *err)
{
    const size_t n = orr_safetensors_count(set);
    if (!config->tensor && n != 1)
        return orr_fail(err, ORR_EINVAL, "it holds %zu tensors: name the trajectories with data.tensor", n);
    const struct orr_safetensors_tensor *t =
        config->tensor ? orr_safetensors_find(set, config->tensor) : orr_safetensors_tensor(set, 0);
    if (!t) return orr_fail(err, ORR_EINVAL, "data.tensor: it holds no tensor \"%s\"", config->tensor);
    if (fill(config, recording, t->dtype, t->rank, t->dim, t->data, err) == ORR_OK) return ORR_OK;
    return orr_error_prefix(err, "tensor \"%.80s\"", t->name);
}

orr_status orr_recording_read_safetensors(const struct orr_recording_config *config, struct orr_file_reader *file,
                                          struct orr_recording *recording, struct orr_error *err)
{
    struct orr_safetensors *set;
    ORR_TRY(orr_safetensors_load_from(file, &set, err));
    const char *format = orr_safetensors_metadata(set, "format");
    const bool own = format && strcmp(format, "orrery-dataset-1") == 0;
    const orr_status status = own ? read_own(config, recording, set, err) : read_foreign(config, recording, set, err);
    orr_safetensors_destroy(set);
    return status;
}
