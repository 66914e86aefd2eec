/* Whole files, written atomically: temporary file in the same directory, fsync, rename, fsync of the directory. */
#include "io/file.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 16 };

struct orr_file_writer {
    int fd;
    char *path, *temporary;
    size_t used;
    unsigned char buffer[BUFFER_SIZE];
};

static const char *what_to_do(int reason)
{
    switch (reason) {
    case ENOSPC:
    case EDQUOT:
        return "free some space or write elsewhere";
    case EFBIG:
        return "the file size limit is reached: raise it (ulimit -f) or write elsewhere";
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a place that you may write to";
    case ENOENT:
        return "check the name, and that its directory exists";
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
        return "choose another name";
    case ENAMETOOLONG:
        return "choose a shorter name (temporary files add about 20 characters to it)";
    case ELOOP:
        return "its links lead in a circle: choose another name";
    case EMFILE:
    case ENFILE:
        return "too many files are open: close some or raise the limit (ulimit -n)";
    default:
        return "check the disk";
    }
}

static orr_status failed(struct orr_error *err, const char *path, const char *what, int reason)
{
    if (reason == ENOMEM) return orr_fail(err, ORR_ENOMEM, "out of memory: %s cannot be %s", path, what);
    return orr_fail(err, ORR_EIO, "%s: cannot be %s: %s: %s", path, what, strerror(reason), what_to_do(reason));
}

static void destroy(struct orr_file_writer *writer)
{
    orr_memory_free(writer->path);
    orr_memory_free(writer->temporary);
    orr_memory_free(writer);
}

/* A name of our own in the target's directory; another process or thread cannot have the same. */
static int open_temporary(struct orr_file_writer *writer)
{
    static atomic_uint counter;
    for (int attempt = 0; attempt < 100; ++attempt) {
        orr_memory_free(writer->temporary);
        writer->temporary =
            orr_memory_print("%s.%ld-%u.tmp", writer->path, (long)getpid(), atomic_fetch_add(&counter, 1u));
        if (!writer->temporary) {
            errno = ENOMEM;
            return -1;
        }
        /* A leftover of a killed process that had our number is not ours to overwrite. */
        const int fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

/* The name to replace: path itself, or where it leads when it is a link, so that the link stays one. The caller's. */
static orr_status find_target(const char *path, char **out, struct orr_error *err)
{
    struct stat file;
    const bool link = lstat(path, &file) == 0 && S_ISLNK(file.st_mode);
    char *target = link ? realpath(path, NULL) : orr_memory_text(path);
    if (!target && link && errno == ENOENT)
        return orr_fail(err, ORR_EIO, "%s: is a link to a file that does not exist: remove it, or choose another name",
                        path);
    if (!target) return failed(err, path, "written", errno);
    const bool there = stat(target, &file) == 0;
    if (!there || S_ISREG(file.st_mode)) {
        *out = target;
        return ORR_OK;
    }
    orr_memory_free(target);
    if (S_ISDIR(file.st_mode)) return failed(err, path, "written", EISDIR);
    return orr_fail(err, ORR_EIO, "%s: is not a regular file but a device, pipe or socket: choose another name", path);
}

orr_status orr_file_writer_open(const char *path, struct orr_file_writer **out, struct orr_error *err)
{
    struct orr_file_writer *writer = orr_memory_array(1, sizeof *writer);
    if (!writer) return orr_memory_out(err, "a file writer", sizeof *writer);
    const orr_status status = find_target(path, &writer->path, err);
    if (status != ORR_OK) {
        destroy(writer);
        return status;
    }
    writer->fd = open_temporary(writer);
    if (writer->fd < 0) {
        const int reason = errno;
        destroy(writer);
        return failed(err, path, "created", reason);
    }
    *out = writer;
    return ORR_OK;
}

static orr_status write_all(struct orr_file_writer *writer, const void *data, size_t n, struct orr_error *err)
{
    const char *at = data;
    while (n > 0) {
        const ssize_t written = write(writer->fd, at, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return failed(err, writer->path, "written", written < 0 ? errno : ENOSPC);
        at += written;
        n -= (size_t)written;
    }
    return ORR_OK;
}

static orr_status flush(struct orr_file_writer *writer, struct orr_error *err)
{
    const size_t n = writer->used;
    writer->used = 0;
    return write_all(writer, writer->buffer, n, err);
}

orr_status orr_file_writer_append(struct orr_file_writer *writer, const void *data, size_t n, struct orr_error *err)
{
    if (n == 0) return ORR_OK;
    if (n > BUFFER_SIZE - writer->used) ORR_TRY(flush(writer, err));
    if (n >= BUFFER_SIZE) return write_all(writer, data, n, err);
    memcpy(writer->buffer + writer->used, data, n);
    writer->used += n;
    return ORR_OK;
}

/* The new file is in place whatever happens here; only a power failure could still bring the old one back. */
static void sync_directory(const char *path)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash) snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return; /* a directory that may be written but not read cannot be synchronised */
    /* EINVAL: this file system has nothing to synchronise. */
    if (fsync(fd) != 0 && errno != EINVAL)
        orr_log(ORR_LOG_WARN, "io", "%s cannot be synchronised: %s: a power failure could undo the writing of %s",
                directory, strerror(errno), path);
    close(fd);
}

orr_status orr_file_writer_commit(struct orr_file_writer *writer, struct orr_error *err)
{
    orr_status status = flush(writer, err);
    if (status == ORR_OK && fsync(writer->fd) != 0 && errno != EINVAL)
        status = failed(err, writer->path, "written", errno);
    const int closed = close(writer->fd);
    writer->fd = -1;
    if (status == ORR_OK && closed != 0) status = failed(err, writer->path, "written", errno);
    if (status == ORR_OK && rename(writer->temporary, writer->path) != 0)
        status = failed(err, writer->path, "replaced", errno);
    if (status != ORR_OK) {
        orr_file_writer_discard(writer);
        return status;
    }
    sync_directory(writer->path);
    destroy(writer);
    return ORR_OK;
}

void orr_file_writer_discard(struct orr_file_writer *writer)
{
    if (!writer) return;
    if (writer->fd >= 0) close(writer->fd);
    unlink(writer->temporary);
    destroy(writer);
}

orr_status orr_file_write_atomic(const char *path, const void *data, size_t n, struct orr_error *err)
{
    struct orr_file_writer *writer;
    ORR_TRY(orr_file_writer_open(path, &writer, err));
    const orr_status status = orr_file_writer_append(writer, data, n, err);
    if (status == ORR_OK) return orr_file_writer_commit(writer, err);
    orr_file_writer_discard(writer);
    return status;
}

orr_status orr_file_reader_open(struct orr_file_reader *reader, const char *path, struct orr_error *err)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return failed(err, path, "opened", errno);
    *reader = (struct orr_file_reader){.path = path, .fd = fd, .hash = ORR_HASH_START};
    orr_status found = ORR_OK;
    if (fstat(fd, &status) != 0)
        found = failed(err, path, "read", errno);
    else if (!S_ISREG(status.st_mode))
        found = orr_fail(err, ORR_EIO, "%s: is not a regular file", path);
    else
        reader->left = (uint64_t)status.st_size;
    if (found != ORR_OK) close(fd);
    return found;
}

