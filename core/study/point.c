/* A point from beginning to end.
 *
 * Every probe runs on three networks: the same initialisation untrained; none, where the inputs themselves (and their
 * squares) stand for activations and the last point is repeated as the prediction; the trained one. All that can be
 * known without training comes first, so that no training is lost to a mistake in a probe.
 */
#include "study/point.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "io/file.h"
#include "study/given.h"
#include "study/origin.h"
#include "study/step_plan.h"
#include "study/study.h"
#include "train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct point {
    const struct orr_point_job *job;
    struct orr_dataset *data;
    struct orr_model model;
    struct orr_windows windows; /* of the training split */
    struct orr_parameters parameters;
    float *initial;
    struct orr_train_result trained;
    struct orr_sample *sample;
    struct orr_findings findings, evaluated; /* of the trained network at the end; after earlier steps */
    struct orr_findings rehearsed;           /* these only show what probes emit */
};

static void notice(const struct point *p, const char *what)
{
    if (p->job->notice) p->job->notice(p->job->context, what);
}

/* ---- data ---- */

static bool has_column(const struct orr_dataset *data, const char *name)
{
    const struct orr_field *const fields[] = {data->observed_field, data->hidden_field, data->constant_field};
    const uint32_t counts[] = {data->n_observed, data->n_hidden, data->n_constant};
    for (int k = 0; k < 3; ++k)
        for (uint32_t i = 0; i < counts[k]; ++i)
            if (strcmp(fields[k][i].name, name) == 0) return true;
    return false;
}

