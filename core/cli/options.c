/* Reading the command line by the tables of the verbs. */
#include "cli/options.h"

#include "base/memory.h"
#include "base/suggest.h"

#include <stdio.h>
#include <string.h>

const struct orr_option orr_common_options[] = {
    {"--help", NULL, "say what this does and stop"},
    {"--threads", "N", "threads of the processor; default: OMP_NUM_THREADS, else one for each processor"},
    {"-q", NULL, "no progress, errors only"},
    {"-v", NULL, "say more; twice: for finding faults"},
    {NULL, NULL, NULL},
};

enum { OPTIONS_MAX = 32 };

static const struct orr_option *find_in(const struct orr_option *table, const char *name, size_t length)
{
    for (; table->name; ++table)
        if (strlen(table->name) == length && strncmp(table->name, name, length) == 0) return table;
    return NULL;
}

static const struct orr_option *find(const struct orr_option *table, const char *name, size_t length)
{
    const struct orr_option *found = find_in(table, name, length);
    if (found) return found;
    if (length == 2 && strncmp(name, "-h", 2) == 0) return &orr_common_options[0];
    return find_in(orr_common_options, name, length);
}

/* Names without their dashes, which all have in common. */
static size_t list_words(const struct orr_option *table, const char **word, size_t n)
{
    for (; table->name && n < OPTIONS_MAX; ++table)
        if (strncmp(table->name, "--", 2) == 0) word[n++] = table->name + 2;
    return n;
}

static orr_status unknown(const struct orr_option *table, const char *given, struct orr_error *err)
{
    const char *known[OPTIONS_MAX];
    const size_t n = list_words(orr_common_options, known, list_words(table, known, 0));
    const char *near = orr_suggest(given + strspn(given, "-"), known, n);
    return orr_fail(err, ORR_EINVAL, "unknown option %s%s%s%s", given, near ? ": did you mean --" : "",
                    near ? near : "", near ? "?" : "");
}

static orr_status take_option(char **argv, int argc, int *i, const struct orr_option *table, struct orr_arguments *out,
                              struct orr_error *err)
{
    const char *given = argv[*i], *equals = strchr(given, '=');
    const size_t length = equals ? (size_t)(equals - given) : strlen(given);
    const struct orr_option *option = find(table, given, length);
    if (!option) return unknown(table, given, err);
    const char *value = equals ? equals + 1 : NULL;
    if (!option->argument && value)
        return orr_fail(err, ORR_EINVAL, "%s takes no argument, but was given \"%s\"", option->name, value);
    if (option->argument && !value) {
        if (*i + 1 >= argc)
            return orr_fail(err, ORR_EINVAL, "%s needs an argument: %s", option->name, option->argument);
        value = argv[++*i];
    }
    out->option[out->n_options] = option;
    out->value[out->n_options++] = value;
    return ORR_OK;
}

orr_status orr_arguments_parse(int argc, char **argv, int first, const struct orr_option *table,
                               struct orr_arguments *out, struct orr_error *err)
{
    const size_t n = (size_t)argc + 1;
    *out = (struct orr_arguments){.option = orr_memory_array(n, sizeof *out->option),
                                  .value = orr_memory_array(n, sizeof *out->value),
                                  .word = orr_memory_array(n, sizeof *out->word)};
    if (!out->option || !out->value || !out->word)
        return orr_memory_out(err, "the command line", n * 3 * sizeof(char *));
    bool options_ended = false;
    for (int i = first; i < argc; ++i) {
        if (!options_ended && strcmp(argv[i], "--") == 0)
            options_ended = true;
        else if (!options_ended && argv[i][0] == '-' && argv[i][1])
            ORR_TRY(take_option(argv, argc, &i, table, out, err));
        else
            out->word[out->n_words++] = argv[i];
    }
    return ORR_OK;
}

void orr_arguments_fini(struct orr_arguments *arguments)
{
    orr_memory_free(arguments->option);
    orr_memory_free(arguments->value);
    orr_memory_free(arguments->word);
}

size_t orr_arguments_count(const struct orr_arguments *arguments, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < arguments->n_options; ++i)
        count += strcmp(arguments->option[i]->name, name) == 0;
    return count;
}

const char *orr_arguments_value(const struct orr_arguments *arguments, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < arguments->n_options; ++i)
        if (strcmp(arguments->option[i]->name, name) == 0) value = arguments->value[i];
    return value;
}

void orr_options_print(const struct orr_option *table)
{
    for (; table->name; ++table) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", table->name, table->argument ? " " : "",
                 table->argument ? table->argument : "");
        printf("  %-24s %s\n", left, table->help);
    }
}
