/* orrery bench: how fast a training step and its parts are on a device, beside what the device can do. */
#include "base/memory.h"
#include "base/number.h"
#include "cli/bench_report.h"
#include "cli/choose_device.h"
#include "cli/open_recipe.h"
#include "io/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct orr_option options[] = {
    ORR_RECIPE_OPTIONS,
    {"--device", "DEVICE", "to measure"},
    {"--gemm", NULL, "also every shape of matrix product in the step"},
    {"--ops", NULL, "also every operation, at the sizes of the step"},
    {"--repeats", "N", "repetitions of each measurement (default 5)"},
    {"--trace", "FILE", "write a few steps of the first point on the device's clock, for Perfetto"},
    {"--json", "FILE", "write all of it as JSON"},
    {NULL, NULL, NULL},
};

/* A repetition lasts this many seconds, and no more steps than a schedule is made for. */
#define STEP_SECONDS 0.3
#define CALL_SECONDS 0.02
enum { STEPS_MAX = 500, CALLS_MAX = 10000, REPEATS = 5, REPEATS_MAX = 1000 };

/* What is measured where no recipe is named: the workload of docs/performance.md. */
static const char built_in[] = "name: workload\n"
                               "simulator: {name: kepler}\n"
                               "data: {trajectories: 2000, steps: 101, train_fraction: 0.5, context: 100, seed: 1}\n"
                               "model: {n_layer: 2, n_head: 1, n_embd: 32}\n"
                               "train: {steps: 601, batch_tokens: 12800, learning_rate: 1e-3, noise: 0.1, seed: 1}\n";

struct bench {
    const struct orr_command *command;
    struct orr_open_device *device;
    struct orr_bench_limits limits;
    uint32_t repeats;
    bool products, operations;
    json_t *points;
};

/* ---- measuring ---- */

static orr_status run_steps(void *context, uint64_t n, struct orr_error *err)
{
    return orr_stepper_run(context, n, err);
}

static orr_status measure_stepper(const struct bench *b, struct orr_stepper *stepper, struct orr_bench_point *out,
                                  struct orr_error *err)
{
    const struct orr_timing_plan plan = {.repeats = b->repeats, .seconds = STEP_SECONDS, .most = STEPS_MAX};
    struct orr_counters before;
    ORR_TRY(orr_time_work(run_steps, stepper, &plan, &out->step, err));
    orr_device_counters(b->device, &before);
    ORR_TRY(orr_stepper_run(stepper, 1, err));
    out->counted = orr_device_counters(b->device, &out->counters);
    orr_counters_since(&before, &out->counters);
    return ORR_OK;
}

static orr_status measure_step(const struct bench *b, const struct orr_planned_point *p, struct orr_bench_point *out,
                               struct orr_error *err)
{
    struct orr_stepper *stepper;
    const struct orr_plan *plan = p->made.plan;
    out->calls = plan->n_calls;
    out->batch = p->made.step.batch;
    out->context = p->windows.length;
    for (size_t i = 0; i < plan->n_calls; ++i) {
        out->flops += orr_plan_call_flops(&plan->call[i]);
        out->bytes += orr_plan_call_bytes(&plan->call[i]);
    }
    ORR_TRY(orr_stepper_create(&p->job, (uint64_t)STEPS_MAX * b->repeats + 3, &stepper, err));
    const orr_status status = measure_stepper(b, stepper, out, err);
    orr_stepper_destroy(stepper);
    return status;
}

static orr_status measure_table(struct bench *b, const struct orr_planned_point *p, struct orr_bench_point *out,
                                struct orr_error *err)
{
    const struct orr_timing_plan plan = {.repeats = b->repeats, .seconds = CALL_SECONDS, .most = CALLS_MAX};
    if (!b->products && !b->operations) return ORR_OK;
    ORR_TRY(orr_bench_calls_init(&out->table, p->made.plan, err));
    if (b->operations) ORR_TRY(orr_bench_calls_complete(&out->table, p, err));
    ORR_TRY(orr_bench_calls_time(&out->table, !b->operations, b->device, &plan, err));
    orr_bench_limits_raise(&b->limits, &out->table);
    return ORR_OK;
}

static orr_status measure_planned(struct bench *b, const struct orr_planned_point *p, const char *name,
                                  const char *trace, struct orr_error *err)
{
    struct orr_bench_point found = {.name = name};
    orr_status status = trace ? orr_planned_point_trace(p, trace, err) : ORR_OK;
    if (status == ORR_OK) status = measure_step(b, p, &found, err);
    if (status == ORR_OK) status = measure_table(b, p, &found, err);
    if (status == ORR_OK) {
        orr_bench_print_point(&found, &b->limits, b->products, b->operations);
        fflush(stdout);
        json_array_append_new(b->points, orr_bench_point_json(&found));
    }
    orr_bench_calls_fini(&found.table);
    return status;
}