orr_status orr_file_reader_take(struct orr_file_reader *reader, void *data, size_t n, struct orr_error *err)
{
    for (size_t at = 0; at < n;) {
        const ssize_t got = read(reader->fd, (char *)data + at, n - at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(err, reader->path, "read", errno);
        if (got == 0)
            return orr_fail(err, ORR_EIO, "%s: became shorter while it was read (%zu of %zu bytes): try again",
                            reader->path, at, n);
        at += (size_t)got;
    }
    reader->left -= n;
    if (reader->hashes) reader->hash = orr_hash_bytes(reader->hash, data, n);
    return ORR_OK;
}

void orr_file_reader_checksum(const struct orr_file_reader *reader, char checksum[17])
{
    snprintf(checksum, 17, "%016" PRIx64, reader->hash);
}

void orr_file_reader_close(struct orr_file_reader *reader) { close(reader->fd); }

static orr_status read_whole(struct orr_file_reader *reader, size_t max_bytes, char **data, size_t *n,
                             struct orr_error *err)
{
    if (reader->left > max_bytes || reader->left >= SIZE_MAX)
        return orr_fail(err, ORR_EFORMAT, "%s: has %" PRIu64 " bytes, expected at most %zu", reader->path, reader->left,
                        max_bytes);
    const size_t bytes = (size_t)reader->left;
    char *text = orr_memory_aligned(bytes + 1, 64);
    if (!text) return orr_memory_out(err, reader->path, bytes + 1);
    const orr_status read = orr_file_reader_take(reader, text, bytes, err);
    if (read != ORR_OK) {
        orr_memory_free(text);
        return read;
    }
    text[bytes] = '\0';
    *data = text;
    *n = bytes;
    return ORR_OK;
}

orr_status orr_file_read(const char *path, size_t max_bytes, char **data, size_t *n, struct orr_error *err)
{
    struct orr_file_reader reader;
    ORR_TRY(orr_file_reader_open(&reader, path, err));
    const orr_status status = read_whole(&reader, max_bytes, data, n, err);
    orr_file_reader_close(&reader);
    return status;
}

static orr_status make_directory(const char *path, struct orr_error *err)
{
    struct stat status;
    if (mkdir(path, 0777) == 0) return ORR_OK;
    const int reason = errno;
    if (reason == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return ORR_OK;
    return failed(err, path, "made as a directory", reason);
}

orr_status orr_file_make_directories(const char *path, struct orr_error *err)
{
    char *copy = orr_memory_text(path);
    if (!copy) return orr_memory_out(err, "a path", strlen(path) + 1);
    orr_status status = ORR_OK;
    for (char *c = copy + (*copy == '/'); *c && status == ORR_OK; ++c) {
        if (*c != '/') continue;
        *c = '\0';
        status = make_directory(copy, err);
        *c = '/';
    }
    if (status == ORR_OK) status = make_directory(copy, err);
    orr_memory_free(copy);
    return status;
}

void orr_file_remove_temporaries(const char *directory, const char *pattern)
{
    char *temporary = orr_memory_print("%s.[0-9]*-[0-9]*.tmp", pattern);
    DIR *open = temporary ? opendir(directory) : NULL;
    for (const struct dirent *entry = open ? readdir(open) : NULL; entry; entry = readdir(open)) {
        if (fnmatch(temporary, entry->d_name, 0) != 0) continue;
        if (unlinkat(dirfd(open), entry->d_name, 0) != 0)
            orr_log(ORR_LOG_WARN, "io", "%s/%s was left by a killed process and cannot be removed: %s", directory,
                    entry->d_name, strerror(errno));
    }
    if (open) closedir(open);
    orr_memory_free(temporary);
}
