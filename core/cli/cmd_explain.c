/* orrery explain: what a step of training computes and needs, and how long a recipe will take. */
#include "base/memory.h"
#include "cli/choose_device.h"
#include "cli/open_recipe.h"
#include "cli/plan_point.h"
#include "graph/optable.h"
#include "io/file.h"
#include "train/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct orr_option options[] = {
    ORR_RECIPE_OPTIONS,
    {"--device", "DEVICE", "for which to plan"},
    {"--graph", "FILE", "write the first point's step as text that orrery reads back"},
    {"--dot", "FILE", "write it for Graphviz"},
    {"--trace", "FILE", "write a few steps of it on the device's clock, for Perfetto (ui.perfetto.dev)"},
    {NULL, NULL, NULL},
};

enum { TIMED_STEPS = 20 };

/* ---- the plan ---- */

struct kind {
    uint32_t op;
    size_t calls;
    double flops, bytes;
    double milliseconds; /* on the device's clock */
};

static double mean_milliseconds(const struct orr_trace *trace, size_t call)
{
    double all = 0;
    for (size_t k = 0; k < trace->n_steps; ++k)
        all += (double)trace->call[k * trace->n_calls + call] / 1e6;
    return all / (double)trace->n_steps;
}

/* One entry for each operation that occurs, most arithmetic first. trace: NULL where the device keeps no time. */
static size_t count_kinds(const struct orr_plan *plan, const struct orr_trace *trace, struct kind *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_calls; ++i) {
        const struct orr_call *call = &plan->call[i];
        size_t k = 0;
        while (k < n && kind[k].op != call->op)
            ++k;
        if (k == n) kind[n++] = (struct kind){.op = call->op};
        ++kind[k].calls;
        kind[k].flops += orr_plan_call_flops(call);
        kind[k].bytes += orr_plan_call_bytes(call);
        if (trace) kind[k].milliseconds += mean_milliseconds(trace, i);
    }
    for (size_t i = 1; i < n; ++i)
        for (size_t j = i; j > 0 && kind[j].flops > kind[j - 1].flops; --j) {
            const struct kind swap = kind[j];
            kind[j] = kind[j - 1];
            kind[j - 1] = swap;
        }
    return n;
}

static void print_kind(const char *name, const struct kind *kind, const struct kind *all, bool timed)
{
    printf("  %-22s %6zu %12.3f %12.3f", name, kind->calls, kind->flops / 1e6, kind->bytes / 1e6);
    if (timed)
        printf(" %12.3f %6.1f", kind->milliseconds,
               all->milliseconds > 0 ? 100 * kind->milliseconds / all->milliseconds : 0.0);
    printf("\n");
}

static orr_status print_kinds(const struct orr_plan *plan, const struct orr_trace *trace, struct orr_error *err)
{
    struct kind *kind = orr_memory_array(plan->n_calls, sizeof *kind);
    if (!kind) return orr_memory_out(err, "a table of operations", plan->n_calls * sizeof *kind);
    const size_t n = count_kinds(plan, trace, kind);
    struct kind all = {.op = 0};
    for (size_t i = 0; i < n; ++i) {
        all.calls += kind[i].calls;
        all.flops += kind[i].flops;
        all.bytes += kind[i].bytes;
        all.milliseconds += kind[i].milliseconds;
    }
    printf("  %-22s %6s %12s %12s%s\n", "operation", "calls", "MFLOP", "MB moved", trace ? "    device ms      %" : "");
    for (size_t i = 0; i < n; ++i) {
        const struct orr_op_info *op = orr_op_by_id(kind[i].op);
        print_kind(op ? op->name : "?", &kind[i], &all, trace != NULL);
    }
    print_kind("all", &all, &all, trace != NULL);
    orr_memory_free(kind);
    return ORR_OK;
}

static void print_plan(const struct orr_planned_point *p)
{
    const struct orr_plan *plan = p->made.plan;
    printf("  parameters   %" PRId64 ", of which %" PRId64 " decay\n",
           orr_parameters_numbers(&p->made.parameters, false), orr_parameters_numbers(&p->made.parameters, true));
    printf("  windows      %zu of %" PRIu32 " points, %" PRIu32 " a step\n", p->windows.count, p->windows.length,
           (uint32_t)p->made.step.batch);
    printf("  programs    ");
    for (size_t i = 0; i < plan->n_programs; ++i)
        printf(" %s (%zu calls)", plan->program[i].name, plan->program[i].count);
    printf("\n  lowered      %zu nodes that the device has not as one operation\n", plan->n_lowered);
    printf("  memory       %.3f MB kept + %.3f MB scratch (%.3f MB without sharing) = %.3f MB\n",
           (double)plan->kept_bytes / 1e6, (double)plan->scratch_bytes / 1e6, (double)plan->unshared_bytes / 1e6,
           (double)orr_plan_peak_bytes(plan) / 1e6);
}

