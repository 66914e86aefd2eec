/* Probe `spatial_map`: do the embeddings of tokens lie along a line in the order of their coordinates?
 *
 * In: for each observed column the embedding table of its tokens. Out: R^2 of a linear regression from a token's row to
 * the coordinate of its bin, in sample as in arXiv 2602.06923, and on every fifth token, which the fit has not seen.
 */
#include "least_squares.h"
#include "score.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Set whenever the module is queried, which several threads may do. */
static const struct orr_host *_Atomic host;

enum { PARAMETER, CUT, TOKENS };

static const struct orr_param map_params[] = {
    {"parameter", ORR_PARAM_STRING, "transformer.wte.weight", 0, 0, "1",
     "Embedding table, (tokens, channels); of several columns, the number of the column is put before its last part."},
    {"cut", ORR_PARAM_REAL, "0", 0, 0.99, "1",
     "Singular values of the standardised channels at or below this fraction of the largest are dropped; 0 is the "
     "machine epsilon."},
    {"tokens", ORR_PARAM_STRING, "used", 0, 0, "1",
     "used: those that occur in training trajectories; all: also rows that were never trained, as published."},
    {.type = ORR_PARAM_END},
};

/* Names in findings have 63 characters, of which the number of a column takes up to 6. */
enum { NAME_SIZE = 64, NUMBER_LENGTH = 6, LONGEST_NAME = NAME_SIZE - 1 - NUMBER_LENGTH };
enum { HELD_OUT_EVERY = 5, HELD_OUT_AT = 2, FEWEST_TOKENS = 2 * HELD_OUT_EVERY };

struct orr_probe {
    double cut;
    bool all;
    char parameter[NAME_SIZE];
};

/* The tokens of one column that are looked at: their rows of the table, and the centres of their bins. */
struct map {
    const struct orr_study *study;
    const char *column;
    char site[NAME_SIZE]; /* name of the table */
    uint64_t rows, channels;
    double *embedding, *centre, *predicted; /* (rows, channels), (rows), (rows) */
};

static orr_status map_create(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    const char *name = param[PARAMETER].s, *tokens = param[TOKENS].s;
    const bool all = strcmp(tokens, "all") == 0;
    *out = NULL;
    if (!all && strcmp(tokens, "used") != 0)
        return host->fail(err, ORR_EINVAL, "spatial_map: tokens is \"%s\": give used or all", tokens);
    if (!*name || strlen(name) > LONGEST_NAME)
        return host->fail(err, ORR_EINVAL, "spatial_map: parameter has %zu characters: give 1 to %d", strlen(name),
                          LONGEST_NAME);
    struct orr_probe *probe = linear_alloc(host, 1, sizeof *probe);
    if (!probe) return host->fail(err, ORR_ENOMEM, "spatial_map: out of memory");
    *probe = (struct orr_probe){.cut = param[CUT].r, .all = all};
    memcpy(probe->parameter, name, strlen(name) + 1);
    *out = probe;
    return ORR_OK;
}

static void map_destroy(struct orr_probe *probe)
{
    if (probe) host->dealloc(probe);
}

/* ---- the table ---- */

/* transformer.wte.weight of one column, transformer.wte.0.weight and so on of several. */
static void name_table(const struct orr_probe *probe, uint32_t column, uint32_t n_columns, char name[NAME_SIZE])
{
    const char *dot = strrchr(probe->parameter, '.');
    const size_t stem = dot ? (size_t)(dot - probe->parameter) : strlen(probe->parameter);
    if (n_columns == 1)
        memcpy(name, probe->parameter, strlen(probe->parameter) + 1);
    else
        snprintf(name, NAME_SIZE, "%.*s.%u%s", (int)stem, probe->parameter, (unsigned)column, probe->parameter + stem);
}

static orr_status check_table(const struct map *map, const struct orr_matrix *table, const struct orr_matrix *tokens,
                              struct orr_error *err)
{
    if (tokens->cols != 2 || table->rows != tokens->rows || table->cols == 0 || table->cols > INT_MAX)
        return host->fail(err, ORR_EINVAL, "spatial_map: %s is %llu x %llu, expected one row for each of %llu tokens",
                          map->site, (unsigned long long)table->rows, (unsigned long long)table->cols,
                          (unsigned long long)tokens->rows);
    for (uint64_t i = 0; i < table->rows * table->cols; ++i)
        if (!isfinite(table->data[i]))
            return host->fail(err, ORR_ENUMERIC,
                              "spatial_map: %s holds %g in row %llu, and only finite numbers can be fitted: look for "
                              "where training diverged",
                              map->site, table->data[i], (unsigned long long)(i / table->cols));
    return ORR_OK;
}

