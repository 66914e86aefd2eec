/* Probe `selected_linear`: can a quantity be read off by a linear map, if the way of reading is not chosen on the rows
 * that judge it?
 *
 * In: activations and columns. Three sets of trajectories, no two of which share one: most of the training split fits
 * the map, every fifth of it (`validation_every`) chooses the cut and the site for each target, the held-out split
 * scores the choice. Out: findings whose split is `train` for the trajectories that choose and `held_out` for those
 * that score: `r2_cut_<cut>` of every cut and site, `r2` of every site at its own best cut (`cut`), `r2_selected` of
 * the site that was best. Fits in double on standardised features. Hastie, Tibshirani and Friedman 2009, chapter 7.2.
 */
#include "least_squares.h"
#include "question.h"
#include "score.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Set whenever the module is queried, which several threads may do. */
static const struct orr_host *_Atomic host;

enum { CUTS, VALIDATION_EVERY, DRAWS, SHUFFLE, POSITIONS, TARGETS, SITES, WINDOWS };

static const struct orr_param selected_params[] = {
    {"cuts", ORR_PARAM_STRING, "1e-2,1e-3,1e-4,1e-5,1e-6", 0, 0, "1",
     "Cuts to choose from, separated by commas: singular values of the standardised features at or below this fraction "
     "of the largest are dropped. Of cuts that choose equally well the first one is taken."},
    {"validation_every", ORR_PARAM_INT, "5", 2, 1e6, "1",
     "One in so many trajectories of the training split chooses, the others fit."},
    {"draws", ORR_PARAM_INT, "1000", 2, 1e6, "1", "Bootstrap draws of the trajectories that score."},
    {"shuffle", ORR_PARAM_BOOL, "false", 0, 0, "1",
     "Control: the targets of each set change places among its rows, so that there is nothing to be read."},
    {"positions", ORR_PARAM_STRING, "last", 0, 0, "1", "Positions of a window that are probed: last or all."},
    {"targets", ORR_PARAM_STRING, "", 0, 0, "1",
     "Columns to predict, names or globs separated by commas; empty: all but trajectory and step."},
    {"sites", ORR_PARAM_STRING, "", 0, 0, "1",
     "Sites to choose from, names or globs separated by commas; empty: every site of the study."},
    {"windows", ORR_PARAM_INT, "0", 0, 1e8, "1",
     "Windows of each split that are used, the first ones of the study; 0: all of them."},
    {.type = ORR_PARAM_END},
};

enum { CUTS_MAX = 16, CUT_SIZE = 16 };

struct orr_probe {
    double cut[CUTS_MAX];
    char cut_text[CUTS_MAX][CUT_SIZE]; /* as it was written */
    uint32_t n_cuts, n_draws;
    uint64_t validation_every, windows;
    enum orr_positions positions;
    bool shuffle;
    char *targets, *sites;
};

enum set { FIT, CHOOSE, SCORE, SETS };

/* The best reading of a target that is known so far. */
struct choice {
    uint32_t site, cut;
    double r2[2]; /* by split: of the trajectories that choose, of those that score */
};

struct measurement {
    const struct orr_probe *probe;
    struct linear_question question;
    uint64_t *row[2];                     /* of the training split: FIT and CHOOSE */
    uint64_t rows[SETS];                  /* in each set */
    double *truth[SETS];                  /* (n_targets, rows) */
    double *predicted[SETS];              /* (n_targets, rows), of CHOOSE and SCORE */
    double *best;                         /* (n_targets, rows of SCORE): predictions at the cut that was chosen */
    double *replicate, *chosen_replicate; /* (n_targets, n_draws): of this site, of the site that was chosen */
    struct choice *here, *chosen;         /* (n_targets) */
    struct linear_resampler resampler;
};

/* ---- life ---- */

static void selected_destroy(struct orr_probe *probe)
{
    if (!probe) return;
    host->dealloc(probe->targets);
    host->dealloc(probe->sites);
    host->dealloc(probe);
}

