/* Losses of a network, or of the control without one, over the windows of a sample.
 *
 * In: a study. Out: the mean over the positions that training counts, of squared errors, or of tokens -ln p.
 */
#include "base/memory.h"
#include "study/study_state.h"

#include <math.h>

/* Space for one batch of windows: (block, length, n_observed) each. */
struct batch {
    size_t windows; /* that fit */
    double *input, *prediction, *target;
};

/* Adds what a batch of `count` windows, first .. first+count-1, comes to. */
typedef orr_status (*add_batch)(struct orr_study_state *study, const struct batch *batch, size_t count, void *context,
                                double *sum, struct orr_error *err);

static orr_status sum_batches(struct orr_study_state *study, enum orr_split split, const struct batch *batch,
                              add_batch add, void *context, double *sum, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const size_t windows = sample->count[split];
    for (size_t first = 0; first < windows; first += batch->windows) {
        const size_t count = windows - first < batch->windows ? windows - first : batch->windows;
        ORR_TRY(orr_study_check_stop(study, err));
        orr_sample_inputs(sample, split, first, count, batch->input);
        orr_sample_targets(sample, split, first, count, batch->target);
        ORR_TRY(add(study, batch, count, context, sum, err));
    }
    return ORR_OK;
}

/* The first number of a window that training counts, and the one after the last. */
static size_t first_counted(const struct orr_sample *sample)
{
    return sample->whole ? 0 : (size_t)(sample->length - 1) * sample->data->n_observed;
}

static size_t window_numbers(const struct orr_sample *sample)
{
    return (size_t)sample->length * sample->data->n_observed;
}

/* ---- numbers ---- */

static orr_status add_squares(struct orr_study_state *study, const struct batch *batch, size_t count, void *context,
                              double *sum, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const size_t first = first_counted(sample), all = window_numbers(sample);
    (void)context;
    ORR_TRY(orr_study_forward(study, batch->input, (uint32_t)count, sample->length, NULL, 0, batch->prediction, err));
    for (size_t w = 0; w < count; ++w)
        for (size_t i = w * all + first; i < (w + 1) * all; ++i)
            *sum += (batch->prediction[i] - batch->target[i]) * (batch->prediction[i] - batch->target[i]);
    return ORR_OK;
}

/* ---- tokens ---- */

/* context: the forward pass of a whole batch. */
static orr_status add_surprise(struct orr_study_state *study, const struct batch *batch, size_t count, void *context,
                               double *sum, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const size_t first = first_counted(sample), all = window_numbers(sample);
    struct orr_forward *forward = context;
    ORR_TRY(orr_forward_run(forward, batch->input, NULL, err));
    ORR_TRY(orr_forward_surprise(forward, batch->target, batch->prediction, err));
    for (size_t w = 0; w < count; ++w)
        for (size_t i = w * all + first; i < (w + 1) * all; ++i)
            *sum += batch->prediction[i];
    return ORR_OK;
}

static orr_status sum_surprise(struct orr_study_state *study, enum orr_split split, const struct batch *batch,
                               double *sum, struct orr_error *err)
{
    const struct orr_forward_config config = {.batch = (uint32_t)batch->windows, .time = study->config.sample->length};
    struct orr_forward *forward;
    ORR_TRY(orr_forward_create(study->config.network, &config, &forward, err));
    const orr_status status = sum_batches(study, split, batch, add_surprise, forward, sum, err);
    orr_forward_destroy(forward);
    return status;
}

/* context: (n_observed, vocabulary) shares of the training data. */
static orr_status add_share_surprise(struct orr_study_state *study, const struct batch *batch, size_t count,
                                     void *context, double *sum, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const size_t first = first_counted(sample), all = window_numbers(sample);
    const struct orr_bins *bins = &sample->data->bins;
    const double *share = context;
    (void)err;
    for (size_t w = 0; w < count; ++w)
        for (size_t i = first; i < all; ++i) {
            const uint32_t column = (uint32_t)(i % sample->data->n_observed);
            const int32_t token = orr_bins_token(bins, column, batch->target[w * all + i]);
            *sum -= log(share[column * (size_t)bins->count + (size_t)token]);
        }
    return ORR_OK;
}

/* Laplace's rule of succession: (count + 1) / (points + vocabulary). */
static orr_status sum_share_surprise(struct orr_study_state *study, enum orr_split split, const struct batch *batch,
                                     double *sum, struct orr_error *err)
{
    const struct orr_dataset *data = study->config.sample->data;
    const size_t tokens = (size_t)data->bins.count, columns = data->n_observed;
    const double points = (double)data->n_train * data->config.steps;
    double *share = orr_memory_array(columns * tokens, sizeof *share);
    if (!share) return orr_memory_out(err, "shares of tokens", columns * tokens * sizeof *share);
    for (uint32_t c = 0; c < columns; ++c)
        orr_sample_token_counts(study->config.sample, c, share + c * tokens);
    for (size_t i = 0; i < columns * tokens; ++i)
        share[i] = (share[i] + 1) / (points + (double)tokens);
    const orr_status status = sum_batches(study, split, batch, add_share_surprise, share, sum, err);
    orr_memory_free(share);
    return status;
}

/* ---- either ---- */

static orr_status sum_losses(struct orr_study_state *study, enum orr_split split, const struct batch *batch,
                             double *sum, struct orr_error *err)
{
    if (!study->face.vocabulary) return sum_batches(study, split, batch, add_squares, NULL, sum, err);
    if (!study->config.network->model) return sum_share_surprise(study, split, batch, sum, err);
    return sum_surprise(study, split, batch, sum, err);
}

orr_status orr_study_loss(struct orr_study_state *study, enum orr_split split, double *loss, struct orr_error *err)
{
    const struct orr_sample *sample = study->config.sample;
    const size_t windows = sample->count[split];
    const size_t block = orr_forward_batch(study->config.network, windows, sample->length);
    const size_t numbers = block * window_numbers(sample);
    double *space = orr_memory_array(numbers, 3 * sizeof *space), sum = 0;
    if (!space) return orr_memory_out(err, "a batch of windows", numbers * 3 * sizeof *space);
    const struct batch batch = {
        .windows = block, .input = space, .prediction = space + numbers, .target = space + 2 * numbers};
    const orr_status status = sum_losses(study, split, &batch, &sum, err);
    orr_memory_free(space);
    *loss = sum / (double)(windows * (window_numbers(sample) - first_counted(sample)));
    return status;
}
