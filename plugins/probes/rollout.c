/* Probe `rollout`: how far does the model wander when it is fed its own predictions?
 *
 * In: whole trajectories and the model. Out: findings of the Euclidean distance to the truth, and its curve over the
 * generated points. The evaluation of arXiv:2602.06923: 50 points given, 50 generated.
 */
#include "orrery/plugin.h"
#include "orrery/probe.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Set whenever the module is queried, which several threads may do. */
static const struct orr_host *_Atomic host;

enum { CONDITION, HORIZON, TRAJECTORIES, SPLIT };

static const struct orr_param rollout_params[] = {
    {"condition", ORR_PARAM_INT, "50", 1, 1e6, "1", "Points of each trajectory that the model is given."},
    {"horizon", ORR_PARAM_INT, "50", 1, 1e6, "1", "Points that it generates after them."},
    {"trajectories", ORR_PARAM_INT, "500", 1, 1e6, "1", "Trajectories of the split that are rolled out."},
    {"split", ORR_PARAM_STRING, "held_out", 0, 0, "1", "Which trajectories: held_out, train or both."},
    {.type = ORR_PARAM_END},
};

struct orr_probe {
    uint32_t condition, horizon, trajectories;
    bool split[2];
};

/* One split. A path is the given points followed by the generated ones. */
struct rollout {
    const struct orr_study *study;
    enum orr_split split;
    uint32_t condition, horizon, n; /* n trajectories */
    double *path;                   /* (n, condition + horizon, n_observed) */
    double *input, *prediction;     /* (n, up to context, n_observed) */
    double *distance;               /* (horizon, n) */
    double *mean;                   /* (n): of each trajectory over the horizon */
    double *curve;                  /* (horizon, 3): step of the trajectory, mean, median */
};

struct summary {
    double mean, median, mean_error, median_error;
};

static void *alloc_doubles(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t count;
    if (__builtin_mul_overflow(a, b, &count) || __builtin_mul_overflow(count, c, &count) ||
        __builtin_mul_overflow(count, sizeof(double), &count))
        return NULL;
    return host->alloc(count, 64);
}

static orr_status rollout_create(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    *out = NULL;
    const char *split = param[SPLIT].s;
    const bool both = strcmp(split, "both") == 0;
    const bool train = both || strcmp(split, "train") == 0;
    const bool held_out = both || strcmp(split, "held_out") == 0;
    if (!train && !held_out)
        return host->fail(err, ORR_EINVAL, "rollout: split is \"%s\": give held_out, train or both", split);

    struct orr_probe *probe = host->alloc(sizeof *probe, _Alignof(struct orr_probe));
    if (!probe) return host->fail(err, ORR_ENOMEM, "rollout: out of memory");
    *probe = (struct orr_probe){
        .condition = (uint32_t)param[CONDITION].i,
        .horizon = (uint32_t)param[HORIZON].i,
        .trajectories = (uint32_t)param[TRAJECTORIES].i,
        .split = {[ORR_TRAIN] = train, [ORR_HELD_OUT] = held_out},
    };
    *out = probe;
    return ORR_OK;
}

static void rollout_destroy(struct orr_probe *probe) { host->dealloc(probe); }

/* Append one predicted point to every path: the last `context` points go in, the last prediction is taken. */
static orr_status rollout_step(struct rollout *r, uint32_t step, struct orr_error *err)
{
    const struct orr_study *study = r->study;
    const uint64_t width = study->n_observed, length = (uint64_t)r->condition + r->horizon;
    const uint64_t given = (uint64_t)r->condition + step;
    const uint64_t window = given < study->context ? given : study->context;

    for (uint64_t k = 0; k < r->n; ++k)
        memcpy(r->input + k * window * width, r->path + (k * length + given - window) * width,
               window * width * sizeof(double));
    const orr_status status =
        study->forward(study->state, r->input, r->n, (uint32_t)window, NULL, 0, r->prediction, err);
    if (status != ORR_OK) return status;
    for (uint64_t k = 0; k < r->n; ++k) {
        const double *last = r->prediction + (k * window + window - 1) * width;
        for (uint64_t d = 0; d < width; ++d)
            if (!isfinite(last[d]))
                return host->fail(
                    err, ORR_ENUMERIC,
                    "rollout: the prediction of point %llu (generated point %u) of trajectory %llu is %g, "
                    "expected a finite number: the model diverges or was not trained",
                    (unsigned long long)given, step + 1, (unsigned long long)k, last[d]);
        memcpy(r->path + (k * length + given) * width, last, width * sizeof(double));
    }
    return ORR_OK;
}