/* Rows of tokens that occur, or of all. */
static orr_status keep_rows(struct map *map, bool all, const struct orr_matrix *table, const struct orr_matrix *tokens,
                            struct orr_error *err)
{
    map->channels = table->cols;
    map->embedding = linear_alloc(host, table->rows * table->cols, sizeof(double));
    map->centre = linear_alloc(host, table->rows, sizeof(double));
    map->predicted = linear_alloc(host, table->rows, 2 * sizeof(double));
    if (!map->embedding || !map->centre || !map->predicted)
        return host->fail(err, ORR_ENOMEM, "spatial_map: out of memory for %s", map->site);
    for (uint64_t i = 0; i < table->rows; ++i) {
        if (!all && !(tokens->data[2 * i + 1] > 0)) continue;
        memcpy(map->embedding + map->rows * table->cols, table->data + i * table->cols, table->cols * sizeof(double));
        map->centre[map->rows++] = tokens->data[2 * i];
    }
    if (map->rows < FEWEST_TOKENS)
        return host->fail(err, ORR_EINVAL,
                          "spatial_map: %llu of %llu tokens of column %s occur in the training data, and a map needs "
                          "%d: raise data.bins or data.trajectories",
                          (unsigned long long)map->rows, (unsigned long long)table->rows, map->column, FEWEST_TOKENS);
    return ORR_OK;
}

/* ---- the fits ---- */

static orr_status emit(const struct map *map, enum orr_split split, double r2, uint64_t rows, struct orr_error *err)
{
    const struct orr_finding finding = {
        .size = sizeof finding,
        .quantity = "r2",
        .site = map->site,
        .target = map->column,
        .unit = "1",
        .split = split,
        .value = r2,
        .uncertainty = (double)NAN,
        .n = (int64_t)rows,
    };
    return map->study->emit(map->study->state, &finding, err);
}

static orr_status save(const struct map *map, struct orr_error *err)
{
    char name[80];
    double *pair = linear_alloc(host, map->rows, 2 * sizeof *pair);
    if (!pair) return host->fail(err, ORR_ENOMEM, "spatial_map: out of memory");
    for (uint64_t i = 0; i < map->rows; ++i) {
        pair[2 * i] = map->centre[i];
        pair[2 * i + 1] = map->predicted[i];
    }
    snprintf(name, sizeof name, "map_%.63s", map->column);
    const orr_status status = map->study->save(map->study->state, name, (struct orr_matrix){pair, map->rows, 2}, err);
    host->dealloc(pair);
    return status;
}

/* Fitted and scored on all tokens: the published reading. */
static orr_status fit_all(const struct orr_probe *probe, const struct map *map, struct orr_error *err)
{
    const struct orr_matrix all = {map->embedding, map->rows, map->channels};
    const struct linear_problem problem = {
        .site = map->site, .features = {all, all}, .target = map->centre, .n_targets = 1, .cut = probe->cut};
    double *predicted[2] = {map->predicted, map->predicted};
    struct linear_rank rank;
    orr_status status = linear_solve_double(host, &problem, predicted, &rank, err);
    if (status != ORR_OK) return status;
    if (map->rows <= rank.features + 1)
        host->log(ORR_LOG_WARN, "spatial_map",
                  "%s: %llu tokens for %u channels and an intercept: the fit goes through every one, and its in-sample "
                  "r2 says nothing",
                  map->site, (unsigned long long)map->rows, rank.features);
    status = emit(map, ORR_TRAIN, linear_r2(map->centre, map->predicted, map->rows), map->rows, err);
    return status == ORR_OK && ORR_HAS(map->study, save) ? save(map, err) : status;
}

/* Reorder so that every fifth token comes last; returns how many come first. The middle one of five, so that the ends
 * of the range are not left to extrapolation. */
