/* The program: finds the verb, reads its options, sets up the log, and turns a status into an exit code.
 *
 * 0: done. 1: it failed. 2: wrong usage or input, or no device. 130: interrupted.
 */
#include "base/log.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "base/threads.h"
#include "cli/verbs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_BAD_INPUT = 2, EXIT_INTERRUPTED = 130 };

static const struct orr_verb *const verbs[] = {
    &orr_verb_run,      &orr_verb_generate, &orr_verb_explain, &orr_verb_plugins, &orr_verb_devices,
    &orr_verb_validate, &orr_verb_bench,    &orr_verb_doctor,  &orr_verb_diff,    &orr_verb_new,
    &orr_verb_forward,  &orr_verb_probe,    &orr_verb_report,  &orr_verb_export};
enum { VERBS = sizeof verbs / sizeof *verbs };

static void print_help(void)
{
    printf("orrery %s: train small transformers on simulated physics and ask what they have learned\n\n"
           "usage: orrery VERB ... [OPTIONS]\n\n",
           ORR_VERSION);
    for (size_t i = 0; i < VERBS; ++i)
        printf("  %-9s %-18s %s\n", verbs[i]->name, verbs[i]->words, verbs[i]->summary);
    printf("\n  orrery VERB --help     what one verb takes\n"
           "  orrery --version       the version\n\n"
           "Environment: ORRERY_DEVICE (as --device), ORRERY_PLUGIN_PATH (directories of plugins, absolute),\n"
           "ORRERY_LOG=level[:area],... (error, warn, info, debug, trace; on stderr).\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage or input or no device, 130 interrupted.\n");
}

static void print_verb_help(const struct orr_verb *verb)
{
    printf("usage: orrery %s %s [OPTIONS]\n\n%s.\n", verb->name, verb->words, verb->summary);
    if (verb->more) printf("\n%s", verb->more);
    printf("\noptions:\n");
    orr_options_print(verb->options);
    orr_options_print(orr_common_options);
}

static int exit_code(orr_status status)
{
    switch (status) {
    case ORR_OK:
        return EXIT_SUCCESS;
    case ORR_EINVAL:
    case ORR_EFORMAT:
    case ORR_EUNSUPPORTED:
    case ORR_EABI:
    case ORR_EPERM:
        return EXIT_BAD_INPUT;
    case ORR_ECANCELLED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILURE;
    }
}

orr_status orr_command_word(const struct orr_command *command, const char *what, const char **word,
                            struct orr_error *err)
{
    const struct orr_arguments *a = command->arguments;
    if (a->n_words == 0) return orr_fail(err, ORR_EINVAL, "%s is missing", what);
    if (a->n_words > 1) return orr_fail(err, ORR_EINVAL, "\"%s\" is one word too many: one %s", a->word[1], what);
    *word = a->word[0];
    return ORR_OK;
}

const char **orr_command_settings(const struct orr_command *command, size_t *n)
{
    const struct orr_arguments *a = command->arguments;
    const char **settings = orr_memory_array(a->n_options, sizeof *settings);
    *n = 0;
    for (size_t i = 0; settings && i < a->n_options; ++i)
        if (strcmp(a->option[i]->name, "--set") == 0) settings[(*n)++] = a->value[i];
    return settings;
}

/* What could not be written is a failure too. */
static orr_status flush_output(struct orr_error *err)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return ORR_OK;
    return orr_fail(err, ORR_EIO, "results could not be written to the standard output");
}

/* -q and -v, unless ORRERY_LOG says it more exactly. */
static orr_status set_up_log(const struct orr_arguments *arguments, struct orr_error *err)
{
    const char *spec = secure_getenv("ORRERY_LOG");
    const size_t loud = orr_arguments_count(arguments, "-v");
    if (spec && *spec) {
        if (orr_log_configure(spec, err) == ORR_OK) return ORR_OK;
        return orr_error_prefix(err, "ORRERY_LOG");
    }
    return orr_log_configure(orr_arguments_count(arguments, "-q") ? "error"
                             : loud >= 2                          ? "trace"
                             : loud == 1                          ? "debug"
                                                                  : "info",
                             err);
}

static orr_status run_verb(const struct orr_verb *verb, int argc, char **argv, struct orr_error *err)
{
    struct orr_arguments arguments;
    orr_status status = orr_arguments_parse(argc, argv, 2, verb->options, &arguments, err);
    if (status == ORR_OK && orr_arguments_count(&arguments, "--help")) {
        print_verb_help(verb);
    } else if (status == ORR_OK) {
        const struct orr_command command = {
            .arguments = &arguments, .argc = argc, .argv = argv, .quiet = orr_arguments_count(&arguments, "-q") > 0};
        const char *threads = orr_arguments_value(&arguments, "--threads");
        status = set_up_log(&arguments, err);
        if (status == ORR_OK && threads) status = orr_threads_set(threads, err);
        if (status == ORR_OK) status = verb->run(&command, err);
    }
    orr_arguments_fini(&arguments);
    return status == ORR_OK ? flush_output(err) : status;
}

static int unknown_verb(const char *given)
{
    const char *known[VERBS];
    for (size_t i = 0; i < VERBS; ++i)
        known[i] = verbs[i]->name;
    const char *near = orr_suggest(given, known, VERBS);
    fprintf(stderr, "orrery: unknown verb \"%s\"%s%s%s (orrery --help lists them)\n", given,
            near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return EXIT_BAD_INPUT;
}

/* The end of what only prints. */
static int printed(void)
{
    struct orr_error err;
    const orr_status status = flush_output(&err);
    if (status != ORR_OK) fprintf(stderr, "orrery: %s\n", err.text);
    return exit_code(status);
}

/* A descriptor that the caller closed would be given to the first file that is opened, which then took what is printed.
 * Nothing can be read from or written to what stands in for it, as before. */
static void hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    /* Of a caller that ignores it we would inherit that, and not be told how the process of a point ended. */
    signal(SIGCHLD, SIG_DFL);
    /* A file that may not grow is then an error like a full disk, and not the end of the process. */
    signal(SIGXFSZ, SIG_IGN);
    /* Probes solve small systems: more threads gain nothing there, and one gives the same bits on any number of cores.
     */
    setenv("OPENBLAS_NUM_THREADS", "1", 0);
    if (argc < 2) {
        print_help();
        return EXIT_BAD_INPUT;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        printf("orrery %s\n", ORR_VERSION);
        return printed();
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help();
        return printed();
    }
    for (size_t i = 0; i < VERBS; ++i) {
        if (strcmp(word, verbs[i]->name) != 0) continue;
        struct orr_error err = {.code = ORR_OK};
        const orr_status status = run_verb(verbs[i], argc, argv, &err);
        if (status != ORR_OK)
            fprintf(stderr, "orrery %s: %s%s\n", word, err.text,
                    status == ORR_EINVAL && strncmp(err.text, "unknown option", 14) == 0 ? " (--help lists them)" : "");
        return status != ORR_OK && verbs[i]->exit_code ? verbs[i]->exit_code(status) : exit_code(status);
    }
    return unknown_verb(word);
}
