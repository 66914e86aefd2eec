/* One training step as a static graph.
 *
 * In: a job (data, windows, model, configuration) and the layout of its parameters. Out: a graph of two programs,
 * gradients and update, that needs nothing from the host between runs.
 */
#include "train/step.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static orr_handle whole_number(struct orr_graph *g, int64_t n, int64_t value)
{
    const struct orr_shape shape = {.dtype = ORR_I32, .rank = 1, .dim = {n}};
    return orr_fill(g, &shape, (double)value);
}

/* What a message calls the value when it is not finite. */
static orr_handle named(struct orr_graph *g, const char *name, orr_handle v)
{
    orr_graph_name(g, v, name);
    return v;
}

static orr_handle block(struct orr_graph *g, const char *name, const struct orr_parameters *p)
{
    return orr_graph_input(g, name, g->real, 1, &p->elements);
}

/* Numbers of fresh trajectories on the device at a time: enough that an upload is seldom, few enough to be nothing. */
enum { FRESH_NUMBERS = 1 << 20 };

static int64_t steps_at_a_time(const struct orr_train_job *job)
{
    const struct orr_dataset *data = job->data;
    const uint64_t numbers = (uint64_t)job->config->batch * data->config.steps * data->n_observed;
    const uint64_t chunk = numbers < FRESH_NUMBERS ? FRESH_NUMBERS / numbers : 1;
    return (int64_t)(chunk < job->config->steps ? chunk : job->config->steps);
}

static void add_data(struct orr_step *s, const struct orr_train_job *job)
{
    struct orr_graph *g = s->graph;
    const struct orr_dataset *data = job->data;
    const int64_t one = 1, windows = (int64_t)job->windows->count, fresh[] = {s->chunk, s->batch};
    const int64_t trajectories = s->chunk ? s->chunk * s->batch : (int64_t)data->n_train;
    const int64_t rows[] = {trajectories * data->config.steps, data->n_observed};
    s->data = orr_graph_input(g, "data", job->model->vocab_size ? ORR_I32 : g->real, 2, rows);
    s->starts = s->chunk ? orr_graph_input(g, "window_starts", ORR_I32, 2, fresh)
                         : orr_graph_input(g, "window_starts", ORR_I32, 1, &windows);
    s->offset = s->chunk ? orr_graph_input(g, "minus_first_step", ORR_I32, 1, &one) : ORR_NONE;
}

static void add_inputs(struct orr_step *s, const struct orr_train_job *job, const struct orr_parameters *p)
{
    struct orr_graph *g = s->graph;
    const struct orr_optimiser_block *name;
    const int64_t one = 1, table[] = {(int64_t)job->config->steps, 4};
    add_data(s, job);
    s->schedule = orr_graph_input(g, "schedule", g->real, 2, table);
    s->step = orr_graph_input(g, "step", ORR_I32, 1, &one);
    s->parameters = block(g, "parameters", p);
    s->n_state = orr_optimiser_blocks(&job->config->optimiser, &name);
    for (uint32_t k = 0; k < s->n_state; ++k)
        s->state[k] = block(g, name[k].name, p);
    s->gradient = block(g, "gradient", p);
    s->ring = orr_graph_input(g, "loss_ring", g->real, 1, &s->ring_rows);
}

/* Rows of data at which the windows of the batch begin: all, the fresh ones of this step, or drawn ones. */
static orr_handle add_windows(struct orr_step *s, const struct orr_train_job *job)
{
    struct orr_graph *g = s->graph;
    const struct orr_train_config *c = job->config;
    if (c->full_batch) return orr_copy(g, s->starts);
    if (c->fresh) return orr_reshape(g, orr_gather(g, s->starts, orr_add(g, s->step, s->offset), 0), 1, &s->batch);
    const orr_handle pick =
        orr_random_integers(g, s->step, c->seed, ORR_STREAM_WINDOWS, (int64_t)job->windows->count, 1, &s->batch);
    orr_graph_set_batch(g, pick, (uint32_t)s->batch);
    return orr_gather(g, s->starts, pick, 0);
}

