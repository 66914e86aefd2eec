/* One training step as a static graph.
 *
 * In: a job (data, windows, model, configuration) and the layout of its parameters. Out: a graph of two programs,
 * gradients and update, that needs nothing from the host between runs. AdamW: Loshchilov and Hutter 2019 (1711.05101).
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

static void add_inputs(struct orr_step *s, const struct orr_train_job *job, const struct orr_parameters *p)
{
    struct orr_graph *g = s->graph;
    const struct orr_dataset *data = job->data;
    const int64_t rows[] = {(int64_t)(data->n_train * data->config.steps), data->n_observed};
    const int64_t windows = (int64_t)job->windows->count, one = 1;
    const int64_t table[] = {(int64_t)job->config->steps, 4};
    s->data = orr_graph_input(g, "data", g->real, 2, rows);
    s->starts = orr_graph_input(g, "window_starts", ORR_I32, 1, &windows);
    s->schedule = orr_graph_input(g, "schedule", g->real, 2, table);
    s->step = orr_graph_input(g, "step", ORR_I32, 1, &one);
    s->parameters = block(g, "parameters", p);
    s->first_moment = block(g, "first_moment", p);
    s->second_moment = block(g, "second_moment", p);
    s->gradient = block(g, "gradient", p);
    s->ring = orr_graph_input(g, "loss_ring", g->real, 1, &s->ring_rows);
}

/* Choose windows and cut inputs and targets out of the data. */
static void add_batch(struct orr_step *s, const struct orr_train_job *job)
{
    struct orr_graph *g = s->graph;
    const struct orr_train_config *c = job->config;
    const struct orr_windows *w = job->windows;
    const int64_t batch = c->batch, length = w->length;
    const orr_handle pick = orr_random_integers(g, s->step, c->seed, ORR_STREAM_WINDOWS, (int64_t)w->count, 1, &batch);
    orr_graph_set_batch(g, pick, c->batch);
    s->window = named(g, "window", orr_gather(g, s->starts, pick, 0));
    s->input = orr_gather(g, s->data, s->window, length);
    /* Targets lie one point later; where only the last position counts, only its target is fetched. */
    const orr_handle first_target = orr_add(g, s->window, whole_number(g, batch, w->whole ? 1 : length));
    s->target = named(g, "target", orr_gather(g, s->data, first_target, w->whole ? length : 1));
    if (c->noise > 0) {
        const int64_t dim[] = {batch, length, job->data->n_observed};
        const orr_handle noise = orr_random_normals(g, s->step, c->seed, ORR_STREAM_NOISE, c->noise, 3, dim);
        orr_graph_set_batch(g, noise, c->batch);
        s->input = orr_add(g, s->input, named(g, "noise", noise));
    }
    s->input = named(g, "input", s->input);
}

static void add_loss(struct orr_step *s, const struct orr_train_job *job, const struct orr_parameters *p,
                     const orr_handle *views)
{
    struct orr_graph *g = s->graph;
    s->prediction = orr_transformer_forward(g, job->model, p, views, s->input, false);
    if (!job->windows->whole) s->prediction = orr_slice(g, s->prediction, 1, (int64_t)job->windows->length - 1, 1);
    s->loss = named(g, "loss", orr_mse(g, s->prediction, s->target));
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

static void add_adamw(struct orr_step *s, const struct orr_adamw *a, orr_handle row, int64_t first, int64_t count)
{
    if (count == 0) return;
    struct orr_graph *g = s->graph;
    orr_adamw_in_place(
        g, a, orr_graph_view(g, s->parameters, first, 1, &count), orr_graph_view(g, s->first_moment, first, 1, &count),
        orr_graph_view(g, s->second_moment, first, 1, &count), orr_graph_view(g, s->gradient, first, 1, &count), row);
}

static void add_update(struct orr_step *s, const struct orr_train_job *job, const struct orr_parameters *p)
{
    struct orr_graph *g = s->graph;
    const struct orr_adamw decayed = job->config->adamw;
    struct orr_adamw undecayed = decayed;
    undecayed.weight_decay = 0;
    const int64_t four = 4;
    orr_graph_cut(g, "update");
    const orr_handle row = orr_reshape(g, orr_gather(g, s->schedule, s->step, 0), 1, &four);
    add_adamw(s, &decayed, row, 0, p->decayed_elements);
    add_adamw(s, &undecayed, row, p->decayed_elements, p->elements - p->decayed_elements);
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

orr_status orr_step_build(const struct orr_train_job *job, const struct orr_parameters *p, uint64_t ring_rows,
                          struct orr_step *out, struct orr_error *err)
{
    *out = (struct orr_step){.ring_rows = (int64_t)ring_rows};
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

orr_status orr_step_upload(const struct orr_train_job *job, const struct orr_step *step, struct orr_exec *exec,
                           struct orr_error *err)
{
    const struct orr_dataset *data = job->data;
    const struct orr_train_config *c = job->config;
    const size_t numbers = (size_t)data->n_train * data->config.steps * data->n_observed;
    ORR_TRY(write_floats(exec, step->graph->real, step->data, data->observed, numbers, err));
    ORR_TRY(orr_exec_write(exec, step->starts, job->windows->start, job->windows->count * sizeof(int32_t), err));

    double *rows = orr_memory_array((size_t)c->steps, 4 * sizeof *rows);
    if (!rows) return orr_memory_out(err, "the schedule", (size_t)c->steps * 4 * sizeof *rows);
    orr_schedule_rows(&c->schedule, c->steps, c->adamw.beta1, c->adamw.beta2, 0, c->steps, rows);
    const orr_status status = orr_exec_write_real(exec, step->schedule, rows, (size_t)c->steps * 4, err);
    orr_memory_free(rows);
    return status;
}
