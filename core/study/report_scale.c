/* Input points of finished runs against those of the full job: a small run says little of claims about a large one. */
#include "study/report_scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double tokens_of(const struct orr_gathered *g)
{
    double all = 0;
    for (size_t i = 0; i < g->n_points; ++i)
        if (g->point[i].state == ORR_POINT_FINISHED) all += orr_recipe_tokens(g->point[i].recipe);
    return all;
}

size_t orr_report_groups(const struct orr_gathered *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_points; ++i) {
        size_t j = 0;
        while (j < i && (g->point[j].state != ORR_POINT_FINISHED || strcmp(g->point[j].group, g->point[i].group) != 0))
            ++j;
        n += j == i && g->point[i].state == ORR_POINT_FINISHED;
    }
    return n;
}

static double seeds_of(const struct orr_gathered *g) { return (double)g->n_finished / (double)orr_report_groups(g); }

double orr_report_share(const struct orr_gathered *g)
{
    const double tokens = tokens_of(g) / seeds_of(g);
    return !g->weights && g->full_tokens > 0 && tokens > 0 ? tokens / g->full_tokens : (double)NAN;
}

void orr_report_scale(const struct orr_gathered *g, char *text, size_t size)
{
    const double all = tokens_of(g), seeds = seeds_of(g), share = orr_report_share(g);
    char each[80] = "", job[96] = "";
    if (isfinite(share) && seeds > 1) snprintf(each, sizeof each, ", %.3g with each of %.3g seeds", all / seeds, seeds);
    if (share >= 1)
        snprintf(job, sizeof job, ": the full job's %.3g", g->full_tokens);
    else if (share > 0)
        /* Below 10 without a second digit it may be wrong by half. */
        snprintf(job, sizeof job,
                 share > 0.1 ? ": %.2g times smaller than the full job (%.3g)"
                             : ": %.0f times smaller than the full job (%.3g)",
                 1 / share, g->full_tokens);
    snprintf(text, size, "Trained on %.3g input points in all%s%s.", all, each, job);
}
