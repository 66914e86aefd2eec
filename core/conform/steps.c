/* The same step on two devices with every value kept, and where they part.
 *
 * How far rounding may move a value is measured: the truth computes each step once more in f32, from primitives with
 * noise on what they give (conform/noise.h).
 */
#include "conform/steps.h"

#include "base/memory.h"
#include "conform/distance.h"
#include "conform/noise.h"
#include "graph/optable.h"
#include "train/fresh.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LINES = 10 };
struct side {
    struct orr_step step;
    struct orr_exec *exec;
    struct orr_fresh *fresh;
};

struct comparison {
    const struct orr_steps_check *check;
    struct orr_parameters p;
    struct side tested, truth, noisy;
    struct orr_open_device noisy_device;
    struct orr_backend_ops noisy_ops;
    double *a, *b;    /* one value of each */
    double *furthest; /* by value: over all steps */
};

static orr_status open_side(struct comparison *c, struct side *side, struct orr_open_device *device, uint32_t real,
                            struct orr_error *err)
{
    const struct orr_exec_options keep = {.keep_all = true};
    struct orr_train_job job = *c->check->job;
    job.real = real;
    ORR_TRY(orr_step_build(&job, &c->p, c->check->steps, &side->step, err));
    ORR_TRY(orr_exec_create(side->step.graph, device, &keep, &side->exec, err));
    ORR_TRY(orr_step_upload(&job, &side->step, side->exec, err));
    return orr_fresh_create(c->check->job, &side->step, &side->fresh, err);
}

static void close_side(struct side *side)
{
    orr_fresh_destroy(side->fresh);
    orr_exec_destroy(side->exec);
    orr_step_fini(&side->step);
}

static orr_status run_side(struct side *side, uint64_t step, struct orr_error *err)
{
    ORR_TRY(orr_fresh_provide(side->fresh, step, side->exec, err));
    return orr_exec_run(side->exec, err);
}

static orr_status open_both(struct comparison *c, struct orr_error *err)
{
    const struct orr_train_job *job = c->check->job;
    const uint32_t real = orr_device_has_type(&c->check->truth->info, ORR_F64) ? ORR_F64 : ORR_F32;
    ORR_TRY(orr_model_parameters(job->model, &c->p, err));
    ORR_TRY(orr_parameters_arrange(&c->p, job->config->decay_patterns, job->config->n_decay_patterns, err));
    ORR_TRY(open_side(c, &c->tested, job->device, ORR_F32, err));
    ORR_TRY(open_side(c, &c->truth, c->check->truth, real, err));
    orr_noise_device(c->check->truth, &c->noisy_device, &c->noisy_ops);
    ORR_TRY(open_side(c, &c->noisy, &c->noisy_device, ORR_F32, err));
    size_t largest = (size_t)c->p.elements;
    const struct orr_graph *g = c->truth.step.graph;
    for (size_t v = 0; v < g->n_values; ++v) {
        const size_t n = (size_t)orr_shape_count(&g->value[v].shape);
        largest = n > largest ? n : largest;
    }
    c->a = orr_memory_array(largest, sizeof *c->a);
    c->b = orr_memory_array(largest, sizeof *c->b);
    c->furthest = orr_memory_array(g->n_values, sizeof *c->furthest);
    return c->a && c->b && c->furthest ? ORR_OK : orr_memory_out(err, "a comparison", largest * 16);
}

static void close_both(struct comparison *c)
{
    close_side(&c->tested);
    close_side(&c->truth);
    close_side(&c->noisy);
    orr_parameters_fini(&c->p);
    orr_memory_free(c->a);
    orr_memory_free(c->b);
    orr_memory_free(c->furthest);
}

static orr_handle block_of(const struct orr_step *s, uint32_t k) { return k == 0 ? s->parameters : s->state[k - 1]; }

/* All begin from the truth's parameters and optimiser state, rounded to float; the first time from the initial ones. */
static orr_status give_state(struct comparison *c, bool first, struct orr_error *err)
{
    const size_t n = (size_t)c->p.elements;
    for (uint32_t k = 0; k <= c->truth.step.n_state; ++k) {
        if (first && k == 0) {
            orr_parameters_initialise(&c->p, c->check->job->config->seed, (float *)c->b);
            for (size_t e = n; e-- > 0;)
                c->a[e] = (double)((const float *)c->b)[e];
        } else {
            ORR_TRY(orr_exec_read_real(c->truth.exec, block_of(&c->truth.step, k), c->a, n, err));
        }
        for (size_t e = 0; e < n; ++e)
            c->a[e] = (double)(float)c->a[e];
        ORR_TRY(orr_exec_write_real(c->truth.exec, block_of(&c->truth.step, k), c->a, n, err));
        ORR_TRY(orr_exec_write_real(c->tested.exec, block_of(&c->tested.step, k), c->a, n, err));
        ORR_TRY(orr_exec_write_real(c->noisy.exec, block_of(&c->noisy.step, k), c->a, n, err));
    }
    return ORR_OK;
}