static orr_status rollout_distances(struct rollout *r, const struct orr_matrix *truth, uint32_t step,
                                    struct orr_error *err)
{
    const uint64_t width = r->study->n_observed, length = (uint64_t)r->condition + r->horizon;
    const uint64_t point = (uint64_t)r->condition + step;
    for (uint64_t k = 0; k < r->n; ++k) {
        const double *is = r->path + (k * length + point) * width;
        const double *should = truth->data + (k * r->study->n_steps + point) * width;
        double distance = 0;
        /* hypot: a model that runs away must not overflow in the squares. */
        for (uint64_t d = 0; d < width; ++d)
            distance = hypot(distance, is[d] - should[d]);
        if (!isfinite(distance))
            return host->fail(err, ORR_ENUMERIC,
                              "rollout: point %llu of trajectory %llu is at no finite distance from "
                              "the truth: check the simulator's trajectories",
                              (unsigned long long)point, (unsigned long long)k);
        r->distance[step * (uint64_t)r->n + k] = distance;
    }
    return ORR_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts value. The median's error is half the width of its distribution-free 68 % interval (David and Nagaraja 2003,
 * Order Statistics, section 7.1). */
static struct summary summarise(double *value, uint32_t n)
{
    struct summary s = {.mean_error = (double)NAN, .median_error = (double)NAN};
    double square = 0;

    qsort(value, n, sizeof *value, compare_doubles);
    for (uint32_t i = 0; i < n; ++i)
        s.mean += value[i] / n;
    for (uint32_t i = 0; i < n; ++i)
        square += (value[i] - s.mean) * (value[i] - s.mean);
    s.median = (value[(n - 1) / 2] + value[n / 2]) / 2;
    if (n >= 2) s.mean_error = sqrt(square / (n - 1) / n);
    const double below = (n - sqrt(n)) / 2 - 1, above = (n + sqrt(n)) / 2;
    if (below >= 0 && above <= n - 1) s.median_error = (value[(uint32_t)above] - value[(uint32_t)below]) / 2;
    return s;
}

static orr_status emit(const struct rollout *r, const char *quantity, double value, double uncertainty,
                       struct orr_error *err)
{
    const struct orr_study *study = r->study;
    const struct orr_finding finding = {
        .size = sizeof finding,
        .quantity = quantity,
        .site = "",
        .target = "",
        .unit = study->n_columns > 0 ? study->columns[0].unit : "1",
        .split = r->split,
        .value = value,
        .uncertainty = uncertainty,
        .n = r->n,
    };
    return study->emit(study->state, &finding, err);
}

/* Findings and curve from the distances. */
static orr_status rollout_report(struct rollout *r, struct orr_error *err)
{
    struct summary first = {0}, last = {0};
    memset(r->mean, 0, r->n * sizeof *r->mean);
    for (uint32_t step = 0; step < r->horizon; ++step) {
        double *row = r->distance + step * (uint64_t)r->n;
        for (uint32_t k = 0; k < r->n; ++k)
            r->mean[k] += row[k] / r->horizon;
        last = summarise(row, r->n);
        if (step == 0) first = last;
        const double point[3] = {(double)r->condition + step, last.mean, last.median};
        memcpy(r->curve + 3 * (uint64_t)step, point, sizeof point);
    }
    const struct summary whole = summarise(r->mean, r->n);

    orr_status status = emit(r, "rollout_error", whole.mean, whole.mean_error, err);
    if (status == ORR_OK) status = emit(r, "rollout_error_median", whole.median, whole.median_error, err);
    if (status == ORR_OK) status = emit(r, "rollout_error_first", first.mean, first.mean_error, err);
    if (status == ORR_OK) status = emit(r, "rollout_error_last", last.mean, last.mean_error, err);
    if (status != ORR_OK || !ORR_HAS(r->study, save)) return status;
    return r->study->save(r->study->state, r->split == ORR_TRAIN ? "rollout_curve_train" : "rollout_curve",
                          (struct orr_matrix){r->curve, r->horizon, 3}, err);
}

static orr_status rollout_init(struct rollout *r, const struct orr_matrix *truth, struct orr_error *err)
{
    const struct orr_study *study = r->study;
    const uint64_t length = (uint64_t)r->condition + r->horizon, width = study->n_observed;
    const uint64_t window = length < study->context ? length : study->context;

    r->path = alloc_doubles(r->n, length, width);
    r->input = alloc_doubles(r->n, window, width);
    r->prediction = alloc_doubles(r->n, window, width);
    r->distance = alloc_doubles(r->n, r->horizon, 1);
    r->mean = alloc_doubles(r->n, 1, 1);
    r->curve = alloc_doubles(r->horizon, 3, 1);
    if (!r->path || !r->input || !r->prediction || !r->distance || !r->mean || !r->curve)
        return host->fail(err, ORR_ENOMEM,
                          "rollout: out of memory for %u trajectories of %llu points: lower trajectories", r->n,
                          (unsigned long long)length);
    for (uint64_t k = 0; k < r->n; ++k)
        memcpy(r->path + k * length * width, truth->data + k * study->n_steps * width,
               r->condition * width * sizeof(double));
    return ORR_OK;
}

