/* The model itself, run forward for a probe, with or without patches. */
#include "base/memory.h"
#include "study/study_state.h"

#include <string.h>

void orr_study_forward_fini(struct orr_study_state *study)
{
    orr_forward_destroy(study->forward);
    orr_memory_free(study->forward_input);
    orr_memory_free(study->forward_prediction);
    study->forward = NULL;
    study->forward_input = study->forward_prediction = NULL;
}

/* Without patches one compiled shape serves every number of steps: what comes later cannot reach back, so shorter
 * inputs are filled up with zeros. A patch of the last position needs the exact length. */
static orr_status compile(struct orr_study_state *study, uint32_t batch, uint32_t time, const struct orr_patch *patches,
                          uint32_t n_patches, struct orr_error *err)
{
    orr_study_forward_fini(study);
    const struct orr_forward_config config = {.batch = batch, .time = time, .patches = patches, .n_patches = n_patches};
    const size_t numbers = (size_t)batch * time * study->face.n_observed;
    study->forward_input = orr_memory_array(numbers, sizeof(double));
    study->forward_prediction = orr_memory_array(numbers, sizeof(double));
    if (!study->forward_input || !study->forward_prediction)
        return orr_memory_out(err, "a forward pass", numbers * sizeof(double));
    study->forward_batch = batch;
    return orr_forward_create(study->config.network, &config, &study->forward, err);
}

static orr_status run_batches(struct orr_study_state *study, const double *input, uint32_t n, uint32_t steps,
                              uint32_t time, double *prediction, struct orr_error *err)
{
    const size_t width = study->face.n_observed, row = steps * width, padded = time * width;
    for (uint32_t first = 0; first < n; first += study->forward_batch) {
        const uint32_t count = n - first < study->forward_batch ? n - first : study->forward_batch;
        ORR_TRY(orr_study_check_stop(study, err));
        for (uint32_t i = 0; i < count; ++i) {
            memcpy(study->forward_input + i * padded, input + (first + i) * row, row * sizeof *input);
            memset(study->forward_input + i * padded + row, 0, (padded - row) * sizeof *input);
        }
        ORR_TRY(orr_forward_run(study->forward, study->forward_input, study->forward_prediction, err));
        for (uint32_t i = 0; i < count; ++i)
            memcpy(prediction + (first + i) * row, study->forward_prediction + i * padded, row * sizeof *prediction);
    }
    return ORR_OK;
}

orr_status orr_study_forward(struct orr_study_state *study, const double *input, uint32_t n, uint32_t steps,
                             const struct orr_patch *patches, uint32_t n_patches, double *prediction,
                             struct orr_error *err)
{
    if (n == 0 || steps == 0) return ORR_OK;
    const struct orr_network *network = study->config.network;
    if (!network->model) {
        if (n_patches) return orr_fail(err, ORR_EUNSUPPORTED, "the control without a network has nothing to patch");
        memcpy(prediction, input, (size_t)n * steps * study->face.n_observed * sizeof *input);
        return ORR_OK;
    }
    const uint32_t longest = (uint32_t)network->model->block_size;
    if (steps > longest)
        return orr_fail(err, ORR_EINVAL,
                        "forward over %u steps: this network sees at most %u (data.context); give it the last %u",
                        steps, longest, longest);
    const uint32_t time = n_patches ? steps : longest, batch = orr_forward_batch(network, n, time);
    if (!study->forward || n_patches || study->forward_batch != batch)
        ORR_TRY(compile(study, batch, time, patches, n_patches, err));
    const orr_status status = run_batches(study, input, n, steps, time, prediction, err);
    if (n_patches) orr_study_forward_fini(study);
    return status;
}