/* ---- what was measured ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_counters(const struct orr_counters *c, bool counted, uint64_t steps)
{
    char products[ORR_PROVIDERS_MAX * 80];
    const double n = (double)steps;
    if (counted) {
        orr_counters_print_products(c, products, sizeof products);
        printf("  launches     %.4g a step, and %.4g calls of libraries with launches of their own\n",
               (double)c->launches / n, (double)c->library_calls / n);
        printf("  products     %s\n", products);
    } else {
        printf("  launches     not counted by this backend\n");
    }
    printf("  host bytes   %.4g written, %.4g read a step\n", (double)c->bytes_written / n, (double)c->bytes_read / n);
}

/* After one step that is not timed. */
static orr_status time_steps(struct orr_stepper *stepper, const struct orr_planned_point *p, double *seconds,
                             struct orr_error *err)
{
    const uint64_t timed = TIMED_STEPS;
    struct orr_counters before, counters;
    ORR_TRY(orr_stepper_run(stepper, 1, err));
    orr_device_counters(p->job.device, &before);
    const double began = now();
    ORR_TRY(orr_stepper_run(stepper, timed, err));
    const double step = (now() - began) / (double)timed;
    const bool counted = orr_device_counters(p->job.device, &counters);
    orr_counters_since(&before, &counters);
    print_counters(&counters, counted, timed);
    *seconds = step * (double)p->config.steps;
    printf("  time         %.1f ms a step (of %" PRIu64 " timed), about %.0f s for %" PRIu64
           " steps, probes not counted\n",
           1e3 * step, timed, *seconds, p->config.steps);
    return ORR_OK;
}