static void rollout_fini(struct rollout *r)
{
    host->dealloc(r->path);
    host->dealloc(r->input);
    host->dealloc(r->prediction);
    host->dealloc(r->distance);
    host->dealloc(r->mean);
    host->dealloc(r->curve);
}

/* A split may hold fewer trajectories than were asked for: then those it has are used, and the log says so. */
static orr_status fetch_truth(const struct orr_probe *probe, const struct orr_study *study, enum orr_split split,
                              struct orr_matrix *truth, struct orr_error *err)
{
    const orr_status status = study->trajectories(study->state, split, 0, probe->trajectories, truth, err);
    if (status != ORR_OK) return status;
    const uint64_t n = truth->rows / study->n_steps;
    if (truth->cols != study->n_observed || n == 0 || n > probe->trajectories || truth->rows != n * study->n_steps)
        return host->fail(err, ORR_ESHAPE,
                          "rollout: the study returned %llu x %llu numbers for %u trajectories of %u steps and %u "
                          "observed columns",
                          (unsigned long long)truth->rows, (unsigned long long)truth->cols, probe->trajectories,
                          study->n_steps, study->n_observed);
    if (n < probe->trajectories)
        host->log(ORR_LOG_WARN, "rollout", "only %llu %s trajectories of the %u asked for exist: using those",
                  (unsigned long long)n, split == ORR_TRAIN ? "training" : "held-out", probe->trajectories);
    return ORR_OK;
}

static orr_status measure_split(const struct orr_probe *probe, const struct orr_study *study, enum orr_split split,
                                struct orr_error *err)
{
    struct orr_matrix truth;
    orr_status status = fetch_truth(probe, study, split, &truth, err);
    if (status != ORR_OK) return status;
    struct rollout r = {
        .study = study,
        .split = split,
        .condition = probe->condition,
        .horizon = probe->horizon,
        .n = (uint32_t)(truth.rows / study->n_steps),
    };

    status = rollout_init(&r, &truth, err);
    for (uint32_t step = 0; step < r.horizon && status == ORR_OK; ++step) {
        status = rollout_step(&r, step, err);
        if (status == ORR_OK) status = rollout_distances(&r, &truth, step, err);
    }
    if (status == ORR_OK) status = rollout_report(&r, err);
    rollout_fini(&r);
    return status;
}

static orr_status rollout_measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    if (!ORR_HAS(study, forward) || !ORR_HAS(study, trajectories))
        return host->fail(err, ORR_EUNSUPPORTED,
                          "rollout: this study cannot run the model forward on whole trajectories: use it on a trained "
                          "model with its simulator");
    if (study->context == 0 || study->n_observed == 0 || study->n_steps == 0)
        return host->fail(err, ORR_ESHAPE,
                          "rollout: context %u, %u observed columns, %u steps: each must be at least 1", study->context,
                          study->n_observed, study->n_steps);
    if ((uint64_t)probe->condition + probe->horizon > study->n_steps)
        return host->fail(
            err, ORR_EINVAL,
            "rollout: condition %u + horizon %u is longer than a trajectory (%u steps): lower one of them "
            "or raise data.steps",
            probe->condition, probe->horizon, study->n_steps);
    for (int split = 0; split < 2; ++split)
        if (probe->split[split]) {
            const orr_status status = measure_split(probe, study, (enum orr_split)split, err);
            if (status != ORR_OK) return status;
        }
    return ORR_OK;
}

static const struct orr_probe_ops rollout_ops = {
    .size = sizeof(struct orr_probe_ops),
    .create = rollout_create,
    .destroy = rollout_destroy,
    .measure = rollout_measure,
};

static const struct orr_plugin rollout_plugin = {
    .name = "rollout",
    .version = "0.1.0",
    .summary = "distance to the truth when the model is fed its own predictions",
    .source = "arXiv:2602.06923",
    .license = "MIT",
    .params = rollout_params,
    .ops = &rollout_ops,
    ORR_PLUGIN_HEAD(ORR_PROBE),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *from)
{
    host = from;
    return &rollout_plugin;
}
