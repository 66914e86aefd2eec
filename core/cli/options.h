/* The program's command line: verbs, their options, and what was given.
 *
 * One table a verb serves parsing, --help and the nearest known word. Options may stand anywhere; "--" ends them.
 */
#ifndef ORR_CLI_OPTIONS_H
#define ORR_CLI_OPTIONS_H

#include "base/error.h"

struct orr_option {
    const char *name;     /* "--size"; NULL ends a table */
    const char *argument; /* what follows it, for help; NULL: nothing */
    const char *help;
};

struct orr_arguments {
    const struct orr_option **option; /* what was given, in order */
    const char **value;               /* NULL where the option takes none */
    size_t n_options;
    const char **word; /* what is no option */
    size_t n_words;
};

/* Options that every verb has: --help, --threads, -q, -v. */
extern const struct orr_option orr_common_options[];

/* Read argv[first .. argc-1]. EINVAL: an option that neither table has (names the nearest), or one without its
 * argument. The caller releases *out, also on failure; texts are borrowed from argv. */
ORR_CHECKED orr_status orr_arguments_parse(int argc, char **argv, int first, const struct orr_option *table,
                                           struct orr_arguments *out, struct orr_error *err);
void orr_arguments_fini(struct orr_arguments *arguments);

/* How often an option was given. */
size_t orr_arguments_count(const struct orr_arguments *arguments, const char *name);
/* The argument of the last time it was given, or NULL. */
const char *orr_arguments_value(const struct orr_arguments *arguments, const char *name);

/* Print a table's rows for --help. */
void orr_options_print(const struct orr_option *table);

#endif
