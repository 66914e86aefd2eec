/* Where plugins are looked for, which are loaded, and that no two claim one name. */
#include "base/loader.h"

#include "base/loader_file.h"
#include "base/loader_state.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/suggest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static orr_status add_directory(struct orr_loader *loader, const char *path, size_t length, bool asked_for,
                                struct orr_error *err)
{
    for (size_t i = 0; i < loader->n_directories; ++i) {
        const char *known = loader->directories[i].path;
        if (strlen(known) == length && memcmp(known, path, length) == 0) return ORR_OK;
    }
    void *array = loader->directories;
    const orr_status grown = orr_memory_grow(&array, &loader->directories_capacity, loader->n_directories + 1,
                                             sizeof *loader->directories, err);
    loader->directories = array;
    ORR_TRY(grown);
    char *copy = orr_memory_print("%.*s", (int)length, path);
    if (!copy) return orr_memory_out(err, "a directory name", length);
    loader->directories[loader->n_directories++] = (struct orr_loader_directory){copy, asked_for};
    return ORR_OK;
}

static orr_status add_directories(struct orr_loader *loader, struct orr_error *err)
{
    const char *entry = secure_getenv("ORRERY_PLUGIN_PATH");
    while (entry) {
        const size_t length = strcspn(entry, ":");
        if (length >= PATH_MAX)
            orr_log(ORR_LOG_WARN, "loader", "ORRERY_PLUGIN_PATH: an entry of %zu bytes is too long and is ignored",
                    length);
        else if (*entry == '/')
            ORR_TRY(add_directory(loader, entry, length, true, err));
        else if (length > 0)
            orr_log(ORR_LOG_WARN, "loader", "ORRERY_PLUGIN_PATH: \"%.*s\" is ignored: entries must begin with '/'",
                    (int)length, entry);
        entry = entry[length] ? entry + length + 1 : NULL;
    }
    ORR_TRY(add_directory(loader, ORR_BACKEND_DIR, strlen(ORR_BACKEND_DIR), false, err));
    return add_directory(loader, ORR_PLUGIN_DIR, strlen(ORR_PLUGIN_DIR), false, err);
}

orr_status orr_loader_create(struct orr_loader **out, struct orr_error *err)
{
    struct orr_loader *loader = orr_memory_array(1, sizeof *loader);
    if (!loader) return orr_memory_out(err, "the plugin loader", sizeof *loader);
    const orr_status status = add_directories(loader, err);
    if (status == ORR_OK)
        *out = loader;
    else
        orr_loader_destroy(loader);
    return status;
}

void orr_loader_destroy(struct orr_loader *loader)
{
    if (!loader) return;
    for (size_t i = 0; i < loader->n_directories; ++i)
        orr_memory_free(loader->directories[i].path);
    for (size_t i = 0; i < loader->n_entries; ++i)
        orr_memory_free(loader->entries[i].path);
    orr_memory_free(loader->directories);
    orr_memory_free(loader->entries);
    orr_memory_free(loader);
}

static struct orr_loader_entry *entry_of_name(const struct orr_loader *loader, uint32_t kind, const char *name)
{
    for (size_t i = 0; i < loader->n_entries; ++i)
        if (loader->entries[i].plugin->kind == kind && strcmp(loader->entries[i].plugin->name, name) == 0)
            return &loader->entries[i];
    return NULL;
}

static struct orr_loader_entry *entry_of_file(const struct orr_loader *loader, const struct stat *file)
{
    for (size_t i = 0; i < loader->n_entries; ++i)
        if (!loader->entries[i].built_in && loader->entries[i].inode == file->st_ino &&
            loader->entries[i].device == file->st_dev)
            return &loader->entries[i];
    return NULL;
}

/* entry's path becomes the loader's on success. */
static orr_status add_entry(struct orr_loader *loader, struct orr_loader_entry entry, struct orr_error *err)
{
    const struct orr_plugin *plugin = entry.plugin;
    const struct orr_loader_entry *other = entry_of_name(loader, plugin->kind, plugin->name);
    if (other)
        return orr_loader_given_twice(orr_plugin_kind_name((enum orr_plugin_kind)plugin->kind), plugin->name,
                                      other->path, entry.path, err);
    void *array = loader->entries;
    const orr_status grown =
        orr_memory_grow(&array, &loader->entries_capacity, loader->n_entries + 1, sizeof *loader->entries, err);
    loader->entries = array;
    ORR_TRY(grown);
    loader->entries[loader->n_entries++] = entry;
    return ORR_OK;
}

orr_status orr_loader_add(struct orr_loader *loader, const struct orr_plugin *plugin, struct orr_error *err)
{
    for (size_t i = 0; i < loader->n_entries; ++i)
        if (loader->entries[i].plugin == plugin) return ORR_OK;
    orr_status status = orr_plugin_check(plugin, 0, NULL, err);
    if (status != ORR_OK) {
        (void)orr_error_prefix(err, "a built-in plugin");
        return status;
    }
    struct orr_loader_entry entry = {.plugin = plugin, .built_in = true, .path = orr_memory_text("built in")};
    if (!entry.path) return orr_memory_out(err, "a plugin", sizeof entry);
    status = add_entry(loader, entry, err);
    if (status != ORR_OK) orr_memory_free(entry.path);
    return status;
}

const char *orr_loader_path(const struct orr_loader *loader, const struct orr_plugin *plugin)
{
    for (size_t i = 0; i < loader->n_entries; ++i)
        if (loader->entries[i].plugin == plugin) return loader->entries[i].path;
    return NULL;
}