static orr_status read_cut(struct orr_probe *probe, const char *text, size_t length, struct orr_error *err)
{
    char *end;
    if (probe->n_cuts == CUTS_MAX || length >= CUT_SIZE)
        return host->fail(err, ORR_EINVAL, "selected_linear: cuts has more than %d entries, or one of %d characters",
                          CUTS_MAX, CUT_SIZE);
    char *copy = probe->cut_text[probe->n_cuts];
    memcpy(copy, text, length);
    copy[length] = '\0';
    const double cut = strtod(copy, &end);
    if (*end || !(cut >= 0) || !(cut < 1) || copy[strspn(copy, "0123456789.eE+-")])
        return host->fail(err, ORR_EINVAL, "selected_linear: \"%s\" in cuts is no number from 0 to below 1", copy);
    for (uint32_t i = 0; i < probe->n_cuts; ++i)
        if (!(probe->cut[i] < cut) && !(probe->cut[i] > cut))
            return host->fail(err, ORR_EINVAL, "selected_linear: cuts has %s twice", copy);
    probe->cut[probe->n_cuts++] = cut;
    return ORR_OK;
}

static orr_status read_cuts(struct orr_probe *probe, const char *list, struct orr_error *err)
{
    while (*(list += strspn(list, ", \t"))) {
        const size_t length = strcspn(list, ", \t");
        const orr_status status = read_cut(probe, list, length, err);
        if (status != ORR_OK) return status;
        list += length;
    }
    return probe->n_cuts ? ORR_OK : host->fail(err, ORR_EINVAL, "selected_linear: cuts is empty: give at least one");
}

static orr_status selected_create(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    *out = NULL;
    const int positions = linear_one_of(host, "positions", param[POSITIONS].s, "all", "last", err);
    if (positions < 0) return ORR_EINVAL;
    struct orr_probe *probe = linear_alloc(host, 1, sizeof *probe);
    if (!probe) return host->fail(err, ORR_ENOMEM, "selected_linear: out of memory");
    *probe = (struct orr_probe){
        .n_draws = (uint32_t)param[DRAWS].i,
        .validation_every = (uint64_t)param[VALIDATION_EVERY].i,
        .windows = (uint64_t)param[WINDOWS].i,
        .positions = positions == 0 ? ORR_ALL_POSITIONS : ORR_LAST_POSITION,
        .shuffle = param[SHUFFLE].b,
        .targets = linear_copy(host, param[TARGETS].s),
        .sites = linear_copy(host, param[SITES].s),
    };
    orr_status status = probe->targets && probe->sites ? read_cuts(probe, param[CUTS].s, err)
                                                       : host->fail(err, ORR_ENOMEM, "selected_linear: out of memory");
    if (status == ORR_OK)
        *out = probe;
    else
        selected_destroy(probe);
    return status;
}

/* ---- three sets of trajectories ---- */

/* The last of every `validation_every` trajectories, by number: all rows of one fall into one set. */
static bool chooses(const struct orr_probe *probe, double trajectory)
{
    return (uint64_t)trajectory % probe->validation_every == probe->validation_every - 1;
}

static orr_status split_rows(struct measurement *m, struct orr_error *err)
{
    struct linear_question *q = &m->question;
    struct orr_matrix trajectory;
    const orr_status status = linear_question_column(q, "trajectory", ORR_TRAIN, &trajectory, err);
    if (status != ORR_OK) return status;
    for (int set = FIT; set <= CHOOSE; ++set) {
        m->row[set] = linear_alloc(host, trajectory.rows, sizeof *m->row[set]);
        if (!m->row[set]) return linear_no_room(q, ORR_TRAIN, err);
    }
    for (uint64_t i = 0; i < trajectory.rows; ++i) {
        const int set = chooses(m->probe, trajectory.data[i]) ? CHOOSE : FIT;
        m->row[set][m->rows[set]++] = i;
    }
    m->rows[SCORE] = q->rows[ORR_HELD_OUT];
    if (m->rows[FIT] < 2 || m->rows[CHOOSE] < 2)
        return host->fail(err, ORR_EINVAL,
                          "selected_linear: of %llu training rows %llu fit and %llu choose, and each takes 2 or more: "
                          "probe more windows, or change validation_every (%llu)",
                          (unsigned long long)trajectory.rows, (unsigned long long)m->rows[FIT],
                          (unsigned long long)m->rows[CHOOSE], (unsigned long long)m->probe->validation_every);
    return ORR_OK;
}

