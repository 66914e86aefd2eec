/* Probe `linear`: can a quantity be read off the activations by a linear map?
 *
 * In: activations at every chosen site, every chosen column. Out: findings `r2` (or `r2_single`), in-sample and held
 * out. Alain and Bengio 2016, "Understanding intermediate layers using linear classifier probes".
 */
#include "least_squares.h"
#include "score.h"
#include "select.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* Set whenever the module is queried, which several threads may do. */
static const struct orr_host *_Atomic host;

enum { CUT, POSITIONS, TARGETS, SITES, PRECISION, WINDOWS };

static const struct orr_param linear_params[] = {
    {"cut", ORR_PARAM_REAL, "1e-6", 0, 0.99, "1",
     "Singular values of the standardised features at or below this fraction of the largest are dropped; 0 is the "
     "machine epsilon."},
    {"positions", ORR_PARAM_STRING, "last", 0, 0, "1", "Positions of a window that are probed: last or all."},
    {"targets", ORR_PARAM_STRING, "", 0, 0, "1",
     "Columns to predict, names or globs separated by commas; empty: all but trajectory and step."},
    {"sites", ORR_PARAM_STRING, "", 0, 0, "1",
     "Sites to read from, names or globs separated by commas; empty: every site of the study."},
    {"precision", ORR_PARAM_STRING, "double", 0, 0, "1",
     "double, or single: the float32 least squares of the published analysis, without standardising; cut is not used."},
    {"windows", ORR_PARAM_INT, "0", 0, 1e8, "1",
     "Windows of each split that are used, the first ones of the study; 0: all of them."},
    {.type = ORR_PARAM_END},
};

struct orr_probe {
    double cut;
    uint64_t windows; /* 0: all */
    enum orr_positions positions;
    bool single;
    char *targets, *sites;
};

/* What one call of measure works with. Targets are kept (n_targets, rows of the split). */
struct measurement {
    const struct orr_probe *probe;
    const struct orr_study *study;
    bool *site_chosen, *column_chosen; /* (n_sites), (n_columns) */
    const char **target;               /* (n_targets) */
    uint32_t n_targets;
    uint64_t rows[2];
    double *truth[2], *predicted[2];
    double *standard_error; /* (n_targets) */
    struct linear_resampler resampler;
};

static const char *split_name(int split) { return split == ORR_TRAIN ? "training" : "held-out"; }

