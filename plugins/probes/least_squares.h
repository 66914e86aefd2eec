/* Least squares with intercept, many targets at once: what the linear probe fits.
 *
 * In: features and targets of the training rows, features of the held-out rows. Out: predictions for both sets, which
 * the probe scores. Golub and Van Loan, Matrix Computations (4th ed.), chapters 5.3 and 5.5.
 */
#ifndef ORR_PROBES_LEAST_SQUARES_H
#define ORR_PROBES_LEAST_SQUARES_H

#include "orrery/plugin.h"
#include "orrery/probe.h"

#include <math.h>

/* One site. features[split] is (rows, features); rows and features are at least 1 and every number is finite.
 * target is (n_targets, rows of ORR_TRAIN): one contiguous run per target. */
struct linear_problem {
    const char *site; /* for messages */
    struct orr_matrix features[2];
    const double *target;
    uint32_t n_targets;
    double cut; /* a singular value at or below cut * the largest is dropped; 0: the machine epsilon */
};

struct linear_rank {
    uint32_t features; /* that are not constant over the training rows */
    uint32_t kept;     /* singular values above the cut */
};

/* A fit in double on standardised features (mean and standard deviation of the rows it is made of; constant features
 * dropped), before any singular value is: every cut is answered from it. Read-only outside; fini is safe after a failed
 * init. */
struct linear_fit {
    const struct orr_host *host;
    const char *site;               /* for messages */
    uint32_t n_features, n_targets; /* features that are not constant */
    uint32_t n_singular;
    uint32_t *column; /* (n_features): which feature */
    double *mean, *inverse_deviation;
    double *target_mean; /* (n_targets) */
    double *singular;    /* (n_singular), descending */
    double *direction;   /* (n_features, n_singular): right singular vectors, one below the other */
    double *share;       /* (n_targets, n_singular): the targets along the left ones, over the singular values */
};

/* features is (rows, features), target (n_targets, rows); not kept. The rows are reduced by QR a block at a time, then
 * dgesdd takes the triangle apart: the singular values, and so the rank and the answer, are those of the whole matrix,
 * while memory beyond the caller's stays a few blocks. Fails with ORR_ENOMEM, or ORR_ENUMERIC when the singular value
 * decomposition does not converge or a feature is too large or small for its deviation to be a number. Any thread. */
orr_status linear_fit_init(struct linear_fit *fit, const struct orr_host *host, const char *site,
                           const struct orr_matrix *features, const double *target, uint32_t n_targets,
                           struct orr_error *err) ORR_CHECKED;
void linear_fit_fini(struct linear_fit *fit);

/* How many singular values lie above cut times the largest; 0 is the machine epsilon. */
uint32_t linear_fit_rank(const struct linear_fit *fit, double cut);

/* Predictions of rows x, which have the features of the fit, by the singular values above the cut: predicted is the
 * caller's, (n_targets, rows). ORR_ENOMEM. */
orr_status linear_fit_predict(const struct linear_fit *fit, double cut, const struct orr_matrix *x, double *predicted,
                              struct orr_error *err) ORR_CHECKED;

/* Both at once, for one cut: predicted[split] is the caller's, (n_targets, rows of the split). Any thread. */
orr_status linear_solve_double(const struct orr_host *host, const struct linear_problem *problem, double *predicted[2],
                               struct linear_rank *rank, struct orr_error *err) ORR_CHECKED;

/* The same fit as scikit-learn 1.2's LinearRegression given float32 (which calls scipy's lstsq): features and targets
 * centred in float32 but not scaled, sgelsd with the float32 epsilon as its cut (`cut` is not read), predictions in
 * float32 from the raw features. On nearly collinear activations it is inaccurate; that is its purpose. */
orr_status linear_solve_single(const struct orr_host *host, const struct linear_problem *problem, double *predicted[2],
                               struct linear_rank *rank, struct orr_error *err) ORR_CHECKED;

/* What a LAPACK least squares driver returned, as a status with a sentence. */
orr_status linear_lapack_status(const struct orr_host *host, const char *site, const char *routine, int info,
                                struct orr_error *err) ORR_CHECKED;

/* count * size bytes from the host, aligned for vector loads, or NULL when that overflows or memory is out. */
void *linear_alloc(const struct orr_host *host, uint64_t count, uint64_t size);

/* True when all numbers are equal up to the last bits of the largest: such a column has no variance to speak of. */
static inline bool linear_is_constant(double low, double high)
{
    const double largest = -low > high ? -low : high;
    return high - low <= 4 * 2.220446049250313e-16 * largest;
}

/* The power of two that brings a number of this size near 1, so that its square neither overflows nor vanishes.
 * Multiplying by it is exact: sums of squares have the bits that they would have without. */
static inline double linear_power(double size)
{
    if (!(size > 0) || !isfinite(size)) return 1;
    const int exponent = ilogb(size);
    return scalbn(1.0, exponent < -1022 ? 1022 : -exponent);
}

#endif
