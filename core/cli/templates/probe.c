/* The probe `example`: is there one neuron that follows a quantity?
 *
 * For every site the neuron with the largest squared correlation with the target is chosen on training trajectories,
 * and its squared correlation on held-out ones is the finding.
 */
#include "orrery/probe.h"

#include <math.h>
#include <string.h>

static const struct orr_host *host; /* memory, errors and log of the engine */

enum { TARGET };

static const struct orr_param params[] = {
    [TARGET] = {"target", ORR_PARAM_STRING, "", 0, 0, "1", "Column of the simulator; empty: the first hidden one."},
    {.type = ORR_PARAM_END},
};

struct orr_probe {
    const char *target;
};

static orr_status create(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    *out = host->alloc(sizeof **out, 16);
    if (!*out) return host->fail(err, ORR_ENOMEM, "example: out of memory");
    (*out)->target = param[TARGET].s; /* lives as long as the probe */
    return ORR_OK;
}

static void destroy(struct orr_probe *probe) { host->dealloc(probe); }

/* Squared correlation of column j of a with the one column of b. */
static double correlation(const struct orr_matrix *a, uint64_t j, const struct orr_matrix *b)
{
    const double n = (double)a->rows;
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
    for (uint64_t r = 0; r < a->rows; ++r) {
        mean_a += a->data[r * a->cols + j] / n;
        mean_b += b->data[r] / n;
    }
    for (uint64_t r = 0; r < a->rows; ++r) {
        const double x = a->data[r * a->cols + j] - mean_a, y = b->data[r] - mean_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return aa > 0 && bb > 0 ? ab * ab / (aa * bb) : 0;
}

static uint64_t best_neuron(const struct orr_matrix *a, const struct orr_matrix *b)
{
    uint64_t best = 0;
    double most = -1;
    for (uint64_t j = 0; j < a->cols; ++j) {
        const double r2 = correlation(a, j, b);
        best = r2 > most ? j : best;
        most = fmax(r2, most);
    }
    return best;
}

/* One site. Matrices are borrowed until measure returns; their rows correspond. */
static orr_status measure_site(const struct orr_study *study, const char *site, const struct orr_field *target,
                               struct orr_error *err)
{
    struct orr_matrix activation, wanted;
    uint64_t neuron = 0;
    for (int split = ORR_TRAIN; split <= ORR_HELD_OUT; ++split) {
        const enum orr_split half = (enum orr_split)split;
        orr_status status = study->activations(study->state, site, half, ORR_ALL_POSITIONS, &activation, err);
        if (status == ORR_OK) status = study->column(study->state, target->name, half, ORR_ALL_POSITIONS, &wanted, err);
        if (status != ORR_OK) return status;
        if (half == ORR_TRAIN) neuron = best_neuron(&activation, &wanted);
    }
    const struct orr_finding finding = {.size = sizeof finding,
                                        .quantity = "best_neuron_r2",
                                        .site = site,
                                        .target = target->name,
                                        .unit = "1",
                                        .split = ORR_HELD_OUT,
                                        .value = correlation(&activation, neuron, &wanted),
                                        .uncertainty = NAN,
                                        .n = (int64_t)wanted.rows};
    return study->emit(study->state, &finding, err);
}

static orr_status measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    const struct orr_field *target = NULL;
    for (uint32_t k = 0; k < study->n_columns && !target; ++k)
        if (probe->target[0] ? strcmp(study->columns[k].name, probe->target) == 0 : k == study->n_observed)
            target = &study->columns[k];
    if (!target) return host->fail(err, ORR_EINVAL, "example: the simulator has no column \"%s\"", probe->target);
    for (uint32_t k = 0; k < study->n_sites; ++k) {
        const orr_status status = measure_site(study, study->sites[k], target, err);
        if (status != ORR_OK) return status;
    }
    return ORR_OK;
}

static const struct orr_probe_ops ops = {
    .size = sizeof ops,
    .create = create,
    .destroy = destroy,
    .measure = measure,
};

static const struct orr_plugin plugin = {
    .name = "example",
    .version = "0.1.0",
    .summary = "the one neuron that follows a quantity best",
    .source = "unknown",
    .license = "unknown",
    .params = params,
    .ops = &ops,
    ORR_PLUGIN_HEAD(ORR_PROBE),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
