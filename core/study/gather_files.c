/* What a point left in its directory: checkpoints, summary.json, findings.csv, lines of training. */
#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "study/findings_file.h"
#include "study/gathered.h"
#include "train/checkpoint.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { BYTES_MAX = 1 << 28 };

/* ---- lines of training ---- */

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

typedef orr_status (*take_line)(struct orr_gathered_point *point, const json_t *line, uint64_t step,
                                struct orr_error *err);

static orr_status take_loss(struct orr_gathered_point *point, const json_t *line, uint64_t step, struct orr_error *err)
{
    void *losses = point->loss;
    size_t capacity = point->n_losses;
    const orr_status grown = orr_memory_grow(&losses, &capacity, point->n_losses + 1, sizeof *point->loss, err);
    point->loss = losses;
    ORR_TRY(grown);
    point->loss[point->n_losses++] = (struct orr_metrics_line){.step = step,
                                                               .loss = number(line, "loss"),
                                                               .last_loss = number(line, "last_loss"),
                                                               .learning_rate = number(line, "learning_rate"),
                                                               .tokens_per_second = number(line, "tokens_per_second"),
                                                               .seconds = number(line, "seconds")};
    return ORR_OK;
}

static orr_status take_evaluation(struct orr_gathered_point *point, const json_t *line, uint64_t step,
                                  struct orr_error *err)
{
    void *evaluations = point->evaluation;
    size_t capacity = point->n_evaluations;
    const orr_status grown =
        orr_memory_grow(&evaluations, &capacity, point->n_evaluations + 1, sizeof *point->evaluation, err);
    point->evaluation = evaluations;
    ORR_TRY(grown);
    point->evaluation[point->n_evaluations++] =
        (struct orr_gathered_evaluation){.step = step,
                                         .learning_rate_sum = number(line, "learning_rate_sum"),
                                         .train_loss = number(line, "train_loss"),
                                         .held_out_loss = number(line, "held_out_loss")};
    return ORR_OK;
}

static orr_status take_one(struct orr_gathered_point *point, const char *path, const char *text, size_t length,
                           take_line take, struct orr_error *err)
{
    json_t *line;
    ORR_TRY(orr_json_parse(text, length, path, &line, err));
    const json_t *step = json_object_get(line, "step");
    const orr_status status = json_is_integer(step) && json_integer_value(step) >= 0
                                  ? take(point, line, (uint64_t)json_integer_value(step), err)
                                  : orr_fail(err, ORR_EFORMAT, "%s: a line has no step: %.*s", path,
                                             (int)(length < 200 ? length : 200), text);
    json_decref(line);
    return status;
}

/* A last line without an end was cut by a kill, and is none. */
static orr_status read_lines(struct orr_gathered_point *point, const char *name, take_line take, struct orr_error *err)
{
    char *text = NULL, *path = orr_memory_print("%s/%s", point->directory, name);
    size_t n = 0;
    if (!path) return orr_memory_out(err, "a path", strlen(point->directory));
    orr_status status = access(path, F_OK) == 0 ? orr_file_read(path, BYTES_MAX, &text, &n, err) : ORR_OK;
    for (const char *line = text, *end; status == ORR_OK && line && (end = strchr(line, '\n')); line = end + 1)
        status = take_one(point, path, line, (size_t)(end - line), take, err);
    orr_memory_free(text);
    orr_memory_free(path);
    return status;
}

/* ---- all of it ---- */

static orr_status read_steps(struct orr_gathered_point *point, struct orr_error *err)
{
    uint64_t *steps;
    size_t count;
    ORR_TRY(orr_checkpoint_list(point->directory, &steps, &count, err));
    point->steps = count ? steps[count - 1] : 0;
    orr_memory_free(steps);
    return ORR_OK;
}

/* A summary of another recipe, or none, is no finished point: its probes are still to run. */
static orr_status read_measures(struct orr_gathered_point *point, const char *hash, bool *finished,
                                struct orr_error *err)
{
    char *path = orr_memory_print("%s/summary.json", point->directory);
    if (!path) return orr_memory_out(err, "a path", strlen(point->directory));
    *finished = access(path, F_OK) == 0;
    orr_status status = *finished ? orr_measures_read(&point->measures, hash, path, err) : ORR_OK;
    orr_memory_free(path);
    if (status == ORR_EINVAL) {
        *finished = false;
        status = ORR_OK;
    }
    return status;
}

orr_status orr_gathered_findings(const struct orr_gathered_point *point, struct orr_findings *findings,
                                 struct orr_error *err)
{
    char *path = orr_memory_print("%s/findings.csv", point->directory);
    if (!path) return orr_memory_out(err, "a path", strlen(point->directory));
    const orr_status status = orr_findings_read(path, findings, err);
    orr_memory_free(path);
    return status;
}

static orr_status count_finding(struct orr_gathered_point *point, const char *probe, struct orr_error *err)
{
    size_t i = 0, capacity = point->n_found;
    while (i < point->n_found && strcmp(point->found[i].probe, probe) != 0)
        ++i;
    if (i == point->n_found) {
        void *found = point->found;
        const orr_status grown = orr_memory_grow(&found, &capacity, point->n_found + 1, sizeof *point->found, err);
        point->found = found;
        ORR_TRY(grown);
        point->found[point->n_found++] = (struct orr_gathered_count){.n = 0};
        memcpy(point->found[i].probe, probe, strlen(probe) + 1);
    }
    ++point->found[i].n;
    return ORR_OK;
}

/* Is it part of a report? Sites and targets are many, and only scores over steps are made of them. */
static bool is_reported(const struct orr_gathered_point *point, const struct orr_finding_row *row)
{
    return (!*row->site && !*row->target) ||
           (point->recipe->study.every_evaluation && strcmp(row->quantity, "r2") == 0);
}

static orr_status keep_reported(struct orr_gathered_point *point, const struct orr_findings *all, struct orr_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < all->count; ++i) {
        ORR_TRY(count_finding(point, all->row[i].probe, err));
        n += is_reported(point, &all->row[i]);
    }
    struct orr_findings *kept = &point->findings;
    kept->row = orr_memory_array(n, sizeof *kept->row);
    if (!kept->row) return orr_memory_out(err, "findings", n * sizeof *kept->row);
    kept->capacity = n;
    for (size_t i = 0; i < all->count; ++i)
        if (is_reported(point, &all->row[i])) kept->row[kept->count++] = all->row[i];
    return ORR_OK;
}

static orr_status read_findings(struct orr_gathered_point *point, struct orr_error *err)
{
    struct orr_findings all = {.row = NULL};
    orr_status status = orr_gathered_findings(point, &all, err);
    if (status == ORR_OK) status = keep_reported(point, &all, err);
    orr_findings_fini(&all); /* rows that were read back have no replicates to be owned twice */
    return status;
}

orr_status orr_gathered_read_point(struct orr_gathered_point *point, const char *hash, struct orr_error *err)
{
    bool finished;
    ORR_TRY(read_steps(point, err));
    ORR_TRY(read_measures(point, hash, &finished, err));
    point->state = finished ? ORR_POINT_FINISHED : point->steps ? ORR_POINT_BEGUN : ORR_POINT_MISSING;
    if (!finished) return ORR_OK;
    ORR_TRY(read_findings(point, err));
    ORR_TRY(read_lines(point, orr_metrics_name, take_loss, err));
    ORR_TRY(read_lines(point, orr_evaluations_name, take_evaluation, err));
    return orr_gathered_read_place(&point->place, point->directory, err);
}
