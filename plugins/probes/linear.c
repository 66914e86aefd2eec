/* Probe `linear`: can a quantity be read off the activations by a linear map?
 *
 * In: activations at every chosen site, every chosen column. Out: findings `r2` (or `r2_single`), in-sample and held
 * out. Alain and Bengio 2016, "Understanding intermediate layers using linear classifier probes".
 */
#include "least_squares.h"
#include "question.h"
#include "score.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>

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

enum { DRAWS = 100 };

/* What one call of measure works with. Targets are kept (n_targets, rows of the split). */
struct measurement {
    const struct orr_probe *probe;
    struct linear_question question;
    double *truth[2], *predicted[2];
    double *replicate; /* (n_targets, DRAWS) */
    struct linear_resampler resampler;
};

static void linear_destroy(struct orr_probe *probe)
{
    if (!probe) return;
    host->dealloc(probe->targets);
    host->dealloc(probe->sites);
    host->dealloc(probe);
}

static orr_status linear_create(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    *out = NULL;
    const int positions = linear_one_of(host, "positions", param[POSITIONS].s, "all", "last", err);
    const int precision =
        positions < 0 ? -1 : linear_one_of(host, "precision", param[PRECISION].s, "double", "single", err);
    if (precision < 0) return ORR_EINVAL;

    struct orr_probe *probe = linear_alloc(host, 1, sizeof *probe);
    if (!probe) return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    *probe = (struct orr_probe){
        .cut = param[CUT].r,
        .windows = (uint64_t)param[WINDOWS].i,
        .positions = positions == 0 ? ORR_ALL_POSITIONS : ORR_LAST_POSITION,
        .single = precision == 1,
        .targets = linear_copy(host, param[TARGETS].s),
        .sites = linear_copy(host, param[SITES].s),
    };
    if (!probe->targets || !probe->sites) {
        linear_destroy(probe);
        return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    }
    *out = probe;
    return ORR_OK;
}

static orr_status gather_targets(struct measurement *m, int split, struct orr_error *err)
{
    struct linear_question *q = &m->question;
    const orr_status status = linear_question_targets(q, split, &m->truth[split], err);
    if (status != ORR_OK) return status;
    const uint64_t numbers = q->rows[split] * q->n_targets;
    for (uint64_t i = 0; m->probe->single && i < numbers; ++i)
        m->truth[split][i] = (double)(float)m->truth[split][i];
    m->predicted[split] = linear_alloc(host, numbers, sizeof(double));
    return m->predicted[split] ? ORR_OK : linear_no_room(q, split, err);
}

static orr_status measurement_init(struct measurement *m, struct orr_error *err)
{
    struct linear_question *q = &m->question;
    orr_status status = linear_question_init(q, err);
    for (int split = 0; split < 2 && status == ORR_OK; ++split)
        status = gather_targets(m, split, err);
    if (status != ORR_OK) return status;

    struct orr_matrix trajectory;
    status = linear_question_column(q, "trajectory", ORR_HELD_OUT, &trajectory, err);
    if (status == ORR_OK) status = linear_resampler_init(&m->resampler, host, &trajectory, DRAWS, err);
    m->replicate = linear_alloc(host, (uint64_t)q->n_targets * DRAWS, sizeof *m->replicate);
    if (status == ORR_OK && !m->replicate) return host->fail(err, ORR_ENOMEM, "linear: out of memory");
    return status;
}

static void measurement_fini(struct measurement *m)
{
    for (int split = 0; split < 2; ++split) {
        host->dealloc(m->truth[split]);
        host->dealloc(m->predicted[split]);
    }
    host->dealloc(m->replicate);
    linear_question_fini(&m->question);
    linear_resampler_fini(&m->resampler);
}

static orr_status emit_site(const struct measurement *m, const char *site, struct orr_error *err)
{
    const struct linear_question *q = &m->question;
    for (uint32_t t = 0; t < q->n_targets; ++t)
        for (int split = 0; split < 2; ++split) {
            const uint64_t rows = q->rows[split];
            const struct orr_finding finding = {
                .size = sizeof finding,
                .quantity = m->probe->single ? "r2_single" : "r2",
                .site = site,
                .target = q->target[t],
                .unit = "1",
                .split = (enum orr_split)split,
                .value = linear_r2(m->truth[split] + t * rows, m->predicted[split] + t * rows, rows),
                /* In-sample the fit itself would have to be resampled. */
                .uncertainty =
                    split == ORR_HELD_OUT ? linear_spread(m->replicate + (uint64_t)t * DRAWS, DRAWS) : (double)NAN,
                .n = (int64_t)rows,
            };
            const orr_status status = q->study->emit(q->study->state, &finding, err);
            if (status != ORR_OK) return status;
        }
    return ORR_OK;
}

static orr_status measure_site(struct measurement *m, const char *site, struct orr_error *err)
{
    const struct linear_question *q = &m->question;
    struct linear_problem problem = {
        .site = site, .target = m->truth[ORR_TRAIN], .n_targets = q->n_targets, .cut = m->probe->cut};
    struct linear_rank rank;

    orr_status status = linear_question_features(q, site, problem.features, err);
    if (status != ORR_OK) return status;
    status = (m->probe->single ? linear_solve_single : linear_solve_double)(host, &problem, m->predicted, &rank, err);
    if (status != ORR_OK) return status;
    host->log(ORR_LOG_DEBUG, "linear", "%s: rank %u of %u varying features (%llu in all), %llu rows", site, rank.kept,
              rank.features, (unsigned long long)problem.features[0].cols, (unsigned long long)q->rows[ORR_TRAIN]);
    linear_warn_few_rows(host, site, q->rows[ORR_TRAIN], rank.features);

    status = linear_resampler_replicates(&m->resampler, m->truth[ORR_HELD_OUT], m->predicted[ORR_HELD_OUT],
                                         q->n_targets, m->replicate, err);
    return status == ORR_OK ? emit_site(m, site, err) : status;
}

static orr_status linear_measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    struct measurement m = {.probe = probe,
                            .question = {.host = host,
                                         .study = study,
                                         .targets = probe->targets,
                                         .sites = probe->sites,
                                         .windows = probe->windows,
                                         .positions = probe->positions,
                                         .largest = probe->single ? (double)FLT_MAX : DBL_MAX}};
    orr_status status = measurement_init(&m, err);
    for (uint32_t i = 0; i < study->n_sites && status == ORR_OK; ++i)
        if (m.question.site_chosen[i]) status = measure_site(&m, study->sites[i], err);
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
    .source = "Alain and Bengio 2016, arXiv:1610.01644; LAPACK dgesdd",
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
