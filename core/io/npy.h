/* NumPy's .npy files, format version 1.0: dense arrays of rank 0 to 4 in C order, written little-endian.
 *
 * Format: NumPy Enhancement Proposal 1 and numpy.lib.format.
 */
#ifndef ORR_IO_NPY_H
#define ORR_IO_NPY_H

#include "io/file.h"
#include "orrery/backend.h"

/* Element types of files: those of enum orr_dtype that files hold, and 64-bit whole numbers. */
enum orr_npy_type { ORR_NPY_F32 = ORR_F32, ORR_NPY_I32 = ORR_I32, ORR_NPY_F64 = ORR_F64, ORR_NPY_I64 = 64 };

/* A dense row-major array. */
struct orr_array {
    uint32_t dtype; /* enum orr_npy_type */
    uint32_t rank;  /* 0 to 4 */
    int64_t dim[ORR_RANK_MAX];
    void *data;
};

/* Bytes of one element; 0 for a type that files do not hold. */
size_t orr_npy_type_bytes(uint32_t dtype);

/* The bytes of an array of this type and shape. EDTYPE, ESHAPE (rank, negative dimension, overflow). */
ORR_CHECKED orr_status orr_npy_bytes(uint32_t dtype, uint32_t rank, const int64_t *dim, size_t *bytes,
                                     struct orr_error *err);

/* Write array atomically. EDTYPE, ESHAPE, EIO. Any thread. */
ORR_CHECKED orr_status orr_npy_write(const char *path, const struct orr_array *array, struct orr_error *err);

/* Read a file of either byte order; numbers of 8 and 16 bits, and those without a sign, become ones of a wider type. On
 * success out->data is the caller's, to be freed by orr_array_fini. EIO; EFORMAT says what in the file is not as
 * expected. Any thread. */
ORR_CHECKED orr_status orr_npy_read(const char *path, struct orr_array *out, struct orr_error *err);

/* What the head of a file says of the numbers behind it, and that they are all there. */
struct orr_npy_head {
    struct orr_array array; /* without data */
    size_t type;            /* the file's own, a row of the table in npy.c */
    bool big_endian;
    size_t count, bytes; /* numbers, and what they take in the file */
};

/* The same in two steps, for a caller who judges the shape before memory is taken for the numbers; file stands at its
 * beginning. Errors as orr_npy_read. */
ORR_CHECKED orr_status orr_npy_read_head(struct orr_file_reader *file, struct orr_npy_head *out, struct orr_error *err);
ORR_CHECKED orr_status orr_npy_read_body(struct orr_file_reader *file, const struct orr_npy_head *head,
                                         struct orr_array *out, struct orr_error *err);

/* Free what orr_npy_read gave; array may hold NULL data. */
void orr_array_fini(struct orr_array *array);

#endif
