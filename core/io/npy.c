/* NumPy's .npy, version 1.0: magic, version, length of the header, a Python dictionary, the numbers.
 * Format: NumPy Enhancement Proposal 1. Read strictly: exactly the three keys, in any order. */
#include "io/npy.h"

#include "base/memory.h"
#include "io/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian and read as they are");

enum { PREAMBLE = 10, HEADER_MAX = 4096 };
static const char magic[] = "\x93NUMPY\x01";

static const struct {
    uint32_t type;
    size_t bytes;
    const char *descr;
} types[] = {{ORR_NPY_F32, 4, "<f4"}, {ORR_NPY_I32, 4, "<i4"}, {ORR_NPY_F64, 8, "<f8"}, {ORR_NPY_I64, 8, "<i8"}};
enum { TYPES = sizeof types / sizeof *types };

static size_t type_row(uint32_t dtype)
{
    size_t i = 0;
    while (i < TYPES && types[i].type != dtype)
        ++i;
    return i;
}

size_t orr_npy_type_bytes(uint32_t dtype)
{
    const size_t i = type_row(dtype);
    return i < TYPES ? types[i].bytes : 0;
}

orr_status orr_npy_bytes(uint32_t dtype, uint32_t rank, const int64_t *dim, size_t *bytes, struct orr_error *err)
{
    size_t total = orr_npy_type_bytes(dtype);
    if (total == 0)
        return orr_fail(err, ORR_EDTYPE, "element type %u cannot be stored: f32, f64, i32 and i64 can",
                        (unsigned)dtype);
    if (rank > ORR_RANK_MAX) return orr_fail(err, ORR_ESHAPE, "rank %u is more than %d", (unsigned)rank, ORR_RANK_MAX);
    bool empty = false;
    for (uint32_t i = 0; i < rank; ++i) {
        if (dim[i] < 0) return orr_fail(err, ORR_ESHAPE, "dimension %u is negative: %" PRId64, (unsigned)i, dim[i]);
        if (dim[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(total, (uint64_t)dim[i], &total) || total > PTRDIFF_MAX)
            return orr_fail(err, ORR_ESHAPE, "the shape has more elements than memory can hold");
    }
    *bytes = empty ? 0 : total;
    return ORR_OK;
}

/* The dictionary, padded so that the data begins at a multiple of 64 bytes; returns its length. */
static size_t write_header(const struct orr_array *array, char header[HEADER_MAX])
{
    int at = snprintf(header, HEADER_MAX, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                      types[type_row(array->dtype)].descr);
    for (uint32_t i = 0; i < array->rank; ++i)
        at += snprintf(header + at, (size_t)(HEADER_MAX - at), "%s%" PRId64, i ? ", " : "", array->dim[i]);
    at += snprintf(header + at, (size_t)(HEADER_MAX - at), "%s), }", array->rank == 1 ? "," : "");
    size_t n = (size_t)at;
    while ((PREAMBLE + n + 1) % 64 != 0)
        header[n++] = ' ';
    header[n++] = '\n';
    return n;
}

orr_status orr_npy_write(const char *path, const struct orr_array *array, struct orr_error *err)
{
    size_t bytes;
    const orr_status sound = orr_npy_bytes(array->dtype, array->rank, array->dim, &bytes, err);
    if (sound != ORR_OK) {
        (void)orr_error_prefix(err, "%s", path);
        return sound;
    }
    char header[HEADER_MAX];
    const size_t n = write_header(array, header);
    const unsigned char preamble[PREAMBLE] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, n & 0xFF, (n >> 8) & 0xFF};
    struct orr_file_writer *writer;
    ORR_TRY(orr_file_writer_open(path, &writer, err));
    orr_status status = orr_file_writer_append(writer, preamble, sizeof preamble, err);
    if (status == ORR_OK) status = orr_file_writer_append(writer, header, n, err);
    if (status == ORR_OK) status = orr_file_writer_append(writer, array->data, bytes, err);
    if (status == ORR_OK) return orr_file_writer_commit(writer, err);
    orr_file_writer_discard(writer);
    return status;
}

/* The dictionary as it is read; never moves past its end, which holds a zero. */
struct dictionary {
    const char *at;
    const char *path;
    struct orr_error *err;
};

static orr_status malformed(const struct dictionary *dictionary, const char *expected)
{
    return orr_fail(dictionary->err, ORR_EFORMAT, "%s: its header is malformed: expected %s at \"%.24s\"",
                    dictionary->path, expected, dictionary->at);
}

static bool accept(struct dictionary *dictionary, const char *token)
{
    while (*dictionary->at == ' ')
        ++dictionary->at;
    const size_t n = strlen(token);
    if (strncmp(dictionary->at, token, n) != 0) return false;
    dictionary->at += n;
    return true;
}

static orr_status expect(struct dictionary *dictionary, const char *token)
{
    return accept(dictionary, token) ? ORR_OK : malformed(dictionary, token);
}

static orr_status read_descr(struct dictionary *dictionary, struct orr_array *out)
{
    for (size_t i = 0; i < TYPES; ++i) {
        char quoted[8];
        snprintf(quoted, sizeof quoted, "'%s'", types[i].descr);
        if (!accept(dictionary, quoted)) continue;
        out->dtype = types[i].type;
        return ORR_OK;
    }
    return malformed(dictionary, "the type '<f4', '<f8', '<i4' or '<i8'");
}

