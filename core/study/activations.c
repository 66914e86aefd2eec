/* Activations of a sample of windows: captured from a network batch by batch, or made of the inputs for the control.
 *
 * Out: one row a window (its last position) or one row a position.
 */
#include "base/memory.h"
#include "base/suggest.h"
#include "study/study_state.h"

#include <string.h>

orr_status orr_study_check_stop(const struct orr_study_state *study, struct orr_error *err)
{
    if (!study->config.stop || !*study->config.stop) return ORR_OK;
    return orr_fail(err, ORR_ECANCELLED, "stopped while probing%s%s: the same command with --resume goes on",
                    study->config.directory ? " for " : "", study->config.directory ? study->config.directory : "");
}

/* ---- cache ---- */

static const struct orr_capture *find(const struct orr_study_state *study, uint32_t site, enum orr_split split,
                                      enum orr_positions positions)
{
    for (size_t i = 0; i < study->n_captures; ++i) {
        const struct orr_capture *c = &study->capture[i];
        if (c->site == site && c->split == split && c->positions == positions) return c;
    }
    return NULL;
}

static void drop_from(struct orr_study_state *study, size_t from)
{
    for (; study->n_captures > from; --study->n_captures) {
        const struct orr_capture *last = &study->capture[study->n_captures - 1];
        study->capture_bytes -= last->rows * last->width * sizeof *last->data;
        orr_memory_free(last->data);
    }
}

void orr_study_forget(struct orr_study_state *study) { drop_from(study, 0); }

static orr_status add(struct orr_study_state *study, uint32_t site, enum orr_split split, enum orr_positions positions,
                      size_t width, struct orr_error *err)
{
    void *captures = study->capture;
    const orr_status grown =
        orr_memory_grow(&captures, &study->capture_capacity, study->n_captures + 1, sizeof *study->capture, err);
    study->capture = captures;
    ORR_TRY(grown);
    const size_t rows = orr_sample_rows(study->config.sample, split, positions);
    double *data = orr_memory_array(rows * width, sizeof *data);
    if (!data) return orr_memory_out(err, "activations (lower study.windows)", rows * width * sizeof *data);
    study->capture[study->n_captures++] = (struct orr_capture){site, split, positions, data, rows, width};
    study->capture_bytes += rows * width * sizeof *data;
    return ORR_OK;
}

/* ---- the control: inputs themselves ---- */

/* A row at position p holds the inputs up to p and zeros for those that are not yet known there; then their squares. */
static void fill_inputs(const struct orr_sample *sample, const struct orr_capture *c, const double *window, size_t w)
{
    const size_t width = sample->data->n_observed, all = sample->length * width;
    const size_t first = c->positions == ORR_LAST_POSITION ? sample->length - 1 : 0;
    double *row = c->data + w * (sample->length - first) * c->width;
    for (size_t p = first; p < sample->length; ++p, row += c->width)
        for (size_t i = 0; i < (p + 1) * width; ++i) {
            row[i] = window[i];
            if (c->width > all) row[all + i] = window[i] * window[i];
        }
}

static orr_status capture_inputs(struct orr_study_state *study, uint32_t site, enum orr_split split,
                                 enum orr_positions positions, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const size_t numbers = (size_t)sample->length * sample->data->n_observed;
    double *window = orr_memory_array(numbers, sizeof *window);
    if (!window) return orr_memory_out(err, "a window", numbers * sizeof *window);
    const orr_status status = add(study, site, split, positions, numbers * (site + 1), err);
    for (size_t w = 0; status == ORR_OK && w < sample->count[split]; ++w) {
        orr_sample_inputs(sample, split, w, 1, window);
        fill_inputs(sample, &study->capture[study->n_captures - 1], window, w);
    }
    orr_memory_free(window);
    return status;
}

/* ---- networks ---- */

/* Rows of a batch that belong to windows first .. first+count-1, from (batch, time, width). */
static void take_rows(const struct orr_capture *c, const double *batch, size_t first, size_t count, size_t time)
{
    if (c->positions == ORR_ALL_POSITIONS) {
        memcpy(c->data + first * time * c->width, batch, count * time * c->width * sizeof *batch);
        return;
    }
    for (size_t w = 0; w < count; ++w)
        memcpy(c->data + (first + w) * c->width, batch + ((w + 1) * time - 1) * c->width, c->width * sizeof *batch);
}

/* Run all windows; captures from `from` on are the forward's sites, in order. */
static orr_status run_batches(struct orr_study_state *study, struct orr_forward *forward, uint32_t batch, size_t from,
                              double *input, double *buffer, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const enum orr_split split = study->capture[from].split;
    const size_t windows = sample->count[split];
    for (size_t first = 0; first < windows; first += batch) {
        const size_t count = windows - first < batch ? windows - first : batch;
        ORR_TRY(orr_study_check_stop(study, err));
        orr_sample_inputs(sample, split, first, count, input);
        ORR_TRY(orr_forward_run(forward, input, NULL, err));
        for (size_t i = from; i < study->n_captures; ++i) {
            ORR_TRY(orr_forward_read(forward, (uint32_t)(i - from), buffer, err));
            take_rows(&study->capture[i], buffer, first, count, sample->length);
        }
    }
    return ORR_OK;
}

