/* Inside of the loader: one file, from path to checked plugin. */
#ifndef ORR_BASE_LOADER_FILE_H
#define ORR_BASE_LOADER_FILE_H

#include "base/loader.h"

#include <sys/types.h>

/* One plugin that passed. */
struct orr_loader_entry {
    const struct orr_plugin *plugin;
    char *path; /* resolved; "built in" when linked into the program */
    bool built_in;
    dev_t device; /* identity of the file, whatever its name */
    ino_t inode;
};

/* Check the place and the ELF image of a resolved path, load it, query it and check what it says of itself. file_name
 * is the last part of the name it was found under. Messages do not repeat the path. */
ORR_CHECKED orr_status orr_loader_open_file(const char *path, const char *file_name, uint32_t kind, const char *name,
                                            const struct orr_plugin **out, struct orr_error *err);

/* A file called orrery-* must be called after its plugin's kind and name; others may be called anything. */
ORR_CHECKED orr_status orr_loader_check_file_name(const struct orr_plugin *plugin, const char *file_name,
                                                  struct orr_error *err);

#endif
