/* A sample of windows: which ones, and the columns of the simulator at their positions. */
#include "study/sample.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "orrery/random.h"

#include <string.h>

/* The last counter word of these draws; training has 0 there, the cutting of windows a word of its own. */
enum { SAMPLE_DRAWS = 0x53545544 };

/* ---- windows ---- */

/* Selection sampling (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S): in order and distinct. */
static void choose(uint64_t seed, enum orr_split split, const struct orr_windows *windows, size_t wanted, int32_t *out)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    size_t chosen = 0;
    for (size_t i = 0; i < windows->count && chosen < wanted; ++i) {
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32), (uint32_t)split, SAMPLE_DRAWS};
        uint32_t word[4];
        orr_random_philox(key, counter, word);
        const double uniform = (double)((uint64_t)word[0] << 21 | word[1] >> 11) * 0x1p-53; /* never 1 */
        if (uniform * (double)(windows->count - i) < (double)(wanted - chosen)) out[chosen++] = windows->start[i];
    }
}

static orr_status choose_windows(struct orr_sample *sample, enum orr_split split, size_t wanted, struct orr_error *err)
{
    struct orr_windows windows;
    ORR_TRY(orr_windows_create(sample->data, split, &windows, err));
    if (wanted > windows.count) {
        orr_log(ORR_LOG_WARN, "study",
                "study.windows asks for %zu %s windows, and there are %zu: all of them are probed", wanted,
                split == ORR_TRAIN ? "training" : "held-out", windows.count);
        wanted = windows.count;
    }
    sample->length = windows.length;
    sample->whole = windows.whole;
    sample->count[split] = wanted;
    sample->start[split] = orr_memory_array(wanted, sizeof *sample->start[split]);
    if (sample->start[split]) choose(sample->data->config.seed, split, &windows, wanted, sample->start[split]);
    orr_windows_fini(&windows);
    return sample->start[split] ? ORR_OK : orr_memory_out(err, "windows to probe", wanted * sizeof(int32_t));
}

/* ---- columns ---- */

static orr_status list_columns(struct orr_sample *sample, struct orr_error *err)
{
    static const struct orr_field own[] = {{"trajectory", "1", "Number of the trajectory."},
                                           {"step", "1", "Number of the point in its trajectory."}};
    const struct orr_dataset *data = sample->data;
    const size_t simulated = (size_t)data->n_observed + data->n_hidden + data->n_constant;
    struct orr_field *column = sample->column = orr_memory_array(simulated + 2, sizeof *sample->column);
    if (!column) return orr_memory_out(err, "columns", (simulated + 2) * sizeof *column);
    for (uint32_t i = 0; i < data->n_observed; ++i)
        *column++ = data->observed_field[i];
    for (uint32_t i = 0; i < data->n_hidden; ++i)
        *column++ = data->hidden_field[i];
    for (uint32_t i = 0; i < data->n_constant; ++i)
        *column++ = data->constant_field[i];
    memcpy(column, own, sizeof own);
    sample->n_columns = (uint32_t)simulated + 2;
    return ORR_OK;
}

orr_status orr_sample_create(const struct orr_dataset *data, size_t windows, struct orr_sample **out,
                             struct orr_error *err)
{
    *out = NULL;
    struct orr_sample *sample = orr_memory_array(1, sizeof *sample);
    if (!sample) return orr_memory_out(err, "a sample of windows", sizeof *sample);
    sample->data = data;
    orr_status status = choose_windows(sample, ORR_TRAIN, windows, err);
    if (status == ORR_OK) status = choose_windows(sample, ORR_HELD_OUT, windows, err);
    if (status == ORR_OK) status = list_columns(sample, err);
    if (status == ORR_OK)
        *out = sample;
    else
        orr_sample_destroy(sample);
    return status;
}

void orr_sample_destroy(struct orr_sample *sample)
{
    if (!sample) return;
    for (int split = 0; split < 2; ++split) {
        orr_memory_free(sample->start[split]);
        orr_memory_free(sample->table[split][ORR_ALL_POSITIONS]);
        orr_memory_free(sample->table[split][ORR_LAST_POSITION]);
    }
    orr_memory_free(sample->column);
    orr_memory_free(sample);
}

size_t orr_sample_rows(const struct orr_sample *sample, enum orr_split split, enum orr_positions positions)
{
    return sample->count[split] * (positions == ORR_LAST_POSITION ? 1 : sample->length);
}

/* One trajectory in double, regenerated. */
struct trajectory {
    uint64_t number;
    double *observed, *hidden, *constant;
};

/* Column c of a trajectory at a step. */
static double value_at(const struct orr_dataset *data, const struct trajectory *t, uint32_t c, uint32_t step)
{
    if (c < data->n_observed) return t->observed[(size_t)step * data->n_observed + c];
    c -= data->n_observed;
    if (c < data->n_hidden) return t->hidden[(size_t)step * data->n_hidden + c];
    c -= data->n_hidden;
    if (c < data->n_constant) return t->constant[c];
    return c == data->n_constant ? (double)t->number : (double)step;
}