/* Add captures for the wanted site (the forward's first) and for those after it that fit into the cache; the widest of
 * them in *widest. */
static orr_status add_captures(struct orr_study_state *study, const struct orr_forward *forward, const uint32_t *site,
                               uint32_t n, enum orr_split split, enum orr_positions positions, size_t *widest,
                               struct orr_error *err)
{
    const size_t row_bytes = orr_sample_rows(study->config.sample, split, positions) * sizeof(double);
    *widest = 0;
    for (uint32_t i = 0; i < n; ++i) {
        const size_t width = orr_forward_width(forward, i);
        if (i > 0 && study->capture_bytes + row_bytes * width > study->config.cache_bytes) return ORR_OK;
        if (width > *widest) *widest = width;
        ORR_TRY(add(study, site[i], split, positions, width, err));
    }
    return ORR_OK;
}

static orr_status capture_network(struct orr_study_state *study, const uint32_t *site, uint32_t n, enum orr_split split,
                                  enum orr_positions positions, const char **names, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const uint32_t batch = orr_forward_batch(study->config.network, sample->count[split], sample->length);
    const struct orr_forward_config config = {.batch = batch, .time = sample->length, .sites = names, .n_sites = n};
    struct orr_forward *forward;
    ORR_TRY(orr_forward_create(study->config.network, &config, &forward, err));
    const size_t from = study->n_captures, positions_at_once = (size_t)batch * sample->length;
    size_t widest = 0;
    orr_status status = add_captures(study, forward, site, n, split, positions, &widest, err);
    double *input = orr_memory_array(positions_at_once, sample->data->n_observed * sizeof *input);
    double *buffer = orr_memory_array(positions_at_once, widest * sizeof *buffer);
    if (status == ORR_OK && (!input || !buffer))
        status = orr_memory_out(err, "a batch of activations", positions_at_once * widest * sizeof *buffer);
    if (status == ORR_OK) status = run_batches(study, forward, batch, from, input, buffer, err);
    orr_memory_free(input);
    orr_memory_free(buffer);
    orr_forward_destroy(forward);
    if (status != ORR_OK) drop_from(study, from);
    return status;
}

/* The wanted site first, then those that are not yet known. Sites inside attention only on demand: opening attention
 * costs memory. */
static uint32_t order_sites(const struct orr_study_state *study, uint32_t wanted, enum orr_split split,
                            enum orr_positions positions, uint32_t *site, const char **names)
{
    const char *const *all = study->face.sites;
    uint32_t n = 0;
    site[n++] = wanted;
    for (uint32_t i = 0; i < study->face.n_sites; ++i)
        if (i != wanted && !find(study, i, split, positions) && !orr_model_hook_is_inside_attention(all[i]))
            site[n++] = i;
    for (uint32_t i = 0; i < n; ++i)
        names[i] = all[site[i]];
    return n;
}

static orr_status capture(struct orr_study_state *study, uint32_t wanted, enum orr_split split,
                          enum orr_positions positions, struct orr_error *err)
{
    const uint32_t n_sites = study->face.n_sites;
    uint32_t *site = orr_memory_array(n_sites, sizeof *site);
    const char **names = orr_memory_array(n_sites, sizeof *names);
    orr_status status = ORR_OK;
    if (!site || !names) {
        status = orr_memory_out(err, "sites", n_sites * sizeof *names);
    } else {
        const uint32_t n = order_sites(study, wanted, split, positions, site, names);
        status = capture_network(study, site, n, split, positions, names, err);
    }
    orr_memory_free(site);
    orr_memory_free(names);
    return status;
}

orr_status orr_study_activations(struct orr_study_state *study, const char *site, enum orr_split split,
                                 enum orr_positions positions, struct orr_matrix *out, struct orr_error *err)
{
    uint32_t i = 0;
    while (i < study->face.n_sites && strcmp(study->face.sites[i], site) != 0)
        ++i;
    if (i == study->face.n_sites) {
        const char *near = orr_suggest(site, study->face.sites, study->face.n_sites);
        return orr_fail(err, ORR_EINVAL, "\"%s\" is not a site of this study%s%s%s", site,
                        near ? ": did you mean \"" : ": add it to study.sites", near ? near : "", near ? "\"?" : "");
    }
    if (!find(study, i, split, positions)) {
        if (study->config.network->model)
            ORR_TRY(capture(study, i, split, positions, err));
        else
            ORR_TRY(capture_inputs(study, i, split, positions, err));
    }
    const struct orr_capture *c = find(study, i, split, positions);
    if (!c) return orr_fail(err, ORR_EBUG, "%s was captured and is not there: please report this", site);
    *out = (struct orr_matrix){.data = c->data, .rows = c->rows, .cols = c->width};
    return ORR_OK;
}
