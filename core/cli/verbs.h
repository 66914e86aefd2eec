/* The program's verbs: one row each, one cmd_<verb>.c each. */
#ifndef ORR_CLI_VERBS_H
#define ORR_CLI_VERBS_H

#include "cli/options.h"

struct orr_command {
    const struct orr_arguments *arguments;
    int argc; /* as the program was called, for the record */
    char **argv;
    bool quiet;
};

struct orr_verb {
    const char *name, *words, *summary, *more; /* words: what follows it, for help; more: the rest of --help */
    const struct orr_option *options;
    /* Does the work; results on stdout. The program's exit code comes from the status. */
    orr_status (*run)(const struct orr_command *command, struct orr_error *err);
    int (*exit_code)(orr_status status); /* of a failure, where it is not the common one; or NULL */
};

extern const struct orr_verb orr_verb_run, orr_verb_generate, orr_verb_explain, orr_verb_plugins, orr_verb_devices,
    orr_verb_validate, orr_verb_bench, orr_verb_doctor, orr_verb_new, orr_verb_diff, orr_verb_forward, orr_verb_probe,
    orr_verb_report, orr_verb_export;

/* Exactly one word, which is a `what`; EINVAL otherwise. */
ORR_CHECKED orr_status orr_command_word(const struct orr_command *command, const char *what, const char **word,
                                        struct orr_error *err);

/* Arguments of every --set, in order; the caller frees the array (orr_memory_free), NULL when out of memory. */
const char **orr_command_settings(const struct orr_command *command, size_t *n);

#endif
