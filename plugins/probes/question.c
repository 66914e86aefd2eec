/* Choosing columns and sites, and fetching them with every check that a fit relies on.
 *
 * In: struct linear_question. Out: matrices.
 */
#include "question.h"

#include "least_squares.h"
#include "select.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static const char *split_name(int split) { return split == ORR_TRAIN ? "training" : "held-out"; }

char *linear_copy(const struct orr_host *host, const char *text)
{
    char *copy = host->alloc(strlen(text) + 1, 1);
    if (copy) memcpy(copy, text, strlen(text) + 1);
    return copy;
}

int linear_one_of(const struct orr_host *host, const char *key, const char *value, const char *first,
                  const char *second, struct orr_error *err)
{
    if (strcmp(value, first) == 0) return 0;
    if (strcmp(value, second) == 0) return 1;
    (void)host->fail(err, ORR_EINVAL, "linear: %s is \"%s\": give %s or %s", key, value, first, second);
    return -1;
}

orr_status linear_no_room(const struct linear_question *q, int split, struct orr_error *err)
{
    return q->host->fail(err, ORR_ENOMEM, "linear: out of memory for %llu %s rows: probe fewer windows",
                         (unsigned long long)q->rows[split], split_name(split));
}

void linear_warn_few_rows(const struct orr_host *host, const char *site, uint64_t rows, uint32_t features)
{
    if (rows > features) return;
    host->log(ORR_LOG_WARN, "linear",
              "%s: %llu rows for %u features and an intercept: the fit is the minimum-norm one and its in-sample "
              "r2 says nothing; probe more windows",
              site, (unsigned long long)rows, features);
}

/* ---- choosing ---- */

static bool is_bookkeeping(const char *column)
{
    return strcmp(column, "trajectory") == 0 || strcmp(column, "step") == 0;
}

static orr_status choose_targets(struct linear_question *q, bool *chosen, struct orr_error *err)
{
    const struct orr_study *study = q->study;
    for (uint32_t i = 0; i < study->n_columns; ++i) {
        chosen[i] = !*q->targets && !is_bookkeeping(study->columns[i].name);
        q->target[i] = study->columns[i].name;
    }
    const orr_status status = linear_select(q->host, "targets", q->targets, q->target, study->n_columns, chosen, err);
    for (uint32_t i = 0; i < study->n_columns && status == ORR_OK; ++i)
        if (chosen[i]) q->target[q->n_targets++] = study->columns[i].name;
    if (status == ORR_OK && q->n_targets == 0)
        return q->host->fail(err, ORR_EINVAL, "linear: no column to predict (targets: \"%s\"): name at least one",
                             q->targets);
    return status;
}

static orr_status choose_sites(struct linear_question *q, struct orr_error *err)
{
    const struct orr_study *study = q->study;
    uint32_t n = 0;
    for (uint32_t i = 0; i < study->n_sites; ++i)
        q->site_chosen[i] = !*q->sites;
    const orr_status status =
        linear_select(q->host, "sites", q->sites, study->sites, study->n_sites, q->site_chosen, err);
    for (uint32_t i = 0; i < study->n_sites; ++i)
        n += q->site_chosen[i];
    if (status == ORR_OK && n == 0)
        return q->host->fail(err, ORR_EINVAL,
                             "linear: no site to read from (sites: \"%s\"): the study must capture one", q->sites);
    return status;
}

orr_status linear_question_init(struct linear_question *q, struct orr_error *err)
{
    const struct orr_study *study = q->study;
    bool *chosen = linear_alloc(q->host, study->n_columns, sizeof *chosen);
    q->target = linear_alloc(q->host, study->n_columns, sizeof *q->target);
    q->site_chosen = linear_alloc(q->host, study->n_sites, sizeof *q->site_chosen);
    orr_status status = chosen && q->target && q->site_chosen ? choose_targets(q, chosen, err)
                                                              : q->host->fail(err, ORR_ENOMEM, "linear: out of memory");
    if (status == ORR_OK) status = choose_sites(q, err);
    q->host->dealloc(chosen);
    return status;
}

