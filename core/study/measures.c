/* The numbers that sum up a point: findings that belong to no site and no target, and summary.json. */
#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "study/findings.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

orr_status orr_measures_add(struct orr_measures *measures, const char *quantity, const char *network, const char *probe,
                            const char *split, double value, struct orr_error *err)
{
    void *items = measures->item;
    const orr_status grown =
        orr_memory_grow(&items, &measures->capacity, measures->count + 1, sizeof *measures->item, err);
    measures->item = items;
    ORR_TRY(grown);
    struct orr_measure *item = &measures->item[measures->count++];
    snprintf(item->quantity, sizeof item->quantity, "%s", quantity);
    snprintf(item->network, sizeof item->network, "%s", network);
    snprintf(item->probe, sizeof item->probe, "%s", probe);
    snprintf(item->split, sizeof item->split, "%s", split);
    item->value = value;
    return ORR_OK;
}

void orr_measures_fini(struct orr_measures *measures)
{
    orr_memory_free(measures->item);
    *measures = (struct orr_measures){.item = NULL};
}

double orr_measures_find(const struct orr_measures *measures, const char *quantity, const char *network,
                         const char *probe, const char *split)
{
    for (size_t i = 0; i < measures->count; ++i) {
        const struct orr_measure *item = &measures->item[i];
        if (strcmp(item->quantity, quantity) == 0 && strcmp(item->network, network) == 0 &&
            (!probe || strcmp(item->probe, probe) == 0) && strcmp(item->split, split) == 0)
            return item->value;
    }
    return (double)NAN;
}

orr_status orr_measures_from_findings(struct orr_measures *measures, const struct orr_findings *findings,
                                      struct orr_error *err)
{
    for (size_t i = 0; i < findings->count; ++i) {
        const struct orr_finding_row *row = &findings->row[i];
        if (*row->site || *row->target) continue;
        ORR_TRY(orr_measures_add(measures, row->quantity, row->network, row->probe, orr_split_name(row->split),
                                 row->value, err));
    }
    return ORR_OK;
}

/* ---- summary.json ---- */

/* JSON has no NaN and no infinity. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *measures_as_json(const struct orr_measures *measures)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < measures->count; ++i) {
        const struct orr_measure *m = &measures->item[i];
        json_t *item = json_pack("{s:s,s:s,s:s,s:s,s:o}", "quantity", m->quantity, "network", m->network, "probe",
                                 m->probe, "split", m->split, "value", number(m->value));
        if (json_array_append_new(list, item) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *claims_as_json(const struct orr_measures *measures, const struct orr_recipe *recipe)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < recipe->n_expectations; ++i) {
        const struct orr_recipe_expectation *e = &recipe->expectations[i];
        if (!orr_recipe_expects(recipe, e)) continue;
        const double here = orr_measures_find(measures, e->quantity, e->network, e->probe, e->split);
        json_t *item = json_pack("{s:s,s:s,s:s,s:s,s:f,s:f,s:o,s:s}", "claim", e->claim, "quantity", e->quantity,
                                 "network", e->network, "split", e->split, "low", e->low, "high", e->high, "here",
                                 number(here), "source", e->source);
        if (json_array_append_new(list, item) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

orr_status orr_measures_write(const struct orr_measures *measures, const struct orr_recipe *recipe, const char *point,
                              const char *hash, const char *path, struct orr_error *err)
{
    json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "format", "orrery-summary-1", "point", point, "recipe_hash",
                             hash, "label", recipe->label, "measures", measures_as_json(measures), "claims",
                             claims_as_json(measures, recipe));
    char *text = NULL;
    orr_status status = json ? orr_json_print(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17), "a summary", &text, err)
                             : orr_memory_out(err, "a summary", 0);
    json_decref(json);
    if (status == ORR_OK) status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

static orr_status read_measure(struct orr_measures *measures, const json_t *item, const char *path,
                               struct orr_error *err)
{
    static const char *const keys[] = {"quantity", "network", "probe", "split"};
    const json_t *value = json_object_get(item, "value");
    const char *text[4];
    for (size_t i = 0; i < 4; ++i) {
        text[i] = json_string_value(json_object_get(item, keys[i]));
        if (!text[i] || !value)
            return orr_fail(err, ORR_EFORMAT, "%s: a measure lacks %s", path, text[i] ? "value" : keys[i]);
    }
    return orr_measures_add(measures, text[0], text[1], text[2], text[3],
                            json_is_number(value) ? json_number_value(value) : (double)NAN, err);
}

/* Into measures, where the summary's hash is the given one. */
static orr_status read_summary(struct orr_measures *measures, const json_t *json, const char *hash, const char *path,
                               struct orr_error *err)
{
    const char *own_hash = json_string_value(json_object_get(json, "recipe_hash"));
    const json_t *list = json_object_get(json, "measures");
    if (!own_hash || !json_is_array(list))
        return orr_fail(err, ORR_EFORMAT, "%s: not a summary of a run: it lacks recipe_hash or measures", path);
    if (hash && strcmp(own_hash, hash) != 0)
        return orr_fail(err, ORR_EINVAL, "%s: made by another recipe (hash %s, not %s)", path, own_hash, hash);
    for (size_t i = 0; i < json_array_size(list); ++i)
        ORR_TRY(read_measure(measures, json_array_get(list, i), path, err));
    return ORR_OK;
}

orr_status orr_measures_read(struct orr_measures *measures, const char *hash, const char *path, struct orr_error *err)
{
    enum { BYTES_MAX = 64 << 20 };
    char *text;
    size_t length;
    json_t *json;
    ORR_TRY(orr_file_read(path, BYTES_MAX, &text, &length, err));
    orr_status status = orr_json_parse(text, length, path, &json, err);
    orr_memory_free(text);
    ORR_TRY(status);
    status = read_summary(measures, json, hash, path, err);
    json_decref(json);
    return status;
}