static orr_status unknown_target(const struct orr_dataset *data, const struct orr_recipe_score *score,
                                 const char *target, struct orr_error *err)
{
    const char *known[256];
    size_t n = 0;
    const struct orr_field *const fields[] = {data->observed_field, data->hidden_field, data->constant_field};
    const uint32_t counts[] = {data->n_observed, data->n_hidden, data->n_constant};
    for (int k = 0; k < 3; ++k)
        for (uint32_t i = 0; i < counts[k] && n < 256; ++i)
            known[n++] = fields[k][i].name;
    const char *near = orr_suggest(target, known, n);
    return orr_config_fail(score->node, err, ORR_EINVAL, "\"%s\" is not a column of %s%s%s%s", target, data->source,
                           near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static orr_status simulate(struct point *p, struct orr_error *err)
{
    const struct orr_recipe *recipe = p->job->recipe;
    notice(p, recipe->recording ? "reading" : "simulating");
    ORR_TRY(orr_recipe_dataset(recipe, p->job->threads, &p->data, err));
    for (size_t i = 0; i < recipe->n_scores; ++i)
        for (size_t t = 0; t < recipe->scores[i].n_targets; ++t)
            if (!has_column(p->data, recipe->scores[i].targets[t]))
                return unknown_target(p->data, &recipe->scores[i], recipe->scores[i].targets[t], err);
    ORR_TRY(orr_sample_create(p->data, (size_t)recipe->study.windows, &p->sample, err));
    return orr_windows_create(p->data, ORR_TRAIN, &p->windows, err);
}

/* ---- training ---- */

/* A step that does not fit is refused before the host sets anything aside for it. */
static orr_status check_fits(const struct orr_train_job *job, struct orr_error *err)
{
    struct orr_step_plan plan;
    const orr_status status = orr_step_plan_init(&plan, job, err);
    orr_step_plan_fini(&plan);
    return status;
}

static orr_status evaluate(void *context, uint64_t step, const float *parameters, struct orr_evaluated *out,
                           struct orr_error *err);

static struct orr_train_job train_job(struct point *p, const struct orr_train_config *config)
{
    const struct orr_point_job *job = p->job;
    return (struct orr_train_job){.device = job->device,
                                  .data = p->data,
                                  .windows = &p->windows,
                                  .model = &p->model,
                                  .config = config,
                                  .directory = job->directory,
                                  .recipe_hash = job->training_hash,
                                  .resume = job->resume,
                                  .stop = job->stop,
                                  .watch = job->watch,
                                  .watch_context = job->context,
                                  .evaluate = evaluate,
                                  .evaluate_context = p};
}

/* The network as training will begin with it. */
static orr_status initialise(struct point *p, struct orr_error *err)
{
    const struct orr_train_config config = orr_recipe_train(p->job->recipe);
    p->model = orr_recipe_model(p->job->recipe, p->data->n_observed);
    if (p->job->block_size) p->model.block_size = p->job->block_size;
    const struct orr_train_job job = train_job(p, &config);
    if (p->job->weights && p->windows.length > p->model.block_size)
        return orr_fail(err, ORR_EINVAL,
                        "windows of %u points are longer than block_size %" PRId64 " of %s: lower data.context",
                        (unsigned)p->windows.length, p->model.block_size, p->job->weights);
    ORR_TRY(orr_forward_check_logits(&p->model, p->windows.length, err));
    if (!p->job->weights) ORR_TRY(check_fits(&job, err));
    ORR_TRY(orr_model_parameters(&p->model, &p->parameters, err));
    ORR_TRY(orr_parameters_arrange(&p->parameters, config.decay_patterns, config.n_decay_patterns, err));
    const size_t n = (size_t)p->parameters.elements;
    p->initial = orr_memory_array(n, sizeof *p->initial);
    if (!p->initial) return orr_memory_out(err, "initial parameters", n * sizeof *p->initial);
    orr_parameters_initialise(&p->parameters, config.seed, p->initial);
    return ORR_OK;
}

/* Given weights take the place of trained ones. Before anything is measured, as they may not fit. */
static orr_status read_weights(struct point *p, struct orr_error *err)
{
    const size_t n = (size_t)p->parameters.elements;
    if (!p->job->weights) return ORR_OK;
    p->trained.trained = orr_memory_array(n, sizeof *p->trained.trained);
    if (!p->trained.trained) return orr_memory_out(err, "weights", n * sizeof *p->trained.trained);
    return orr_given_block(p->job->weights, &p->model, &p->parameters, p->trained.trained, err);
}

static orr_status train(struct point *p, struct orr_error *err)
{
    if (p->job->weights) return ORR_OK;
    const struct orr_train_config config = orr_recipe_train(p->job->recipe);
    const struct orr_train_job job = train_job(p, &config);
    notice(p, "training");
    return orr_train_run(&job, &p->trained, err);
}

/* ---- probing ---- */

/* What a loss is called in findings: clean, or as training saw it. */
static const char *loss_name(const struct point *p, bool clean)
{
    const enum orr_loss_kind kind = p->data->bins.count ? ORR_CROSS_ENTROPY : ORR_SQUARED_ERROR;
    return clean ? orr_loss_names[kind].clean : orr_loss_names[kind].training;
}

static orr_status add_loss(struct point *p, struct orr_findings *findings, const char *network, bool clean,
                           enum orr_split split, double value, size_t n, struct orr_error *err)
{
    char unit[ORR_LABEL_SIZE] = "nat";
    if (!p->data->bins.count) snprintf(unit, sizeof unit, "(%.50s)^2", p->data->observed_field[0].unit);
    const struct orr_finding finding = {.size = sizeof finding,
                                        .quantity = loss_name(p, clean),
                                        .site = "",
                                        .target = "",
                                        .unit = unit,
                                        .split = split,
                                        .value = value,
                                        .uncertainty = (double)NAN,
                                        .n = (int64_t)n};
    return orr_findings_add(findings, network, "loss", &finding, err);
}

/* Inputs without noise, windows of the sample. */
static orr_status add_clean_losses(struct point *p, struct orr_study_state *study, const char *network,
                                   struct orr_findings *findings, double loss[2], struct orr_error *err)
{
    for (int split = 0; split < 2; ++split) {
        ORR_TRY(orr_study_loss(study, (enum orr_split)split, &loss[split], err));
        ORR_TRY(add_loss(p, findings, network, true, (enum orr_split)split, loss[split], p->sample->count[split], err));
    }
    return ORR_OK;
}

/* And what training saw, with noise on the inputs; for repeating the last point its expectation, since the noise
 * (variance s^2, independent of the data) only adds s^2. Tokens have no noise. */
static orr_status measure_losses(struct point *p, struct orr_study_state *study, const struct orr_network *network,
                                 enum orr_network_kind kind, struct orr_error *err)
{
    const double noise = p->job->recipe->train.noise;
    double loss[2];
    ORR_TRY(add_clean_losses(p, study, network->name, &p->findings, loss, err));
    if (kind == ORR_NO_NETWORK)
        return add_loss(p, &p->findings, network->name, false, ORR_TRAIN, loss[ORR_TRAIN] + noise * noise,
                        p->sample->count[ORR_TRAIN], err);
    if (kind == ORR_UNTRAINED || p->job->weights) return ORR_OK;
    return add_loss(p, &p->findings, network->name, false, ORR_TRAIN, p->trained.final_loss, p->windows.count, err);
}

static orr_status run_probes(struct point *p, struct orr_study_state *study, enum orr_network_kind kind,
                             struct orr_findings *findings, struct orr_error *err)
{
    const struct orr_recipe *recipe = p->job->recipe;
    for (size_t i = 0; i < recipe->n_probes; ++i) {
        char what[160], after[40] = "";
        if (!recipe->probes[i].on_network[kind]) continue;
        if (findings == &p->evaluated) snprintf(after, sizeof after, " after step %" PRId64, findings->step);
        snprintf(what, sizeof what, "probe %.60s on network %s%s", recipe->probes[i].label, orr_network_names[kind],
                 after);
        notice(p, what);
        ORR_TRY(orr_study_measure(study, &recipe->probes[i], findings, err));
    }
    return ORR_OK;
}

static orr_status measure_all(struct point *p, struct orr_study_state *study, const struct orr_network *network,
                              enum orr_network_kind kind, struct orr_error *err)
{
    const int64_t trained = p->job->weights ? -1 : (int64_t)p->trained.steps;
    p->findings.step = kind == ORR_TRAINED ? trained : kind == ORR_UNTRAINED ? 0 : -1;
    ORR_TRY(measure_losses(p, study, network, kind, err));
    ORR_TRY(run_probes(p, study, kind, &p->findings, err));
    if (!p->job->recipe->study.save_activations) return ORR_OK;
    if (kind == ORR_TRAINED) ORR_TRY(orr_study_save_columns(study, p->job->directory, err));
    return orr_study_save_activations(study, p->job->directory, err);
}

static struct orr_network network_of(const struct point *p, enum orr_network_kind kind)
{
    struct orr_network network = {.name = orr_network_names[kind]};
    if (kind == ORR_NO_NETWORK) return network;
    network.model = &p->model;
    network.parameters = &p->parameters;
    network.block = kind == ORR_TRAINED ? p->trained.trained : p->initial;
    network.device = p->job->device;
    network.bins = p->data->bins.count ? &p->data->bins : NULL;
    return network;
}

static struct orr_study_config study_config(const struct point *p, const struct orr_network *network)
{
    const struct orr_recipe *recipe = p->job->recipe;
    return (struct orr_study_config){.network = network,
                                     .sample = p->sample,
                                     .sites = (const char *const *)recipe->study.sites,
                                     .n_sites = (uint32_t)recipe->study.n_sites,
                                     .cache_bytes = (size_t)recipe->study.cache_mb << 20,
                                     .directory = p->job->directory,
                                     .stop = p->job->stop};
}

static orr_status study_network(struct point *p, enum orr_network_kind kind, struct orr_error *err)
{
    const struct orr_network network = network_of(p, kind);
    const struct orr_study_config config = study_config(p, &network);
    struct orr_study_state *study;
    ORR_TRY(orr_study_create(&config, &study, err));
    const orr_status status = measure_all(p, study, &network, kind, err);
    orr_study_destroy(study);
    return status;
}

/* ---- after earlier steps ---- */

/* One that has begun is finished, so that a run that is stopped can be saved at its step. */
static orr_status evaluate(void *context, uint64_t step, const float *parameters, struct orr_evaluated *out,
                           struct orr_error *err)
{
    struct point *p = context;
    struct orr_network network = network_of(p, ORR_TRAINED);
    struct orr_study_config config = study_config(p, &network);
    struct orr_study_state *study;
    (void)step;
    network.block = parameters;
    config.stop = NULL;
    ORR_TRY(orr_study_create(&config, &study, err));
    orr_status status = orr_study_loss(study, ORR_TRAIN, &out->train_loss, err);
    if (status == ORR_OK) status = orr_study_loss(study, ORR_HELD_OUT, &out->held_out_loss, err);
    orr_study_destroy(study);
    return status;
}

/* Losses and probes; what probes save goes to `directory`. */
static orr_status study_block(struct point *p, const float *block, const char *directory, struct orr_error *err)
{
    struct orr_network network = network_of(p, ORR_TRAINED);
    struct orr_study_config config = study_config(p, &network);
    struct orr_study_state *study;
    double loss[2];
    network.block = block;
    config.directory = directory;
    ORR_TRY(orr_study_create(&config, &study, err));
    orr_status status = add_clean_losses(p, study, network.name, &p->evaluated, loss, err);
    if (status == ORR_OK) status = run_probes(p, study, ORR_TRAINED, &p->evaluated, err);
    orr_study_destroy(study);
    return status;
}

/* The state before the first step is in no checkpoint. One that is gone or damaged costs its own findings only: those
 * of the other steps, and of the trained network, are there to be had. */
static orr_status read_step(const struct point *p, const struct orr_train_job *job, uint64_t step, float *block,
                            bool *found, struct orr_error *err)
{
    struct orr_error why = {.code = ORR_OK};
    *found = true;
    if (step == 0) {
        memcpy(block, p->initial, (size_t)p->parameters.elements * sizeof *block);
        return ORR_OK;
    }
    const orr_status status = orr_checkpoint_parameters(job, &p->parameters, step, block, &why);
    *found = status == ORR_OK;
    if (status != ORR_OK && status != ORR_EFORMAT && status != ORR_EIO) return orr_fail(err, status, "%s", why.text);
    if (!*found)
        orr_log(ORR_LOG_WARN, "study",
                "%s: step %" PRIu64 " is left out of the findings; to have it, train again into another directory",
                why.text, step);
    return ORR_OK;
}

/* block: scratch. */
static orr_status study_step(struct point *p, const struct orr_train_job *job, uint64_t step, float *block,
                             struct orr_error *err)
{
    bool found;
    ORR_TRY(read_step(p, job, step, block, &found, err));
    if (!found) return ORR_OK;
    char *directory = orr_memory_print("%s/evaluations/step-%08" PRIu64, p->job->directory, step);
    if (!directory) return orr_memory_out(err, "a path", strlen(p->job->directory) + 48);
    p->evaluated.step = (int64_t)step;
    const orr_status status = study_block(p, block, directory, err);
    orr_memory_free(directory);
    return status;
}

/* Every evaluated step but the last, which is the trained network. */
static orr_status study_evaluations(struct point *p, struct orr_error *err)
{
    const struct orr_train_config config = orr_recipe_train(p->job->recipe);
    const struct orr_train_job job = train_job(p, &config);
    if (!p->job->recipe->study.every_evaluation || p->job->weights) return ORR_OK;
    const size_t n = (size_t)p->parameters.elements;
    float *block = orr_memory_array(n, sizeof *block);
    if (!block) return orr_memory_out(err, "parameters", n * sizeof *block);
    orr_status status = ORR_OK;
    struct orr_evaluation_place place = {0};
    uint64_t step = orr_evaluation_walk(&config.evaluation, config.steps, &place, 0);
    while (status == ORR_OK && step < config.steps) {
        status = study_step(p, &job, step, block, err);
        step = orr_evaluation_walk(&config.evaluation, config.steps, &place, step + 1);
    }
    orr_memory_free(block);
    return status;
}

/* ---- before training ---- */

/* Probes that only the trained network will meet are tried on the untrained one, and what they find is not kept. */
static orr_status rehearse(struct point *p, struct orr_error *err)
{
    const struct orr_recipe *recipe = p->job->recipe;
    const struct orr_network network = network_of(p, ORR_UNTRAINED);
    struct orr_study_config config = study_config(p, &network);
    config.directory = NULL;
    struct orr_study_state *study;
    ORR_TRY(orr_study_create(&config, &study, err));
    orr_status status = ORR_OK;
    for (size_t i = 0; status == ORR_OK && i < recipe->n_probes; ++i) {
        const struct orr_recipe_plugin *probe = &recipe->probes[i];
        const bool measured = recipe->study.untrained && probe->on_network[ORR_UNTRAINED];
        if (!measured && probe->on_network[ORR_TRAINED]) status = orr_study_measure(study, probe, &p->rehearsed, err);
    }
    orr_study_destroy(study);
    return status;
}

/* Everything but the trained network. */
static orr_status study_controls(struct point *p, struct orr_error *err)
{
    const struct orr_recipe *recipe = p->job->recipe;
    ORR_TRY(rehearse(p, err));
    if (recipe->study.untrained) ORR_TRY(study_network(p, ORR_UNTRAINED, err));
    return recipe->study.inputs ? study_network(p, ORR_NO_NETWORK, err) : ORR_OK;
}

/* ---- claims and scores beside what probes emit ---- */

/* Is it a number that some probe emits for a network as a whole? */
static bool is_emitted(const struct point *p, const char *quantity, const char *probe)
{
    const struct orr_findings *const lists[] = {&p->findings, &p->rehearsed};
    for (size_t l = 0; l < 2; ++l)
        for (size_t i = 0; i < lists[l]->count; ++i) {
            const struct orr_finding_row *row = &lists[l]->row[i];
            if (!*row->site && !*row->target && strcmp(row->quantity, quantity) == 0 &&
                (!probe || strcmp(row->probe, probe) == 0))
                return true;
        }
    return false;
}

static bool is_score(const struct orr_recipe *recipe, const char *quantity)
{
    for (size_t i = 0; i < recipe->n_scores; ++i)
        if (strcmp(recipe->scores[i].name, quantity) == 0) return true;
    for (size_t i = 0; i < recipe->n_contrasts; ++i)
        if (strcmp(recipe->contrasts[i].name, quantity) == 0) return true;
    for (size_t i = 0; recipe->study.every_evaluation && i < recipe->n_scores; ++i) {
        const size_t length = strlen(recipe->scores[i].name);
        if (strncmp(recipe->scores[i].name, quantity, length) == 0 && strcmp(quantity + length, ORR_BEST_SUFFIX) == 0)
            return true;
    }
    return false;
}

/* Is it the best R2 of a target that the probe has? */
static bool is_best_of_target(const struct point *p, const char *quantity, const char *probe)
{
    const struct orr_findings *const lists[] = {&p->findings, &p->rehearsed};
    const char *target = orr_scores_target(quantity);
    if (!target || strlen(quantity) >= ORR_LABEL_SIZE) return false;
    for (size_t l = 0; l < 2; ++l)
        for (size_t i = 0; i < lists[l]->count; ++i)
            if (strcmp(lists[l]->row[i].target, target) == 0 && (!probe || strcmp(lists[l]->row[i].probe, probe) == 0))
                return true;
    return false;
}

/* The names that a claim may use, for the nearest of them. */
static size_t list_quantities(const struct point *p, const char **name, size_t most)
{
    const struct orr_findings *const lists[] = {&p->findings, &p->rehearsed};
    size_t n = 0;
    for (size_t i = 0; i < ORR_LOSS_KINDS && n + 1 < most; ++i) {
        name[n++] = orr_loss_names[i].training;
        name[n++] = orr_loss_names[i].clean;
    }
    for (size_t i = 0; i < p->job->recipe->n_scores && n < most; ++i)
        name[n++] = p->job->recipe->scores[i].name;
    for (size_t l = 0; l < 2; ++l)
        for (size_t i = 0; i < lists[l]->count && n < most; ++i)
            if (!*lists[l]->row[i].site && !*lists[l]->row[i].target) name[n++] = lists[l]->row[i].quantity;
    return n;
}

static orr_status check_claim(const struct point *p, const struct orr_recipe_expectation *e, struct orr_error *err)
{
    const char *known[128];
    /* The loss in training belongs to the trained network alone, which has not been measured yet. */
    if (orr_loss_is_name(e->quantity) || is_score(p->job->recipe, e->quantity) ||
        is_emitted(p, e->quantity, e->probe) || is_best_of_target(p, e->quantity, e->probe))
        return ORR_OK;
    const char *near = orr_suggest(e->quantity, known, list_quantities(p, known, sizeof known / sizeof *known));
    return orr_config_fail(orr_config_find(e->node, "quantity"), err, ORR_EINVAL,
                           "\"%s\" is neither a score of this recipe nor a number that %s%s emits%s%s%s", e->quantity,
                           e->probe ? "probe " : "a probe", e->probe ? e->probe : "", near ? ": did you mean \"" : "",
                           near ? near : "", near ? "\"?" : "");
}

static orr_status check_names(const struct point *p, struct orr_error *err)
{
    const struct orr_recipe *recipe = p->job->recipe;
    for (size_t i = 0; i < recipe->n_scores; ++i)
        if (is_emitted(p, recipe->scores[i].name, NULL))
            return orr_config_fail(recipe->scores[i].node, err, ORR_EINVAL,
                                   "a probe emits a number of this name: call the score something else");
    for (size_t i = 0; i < recipe->n_contrasts; ++i)
        if (is_emitted(p, recipe->contrasts[i].name, NULL))
            return orr_config_fail(recipe->contrasts[i].node, err, ORR_EINVAL,
                                   "a probe emits a number of this name: call the contrast something else");
    for (size_t i = 0; i < recipe->n_expectations; ++i)
        ORR_TRY(check_claim(p, &recipe->expectations[i], err));
    return ORR_OK;
}

/* ---- writing ---- */

static orr_status write_findings(const struct point *p, struct orr_error *err)
{
    struct orr_text text = {.data = NULL};
    char *path = orr_memory_print("%s/findings.csv", p->job->directory);
    orr_status status = path ? orr_text_add(&text, err, "%s", orr_findings_header) : orr_memory_out(err, "a path", 0);
    if (status == ORR_OK) status = orr_findings_print(&p->findings, p->job->name, &text, err);
    if (status == ORR_OK) status = orr_findings_print(&p->evaluated, p->job->name, &text, err);
    if (status == ORR_OK) status = orr_file_write_atomic(path, text.data, text.length, err);
    orr_text_fini(&text);
    orr_memory_free(path);
    return status;
}

static orr_status write_summary(const struct point *p, const char *path, struct orr_error *err)
{
    struct orr_measures measures = {.item = NULL};
    orr_status status = orr_measures_from_findings(&measures, &p->findings, err);
    if (status == ORR_OK) status = orr_measures_write(&measures, p->job->recipe, p->job->name, p->job->hash, path, err);
    orr_measures_fini(&measures);
    return status;
}

static orr_status run_point(struct point *p, const char *summary, struct orr_error *err)
{
    ORR_TRY(simulate(p, err));
    ORR_TRY(initialise(p, err));
    ORR_TRY(read_weights(p, err));
    ORR_TRY(study_controls(p, err));
    ORR_TRY(check_names(p, err));
    ORR_TRY(train(p, err));
    ORR_TRY(study_network(p, ORR_TRAINED, err));
    ORR_TRY(study_evaluations(p, err));
    ORR_TRY(orr_scores_add(&p->findings, p->job->recipe, err));
    ORR_TRY(orr_scores_add(&p->evaluated, p->job->recipe, err));
    ORR_TRY(orr_scores_add_best(&p->findings, &p->evaluated, p->job->recipe, err));
    ORR_TRY(write_findings(p, err));
    return write_summary(p, summary, err);
}

static void point_fini(struct point *p)
{
    orr_findings_fini(&p->findings);
    orr_findings_fini(&p->evaluated);
    orr_findings_fini(&p->rehearsed);
    orr_parameters_fini(&p->parameters);
    orr_memory_free(p->initial);
    orr_sample_destroy(p->sample);
    orr_train_result_fini(&p->trained);
    orr_windows_fini(&p->windows);
    orr_dataset_destroy(p->data);
}

orr_status orr_point_is_finished(const char *directory, const char *hash, bool *finished, struct orr_error *err)
{
    struct orr_measures measures = {.item = NULL};
    struct orr_error why;
    char *summary = orr_memory_print("%s/summary.json", directory);
    char *findings = orr_memory_print("%s/findings.csv", directory);
    orr_status status = summary && findings ? ORR_OK : orr_memory_out(err, "a path", strlen(directory) + 16);
    *finished = status == ORR_OK && access(summary, F_OK) == 0 && access(findings, F_OK) == 0;
    if (*finished) {
        status = orr_measures_read(&measures, hash, summary, &why);
        *finished = status == ORR_OK;
        if (status == ORR_EINVAL || status == ORR_EFORMAT) {
            /* Other probes, or a damaged file: what was trained is kept, and the rest is done again. */
            orr_log(status == ORR_EINVAL ? ORR_LOG_INFO : ORR_LOG_WARN, "study", "%s: probing again", why.text);
            status = ORR_OK;
        } else if (status != ORR_OK) {
            status = orr_fail(err, status, "%s", why.text);
        }
    }
    orr_measures_fini(&measures);
    orr_memory_free(findings);
    orr_memory_free(summary);
    return status;
}

static orr_status run_unless_finished(struct point *p, const char *summary, bool *ran, struct orr_error *err)
{
    bool finished = false;
    ORR_TRY(orr_origin_claim(p->job->directory, p->job->recipe, p->job->device, err));
    if (p->job->resume) ORR_TRY(orr_point_is_finished(p->job->directory, p->job->hash, &finished, err));
    *ran = !finished;
    if (*ran) return run_point(p, summary, err);
    notice(p, "finished before");
    return ORR_OK;
}

orr_status orr_point_run(const struct orr_point_job *job, bool *ran, struct orr_error *err)
{
    struct point p = {.job = job};
    char *summary = orr_memory_print("%s/summary.json", job->directory);
    if (!summary) return orr_memory_out(err, "a path", strlen(job->directory) + 16);
    const orr_status status = run_unless_finished(&p, summary, ran, err);
    point_fini(&p);
    orr_memory_free(summary);
    return status;
}
