/* orrery run: all points of a recipe, from simulation to the table of findings. */
#include "base/memory.h"
#include "base/number.h"
#include "base/threads.h"
#include "cli/check_steps.h"
#include "cli/choose_device.h"
#include "cli/interrupt.h"
#include "cli/open_recipe.h"
#include "cli/plan_point.h"
#include "cli/progress.h"
#include "io/file.h"
#include "study/recipe_table.h"
#include "study/report.h"

#include <stdio.h>
#include <string.h>

static const struct orr_option options[] = {
    ORR_RECIPE_OPTIONS,
    {"--device", "DEVICE", "where to compute, such as reference or opencl:gpu (orrery devices)"},
    {"--out", "DIR", "the run directory; default: runs/<name of the recipe>[-<size>]"},
    {"--resume", NULL, "go on with the run that DIR holds"},
    {"--trace", "FILE", "also write a few more steps of the first point on the device's clock, for Perfetto"},
    {"--check", "DEVICE", "no run: compare some training steps with those on DEVICE (reference), value by value"},
    {"--check-steps", "N", "how many (default 3)"},
    {NULL, NULL, NULL},
};

struct command_run {
    const struct orr_command *command;
    const char *recipe;
    struct orr_loader *loader;
    struct orr_sweep *sweep;
    struct orr_run run;
    struct orr_open_device *device;
    char *directory;
    struct orr_progress progress;
};

static orr_status choose_directory(struct command_run *c, struct orr_error *err)
{
    const char *out = orr_arguments_value(c->command->arguments, "--out");
    const char *size = orr_arguments_value(c->command->arguments, "--size");
    const char *name = c->run.point[0].recipe->name;
    if (out && !*out) return orr_fail(err, ORR_EINVAL, "--out is empty: name a directory");
    if (!out && (strchr(name, '/') || name[0] == '.'))
        return orr_fail(err, ORR_EINVAL, "the recipe's name, \"%s\", is no name for a directory: give --out DIR", name);
    c->directory =
        out ? orr_memory_text(out) : orr_memory_print("runs/%s%s%s", name, size ? "-" : "", size ? size : "");
    return c->directory ? ORR_OK : orr_memory_out(err, "a path", 0);
}

/* Nothing where the backend does not count. */
static void print_products(const struct orr_open_device *device)
{
    struct orr_counters counters;
    char products[ORR_PROVIDERS_MAX * 80];
    if (!orr_device_counters(device, &counters)) return;
    orr_counters_print_products(&counters, products, sizeof products);
    printf("Matrix products by: %s\n", products);
}

/* Print the report and keep it beside the other results. */
static orr_status report(const struct command_run *c, struct orr_error *err)
{
    char device[192];
    struct orr_text text = {.data = NULL};
    orr_device_print(c->device, device, sizeof device);
    const struct orr_report what = {.run = &c->run,
                                    .device = device,
                                    .size = orr_arguments_value(c->command->arguments, "--size"),
                                    .full_tokens = orr_full_tokens(c->recipe, c->loader)};
    orr_status status = orr_report_print(&what, &text, err);
    char *path = orr_memory_print("%s/report.txt", c->directory);
    if (status == ORR_OK && !path) status = orr_memory_out(err, "a path", 0);
    if (status == ORR_OK) status = orr_file_write_atomic(path, text.data, text.length, err);
    if (status == ORR_OK) printf("%s\n", text.data);
    if (status == ORR_OK) print_products(c->device);
    if (status == ORR_OK) printf("All results: %s\n", c->directory);
    orr_memory_free(path);
    orr_text_fini(&text);
    return status;
}

static orr_status run_all(struct command_run *c, struct orr_error *err)
{
    const struct orr_run_job job = {
        .sweep = c->sweep,
        .loader = c->loader,
        .device = c->device,
        .directory = c->directory,
        .threads = orr_threads_wanted(),
        .resume = orr_arguments_count(c->command->arguments, "--resume") > 0,
        .command_line = (const char *const *)c->command->argv,
        .n_command_line = (size_t)c->command->argc,
        .stop = orr_interrupt_watch(),
        .watcher = {.context = &c->progress, .notice = orr_progress_notice, .progress = orr_progress_step}};
    return orr_run_all(&job, &c->run, err);
}

static orr_status prepare(struct command_run *c, struct orr_error *err)
{
    ORR_TRY(orr_command_word(c->command, "recipe", &c->recipe, err));
    ORR_TRY(orr_open_recipe(c->command, c->recipe, &c->sweep, err));
    ORR_TRY(orr_loader_create(&c->loader, err));
    ORR_TRY(orr_run_prepare(c->sweep, c->loader, &c->run, err));
    ORR_TRY(choose_directory(c, err));
    ORR_TRY(orr_choose_device(c->command, c->loader, ORR_F32, &c->device, err));
    /* A device that keeps no time is refused before the run, not after it. */
    return orr_arguments_value(c->command->arguments, "--trace") ? orr_device_watch(c->device, false, err) : ORR_OK;
}

/* Apart from the run's training, which no clock slows down. */
static orr_status trace(const struct command_run *c, struct orr_error *err)
{
    const char *path = orr_arguments_value(c->command->arguments, "--trace");
    struct orr_planned_point p;
    if (!path) return ORR_OK;
    orr_status status = orr_planned_point_init(&p, c->run.point[0].recipe, c->device, err);
    if (status == ORR_OK) status = orr_planned_point_trace(&p, path, err);
    orr_planned_point_fini(&p);
    return status;
}

static orr_status check(const struct command_run *c, const char *other, struct orr_error *err)
{
    const char *text = orr_arguments_value(c->command->arguments, "--check-steps");
    int64_t steps = 3;
    if (text && (!orr_number_integer(text, &steps) || steps < 1))
        return orr_fail(err, ORR_EINVAL, "--check-steps \"%s\": expected a whole number, 1 or more", text);
    return orr_check_steps(&c->run, c->loader, c->device, other, (uint64_t)steps, orr_threads_wanted(), err);
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct command_run c = {.command = command};
    const char *other = orr_arguments_value(command->arguments, "--check");
    orr_progress_init(&c.progress, command->quiet);
    orr_status status = prepare(&c, err);
    if (status == ORR_OK && other) status = check(&c, other, err);
    if (status == ORR_OK && !other) status = run_all(&c, err);
    orr_progress_fini(&c.progress);
    if (status == ORR_OK && !other) status = report(&c, err);
    if (status == ORR_OK && !other) status = trace(&c, err);
    orr_device_close(c.device);
    orr_memory_free(c.directory);
    orr_run_fini(&c.run);
    orr_sweep_destroy(c.sweep);
    orr_loader_destroy(c.loader);
    return status;
}

const struct orr_verb orr_verb_run = {
    .name = "run",
    .words = "RECIPE",
    .summary = "Simulate, train, probe, and print the findings",
    .more =
        "RECIPE is a YAML file (docs/file-formats.md lists its keys). Results go to the run directory: recipe.yaml,\n"
        "env.json, metrics.jsonl, checkpoints/, findings.csv, summary.json, report.txt; with several points, each "
        "in a\ndirectory of its own. Ctrl-C saves; the same command with --resume goes on.\n",
    .options = options,
    .run = run,
};