static char *copy_text(const char *text)
{
    char *copy = host->alloc(strlen(text) + 1, 1);
    if (copy) memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static void linear_destroy(struct orr_probe *probe)
{
    if (!probe) return;
    host->dealloc(probe->targets);
    host->dealloc(probe->sites);
    host->dealloc(probe);
}

/* 0 or 1, the index of `value` among two words; -1 with an error otherwise. */
static int one_of(const char *key, const char *value, const char *first, const char *second, struct orr_error *err)
{
    if (strcmp(value, first) == 0) return 0;
    if (strcmp(value, second) == 0) return 1;
    (void)host->fail(err, ORR_EINVAL, "linear: %s is \"%s\": give %s or %s", key, value, first, second);
    return -1;
}

static orr_status linear_create(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    *out = NULL;
    const int positions = one_of("positions", param[POSITIONS].s, "all", "last", err);
    const int precision = positions < 0 ? -1 : one_of("precision", param[PRECISION].s, "double", "single", err);
    if (precision < 0) return ORR_EINVAL;

    struct orr_probe *probe = linear_alloc(host, 1, sizeof *probe);
    if (!probe) return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    *probe = (struct orr_probe){
        .cut = param[CUT].r,
        .windows = (uint64_t)param[WINDOWS].i,
        .positions = positions == 0 ? ORR_ALL_POSITIONS : ORR_LAST_POSITION,
        .single = precision == 1,
        .targets = copy_text(param[TARGETS].s),
        .sites = copy_text(param[SITES].s),
    };
    if (!probe->targets || !probe->sites) {
        linear_destroy(probe);
        return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    }
    *out = probe;
    return ORR_OK;
}

/* In float32 mode a number must fit into one. Comparing this way round also catches NaN. */
static orr_status check_finite(const struct measurement *m, const struct orr_matrix *x, const char *what,
                               const char *name, int split, struct orr_error *err)
{
    const double largest = m->probe->single ? (double)FLT_MAX : DBL_MAX;
    for (uint64_t i = 0; i < x->rows * x->cols; ++i)
        if (!(fabs(x->data[i]) <= largest))
            return host->fail(err, ORR_ENUMERIC,
                              "linear: %s %s holds %g at %s row %llu, feature %llu, and only finite numbers can be "
                              "fitted: look for where training diverged",
                              what, name, x->data[i], split_name(split), (unsigned long long)(i / x->cols),
                              (unsigned long long)(i % x->cols));
    return ORR_OK;
}

/* Only the first windows, where the probe is to use no more. */
static void shorten(const struct measurement *m, struct orr_matrix *x)
{
    const struct orr_study *study = m->study;
    /* A context of a whole trajectory has no input at its last step, which is only predicted. */
    const uint64_t length = study->context < study->n_steps ? study->context : study->n_steps - 1;
    const uint64_t rows = m->probe->windows * (m->probe->positions == ORR_ALL_POSITIONS ? length : 1);
    if (rows && x->rows > rows) x->rows = rows;
}

static orr_status fetch_column(struct measurement *m, const char *name, int split, struct orr_matrix *out,
                               struct orr_error *err)
{
    const struct orr_study *study = m->study;
    orr_status status = study->column(study->state, name, (enum orr_split)split, m->probe->positions, out, err);
    if (status != ORR_OK) return status;
    shorten(m, out);
    if (m->rows[split] == 0) m->rows[split] = out->rows;
    if (out->cols != 1 || out->rows != m->rows[split] || out->rows == 0 || out->rows > INT_MAX)
        return host->fail(err, ORR_ESHAPE, "linear: column %s has %llu x %llu %s numbers, expected %llu x 1 (1 to %d)",
                          name, (unsigned long long)out->rows, (unsigned long long)out->cols, split_name(split),
                          (unsigned long long)m->rows[split], INT_MAX);
    return check_finite(m, out, "column", name, split, err);
}

static bool is_bookkeeping(const char *column)
{
    return strcmp(column, "trajectory") == 0 || strcmp(column, "step") == 0;
}

static orr_status choose_targets(struct measurement *m, struct orr_error *err)
{
    const struct orr_study *study = m->study;
    const char *list = m->probe->targets;

    m->column_chosen = linear_alloc(host, study->n_columns, sizeof *m->column_chosen);
    m->target = linear_alloc(host, study->n_columns, sizeof *m->target);
    if (!m->column_chosen || !m->target) return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    for (uint32_t i = 0; i < study->n_columns; ++i) {
        m->column_chosen[i] = !*list && !is_bookkeeping(study->columns[i].name);
        m->target[i] = study->columns[i].name;
    }
    orr_status status = linear_select(host, "targets", list, m->target, study->n_columns, m->column_chosen, err);
    for (uint32_t i = 0; i < study->n_columns && status == ORR_OK; ++i)
        if (m->column_chosen[i]) m->target[m->n_targets++] = study->columns[i].name;
    if (status == ORR_OK && m->n_targets == 0)
        return host->fail(err, ORR_EINVAL, "linear: no column to predict (targets: \"%s\"): name at least one", list);
    return status;
}

static orr_status choose_sites(struct measurement *m, struct orr_error *err)
{
    const struct orr_study *study = m->study;
    const char *list = m->probe->sites;
    uint32_t n = 0;

    m->site_chosen = linear_alloc(host, study->n_sites, sizeof *m->site_chosen);
    if (!m->site_chosen) return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    for (uint32_t i = 0; i < study->n_sites; ++i)
        m->site_chosen[i] = !*list;
    const orr_status status = linear_select(host, "sites", list, study->sites, study->n_sites, m->site_chosen, err);
    for (uint32_t i = 0; i < study->n_sites; ++i)
        n += m->site_chosen[i];
    if (status == ORR_OK && n == 0)
        return host->fail(err, ORR_EINVAL, "linear: no site to read from (sites: \"%s\"): the study must capture one",
                          list);
    return status;
}

static orr_status gather_targets(struct measurement *m, int split, struct orr_error *err)
{
    for (uint32_t t = 0; t < m->n_targets; ++t) {
        struct orr_matrix column;
        const orr_status status = fetch_column(m, m->target[t], split, &column, err);
        if (status != ORR_OK) return status;
        const uint64_t rows = m->rows[split];
        if (t == 0) {
            m->truth[split] = linear_alloc(host, rows * m->n_targets, sizeof(double));
            m->predicted[split] = linear_alloc(host, rows * m->n_targets, sizeof(double));
            if (!m->truth[split] || !m->predicted[split])
                return host->fail(err, ORR_ENOMEM, "linear: out of memory for %llu %s rows: probe fewer windows",
                                  (unsigned long long)rows, split_name(split));
        }
        double *to = m->truth[split] + t * rows;
        for (uint64_t i = 0; i < rows; ++i)
            to[i] = m->probe->single ? (double)(float)column.data[i] : column.data[i];
    }
    return ORR_OK;
}

static orr_status measurement_init(struct measurement *m, struct orr_error *err)
{
    orr_status status = choose_targets(m, err);
    if (status == ORR_OK) status = choose_sites(m, err);
    for (int split = 0; split < 2 && status == ORR_OK; ++split)
        status = gather_targets(m, split, err);
    if (status != ORR_OK) return status;

    struct orr_matrix trajectory;
    status = fetch_column(m, "trajectory", ORR_HELD_OUT, &trajectory, err);
    if (status == ORR_OK) status = linear_resampler_init(&m->resampler, host, &trajectory, err);
    m->standard_error = linear_alloc(host, m->n_targets, sizeof *m->standard_error);
    if (status == ORR_OK && !m->standard_error) return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    return status;
}

static void measurement_fini(struct measurement *m)
{
    for (int split = 0; split < 2; ++split) {
        host->dealloc(m->truth[split]);
        host->dealloc(m->predicted[split]);
    }
    host->dealloc(m->site_chosen);
    host->dealloc(m->column_chosen);
    host->dealloc(m->target);
    host->dealloc(m->standard_error);
    linear_resampler_fini(&m->resampler);
}

static orr_status fetch_features(const struct measurement *m, const char *site, struct orr_matrix features[2],
                                 struct orr_error *err)
{
    const struct orr_study *study = m->study;
    for (int split = 0; split < 2; ++split) {
        struct orr_matrix *x = &features[split];
        orr_status status = study->activations(study->state, site, (enum orr_split)split, m->probe->positions, x, err);
        if (status != ORR_OK) return status;
        shorten(m, x);
        if (x->rows != m->rows[split] || x->cols == 0 || x->cols > INT_MAX || x->cols != features[0].cols)
            return host->fail(err, ORR_ESHAPE, "linear: site %s has %llu x %llu %s activations, expected %llu x %llu",
                              site, (unsigned long long)x->rows, (unsigned long long)x->cols, split_name(split),
                              (unsigned long long)m->rows[split], (unsigned long long)features[0].cols);
        status = check_finite(m, x, "site", site, split, err);
        if (status != ORR_OK) return status;
    }
    return ORR_OK;
}

static orr_status emit_site(const struct measurement *m, const char *site, struct orr_error *err)
{
    for (uint32_t t = 0; t < m->n_targets; ++t)
        for (int split = 0; split < 2; ++split) {
            const uint64_t rows = m->rows[split];
            const struct orr_finding finding = {
                .size = sizeof finding,
                .quantity = m->probe->single ? "r2_single" : "r2",
                .site = site,
                .target = m->target[t],
                .unit = "1",
                .split = (enum orr_split)split,
                .value = linear_r2(m->truth[split] + t * rows, m->predicted[split] + t * rows, rows),
                /* In-sample the fit itself would have to be resampled. */
                .uncertainty = split == ORR_HELD_OUT ? m->standard_error[t] : (double)NAN,
                .n = (int64_t)rows,
            };
            const orr_status status = m->study->emit(m->study->state, &finding, err);
            if (status != ORR_OK) return status;
        }
    return ORR_OK;
}

static orr_status measure_site(struct measurement *m, const char *site, struct orr_error *err)
{
    struct linear_problem problem = {
        .site = site, .target = m->truth[ORR_TRAIN], .n_targets = m->n_targets, .cut = m->probe->cut};
    struct linear_rank rank;

    orr_status status = fetch_features(m, site, problem.features, err);
    if (status != ORR_OK) return status;
    status = (m->probe->single ? linear_solve_single : linear_solve_double)(host, &problem, m->predicted, &rank, err);
    if (status != ORR_OK) return status;
    host->log(ORR_LOG_DEBUG, "linear", "%s: rank %u of %u varying features (%llu in all), %llu rows", site, rank.kept,
              rank.features, (unsigned long long)problem.features[0].cols, (unsigned long long)m->rows[ORR_TRAIN]);
    if (m->rows[ORR_TRAIN] <= rank.features)
        host->log(ORR_LOG_WARN, "linear",
                  "%s: %llu rows for %u features and an intercept: the fit is the minimum-norm one and its in-sample "
                  "r2 says nothing; probe more windows",
                  site, (unsigned long long)m->rows[ORR_TRAIN], rank.features);

    status = linear_resampler_errors(&m->resampler, m->truth[ORR_HELD_OUT], m->predicted[ORR_HELD_OUT], m->n_targets,
                                     m->standard_error, err);
    return status == ORR_OK ? emit_site(m, site, err) : status;
}

static orr_status linear_measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    struct measurement m = {.probe = probe, .study = study};
    orr_status status = measurement_init(&m, err);
    for (uint32_t i = 0; i < study->n_sites && status == ORR_OK; ++i)
        if (m.site_chosen[i]) status = measure_site(&m, study->sites[i], err);
    measurement_fini(&m);
    return status;
}

static const struct orr_probe_ops linear_ops = {
    .size = sizeof(struct orr_probe_ops),
    .create = linear_create,
    .destroy = linear_destroy,
    .measure = linear_measure,
};

static const struct orr_plugin linear_plugin = {
    .name = "linear",
    .version = "0.1.0",
    .summary = "R^2 of a linear map from activations to quantities of the simulator",
    .source = "Alain and Bengio 2016, arXiv:1610.01644; LAPACK dgelsd",
    .license = "MIT",
    .params = linear_params,
    .ops = &linear_ops,
    ORR_PLUGIN_HEAD(ORR_PROBE),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *from)
{
    host = from;
    return &linear_plugin;
}