/* Let the rows of a set change places, all targets alike (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 P).
 */
static void shuffle(double *truth, uint64_t rows, uint32_t n_targets, int set)
{
    const uint32_t key[2] = {UINT32_C(0x73656C65), UINT32_C(0x63746564)};
    for (uint64_t i = rows - 1; i > 0; --i) {
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)set, 0};
        uint32_t word[4];
        host->philox(key, counter, word);
        const uint64_t other = (word[0] * (i + 1)) >> 32; /* rows are fewer than 2^31 */
        for (uint32_t t = 0; t < n_targets; ++t) {
            const double kept = truth[t * rows + i];
            truth[t * rows + i] = truth[t * rows + other];
            truth[t * rows + other] = kept;
        }
    }
}

static orr_status gather_truth(struct measurement *m, struct orr_error *err)
{
    struct linear_question *q = &m->question;
    double *training;
    orr_status status = linear_question_targets(q, ORR_TRAIN, &training, err);
    if (status == ORR_OK) status = linear_question_targets(q, ORR_HELD_OUT, &m->truth[SCORE], err);
    if (status == ORR_OK) status = split_rows(m, err);
    for (int set = FIT; set <= CHOOSE && status == ORR_OK; ++set) {
        m->truth[set] = linear_alloc(host, m->rows[set] * q->n_targets, sizeof(double));
        if (!m->truth[set]) status = linear_no_room(q, ORR_TRAIN, err);
        for (uint32_t t = 0; t < q->n_targets && status == ORR_OK; ++t)
            for (uint64_t i = 0; i < m->rows[set]; ++i)
                m->truth[set][t * m->rows[set] + i] = training[t * q->rows[ORR_TRAIN] + m->row[set][i]];
    }
    host->dealloc(training);
    for (int set = FIT; m->probe->shuffle && set < SETS && status == ORR_OK; ++set)
        shuffle(m->truth[set], m->rows[set], q->n_targets, set);
    return status;
}

static orr_status measurement_init(struct measurement *m, struct orr_error *err)
{
    struct linear_question *q = &m->question;
    struct orr_matrix trajectory;
    orr_status status = linear_question_init(q, err);
    if (status == ORR_OK) status = gather_truth(m, err);
    if (status == ORR_OK) status = linear_question_column(q, "trajectory", ORR_HELD_OUT, &trajectory, err);
    if (status == ORR_OK) status = linear_resampler_init(&m->resampler, host, &trajectory, m->probe->n_draws, err);
    if (status != ORR_OK) return status;
    const uint64_t targets = q->n_targets;
    for (int set = CHOOSE; set <= SCORE; ++set)
        m->predicted[set] = linear_alloc(host, targets * m->rows[set], sizeof(double));
    m->best = linear_alloc(host, targets * m->rows[SCORE], sizeof(double));
    m->replicate = linear_alloc(host, targets * m->probe->n_draws, sizeof(double));
    m->chosen_replicate = linear_alloc(host, targets * m->probe->n_draws, sizeof(double));
    m->here = linear_alloc(host, targets, sizeof *m->here);
    m->chosen = linear_alloc(host, targets, sizeof *m->chosen);
    if (m->predicted[CHOOSE] && m->predicted[SCORE] && m->best && m->replicate && m->chosen_replicate && m->here &&
        m->chosen)
        return ORR_OK;
    return linear_no_room(q, ORR_HELD_OUT, err);
}

static void measurement_fini(struct measurement *m)
{
    for (int set = 0; set < SETS; ++set) {
        host->dealloc(m->truth[set]);
        host->dealloc(m->predicted[set]);
    }
    host->dealloc(m->row[FIT]);
    host->dealloc(m->row[CHOOSE]);
    host->dealloc(m->best);
    host->dealloc(m->replicate);
    host->dealloc(m->chosen_replicate);
    host->dealloc(m->here);
    host->dealloc(m->chosen);
    linear_question_fini(&m->question);
    linear_resampler_fini(&m->resampler);
}

/* ---- findings ---- */

