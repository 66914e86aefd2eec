/* Whole files: written atomically (temporary file beside the target, fsync, rename, fsync of the directory), read with
 * a limit. A reader sees the old file or the new one, never a part. Errors are EIO with path, reason and what to do;
 * ENOMEM.
 */
#ifndef ORR_IO_FILE_H
#define ORR_IO_FILE_H

#include "base/error.h"

/* A file being written; belongs to one thread at a time. */
struct orr_file_writer;

/* Begin to replace path; where it is a link, what it leads to. Refused for anything but a regular file. On success *out
 * is the caller's, to be committed or discarded. */
ORR_CHECKED orr_status orr_file_writer_open(const char *path, struct orr_file_writer **out, struct orr_error *err);

/* Append n bytes (buffered; a failure may be reported by a later call). On failure the writer is still to be
 * discarded. */
ORR_CHECKED orr_status orr_file_writer_append(struct orr_file_writer *writer, const void *data, size_t n,
                                              struct orr_error *err);

/* Make the file appear under its name, on disk. Frees writer on success and on failure; on failure the old file is
 * untouched and the temporary one removed. That the directory cannot be synchronised is a warning, no failure. */
ORR_CHECKED orr_status orr_file_writer_commit(struct orr_file_writer *writer, struct orr_error *err);

/* Remove the temporary file and free writer; NULL is allowed. */
void orr_file_writer_discard(struct orr_file_writer *writer);

/* Replace path by n bytes, atomically. Any thread. */
ORR_CHECKED orr_status orr_file_write_atomic(const char *path, const void *data, size_t n, struct orr_error *err);

/* A regular file read from its beginning, so that what its head promises is checked before memory is taken for the
 * rest. Belongs to one thread at a time; path is borrowed. */
struct orr_file_reader {
    const char *path;
    int fd;
    uint64_t left; /* bytes not yet taken */
    bool hashes;   /* set before the first byte is taken: keep a checksum of all that is */
    uint64_t hash; /* FNV-1a, 64 bits (RFC 9923) */
};

/* Open path for reading. EIO. On success the caller closes the reader. */
ORR_CHECKED orr_status orr_file_reader_open(struct orr_file_reader *reader, const char *path, struct orr_error *err);

/* The next n bytes, n at most reader->left. EIO, also where the file became shorter since it was opened. */
ORR_CHECKED orr_status orr_file_reader_take(struct orr_file_reader *reader, void *data, size_t n,
                                            struct orr_error *err);

/* 16 hexadecimal digits of the checksum of what a hashing reader has given so far, and a zero. */
void orr_file_reader_checksum(const struct orr_file_reader *reader, char checksum[17]);

/* The reader may be opened again afterwards. */
void orr_file_reader_close(struct orr_file_reader *reader);

/* Read a whole regular file of at most max_bytes. *data (n bytes and a zero after them) is the caller's, to free with
 * orr_memory_free. EIO; EFORMAT when it is larger. */
ORR_CHECKED orr_status orr_file_read(const char *path, size_t max_bytes, char **data, size_t *n, struct orr_error *err);

/* Make a directory and those above it that are missing; one that exists is fine. */
ORR_CHECKED orr_status orr_file_make_directories(const char *path, struct orr_error *err);

/* Remove the temporary files that writers left in directory when they were killed, of files whose name matches pattern
 * (fnmatch, such as "step-*.bin"). Only where no other process writes: call it under a lock. Failures are logged. */
void orr_file_remove_temporaries(const char *directory, const char *pattern);

#endif
