/* A file in pieces of one buffer. In: an open file. Out: its bytes in order, or their checksum. */
#include "io/stream.h"

enum { PIECE = 1 << 16 };

orr_status orr_stream_read(struct orr_file_reader *file, orr_stream_visit visit, void *context, struct orr_error *err)
{
    char piece[PIECE];
    while (file->left > 0) {
        const size_t n = file->left < PIECE ? (size_t)file->left : PIECE;
        ORR_TRY(orr_file_reader_take(file, piece, n, err));
        ORR_TRY(visit(context, piece, n, err));
    }
    return ORR_OK;
}

static orr_status pass(void *context, const char *bytes, size_t n, struct orr_error *err)
{
    (void)context;
    (void)bytes;
    (void)n;
    (void)err;
    return ORR_OK;
}

orr_status orr_stream_checksum(const char *path, char checksum[17], struct orr_error *err)
{
    struct orr_file_reader file;
    ORR_TRY(orr_file_reader_open(&file, path, err));
    file.hashes = true;
    const orr_status status = orr_stream_read(&file, pass, NULL, err);
    orr_file_reader_checksum(&file, checksum);
    orr_file_reader_close(&file);
    return status;
}
