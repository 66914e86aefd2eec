/* What a report says of a sweep as a whole: trends over contexts, crossings, power laws. */
#ifndef ORR_STUDY_REPORT_CURVES_H
#define ORR_STUDY_REPORT_CURVES_H

#include "study/crossing.h"
#include "study/power_law.h"
#include "study/report_tables.h"

/* A number of finished points by seed and place: the value of a key of the sweep, ascending. Only points that differ in
 * nothing but that key and train.seed; NaN where a point is missing or lacks the number. */
struct orr_curves {
    double *place; /* (n_places) */
    int64_t *seed; /* (n_seeds) */
    double *value; /* (n_seeds, n_places) */
    size_t n_places, n_seeds;
};

/* *out is zero where the sweep has other keys, or the key has one value only. Released by orr_curves_fini. ENOMEM. */
ORR_CHECKED orr_status orr_curves_of(const struct orr_gathered *gathered, const char *key,
                                     const struct orr_wanted *wanted, struct orr_curves *out, struct orr_error *err);
void orr_curves_fini(struct orr_curves *curves);
/* Slopes against the logarithm of the place, one a seed that has every place: their mean. ENOMEM. */
ORR_CHECKED orr_status orr_curves_slope(const struct orr_curves *curves, struct orr_mean *out, struct orr_error *err);

/* Both fits of a recipe's power law to all finished points. ENOMEM. */
ORR_CHECKED orr_status orr_fit_points(const struct orr_gathered *gathered, const struct orr_recipe_fit *fit,
                                      struct orr_power_law *of_logarithms, struct orr_power_law *of_values,
                                      struct orr_error *err);

/* By which analysis the run is judged; slopes of scores against log context over seeds, and crossings of contrasts;
 * fits. Nothing of what the recipe does not have. */
ORR_CHECKED orr_status orr_report_curves(const struct orr_reporting *r);

#endif
