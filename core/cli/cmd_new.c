/* orrery new: a directory with a plugin that builds, to begin one of your own from.
 *
 * The templates are those of docs/adding-a-*.md. The word `example` in them becomes the plugin's name.
 */
#include "base/memory.h"
#include "cli/templates.h"
#include "cli/verbs.h"
#include "io/file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct orr_option options[] = {
    {"--out", "DIR", "where to make the directory (default: here)"},
    {NULL, NULL, NULL},
};

static const struct {
    const char *kind, *directory; /* directory: begin of the pkg-config variable that says where it is installed */
    const char *const *text;
} templates[] = {
    {"backend", "backend", orr_template_backend},
    {"simulator", "plugin", orr_template_simulator},
    {"probe", "plugin", orr_template_probe},
};
enum { KINDS = sizeof templates / sizeof *templates, NAME_MAX_LENGTH = 40 };

/* One word of a template and what stands for it. */
struct substitute {
    const char *word, *by;
};

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

static const struct substitute *match(const char *line, const char *at, const struct substitute *s)
{
    for (; s->word; ++s) {
        const size_t n = strlen(s->word);
        const bool begins = at == line || !is_word(at[-1]);
        /* DIRECTORY is the beginning of a longer word. */
        if (begins && strncmp(at, s->word, n) == 0 && (!is_word(at[n]) || strcmp(s->word, "DIRECTORY") == 0)) return s;
    }
    return NULL;
}

static void print_line(FILE *to, const char *line, const struct substitute *substitutes)
{
    for (const char *at = line; *at;) {
        const struct substitute *s = match(line, at, substitutes);
        if (s) fputs(s->by, to);
        if (!s) fputc(*at, to);
        at += s ? strlen(s->word) : 1;
    }
}

static orr_status write_template(const char *path, const char *const *lines, const struct substitute *substitutes,
                                 struct orr_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return orr_memory_out(err, "a template", 0);
    for (; *lines; ++lines)
        print_line(to, *lines, substitutes);
    const bool failed = ferror(to) != 0;
    const bool unclosed = fclose(to) != 0;
    const orr_status status =
        failed || unclosed ? orr_memory_out(err, "a template", size) : orr_file_write_atomic(path, text, size, err);
    free(text);
    return status;
}

static orr_status check_name(const char *name, struct orr_error *err)
{
    if (*name && strlen(name) <= NAME_MAX_LENGTH &&
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name))
        return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "\"%s\": a plugin's name has 1 to %d of a-z, 0-9 and _", name, NAME_MAX_LENGTH);
}

static orr_status write_all(size_t k, const char *name, const char *directory, struct orr_error *err)
{
    const struct substitute substitutes[] = {
        {"example", name}, {"KIND", templates[k].kind}, {"DIRECTORY", templates[k].directory}, {NULL, NULL}};
    char *source = orr_memory_print("%s/%s.c", directory, name), *makefile = orr_memory_print("%s/Makefile", directory);
    orr_status status = source && makefile ? ORR_OK : orr_memory_out(err, "a path", 0);
    if (status == ORR_OK) status = orr_file_make_directories(directory, err);
    if (status == ORR_OK) status = write_template(source, templates[k].text, substitutes, err);
    if (status == ORR_OK) status = write_template(makefile, orr_template_makefile, substitutes, err);
    orr_memory_free(source);
    orr_memory_free(makefile);
    return status;
}

static void say_next(size_t k, const char *name, const char *directory)
{
    printf("%s/%s.c and a Makefile are written. Next:\n  make -C %s\n", directory, name, directory);
    if (strcmp(templates[k].kind, "backend") == 0)
        printf("  orrery validate %s%s/orrery-backend-%s.so\n", strchr(directory, '/') ? "" : "./", directory, name);
    else
        printf("  ORRERY_PLUGIN_PATH=$PWD/%s orrery plugins %s\n", directory, name);
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    const struct orr_arguments *a = command->arguments;
    const char *parent = orr_arguments_value(a, "--out");
    struct stat there;
    size_t k = 0;
    if (a->n_words != 2) return orr_fail(err, ORR_EINVAL, "expected a kind and a name: orrery new backend mine");
    while (k < KINDS && strcmp(templates[k].kind, a->word[0]) != 0)
        ++k;
    if (k == KINDS)
        return orr_fail(err, ORR_EINVAL, "\"%s\" is no kind of plugin: backend, simulator or probe", a->word[0]);
    const char *name = a->word[1];
    ORR_TRY(check_name(name, err));
    char *directory = parent ? orr_memory_print("%s/%s", parent, name) : orr_memory_text(name);
    if (!directory) return orr_memory_out(err, "a path", 0);
    orr_status status = stat(directory, &there) == 0
                            ? orr_fail(err, ORR_EINVAL, "%s exists already: choose another name or --out", directory)
                            : write_all(k, name, directory, err);
    if (status == ORR_OK) say_next(k, name, directory);
    orr_memory_free(directory);
    return status;
}

const struct orr_verb orr_verb_new = {
    .name = "new",
    .words = "KIND NAME",
    .summary = "Write a backend, simulator or probe that builds, to begin your own from",
    .more = "KIND is backend, simulator or probe. The directory NAME gets NAME.c and a Makefile, which needs only the\n"
            "installed headers and pkg-config.\n",
    .options = options,
    .run = run,
};
