/* Least squares in double: standardise, reduce by blocked QR, singular values of the triangle, predict.
 *
 * In: features and targets. Out: predictions for any cut. Householder QR of stacked blocks (Demmel, Grigori, Hoemmen
 * and Langou 2012, "Communication-optimal parallel and sequential QR and LU factorizations") multiplies the rows by an
 * orthogonal matrix, so no accuracy is lost, as it would be in the normal equations.
 */
#include "least_squares.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { LINEAR_BLOCK = 1024, LINEAR_TILE = 64 };

void *linear_alloc(const struct orr_host *host, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX) return NULL;
    return host->alloc(bytes ? (size_t)bytes : 1, 64);
}

void linear_fit_fini(struct linear_fit *fit)
{
    if (!fit->host) return;
    fit->host->dealloc(fit->column);
    fit->host->dealloc(fit->mean);
    fit->host->dealloc(fit->inverse_deviation);
    fit->host->dealloc(fit->target_mean);
    fit->host->dealloc(fit->singular);
    fit->host->dealloc(fit->direction);
    fit->host->dealloc(fit->share);
}

/* Column means; scale[j] brings deviations of column j near 1, and is 0 where the column does not vary. low and high
 * are scratch, and low may be scale. */
static void find_means(struct linear_fit *fit, const struct orr_matrix *x, double *low, double *high, double *scale)
{
    const uint64_t n = x->cols;
    memcpy(low, x->data, n * sizeof *low);
    memcpy(high, x->data, n * sizeof *high);
    memset(fit->mean, 0, n * sizeof *fit->mean);
    for (uint64_t i = 0; i < x->rows; ++i) {
        const double *row = x->data + i * n;
        for (uint64_t j = 0; j < n; ++j) {
            fit->mean[j] += row[j];
            low[j] = row[j] < low[j] ? row[j] : low[j];
            high[j] = row[j] > high[j] ? row[j] : high[j];
        }
    }
    for (uint64_t j = 0; j < n; ++j) {
        fit->mean[j] /= (double)x->rows;
        scale[j] = linear_is_constant(low[j], high[j]) ? 0 : linear_power(high[j] - low[j]);
    }
}

/* Column means, standard deviations and the list of columns that vary. scratch: (2, features). */
static orr_status standardise(struct linear_fit *fit, const struct orr_matrix *x, double *scratch,
                              struct orr_error *err)
{
    const uint64_t n = x->cols;
    double *scale = scratch;

    find_means(fit, x, scale, scratch + n, scale);
    memset(fit->inverse_deviation, 0, n * sizeof *fit->inverse_deviation);
    for (uint64_t i = 0; i < x->rows; ++i) {
        const double *row = x->data + i * n;
        for (uint64_t j = 0; j < n; ++j) {
            const double d = (row[j] - fit->mean[j]) * scale[j];
            fit->inverse_deviation[j] += d * d;
        }
    }
    for (uint64_t j = 0; j < n; ++j) {
        if (scale[j] == 0) continue;
        const uint32_t k = fit->n_features++;
        const double deviation = sqrt(fit->inverse_deviation[j] / (double)x->rows) / scale[j];
        fit->column[k] = (uint32_t)j;
        fit->mean[k] = fit->mean[j];
        fit->inverse_deviation[k] = 1 / deviation;
        if (!isnormal(deviation) || !isnormal(fit->inverse_deviation[k]))
            return fit->host->fail(err, ORR_ENUMERIC,
                                   "linear: feature %llu of site %s has a standard deviation of %g: features must be "
                                   "of a size that double can square",
                                   (unsigned long long)j, fit->site, deviation);
    }
    return ORR_OK;
}

/* Rows first .. first + count - 1, standardised, into the columns of `out` (column-major, `stride` apart). In tiles, so
 * that the row-major source is read from cache. */
static void fill(const struct linear_fit *fit, const struct orr_matrix *x, uint64_t first, uint64_t count, double *out,
                 uint64_t stride)
{
    for (uint64_t tile = 0; tile < count; tile += LINEAR_TILE) {
        const uint64_t end = tile + LINEAR_TILE < count ? tile + LINEAR_TILE : count;
        for (uint32_t j = 0; j < fit->n_features; ++j) {
            const double *from = x->data + first * x->cols + fit->column[j];
            const double mean = fit->mean[j], inverse = fit->inverse_deviation[j];
            for (uint64_t i = tile; i < end; ++i)
                out[j * stride + i] = (from[i * x->cols] - mean) * inverse;
        }
    }
}

static uint64_t block_rows(const struct linear_fit *fit)
{
    /* Each block is factored together with the triangle of those before it: four times its height keeps that cheap. */
    const uint64_t wide = 4 * ((uint64_t)fit->n_features + fit->n_targets);
    return wide > LINEAR_BLOCK ? wide : LINEAR_BLOCK;
}

