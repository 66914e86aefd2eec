/* The graph of `orrery forward`: two programs, one up to the gradients, one with a step of AdamW (Loshchilov and Hutter
 * 2019, arXiv 1711.05101).
 *
 * In: weights, a batch. Out: values on a device, to be read by handle. */
#include "cli/forward_graph.h"

#include "base/memory.h"
#include "train/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BETA1 0.9
#define BETA2 0.999
#define EPS   1e-8

enum { GRADIENTS = 0, UPDATE = 1 };

/* --- building -------------------------------------------------------------------------------- */

static orr_handle batch_input(struct orr_graph *g, const char *name, const struct orr_forward_array *a)
{
    const uint32_t dtype = a->token ? (uint32_t)ORR_I32 : g->real;
    const orr_handle v = orr_graph_input(g, name, dtype, 3, a->dim);
    orr_graph_set_batch(g, v, (uint32_t)a->dim[0]);
    return v;
}

/* Where there are fewer targets than predictions, the last positions count. */
static void add_loss(struct orr_forward_graph *f, const struct orr_forward_job *job)
{
    struct orr_graph *g = f->graph;
    const struct orr_graph_value *value = orr_graph_value(g, f->prediction);
    const int64_t *dim = job->target->dim;
    if (!value) return;
    const int64_t batch = value->shape.dim[0], time = value->shape.dim[1];
    if (dim[0] != batch || dim[1] > time) {
        orr_graph_reject(g, ORR_EINVAL,
                         "--targets has batch %" PRId64 " and time %" PRId64 ": expected batch %" PRId64
                         " as --input has, and time up to %" PRId64,
                         dim[0], dim[1], batch, time);
        return;
    }
    f->target = batch_input(g, "target", job->target);
    const orr_handle counted = dim[1] < time ? orr_slice(g, f->prediction, 1, time - dim[1], dim[1]) : f->prediction;
    f->loss = orr_model_loss(g, &job->weights->model, counted, f->target);
    orr_graph_name(g, f->loss, "loss");
    orr_graph_keep(g, f->loss);
}

/* One that the loss does not depend on stays zero in the block. */
static void add_gradients(struct orr_forward_graph *f, const struct orr_parameters *p, const orr_handle *views,
                          orr_handle *gradient, orr_handle *place)
{
    f->gradient = orr_graph_input(f->graph, "gradient", f->graph->real, 1, &p->elements);
    orr_graph_gradient(f->graph, f->loss, views, p->count, gradient);
    orr_parameters_views(f->graph, p, f->gradient, place);
    for (size_t i = 0; i < p->count; ++i)
        if (gradient[i] != ORR_NONE) orr_graph_place(f->graph, gradient[i], place[i]);
}

static void add_update(struct orr_forward_graph *f, const struct orr_forward_job *job)
{
    struct orr_graph *g = f->graph;
    const int64_t *elements = &job->weights->parameters.elements, rows[] = {job->n_steps, 4}, one = 1;
    const struct orr_adamw adamw = {BETA1, BETA2, EPS, job->weight_decay};
    f->first_moment = orr_graph_input(g, "first_moment", g->real, 1, elements);
    f->second_moment = orr_graph_input(g, "second_moment", g->real, 1, elements);
    f->schedule = orr_graph_input(g, "schedule", g->real, 2, rows);
    f->step = orr_graph_input(g, "step", ORR_I32, 1, &one);
    orr_graph_cut(g, "update");
    /* A view taken here sees what was placed in the block. */
    orr_adamw_in_place(g, &adamw, f->parameters, f->first_moment, f->second_moment,
                       orr_graph_view(g, f->gradient, 0, 1, elements), orr_gather(g, f->schedule, f->step, 0));
    const struct orr_shape counter = {.dtype = ORR_I32, .rank = 1, .dim = {1}};
    orr_add_in_place(g, f->step, orr_fill(g, &counter, 1.0));
}

static bool needs_open_attention(const struct orr_forward_job *job)
{
    for (size_t i = 0; i < job->n_hooks; ++i)
        if (orr_model_hook_is_inside_attention(job->hooks[i])) return true;
    return false;
}

static orr_status keep_hooks(struct orr_forward_graph *f, const struct orr_forward_job *job, struct orr_error *err)
{
    for (size_t i = 0; i < job->n_hooks; ++i) {
        f->hook[i] = orr_graph_find(f->graph, job->hooks[i]);
        if (f->hook[i] == ORR_NONE)
            return orr_fail(err, ORR_EBUG, "the model has no %s after all: please report this", job->hooks[i]);
        orr_graph_keep(f->graph, f->hook[i]);
    }
    return ORR_OK;
}

/* handles: room for three a parameter. */
static orr_status build(struct orr_forward_graph *f, const struct orr_forward_job *job, orr_handle *handles,
                        struct orr_error *err)
{
    struct orr_graph *g = f->graph;
    const struct orr_weights *w = job->weights;
    const size_t n = w->parameters.count;
    f->input = batch_input(g, "input", job->input);
    f->parameters = orr_graph_input(g, "parameters", g->real, 1, &w->parameters.elements);
    orr_parameters_views(g, &w->parameters, f->parameters, handles);
    f->prediction = orr_model_forward(g, &w->model, &w->parameters, handles, f->input, needs_open_attention(job));
    orr_graph_keep(g, f->prediction);
    ORR_TRY(orr_graph_status(g, err));
    ORR_TRY(keep_hooks(f, job, err));
    if (job->target) add_loss(f, job);
    if (job->gradients || job->n_steps > 0) add_gradients(f, &w->parameters, handles, handles + n, handles + 2 * n);
    if (job->n_steps > 0) add_update(f, job);
    return orr_graph_status(g, err);
}