/* Choose windows and cut inputs and targets out of the data. */
static void add_batch(struct orr_step *s, const struct orr_train_job *job)
{
    struct orr_graph *g = s->graph;
    const struct orr_train_config *c = job->config;
    const struct orr_windows *w = job->windows;
    const int64_t batch = s->batch, length = w->length;
    s->window = named(g, "window", add_windows(s, job));
    orr_graph_set_batch(g, s->window, (uint32_t)batch);
    s->input = orr_gather(g, s->data, s->window, length);
    /* Targets lie one point later; where only the last position counts, only its target is fetched. */
    const orr_handle first_target = orr_add(g, s->window, whole_number(g, batch, w->whole ? 1 : length));
    s->target = named(g, "target", orr_gather(g, s->data, first_target, w->whole ? length : 1));
    if (c->noise > 0) {
        const int64_t dim[] = {batch, length, job->data->n_observed};
        const orr_handle noise = orr_random_normals(g, s->step, c->seed, ORR_STREAM_NOISE, c->noise, 3, dim);
        orr_graph_set_batch(g, noise, (uint32_t)batch);
        s->input = orr_add(g, s->input, named(g, "noise", noise));
    }
    s->input = named(g, "input", s->input);
}

static void add_loss(struct orr_step *s, const struct orr_train_job *job, const struct orr_parameters *p,
                     const orr_handle *views)
{
    struct orr_graph *g = s->graph;
    s->prediction = orr_model_forward(g, job->model, p, views, s->input, false);
    if (!job->windows->whole) s->prediction = orr_slice(g, s->prediction, 1, (int64_t)job->windows->length - 1, 1);
    s->loss = named(g, "loss", orr_model_loss(g, job->model, s->prediction, s->target));
    orr_put(g, s->ring, s->step, s->loss);
}

/* Gradients of all parameters into the gradient block. One that the loss does not depend on stays zero there. */
static void add_gradients(struct orr_step *s, const struct orr_parameters *p, const orr_handle *views,
                          orr_handle *gradient, orr_handle *place)
{
    orr_graph_gradient(s->graph, s->loss, views, p->count, gradient);
    orr_parameters_views(s->graph, p, s->gradient, place);
    for (size_t i = 0; i < p->count; ++i) {
        if (gradient[i] == ORR_NONE) continue;
        char name[sizeof p->item->name + 16];
        snprintf(name, sizeof name, "gradient of %s", p->item[i].name);
        orr_graph_place(s->graph, named(s->graph, name, gradient[i]), place[i]);
    }
}

static void add_optimiser(struct orr_step *s, const struct orr_optimiser *o, bool decays, orr_handle row, int64_t first,
                          int64_t count)
{
    if (count == 0) return;
    struct orr_graph *g = s->graph;
    orr_handle state[ORR_OPTIMISER_BLOCKS_MAX];
    for (uint32_t k = 0; k < s->n_state; ++k)
        state[k] = orr_graph_view(g, s->state[k], first, 1, &count);
    orr_optimiser_build(g, o, decays, orr_graph_view(g, s->parameters, first, 1, &count), state,
                        orr_graph_view(g, s->gradient, first, 1, &count), row);
}

static void add_update(struct orr_step *s, const struct orr_train_job *job, const struct orr_parameters *p)
{
    struct orr_graph *g = s->graph;
    const struct orr_optimiser *o = &job->config->optimiser;
    const int64_t four = 4;
    orr_graph_cut(g, "update");
    const orr_handle row = orr_reshape(g, orr_gather(g, s->schedule, s->step, 0), 1, &four);
    add_optimiser(s, o, true, row, 0, p->decayed_elements);
    add_optimiser(s, o, false, row, p->decayed_elements, p->elements - p->decayed_elements);
    orr_add_in_place(g, s->step, whole_number(g, 1, 1));
}

static void add_all(struct orr_step *s, const struct orr_train_job *job, const struct orr_parameters *p,
                    orr_handle *handles)
{
    orr_handle *views = handles, *gradient = handles + p->count, *place = handles + 2 * p->count;
    add_inputs(s, job, p);
    add_batch(s, job);
    orr_parameters_views(s->graph, p, s->parameters, views);
    add_loss(s, job, p, views);
    add_gradients(s, p, views, gradient, place);
    add_update(s, job, p);
}

