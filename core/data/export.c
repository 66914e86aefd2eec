/* A data set as .safetensors, .npy or .csv.
 *
 * In: a data set. Out: a file with all columns in double, regenerated, so that nothing is lost to the float that the
 * model sees. CSV is made a block of trajectories at a time; the others are held in memory whole.
 */
#include "data/export.h"

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "io/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CSV_BLOCK = 64 };

/* Columns of some trajectories; hidden and constant may be empty. */
struct columns {
    double *observed, *hidden, *constant;
};

static void columns_fini(struct columns *c)
{
    orr_memory_free(c->observed);
    orr_memory_free(c->hidden);
    orr_memory_free(c->constant);
}

static orr_status columns_init(struct columns *c, const struct orr_dataset *data, uint64_t count, struct orr_error *err)
{
    const size_t points = (size_t)count * data->config.steps;
    c->observed = orr_memory_array(points, data->n_observed * sizeof(double));
    c->hidden = orr_memory_array(points, data->n_hidden * sizeof(double));
    c->constant = orr_memory_array((size_t)count, data->n_constant * sizeof(double));
    if (c->observed && c->hidden && c->constant) return ORR_OK;
    return orr_memory_out(err, "columns to export",
                          points * (data->n_observed + (size_t)data->n_hidden) * sizeof(double));
}

/* ---- metadata ---- */

static json_t *value_as_json(enum orr_param_type type, const union orr_value *value)
{
    switch (type) {
    case ORR_PARAM_BOOL:
        return json_boolean(value->b);
    case ORR_PARAM_INT:
        return json_integer(value->i);
    case ORR_PARAM_REAL:
        return json_real(value->r);
    case ORR_PARAM_STRING:
        return json_string(value->s);
    case ORR_PARAM_END:
        break;
    }
    return NULL;
}

