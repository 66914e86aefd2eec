/* One forward pass as a graph of its own: parameters and input in, prediction and sites out. */
#include "study/forward.h"

#include "base/memory.h"
#include "base/text.h"
#include "study/patch.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct site {
    orr_handle value;
    size_t width;
    int64_t heads; /* of a pattern, which lies (batch, heads, query, key); otherwise 0 */
};

struct orr_forward {
    const struct orr_network *network;
    uint32_t batch, time, n_sites;
    orr_handle input, parameters, output;
    struct site *site;
    struct orr_patched patched;
    struct orr_exec *exec;
};

enum { POSITIONS_AT_ONCE = 8192, LOGITS_AT_ONCE = 1 << 22, LOGITS_OF_A_WINDOW = 1 << 26 };

uint32_t orr_forward_batch(const struct orr_network *network, size_t windows, uint32_t time)
{
    const struct orr_model *m = network->model;
    const int64_t logits = m && m->vocab_size ? m->vocab_size * m->n_output : 1;
    const int64_t fit = LOGITS_AT_ONCE / logits;
    const uint32_t positions = (uint32_t)(fit < POSITIONS_AT_ONCE ? fit : POSITIONS_AT_ONCE);
    const size_t most = time < positions ? positions / time : 1;
    return (uint32_t)(windows < most ? (windows ? windows : 1) : most);
}

orr_status orr_forward_check_logits(const struct orr_model *model, uint32_t time, struct orr_error *err)
{
    if (model->vocab_size * model->n_output <= LOGITS_OF_A_WINDOW / (int64_t)time) return ORR_OK;
    return orr_fail(err, ORR_EINVAL,
                    "one window has %" PRId64 " bins x %u points x %" PRId64
                    " columns of logits, and a forward pass holds at most %d: lower data.bins or data.context",
                    model->vocab_size, (unsigned)time, model->n_output, LOGITS_OF_A_WINDOW);
}

/* ---- graph ---- */

static bool needs_open_attention(const struct orr_forward_config *config)
{
    bool needs = false;
    for (uint32_t i = 0; i < config->n_sites; ++i)
        needs = needs || orr_model_hook_is_inside_attention(config->sites[i]);
    for (uint32_t i = 0; i < config->n_patches; ++i)
        needs = needs || orr_model_hook_is_inside_attention(config->patches[i].site);
    return needs;
}

static orr_status build(struct orr_forward *f, const struct orr_forward_config *config, struct orr_graph *g,
                        struct orr_error *err)
{
    const struct orr_network *n = f->network;
    orr_handle *views = orr_memory_array(n->parameters->count, sizeof *views);
    if (!views) return orr_memory_out(err, "a forward pass", n->parameters->count * sizeof *views);
    const int64_t dim[] = {f->batch, f->time, n->model->n_input};
    f->input = orr_graph_input(g, "input", n->model->vocab_size ? ORR_I32 : g->real, 3, dim);
    orr_graph_set_batch(g, f->input, f->batch);
    f->parameters = orr_graph_input(g, "parameters", g->real, 1, &n->parameters->elements);
    orr_parameters_views(g, n->parameters, f->parameters, views);
    f->output = orr_model_forward(g, n->model, n->parameters, views, f->input, needs_open_attention(config));
    orr_memory_free(views);
    return orr_graph_status(g, err);
}

/* Sites are found by name, so that it does not matter that patching built the graph anew. */
static orr_status keep_values(struct orr_forward *f, const struct orr_forward_config *config, struct orr_graph *g,
                              struct orr_error *err)
{
    orr_graph_keep(g, f->output);
    for (uint32_t i = 0; i < config->n_sites; ++i) {
        struct site *site = &f->site[i];
        site->value = orr_graph_find(g, config->sites[i]);
        const struct orr_graph_value *value = orr_graph_value(g, site->value);
        if (!value) return orr_fail(err, ORR_EINVAL, "\"%s\" is not a site of this model", config->sites[i]);
        site->width = (size_t)orr_shape_count(&value->shape) / f->batch / f->time;
        if ((size_t)orr_shape_count(&value->shape) != site->width * f->batch * f->time)
            return orr_fail(err, ORR_EUNSUPPORTED, "\"%s\" does not lie by window and position: it is no site",
                            config->sites[i]);
        if (orr_text_ends_with(config->sites[i], "attn.hook_pattern")) site->heads = f->network->model->n_head;
        orr_graph_keep(g, site->value);
    }
    return orr_graph_status(g, err);
}

