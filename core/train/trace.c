/* Timed steps, and their trace file.
 *
 * In: a step that is ready to run, on a device that keeps time. Out: nanoseconds of every call; JSON in the Trace Event
 * Format (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU), which is in microseconds.
 */
#include "train/trace.h"

#include "base/memory.h"
#include "graph/optable.h"
#include "io/file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- taking ---- */

/* Whole nanoseconds, so that sums of them are exact. */
static orr_status read_clock(struct orr_stepper *s, double *seconds, uint64_t *call, struct orr_error *err)
{
    const struct orr_plan *plan = orr_exec_plan(s->exec);
    for (size_t p = 0; p < plan->n_programs; ++p) {
        if (plan->program[p].count) ORR_TRY(orr_exec_elapsed(s->exec, p, seconds + plan->program[p].first, err));
    }
    for (size_t i = 0; i < plan->n_calls; ++i)
        call[i] = seconds[i] > 0 && seconds[i] < 1e9 ? (uint64_t)llround(1e9 * seconds[i]) : 0;
    return ORR_OK;
}

static orr_status take_steps(struct orr_stepper *s, struct orr_trace *t, double *seconds, struct orr_error *err)
{
    struct orr_counters before;
    ORR_TRY(orr_stepper_run(s, 1, err));
    t->counted = orr_device_counters(t->device, &before);
    const uint64_t start = now();
    for (size_t k = 0; k < t->n_steps; ++k) {
        const uint64_t begin = now();
        ORR_TRY(orr_stepper_run(s, 1, err));
        t->wall[k] = now() - begin;
        t->begin[k] = begin - start;
        ORR_TRY(read_clock(s, seconds, t->call + k * t->n_calls, err));
    }
    orr_device_counters(t->device, &t->counters);
    orr_counters_since(&before, &t->counters);
    return ORR_OK;
}

static orr_status take(struct orr_stepper *s, struct orr_trace *t, struct orr_error *err)
{
    double *seconds = orr_memory_array(t->n_calls, sizeof *seconds);
    t->begin = orr_memory_array(t->n_steps, sizeof *t->begin);
    t->wall = orr_memory_array(t->n_steps, sizeof *t->wall);
    t->call = orr_memory_array(t->n_steps * t->n_calls, sizeof *t->call);
    orr_status status = seconds && t->begin && t->wall && t->call
                            ? orr_device_watch(s->job.device, true, err)
                            : orr_memory_out(err, "a trace", t->n_steps * t->n_calls * sizeof *t->call);
    if (status == ORR_OK) {
        struct orr_error ending;
        status = take_steps(s, t, seconds, err);
        const orr_status ended = orr_device_watch(s->job.device, false, status == ORR_OK ? err : &ending);
        if (status == ORR_OK) status = ended;
    }
    orr_memory_free(seconds);
    return status;
}

orr_status orr_trace_take(struct orr_stepper *stepper, size_t steps, struct orr_trace *out, struct orr_error *err)
{
    const struct orr_plan *plan = orr_exec_plan(stepper->exec);
    *out = (struct orr_trace){.device = stepper->job.device, .plan = plan, .n_steps = steps, .n_calls = plan->n_calls};
    const orr_status status = take(stepper, out, err);
    if (status != ORR_OK) orr_trace_fini(out);
    return status;
}

void orr_trace_fini(struct orr_trace *trace)
{
    orr_memory_free(trace->begin);
    orr_memory_free(trace->wall);
    orr_memory_free(trace->call);
    *trace = (struct orr_trace){.device = NULL};
}

/* ---- writing ---- */

enum track { HOST = 1, DEVICE = 2 };

/* Takes args, which may be NULL. */
static void add_slice(json_t *events, enum track track, const char *name, const char *category, uint64_t begin,
                      uint64_t duration, json_t *args)
{
    json_array_append_new(events, json_pack("{s:s,s:s,s:s,s:f,s:f,s:i,s:i,s:o*}", "name", name, "cat", category, "ph",
                                            "X", "ts", (double)begin / 1e3, "dur", (double)duration / 1e3, "pid", 1,
                                            "tid", (int)track, "args", args));
}

static void add_label(json_t *events, const char *what, int track, const char *name)
{
    json_array_append_new(events, json_pack("{s:s,s:s,s:i,s:i,s:{s:s}}", "name", what, "ph", "M", "pid", 1, "tid",
                                            track, "args", "name", name));
}

