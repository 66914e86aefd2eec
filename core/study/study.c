/* A study: the functions that probes call, and measuring with one probe. */
#include "study/study.h"

#include "base/memory.h"
#include "io/file.h"
#include "io/npy.h"
#include "study/study_state.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- what probes call ---- */

static orr_status column(struct orr_study_state *study, const char *name, enum orr_split split,
                         enum orr_positions positions, struct orr_matrix *out, struct orr_error *err)
{
    return orr_sample_column(study->config.sample, name, split, positions, out, err);
}

static orr_status trajectories(struct orr_study_state *study, enum orr_split split, uint64_t first, uint32_t count,
                               struct orr_matrix *observed, struct orr_error *err)
{
    const struct orr_dataset *data = study->config.sample->data;
    const uint64_t begin = split == ORR_TRAIN ? 0 : data->n_train;
    const uint64_t n = (split == ORR_TRAIN ? data->n_train : data->config.trajectories) - begin;
    const uint64_t have = first >= n ? 0 : n - first < count ? n - first : count;
    const size_t rows = (size_t)have * data->config.steps;
    orr_memory_free(study->trajectories[split]);
    study->trajectories[split] = orr_memory_array(rows, data->n_observed * sizeof(double));
    if (!study->trajectories[split])
        return orr_memory_out(err, "trajectories", rows * data->n_observed * sizeof(double));
    ORR_TRY(orr_dataset_columns(data, begin + first, (uint32_t)have, study->trajectories[split], NULL, NULL, err));
    *observed = (struct orr_matrix){.data = study->trajectories[split], .rows = rows, .cols = data->n_observed};
    return ORR_OK;
}

static orr_status emit(struct orr_study_state *study, const struct orr_finding *finding, struct orr_error *err)
{
    return orr_findings_add(study->findings, study->config.network->name, study->probe, finding, err);
}

/* Write a matrix below directory/area/network/part/name.npy. */
static orr_status write_matrix(const char *directory, const char *area, const char *network, const char *part,
                               const char *name, const struct orr_matrix *matrix, struct orr_error *err)
{
    const struct orr_array array = {.dtype = ORR_NPY_F64,
                                    .rank = 2,
                                    .dim = {(int64_t)matrix->rows, (int64_t)matrix->cols},
                                    .data = (void *)(uintptr_t)matrix->data};
    char *folder = orr_memory_print("%s/%s/%s/%s", directory, area, network, part);
    char *path = folder ? orr_memory_print("%s/%s.npy", folder, name) : NULL;
    orr_status status = path ? orr_file_make_directories(folder, err) : orr_memory_out(err, "a path", strlen(name));
    if (status == ORR_OK) status = orr_npy_write(path, &array, err);
    orr_memory_free(folder);
    orr_memory_free(path);
    return status;
}

static orr_status save(struct orr_study_state *study, const char *name, struct orr_matrix matrix, struct orr_error *err)
{
    size_t good = 0;
    while (name && (isalnum((unsigned char)name[good]) || (name[good] && strchr("_-=", name[good])) ||
                    (good > 0 && name[good] == '.')))
        ++good;
    if (!name || !good || name[good])
        return orr_fail(err, ORR_EINVAL, "\"%s\" is no name for a saved array: use letters, digits, _ - = and .",
                        name ? name : "");
    if (!study->config.directory) return ORR_OK;
    return write_matrix(study->config.directory, "arrays", study->config.network->name, study->probe, name, &matrix,
                        err);
}

/* ---- life ---- */

static const char *const control_sites[] = {"raw_inputs", "raw_inputs_squared"};