static orr_status read_dimension(struct dictionary *dictionary, int64_t *out)
{
    int64_t value = 0;
    accept(dictionary, "");
    if (*dictionary->at < '0' || *dictionary->at > '9') return malformed(dictionary, "a dimension");
    for (; *dictionary->at >= '0' && *dictionary->at <= '9'; ++dictionary->at)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *dictionary->at - '0', &value))
            return malformed(dictionary, "a dimension of less than 2^63");
    *out = value;
    return ORR_OK;
}

/* "()", "(n,)", "(n, m)" and so on; a comma may follow the last one, and must when it is the only one. */
static orr_status read_shape(struct dictionary *dictionary, struct orr_array *out)
{
    ORR_TRY(expect(dictionary, "("));
    out->rank = 0;
    while (!accept(dictionary, ")")) {
        if (out->rank == ORR_RANK_MAX) return malformed(dictionary, "at most 4 dimensions");
        ORR_TRY(read_dimension(dictionary, &out->dim[out->rank++]));
        if (accept(dictionary, ",")) continue;
        if (out->rank == 1) return malformed(dictionary, ",");
        return expect(dictionary, ")");
    }
    return ORR_OK;
}

static orr_status read_dictionary(struct dictionary *dictionary, struct orr_array *out)
{
    bool has_type = false, has_order = false, has_shape = false;
    ORR_TRY(expect(dictionary, "{"));
    while (!accept(dictionary, "}")) {
        if (!has_type && accept(dictionary, "'descr'")) {
            ORR_TRY(expect(dictionary, ":"));
            ORR_TRY(read_descr(dictionary, out));
            has_type = true;
        } else if (!has_order && accept(dictionary, "'fortran_order'")) {
            ORR_TRY(expect(dictionary, ":"));
            if (!accept(dictionary, "False")) return malformed(dictionary, "False (C order)");
            has_order = true;
        } else if (!has_shape && accept(dictionary, "'shape'")) {
            ORR_TRY(expect(dictionary, ":"));
            ORR_TRY(read_shape(dictionary, out));
            has_shape = true;
        } else {
            return malformed(dictionary, "'descr', 'fortran_order' and 'shape', once each");
        }
        if (accept(dictionary, ",")) continue;
        ORR_TRY(expect(dictionary, "}"));
        break;
    }
    if (!has_type || !has_order || !has_shape) return malformed(dictionary, "'descr', 'fortran_order' and 'shape'");
    return *dictionary->at == '\n' || accept(dictionary, "\n") ? ORR_OK : malformed(dictionary, "the end of the line");
}

static orr_status check(const char *path, const char *data, size_t n, struct orr_array *out, size_t *begin,
                        struct orr_error *err)
{
    char header[HEADER_MAX + 1];
    size_t bytes;
    if (n < PREAMBLE || memcmp(data, magic, 6) != 0)
        return orr_fail(err, ORR_EFORMAT, "%s: is not a .npy file (it does not begin with \\x93NUMPY)", path);
    if (data[6] != 1 || data[7] != 0)
        return orr_fail(err, ORR_EFORMAT, "%s: is of .npy version %d.%d, expected 1.0", path, data[6], data[7]);
    const size_t length = (unsigned char)data[8] | (size_t)(unsigned char)data[9] << 8;
    if (length == 0 || length > HEADER_MAX || length > n - PREAMBLE)
        return orr_fail(err, ORR_EFORMAT, "%s: its header of %zu bytes is empty, longer than %d or than the file", path,
                        length, HEADER_MAX);
    memcpy(header, data + PREAMBLE, length);
    header[length] = '\0';
    if (header[length - 1] != '\n' || strlen(header) != length || strchr(header, '\n') != header + length - 1)
        return orr_fail(err, ORR_EFORMAT, "%s: its header is not one line of text", path);
    struct dictionary dictionary = {header, path, err};
    ORR_TRY(read_dictionary(&dictionary, out));
    if (orr_npy_bytes(out->dtype, out->rank, out->dim, &bytes, err) != ORR_OK)
        return orr_fail(err, ORR_EFORMAT, "%s: the shape in its header has more elements than memory can hold", path);
    *begin = PREAMBLE + length;
    if (bytes != n - *begin)
        return orr_fail(err, ORR_EFORMAT, "%s: holds %zu bytes of data, its shape needs %zu", path, n - *begin, bytes);
    return ORR_OK;
}

orr_status orr_npy_read(const char *path, struct orr_array *out, struct orr_error *err)
{
    char *data;
    size_t n, begin;
    struct orr_array array = {0};
    ORR_TRY(orr_file_read(path, PTRDIFF_MAX, &data, &n, err));
    const orr_status status = check(path, data, n, &array, &begin, err);
    if (status != ORR_OK) {
        orr_memory_free(data);
        return status;
    }
    /* The header is dropped by moving the data down, so that it begins aligned and can be freed. */
    memmove(data, data + begin, n - begin);
    array.data = data;
    *out = array;
    return ORR_OK;
}

void orr_array_fini(struct orr_array *array)
{
    orr_memory_free(array->data);
    array->data = NULL;
}
