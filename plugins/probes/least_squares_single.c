/* Least squares in float32, as the published analysis computed it (scikit-learn 1.2 over scipy's lstsq).
 *
 * In: struct linear_problem. Out: predictions. sklearn/linear_model/_base.py centres in the precision of the data,
 * scipy/linalg calls sgelsd with rcond = the float32 epsilon; means are summed row after row as numpy does on axis 0.
 * Later versions are no reference: scikit-learn 1.9 drops singular values below 1e-6 of the largest, and scores differ.
 */
#include "least_squares.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <string.h>

struct single_fit {
    const struct orr_host *host;
    uint64_t n, rows; /* features, training rows */
    uint32_t n_targets;
    float *raw;       /* features, column-major; as many rows as the larger split */
    float *centred;   /* training features less their mean, column-major; overwritten by sgelsd */
    float *weight;    /* (n_targets, stride): targets in, coefficients out */
    uint64_t stride;  /* max(rows, n) */
    float *mean;      /* (n) */
    float *intercept; /* (n_targets) */
    float *singular;
    float *output; /* one split's predictions, (n_targets, rows) */
};

static orr_status single_fit_init(struct single_fit *f, const struct linear_problem *problem, struct orr_error *err)
{
    const uint64_t held_out = problem->features[ORR_HELD_OUT].rows;
    const uint64_t most = f->rows > held_out ? f->rows : held_out;

    f->stride = f->rows > f->n ? f->rows : f->n;
    f->raw = linear_alloc(f->host, most * f->n, sizeof *f->raw);
    f->centred = linear_alloc(f->host, f->rows * f->n, sizeof *f->centred);
    f->weight = linear_alloc(f->host, f->stride * f->n_targets, sizeof *f->weight);
    f->mean = linear_alloc(f->host, f->n, sizeof *f->mean);
    f->intercept = linear_alloc(f->host, f->n_targets, sizeof *f->intercept);
    f->singular = linear_alloc(f->host, f->stride, sizeof *f->singular);
    f->output = linear_alloc(f->host, most * f->n_targets, sizeof *f->output);
    if (f->raw && f->centred && f->weight && f->mean && f->intercept && f->singular && f->output) return ORR_OK;
    return linear_lapack_status(f->host, problem->site, "sgelsd", LAPACK_WORK_MEMORY_ERROR, err);
}

static void single_fit_fini(struct single_fit *f)
{
    f->host->dealloc(f->raw);
    f->host->dealloc(f->centred);
    f->host->dealloc(f->weight);
    f->host->dealloc(f->mean);
    f->host->dealloc(f->intercept);
    f->host->dealloc(f->singular);
    f->host->dealloc(f->output);
}

static void to_single_columns(const struct orr_matrix *x, float *out)
{
    for (uint64_t i = 0; i < x->rows; ++i)
        for (uint64_t j = 0; j < x->cols; ++j)
            out[j * x->rows + i] = (float)x->data[i * x->cols + j];
}

static float single_mean(const float *value, uint64_t n)
{
    float sum = 0;
    for (uint64_t i = 0; i < n; ++i)
        sum += value[i];
    return sum / (float)n;
}

static void single_fit_predict(const struct single_fit *f, const struct orr_matrix *x, double *predicted)
{
    to_single_columns(x, f->raw);
    for (uint32_t t = 0; t < f->n_targets; ++t)
        for (uint64_t i = 0; i < x->rows; ++i)
            f->output[t * x->rows + i] = 0;
    cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (blasint)x->rows, (blasint)f->n_targets, (blasint)f->n, 1.0F,
                f->raw, (blasint)x->rows, f->weight, (blasint)f->stride, 0.0F, f->output, (blasint)x->rows);
    for (uint32_t t = 0; t < f->n_targets; ++t)
        for (uint64_t i = 0; i < x->rows; ++i)
            predicted[t * x->rows + i] = (double)(f->output[t * x->rows + i] + f->intercept[t]);
}

static orr_status single_fit_solve(struct single_fit *f, const struct linear_problem *problem, struct linear_rank *rank,
                                   struct orr_error *err)
{
    to_single_columns(&problem->features[ORR_TRAIN], f->raw);
    for (uint64_t j = 0; j < f->n; ++j) {
        const float *column = f->raw + j * f->rows;
        f->mean[j] = single_mean(column, f->rows);
        for (uint64_t i = 0; i < f->rows; ++i)
            f->centred[j * f->rows + i] = column[i] - f->mean[j];
    }
    memset(f->weight, 0, f->stride * f->n_targets * sizeof *f->weight);
    for (uint32_t t = 0; t < f->n_targets; ++t) {
        float *column = f->weight + t * f->stride;
        for (uint64_t i = 0; i < f->rows; ++i)
            column[i] = (float)problem->target[t * f->rows + i];
        f->intercept[t] = single_mean(column, f->rows);
        for (uint64_t i = 0; i < f->rows; ++i)
            column[i] -= f->intercept[t];
    }

    lapack_int kept = 0;
    const int info =
        LAPACKE_sgelsd(LAPACK_COL_MAJOR, (lapack_int)f->rows, (lapack_int)f->n, (lapack_int)f->n_targets, f->centred,
                       (lapack_int)f->rows, f->weight, (lapack_int)f->stride, f->singular, FLT_EPSILON, &kept);
    rank->kept = (uint32_t)kept;
    for (uint32_t t = 0; t < f->n_targets && info == 0; ++t)
        f->intercept[t] -= cblas_sdot((blasint)f->n, f->mean, 1, f->weight + t * f->stride, 1);
    return linear_lapack_status(f->host, problem->site, "sgelsd", info, err);
}

orr_status linear_solve_single(const struct orr_host *host, const struct linear_problem *problem, double *predicted[2],
                               struct linear_rank *rank, struct orr_error *err)
{
    const struct orr_matrix *x = &problem->features[ORR_TRAIN];
    struct single_fit f = {.host = host, .n = x->cols, .rows = x->rows, .n_targets = problem->n_targets};

    *rank = (struct linear_rank){.features = (uint32_t)x->cols};
    orr_status status = single_fit_init(&f, problem, err);
    if (status == ORR_OK) status = single_fit_solve(&f, problem, rank, err);
    for (int split = 0; split < 2 && status == ORR_OK; ++split)
        single_fit_predict(&f, &problem->features[split], predicted[split]);
    single_fit_fini(&f);
    return status;
}