orr_status orr_study_create(const struct orr_study_config *config, struct orr_study_state **out, struct orr_error *err)
{
    *out = NULL;
    struct orr_study_state *study = orr_memory_array(1, sizeof *study);
    if (!study) return orr_memory_out(err, "a study", sizeof *study);
    const struct orr_sample *sample = config->sample;
    const bool control = !config->network->model;
    study->config = *config;
    study->face = (struct orr_study){
        .size = sizeof study->face,
        .state = study,
        .sites = control ? control_sites : config->sites,
        .n_sites = control ? sizeof control_sites / sizeof *control_sites : config->n_sites,
        .columns = sample->column,
        .n_columns = sample->n_columns,
        .context = sample->data->config.context,
        .n_observed = sample->data->n_observed,
        .n_steps = sample->data->config.steps,
        .vocabulary = (uint32_t)sample->data->bins.count,
        .activations = orr_study_activations,
        .column = column,
        .forward = orr_study_forward,
        .trajectories = trajectories,
        .emit = emit,
        .save = save,
        .parameter = orr_study_parameter,
        .tokens = orr_study_tokens,
    };
    *out = study;
    return ORR_OK;
}

void orr_study_destroy(struct orr_study_state *study)
{
    if (!study) return;
    orr_study_forward_fini(study);
    orr_study_forget(study);
    orr_study_take_back(study);
    orr_memory_free(study->capture);
    orr_memory_free(study->lent);
    orr_memory_free(study->trajectories[ORR_TRAIN]);
    orr_memory_free(study->trajectories[ORR_HELD_OUT]);
    orr_memory_free(study);
}

const struct orr_study *orr_study_face(const struct orr_study_state *study) { return &study->face; }

/* ---- measuring ---- */

/* A plugin that fails without a text still gets one. */
static orr_status explain(orr_status status, const struct orr_error *why, const struct orr_study_state *study,
                          struct orr_error *err)
{
    return orr_fail(err, status, "probe %s on network %s: %s", study->probe, study->config.network->name,
                    why->text[0] ? why->text : "it failed and gave no reason");
}

orr_status orr_study_measure(struct orr_study_state *study, const struct orr_recipe_plugin *probe,
                             struct orr_findings *findings, struct orr_error *err)
{
    const struct orr_probe_ops *ops = probe->plugin->ops;
    if (!ORR_HAS(ops, create) || !ORR_HAS(ops, destroy) || !ORR_HAS(ops, measure))
        return orr_fail(err, ORR_EABI, "probe %s lacks create, destroy or measure: its plugin is not complete",
                        probe->name);
    struct orr_error why = {.code = ORR_OK};
    struct orr_probe *made = NULL;
    study->probe = probe->label;
    study->findings = findings;
    orr_status status = ops->create(probe->values, &made, &why);
    if (status == ORR_OK) {
        status = ops->measure(made, &study->face, &why);
        ops->destroy(made);
    }
    orr_study_take_back(study);
    if (study->capture_bytes > study->config.cache_bytes) orr_study_forget(study);
    if (status == ORR_OK) return ORR_OK;
    return status == ORR_ECANCELLED ? orr_fail(err, status, "%s", why.text) : explain(status, &why, study, err);
}

/* ---- saving ---- */

static orr_status save_columns(struct orr_study_state *study, const char *directory, enum orr_split split,
                               struct orr_error *err)
{
    for (uint32_t i = 0; i < study->face.n_columns; ++i) {
        struct orr_matrix matrix;
        const char *name = study->face.columns[i].name;
        ORR_TRY(column(study, name, split, ORR_LAST_POSITION, &matrix, err));
        ORR_TRY(write_matrix(directory, "activations", "columns", orr_split_name(split), name, &matrix, err));
    }
    return ORR_OK;
}

orr_status orr_study_save_activations(struct orr_study_state *study, const char *directory, struct orr_error *err)
{
    for (int split = 0; split < 2; ++split) {
        for (uint32_t i = 0; i < study->face.n_sites; ++i) {
            struct orr_matrix matrix;
            const char *site = study->face.sites[i];
            ORR_TRY(orr_study_activations(study, site, (enum orr_split)split, ORR_LAST_POSITION, &matrix, err));
            ORR_TRY(write_matrix(directory, "activations", study->config.network->name,
                                 orr_split_name((enum orr_split)split), site, &matrix, err));
        }
    }
    return ORR_OK;
}

orr_status orr_study_save_columns(struct orr_study_state *study, const char *directory, struct orr_error *err)
{
    ORR_TRY(save_columns(study, directory, ORR_TRAIN, err));
    return save_columns(study, directory, ORR_HELD_OUT, err);
}
