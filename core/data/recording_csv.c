/* A recording from .csv: a header line with trajectory, step, maybe time, and the columns; then one line a point.
 *
 * Lines are sorted by trajectory, then step. Trajectories have any ascending whole numbers; steps count from 0.
 */
#include "base/memory.h"
#include "base/number.h"
#include "data/recording_build.h"
#include "io/csv.h"
#include "io/stream.h"

#include <inttypes.h>
#include <string.h>

struct reader {
    const struct orr_recording_config *config;
    struct orr_file_reader *file;
    struct orr_recording *recording;
    struct orr_recording_builder builder;
    struct orr_csv *csv;
    uint64_t header_line;                   /* 0: not read yet */
    size_t n_fields;                        /* of the header */
    char **name;                            /* of the columns */
    size_t *field;                          /* of each column */
    size_t trajectory_at, step_at, time_at; /* fields; time_at == n_fields: there is none */
    double *row;
    int64_t trajectory; /* that the last line belongs to */
    uint32_t steps;     /* of it so far */
    size_t time_capacity;
};

/* ---- the header ---- */

static size_t find_field(const char *const *field, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(field[i], name) != 0)
        ++i;
    return i;
}

static orr_status read_names(struct reader *r, const char *const *field, struct orr_error *err)
{
    size_t n = 0;
    r->name = orr_memory_array(r->n_fields, sizeof *r->name);
    r->field = orr_memory_array(r->n_fields, sizeof *r->field);
    r->row = orr_memory_array(r->n_fields, sizeof *r->row);
    if (!r->name || !r->field || !r->row) return orr_memory_out(err, "columns", r->n_fields * sizeof *r->name);
    for (size_t i = 0; i < r->n_fields; ++i) {
        if (i == r->trajectory_at || i == r->step_at || i == r->time_at) continue;
        r->field[n] = i;
        r->name[n] = orr_memory_text(field[i]);
        if (!r->name[n++]) return orr_memory_out(err, "a column's name", strlen(field[i]) + 1);
    }
    return orr_recording_begin(&r->builder, r->config, r->recording, (const char *const *)r->name, n, err);
}

static orr_status read_header(struct reader *r, uint64_t line, const char *const *field, size_t n,
                              struct orr_error *err)
{
    r->header_line = line;
    r->n_fields = n;
    r->trajectory_at = find_field(field, n, "trajectory");
    r->step_at = find_field(field, n, "step");
    r->time_at = find_field(field, n, "time");
    if (r->trajectory_at == n || r->step_at == n)
        return orr_fail(err, ORR_EFORMAT,
                        "line %" PRIu64 ": the header has no column \"%s\": it names trajectory, step and the columns, "
                        "such as trajectory,step,x,y",
                        line, r->trajectory_at == n ? "trajectory" : "step");
    if (r->config->n_columns)
        return orr_fail(err, ORR_EINVAL, "line %" PRIu64 ": the header names the columns: leave out data.columns",
                        line);
    return read_names(r, field, err);
}

/* ---- a point ---- */

static orr_status not_a_number(uint64_t line, const char *name, const char *text, const char *expected,
                               struct orr_error *err)
{
    if (!*text)
        return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ", column \"%.60s\": empty, expected %s", line, name,
                        expected);
    return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ", column \"%.60s\": \"%.40s\" is not %s", line, name, text,
                    expected);
}

/* The trajectory before is over. */
static orr_status end_trajectory(struct reader *r, uint64_t line, struct orr_error *err)
{
    if (r->recording->trajectories == 0) r->recording->steps = r->steps;
    if (r->steps != r->recording->steps)
        return orr_fail(err, ORR_EFORMAT,
                        "line %" PRIu64 ": trajectory %" PRId64 " ends after %" PRIu32 " points, the first has %" PRIu32
                        ": all must have the same",
                        line, r->trajectory, r->steps, r->recording->steps);
    ++r->recording->trajectories;
    return ORR_OK;
}

static orr_status next_trajectory(struct reader *r, uint64_t line, int64_t trajectory, struct orr_error *err)
{
    if (r->builder.rows > 0 && trajectory < r->trajectory)
        return orr_fail(err, ORR_EFORMAT,
                        "line %" PRIu64 ": trajectory %" PRId64 " comes after trajectory %" PRId64
                        ": sort the lines by trajectory, then by step",
                        line, trajectory, r->trajectory);
    if (r->builder.rows > 0) ORR_TRY(end_trajectory(r, line, err));
    r->trajectory = trajectory;
    r->steps = 0;
    return ORR_OK;
}

/* The line must be the next point of its trajectory. */
static orr_status place_point(struct reader *r, uint64_t line, int64_t trajectory, int64_t step, struct orr_error *err)
{
    if (r->builder.rows == 0 || trajectory != r->trajectory) ORR_TRY(next_trajectory(r, line, trajectory, err));
    if (step == (int64_t)r->steps - 1)
        return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": trajectory %" PRId64 " has step %" PRId64 " twice", line,
                        trajectory, step);
    if (step != (int64_t)r->steps)
        return orr_fail(err, ORR_EFORMAT,
                        "line %" PRIu64 ": step %" PRId64 " of trajectory %" PRId64 ", expected step %" PRIu32
                        ": steps count from 0 without a gap, in order",
                        line, step, trajectory, r->steps);
    if (r->recording->trajectories > 0 && r->steps == r->recording->steps)
        return orr_fail(err, ORR_EFORMAT,
                        "line %" PRIu64 ": trajectory %" PRId64 " has more than the %" PRIu32
                        " points of the first: all must have the same",
                        line, trajectory, r->recording->steps);
    ++r->steps;
    return ORR_OK;
}