/* The triangular factor of [features | targets], in the first *height rows of the column-major `block`. */
static int reduce(const struct linear_fit *fit, const struct orr_matrix *x, const double *target, double *block,
                  double *tau, uint64_t stride, uint64_t *height)
{
    const uint64_t cols = (uint64_t)fit->n_features + fit->n_targets, step = block_rows(fit);

    *height = 0;
    for (uint64_t first = 0; first < x->rows; first += step) {
        const uint64_t count = first + step < x->rows ? step : x->rows - first;
        fill(fit, x, first, count, block + *height, stride);
        for (uint32_t t = 0; t < fit->n_targets; ++t) {
            const double *from = target + t * x->rows + first;
            double *to = block + (fit->n_features + t) * stride + *height;
            for (uint64_t i = 0; i < count; ++i)
                to[i] = from[i] - fit->target_mean[t];
        }
        const uint64_t rows = *height + count;
        const int info =
            LAPACKE_dgeqrf(LAPACK_COL_MAJOR, (lapack_int)rows, (lapack_int)cols, block, (lapack_int)stride, tau);
        if (info != 0) return info;
        *height = rows < cols ? rows : cols;
        for (uint64_t j = 0; j + 1 < *height; ++j)
            memset(block + j * stride + j + 1, 0, (*height - j - 1) * sizeof *block);
    }
    return 0;
}

/* block holds the triangle of [features | targets], the features in n_singular rows. left: (n_singular, n_singular). */
static orr_status take_apart(struct linear_fit *fit, double *block, uint64_t stride, double *left,
                             struct orr_error *err)
{
    const lapack_int n = (lapack_int)fit->n_singular, p = (lapack_int)fit->n_features;
    const orr_status status =
        linear_lapack_status(fit->host, fit->site, "dgesdd",
                             LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', n, p, block, (lapack_int)stride, fit->singular, left,
                                            n, fit->direction, n),
                             err);
    if (status != ORR_OK) return status;
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, n, (blasint)fit->n_targets, n, 1.0, left, n,
                block + (uint64_t)p * stride, (blasint)stride, 0.0, fit->share, n);
    for (uint32_t t = 0; t < fit->n_targets; ++t)
        for (uint32_t k = 0; k < fit->n_singular; ++k)
            fit->share[t * fit->n_singular + k] /= fit->singular[k];
    return ORR_OK;
}

static orr_status decompose(struct linear_fit *fit, const struct orr_matrix *x, const double *target,
                            struct orr_error *err)
{
    const struct orr_host *host = fit->host;
    const uint64_t p = fit->n_features, cols = p + fit->n_targets, stride = cols + block_rows(fit);
    double *block = linear_alloc(host, stride * cols, sizeof *block);
    double *tau = linear_alloc(host, cols, sizeof *tau), *left = NULL;
    uint64_t height = 0;
    orr_status status = linear_lapack_status(
        host, fit->site, "dgeqrf",
        block && tau ? reduce(fit, x, target, block, tau, stride, &height) : LAPACK_WORK_MEMORY_ERROR, err);
    if (status == ORR_OK) {
        /* Rows of the triangle beyond p hold targets only: they are the residual, and no part of the system. */
        fit->n_singular = (uint32_t)(height < p ? height : p);
        const uint64_t n = fit->n_singular;
        left = linear_alloc(host, n * n, sizeof *left);
        fit->singular = linear_alloc(host, n, sizeof *fit->singular);
        fit->direction = linear_alloc(host, n * p, sizeof *fit->direction);
        fit->share = linear_alloc(host, n * fit->n_targets, sizeof *fit->share);
        status = left && fit->singular && fit->direction && fit->share
                     ? take_apart(fit, block, stride, left, err)
                     : linear_lapack_status(host, fit->site, "dgesdd", LAPACK_WORK_MEMORY_ERROR, err);
    }
    host->dealloc(block);
    host->dealloc(tau);
    host->dealloc(left);
    return status;
}

static orr_status fit_rows(struct linear_fit *fit, const struct orr_matrix *x, const double *target, double *scratch,
                           struct orr_error *err)
{
    const orr_status status = standardise(fit, x, scratch, err);
    if (status != ORR_OK) return status;
    for (uint32_t t = 0; t < fit->n_targets; ++t) {
        double sum = 0;
        for (uint64_t i = 0; i < x->rows; ++i)
            sum += target[t * x->rows + i];
        fit->target_mean[t] = sum / (double)x->rows;
    }
    return fit->n_features > 0 ? decompose(fit, x, target, err) : ORR_OK;
}

