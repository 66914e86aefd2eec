/* orrery validate: prove a backend against the reference. The work is core/conform's; here are its options. */
#include "base/number.h"
#include "cli/verbs.h"
#include "conform/conform.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_WRONG = 1, EXIT_NOTHING_TESTED = 2, EXIT_CRASHED = 3 };

/* Seconds for one case: a driver that compiles some ten kernels at first use, 10 seconds each, is no hang. */
#define TIME_LIMIT      120.0
#define TIME_LIMIT_MOST 604800.0

static const struct orr_option options[] = {
    {"--op", "GLOB", "only these checks: operations, graph/..., interface/...; commas between several"},
    {"--case", "N", "only this case of each check"},
    {"--graph", "FILE", "only this graph, as text"},
    {"--seed", "S", "of all inputs (default 1)"},
    {"--level", "LEVEL", "quick or full (default quick)"},
    {"--fail-fast", NULL, "stop at the first failure"},
    {"--time-limit", "SECONDS", "without a sign of life, at most; each case begins anew (default 120)"},
    {"--json", "FILE", "write the report as JSON too"},
    {"--junit", "FILE", "write the report as JUnit's XML too"},
    {NULL, NULL, NULL},
};

static orr_status whole_option(const struct orr_command *command, const char *name, int64_t fallback, int64_t *out,
                               struct orr_error *err)
{
    const char *text = orr_arguments_value(command->arguments, name);
    *out = fallback;
    if (!text || (orr_number_integer(text, out) && *out >= 0)) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "%s \"%s\": expected a whole number, 0 or more", name, text);
}

static orr_status read_options(const struct orr_command *command, struct orr_conform *asked, struct orr_error *err)
{
    const struct orr_arguments *a = command->arguments;
    const char *level = orr_arguments_value(a, "--level"), *limit = orr_arguments_value(a, "--time-limit");
    int64_t seed = 1;
    ORR_TRY(orr_command_word(command, "backend", &asked->backend, err));
    ORR_TRY(whole_option(command, "--case", -1, &asked->only_case, err));
    ORR_TRY(whole_option(command, "--seed", 1, &seed, err));
    if (level && strcmp(level, "quick") != 0 && strcmp(level, "full") != 0)
        return orr_fail(err, ORR_EINVAL, "--level \"%s\": quick or full", level);
    if (level && orr_arguments_value(a, "--graph"))
        return orr_fail(err, ORR_EINVAL, "--level \"%s\" and --graph: a graph has no levels; leave one of them out",
                        level);
    asked->level = level && strcmp(level, "full") == 0 ? ORR_CONFORM_FULL : ORR_CONFORM_QUICK;
    asked->time_limit = TIME_LIMIT;
    if (limit && (!orr_number_real(limit, &asked->time_limit) || !(asked->time_limit > 0.0) ||
                  asked->time_limit > TIME_LIMIT_MOST))
        return orr_fail(err, ORR_EINVAL, "--time-limit \"%s\": expected seconds, above 0 and at most %g (a week)",
                        limit, TIME_LIMIT_MOST);
    asked->seed = (uint64_t)seed;
    asked->checks = orr_arguments_value(a, "--op");
    asked->graph = orr_arguments_value(a, "--graph");
    asked->fail_fast = orr_arguments_count(a, "--fail-fast") > 0;
    return ORR_OK;
}

static void show_progress(void *context, const struct orr_check_result *result)
{
    (void)context;
    fprintf(stderr, "\r%-60s", "");
    fprintf(stderr, "\r%s %s", result->name, orr_check_state_name(result));
}

static orr_status write_files(const struct orr_command *command, const struct orr_conform_report *report,
                              struct orr_error *err)
{
    const char *json = orr_arguments_value(command->arguments, "--json");
    const char *junit = orr_arguments_value(command->arguments, "--junit");
    struct orr_error other = {.code = ORR_OK};
    const orr_status first = json ? orr_conform_write_json(report, json, err) : ORR_OK;
    const orr_status second = junit ? orr_conform_write_junit(report, junit, &other) : ORR_OK;
    if (first == ORR_OK) return second == ORR_OK ? ORR_OK : orr_fail(err, second, "%s", other.text);
    return second == ORR_OK ? first : orr_error_prefix(err, "%s", other.text);
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct orr_conform asked = {.only_case = -1};
    struct orr_conform_report report;
    ORR_TRY(read_options(command, &asked, err));
    const bool shows = !command->quiet && isatty(STDERR_FILENO);
    if (shows) asked.watch = show_progress;
    const orr_status status = orr_conform_run(&asked, &report, err);
    if (shows) fprintf(stderr, "\r%-60s\r", "");
    if (report.opened) orr_conform_print(&report, stdout);
    struct orr_error other = {.code = ORR_OK};
    const orr_status written = write_files(command, &report, &other);
    orr_conform_report_fini(&report);
    if (written == ORR_OK) return status;
    if (status == ORR_OK) return orr_fail(err, written, "%s", other.text);
    return orr_error_prefix(err, "the report was not written (%s)", other.text);
}

static int exit_code(orr_status status)
{
    return status == ORR_ENUMERIC ? EXIT_WRONG : status == ORR_EDEVICE ? EXIT_CRASHED : EXIT_NOTHING_TESTED;
}

const struct orr_verb orr_verb_validate = {
    .name = "validate",
    .words = "BACKEND[:DEVICE]",
    .summary = "Prove a backend against the reference, operation by operation",
    .more =
        "BACKEND is a name or the path of a shared object. Every operation is compared with the reference in double;\n"
        "\"of allowed\" is the worst error as a share of the tolerance in ops.def. Exit codes: 0 all passed, 1 "
        "something\n"
        "is wrong, 2 no such backend or device or nothing tested, 3 the backend crashed or hung.\n",
    .options = options,
    .run = run,
    .exit_code = exit_code,
};
