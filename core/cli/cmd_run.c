/* orrery run: all points of a recipe, from simulation to the table of findings. */
#include "base/memory.h"
#include "base/number.h"
#include "base/threads.h"
#include "cli/check_steps.h"
#include "cli/choose_device.h"
#include "cli/interrupt.h"
#include "cli/open_recipe.h"
#include "cli/plan_point.h"
#include "cli/run_points.h"
#include "cli/run_report.h"
#include "study/environment.h"
#include "study/shell_quote.h"

#include <stdio.h>
#include <string.h>

static const struct orr_option options[] = {
    ORR_RECIPE_OPTIONS,
    {"--device", "DEVICE", "where to compute, such as reference or opencl:gpu (orrery devices)"},
    {"--out", "DIR", "the run directory; default: runs/<name of the recipe>[-<size>]"},
    {"--resume", NULL, "go on with the run that DIR holds"},
    {"--jobs", "N", "points of a sweep at a time; default: as many as the processors have threads for, of a GPU 1"},
    {"--point", "NAME", "what the one point of RECIPE is called in findings: a sweep runs its points so"},
    {"--trace", "FILE", "also write a few more steps of the first point on the device's clock, for Perfetto"},
    {"--check", "DEVICE", "no run: compare some training steps with those on DEVICE (reference), value by value"},
    {"--check-steps", "N", "of --check: how many (default 3)"},
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
    struct orr_points_end end;
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

/* A point in a process of its own is called as in the sweep. */
static orr_status name_point(struct command_run *c, struct orr_error *err)
{
    const char *name = orr_arguments_value(c->command->arguments, "--point");
    if (!name) return ORR_OK;
    if (c->sweep->n_axes || strlen(name) >= ORR_POINT_NAME || strpbrk(name, "\"\n\r"))
        return orr_fail(err, ORR_EINVAL,
                        "--point %.80s: expected a recipe of one point and a name without quotes of less than %d "
                        "characters",
                        name, ORR_POINT_NAME);
    snprintf(c->run.point[0].name, sizeof c->run.point[0].name, "%s", name);
    return ORR_OK;
}

/* ---- running ---- */

static struct orr_run_job job_of(struct command_run *c)
{
    return (struct orr_run_job){
        .sweep = c->sweep,
        .loader = c->loader,
        .device = c->device,
        .directory = c->directory,
        .size = orr_arguments_value(c->command->arguments, "--size"),
        .full_tokens = orr_full_tokens(c->recipe, c->loader),
        .threads = orr_threads_wanted(),
        .resume = orr_arguments_count(c->command->arguments, "--resume") > 0,
        .command_line = (const char *const *)c->command->argv,
        .n_command_line = (size_t)c->command->argc,
        .stop = orr_interrupt_watch(orr_arguments_count(c->command->arguments, "--point") > 0),
        .watcher = {.context = &c->progress, .notice = orr_progress_notice, .progress = orr_progress_step}};
}

/* The device was opened to see that it is there, and is left to the points. */
static orr_status run_sweep(struct command_run *c, struct orr_error *err)
{
    size_t jobs;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    ORR_TRY(orr_jobs_wanted(c->command, c->device->info.kind == 0, c->run.n_points, &jobs, err));
    struct orr_run_job job = job_of(c);
    ORR_TRY(orr_run_claim(&job, &c->run, err));
    orr_device_close(c->device);
    job.device = c->device = NULL;
    ORR_TRY(orr_run_points(c->command, &job, &c->run, jobs, &c->progress, &c->end, err));
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    return orr_environment_end(&job, &c->run, seconds, err);
}

static orr_status run_all(struct command_run *c, struct orr_error *err)
{
    if (c->sweep->n_axes) return run_sweep(c, err);
    const struct orr_run_job job = job_of(c);
    return orr_run_one(&job, &c->run, err);
}

/* Points that failed do not keep the others from being reported. */
static orr_status tell_failures(const struct command_run *c, struct orr_error *err)
{
    enum { BAD_INPUT = 2 };
    const struct orr_points_end *end = &c->end;
    if (end->failed == 0) return ORR_OK;
    return orr_fail(
        err, end->exit_code == BAD_INPUT ? ORR_EINVAL : ORR_EIO,
        "%zu of %zu points failed, first %s (%s/%s/log.txt): the same command with --resume runs them again",
        end->failed, c->run.n_points, end->first, c->directory, end->first);
}

/* The command that goes on, on a line of its own: it may be longer than an error. */
static void tell_how_to_go_on(const struct command_run *c)
{
    const size_t n = (size_t)c->command->argc;
    const bool resumes = orr_arguments_count(c->command->arguments, "--resume") > 0;
    const char **word = orr_memory_array(n + 1, sizeof *word);
    char *command;
    struct orr_error ignored;
    /* After the verb: "--" may stand among the others. */
    for (size_t i = 0; word && i < n; ++i)
        word[i < 2 || resumes ? i : i + 1] = c->command->argv[i];
    if (word && !resumes) word[2] = "--resume";
    if (word && orr_shell_quote(word, n + !resumes, &command, &ignored) == ORR_OK) {
        fprintf(stderr, "go on with: %s\n", command);
        orr_memory_free(command);
    }
    orr_memory_free(word);
}

/* ---- the verb ---- */

static orr_status prepare(struct command_run *c, struct orr_error *err)
{
    const struct orr_arguments *a = c->command->arguments;
    ORR_TRY(orr_command_word(c->command, "recipe", &c->recipe, err));
    if (orr_arguments_count(a, "--check-steps") && !orr_arguments_count(a, "--check"))
        return orr_fail(err, ORR_EINVAL, "--check-steps says how many steps --check DEVICE compares: give --check too");
    ORR_TRY(orr_open_recipe(c->command, c->recipe, &c->sweep, err));
    ORR_TRY(orr_loader_create(&c->loader, err));
    ORR_TRY(orr_run_prepare(c->sweep, c->loader, &c->run, err));
    ORR_TRY(name_point(c, err));
    ORR_TRY(choose_directory(c, err));
    ORR_TRY(orr_choose_device(c->command, c->loader, ORR_F32, &c->device, err));
    /* A device that keeps no time is refused before the run, not after it. */
    return orr_arguments_value(a, "--trace") ? orr_device_watch(c->device, false, err) : ORR_OK;
}

/* Apart from the run's training, which no clock slows down. */
static orr_status trace(struct command_run *c, struct orr_error *err)
{
    const char *path = orr_arguments_value(c->command->arguments, "--trace");
    struct orr_planned_point p;
    if (!path) return ORR_OK;
    if (!c->device) ORR_TRY(orr_choose_device(c->command, c->loader, ORR_F32, &c->device, err));
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

/* Where every point failed there is nothing to report. A sweep has one page for all of its points. */
static orr_status report(const struct command_run *c, struct orr_error *err)
{
    const bool page = !orr_arguments_value(c->command->arguments, "--point");
    return c->run.n_done ? orr_run_report(c->directory, page, err) : ORR_OK;
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
    if (status == ORR_ECANCELLED) tell_how_to_go_on(&c);
    if (status == ORR_OK && !other) status = report(&c, err);
    if (status == ORR_OK && !other) status = trace(&c, err);
    if (status == ORR_OK) status = tell_failures(&c, err);
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
        "env.json, metrics.jsonl, checkpoints/, findings.csv, summary.json, report.md, report.html, figures/. The\n"
        "points of a sweep each have a directory of their own there, and run in processes of their own, --jobs at a\n"
        "time, each with a log.txt. Ctrl-C saves; the same command with --resume goes on.\n",
    .options = options,
    .run = run,
};