static json_t *parameters_as_json(const struct orr_dataset *data)
{
    json_t *object = json_object();
    const struct orr_param *p = data->plugin->params;
    for (size_t i = 0; object && p[i].type != ORR_PARAM_END; ++i)
        if (json_object_set_new(object, p[i].key, value_as_json(p[i].type, &data->values[i])) != 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static json_t *fields_as_json(const struct orr_field *field, uint32_t n)
{
    json_t *array = json_array();
    for (uint32_t i = 0; array && i < n; ++i)
        if (json_array_append_new(array, json_pack("{ssss}", "name", field[i].name, "unit", field[i].unit)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *columns_as_json(const struct orr_dataset *data)
{
    return json_pack("{sososo}", "observed", fields_as_json(data->observed_field, data->n_observed), "hidden",
                     fields_as_json(data->hidden_field, data->n_hidden), "constant",
                     fields_as_json(data->constant_field, data->n_constant));
}

/* Takes json, which may be NULL when there was no memory. */
static orr_status set_json(struct orr_safetensors *set, const char *key, json_t *json, struct orr_error *err)
{
    char *text = NULL;
    orr_status status = json ? orr_json_print(json, JSON_COMPACT | JSON_REAL_PRECISION(17), key, &text, err)
                             : orr_fail(err, ORR_ENOMEM, "out of memory for the metadata \"%s\"", key);
    json_decref(json);
    if (status == ORR_OK) status = orr_safetensors_set_metadata(set, key, text, err);
    free(text);
    return status;
}

static orr_status set_number(struct orr_safetensors *set, const char *key, uint64_t number, struct orr_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return orr_safetensors_set_metadata(set, key, text, err);
}

/* A file's trajectories keep the simulator that they came from. */
static orr_status describe_origin(struct orr_safetensors *set, const struct orr_dataset *data, struct orr_error *err)
{
    const struct orr_recording *from = data->recording && data->recording->simulator ? data->recording : NULL;
    ORR_TRY(orr_safetensors_set_metadata(set, "simulator", from ? from->simulator : data->plugin->name, err));
    ORR_TRY(orr_safetensors_set_metadata(set, "version", from ? from->version : data->plugin->version, err));
    if (from) ORR_TRY(orr_safetensors_set_metadata(set, "parameters", from->parameters, err));
    if (!from) ORR_TRY(set_json(set, "parameters", parameters_as_json(data), err));
    return set_number(set, "seed", from ? from->seed : data->config.seed, err);
}

static orr_status describe(struct orr_safetensors *set, const struct orr_dataset *data, struct orr_error *err)
{
    ORR_TRY(orr_safetensors_set_metadata(set, "format", "orrery-dataset-1", err));
    ORR_TRY(describe_origin(set, data, err));
    ORR_TRY(set_json(set, "columns", columns_as_json(data), err));
    return set_number(set, "train_trajectories", data->n_train, err);
}

/* ---- formats ---- */

static orr_status fill_set(struct orr_safetensors *set, const struct orr_dataset *data, const struct columns *c,
                           struct orr_error *err)
{
    const int64_t n = (int64_t)data->config.trajectories, steps = data->config.steps;
    const int64_t observed[] = {n, steps, data->n_observed}, hidden[] = {n, steps, data->n_hidden};
    const int64_t constant[] = {n, data->n_constant};
    ORR_TRY(orr_safetensors_add(set, "time", ORR_NPY_F64, 1, &steps, data->time, err));
    ORR_TRY(orr_safetensors_add(set, "observed", ORR_NPY_F64, 3, observed, c->observed, err));
    ORR_TRY(orr_safetensors_add(set, "hidden", ORR_NPY_F64, 3, hidden, c->hidden, err));
    ORR_TRY(orr_safetensors_add(set, "constant", ORR_NPY_F64, 2, constant, c->constant, err));
    return describe(set, data, err);
}

static orr_status save_safetensors(const struct orr_dataset *data, const struct columns *c, const char *path,
                                   struct orr_error *err)
{
    struct orr_safetensors *set;
    ORR_TRY(orr_safetensors_create(&set, err));
    orr_status status = fill_set(set, data, c, err);
    if (status == ORR_OK) status = orr_safetensors_save(set, path, err);
    orr_safetensors_destroy(set);
    return status;
}

static orr_status write_safetensors(const struct orr_dataset *data, const char *path, struct orr_error *err)
{
    struct columns c;
    orr_status status = columns_init(&c, data, data->config.trajectories, err);
    if (status == ORR_OK)
        status =
            orr_dataset_columns(data, 0, (uint32_t)data->config.trajectories, c.observed, c.hidden, c.constant, err);
    if (status == ORR_OK) status = save_safetensors(data, &c, path, err);
    columns_fini(&c);
    return status;
}

static orr_status write_npy(const struct orr_dataset *data, const char *path, struct orr_error *err)
{
    struct orr_array array = {.dtype = ORR_NPY_F64,
                              .rank = 3,
                              .dim = {(int64_t)data->config.trajectories, data->config.steps, data->n_observed}};
    size_t bytes;
    ORR_TRY(orr_npy_bytes(array.dtype, array.rank, array.dim, &bytes, err));
    array.data = orr_memory_aligned(bytes, 64);
    if (!array.data) return orr_memory_out(err, "columns to export", bytes);
    orr_status status = orr_dataset_columns(data, 0, (uint32_t)data->config.trajectories, array.data, NULL, NULL, err);
    if (status == ORR_OK) status = orr_npy_write(path, &array, err);
    orr_memory_free(array.data);
    return status;
}

static orr_status put_names(struct orr_file_writer *w, const struct orr_field *field, uint32_t n, struct orr_error *err)
{
    for (uint32_t i = 0; i < n; ++i) {
        ORR_TRY(orr_file_writer_append(w, ",", 1, err));
        ORR_TRY(orr_file_writer_append(w, field[i].name, strlen(field[i].name), err));
    }
    return ORR_OK;
}

static orr_status put_numbers(struct orr_file_writer *w, const double *value, uint32_t n, struct orr_error *err)
{
    for (uint32_t i = 0; i < n; ++i) {
        char text[32];
        const int length = snprintf(text, sizeof text, ",%.17g", value[i]);
        ORR_TRY(orr_file_writer_append(w, text, (size_t)length, err));
    }
    return ORR_OK;
}

static orr_status put_header(struct orr_file_writer *w, const struct orr_dataset *data, struct orr_error *err)
{
    static const char first[] = "trajectory,step,time";
    ORR_TRY(orr_file_writer_append(w, first, sizeof first - 1, err));
    ORR_TRY(put_names(w, data->observed_field, data->n_observed, err));
    ORR_TRY(put_names(w, data->hidden_field, data->n_hidden, err));
    ORR_TRY(put_names(w, data->constant_field, data->n_constant, err));
    return orr_file_writer_append(w, "\n", 1, err);
}

/* Point `step` of trajectory first + k, where first is the one that c begins with. */
static orr_status put_point(struct orr_file_writer *w, const struct orr_dataset *data, const struct columns *c,
                            uint64_t first, size_t k, size_t step, struct orr_error *err)
{
    char text[48];
    const int n = snprintf(text, sizeof text, "%" PRIu64 ",%zu", first + k, step);
    const size_t point = k * data->config.steps + step;
    ORR_TRY(orr_file_writer_append(w, text, (size_t)n, err));
    ORR_TRY(put_numbers(w, &data->time[step], 1, err));
    ORR_TRY(put_numbers(w, c->observed + point * data->n_observed, data->n_observed, err));
    ORR_TRY(put_numbers(w, c->hidden + point * data->n_hidden, data->n_hidden, err));
    ORR_TRY(put_numbers(w, c->constant + k * data->n_constant, data->n_constant, err));
    return orr_file_writer_append(w, "\n", 1, err);
}

static orr_status put_points(struct orr_file_writer *w, const struct orr_dataset *data, const struct columns *c,
                             struct orr_error *err)
{
    const uint64_t all = data->config.trajectories;
    for (uint64_t first = 0; first < all; first += CSV_BLOCK) {
        const uint32_t count = all - first < CSV_BLOCK ? (uint32_t)(all - first) : CSV_BLOCK;
        ORR_TRY(orr_dataset_columns(data, first, count, c->observed, c->hidden, c->constant, err));
        for (size_t k = 0; k < count; ++k)
            for (size_t step = 0; step < data->config.steps; ++step)
                ORR_TRY(put_point(w, data, c, first, k, step, err));
    }
    return ORR_OK;
}

static orr_status write_csv_in_c(const struct orr_dataset *data, const char *path, struct orr_error *err)
{
    struct columns c;
    struct orr_file_writer *w = NULL;
    orr_status status = columns_init(&c, data, CSV_BLOCK, err);
    if (status == ORR_OK) status = orr_file_writer_open(path, &w, err);
    if (status == ORR_OK) {
        status = put_header(w, data, err);
        if (status == ORR_OK) status = put_points(w, data, &c, err);
        if (status == ORR_OK)
            status = orr_file_writer_commit(w, err);
        else
            orr_file_writer_discard(w);
    }
    columns_fini(&c);
    return status;
}

/* With a decimal point, whatever the locale of an embedding program. */
static orr_status write_csv(const struct orr_dataset *data, const char *path, struct orr_error *err)
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) return orr_memory_out(err, "a locale", 0);
    const locale_t before = uselocale(c);
    const orr_status status = write_csv_in_c(data, path, err);
    uselocale(before);
    freelocale(c);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

orr_status orr_dataset_export(const struct orr_dataset *data, const char *path, struct orr_error *err)
{
    if (ends_with(path, ".safetensors")) return write_safetensors(data, path, err);
    if (ends_with(path, ".npy")) return write_npy(data, path, err);
    if (ends_with(path, ".csv")) return write_csv(data, path, err);
    return orr_fail(err, ORR_EINVAL, "%s: the end of the name chooses the format: use .safetensors, .npy or .csv",
                    path);
}
