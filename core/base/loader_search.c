/* orrery-<kind>-<name>.so in all directories of the loader: where it is, and why it is not elsewhere. */
#include "base/loader_state.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

void orr_loader_search_fini(struct orr_loader_search *search)
{
    orr_memory_free(search->found);
    orr_memory_free(search->reason);
    orr_memory_free(search->tried);
}

orr_status orr_loader_given_twice(const char *kind, const char *name, const char *first, const char *second,
                                  struct orr_error *err)
{
    return orr_fail(err, ORR_EINVAL, "the %s \"%.60s\" is given twice, by %s and by %s: remove one", kind, name, first,
                    second);
}

/* Look in directory i; the first hit is taken, another name of the same file is fine. */
static orr_status look(const struct orr_loader *loader, size_t i, const char *kind, const char *name,
                       struct orr_loader_search *search, struct orr_error *err)
{
    struct stat file;
    char *path = orr_memory_print("%s/%s", loader->directories[i].path, search->file_name);
    if (!path) return orr_memory_out(err, "a path", PATH_MAX);
    orr_status status = ORR_OK;
    if (stat(path, &file) != 0) {
        search->reason[i] = errno;
    } else if (!search->found) {
        search->found = path;
        search->file = file;
        return ORR_OK;
    } else if (file.st_ino != search->file.st_ino || file.st_dev != search->file.st_dev) {
        status = orr_loader_given_twice(kind, name, search->found, path, err);
    }
    orr_memory_free(path);
    return status;
}

/* Text grows by a piece; NULL once memory was short. */
static void append(char **text, const char *before, const char *piece)
{
    if (!*text) return;
    char *longer = orr_memory_print("%s%s%s", *text, before, piece);
    orr_memory_free(*text);
    *text = longer;
}

/* "No such file or directory: A, B, C; Permission denied: D": a reason is told once. */
static orr_status tell(const struct orr_loader *loader, struct orr_loader_search *search, struct orr_error *err)
{
    search->tried = orr_memory_text("");
    for (size_t i = 0; i < loader->n_directories; ++i) {
        bool told = search->reason[i] == 0;
        for (size_t k = 0; k < i && !told; ++k)
            told = search->reason[k] == search->reason[i];
        if (told) continue;
        append(&search->tried, search->tried && *search->tried ? "; " : "", strerror(search->reason[i]));
        for (size_t k = i; k < loader->n_directories; ++k)
            if (search->reason[k] == search->reason[i])
                append(&search->tried, k == i ? ": " : ", ", loader->directories[k].path);
    }
    return search->tried ? ORR_OK : orr_memory_out(err, "a list of directories", loader->n_directories * PATH_MAX);
}

orr_status orr_loader_search(const struct orr_loader *loader, const char *kind, const char *name,
                             struct orr_loader_search *search, struct orr_error *err)
{
    *search = (struct orr_loader_search){.found = NULL};
    const int length = snprintf(search->file_name, sizeof search->file_name, "orrery-%s-%s.so", kind, name);
    if (length < 0 || (size_t)length >= sizeof search->file_name)
        return orr_fail(err, ORR_EINVAL, "\"%.60s...\" is too long for the name of a %s: at most %zu characters", name,
                        kind, sizeof search->file_name - strlen("orrery--.so") - strlen(kind) - 1);
    search->reason = orr_memory_array(loader->n_directories, sizeof *search->reason);
    if (!search->reason) return orr_memory_out(err, "a search", loader->n_directories * sizeof *search->reason);
    for (size_t i = 0; i < loader->n_directories; ++i)
        ORR_TRY(look(loader, i, kind, name, search, err));
    return tell(loader, search, err);
}

void orr_loader_search_warn(const struct orr_loader *loader, const struct orr_loader_search *search,
                            const struct orr_error *err)
{
    const size_t n = err ? strlen(err->text) : 0;
    if (err && (n < 3 || strcmp(err->text + n - 3, "...") != 0)) return;
    for (size_t i = 0; i < loader->n_directories; ++i)
        if (search->reason[i] != 0)
            orr_log(ORR_LOG_WARN, "loader", "tried %s/%s: %s", loader->directories[i].path, search->file_name,
                    strerror(search->reason[i]));
}
