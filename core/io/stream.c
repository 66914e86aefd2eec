/* A file in pieces of one buffer, and its checksum.
 *
 * FNV-1a: Fowler, Noll and Vo, 64 bits (RFC 9923).
 */
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 16 };

static orr_status read_pieces(int fd, const char *path, orr_stream_visit visit, void *context, struct orr_error *err)
{
    char piece[PIECE];
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return orr_fail(err, ORR_EIO, "%s: is not a regular file", path);
    for (;;) {
        const ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return orr_fail(err, ORR_EIO, "%s: cannot be read: %s", path, strerror(errno));
        if (got == 0) return ORR_OK;
        ORR_TRY(visit(context, piece, (size_t)got, err));
    }
}

orr_status orr_stream_read(const char *path, orr_stream_visit visit, void *context, struct orr_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return orr_fail(err, ORR_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    const orr_status status = read_pieces(fd, path, visit, context, err);
    close(fd);
    return status;
}

static orr_status hash_piece(void *context, const char *bytes, size_t n, struct orr_error *err)
{
    uint64_t h = *(uint64_t *)context;
    (void)err;
    for (size_t i = 0; i < n; ++i)
        h = (h ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    *(uint64_t *)context = h;
    return ORR_OK;
}

orr_status orr_stream_checksum(const char *path, char checksum[17], struct orr_error *err)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    ORR_TRY(orr_stream_read(path, hash_piece, &h, err));
    snprintf(checksum, 17, "%016" PRIx64, h);
    return ORR_OK;
}
