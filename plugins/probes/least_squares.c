/* Least squares in double: standardise, reduce by blocked QR, dgelsd on the triangle, predict.
 *
 * In: struct linear_problem. Out: predictions. Householder QR of stacked blocks (Demmel, Grigori, Hoemmen and Langou
 * 2012, "Communication-optimal parallel and sequential QR and LU factorizations") multiplies the rows by an orthogonal
 * matrix, so no accuracy is lost, as it would be in the normal equations.
 */
#include "least_squares.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { LINEAR_BLOCK = 1024, LINEAR_TILE = 64 };

struct regression {
    const struct orr_host *host;
    uint32_t n_kept, n_targets;
    uint32_t *column; /* (n_kept): which feature */
    double *mean, *inverse_deviation;
    double *target_mean; /* (n_targets) */
    double *weight;      /* (n_targets, n_kept): the solution, in standardised features */
};

void *linear_alloc(const struct orr_host *host, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX) return NULL;
    return host->alloc(bytes ? (size_t)bytes : 1, 64);
}

static void regression_fini(struct regression *r)
{
    r->host->dealloc(r->column);
    r->host->dealloc(r->mean);
    r->host->dealloc(r->inverse_deviation);
    r->host->dealloc(r->target_mean);
    r->host->dealloc(r->weight);
}

/* Column means; scale[j] brings deviations of column j near 1, and is 0 where the column does not vary. low and high
 * are scratch, and low may be scale. */
static void regression_means(struct regression *r, const struct orr_matrix *x, double *low, double *high, double *scale)
{
    const uint64_t n = x->cols;
    memcpy(low, x->data, n * sizeof *low);
    memcpy(high, x->data, n * sizeof *high);
    memset(r->mean, 0, n * sizeof *r->mean);
    for (uint64_t i = 0; i < x->rows; ++i) {
        const double *row = x->data + i * n;
        for (uint64_t j = 0; j < n; ++j) {
            r->mean[j] += row[j];
            low[j] = row[j] < low[j] ? row[j] : low[j];
            high[j] = row[j] > high[j] ? row[j] : high[j];
        }
    }
    for (uint64_t j = 0; j < n; ++j) {
        r->mean[j] /= (double)x->rows;
        scale[j] = linear_is_constant(low[j], high[j]) ? 0 : linear_power(high[j] - low[j]);
    }
}

/* Column means, standard deviations and the list of columns that vary. */
static orr_status regression_standardise(struct regression *r, const struct linear_problem *problem,
                                         struct orr_error *err)
{
    const struct orr_matrix *x = &problem->features[ORR_TRAIN];
    const uint64_t n = x->cols;
    /* weight is not in use yet: it lends its place. */
    double *scale = r->weight;

    regression_means(r, x, scale, r->weight + n, scale);
    memset(r->inverse_deviation, 0, n * sizeof *r->inverse_deviation);
    for (uint64_t i = 0; i < x->rows; ++i) {
        const double *row = x->data + i * n;
        for (uint64_t j = 0; j < n; ++j) {
            const double d = (row[j] - r->mean[j]) * scale[j];
            r->inverse_deviation[j] += d * d;
        }
    }
    for (uint64_t j = 0; j < n; ++j) {
        if (scale[j] == 0) continue;
        const uint32_t k = r->n_kept++;
        const double deviation = sqrt(r->inverse_deviation[j] / (double)x->rows) / scale[j];
        r->column[k] = (uint32_t)j;
        r->mean[k] = r->mean[j];
        r->inverse_deviation[k] = 1 / deviation;
        if (!isnormal(deviation) || !isnormal(r->inverse_deviation[k]))
            return r->host->fail(err, ORR_ENUMERIC,
                                 "linear: feature %llu of site %s has a standard deviation of %g: features must be of "
                                 "a size that double can square",
                                 (unsigned long long)j, problem->site, deviation);
    }
    return ORR_OK;
}

/* Rows first .. first + count - 1, standardised, into the columns of `out` (column-major, `stride` apart). In tiles, so
 * that the row-major source is read from cache. */
static void regression_fill(const struct regression *r, const struct orr_matrix *x, uint64_t first, uint64_t count,
                            double *out, uint64_t stride)
{
    for (uint64_t tile = 0; tile < count; tile += LINEAR_TILE) {
        const uint64_t end = tile + LINEAR_TILE < count ? tile + LINEAR_TILE : count;
        for (uint32_t j = 0; j < r->n_kept; ++j) {
            const double *from = x->data + first * x->cols + r->column[j];
            const double mean = r->mean[j], inverse = r->inverse_deviation[j];
            for (uint64_t i = tile; i < end; ++i)
                out[j * stride + i] = (from[i * x->cols] - mean) * inverse;
        }
    }
}

static uint64_t regression_block_rows(const struct regression *r)
{
    /* Each block is factored together with the triangle of those before it: four times its height keeps that cheap. */
    const uint64_t wide = 4 * ((uint64_t)r->n_kept + r->n_targets);
    return wide > LINEAR_BLOCK ? wide : LINEAR_BLOCK;
}