/* What the backend made of each program, its lines indented under the program's name. */
static orr_status print_made(struct orr_exec *exec, struct orr_error *err)
{
    enum { SIZE = 1 << 16 };
    const struct orr_plan *plan = orr_exec_plan(exec);
    char *text = orr_memory_array(1, SIZE), *rest = NULL;
    orr_status status = text ? ORR_OK : orr_memory_out(err, "a description", SIZE);
    for (size_t p = 0; p < plan->n_programs && status == ORR_OK; ++p) {
        status = orr_exec_describe(exec, p, text, SIZE, err);
        if (status != ORR_OK || !text[0]) continue;
        printf("  made of %s\n", plan->program[p].name);
        for (const char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
            printf("    %s\n", line);
    }
    orr_memory_free(text);
    return status;
}

static orr_status measure_with(struct orr_stepper *stepper, const struct orr_planned_point *p, const char *path,
                               double *seconds, struct orr_error *err)
{
    struct orr_trace trace = {.device = NULL};
    bool timed = path || orr_device_keeps_time(p->job.device);
    orr_status status = timed ? orr_trace_take(stepper, ORR_TRACED_STEPS, &trace, err) : ORR_OK;
    if (status == ORR_EUNSUPPORTED && !path) {
        /* A backend that has a clock may have a device that has none. */
        timed = false;
        status = ORR_OK;
    }
    if (status == ORR_OK && path) status = orr_trace_write(&trace, path, err);
    if (status == ORR_OK) status = print_made(stepper->exec, err);
    if (status == ORR_OK) status = print_kinds(p->made.plan, timed ? &trace : NULL, err);
    if (status == ORR_OK) status = time_steps(stepper, p, seconds, err);
    orr_trace_fini(&trace);
    return status;
}

static orr_status measure(const struct orr_planned_point *p, const char *path, double *seconds, struct orr_error *err)
{
    struct orr_stepper *stepper;
    ORR_TRY(orr_stepper_create(&p->job, TIMED_STEPS + ORR_TRACED_STEPS + 2, &stepper, err));
    const orr_status status = measure_with(stepper, p, path, seconds, err);
    orr_stepper_destroy(stepper);
    return status;
}

/* ---- files ---- */

static orr_status write_text(const char *path,
                             orr_status (*print)(const struct orr_graph *, char **, struct orr_error *),
                             const struct orr_graph *g, struct orr_error *err)
{
    char *text;
    if (!path) return ORR_OK;
    ORR_TRY(print(g, &text, err));
    const orr_status status = orr_file_write_atomic(path, text, strlen(text), err);
    orr_memory_free(text);
    return status;
}

static orr_status write_graphs(const struct orr_command *command, const struct orr_planned_point *p,
                               struct orr_error *err)
{
    ORR_TRY(write_text(orr_arguments_value(command->arguments, "--graph"), orr_graph_print, p->made.step.graph, err));
    return write_text(orr_arguments_value(command->arguments, "--dot"), orr_graph_print_dot, p->made.step.graph, err);
}

/* ---- the verb ---- */

/* A seed changes no plan: of points that differ in it alone the first, for which their number is returned, stands for
 * all; for the others 0 is. */
static size_t points_like(const struct orr_sweep *sweep, size_t i)
{
    for (size_t a = 0; a < sweep->n_axes; ++a)
        if (strcmp(sweep->axis[a].key, orr_seed_key) == 0)
            return orr_sweep_value(sweep, i, a) == sweep->axis[a].value[0] ? sweep->axis[a].n_values : 0;
    return 1;
}

static orr_status explain_point(const struct orr_command *command, const struct orr_run_point *point, bool first,
                                struct orr_open_device *device, double *seconds, struct orr_error *err)
{
    struct orr_planned_point p;
    orr_status status = orr_planned_point_init(&p, point->recipe, device, err);
    if (status == ORR_OK && first) status = write_graphs(command, &p, err);
    if (status == ORR_OK) {
        print_plan(&p);
        status = measure(&p, first ? orr_arguments_value(command->arguments, "--trace") : NULL, seconds, err);
    }
    if (status == ORR_OK && point->recipe->weights.file) {
        printf("  no step is done: weights.file is probed instead\n");
        *seconds = 0;
    }
    orr_planned_point_fini(&p);
    return status;
}

static orr_status explain(const struct orr_command *command, const struct orr_sweep *sweep, const struct orr_run *run,
                          struct orr_loader *loader, struct orr_error *err)
{
    struct orr_open_device *device;
    char name[192];
    double all = 0;
    ORR_TRY(orr_choose_device(command, loader, ORR_F32, &device, err));
    orr_device_print(device, name, sizeof name);
    printf("One training step on %s\n", name);
    orr_status status = ORR_OK;
    for (size_t i = 0; status == ORR_OK && i < run->n_points; ++i) {
        const struct orr_run_point *point = &run->point[i];
        const size_t n = points_like(sweep, i);
        double seconds = 0;
        if (n == 0) continue;
        printf("%s", *point->name ? point->name : point->recipe->name);
        if (n > 1) printf(", and so %zu more with other seeds", n - 1);
        printf("\n");
        status = explain_point(command, point, i == 0, device, &seconds, err);
        all += seconds * (double)n;
    }
    if (status == ORR_OK && run->n_points > 1) printf("all %zu points: about %.0f s of training\n", run->n_points, all);
    orr_device_close(device);
    return status;
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    const char *recipe;
    struct orr_sweep *sweep = NULL;
    struct orr_loader *loader = NULL;
    struct orr_run points = {.point = NULL};
    ORR_TRY(orr_command_word(command, "recipe", &recipe, err));
    orr_status status = orr_open_recipe(command, recipe, &sweep, err);
    if (status == ORR_OK) status = orr_loader_create(&loader, err);
    if (status == ORR_OK) status = orr_run_prepare(sweep, loader, &points, err);
    if (status == ORR_OK) status = explain(command, sweep, &points, loader, err);
    orr_run_fini(&points);
    orr_loader_destroy(loader);
    orr_sweep_destroy(sweep);
    return status;
}

const struct orr_verb orr_verb_explain = {
    .name = "explain",
    .words = "RECIPE",
    .summary = "Print the plan of a training step: memory, arithmetic, time",
    .more =
        "Nothing is trained to an end and nothing is written, except to --graph, --dot and --trace. A step that needs\n"
        "more memory than the device has is refused. docs/performance.md says what the columns mean.\n",
    .options = options,
    .run = run,
};