static orr_status fill_table(const struct orr_sample *sample, enum orr_split split, enum orr_positions positions,
                             struct trajectory *t, double *table, struct orr_error *err)
{
    const struct orr_dataset *data = sample->data;
    const size_t rows = orr_sample_rows(sample, split, positions);
    const uint32_t steps = data->config.steps, first = positions == ORR_LAST_POSITION ? sample->length - 1 : 0;
    size_t row = 0;
    for (size_t w = 0; w < sample->count[split]; ++w) {
        const uint32_t start = (uint32_t)sample->start[split][w];
        /* Starts ascend, so that windows of one trajectory follow one another. */
        if (w == 0 || t->number != start / steps) {
            t->number = start / steps;
            ORR_TRY(orr_dataset_columns(data, t->number, 1, t->observed, t->hidden, t->constant, err));
        }
        for (uint32_t p = first; p < sample->length; ++p, ++row)
            for (uint32_t c = 0; c < sample->n_columns; ++c)
                table[c * rows + row] = value_at(data, t, c, start % steps + p);
    }
    return ORR_OK;
}

static orr_status make_table(struct orr_sample *sample, enum orr_split split, enum orr_positions positions,
                             struct orr_error *err)
{
    const struct orr_dataset *data = sample->data;
    const size_t steps = data->config.steps;
    const size_t numbers = steps * ((size_t)data->n_observed + data->n_hidden) + data->n_constant;
    const size_t cells = orr_sample_rows(sample, split, positions) * sample->n_columns;
    double *scratch = orr_memory_array(numbers, sizeof *scratch), *table = orr_memory_array(cells, sizeof *table);
    orr_status status = ORR_OK;
    if (!scratch || !table) {
        status = orr_memory_out(err, "columns at the probed positions (lower study.windows)", cells * sizeof *table);
    } else {
        struct trajectory t = {.observed = scratch, .hidden = scratch + steps * data->n_observed};
        t.constant = t.hidden + steps * data->n_hidden;
        status = fill_table(sample, split, positions, &t, table, err);
    }
    orr_memory_free(scratch);
    if (status == ORR_OK)
        sample->table[split][positions] = table;
    else
        orr_memory_free(table);
    return status;
}

orr_status orr_sample_column(struct orr_sample *sample, const char *name, enum orr_split split,
                             enum orr_positions positions, struct orr_matrix *out, struct orr_error *err)
{
    uint32_t c = 0;
    while (c < sample->n_columns && strcmp(sample->column[c].name, name) != 0)
        ++c;
    if (c == sample->n_columns) {
        const char *near = NULL;
        for (uint32_t i = 0; !near && i < sample->n_columns; ++i)
            near = orr_suggest(name, &sample->column[i].name, 1);
        return orr_fail(err, ORR_EINVAL, "\"%s\" is not a column of %s%s%s%s", name, sample->data->source,
                        near ? ": did you mean \"" : ": orrery generate lists them", near ? near : "",
                        near ? "\"?" : "");
    }
    if (!sample->table[split][positions]) ORR_TRY(make_table(sample, split, positions, err));
    const size_t rows = orr_sample_rows(sample, split, positions);
    *out = (struct orr_matrix){.data = sample->table[split][positions] + c * rows, .rows = rows, .cols = 1};
    return ORR_OK;
}

/* ---- what the network sees ---- */

static void copy_points(const struct orr_sample *sample, enum orr_split split, size_t first, size_t count, size_t shift,
                        double *out)
{
    const size_t width = sample->data->n_observed, numbers = sample->length * width;
    for (size_t w = 0; w < count; ++w) {
        const float *from = sample->data->observed + ((size_t)sample->start[split][first + w] + shift) * width;
        for (size_t i = 0; i < numbers; ++i)
            out[w * numbers + i] = (double)from[i];
    }
}

void orr_sample_inputs(const struct orr_sample *sample, enum orr_split split, size_t first, size_t count, double *out)
{
    copy_points(sample, split, first, count, 0, out);
}

void orr_sample_targets(const struct orr_sample *sample, enum orr_split split, size_t first, size_t count, double *out)
{
    copy_points(sample, split, first, count, 1, out);
}

void orr_sample_token_counts(const struct orr_sample *sample, uint32_t column, double *count)
{
    const struct orr_dataset *data = sample->data;
    const size_t rows = (size_t)data->n_train * data->config.steps;
    memset(count, 0, (size_t)data->bins.count * sizeof *count);
    for (size_t row = 0; row < rows; ++row)
        ++count[orr_bins_token(&data->bins, column, (double)data->observed[row * data->n_observed + column])];
}