static orr_status upload(struct orr_forward *f, struct orr_error *err)
{
    const size_t bytes = (size_t)f->network->parameters->elements * sizeof(float);
    ORR_TRY(orr_exec_write(f->exec, f->parameters, f->network->block, bytes, err));
    return orr_patched_upload(&f->patched, f->exec, err);
}

static orr_status compile(struct orr_forward *f, const struct orr_forward_config *config, struct orr_graph **g,
                          struct orr_error *err)
{
    ORR_TRY(orr_graph_create(ORR_F32, g, err));
    ORR_TRY(build(f, config, *g, err));
    if (config->n_patches) {
        orr_handle *const moved[] = {&f->input, &f->parameters, &f->output};
        ORR_TRY(
            orr_patched_apply(&f->patched, g, config->patches, config->n_patches, f->batch, f->time, moved, 3, err));
    }
    ORR_TRY(keep_values(f, config, *g, err));
    ORR_TRY(orr_exec_create(*g, f->network->device, NULL, &f->exec, err));
    return upload(f, err);
}

orr_status orr_forward_create(const struct orr_network *network, const struct orr_forward_config *config,
                              struct orr_forward **out, struct orr_error *err)
{
    *out = NULL;
    struct orr_forward *f = orr_memory_array(1, sizeof *f);
    if (!f) return orr_memory_out(err, "a forward pass", sizeof *f);
    f->network = network;
    f->batch = config->batch;
    f->time = config->time;
    f->n_sites = config->n_sites;
    f->site = orr_memory_array(config->n_sites, sizeof *f->site);
    struct orr_graph *g = NULL;
    orr_status status = f->site ? compile(f, config, &g, err) : orr_memory_out(err, "sites", sizeof *f->site);
    orr_graph_destroy(g);
    if (status == ORR_OK)
        *out = f;
    else
        orr_forward_destroy(f);
    return status;
}

void orr_forward_destroy(struct orr_forward *forward)
{
    if (!forward) return;
    orr_exec_destroy(forward->exec);
    orr_patched_fini(&forward->patched);
    orr_memory_free(forward->site);
    orr_memory_free(forward);
}

/* ---- running ---- */

static orr_status write_tokens(struct orr_forward *forward, const double *input, size_t n, struct orr_error *err)
{
    const struct orr_network *network = forward->network;
    const size_t columns = (size_t)network->model->n_input;
    int32_t *token = orr_memory_array(n, sizeof *token);
    if (!token) return orr_memory_out(err, "tokens", n * sizeof *token);
    orr_status status = ORR_OK;
    for (size_t i = 0; status == ORR_OK && i < n; ++i) {
        if (isnan(input[i]))
            status = orr_fail(err, ORR_EINVAL, "number %zu of the input is nan: only numbers lie in a bin", i);
        else
            token[i] = orr_bins_token(network->bins, (uint32_t)(i % columns), input[i]);
    }
    if (status == ORR_OK) status = orr_exec_write(forward->exec, forward->input, token, n * sizeof *token, err);
    orr_memory_free(token);
    return status;
}

/* Numbers of a prediction, or columns of a token model's. */
static size_t count_outputs(const struct orr_forward *forward)
{
    return (size_t)forward->batch * forward->time * (size_t)forward->network->model->n_output;
}

/* (batch, time, n_output, vocab_size), the caller's. */
static orr_status read_logits(struct orr_forward *forward, double **out, struct orr_error *err)
{
    const size_t n = count_outputs(forward) * (size_t)forward->network->model->vocab_size;
    *out = orr_memory_array(n, sizeof **out);
    if (!*out) return orr_memory_out(err, "logits", n * sizeof **out);
    const orr_status status = orr_exec_read_real(forward->exec, forward->output, *out, n, err);
    if (status == ORR_OK) return ORR_OK;
    orr_memory_free(*out);
    return status;
}