void linear_question_fini(struct linear_question *q)
{
    q->host->dealloc(q->site_chosen);
    q->host->dealloc(q->target);
}

/* ---- fetching ---- */

/* Comparing this way round also catches NaN. */
static orr_status check_finite(const struct linear_question *q, const struct orr_matrix *x, const char *what,
                               const char *name, int split, struct orr_error *err)
{
    for (uint64_t i = 0; i < x->rows * x->cols; ++i)
        if (!(fabs(x->data[i]) <= q->largest))
            return q->host->fail(err, ORR_ENUMERIC,
                                 "linear: %s %s holds %g at %s row %llu, feature %llu, and only finite numbers can be "
                                 "fitted: look for where training diverged",
                                 what, name, x->data[i], split_name(split), (unsigned long long)(i / x->cols),
                                 (unsigned long long)(i % x->cols));
    return ORR_OK;
}

/* Only the first windows, where the probe is to use no more. */
static void shorten(const struct linear_question *q, struct orr_matrix *x)
{
    const struct orr_study *study = q->study;
    /* A context of a whole trajectory has no input at its last step, which is only predicted. */
    const uint64_t length = study->context < study->n_steps ? study->context : study->n_steps - 1;
    const uint64_t rows = q->windows * (q->positions == ORR_ALL_POSITIONS ? length : 1);
    if (rows && x->rows > rows) x->rows = rows;
}

orr_status linear_question_column(struct linear_question *q, const char *name, int split, struct orr_matrix *out,
                                  struct orr_error *err)
{
    const struct orr_study *study = q->study;
    const orr_status status = study->column(study->state, name, (enum orr_split)split, q->positions, out, err);
    if (status != ORR_OK) return status;
    shorten(q, out);
    if (q->rows[split] == 0) q->rows[split] = out->rows;
    if (out->cols != 1 || out->rows != q->rows[split] || out->rows == 0 || out->rows > INT_MAX)
        return q->host->fail(err, ORR_ESHAPE,
                             "linear: column %s has %llu x %llu %s numbers, expected %llu x 1 (1 to %d)", name,
                             (unsigned long long)out->rows, (unsigned long long)out->cols, split_name(split),
                             (unsigned long long)q->rows[split], INT_MAX);
    return check_finite(q, out, "column", name, split, err);
}

orr_status linear_question_targets(struct linear_question *q, int split, double **out, struct orr_error *err)
{
    orr_status status = ORR_OK;
    *out = NULL;
    for (uint32_t t = 0; t < q->n_targets && status == ORR_OK; ++t) {
        struct orr_matrix column;
        status = linear_question_column(q, q->target[t], split, &column, err);
        if (status != ORR_OK) break;
        if (t == 0) *out = linear_alloc(q->host, q->rows[split] * q->n_targets, sizeof **out);
        if (!*out) return linear_no_room(q, split, err);
        memcpy(*out + t * q->rows[split], column.data, q->rows[split] * sizeof **out);
    }
    if (status == ORR_OK) return ORR_OK;
    q->host->dealloc(*out);
    *out = NULL;
    return status;
}

orr_status linear_question_features(const struct linear_question *q, const char *site, struct orr_matrix features[2],
                                    struct orr_error *err)
{
    const struct orr_study *study = q->study;
    for (int split = 0; split < 2; ++split) {
        struct orr_matrix *x = &features[split];
        orr_status status = study->activations(study->state, site, (enum orr_split)split, q->positions, x, err);
        if (status != ORR_OK) return status;
        shorten(q, x);
        if (x->rows != q->rows[split] || x->cols == 0 || x->cols > INT_MAX || x->cols != features[0].cols)
            return q->host->fail(err, ORR_ESHAPE,
                                 "linear: site %s has %llu x %llu %s activations, expected %llu x %llu", site,
                                 (unsigned long long)x->rows, (unsigned long long)x->cols, split_name(split),
                                 (unsigned long long)q->rows[split], (unsigned long long)features[0].cols);
        status = check_finite(q, x, "site", site, split, err);
        if (status != ORR_OK) return status;
    }
    return ORR_OK;
}
