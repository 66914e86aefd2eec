/* A recording from rows: each number to the observed columns or to the others, and of these the constant ones apart. */
#include "data/recording_build.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/suggest.h"
#include "data/fields.h"

#include <inttypes.h>
#include <string.h>

/* A row of the data set is indexed by an i32 on the device. */
static const uint64_t rows_max = INT32_MAX;

static orr_status keep_text(struct orr_recording *recording, const char *text, const char **out, struct orr_error *err)
{
    if (recording->n_text == recording->text_capacity)
        ORR_TRY(orr_memory_grow((void **)&recording->text, &recording->text_capacity, recording->n_text + 1,
                                sizeof(char *), err));
    char *copy = orr_memory_text(text);
    if (!copy) return orr_memory_out(err, "a column's name", strlen(text) + 1);
    *out = recording->text[recording->n_text++] = copy;
    return ORR_OK;
}

orr_status orr_recording_add_field(struct orr_recording *recording, struct orr_recording_columns *to, const char *name,
                                   const char *unit, struct orr_error *err)
{
    if (to->count == ORR_COLUMNS_MAX)
        return orr_fail(err, ORR_EFORMAT, "more than %d columns of one kind, from \"%.60s\" on: leave some out",
                        ORR_COLUMNS_MAX, name);
    if (to->count == to->field_capacity)
        ORR_TRY(
            orr_memory_grow((void **)&to->field, &to->field_capacity, to->count + (size_t)1, sizeof *to->field, err));
    struct orr_field *field = &to->field[to->count];
    field->doc = "A column of the file.";
    ORR_TRY(keep_text(recording, name, &field->name, err));
    ORR_TRY(keep_text(recording, unit, &field->unit, err));
    ++to->count;
    return ORR_OK;
}

orr_status orr_recording_count_time(struct orr_recording *recording, struct orr_error *err)
{
    recording->time = orr_memory_array(recording->steps, sizeof *recording->time);
    if (!recording->time) return orr_memory_out(err, "times", recording->steps * sizeof *recording->time);
    for (uint32_t i = 0; i < recording->steps; ++i)
        recording->time[i] = i;
    return ORR_OK;
}

/* ---- which column goes where ---- */

static size_t position(const char *name, const char *const *list, size_t n)
{
    size_t i = 0;
    while (i < n && strcmp(list[i], name) != 0)
        ++i;
    return i;
}