static uint64_t put_held_out_last(struct map *map, double *embedding, double *centre)
{
    uint64_t n = 0, fitted = 0;
    for (int held_out = 0; held_out < 2; ++held_out)
        for (uint64_t i = 0; i < map->rows; ++i) {
            if ((i % HELD_OUT_EVERY == HELD_OUT_AT) != held_out) continue;
            memcpy(embedding + n * map->channels, map->embedding + i * map->channels, map->channels * sizeof(double));
            centre[n++] = map->centre[i];
            fitted += !held_out;
        }
    return fitted;
}

static orr_status fit_most(const struct orr_probe *probe, struct map *map, double *embedding, double *centre,
                           struct orr_error *err)
{
    const uint64_t fitted = put_held_out_last(map, embedding, centre), rest = map->rows - fitted;
    const struct linear_problem problem = {
        .site = map->site,
        .features = {{embedding, fitted, map->channels}, {embedding + fitted * map->channels, rest, map->channels}},
        .target = centre,
        .n_targets = 1,
        .cut = probe->cut};
    double *predicted[2] = {map->predicted, map->predicted + fitted};
    struct linear_rank rank;
    const orr_status status = linear_solve_double(host, &problem, predicted, &rank, err);
    if (status != ORR_OK) return status;
    return emit(map, ORR_HELD_OUT, linear_r2(centre + fitted, predicted[1], rest), rest, err);
}

static orr_status fit_held_out(const struct orr_probe *probe, struct map *map, struct orr_error *err)
{
    double *embedding = linear_alloc(host, map->rows * map->channels, sizeof *embedding);
    double *centre = linear_alloc(host, map->rows, sizeof *centre);
    const orr_status status = embedding && centre ? fit_most(probe, map, embedding, centre, err)
                                                  : host->fail(err, ORR_ENOMEM, "spatial_map: out of memory");
    host->dealloc(embedding);
    host->dealloc(centre);
    return status;
}

/* ---- measuring ---- */

static orr_status measure_column(const struct orr_probe *probe, struct map *map, uint32_t column, struct orr_error *err)
{
    const struct orr_study *study = map->study;
    struct orr_matrix table, tokens;
    orr_status status = study->parameter(study->state, map->site, &table, err);
    if (status == ORR_OK) status = study->tokens(study->state, column, &tokens, err);
    if (status == ORR_OK) status = check_table(map, &table, &tokens, err);
    if (status == ORR_OK) status = keep_rows(map, probe->all, &table, &tokens, err);
    if (status == ORR_OK) status = fit_all(probe, map, err);
    return status == ORR_OK ? fit_held_out(probe, map, err) : status;
}

static orr_status map_measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    if (!ORR_HAS(study, parameter) || !ORR_HAS(study, tokens))
        return host->fail(err, ORR_EABI, "spatial_map: this engine lends no parameters: use a newer one");
    if (study->vocabulary == 0)
        return host->fail(err, ORR_EINVAL, "spatial_map: this model takes numbers and has no tokens: set data.bins");
    for (uint32_t c = 0; c < study->n_observed; ++c) {
        struct map map = {.study = study, .column = study->columns[c].name};
        name_table(probe, c, study->n_observed, map.site);
        const orr_status status = measure_column(probe, &map, c, err);
        host->dealloc(map.embedding);
        host->dealloc(map.centre);
        host->dealloc(map.predicted);
        /* The control without a network has no table, and nothing to measure. */
        if (status == ORR_EUNSUPPORTED) return ORR_OK;
        if (status != ORR_OK) return status;
    }
    return ORR_OK;
}

static const struct orr_probe_ops map_ops = {
    .size = sizeof(struct orr_probe_ops),
    .create = map_create,
    .destroy = map_destroy,
    .measure = map_measure,
};

static const struct orr_plugin map_plugin = {
    .name = "spatial_map",
    .version = "0.1.0",
    .summary = "R^2 of a linear map from the embeddings of tokens to their coordinates",
    .source = "arXiv 2602.06923, figures 2 and 3; LAPACK dgesdd",
    .license = "MIT",
    .params = map_params,
    .ops = &map_ops,
    ORR_PLUGIN_HEAD(ORR_PROBE),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *from)
{
    host = from;
    return &map_plugin;
}
