/* Scores of a recipe, their contrasts, and what training added to both: made of the findings of probes.
 *
 * A score is that of arXiv 2602.06923: the mean over targets of the R2 of the best site for each target. In-sample the
 * best is taken of the very numbers that are averaged, as published; held out, the site that was best on the split
 * `train` is scored on trajectories that had no part in the choice. Of what has bootstrap replicates, scores and their
 * differences are resampled draw by draw (Efron and Tibshirani 1993, chapter 8), since all are of the same draws.
 */
#include "base/memory.h"
#include "study/findings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char orr_difference_name[] = "trained-untrained";

/* A number to be added, and its replicates: owned; NULL where there are none. */
struct number {
    double value, *replicates;
    size_t n_replicates;
    int64_t n, step;
};

const char *orr_scores_target(const char *quantity)
{
    static const char prefix[] = "best_r2_";
    return strncmp(quantity, prefix, sizeof prefix - 1) == 0 ? quantity + sizeof prefix - 1 : NULL;
}

static bool is_r2(const char *quantity) { return strcmp(quantity, "r2") == 0 || strcmp(quantity, "r2_single") == 0; }

/* ---- sums of findings ---- */

static orr_status begin(const struct orr_finding_row *row, struct number *out, struct orr_error *err)
{
    *out = (struct number){.n = row->n, .step = row->step, .n_replicates = row->replicates ? row->n_replicates : 0};
    if (!out->n_replicates) return ORR_OK;
    out->replicates = orr_memory_array(out->n_replicates, sizeof *out->replicates);
    return out->replicates ? ORR_OK : orr_memory_out(err, "bootstrap replicates", out->n_replicates * sizeof(double));
}

/* Replicates of a sum are known where every summand has as many. */
static void accumulate(struct number *sum, const struct orr_finding_row *row, double factor)
{
    sum->value += factor * row->value;
    if (!row->replicates || row->n_replicates != sum->n_replicates) {
        orr_memory_free(sum->replicates);
        sum->replicates = NULL;
        sum->n_replicates = 0;
    }
    for (size_t i = 0; i < sum->n_replicates; ++i)
        sum->replicates[i] += factor * row->replicates[i];
}

static double spread(const double *value, size_t n)
{
    double sum = 0, square = 0;
    size_t known = 0;
    for (size_t i = 0; i < n; ++i)
        if (!isnan(value[i])) {
            sum += value[i];
            ++known;
        }
    if (known < 2) return (double)NAN;
    for (size_t i = 0; i < n; ++i)
        if (!isnan(value[i])) square += (value[i] - sum / (double)known) * (value[i] - sum / (double)known);
    return sqrt(square / (double)(known - 1));
}

/* Takes the number's replicates. */
static orr_status add(struct orr_findings *findings, const char *network, const char *probe, const char *quantity,
                      enum orr_split split, struct number *number, struct orr_error *err)
{
    const struct orr_finding finding = {.size = sizeof finding,
                                        .quantity = quantity,
                                        .site = "",
                                        .target = "",
                                        .unit = "1",
                                        .split = split,
                                        .value = number->value,
                                        .uncertainty = spread(number->replicates, number->n_replicates),
                                        .n = number->n,
                                        .replicates = number->replicates,
                                        .n_replicates = (uint32_t)number->n_replicates};
    findings->step = number->step;
    const orr_status status = orr_findings_add(findings, network, probe, &finding, err);
    orr_memory_free(number->replicates);
    return status;
}

/* ---- scores ---- */

/* Findings that one score is made of. site NULL: any. Texts are copies: rows move when one is added. */
struct selection {
    char network[ORR_LABEL_SIZE], probe[ORR_LABEL_SIZE], site[ORR_LABEL_SIZE];
    int64_t step;
    bool by_site;
};

static bool is_selected(const struct selection *s, const struct orr_finding_row *row, const char *target,
                        enum orr_split split)
{
    return row->split == split && is_r2(row->quantity) && row->step == s->step &&
           strcmp(row->network, s->network) == 0 && strcmp(row->probe, s->probe) == 0 &&
           strcmp(row->target, target) == 0 && (!s->by_site || strcmp(row->site, s->site) == 0);
}

/* The row of the site whose R2 on the split train is greatest; NULL where there is none. */
static const struct orr_finding_row *best_site(const struct orr_findings *findings, const struct selection *s,
                                               const char *target)
{
    const struct orr_finding_row *best = NULL;
    for (size_t i = 0; i < findings->count; ++i) {
        const struct orr_finding_row *row = &findings->row[i];
        if (!is_selected(s, row, target, ORR_TRAIN) || isnan(row->value)) continue;
        if (!best || row->value > best->value) best = row;
    }
    return best;
}