static orr_status distance_of(struct comparison *c, const struct side *side, orr_handle v, double *distance,
                              struct orr_error *err)
{
    const struct orr_shape *shape = &side->step.graph->value[v].shape;
    const size_t n = (size_t)orr_shape_count(shape);
    if (shape->dtype == ORR_I32) {
        ORR_TRY(orr_exec_read(side->exec, v, c->a, n * sizeof(int32_t), err));
        ORR_TRY(orr_exec_read(c->truth.exec, v, c->b, n * sizeof(int32_t), err));
        *distance = memcmp(c->a, c->b, n * sizeof(int32_t)) ? HUGE_VAL : 0.0;
        return ORR_OK;
    }
    ORR_TRY(orr_exec_read_real(side->exec, v, c->a, n, err));
    ORR_TRY(orr_exec_read_real(c->truth.exec, v, c->b, n, err));
    *distance = orr_distance_relative(c->a, c->b, n, 1e-12);
    return ORR_OK;
}

static void describe(const struct comparison *c, orr_handle v, double distance, char *text, size_t size)
{
    const struct orr_graph *g = c->tested.step.graph;
    const struct orr_graph_value *value = &g->value[v];
    char shape[96];
    orr_shape_print(&value->shape, shape, sizeof shape);
    snprintf(text, size, "%.3g  %%%d %s %s %s", distance, (int)v, orr_op_by_id(g->node[value->node].op)->name, shape,
             value->name ? value->name : "");
}

static orr_status compare_step(struct comparison *c, uint64_t step, struct orr_steps_result *r, struct orr_error *err)
{
    const struct orr_graph *g = c->tested.step.graph;
    r->n_values = 0;
    for (size_t v = 0; v < g->n_values; ++v) {
        const struct orr_graph_value *value = &g->value[v];
        double d = 0.0, moved = 0.0;
        if (value->node == ORR_NONE || g->node[value->node].op == ORR_NODE_VIEW) continue;
        ORR_TRY(distance_of(c, &c->tested, (orr_handle)v, &d, err));
        ++r->n_values;
        c->furthest[v] = fmax(c->furthest[v], d);
        if (d > r->worst) {
            r->worst = d;
            describe(c, (orr_handle)v, d, r->worst_value, sizeof r->worst_value);
        }
        if (d <= ORR_COMPOSED_BOUND || r->diverged[0]) continue;
        ORR_TRY(distance_of(c, &c->noisy, (orr_handle)v, &moved, err));
        if (!(ORR_NOISE_SHARE * moved <= ORR_NOISE_MOST)) {
            ++r->n_unjudged;
            continue;
        }
        r->noise = fmax(r->noise, ORR_NOISE_SHARE * moved);
        if (d <= ORR_COMPOSED_BOUND + ORR_NOISE_SHARE * moved) continue;
        r->allowed = ORR_COMPOSED_BOUND + ORR_NOISE_SHARE * moved;
        r->diverged_step = step;
        describe(c, (orr_handle)v, d, r->diverged, sizeof r->diverged);
    }
    return ORR_OK;
}

static void print_furthest(struct comparison *c, FILE *to)
{
    const struct orr_graph *g = c->tested.step.graph;
    char text[300];
    for (int line = 0; line < LINES; ++line) {
        size_t best = 0;
        for (size_t v = 0; v < g->n_values; ++v)
            if (c->furthest[v] > c->furthest[best]) best = v;
        if (c->furthest[best] <= 0.0) return;
        describe(c, (orr_handle)best, c->furthest[best], text, sizeof text);
        fprintf(to, "  %s\n", text);
        c->furthest[best] = 0.0;
    }
}

orr_status orr_steps_compare(const struct orr_steps_check *check, struct orr_steps_result *result, FILE *to,
                             struct orr_error *err)
{
    struct comparison c = {.check = check};
    *result = (struct orr_steps_result){.worst = 0.0};
    orr_status status = open_both(&c, err);
    for (uint64_t step = 0; step < check->steps && status == ORR_OK; ++step) {
        status = give_state(&c, step == 0, err);
        if (status == ORR_OK) status = run_side(&c.truth, step, err);
        if (status == ORR_OK) status = run_side(&c.tested, step, err);
        if (status == ORR_OK) status = run_side(&c.noisy, step, err);
        if (status == ORR_OK) status = compare_step(&c, step, result, err);
    }
    if (status == ORR_OK) {
        fprintf(to, "%" PRIu64 " steps, %zu values each, furthest apart (||a - b|| / ||b||):\n", check->steps,
                result->n_values);
        print_furthest(&c, to);
        if (result->noise > 0.0) fprintf(to, "allowed for rounding, as noise moves it: up to %.3g\n", result->noise);
        if (result->n_unjudged)
            fprintf(to, "not judged, since rounding alone may move them by more than %g: %zu values\n", ORR_NOISE_MOST,
                    result->n_unjudged);
    }
    close_both(&c);
    if (status != ORR_OK || !result->diverged[0]) return status;
    return orr_fail(err, ORR_ENUMERIC, "step %" PRIu64 ": the first value beyond %g is %s", result->diverged_step,
                    result->allowed, result->diverged);
}
