/* The numbers that sum up a point: scores from findings, and summary.json.
 *
 * Scores as in arXiv 2602.06923: the mean over targets of the R2 of the best site for each target. In-sample the best
 * is taken of the very numbers that are averaged, as published; held out, the site that was best in-sample is scored on
 * trajectories that neither the fit nor the choice has seen.
 */
#include "base/memory.h"
#include "io/file.h"
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

/* ---- scores ---- */

/* Findings that one score is made of. site NULL: any. */
struct selection {
    const struct orr_findings *findings;
    const char *network, *probe, *site;
};

static bool is_r2(const char *quantity) { return strcmp(quantity, "r2") == 0 || strcmp(quantity, "r2_single") == 0; }

static const struct orr_finding_row *find_r2(const struct selection *s, const char *target, const char *site,
                                             enum orr_split split)
{
    for (size_t i = 0; i < s->findings->count; ++i) {
        const struct orr_finding_row *row = &s->findings->row[i];
        if (row->split == split && is_r2(row->quantity) && strcmp(row->network, s->network) == 0 &&
            strcmp(row->probe, s->probe) == 0 && strcmp(row->target, target) == 0 &&
            (!site || strcmp(row->site, site) == 0))
            return row;
    }
    return NULL;
}

/* The row of the site whose in-sample R2 for target is greatest; NULL where there is none. */
static const struct orr_finding_row *best_site(const struct selection *s, const char *target)
{
    const struct orr_finding_row *best = NULL;
    for (size_t i = 0; i < s->findings->count; ++i) {
        const struct orr_finding_row *row = &s->findings->row[i];
        if (row->split != ORR_TRAIN || !is_r2(row->quantity) || strcmp(row->network, s->network) != 0 ||
            strcmp(row->probe, s->probe) != 0 || strcmp(row->target, target) != 0 ||
            (s->site && strcmp(row->site, s->site) != 0))
            continue;
        if (isnan(row->value)) continue;
        if (!best || row->value > best->value) best = row;
    }
    return best;
}

/* NaN where a target was not probed. */
static void score_of(const struct selection *s, const struct orr_recipe_score *score, double value[2])
{
    value[ORR_TRAIN] = value[ORR_HELD_OUT] = 0;
    for (size_t t = 0; t < score->n_targets; ++t) {
        const struct orr_finding_row *train = best_site(s, score->targets[t]);
        const struct orr_finding_row *held_out =
            train ? find_r2(s, score->targets[t], train->site, ORR_HELD_OUT) : NULL;
        value[ORR_TRAIN] += (train ? train->value : (double)NAN) / (double)score->n_targets;
        value[ORR_HELD_OUT] += (held_out ? held_out->value : (double)NAN) / (double)score->n_targets;
    }
}

static orr_status add_scores(struct orr_measures *measures, const struct selection *s, const struct orr_recipe *recipe,
                             struct orr_error *err)
{
    for (size_t i = 0; i < recipe->n_scores; ++i) {
        double value[2];
        score_of(s, &recipe->scores[i], value);
        for (int split = 0; split < 2; ++split)
            if (!isnan(value[split]))
                ORR_TRY(orr_measures_add(measures, recipe->scores[i].name, s->site ? s->site : s->network, s->probe,
                                         orr_split_name((enum orr_split)split), value[split], err));
    }
    return ORR_OK;
}

/* The site or the network of row i has not been met before. */
static bool is_first(const struct orr_findings *findings, size_t i, bool by_site)
{
    const struct orr_finding_row *row = &findings->row[i];
    for (size_t j = 0; j < i; ++j) {
        const struct orr_finding_row *other = &findings->row[j];
        if (strcmp(other->network, row->network) == 0 && strcmp(other->probe, row->probe) == 0 &&
            is_r2(other->quantity) && (!by_site || strcmp(other->site, row->site) == 0))
            return false;
    }
    return true;
}

orr_status orr_measures_from_findings(struct orr_measures *measures, const struct orr_findings *findings,
                                      const struct orr_recipe *recipe, struct orr_error *err)
{
    for (size_t i = 0; i < findings->count; ++i) {
        const struct orr_finding_row *row = &findings->row[i];
        if (!*row->site && !*row->target) {
            ORR_TRY(orr_measures_add(measures, row->quantity, row->network, row->probe, orr_split_name(row->split),
                                     row->value, err));
            continue;
        }
        const bool by_site = strcmp(row->network, "none") == 0;
        const struct selection s = {findings, row->network, row->probe, by_site ? row->site : NULL};
        if (is_r2(row->quantity) && is_first(findings, i, by_site)) ORR_TRY(add_scores(measures, &s, recipe, err));
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
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    if (!text) return orr_memory_out(err, "a summary", 0);
    const orr_status status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

static orr_status read_measure(struct orr_measures *measures, json_t *item, const char *path, struct orr_error *err)
{
    const char *quantity, *network, *probe, *split;
    json_t *value;
    if (json_unpack(item, "{s:s,s:s,s:s,s:s,s:o}", "quantity", &quantity, "network", &network, "probe", &probe, "split",
                    &split, "value", &value) != 0)
        return orr_fail(err, ORR_EFORMAT, "%s: a measure lacks quantity, network, probe, split or value", path);
    return orr_measures_add(measures, quantity, network, probe, split,
                            json_is_number(value) ? json_number_value(value) : (double)NAN, err);
}

orr_status orr_measures_read(struct orr_measures *measures, const char *hash, const char *path, struct orr_error *err)
{
    enum { BYTES_MAX = 64 << 20 };
    char *text;
    size_t length;
    ORR_TRY(orr_file_read(path, BYTES_MAX, &text, &length, err));
    json_error_t why;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    orr_memory_free(text);
    const char *own_hash;
    json_t *list = NULL;
    orr_status status = ORR_OK;
    if (!json || json_unpack(json, "{s:s,s:o}", "recipe_hash", &own_hash, "measures", &list) != 0)
        status =
            orr_fail(err, ORR_EFORMAT, "%s: not a summary of a run: %s", path, json ? "keys are missing" : why.text);
    else if (strcmp(own_hash, hash) != 0)
        status = orr_fail(err, ORR_EINVAL, "%s: made by another recipe (hash %s, not %s)", path, own_hash, hash);
    for (size_t i = 0; status == ORR_OK && i < json_array_size(list); ++i)
        status = read_measure(measures, json_array_get(list, i), path, err);
    json_decref(json);
    return status;
}
