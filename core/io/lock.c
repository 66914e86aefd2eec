/* A lock between processes: a file that is locked as long as it has a holder, and removed by the last one. */
#include "io/lock.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct orr_file_lock {
    int fd;
    char *path;
};

/* Whoever held the lock removed the file between our opening and our locking it: what we hold is nameless. */
static bool was_removed(const struct orr_file_lock *lock)
{
    struct stat held, named;
    return fstat(lock->fd, &held) == 0 &&
           (stat(lock->path, &named) != 0 || held.st_ino != named.st_ino || held.st_dev != named.st_dev);
}

static orr_status take(struct orr_file_lock *lock, struct orr_error *err)
{
    for (int attempt = 0; attempt < 100; ++attempt) {
        lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (lock->fd < 0)
            return orr_fail(err, ORR_EIO, "%s cannot be made: %s: check that you may write there", lock->path,
                            strerror(errno));
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) break;
            orr_log(ORR_LOG_WARN, "io", "%s cannot be locked: %s: see to it that no other process writes here",
                    lock->path, strerror(errno));
            return ORR_OK;
        }
        if (!was_removed(lock)) return ORR_OK;
        close(lock->fd);
        lock->fd = -1;
    }
    return orr_fail(err, ORR_EINVAL, "%s is locked: another process is writing here: wait for it to end", lock->path);
}

orr_status orr_file_lock(const char *path, struct orr_file_lock **out, struct orr_error *err)
{
    *out = NULL;
    struct orr_file_lock *lock = orr_memory_array(1, sizeof *lock);
    if (!lock) return orr_memory_out(err, "a lock", sizeof *lock);
    lock->fd = -1;
    lock->path = orr_memory_text(path);
    const orr_status status = lock->path ? take(lock, err) : orr_memory_out(err, "a path", strlen(path) + 1);
    if (status == ORR_OK) {
        *out = lock;
        return ORR_OK;
    }
    if (lock->fd >= 0) close(lock->fd);
    orr_memory_free(lock->path);
    orr_memory_free(lock);
    return status;
}

void orr_file_unlock(struct orr_file_lock *lock)
{
    if (!lock) return;
    unlink(lock->path); /* while it is still ours */
    close(lock->fd);
    orr_memory_free(lock->path);
    orr_memory_free(lock);
}
