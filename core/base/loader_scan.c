/* Everything in the loader's directories, for lists of plugins. */
#include "base/loader_state.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_plugin_name(const char *name)
{
    const size_t n = strlen(name);
    return strncmp(name, "orrery-", strlen("orrery-")) == 0 && n > strlen(".so") && strcmp(name + n - 3, ".so") == 0;
}

static orr_status add_file(struct orr_loader_files *files, const char *directory, const char *name,
                           struct orr_error *err)
{
    void *array = files->path;
    const orr_status grown = orr_memory_grow(&array, &files->capacity, files->count + 1, sizeof *files->path, err);
    files->path = array;
    ORR_TRY(grown);
    char *path = orr_memory_print("%s/%s", directory, name);
    if (!path) return orr_memory_out(err, "a path", strlen(directory) + strlen(name) + 2);
    files->path[files->count++] = path;
    return ORR_OK;
}

static orr_status list_directory(const struct orr_loader_directory *directory, struct orr_loader_files *files,
                                 struct orr_error *err)
{
    DIR *open = opendir(directory->path);
    if (!open) return errno == ENOENT && !directory->asked_for ? ORR_OK : add_file(files, directory->path, "", err);
    orr_status status = ORR_OK;
    struct dirent *entry;
    while (status == ORR_OK && (entry = readdir(open)))
        if (is_plugin_name(entry->d_name)) status = add_file(files, directory->path, entry->d_name, err);
    closedir(open);
    return status;
}

static int compare(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

orr_status orr_loader_list(const struct orr_loader *loader, struct orr_loader_files *files, struct orr_error *err)
{
    for (size_t i = 0; i < loader->n_directories; ++i)
        ORR_TRY(list_directory(&loader->directories[i], files, err));
    if (files->count > 0) qsort(files->path, files->count, sizeof *files->path, compare);
    return ORR_OK;
}

void orr_loader_files_fini(struct orr_loader_files *files)
{
    for (size_t i = 0; i < files->count; ++i)
        orr_memory_free(files->path[i]);
    orr_memory_free(files->path);
}

static bool seen(const struct orr_plugin *const *plugins, size_t n, const struct orr_plugin *plugin)
{
    for (size_t i = 0; i < n; ++i)
        if (plugins[i] == plugin) return true;
    return false;
}

static void unreadable(const char *directory, struct orr_error *reason)
{
    DIR *open = opendir(directory);
    orr_fail(reason, ORR_EIO, "this directory of plugins cannot be read: %s",
             open ? "it has just appeared" : strerror(errno));
    if (open) closedir(open);
}

static orr_status visit_files(struct orr_loader *loader, const struct orr_loader_files *files,
                              const struct orr_plugin **plugins, orr_loader_visit visit, void *context)
{
    size_t n = 0;
    for (size_t i = 0; i < files->count; ++i) {
        const struct orr_plugin *plugin = NULL;
        struct orr_error reason = {0};
        if (files->path[i][strlen(files->path[i]) - 1] == '/') {
            unreadable(files->path[i], &reason);
            ORR_TRY(visit(files->path[i], NULL, &reason, context));
            continue;
        }
        if (orr_loader_load(loader, files->path[i], 0, NULL, &plugin, &reason) != ORR_OK) {
            ORR_TRY(visit(files->path[i], NULL, &reason, context));
            continue;
        }
        if (seen(plugins, n, plugin)) continue; /* one file under two names */
        plugins[n++] = plugin;
        ORR_TRY(visit(files->path[i], plugin, NULL, context));
    }
    return ORR_OK;
}

orr_status orr_loader_scan(struct orr_loader *loader, orr_loader_visit visit, void *context, struct orr_error *err)
{
    struct orr_loader_files files = {0};
    const struct orr_plugin **plugins = NULL;
    orr_status status = orr_loader_list(loader, &files, err);
    if (status == ORR_OK) {
        plugins = orr_memory_array(files.count, sizeof(const struct orr_plugin *));
        status = plugins ? visit_files(loader, &files, plugins, visit, context)
                         : orr_memory_out(err, "a list of plugins", files.count);
    }
    for (size_t i = 0; status == ORR_OK && i < loader->n_entries; ++i)
        if (loader->entries[i].built_in)
            status = visit(loader->entries[i].path, loader->entries[i].plugin, NULL, context);
    orr_memory_free(plugins);
    orr_loader_files_fini(&files);
    return status;
}