/* --- uploading ------------------------------------------------------------------------------- */

static orr_status write_batch(struct orr_forward_graph *f, orr_handle v, const struct orr_forward_array *a,
                              struct orr_error *err)
{
    if (a->token) return orr_exec_write(f->exec, v, a->token, a->elements * sizeof *a->token, err);
    return orr_exec_write_real(f->exec, v, a->number, a->elements, err);
}

static orr_status write_schedule(struct orr_forward_graph *f, const struct orr_forward_job *job, struct orr_error *err)
{
    const struct orr_schedule constant = {.kind = ORR_SCHEDULE_CONSTANT, .learning_rate = job->learning_rate};
    const size_t n = (size_t)job->n_steps;
    double *rows = orr_memory_array(n, 4 * sizeof *rows);
    if (!rows) return orr_memory_out(err, "the schedule", n * 4 * sizeof *rows);
    orr_schedule_rows(&constant, n, BETA1, BETA2, 0, n, rows);
    const orr_status status = orr_exec_write_real(f->exec, f->schedule, rows, n * 4, err);
    orr_memory_free(rows);
    return status;
}

static orr_status upload(struct orr_forward_graph *f, const struct orr_forward_job *job, struct orr_error *err)
{
    const struct orr_weights *w = job->weights;
    ORR_TRY(write_batch(f, f->input, job->input, err));
    if (job->target) ORR_TRY(write_batch(f, f->target, job->target, err));
    if (job->n_steps > 0) ORR_TRY(write_schedule(f, job, err));
    return orr_exec_write_real(f->exec, f->parameters, w->block, (size_t)w->parameters.elements, err);
}

static orr_status check_device(const struct orr_forward_job *job, struct orr_error *err)
{
    if (orr_device_has_type(&job->device->info, job->real)) return ORR_OK;
    return orr_fail(err, ORR_EUNSUPPORTED,
                    "device %s (%s) does not compute in %s: give --dtype %s, or --device reference",
                    job->device->plugin->name, job->device->info.name, orr_dtype_name(job->real),
                    job->real == ORR_F64 ? "f32" : "f64");
}

orr_status orr_forward_graph_init(const struct orr_forward_job *job, struct orr_forward_graph *out,
                                  struct orr_error *err)
{
    const size_t n = job->weights->parameters.count;
    *out = (struct orr_forward_graph){.hook = NULL};
    ORR_TRY(check_device(job, err));
    orr_handle *handles = orr_memory_array(3 * n, sizeof *handles);
    out->hook = orr_memory_array(job->n_hooks, sizeof *out->hook);
    orr_status status = handles && out->hook ? ORR_OK : orr_memory_out(err, "a graph", 3 * n * sizeof *handles);
    if (status == ORR_OK) status = orr_graph_create(job->real, &out->graph, err);
    if (status == ORR_OK) status = build(out, job, handles, err);
    if (status == ORR_OK) status = orr_exec_create(out->graph, job->device, NULL, &out->exec, err);
    if (status == ORR_OK) status = upload(out, job, err);
    orr_memory_free(handles);
    if (status != ORR_OK) orr_forward_graph_fini(out);
    return status;
}

void orr_forward_graph_fini(struct orr_forward_graph *f)
{
    orr_exec_destroy(f->exec);
    orr_graph_destroy(f->graph);
    orr_memory_free(f->hook);
    *f = (struct orr_forward_graph){.hook = NULL};
}

/* --- running --------------------------------------------------------------------------------- */

orr_status orr_forward_graph_run(struct orr_forward_graph *f, struct orr_error *err)
{
    return orr_exec_run_program(f->exec, GRADIENTS, err);
}

orr_status orr_forward_graph_train(struct orr_forward_graph *f, const struct orr_forward_job *job, double *block,
                                   struct orr_error *err)
{
    const size_t n = (size_t)job->weights->parameters.elements;
    for (int64_t step = 0; step < job->n_steps; ++step) {
        if (step > 0) ORR_TRY(orr_exec_run_program(f->exec, GRADIENTS, err));
        ORR_TRY(orr_exec_run_program(f->exec, UPDATE, err));
    }
    ORR_TRY(orr_exec_read_real(f->exec, f->parameters, block, n, err));
    for (size_t i = 0; i < n; ++i)
        if (!isfinite(block[i]))
            return orr_fail(err, ORR_ENUMERIC, "after %" PRId64 " steps of AdamW a parameter is %g: lower --lr %g",
                            job->n_steps, block[i], job->learning_rate);
    return ORR_OK;
}

orr_status orr_forward_graph_read(const struct orr_forward_graph *f, orr_handle v, struct orr_array *out,
                                  struct orr_error *err)
{
    const struct orr_graph_value *value = orr_graph_value(f->graph, v);
    if (!value) return orr_fail(err, ORR_EBUG, "no such value in the graph: please report this");
    const size_t bytes = (size_t)orr_shape_bytes(&value->shape);
    *out = (struct orr_array){
        .dtype = value->shape.dtype, .rank = value->shape.rank, .data = orr_memory_aligned(bytes, 64)};
    if (!out->data) return orr_memory_out(err, value->name ? value->name : "a value", bytes);
    memcpy(out->dim, value->shape.dim, sizeof out->dim);
    const orr_status status = orr_exec_read(f->exec, v, out->data, bytes, err);
    if (status != ORR_OK) orr_array_fini(out);
    return status;
}
