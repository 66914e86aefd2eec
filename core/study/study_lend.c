/* What a study lends besides activations: parameters of the network, and what its tokens mean.
 *
 * Out: matrices that live until the probe that asked for them has measured.
 */
#include "base/memory.h"
#include "base/suggest.h"
#include "study/study_state.h"

void orr_study_take_back(struct orr_study_state *study)
{
    while (study->n_lent > 0)
        orr_memory_free(study->lent[--study->n_lent]);
}

static orr_status lend(struct orr_study_state *study, const char *what, size_t rows, size_t columns, double **data,
                       struct orr_error *err)
{
    void *lent = study->lent;
    const orr_status grown = orr_memory_grow(&lent, &study->lent_capacity, study->n_lent + 1, sizeof *study->lent, err);
    study->lent = lent;
    ORR_TRY(grown);
    *data = orr_memory_array(rows * columns, sizeof **data);
    if (!*data) return orr_memory_out(err, what, rows * columns * sizeof **data);
    study->lent[study->n_lent++] = *data;
    return ORR_OK;
}

/* ---- parameters ---- */

static orr_status unknown(const struct orr_parameters *p, const char *name, struct orr_error *err)
{
    const char **known = orr_memory_array(p->count, sizeof *known);
    if (!known) return orr_memory_out(err, "names of parameters", p->count * sizeof *known);
    for (size_t i = 0; i < p->count; ++i)
        known[i] = p->item[i].name;
    const char *near = orr_suggest(name, known, p->count);
    orr_memory_free(known);
    return orr_fail(err, ORR_EINVAL, "the model has no parameter \"%s\"%s%s%s", name,
                    near ? ": did you mean \"" : ": docs/models.md lists them", near ? near : "", near ? "\"?" : "");
}

orr_status orr_study_parameter(struct orr_study_state *study, const char *name, struct orr_matrix *out,
                               struct orr_error *err)
{
    const struct orr_network *network = study->config.network;
    if (!network->model) return orr_fail(err, ORR_EUNSUPPORTED, "the control without a network has no parameters");
    const struct orr_parameter *p = orr_parameters_find(network->parameters, name);
    if (!p) return unknown(network->parameters, name, err);
    const size_t rows = (size_t)p->dim[p->transposed], columns = (size_t)p->dim[!p->transposed], n = rows * columns;
    double *data;
    ORR_TRY(lend(study, "a parameter", rows, columns, &data, err));
    float *file = orr_memory_array(n, sizeof *file);
    if (!file) return orr_memory_out(err, "a parameter", n * sizeof *file);
    orr_parameter_to_file(p, network->block, file);
    for (size_t i = 0; i < n; ++i)
        data[i] = (double)file[i];
    orr_memory_free(file);
    *out = (struct orr_matrix){.data = data, .rows = rows, .cols = columns};
    return ORR_OK;
}

/* ---- tokens ---- */

orr_status orr_study_tokens(struct orr_study_state *study, uint32_t column, struct orr_matrix *out,
                            struct orr_error *err)
{
    const struct orr_dataset *data = study->config.sample->data;
    const size_t tokens = (size_t)data->bins.count;
    if (!tokens) return orr_fail(err, ORR_EINVAL, "the data are numbers and have no tokens: set data.bins");
    if (column >= data->n_observed)
        return orr_fail(err, ORR_EINVAL, "column %u of %u observed ones: they are counted from 0", column,
                        data->n_observed);
    double *count = orr_memory_array(tokens, sizeof *count), *row;
    if (!count) return orr_memory_out(err, "counts of tokens", tokens * sizeof *count);
    const orr_status status = lend(study, "a vocabulary", tokens, 2, &row, err);
    if (status == ORR_OK) orr_sample_token_counts(study->config.sample, column, count);
    for (size_t i = 0; status == ORR_OK && i < tokens; ++i) {
        row[2 * i] = orr_bins_centre(&data->bins, column, (int32_t)i);
        row[2 * i + 1] = count[i];
    }
    orr_memory_free(count);
    if (status == ORR_OK) *out = (struct orr_matrix){.data = row, .rows = tokens, .cols = 2};
    return status;
}
