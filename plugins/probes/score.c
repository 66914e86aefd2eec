/* R^2 and its bootstrap over trajectories.
 *
 * In: truth, predictions, trajectory of each row. Out: scores. A resampled R^2 needs only sums per trajectory, so that
 * all draws of all targets are one small matrix product.
 */
#include "score.h"

#include "least_squares.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double mean_of(const double *value, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; ++i)
        sum += value[i];
    return sum / (double)n;
}

/* A power of two that brings deviations from the mean near 1; 0 when all values are the same. */
static double scale_of(const double *value, uint64_t n)
{
    double low = value[0], high = value[0];
    for (uint64_t i = 1; i < n; ++i) {
        low = value[i] < low ? value[i] : low;
        high = value[i] > high ? value[i] : high;
    }
    return linear_is_constant(low, high) ? 0 : linear_power(high - low);
}

double linear_r2(const double *truth, const double *predicted, uint64_t rows)
{
    const double scale = scale_of(truth, rows);
    if (scale == 0) return (double)NAN;
    const double mean = mean_of(truth, rows);
    double residual = 0, total = 0;
    for (uint64_t i = 0; i < rows; ++i) {
        const double error = (truth[i] - predicted[i]) * scale, deviation = (truth[i] - mean) * scale;
        residual += error * error;
        total += deviation * deviation;
    }
    return 1 - residual / total;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Number the distinct values of trajectory; `sorted` is scratch of as many doubles. */
static void number_clusters(struct linear_resampler *s, const double *trajectory, double *sorted)
{
    memcpy(sorted, trajectory, s->rows * sizeof *sorted);
    qsort(sorted, s->rows, sizeof *sorted, compare_doubles);
    for (uint64_t i = 0; i < s->rows; ++i)
        if (i == 0 || sorted[i] != sorted[s->n_clusters - 1]) sorted[s->n_clusters++] = sorted[i];
    for (uint64_t i = 0; i < s->rows; ++i) {
        const double *found =
            (const double *)bsearch(&trajectory[i], sorted, s->n_clusters, sizeof *sorted, compare_doubles);
        s->cluster[i] = found ? (uint32_t)(found - sorted) : 0;
    }
}

static void draw_clusters(struct linear_resampler *s)
{
    const uint32_t key[2] = {UINT32_C(0x6C696E65), UINT32_C(0x61720000)};
    memset(s->times, 0, (uint64_t)s->n_draws * s->n_clusters * sizeof *s->times);
    for (uint32_t draw = 0; draw < s->n_draws; ++draw)
        for (uint32_t i = 0; i < s->n_clusters; i += 4) {
            const uint32_t counter[4] = {i / 4, draw, 0, 0};
            uint32_t word[4];
            s->host->philox(key, counter, word);
            for (uint32_t k = 0; k < 4 && i + k < s->n_clusters; ++k) {
                const uint32_t picked = (uint32_t)(((uint64_t)word[k] * s->n_clusters) >> 32);
                s->times[(uint64_t)draw * s->n_clusters + picked] += 1;
            }
        }
}

orr_status linear_resampler_init(struct linear_resampler *s, const struct orr_host *host,
                                 const struct orr_matrix *trajectory, uint32_t n_draws, struct orr_error *err)
{
    *s = (struct linear_resampler){.host = host, .rows = trajectory->rows, .n_draws = n_draws};
    double *sorted = linear_alloc(host, s->rows, sizeof *sorted);
    s->cluster = linear_alloc(host, s->rows, sizeof *s->cluster);
    if (sorted && s->cluster) {
        number_clusters(s, trajectory->data, sorted);
        s->times = linear_alloc(host, (uint64_t)s->n_draws * s->n_clusters, sizeof *s->times);
    }
    host->dealloc(sorted);
    if (!s->times) return host->fail(err, ORR_ENOMEM, "linear: out of memory for resampling: probe fewer windows");
    draw_clusters(s);
    return ORR_OK;
}

void linear_resampler_fini(struct linear_resampler *s)
{
    if (!s->host) return;
    s->host->dealloc(s->cluster);
    s->host->dealloc(s->times);
}

/* Per trajectory: squared residuals, and first and second moment of truth about its overall mean (which keeps the
 * difference below from cancelling), all in units of 1 / scale. sum is (3, n_clusters). */
static void sum_clusters(const struct linear_resampler *s, const double *truth, const double *predicted, double scale,
                         double *sum)
{
    const uint64_t n = s->n_clusters;
    const double mean = mean_of(truth, s->rows);
    memset(sum, 0, 3 * n * sizeof *sum);
    for (uint64_t i = 0; i < s->rows; ++i) {
        const uint32_t c = s->cluster[i];
        const double residual = (truth[i] - predicted[i]) * scale, deviation = (truth[i] - mean) * scale;
        sum[c] += residual * residual;
        sum[n + c] += deviation;
        sum[2 * n + c] += deviation * deviation;
    }
}

/* sum is (3, n_draws), the sums of each draw; n_rows and replicate (n_draws). */
static void scores_of_draws(const double *sum, const double *n_rows, uint32_t n_draws, double *replicate)
{
    for (uint32_t d = 0; d < n_draws; ++d) {
        const double residual = sum[d], first = sum[n_draws + d], second = sum[2 * n_draws + d];
        const double total = second - first * first / n_rows[d];
        /* A draw of few trajectories may hold a constant target: it has no R^2. */
        replicate[d] = total > 1e-12 * second ? 1 - residual / total : (double)NAN;
    }
}

/* sum: scratch, (3 n_targets + 1, n_clusters); draw: (3 n_targets + 1, n_draws). */
static void replicate_all(const struct linear_resampler *s, const double *truth, const double *predicted,
                          uint32_t n_targets, double *sum, double *draw, double *replicate)
{
    const uint64_t n = s->n_clusters, draws = s->n_draws, columns = 3 * (uint64_t)n_targets + 1;
    for (uint32_t t = 0; t < n_targets; ++t)
        sum_clusters(s, truth + t * s->rows, predicted + t * s->rows, scale_of(truth + t * s->rows, s->rows),
                     sum + 3 * t * n);
    double *rows = sum + 3 * n_targets * n;
    memset(rows, 0, n * sizeof *rows);
    for (uint64_t i = 0; i < s->rows; ++i)
        rows[s->cluster[i]] += 1;

    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (blasint)draws, (blasint)columns, (blasint)n, 1.0, s->times,
                (blasint)n, sum, (blasint)n, 0.0, draw, (blasint)draws);
    for (uint32_t t = 0; t < n_targets; ++t) {
        const bool known = n >= 2 && scale_of(truth + t * s->rows, s->rows) != 0;
        scores_of_draws(draw + 3 * t * draws, draw + 3 * n_targets * draws, s->n_draws, replicate + t * draws);
        for (uint32_t d = 0; !known && d < draws; ++d)
            replicate[t * draws + d] = (double)NAN;
    }
}