static const struct orr_finding_row *of_target(const struct orr_findings *findings, const struct selection *s,
                                               const char *target, enum orr_split split)
{
    const struct orr_finding_row *best = best_site(findings, s, target);
    if (split == ORR_TRAIN || !best) return best;
    for (size_t i = 0; i < findings->count; ++i) {
        const struct orr_finding_row *row = &findings->row[i];
        if (is_selected(s, row, target, split) && strcmp(row->site, best->site) == 0) return row;
    }
    return NULL;
}

static orr_status add_score(struct orr_findings *findings, const struct selection *s,
                            const struct orr_recipe_score *score, enum orr_split split, struct orr_error *err)
{
    struct number sum = {.replicates = NULL};
    for (size_t t = 0; t < score->n_targets; ++t) {
        const struct orr_finding_row *row = of_target(findings, s, score->targets[t], split);
        orr_status status = ORR_OK;
        if (row && t == 0) status = begin(row, &sum, err);
        if (!row || isnan(row->value) || status != ORR_OK) {
            orr_memory_free(sum.replicates); /* a target was not probed, or cannot be scored: there is no score */
            return status;
        }
        accumulate(&sum, row, 1 / (double)score->n_targets);
    }
    return add(findings, s->by_site ? s->site : s->network, s->probe, score->name, split, &sum, err);
}

static bool is_of_probe(const struct orr_recipe_expectation *claim, const struct selection *s)
{
    return !claim->probe || strcmp(claim->probe, s->probe) == 0;
}

/* By an earlier claim, or by a score that the recipe calls so. */
static bool is_made_before(const struct orr_recipe *recipe, size_t k, const struct selection *s)
{
    for (size_t i = 0; i < recipe->n_scores; ++i)
        if (strcmp(recipe->scores[i].name, recipe->expectations[k].quantity) == 0) return true;
    for (size_t j = 0; j < k; ++j)
        if (strcmp(recipe->expectations[j].quantity, recipe->expectations[k].quantity) == 0 &&
            is_of_probe(&recipe->expectations[j], s))
            return true;
    return false;
}

/* Claims of one target are claims of a score of that target alone. Which point a claim is about does not matter: every
 * point of a sweep has the same numbers. */
static orr_status add_claimed_targets(struct orr_findings *findings, const struct selection *s,
                                      const struct orr_recipe *recipe, enum orr_split split, struct orr_error *err)
{
    for (size_t k = 0; k < recipe->n_expectations; ++k) {
        const struct orr_recipe_expectation *claim = &recipe->expectations[k];
        const char *target = orr_scores_target(claim->quantity);
        if (!target || !is_of_probe(claim, s) || is_made_before(recipe, k, s)) continue;
        const struct orr_recipe_score alone = {.name = claim->quantity, .targets = &target, .n_targets = 1};
        ORR_TRY(add_score(findings, s, &alone, split, err));
    }
    return ORR_OK;
}

/* The site or the network of row i has not been met before, after as many steps. */
static bool is_first(const struct orr_findings *findings, size_t i, bool by_site)
{
    const struct orr_finding_row *row = &findings->row[i];
    for (size_t j = 0; j < i; ++j) {
        const struct orr_finding_row *other = &findings->row[j];
        if (other->step == row->step && strcmp(other->network, row->network) == 0 &&
            strcmp(other->probe, row->probe) == 0 && is_r2(other->quantity) &&
            (!by_site || strcmp(other->site, row->site) == 0))
            return false;
    }
    return true;
}

static orr_status add_scores(struct orr_findings *findings, const struct orr_recipe *recipe, struct orr_error *err)
{
    const size_t n = findings->count;
    for (size_t i = 0; i < n; ++i) {
        const struct orr_finding_row *row = &findings->row[i];
        struct selection s = {.step = row->step,
                              .by_site = strcmp(row->network, orr_network_names[ORR_NO_NETWORK]) == 0};
        if (!is_r2(row->quantity) || !is_first(findings, i, s.by_site)) continue;
        memcpy(s.network, row->network, sizeof s.network);
        memcpy(s.probe, row->probe, sizeof s.probe);
        memcpy(s.site, row->site, sizeof s.site);
        for (size_t k = 0; k < recipe->n_scores; ++k)
            for (int split = 0; split < 2; ++split)
                ORR_TRY(add_score(findings, &s, &recipe->scores[k], (enum orr_split)split, err));
        for (int split = 0; split < 2; ++split)
            ORR_TRY(add_claimed_targets(findings, &s, recipe, (enum orr_split)split, err));
    }
    return ORR_OK;
}

/* ---- differences ---- */

/* The row without site and target that is like row i but for its quantity or its network; findings->count: none. */
static size_t find_like(const struct orr_findings *findings, size_t i, const char *quantity, const char *network)
{
    const bool same_network = strcmp(findings->row[i].network, network) == 0;
    const struct orr_finding_row *row = &findings->row[i];
    size_t j = 0;
    for (; j < findings->count; ++j) {
        const struct orr_finding_row *other = &findings->row[j];
        if (!*other->site && !*other->target && other->split == row->split &&
            (!same_network || other->step == row->step) && strcmp(other->probe, row->probe) == 0 &&
            strcmp(other->quantity, quantity) == 0 && strcmp(other->network, network) == 0)
            break;
    }
    return j;
}

