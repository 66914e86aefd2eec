/* orrery explain: what a step of training computes and needs, and how long a recipe will take. */
#include "base/memory.h"
#include "cli/choose_device.h"
#include "cli/interrupt.h"
#include "cli/open_recipe.h"
#include "graph/optable.h"
#include "io/file.h"
#include "study/step_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct orr_option options[] = {
    ORR_RECIPE_OPTIONS,
    {"--device", "DEVICE", "for which to plan"},
    {"--graph", "FILE", "write the first point's step as text that orrery reads back"},
    {"--dot", "FILE", "write it for Graphviz"},
    {NULL, NULL, NULL},
};

enum { TIMED_STEPS = 20 };

/* What a point needs to be planned. */
struct planning {
    struct orr_dataset *data;
    struct orr_windows windows;
    struct orr_model model;
    struct orr_train_config config;
    struct orr_train_job job;
    struct orr_step_plan made;
};

static void planning_fini(struct planning *p)
{
    orr_step_plan_fini(&p->made);
    orr_windows_fini(&p->windows);
    orr_dataset_destroy(p->data);
}

static orr_status planning_init(struct planning *p, const struct orr_recipe *recipe, struct orr_open_device *device,
                                struct orr_error *err)
{
    p->config = orr_recipe_train(recipe);
    ORR_TRY(orr_recipe_dataset(recipe, orr_thread_count(), &p->data, err));
    ORR_TRY(orr_windows_create(p->data, ORR_TRAIN, &p->windows, err));
    p->model = orr_recipe_model(recipe, p->data->n_observed);
    p->job = (struct orr_train_job){.device = device,
                                    .data = p->data,
                                    .windows = &p->windows,
                                    .model = &p->model,
                                    .config = &p->config,
                                    .stop = orr_interrupt_watch()};
    return orr_step_plan_init(&p->made, &p->job, err);
}

/* ---- the plan ---- */

struct kind {
    uint32_t op;
    size_t calls;
    double flops, bytes;
};

/* One entry for each operation that occurs, most arithmetic first. */
static size_t count_kinds(const struct orr_plan *plan, struct kind *kind)
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
    }
    for (size_t i = 1; i < n; ++i)
        for (size_t j = i; j > 0 && kind[j].flops > kind[j - 1].flops; --j) {
            const struct kind swap = kind[j];
            kind[j] = kind[j - 1];
            kind[j - 1] = swap;
        }
    return n;
}

static orr_status print_kinds(const struct orr_plan *plan, struct orr_error *err)
{
    struct kind *kind = orr_memory_array(plan->n_calls, sizeof *kind);
    if (!kind) return orr_memory_out(err, "a table of operations", plan->n_calls * sizeof *kind);
    const size_t n = count_kinds(plan, kind);
    struct kind all = {.op = 0};
    printf("  %-22s %6s %12s %12s\n", "operation", "calls", "MFLOP", "MB moved");
    for (size_t i = 0; i < n; ++i) {
        const struct orr_op_info *op = orr_op_by_id(kind[i].op);
        printf("  %-22s %6zu %12.3f %12.3f\n", op ? op->name : "?", kind[i].calls, kind[i].flops / 1e6,
               kind[i].bytes / 1e6);
        all.calls += kind[i].calls;
        all.flops += kind[i].flops;
        all.bytes += kind[i].bytes;
    }
    printf("  %-22s %6zu %12.3f %12.3f\n", "all", all.calls, all.flops / 1e6, all.bytes / 1e6);
    orr_memory_free(kind);
    return ORR_OK;
}

static orr_status print_plan(const struct planning *p, struct orr_error *err)
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
    return print_kinds(plan, err);
}

/* ---- time ---- */

static orr_status time_steps(struct planning *p, double *seconds, struct orr_error *err)
{
    const uint64_t steps = p->config.steps;
    const uint64_t timed = steps < TIMED_STEPS ? steps : TIMED_STEPS;
    struct orr_train_result result;
    p->config.steps = timed;
    p->config.log_every = timed;
    p->config.checkpoint_every = 0;
    const orr_status status = orr_train_run(&p->job, &result, err);
    p->config.steps = steps;
    if (status == ORR_OK) {
        *seconds = result.seconds / (double)timed * (double)steps;
        printf("  time         %.1f ms a step (of %" PRIu64 " timed), about %.0f s for %" PRIu64
               " steps, probes not counted\n",
               1e3 * result.seconds / (double)timed, timed, *seconds, steps);
    }
    if (status == ORR_OK || status == ORR_ECANCELLED) orr_train_result_fini(&result);
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

static orr_status write_graphs(const struct orr_command *command, const struct planning *p, struct orr_error *err)
{
    ORR_TRY(write_text(orr_arguments_value(command->arguments, "--graph"), orr_graph_print, p->made.step.graph, err));
    return write_text(orr_arguments_value(command->arguments, "--dot"), orr_graph_print_dot, p->made.step.graph, err);
}

/* ---- the verb ---- */

static orr_status explain_point(const struct orr_command *command, const struct orr_run_point *point, bool first,
                                struct orr_open_device *device, double *seconds, struct orr_error *err)
{
    struct planning p = {.data = NULL};
    printf("%s\n", *point->name ? point->name : point->recipe->name);
    orr_status status = planning_init(&p, point->recipe, device, err);
    if (status == ORR_OK && first) status = write_graphs(command, &p, err);
    if (status == ORR_OK) status = print_plan(&p, err);
    if (status == ORR_OK) status = time_steps(&p, seconds, err);
    planning_fini(&p);
    return status;
}

static orr_status explain(const struct orr_command *command, const struct orr_run *run, struct orr_loader *loader,
                          struct orr_error *err)
{
    struct orr_open_device *device;
    char name[192];
    double all = 0;
    ORR_TRY(orr_choose_device(command, loader, &device, err));
    orr_device_print(device, name, sizeof name);
    printf("One training step on %s\n", name);
    orr_status status = ORR_OK;
    for (size_t i = 0; status == ORR_OK && i < run->n_points; ++i) {
        double seconds = 0;
        status = explain_point(command, &run->point[i], i == 0, device, &seconds, err);
        all += seconds;
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
    if (status == ORR_OK) status = explain(command, &points, loader, err);
    orr_run_fini(&points);
    orr_loader_destroy(loader);
    orr_sweep_destroy(sweep);
    return status;
}

const struct orr_verb orr_verb_explain = {
    .name = "explain",
    .words = "RECIPE",
    .summary = "Print the plan of a training step: memory, arithmetic, time",
    .more = "Nothing is trained to an end and nothing is written, except to --graph and --dot. A step that needs more\n"
            "memory than the device has is refused.\n",
    .options = options,
    .run = run,
};
