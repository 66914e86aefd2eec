/* Is a shared object in a safe place? Loading it means running it, so nobody else may have written it. */
#include "base/loader.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static orr_status check_owner(const char *path, const struct stat *file, struct orr_error *err)
{
    struct stat program;
    if (file->st_uid == 0 || file->st_uid == geteuid()) return ORR_OK;
    if (stat("/proc/self/exe", &program) == 0 && file->st_uid == program.st_uid) return ORR_OK;
    return orr_fail(err, ORR_EPERM,
                    "is owned by user %lu, who is neither root, nor you, nor the owner of this program; if you trust "
                    "it: chown %lu '%s'",
                    (unsigned long)file->st_uid, (unsigned long)geteuid(), path);
}

static void warn_group(const char *path)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&warned))
        orr_log(ORR_LOG_WARN, "loader", "%s is writable by its group: if that is not wanted, chmod g-w '%s'", path,
                path);
}

orr_status orr_plugin_check_place(const char *path, struct orr_error *err)
{
    struct stat file, directory;
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) >= sizeof parent) return orr_fail(err, ORR_EINVAL, "is not a resolved path");
    snprintf(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (stat(path, &file) != 0) return orr_fail(err, ORR_EIO, "%s", strerror(errno));
    if (!S_ISREG(file.st_mode)) return orr_fail(err, ORR_EPERM, "is not a regular file");
    ORR_TRY(check_owner(path, &file, err));
    if (file.st_mode & S_IWOTH) return orr_fail(err, ORR_EPERM, "is writable by everyone: chmod o-w '%s'", path);
    if (stat(parent, &directory) != 0) return orr_fail(err, ORR_EIO, "its directory: %s", strerror(errno));
    if ((directory.st_mode & S_IWOTH) && !(directory.st_mode & S_ISVTX))
        return orr_fail(err, ORR_EPERM, "is in a directory that is writable by everyone: chmod o-w '%s'", parent);
    if (file.st_mode & S_IWGRP)
        warn_group(path);
    else if (directory.st_mode & S_IWGRP)
        warn_group(parent);
    return ORR_OK;
}