static orr_status check_time(struct reader *r, uint64_t line, double time, struct orr_error *err)
{
    const uint32_t i = r->steps - 1;
    char here[ORR_NUMBER_SIZE], there[ORR_NUMBER_SIZE];
    if (r->recording->trajectories == 0) {
        ORR_TRY(orr_memory_grow((void **)&r->recording->time, &r->time_capacity, r->steps, sizeof(double), err));
        r->recording->time[i] = time;
        if (i == 0 || time > r->recording->time[i - 1]) return ORR_OK;
        return orr_fail(err, ORR_EFORMAT,
                        "line %" PRIu64 ": step %" PRIu32
                        " has time %s, the step before %s: times must ascend; call the column otherwise to keep it as "
                        "data",
                        line, i, orr_number_print(time, here), orr_number_print(r->recording->time[i - 1], there));
    }
    if (time >= r->recording->time[i] && time <= r->recording->time[i]) return ORR_OK;
    return orr_fail(err, ORR_EFORMAT,
                    "line %" PRIu64 ": step %" PRIu32
                    " has time %s, in the first trajectory %s: times must be the same "
                    "in all; call the column otherwise to keep it as data",
                    line, i, orr_number_print(time, here), orr_number_print(r->recording->time[i], there));
}

static orr_status read_point(struct reader *r, uint64_t line, const char *const *field, struct orr_error *err)
{
    static const char whole[] = "a whole number from 0", real[] = "a finite decimal number";
    int64_t trajectory, step;
    double time = 0;
    if (!orr_number_integer(field[r->trajectory_at], &trajectory) || trajectory < 0)
        return not_a_number(line, "trajectory", field[r->trajectory_at], whole, err);
    if (!orr_number_integer(field[r->step_at], &step) || step < 0)
        return not_a_number(line, "step", field[r->step_at], whole, err);
    if (r->time_at < r->n_fields && !orr_number_real(field[r->time_at], &time))
        return not_a_number(line, "time", field[r->time_at], real, err);
    ORR_TRY(place_point(r, line, trajectory, step, err));
    if (r->time_at < r->n_fields) ORR_TRY(check_time(r, line, time, err));
    for (size_t i = 0; i < r->builder.n_columns; ++i)
        if (!orr_number_real(field[r->field[i]], &r->row[i]))
            return not_a_number(line, r->name[i], field[r->field[i]], real, err);
    return orr_recording_add(&r->builder, r->row, err);
}

static orr_status read_record(void *context, uint64_t line, const char *const *field, size_t n, struct orr_error *err)
{
    struct reader *r = context;
    if (!r->header_line) return read_header(r, line, field, n, err);
    if (n != r->n_fields)
        return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": %zu field%s, expected %zu as in the header", line, n,
                        n == 1 ? "" : "s", r->n_fields);
    return read_point(r, line, field, err);
}

/* ---- the file ---- */

static orr_status feed(void *context, const char *bytes, size_t n, struct orr_error *err)
{
    return orr_csv_feed(((struct reader *)context)->csv, bytes, n, err);
}

static orr_status read_all(struct reader *r, struct orr_error *err)
{
    if (r->config->tensor) return orr_fail(err, ORR_EINVAL, "a .csv has no tensors: leave out data.tensor");
    ORR_TRY(orr_csv_create(read_record, r, &r->csv, err));
    ORR_TRY(orr_stream_read(r->file, feed, r, err));
    ORR_TRY(orr_csv_finish(r->csv, err));
    if (r->builder.rows == 0)
        return orr_fail(err, ORR_EFORMAT, "%s: expected a header such as trajectory,step,x,y and one line a point",
                        r->header_line ? "no line after the header" : "the file is empty");
    if (r->steps != r->recording->steps && r->recording->trajectories > 0)
        return orr_fail(err, ORR_EFORMAT,
                        "the file ends after %" PRIu32 " points of trajectory %" PRId64 ", the first has %" PRIu32
                        ": it is cut short",
                        r->steps, r->trajectory, r->recording->steps);
    ORR_TRY(end_trajectory(r, 0, err));
    if (r->time_at == r->n_fields) ORR_TRY(orr_recording_count_time(r->recording, err));
    return orr_recording_finish(&r->builder, err);
}

orr_status orr_recording_read_csv(const struct orr_recording_config *config, struct orr_file_reader *file,
                                  struct orr_recording *recording, struct orr_error *err)
{
    struct reader r = {.config = config, .file = file, .recording = recording};
    const orr_status status = read_all(&r, err);
    for (size_t i = 0; r.name && i < r.n_fields; ++i)
        orr_memory_free(r.name[i]);
    orr_memory_free(r.name);
    orr_memory_free(r.field);
    orr_memory_free(r.row);
    orr_recording_builder_fini(&r.builder);
    orr_csv_destroy(r.csv);
    return status;
}
