/* R^2 of predictions, and how far it would wander with other trajectories.
 *
 * In: truth and predictions, (n_targets, rows), and the trajectory that each row is of. Out: R^2 and its standard
 * error.
 */
#ifndef ORR_PROBES_SCORE_H
#define ORR_PROBES_SCORE_H

#include "orrery/plugin.h"
#include "orrery/probe.h"

/* 1 - SSres / SStot, SStot around the mean of these rows; NaN when truth is constant (there is nothing to explain). */
double linear_r2(const double *truth, const double *predicted, uint64_t rows);

/* Draws of trajectories with replacement, shared by every site and target. Opaque contents; fini is safe after a failed
 * init. */
struct linear_resampler {
    const struct orr_host *host;
    uint64_t rows;
    uint32_t n_clusters, n_draws;
    uint32_t *cluster; /* (rows): which trajectory, counted from 0 */
    double *times;     /* (n_draws, n_clusters): how often a draw holds the trajectory */
};

/* trajectory is (rows, 1); rows of one trajectory are drawn together, because they are not independent. The draws are a
 * fixed Philox sequence: the same rows are drawn the same way for every network. */
orr_status linear_resampler_init(struct linear_resampler *resampler, const struct orr_host *host,
                                 const struct orr_matrix *trajectory, uint32_t n_draws,
                                 struct orr_error *err) ORR_CHECKED;
void linear_resampler_fini(struct linear_resampler *resampler);

/* R^2 of every draw with the fit held fixed (Efron and Tibshirani 1993, chapters 6 and 8): replicate (n_targets,
 * n_draws), NaN where a draw holds a constant target, and all NaN for fewer than two trajectories or a constant target.
 * ORR_ENOMEM. */
orr_status linear_resampler_replicates(const struct linear_resampler *resampler, const double *truth,
                                       const double *predicted, uint32_t n_targets, double *replicate,
                                       struct orr_error *err) ORR_CHECKED;

/* Standard deviation of the replicates that are numbers, which is the standard error; NaN for fewer than two. */
double linear_spread(const double *replicate, uint32_t n);

#endif
