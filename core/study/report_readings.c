/* Telling readings apart: a probe that claims of scores are about is the faithful one, on their split; one that
 * shuffles targets is a control; what else an analysis brought is the sound one. */
#include "study/report_readings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool orr_reading_is_score(const struct orr_recipe *recipe, const char *quantity)
{
    for (size_t i = 0; i < recipe->n_scores; ++i)
        if (strcmp(recipe->scores[i].name, quantity) == 0) return true;
    for (size_t i = 0; i < recipe->n_contrasts; ++i)
        if (strcmp(recipe->contrasts[i].name, quantity) == 0) return true;
    return false;
}

static bool has_score(const struct orr_reporting *r, const struct orr_reading *reading)
{
    const struct orr_gathered *g = r->gathered;
    for (size_t i = 0; i < g->n_points; ++i)
        for (size_t k = 0; k < r->recipe->n_scores; ++k)
            if (!isnan(orr_measures_find(&g->point[i].measures, r->recipe->scores[k].name, "trained", reading->probe,
                                         reading->split)))
                return true;
    return false;
}

/* Is some claim about a score by this probe on this split? One that names no probe is about the first with the score.
 */
static bool is_claimed(const struct orr_reporting *r, const struct orr_reading *reading, bool first)
{
    const struct orr_recipe *recipe = r->recipe;
    for (size_t k = 0; k < recipe->n_expectations; ++k) {
        const struct orr_recipe_expectation *e = &recipe->expectations[k];
        if (orr_reading_is_score(recipe, e->quantity) && strcmp(e->split, reading->split) == 0 &&
            (e->probe ? strcmp(e->probe, reading->probe) == 0 : first))
            return true;
    }
    return false;
}

static bool is_shuffled(const struct orr_recipe_plugin *probe)
{
    const struct orr_config_node *shuffle = orr_config_find(probe->node, "shuffle");
    return shuffle && shuffle->text && strcmp(shuffle->text, "true") == 0;
}

size_t orr_readings_of(const struct orr_reporting *r, struct orr_reading reading[ORR_READINGS_MAX])
{
    const struct orr_recipe *recipe = r->recipe;
    size_t n = 0, probes = 0;
    for (size_t p = 0; p < recipe->n_probes && n + 1 < ORR_READINGS_MAX; ++p) {
        struct orr_reading in = {ORR_READING_FAITHFUL, recipe->probes[p].label, "train"};
        struct orr_reading out = {ORR_READING_OTHER, recipe->probes[p].label, "held_out"};
        const bool has_in = has_score(r, &in), has_out = has_score(r, &out);
        const bool in_claimed = is_claimed(r, &in, probes == 0), out_claimed = is_claimed(r, &out, probes == 0);
        if (!has_in && !has_out) continue;
        ++probes;
        if (out_claimed)
            out.kind = ORR_READING_FAITHFUL;
        else if (is_shuffled(&recipe->probes[p]))
            out.kind = ORR_READING_CONTROL;
        else if (recipe->analysis.sha256 && !in_claimed)
            out.kind = ORR_READING_SOUND;
        if (has_in && in_claimed) reading[n++] = in;
        if (has_out && (!in_claimed || out_claimed || !recipe->analysis.sha256)) reading[n++] = out;
    }
    return n;
}

size_t orr_report_early(const struct orr_reporting *r)
{
    const struct orr_gathered *g = r->gathered;
    size_t early = 0;
    for (size_t i = 0; r->recipe->analysis.sha256 && i < g->n_points; ++i)
        early += g->point[i].state == ORR_POINT_FINISHED && g->point[i].seed < r->recipe->analysis.first_seed;
    return early;
}

void orr_reading_print(const struct orr_reading *reading, char *text, size_t size)
{
    static const char *const names[] = {"faithful reading: ", "sound reading: ", "control, shuffled targets: ", ""};
    snprintf(text, size, "%sprobe %.64s, %s", names[reading->kind], reading->probe,
             strcmp(reading->split, "train") == 0 ? "in sample" : "held out");
}