int64_t orr_train_batch(const struct orr_train_job *job)
{
    return job->config->full_batch ? (int64_t)job->windows->count : (int64_t)job->config->batch;
}

orr_status orr_step_build(const struct orr_train_job *job, const struct orr_parameters *p, uint64_t ring_rows,
                          struct orr_step *out, struct orr_error *err)
{
    *out = (struct orr_step){.ring_rows = (int64_t)ring_rows, .batch = orr_train_batch(job)};
    if (job->config->fresh) out->chunk = steps_at_a_time(job);
    orr_handle *handles = orr_memory_array(3 * p->count, sizeof *handles);
    if (!handles) return orr_memory_out(err, "a training step", 3 * p->count * sizeof *handles);
    orr_status status = orr_graph_create(job->real ? job->real : ORR_F32, &out->graph, err);
    if (status == ORR_OK) {
        add_all(out, job, p, handles);
        status = orr_graph_status(out->graph, err);
    }
    orr_memory_free(handles);
    if (status != ORR_OK) orr_step_fini(out);
    return status;
}

void orr_step_fini(struct orr_step *step)
{
    orr_graph_destroy(step->graph);
    *step = (struct orr_step){.graph = NULL};
}

/* Real values of the device from floats of the host. */
static orr_status write_floats(struct orr_exec *exec, uint32_t real, orr_handle v, const float *data, size_t n,
                               struct orr_error *err)
{
    if (real == ORR_F32) return orr_exec_write(exec, v, data, n * sizeof *data, err);
    double *wide = orr_memory_array(n, sizeof *wide);
    if (!wide) return orr_memory_out(err, "data in double", n * sizeof *wide);
    for (size_t i = 0; i < n; ++i)
        wide[i] = (double)data[i];
    const orr_status status = orr_exec_write_real(exec, v, wide, n, err);
    orr_memory_free(wide);
    return status;
}

static orr_status write_tokens(const struct orr_train_job *job, const struct orr_step *step, struct orr_exec *exec,
                               const float *points, size_t rows, struct orr_error *err)
{
    const size_t n = rows * job->data->n_observed;
    int32_t *token = orr_memory_array(n, sizeof *token);
    if (!token) return orr_memory_out(err, "tokens", n * sizeof *token);
    orr_bins_tokens(&job->data->bins, job->data->n_observed, rows, points, token);
    const orr_status status = orr_exec_write(exec, step->data, token, n * sizeof *token, err);
    orr_memory_free(token);
    return status;
}

orr_status orr_step_write_points(const struct orr_train_job *job, const struct orr_step *step, struct orr_exec *exec,
                                 const float *points, size_t rows, struct orr_error *err)
{
    if (job->model->vocab_size) return write_tokens(job, step, exec, points, rows, err);
    return write_floats(exec, step->graph->real, step->data, points, rows * job->data->n_observed, err);
}

orr_status orr_step_upload(const struct orr_train_job *job, const struct orr_step *step, struct orr_exec *exec,
                           struct orr_error *err)
{
    const struct orr_dataset *data = job->data;
    const struct orr_train_config *c = job->config;
    if (!c->fresh) {
        ORR_TRY(
            orr_step_write_points(job, step, exec, data->observed, (size_t)data->n_train * data->config.steps, err));
        ORR_TRY(orr_exec_write(exec, step->starts, job->windows->start, job->windows->count * sizeof(int32_t), err));
    }
    double *rows = orr_memory_array((size_t)c->steps, 4 * sizeof *rows);
    if (!rows) return orr_memory_out(err, "the schedule", (size_t)c->steps * 4 * sizeof *rows);
    orr_schedule_rows(&c->schedule, c->steps, c->optimiser.beta1, c->optimiser.beta2, 0, c->steps, rows);
    const orr_status status = orr_exec_write_real(exec, step->schedule, rows, (size_t)c->steps * 4, err);
    orr_memory_free(rows);
    return status;
}
