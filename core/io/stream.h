/* A regular file read piece by piece, so that its size does not matter. */
#ifndef ORR_IO_STREAM_H
#define ORR_IO_STREAM_H

#include "io/file.h"

typedef orr_status (*orr_stream_visit)(void *context, const char *bytes, size_t n, struct orr_error *err);

/* Call visit with what is left of file in order until all is read or one call fails. EIO; visit's own. */
ORR_CHECKED orr_status orr_stream_read(struct orr_file_reader *file, orr_stream_visit visit, void *context,
                                       struct orr_error *err);

/* 16 hexadecimal digits of FNV-1a over the bytes of a file, and a zero. EIO. */
ORR_CHECKED orr_status orr_stream_checksum(const char *path, char checksum[17], struct orr_error *err);

#endif