orr_status linear_resampler_replicates(const struct linear_resampler *s, const double *truth, const double *predicted,
                                       uint32_t n_targets, double *replicate, struct orr_error *err)
{
    const uint64_t columns = 3 * (uint64_t)n_targets + 1;
    double *sum = linear_alloc(s->host, columns * s->n_clusters, sizeof *sum);
    double *draw = linear_alloc(s->host, columns * s->n_draws, sizeof *draw);
    const bool enough = sum && draw;
    if (enough) replicate_all(s, truth, predicted, n_targets, sum, draw, replicate);
    s->host->dealloc(sum);
    s->host->dealloc(draw);
    return enough ? ORR_OK
                  : s->host->fail(err, ORR_ENOMEM, "linear: out of memory for resampling: probe fewer windows");
}

double linear_spread(const double *replicate, uint32_t n)
{
    double mean = 0, square = 0;
    uint32_t known = 0;
    for (uint32_t d = 0; d < n; ++d)
        if (!isnan(replicate[d])) {
            mean += replicate[d];
            ++known;
        }
    if (known < 2) return (double)NAN;
    mean /= known;
    for (uint32_t d = 0; d < n; ++d)
        if (!isnan(replicate[d])) square += (replicate[d] - mean) * (replicate[d] - mean);
    return sqrt(square / (known - 1));
}
