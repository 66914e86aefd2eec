/* The plugin loader: finds shared objects, refuses unsafe or unfit ones before running them, keeps the rest for ever.
 *
 * A name with '/' is a path; otherwise orrery-<kind>-<name>.so is looked for in ORRERY_PLUGIN_PATH (absolute entries),
 * then in the install directories. Never in the current directory. Nothing is ever unloaded. A loader belongs to one
 * thread at a time; the plugins that it returns belong to nobody and stay valid until the process ends.
 */
#ifndef ORR_BASE_LOADER_H
#define ORR_BASE_LOADER_H

#include "base/error.h"
#include "orrery/orrery.h"

/* The functions that the engine lends to plugins. Never NULL; valid until the process ends. Any thread. */
const struct orr_host *orr_loader_host(void);

/* "backend", "simulator", "probe"; NULL for a number outside the list. */
const char *orr_plugin_kind_name(enum orr_plugin_kind kind);

/* The plugin of this kind and name, or at this path, loaded once. The error lists every directory tried with its
 * reason, and where that is too long for it, so does the log: EUNSUPPORTED not found, EPERM unsafe, EABI or EFORMAT
 * unfit, EINVAL a name given twice by different files. */
ORR_CHECKED orr_status orr_loader_find(struct orr_loader *loader, enum orr_plugin_kind kind, const char *name_or_path,
                                       const struct orr_plugin **out, struct orr_error *err);

/* One file (plugin NULL and reason set when it was refused) or one built-in plugin (path "built in"). Anything but
 * ORR_OK ends the scan with that status. */
typedef orr_status (*orr_loader_visit)(const char *path, const struct orr_plugin *plugin,
                                       const struct orr_error *reason, void *context);

/* Visit everything in all directories, sorted by path, then what was added. A refused file does not end the scan. */
ORR_CHECKED orr_status orr_loader_scan(struct orr_loader *loader, orr_loader_visit visit, void *context,
                                       struct orr_error *err);

/* Register a plugin that is linked into the program: same struct, same checks. It must outlive the loader. */
ORR_CHECKED orr_status orr_loader_add(struct orr_loader *loader, const struct orr_plugin *plugin,
                                      struct orr_error *err);

/* The path a plugin was loaded from, "built in" for an added one, NULL for an unknown one. Lives as long as loader. */
const char *orr_loader_path(const struct orr_loader *loader, const struct orr_plugin *plugin);

/* The checks on a plugin's own struct, in order: magic, size, major, minor, build, kind, name, texts, parameters, ops.
 * name (may be NULL) and kind (0: any) are what was asked for. EABI, EINVAL. */
ORR_CHECKED orr_status orr_plugin_check(const struct orr_plugin *plugin, uint32_t kind, const char *name,
                                        struct orr_error *err);

/* Is it safe to load this resolved path: a regular file, owned by root, the caller or the owner of this program, not
 * writable by others, in a directory not writable by others unless sticky? EPERM says the chmod or chown that mends it.
 * Group-writable: one warning a process. */
ORR_CHECKED orr_status orr_plugin_check_place(const char *path, struct orr_error *err);

#endif
