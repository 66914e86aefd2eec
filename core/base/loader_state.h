/* Inside of the loader: its state, and the files in its directories. */
#ifndef ORR_BASE_LOADER_STATE_H
#define ORR_BASE_LOADER_STATE_H

#include "base/loader_file.h"

#include <limits.h>
#include <sys/stat.h>

struct orr_loader_directory {
    char *path;
    bool asked_for; /* in ORRERY_PLUGIN_PATH: that it does not exist is worth telling */
};

struct orr_loader {
    struct orr_loader_directory *directories;
    size_t n_directories, directories_capacity;
    struct orr_loader_entry *entries;
    size_t n_entries, entries_capacity;
};

/* Paths of files called orrery-*.so, and of directories that cannot be read (these end in '/'), sorted. */
struct orr_loader_files {
    char **path;
    size_t count, capacity;
};

/* Add the paths in all directories to files, which is the caller's to finish, also after a failure. */
ORR_CHECKED orr_status orr_loader_list(const struct orr_loader *loader, struct orr_loader_files *files,
                                       struct orr_error *err);

/* Free the paths. */
void orr_loader_files_fini(struct orr_loader_files *files);

/* Load one path, or find it loaded. kind 0 and name NULL: any. Messages do not repeat the path. */
ORR_CHECKED orr_status orr_loader_load(struct orr_loader *loader, const char *path, uint32_t kind, const char *name,
                                       const struct orr_plugin **out, struct orr_error *err);

/* One name in all directories. */
struct orr_loader_search {
    char file_name[NAME_MAX + 1];
    char *found; /* path; NULL: nowhere */
    struct stat file;
    int *reason; /* (n_directories): errno where it was not found, else 0 */
    char *tried; /* "No such file or directory: A, B; ..."; empty when it was found everywhere */
};

/* Look for orrery-<kind>-<name>.so; search is the caller's to finish, also after a failure. EINVAL: two different files
 * have the name. */
ORR_CHECKED orr_status orr_loader_search(const struct orr_loader *loader, const char *kind, const char *name,
                                         struct orr_loader_search *search, struct orr_error *err);
void orr_loader_search_fini(struct orr_loader_search *search);

/* Where the error's text had to be cut, log every path that was tried, so that none is lost. */
void orr_loader_search_warn(const struct orr_loader *loader, const struct orr_loader_search *search,
                            const struct orr_error *err);

/* EINVAL: two files claim one name. */
ORR_CHECKED orr_status orr_loader_given_twice(const char *kind, const char *name, const char *first, const char *second,
                                              struct orr_error *err);

#endif