/* The triangular factor of [features | targets], in the first *height rows of the column-major `block`. */
static int regression_reduce(const struct regression *r, const struct linear_problem *problem, double *block,
                             double *tau, uint64_t stride, uint64_t *height)
{
    const struct orr_matrix *x = &problem->features[ORR_TRAIN];
    const uint64_t cols = (uint64_t)r->n_kept + r->n_targets, step = regression_block_rows(r);

    *height = 0;
    for (uint64_t first = 0; first < x->rows; first += step) {
        const uint64_t count = first + step < x->rows ? step : x->rows - first;
        regression_fill(r, x, first, count, block + *height, stride);
        for (uint32_t t = 0; t < r->n_targets; ++t) {
            const double *from = problem->target + t * x->rows + first;
            double *to = block + (r->n_kept + t) * stride + *height;
            for (uint64_t i = 0; i < count; ++i)
                to[i] = from[i] - r->target_mean[t];
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

static orr_status regression_solve(struct regression *r, const struct linear_problem *problem, struct linear_rank *rank,
                                   struct orr_error *err)
{
    const struct orr_host *host = r->host;
    const uint64_t p = r->n_kept, cols = p + r->n_targets, stride = cols + regression_block_rows(r);
    double *block = linear_alloc(host, stride * cols, sizeof *block);
    double *tau = linear_alloc(host, cols, sizeof *tau);
    double *triangle = linear_alloc(host, p * p, sizeof *triangle);
    double *singular = linear_alloc(host, p, sizeof *singular);
    uint64_t height = 0;
    lapack_int kept = 0;
    orr_status status;

    if (!block || !tau || !triangle || !singular) {
        status = linear_lapack_status(host, problem->site, "dgeqrf", LAPACK_WORK_MEMORY_ERROR, err);
        goto done;
    }
    status = linear_lapack_status(host, problem->site, "dgeqrf",
                                  regression_reduce(r, problem, block, tau, stride, &height), err);
    if (status != ORR_OK) goto done;

    /* Rows of the triangle beyond p hold targets only: they are the residual, and no part of the system. */
    const uint64_t rows = height < p ? height : p;
    for (uint64_t j = 0; j < p; ++j)
        memcpy(triangle + j * rows, block + j * stride, rows * sizeof *triangle);
    for (uint64_t t = 0; t < r->n_targets; ++t) {
        memset(r->weight + t * p, 0, p * sizeof *r->weight);
        memcpy(r->weight + t * p, block + (p + t) * stride, rows * sizeof *r->weight);
    }
    status = linear_lapack_status(host, problem->site, "dgelsd",
                                  LAPACKE_dgelsd(LAPACK_COL_MAJOR, (lapack_int)rows, (lapack_int)p,
                                                 (lapack_int)r->n_targets, triangle, (lapack_int)rows, r->weight,
                                                 (lapack_int)p, singular, problem->cut, &kept),
                                  err);
    rank->kept = (uint32_t)kept;
done:
    host->dealloc(block);
    host->dealloc(tau);
    host->dealloc(triangle);
    host->dealloc(singular);
    return status;
}

/* predicted (n_targets, rows) of x. */
static orr_status regression_predict(const struct regression *r, const char *site, const struct orr_matrix *x,
                                     double *predicted, struct orr_error *err)
{
    for (uint32_t t = 0; t < r->n_targets; ++t)
        for (uint64_t i = 0; i < x->rows; ++i)
            predicted[t * x->rows + i] = r->target_mean[t];
    if (r->n_kept == 0) return ORR_OK;

    double *block = linear_alloc(r->host, (uint64_t)LINEAR_BLOCK * r->n_kept, sizeof *block);
    if (!block) return linear_lapack_status(r->host, site, "dgemm", LAPACK_WORK_MEMORY_ERROR, err);
    for (uint64_t first = 0; first < x->rows; first += LINEAR_BLOCK) {
        const uint64_t count = first + LINEAR_BLOCK < x->rows ? LINEAR_BLOCK : x->rows - first;
        regression_fill(r, x, first, count, block, LINEAR_BLOCK);
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (blasint)count, (blasint)r->n_targets,
                    (blasint)r->n_kept, 1.0, block, LINEAR_BLOCK, r->weight, (blasint)r->n_kept, 1.0, predicted + first,
                    (blasint)x->rows);
    }
    r->host->dealloc(block);
    return ORR_OK;
}

orr_status linear_solve_double(const struct orr_host *host, const struct linear_problem *problem, double *predicted[2],
                               struct linear_rank *rank, struct orr_error *err)
{
    const struct orr_matrix *x = &problem->features[ORR_TRAIN];
    struct regression r = {.host = host, .n_targets = problem->n_targets};
    orr_status status = ORR_OK;

    *rank = (struct linear_rank){0};
    r.column = linear_alloc(host, x->cols, sizeof *r.column);
    r.mean = linear_alloc(host, x->cols, sizeof *r.mean);
    r.inverse_deviation = linear_alloc(host, x->cols, sizeof *r.inverse_deviation);
    r.target_mean = linear_alloc(host, r.n_targets, sizeof *r.target_mean);
    r.weight = linear_alloc(host, x->cols * (r.n_targets > 2 ? r.n_targets : 2), sizeof *r.weight);
    if (!r.column || !r.mean || !r.inverse_deviation || !r.target_mean || !r.weight) {
        status = linear_lapack_status(host, problem->site, "dgelsd", LAPACK_WORK_MEMORY_ERROR, err);
        goto done;
    }
    status = regression_standardise(&r, problem, err);
    if (status != ORR_OK) goto done;
    for (uint32_t t = 0; t < r.n_targets; ++t) {
        double sum = 0;
        for (uint64_t i = 0; i < x->rows; ++i)
            sum += problem->target[t * x->rows + i];
        r.target_mean[t] = sum / (double)x->rows;
    }
    rank->features = r.n_kept;
    if (r.n_kept > 0) status = regression_solve(&r, problem, rank, err);
    for (int split = 0; split < 2 && status == ORR_OK; ++split)
        status = regression_predict(&r, problem->site, &problem->features[split], predicted[split], err);
done:
    regression_fini(&r);
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