static void print_shapes(const struct orr_graph *g, const orr_handle *v, uint32_t n, char *text, size_t size)
{
    size_t at = 0;
    *text = '\0';
    for (uint32_t k = 0; k < n && at < size; ++k) {
        char shape[96];
        orr_shape_print(&g->value[v[k]].shape, shape, sizeof shape);
        at += (size_t)snprintf(text + at, size - at, "%s%s", k ? ", " : "", shape);
    }
}

static const char *name_of_result(const struct orr_graph *g, const struct orr_graph_node *node)
{
    for (uint32_t k = 0; k < node->n_out; ++k)
        if (g->value[node->out[k]].name) return g->value[node->out[k]].name;
    return NULL;
}

static void add_call(json_t *events, const struct orr_plan *plan, size_t i, uint64_t begin, uint64_t duration)
{
    const struct orr_graph_node *node = &plan->graph->node[plan->call_node[i]];
    const struct orr_op_info *op = orr_op_by_id(plan->call[i].op);
    const char *result = name_of_result(plan->graph, node);
    char name[320], in[ORR_IN_MAX * 100], out[ORR_OUT_MAX * 100];
    snprintf(name, sizeof name, "%s%s%s", op ? op->name : "?", result ? " " : "", result ? result : "");
    print_shapes(plan->graph, node->in, node->n_in, in, sizeof in);
    print_shapes(plan->graph, node->out, node->n_out, out, sizeof out);
    add_slice(events, DEVICE, name, "call", begin, duration,
              json_pack("{s:I,s:s,s:s,s:f,s:f}", "node", (json_int_t)plan->call_node[i], "in", in, "out", out, "flop",
                        orr_plan_call_flops(&plan->call[i]), "bytes_alone", orr_plan_call_bytes(&plan->call[i])));
}

static uint64_t sum(const uint64_t *x, size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; ++i)
        all += x[i];
    return all;
}

/* Where the device's slice of step k ends; it begins no earlier than `free`, where the one before it ended. */
static uint64_t add_step(json_t *events, const struct orr_trace *t, size_t k, uint64_t free)
{
    const uint64_t *call = t->call + k * t->n_calls;
    uint64_t at = t->begin[k] > free ? t->begin[k] : free;
    char name[40];
    snprintf(name, sizeof name, "step %zu", k);
    add_slice(events, HOST, name, "step", t->begin[k], t->wall[k], NULL);
    add_slice(events, DEVICE, name, "step", at, sum(call, t->n_calls), NULL);
    for (size_t p = 0; p < t->plan->n_programs; ++p) {
        const struct orr_plan_program *program = &t->plan->program[p];
        add_slice(events, DEVICE, program->name, "program", at, sum(call + program->first, program->count), NULL);
        for (size_t i = program->first; i < program->first + program->count; ++i) {
            add_call(events, t->plan, i, at, call[i]);
            at += call[i];
        }
    }
    return at;
}

static json_t *build(const struct orr_trace *t)
{
    json_t *events = json_array();
    uint64_t end = 0;
    add_label(events, "process_name", 0, "orrery " ORR_VERSION);
    add_label(events, "thread_name", HOST, "host, waiting for each step");
    add_label(events, "thread_name", DEVICE, t->device->info.name);
    for (size_t k = 0; k < t->n_steps; ++k)
        end = add_step(events, t, k, end);
    return json_pack("{s:o,s:s,s:{s:s,s:s,s:s,s:s,s:I,s:I}}", "traceEvents", events, "displayTimeUnit", "ns",
                     "otherData", "orrery", ORR_VERSION, "backend", t->device->plugin->name, "device",
                     t->device->info.name, "driver", t->device->info.driver, "steps", (json_int_t)t->n_steps, "calls",
                     (json_int_t)t->n_calls);
}

orr_status orr_trace_write(const struct orr_trace *trace, const char *path, struct orr_error *err)
{
    json_t *json = build(trace);
    /* A list from which memory kept something is no trace. */
    const size_t expected = 3 + trace->n_steps * (2 + trace->plan->n_programs + trace->n_calls);
    const bool whole = json_array_size(json_object_get(json, "traceEvents")) == expected;
    char *text = whole ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(json);
    if (!text) return orr_memory_out(err, "a trace", expected * 200);
    const orr_status status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}