/* replicate NULL: no uncertainty. */
static orr_status emit(const struct measurement *m, const char *quantity, uint32_t site, uint32_t target,
                       enum orr_split split, double value, const double *replicate, struct orr_error *err)
{
    const struct orr_study *study = m->question.study;
    const uint32_t draws = m->probe->n_draws;
    const struct orr_finding finding = {
        .size = sizeof finding,
        .quantity = quantity,
        .site = study->sites[site],
        .target = m->question.target[target],
        .unit = "1",
        .split = split,
        .value = value,
        .uncertainty = replicate ? linear_spread(replicate, draws) : (double)NAN,
        .n = (int64_t)m->rows[split == ORR_TRAIN ? CHOOSE : SCORE],
        .replicates = replicate,
        .n_replicates = replicate ? draws : 0,
    };
    return study->emit(study->state, &finding, err);
}

static orr_status emit_choice(const struct measurement *m, const char *suffix, const struct choice *c, uint32_t target,
                              const double *replicate, struct orr_error *err)
{
    char r2[16], cut[16];
    snprintf(r2, sizeof r2, "r2%s", suffix);
    snprintf(cut, sizeof cut, "cut%s", suffix);
    orr_status status = emit(m, r2, c->site, target, ORR_TRAIN, c->r2[ORR_TRAIN], NULL, err);
    if (status == ORR_OK) status = emit(m, r2, c->site, target, ORR_HELD_OUT, c->r2[ORR_HELD_OUT], replicate, err);
    if (status == ORR_OK) status = emit(m, cut, c->site, target, ORR_TRAIN, m->probe->cut[c->cut], NULL, err);
    return status;
}

/* ---- fitting and choosing ---- */

/* One that cannot be scored is never better. */
static bool is_better(const struct choice *a, const struct choice *b)
{
    return a->r2[ORR_TRAIN] > b->r2[ORR_TRAIN] || (isnan(b->r2[ORR_TRAIN]) && !isnan(a->r2[ORR_TRAIN]));
}

static orr_status try_cut(struct measurement *m, const struct linear_fit *fit, uint32_t site, uint32_t cut,
                          const struct orr_matrix x[SETS], struct orr_error *err)
{
    char quantity[32];
    orr_status status = ORR_OK;
    snprintf(quantity, sizeof quantity, "r2_cut_%s", m->probe->cut_text[cut]);
    for (int set = CHOOSE; set <= SCORE && status == ORR_OK; ++set)
        status = linear_fit_predict(fit, m->probe->cut[cut], &x[set], m->predicted[set], err);
    for (uint32_t t = 0; t < m->question.n_targets && status == ORR_OK; ++t) {
        struct choice c = {.site = site, .cut = cut};
        for (int set = CHOOSE; set <= SCORE; ++set) {
            const uint64_t first = t * m->rows[set];
            c.r2[set == CHOOSE ? ORR_TRAIN : ORR_HELD_OUT] =
                linear_r2(m->truth[set] + first, m->predicted[set] + first, m->rows[set]);
        }
        status = emit(m, quantity, site, t, ORR_TRAIN, c.r2[ORR_TRAIN], NULL, err);
        if (status == ORR_OK) status = emit(m, quantity, site, t, ORR_HELD_OUT, c.r2[ORR_HELD_OUT], NULL, err);
        if (cut > 0 && !is_better(&c, &m->here[t])) continue;
        m->here[t] = c;
        memcpy(m->best + t * m->rows[SCORE], m->predicted[SCORE] + t * m->rows[SCORE],
               m->rows[SCORE] * sizeof *m->best);
    }
    return status;
}

/* The site at its best cuts, and whether it is the best site so far. */
static orr_status settle_site(struct measurement *m, bool first, struct orr_error *err)
{
    const uint64_t draws = m->probe->n_draws;
    orr_status status =
        linear_resampler_replicates(&m->resampler, m->truth[SCORE], m->best, m->question.n_targets, m->replicate, err);
    for (uint32_t t = 0; t < m->question.n_targets && status == ORR_OK; ++t) {
        const double *replicate = m->replicate + t * draws;
        status = emit_choice(m, "", &m->here[t], t, replicate, err);
        if (!first && !is_better(&m->here[t], &m->chosen[t])) continue;
        m->chosen[t] = m->here[t];
        memcpy(m->chosen_replicate + t * draws, replicate, draws * sizeof *replicate);
    }
    return status;
}