/* Row i minus row j, of row i's probe and split. */
static orr_status add_difference(struct orr_findings *findings, size_t i, size_t j, const char *network,
                                 const char *quantity, struct orr_error *err)
{
    struct number difference;
    char probe[ORR_LABEL_SIZE];
    ORR_TRY(begin(&findings->row[i], &difference, err));
    accumulate(&difference, &findings->row[i], 1);
    accumulate(&difference, &findings->row[j], -1);
    memcpy(probe, findings->row[i].probe, sizeof probe);
    return add(findings, network, probe, quantity, findings->row[i].split, &difference, err);
}

static orr_status add_contrasts(struct orr_findings *findings, size_t from, const struct orr_recipe *recipe,
                                struct orr_error *err)
{
    const size_t to = findings->count;
    for (size_t k = 0; k < recipe->n_contrasts; ++k) {
        const struct orr_recipe_contrast *contrast = &recipe->contrasts[k];
        for (size_t i = from; i < to; ++i) {
            char network[ORR_LABEL_SIZE];
            if (strcmp(findings->row[i].quantity, contrast->first) != 0) continue;
            memcpy(network, findings->row[i].network, sizeof network);
            const size_t j = find_like(findings, i, contrast->second, network);
            if (j < findings->count) ORR_TRY(add_difference(findings, i, j, network, contrast->name, err));
        }
    }
    return ORR_OK;
}

/* The trained network minus the very initialisation that its training began with. */
static orr_status add_gains(struct orr_findings *findings, size_t from, struct orr_error *err)
{
    const size_t to = findings->count;
    for (size_t i = from; i < to; ++i) {
        char quantity[ORR_LABEL_SIZE];
        if (strcmp(findings->row[i].network, orr_network_names[ORR_TRAINED]) != 0) continue;
        memcpy(quantity, findings->row[i].quantity, sizeof quantity);
        const size_t j = find_like(findings, i, quantity, orr_network_names[ORR_UNTRAINED]);
        if (j < findings->count) ORR_TRY(add_difference(findings, i, j, orr_difference_name, quantity, err));
    }
    return ORR_OK;
}

/* ---- over the steps of training ---- */

/* The row of a score among those of earlier steps that is greatest; NULL: none. */
static const struct orr_finding_row *greatest(const struct orr_findings *evaluated, const struct orr_finding_row *like)
{
    const struct orr_finding_row *best = NULL;
    for (size_t i = 0; i < evaluated->count; ++i) {
        const struct orr_finding_row *row = &evaluated->row[i];
        if (*row->site || *row->target || row->split != like->split || strcmp(row->probe, like->probe) != 0 ||
            strcmp(row->network, like->network) != 0 || strcmp(row->quantity, like->quantity) != 0)
            continue;
        if (!best || row->value > best->value) best = row;
    }
    return best;
}

orr_status orr_scores_add_best(struct orr_findings *findings, const struct orr_findings *evaluated,
                               const struct orr_recipe *recipe, struct orr_error *err)
{
    const size_t n = findings->count;
    const int64_t step = findings->step;
    for (size_t i = 0; i < n && evaluated->count > 0; ++i)
        for (size_t k = 0; k < recipe->n_scores; ++k) {
            struct orr_finding_row row = findings->row[i];
            if (*row.site || *row.target || strcmp(row.network, orr_network_names[ORR_TRAINED]) != 0 ||
                strcmp(row.quantity, recipe->scores[k].name) != 0)
                continue;
            const struct orr_finding_row *earlier = greatest(evaluated, &row);
            const struct orr_finding_row *best = earlier && earlier->value > row.value ? earlier : &row;
            struct number number = {.value = best->value, .n = best->n, .step = best->step};
            char quantity[ORR_LABEL_SIZE + sizeof ORR_BEST_SUFFIX];
            snprintf(quantity, sizeof quantity, "%s%s", recipe->scores[k].name, ORR_BEST_SUFFIX);
            ORR_TRY(add(findings, row.network, row.probe, quantity, row.split, &number, err));
        }
    findings->step = step;
    return ORR_OK;
}

orr_status orr_scores_add(struct orr_findings *findings, const struct orr_recipe *recipe, struct orr_error *err)
{
    const size_t from = findings->count;
    const int64_t step = findings->step;
    orr_status status = add_scores(findings, recipe, err);
    if (status == ORR_OK) status = add_contrasts(findings, from, recipe, err);
    if (status == ORR_OK) status = add_gains(findings, from, err);
    findings->step = step;
    return status;
}
