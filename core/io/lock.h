/* A lock between processes, for a directory that one of them writes to. */
#ifndef ORR_IO_LOCK_H
#define ORR_IO_LOCK_H

#include "base/error.h"

struct orr_file_lock;

/* Lock the file path, which is made for it. On success *out is the caller's, to be given to orr_file_unlock; the end of
 * the process, however it comes, unlocks too. EINVAL: someone holds the lock, be it another caller in this process;
 * EIO, ENOMEM. Where the file system knows no locks, a warning. Any thread. */
ORR_CHECKED orr_status orr_file_lock(const char *path, struct orr_file_lock **out, struct orr_error *err);

/* Remove the file and give the lock back; NULL is allowed. */
void orr_file_unlock(struct orr_file_lock *lock);

#endif