/* Rows of one set, side by side. */
static double *take_rows(const struct orr_matrix *from, const uint64_t *row, uint64_t rows)
{
    double *copy = linear_alloc(host, rows * from->cols, sizeof *copy);
    for (uint64_t i = 0; i < rows && copy; ++i)
        memcpy(copy + i * from->cols, from->data + row[i] * from->cols, from->cols * sizeof *copy);
    return copy;
}

static orr_status fit_site(struct measurement *m, uint32_t site, const struct orr_matrix x[SETS], struct orr_error *err)
{
    struct linear_fit fit;
    const char *name = m->question.study->sites[site];
    orr_status status = linear_fit_init(&fit, host, name, &x[FIT], m->truth[FIT], m->question.n_targets, err);
    if (status == ORR_OK) linear_warn_few_rows(host, name, m->rows[FIT], fit.n_features);
    for (uint32_t cut = 0; cut < m->probe->n_cuts && status == ORR_OK; ++cut)
        status = try_cut(m, &fit, site, cut, x, err);
    linear_fit_fini(&fit);
    return status;
}

static orr_status measure_site(struct measurement *m, uint32_t site, bool first, struct orr_error *err)
{
    struct orr_matrix split[2];
    orr_status status = linear_question_features(&m->question, m->question.study->sites[site], split, err);
    if (status != ORR_OK) return status;
    double *fitted = take_rows(&split[ORR_TRAIN], m->row[FIT], m->rows[FIT]);
    double *choosing = take_rows(&split[ORR_TRAIN], m->row[CHOOSE], m->rows[CHOOSE]);
    const struct orr_matrix x[SETS] = {{fitted, m->rows[FIT], split[ORR_TRAIN].cols},
                                       {choosing, m->rows[CHOOSE], split[ORR_TRAIN].cols},
                                       split[ORR_HELD_OUT]};
    status = fitted && choosing ? fit_site(m, site, x, err) : linear_no_room(&m->question, ORR_TRAIN, err);
    host->dealloc(fitted);
    host->dealloc(choosing);
    return status == ORR_OK ? settle_site(m, first, err) : status;
}

static orr_status measure_sites(struct measurement *m, struct orr_error *err)
{
    const struct linear_question *q = &m->question;
    bool first = true;
    orr_status status = ORR_OK;
    for (uint32_t site = 0; site < q->study->n_sites && status == ORR_OK; ++site) {
        if (!q->site_chosen[site]) continue;
        status = measure_site(m, site, first, err);
        first = false;
    }
    for (uint32_t t = 0; t < q->n_targets && status == ORR_OK; ++t)
        status =
            emit_choice(m, "_selected", &m->chosen[t], t, m->chosen_replicate + (uint64_t)t * m->probe->n_draws, err);
    return status;
}

static orr_status selected_measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    struct measurement m = {.probe = probe,
                            .question = {.host = host,
                                         .study = study,
                                         .targets = probe->targets,
                                         .sites = probe->sites,
                                         .windows = probe->windows,
                                         .positions = probe->positions,
                                         .largest = DBL_MAX}};
    orr_status status = measurement_init(&m, err);
    if (status == ORR_OK) status = measure_sites(&m, err);
    measurement_fini(&m);
    return status;
}

static const struct orr_probe_ops selected_ops = {
    .size = sizeof(struct orr_probe_ops),
    .create = selected_create,
    .destroy = selected_destroy,
    .measure = selected_measure,
};

static const struct orr_plugin selected_plugin = {
    .name = "selected_linear",
    .version = "0.1.0",
    .summary = "R^2 of a linear map, its cut and site chosen on trajectories of their own",
    .source = "Alain and Bengio 2016, arXiv:1610.01644; LAPACK dgesdd",
    .license = "MIT",
    .params = selected_params,
    .ops = &selected_ops,
    ORR_PLUGIN_HEAD(ORR_PROBE),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *from)
{
    host = from;
    return &selected_plugin;
}