orr_status linear_fit_init(struct linear_fit *fit, const struct orr_host *host, const char *site,
                           const struct orr_matrix *features, const double *target, uint32_t n_targets,
                           struct orr_error *err)
{
    *fit = (struct linear_fit){.host = host, .site = site, .n_targets = n_targets};
    fit->column = linear_alloc(host, features->cols, sizeof *fit->column);
    fit->mean = linear_alloc(host, features->cols, sizeof *fit->mean);
    fit->inverse_deviation = linear_alloc(host, features->cols, sizeof *fit->inverse_deviation);
    fit->target_mean = linear_alloc(host, n_targets, sizeof *fit->target_mean);
    double *scratch = linear_alloc(host, features->cols, 2 * sizeof *scratch);
    const orr_status status = fit->column && fit->mean && fit->inverse_deviation && fit->target_mean && scratch
                                  ? fit_rows(fit, features, target, scratch, err)
                                  : linear_lapack_status(host, site, "least squares", LAPACK_WORK_MEMORY_ERROR, err);
    host->dealloc(scratch);
    return status;
}

uint32_t linear_fit_rank(const struct linear_fit *fit, double cut)
{
    const double least = cut > 0 ? cut : 0x1p-53;
    uint32_t rank = 0;
    while (rank < fit->n_singular && fit->singular[rank] > least * fit->singular[0])
        ++rank;
    return rank;
}

/* weight (n_targets, n_features), block (n_features, LINEAR_BLOCK): scratch. */
static void predict(const struct linear_fit *fit, uint32_t rank, const struct orr_matrix *x, double *weight,
                    double *block, double *predicted)
{
    const blasint p = (blasint)fit->n_features, n = (blasint)fit->n_singular, targets = (blasint)fit->n_targets;
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, p, targets, (blasint)rank, 1.0, fit->direction, n, fit->share,
                n, 0.0, weight, p);
    for (uint64_t first = 0; first < x->rows; first += LINEAR_BLOCK) {
        const uint64_t count = first + LINEAR_BLOCK < x->rows ? LINEAR_BLOCK : x->rows - first;
        fill(fit, x, first, count, block, LINEAR_BLOCK);
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (blasint)count, targets, p, 1.0, block, LINEAR_BLOCK,
                    weight, p, 1.0, predicted + first, (blasint)x->rows);
    }
}

orr_status linear_fit_predict(const struct linear_fit *fit, double cut, const struct orr_matrix *x, double *predicted,
                              struct orr_error *err)
{
    const uint32_t rank = linear_fit_rank(fit, cut);
    for (uint32_t t = 0; t < fit->n_targets; ++t)
        for (uint64_t i = 0; i < x->rows; ++i)
            predicted[t * x->rows + i] = fit->target_mean[t];
    if (rank == 0) return ORR_OK;
    double *weight = linear_alloc(fit->host, (uint64_t)fit->n_features * fit->n_targets, sizeof *weight);
    double *block = linear_alloc(fit->host, (uint64_t)LINEAR_BLOCK * fit->n_features, sizeof *block);
    const bool enough = weight && block;
    if (enough) predict(fit, rank, x, weight, block, predicted);
    fit->host->dealloc(weight);
    fit->host->dealloc(block);
    return linear_lapack_status(fit->host, fit->site, "dgemm", enough ? 0 : LAPACK_WORK_MEMORY_ERROR, err);
}

orr_status linear_solve_double(const struct orr_host *host, const struct linear_problem *problem, double *predicted[2],
                               struct linear_rank *rank, struct orr_error *err)
{
    struct linear_fit fit;
    orr_status status = linear_fit_init(&fit, host, problem->site, &problem->features[ORR_TRAIN], problem->target,
                                        problem->n_targets, err);
    *rank = (struct linear_rank){.features = fit.n_features};
    if (status == ORR_OK) rank->kept = linear_fit_rank(&fit, problem->cut);
    for (int split = 0; split < 2 && status == ORR_OK; ++split)
        status = linear_fit_predict(&fit, problem->cut, &problem->features[split], predicted[split], err);
    linear_fit_fini(&fit);
    return status;
}

orr_status linear_lapack_status(const struct orr_host *host, const char *site, const char *routine, int info,
                                struct orr_error *err)
{
    if (info == 0) return ORR_OK;
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return host->fail(err, ORR_ENOMEM, "linear: out of memory in %s at site %s: probe fewer rows or sites", routine,
                          site);
    return host->fail(err, ORR_ENUMERIC,
                      "linear: %s failed at site %s (LAPACK info %d; above 0: the singular values did not converge, "
                      "below 0: a number overflowed): look at the size of the activations there",
                      routine, site, info);
}