/* The same file under another name: what it is has been checked, what it is asked for has not. */
static orr_status known_file(const struct orr_plugin *plugin, const char *file_name, uint32_t kind, const char *name,
                             struct orr_error *err)
{
    ORR_TRY(orr_plugin_check(plugin, kind, name, err));
    return orr_loader_check_file_name(plugin, file_name, err);
}

orr_status orr_loader_load(struct orr_loader *loader, const char *path, uint32_t kind, const char *name,
                           const struct orr_plugin **out, struct orr_error *err)
{
    struct stat file;
    const char *slash = strrchr(path, '/');
    const char *file_name = slash ? slash + 1 : path;
    char *resolved = realpath(path, NULL);
    if (!resolved || stat(resolved, &file) != 0) {
        const int reason = errno;
        free(resolved);
        return orr_fail(err, ORR_EIO, "%s", strerror(reason));
    }
    const struct orr_loader_entry *known = entry_of_file(loader, &file);
    orr_status status;
    if (known) {
        *out = known->plugin;
        free(resolved);
        return known_file(known->plugin, file_name, kind, name, err);
    }
    struct orr_loader_entry entry = {.path = resolved, .device = file.st_dev, .inode = file.st_ino};
    status = orr_loader_open_file(resolved, file_name, kind, name, &entry.plugin, err);
    if (status == ORR_OK) status = add_entry(loader, entry, err);
    if (status != ORR_OK) {
        orr_log(ORR_LOG_DEBUG, "loader", "%s refused: %s", resolved, err ? err->text : orr_status_name(status));
        free(resolved);
        return status;
    }
    orr_log(ORR_LOG_DEBUG, "loader", "%s loaded", resolved);
    *out = entry.plugin;
    return ORR_OK;
}

/* The names of this kind that could have been meant: those built in and those of files in the directories. */
static void suggest(const struct orr_loader *loader, const char *kind, const char *name, char *text, size_t size)
{
    struct orr_loader_files files = {0};
    const char *known[64];
    size_t n = 0;
    char prefix[32];
    const size_t length = (size_t)snprintf(prefix, sizeof prefix, "orrery-%s-", kind);
    *text = '\0';
    if (orr_loader_list(loader, &files, NULL) == ORR_OK) {
        for (size_t i = 0; i < files.count && n < sizeof known / sizeof *known; ++i) {
            char *base = strrchr(files.path[i], '/') + 1;
            if (strncmp(base, prefix, length) != 0) continue;
            base[strlen(base) - strlen(".so")] = '\0';
            known[n++] = base + length;
        }
        const char *near = orr_suggest(name, known, n);
        if (near) snprintf(text, size, ", did you mean \"%s\"?", near);
    }
    orr_loader_files_fini(&files);
}

static orr_status use_found(struct orr_loader *loader, enum orr_plugin_kind kind, const char *name,
                            const struct orr_loader_search *search, const struct orr_plugin **out,
                            struct orr_error *err)
{
    const char *kind_name = orr_plugin_kind_name(kind);
    const struct orr_loader_entry *known = entry_of_name(loader, kind, name);
    if (known && search->found && (known->built_in || known != entry_of_file(loader, &search->file)))
        return orr_loader_given_twice(kind_name, name, known->path, search->found, err);
    if (known) {
        *out = known->plugin;
        return ORR_OK;
    }
    if (!search->found) {
        char near[128];
        suggest(loader, kind_name, name, near, sizeof near);
        return orr_fail(err, ORR_EUNSUPPORTED, "there is no %s \"%.60s\"%s Looked for %s: %s", kind_name, name,
                        *near ? near : ".", search->file_name, search->tried);
    }
    struct orr_error reason = {0};
    const orr_status status = orr_loader_load(loader, search->found, kind, name, out, &reason);
    if (status == ORR_OK) return ORR_OK;
    return orr_fail(err, status, "the %s \"%.60s\" cannot be used: %s: %s%s%s", kind_name, name, search->found,
                    reason.text, *search->tried ? "; " : "", search->tried);
}

static orr_status find_name(struct orr_loader *loader, enum orr_plugin_kind kind, const char *name,
                            const struct orr_plugin **out, struct orr_error *err)
{
    struct orr_loader_search search;
    orr_status status = orr_loader_search(loader, orr_plugin_kind_name(kind), name, &search, err);
    if (status == ORR_OK) {
        status = use_found(loader, kind, name, &search, out, err);
        if (status != ORR_OK) orr_loader_search_warn(loader, &search, err);
    }
    orr_loader_search_fini(&search);
    return status;
}

orr_status orr_loader_find(struct orr_loader *loader, enum orr_plugin_kind kind, const char *name_or_path,
                           const struct orr_plugin **out, struct orr_error *err)
{
    const char *kind_name = orr_plugin_kind_name(kind);
    if (!kind_name) return orr_fail(err, ORR_EINVAL, "plugin kind %d is not known", (int)kind);
    if (strchr(name_or_path, '/')) {
        struct orr_error reason = {0};
        const orr_status status = orr_loader_load(loader, name_or_path, kind, NULL, out, &reason);
        if (status == ORR_OK) return ORR_OK;
        return orr_fail(err, status, "the %s %s cannot be used: %s", kind_name, name_or_path, reason.text);
    }
    if (!*name_or_path || strspn(name_or_path, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name_or_path))
        return orr_fail(err, ORR_EINVAL,
                        "\"%.100s\" is not the name of a %s (a-z, 0-9 and _): for a file, give a path with '/', such "
                        "as ./%.100s",
                        name_or_path, kind_name, name_or_path);
    return find_name(loader, kind, name_or_path, out, err);
}