static orr_status measure_point(struct bench *b, const struct orr_recipe *recipe, const char *name, const char *trace,
                                struct orr_error *err)
{
    struct orr_planned_point p;
    orr_status status = orr_planned_point_init(&p, recipe, b->device, err);
    if (status == ORR_OK) status = measure_planned(b, &p, name, trace, err);
    orr_planned_point_fini(&p);
    return status;
}

/* ---- recipes ---- */

static orr_status measure_built_in(struct bench *b, struct orr_loader *loader, const char *trace, struct orr_error *err)
{
    struct orr_config *config;
    struct orr_recipe *recipe;
    ORR_TRY(orr_config_parse(built_in, "the built-in workload", &config, err));
    ORR_TRY(orr_recipe_create(config, &recipe, err));
    orr_status status = orr_recipe_bind(recipe, loader, err);
    if (status == ORR_OK) status = measure_point(b, recipe, recipe->name, trace, err);
    orr_recipe_destroy(recipe);
    return status;
}

static orr_status measure_recipe(struct bench *b, const char *path, struct orr_loader *loader, const char *trace,
                                 struct orr_error *err)
{
    struct orr_sweep *sweep;
    struct orr_run run = {.point = NULL};
    ORR_TRY(orr_open_recipe(b->command, path, &sweep, err));
    orr_status status = orr_run_prepare(sweep, loader, &run, err);
    for (size_t i = 0; status == ORR_OK && i < run.n_points; ++i) {
        const char *name = *run.point[i].name ? run.point[i].name : run.point[i].recipe->name;
        status = measure_point(b, run.point[i].recipe, name, i == 0 ? trace : NULL, err);
    }
    orr_run_fini(&run);
    orr_sweep_destroy(sweep);
    return status;
}

/* ---- the verb ---- */

static orr_status write_json(const struct bench *b, const char *path, struct orr_error *err)
{
    json_t *json = json_pack("{s:s,s:o,s:o,s:O}", "format", "orrery-bench-1", "head", orr_bench_head_json(b->device),
                             "limits", orr_bench_limits_json(&b->limits), "points", b->points);
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    if (!text) return orr_memory_out(err, "the results", 0);
    const orr_status status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

static orr_status measure_all(struct bench *b, struct orr_loader *loader, struct orr_error *err)
{
    const struct orr_arguments *a = b->command->arguments;
    const char *trace = orr_arguments_value(a, "--trace"), *json = orr_arguments_value(a, "--json");
    orr_bench_print_head(b->device);
    ORR_TRY(orr_bench_limits_measure(b->device, b->repeats, &b->limits, err));
    if (a->n_words)
        ORR_TRY(measure_recipe(b, a->word[0], loader, trace, err));
    else
        ORR_TRY(measure_built_in(b, loader, trace, err));
    orr_bench_print_limits(&b->limits);
    return json ? write_json(b, json, err) : ORR_OK;
}

static orr_status read_options(struct bench *b, struct orr_error *err)
{
    const struct orr_arguments *a = b->command->arguments;
    const char *text = orr_arguments_value(a, "--repeats");
    int64_t repeats = REPEATS;
    if (text && (!orr_number_integer(text, &repeats) || repeats < 1 || repeats > REPEATS_MAX))
        return orr_fail(err, ORR_EINVAL, "--repeats \"%s\": expected a whole number from 1 to %d", text, REPEATS_MAX);
    if (a->n_words > 1) return orr_fail(err, ORR_EINVAL, "\"%s\" is one word too many: one recipe", a->word[1]);
    for (size_t i = 0; !a->n_words && i < a->n_options; ++i)
        if (strcmp(a->option[i]->name, "--set") == 0 || strcmp(a->option[i]->name, "--size") == 0 ||
            strcmp(a->option[i]->name, "--seeds") == 0)
            return orr_fail(err, ORR_EINVAL, "%s changes a recipe: name one", a->option[i]->name);
    b->repeats = (uint32_t)repeats;
    b->products = orr_arguments_count(a, "--gemm") > 0;
    b->operations = orr_arguments_count(a, "--ops") > 0;
    return ORR_OK;
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct bench b = {.command = command};
    struct orr_loader *loader = NULL;
    ORR_TRY(read_options(&b, err));
    ORR_TRY(orr_loader_create(&loader, err));
    orr_status status = orr_choose_device(command, loader, ORR_F32, &b.device, err);
    if (status == ORR_OK) {
        b.points = json_array();
        status = b.points ? measure_all(&b, loader, err) : orr_memory_out(err, "the results", 0);
        json_decref(b.points);
    }
    orr_device_close(b.device);
    orr_loader_destroy(loader);
    return status;
}

const struct orr_verb orr_verb_bench = {
    .name = "bench",
    .words = "[RECIPE]",
    .summary = "Time a training step and its parts on a device",
    .more = "Nothing is trained. Without a recipe: two layers, n_embd 32, 12,800 tokens a step at context 100.\n"
            "docs/performance.md says what the columns mean, and what limits the shares are of.\n",
    .options = options,
    .run = run,
};