/* The first of those that are equally likely. */
static int32_t most_likely(const double *logit, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; ++c)
        if (logit[c] > logit[best]) best = c;
    return (int32_t)best;
}

static orr_status read_centres(struct orr_forward *forward, double *prediction, struct orr_error *err)
{
    const struct orr_network *network = forward->network;
    const size_t classes = (size_t)network->model->vocab_size, columns = (size_t)network->model->n_output;
    double *logit;
    ORR_TRY(read_logits(forward, &logit, err));
    for (size_t i = 0; i < count_outputs(forward); ++i)
        prediction[i] =
            orr_bins_centre(network->bins, (uint32_t)(i % columns), most_likely(logit + i * classes, classes));
    orr_memory_free(logit);
    return ORR_OK;
}

/* -ln softmax(logit)[token], from differences to the largest so that nothing overflows. */
static double surprise_of(const double *logit, size_t classes, int32_t token)
{
    const double largest = logit[most_likely(logit, classes)];
    double sum = 0;
    for (size_t c = 0; c < classes; ++c)
        sum += exp(logit[c] - largest);
    return log(sum) - (logit[token] - largest);
}

orr_status orr_forward_surprise(struct orr_forward *forward, const double *target, double *out, struct orr_error *err)
{
    const struct orr_network *network = forward->network;
    const size_t classes = (size_t)network->model->vocab_size, columns = (size_t)network->model->n_output;
    double *logit;
    ORR_TRY(read_logits(forward, &logit, err));
    for (size_t i = 0; i < count_outputs(forward); ++i)
        out[i] = surprise_of(logit + i * classes, classes,
                             orr_bins_token(network->bins, (uint32_t)(i % columns), target[i]));
    orr_memory_free(logit);
    return ORR_OK;
}

orr_status orr_forward_run(struct orr_forward *forward, const double *input, double *prediction, struct orr_error *err)
{
    const struct orr_model *m = forward->network->model;
    const size_t positions = (size_t)forward->batch * forward->time, numbers = positions * (size_t)m->n_input;
    if (m->vocab_size)
        ORR_TRY(write_tokens(forward, input, numbers, err));
    else
        ORR_TRY(orr_exec_write_real(forward->exec, forward->input, input, numbers, err));
    ORR_TRY(orr_exec_run(forward->exec, err));
    if (!prediction) return orr_exec_finish(forward->exec, err);
    if (m->vocab_size) return read_centres(forward, prediction, err);
    return orr_exec_read_real(forward->exec, forward->output, prediction, count_outputs(forward), err);
}

size_t orr_forward_width(const struct orr_forward *forward, uint32_t i) { return forward->site[i].width; }

/* (batch, heads, time, key) -> (batch, time, heads, key) */
static void turn_pattern(const double *from, size_t batch, size_t heads, size_t time, double *to)
{
    for (size_t b = 0; b < batch; ++b)
        for (size_t t = 0; t < time; ++t)
            for (size_t h = 0; h < heads; ++h, to += time)
                memcpy(to, from + ((b * heads + h) * time + t) * time, time * sizeof *to);
}

orr_status orr_forward_read(struct orr_forward *forward, uint32_t i, double *out, struct orr_error *err)
{
    const struct site *site = &forward->site[i];
    const size_t count = (size_t)forward->batch * forward->time * site->width;
    if (!site->heads) return orr_exec_read_real(forward->exec, site->value, out, count, err);
    double *pattern = orr_memory_array(count, sizeof *pattern);
    if (!pattern) return orr_memory_out(err, "attention patterns", count * sizeof *pattern);
    const orr_status status = orr_exec_read_real(forward->exec, site->value, pattern, count, err);
    if (status == ORR_OK) turn_pattern(pattern, forward->batch, (size_t)site->heads, forward->time, out);
    orr_memory_free(pattern);
    return status;
}