/* Every name that the recipe lists is a column, once. */
static orr_status check_listed(const char *key, const char *const *list, size_t n, const char *const *name,
                               size_t n_columns, struct orr_error *err)
{
    for (size_t i = 0; i < n; ++i) {
        if (position(list[i], list, i) < i)
            return orr_fail(err, ORR_EINVAL, "data.%s names \"%s\" twice", key, list[i]);
        if (position(list[i], name, n_columns) < n_columns) continue;
        const char *near = orr_suggest(list[i], name, n_columns);
        return orr_fail(err, ORR_EINVAL, "data.%s: \"%s\" is not a column of this file%s%s%s", key, list[i],
                        near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return ORR_OK;
}

static orr_status place_column(struct orr_recording_builder *b, const char *name, struct orr_recording_place *place,
                               struct orr_error *err)
{
    const struct orr_recording_config *c = b->config;
    const size_t listed = position(name, c->observed, c->n_observed);
    place->declared = position(name, c->constant, c->n_constant) < c->n_constant;
    place->observed = c->n_observed ? listed < c->n_observed : !place->declared;
    if (place->declared && place->observed)
        return orr_fail(err, ORR_EINVAL, "data.constant: \"%s\" is also in data.observed: leave it out of one", name);
    if (place->observed && c->n_observed) {
        place->at = (uint32_t)listed; /* its field is made already */
        return ORR_OK;
    }
    struct orr_recording_columns *to = place->observed ? &b->recording->observed : &b->recording->hidden;
    place->at = to->count;
    return orr_recording_add_field(b->recording, to, name, "1", err);
}

static orr_status place_columns(struct orr_recording_builder *b, const char *const *name, struct orr_error *err)
{
    const struct orr_recording_config *c = b->config;
    ORR_TRY(check_listed("observed", c->observed, c->n_observed, name, b->n_columns, err));
    ORR_TRY(check_listed("constant", c->constant, c->n_constant, name, b->n_columns, err));
    for (size_t i = 0; i < c->n_observed; ++i)
        ORR_TRY(orr_recording_add_field(b->recording, &b->recording->observed, c->observed[i], "1", err));
    for (size_t i = 0; i < b->n_columns; ++i)
        ORR_TRY(place_column(b, name[i], &b->place[i], err));
    if (b->n_columns == 0)
        return orr_fail(err, ORR_EFORMAT,
                        "there is no column beside trajectory, step and time: add what the model sees");
    if (b->recording->observed.count > 0) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "no column is left for the model to see: shorten data.constant");
}

orr_status orr_recording_begin(struct orr_recording_builder *b, const struct orr_recording_config *config,
                               struct orr_recording *recording, const char *const *name, size_t n,
                               struct orr_error *err)
{
    *b = (struct orr_recording_builder){.config = config, .recording = recording, .n_columns = n};
    b->place = orr_memory_array(n, sizeof *b->place);
    if (!b->place) return orr_memory_out(err, "columns", n * sizeof *b->place);
    return place_columns(b, name, err);
}

void orr_recording_builder_fini(struct orr_recording_builder *b)
{
    orr_memory_free(b->place);
    *b = (struct orr_recording_builder){.recording = NULL};
}

/* ---- rows ---- */

static orr_status make_room(struct orr_recording_columns *columns, uint64_t rows, struct orr_error *err)
{
    size_t need;
    if (__builtin_mul_overflow(rows, columns->count, &need)) return orr_memory_out(err, "trajectories", SIZE_MAX);
    if (need <= columns->capacity) return ORR_OK;
    return orr_memory_grow((void **)&columns->number, &columns->capacity, need, sizeof(double), err);
}

orr_status orr_recording_add(struct orr_recording_builder *b, const double *row, struct orr_error *err)
{
    struct orr_recording_columns *observed = &b->recording->observed, *hidden = &b->recording->hidden;
    if (b->rows == rows_max)
        return orr_fail(err, ORR_EFORMAT, "more than the %" PRIu64 " points that a data set can hold", rows_max);
    ORR_TRY(make_room(observed, b->rows + 1, err));
    ORR_TRY(make_room(hidden, b->rows + 1, err));
    for (size_t i = 0; i < b->n_columns; ++i) {
        struct orr_recording_columns *to = b->place[i].observed ? observed : hidden;
        to->number[b->rows * to->count + b->place[i].at] = row[i];
    }
    ++b->rows;
    return ORR_OK;
}

/* ---- constant columns ---- */

/* The first row in which hidden column c differs from that at the beginning of its trajectory; the number of rows where
 * there is none. */
static uint64_t first_change(const struct orr_recording *recording, uint32_t c)
{
    const uint64_t width = recording->hidden.count, rows = recording->trajectories * recording->steps;
    for (uint64_t row = 0; row < rows; ++row) {
        const double begins = recording->hidden.number[(row - row % recording->steps) * width + c];
        const double here = recording->hidden.number[row * width + c];
        if (here < begins || here > begins) return row;
    }
    return rows;
}

/* Move the columns that `moves` says to recording->constant, and the others together. */
static orr_status split(struct orr_recording *recording, const bool *moves, uint32_t n_moves, struct orr_error *err)
{
    struct orr_recording_columns *hidden = &recording->hidden, *constant = &recording->constant;
    const uint32_t width = hidden->count, stay = width - n_moves;
    const uint64_t rows = recording->trajectories * recording->steps;
    constant->field = orr_memory_array(n_moves, sizeof *constant->field);
    constant->number = orr_memory_array((size_t)recording->trajectories, n_moves * sizeof(double));
    if (!constant->field || !constant->number)
        return orr_memory_out(err, "constant columns", (size_t)recording->trajectories * n_moves * sizeof(double));
    constant->count = n_moves;
    for (uint64_t row = 0; row < rows; ++row)
        for (uint32_t c = 0, m = 0; c < width; ++c) {
            const double number = hidden->number[row * width + c];
            if (!moves[c])
                hidden->number[row * stay + c - m] = number;
            else if (row % recording->steps == 0)
                constant->number[row / recording->steps * n_moves + m] = number;
            m += moves[c];
        }
    for (uint32_t c = 0, m = 0; c < width; ++c) {
        if (moves[c])
            constant->field[m++] = hidden->field[c];
        else
            hidden->field[c - m] = hidden->field[c];
    }
    hidden->count = stay;
    return ORR_OK;
}

static orr_status not_constant(const struct orr_recording *recording, uint32_t c, uint64_t row, struct orr_error *err)
{
    char before[ORR_NUMBER_SIZE], after[ORR_NUMBER_SIZE];
    const uint64_t width = recording->hidden.count;
    const double *number = recording->hidden.number + c;
    return orr_fail(err, ORR_EFORMAT,
                    "trajectory %" PRIu64 ", step %" PRIu64
                    ": column \"%s\" is %s and was %s at step 0, but data.constant says that it is constant",
                    row / recording->steps, row % recording->steps, recording->hidden.field[c].name,
                    orr_number_print(number[row * width], after),
                    orr_number_print(number[(row - row % recording->steps) * width], before));
}

static orr_status find_constant(const struct orr_recording_builder *b, bool *moves, uint32_t *n, struct orr_error *err)
{
    const struct orr_recording *recording = b->recording;
    for (size_t i = 0; i < b->n_columns; ++i) {
        const uint32_t c = b->place[i].at;
        if (b->place[i].observed) continue;
        const uint64_t row = first_change(recording, c);
        moves[c] = row == recording->trajectories * recording->steps;
        *n += moves[c];
        if (!moves[c] && b->place[i].declared) return not_constant(recording, c, row, err);
    }
    return ORR_OK;
}

orr_status orr_recording_finish(struct orr_recording_builder *b, struct orr_error *err)
{
    const uint32_t n_hidden = b->recording->hidden.count;
    uint32_t n = 0;
    bool *moves = orr_memory_array(n_hidden, sizeof *moves);
    if (!moves) return orr_memory_out(err, "columns", n_hidden * sizeof *moves);
    orr_status status = find_constant(b, moves, &n, err);
    if (status == ORR_OK) status = split(b->recording, moves, n, err);
    orr_memory_free(moves);
    return status;
}
