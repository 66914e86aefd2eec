/* NumPy's .npy, version 1.0: magic, version, length of the header, a Python dictionary, the numbers.
 * Format: NumPy Enhancement Proposal 1. Read strictly: exactly the three keys, in any order. */
#include "io/npy.h"

#include "base/memory.h"
#include "io/file.h"
#include "io/widen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian and read as they are");

enum { PREAMBLE = 10, HEADER_MAX = 4096 };
static const char magic[] = "\x93NUMPY\x01";

static const struct {
    uint32_t type;
    size_t bytes;
    const char *descr, *big_endian; /* the latter is only read */
    enum orr_narrow narrow;         /* what is so is only read, as a wider type */
} types[] = {{ORR_NPY_F32, 4, "<f4", ">f4", ORR_NARROW_NONE}, {ORR_NPY_I32, 4, "<i4", ">i4", ORR_NARROW_NONE},
             {ORR_NPY_F64, 8, "<f8", ">f8", ORR_NARROW_NONE}, {ORR_NPY_I64, 8, "<i8", ">i8", ORR_NARROW_NONE},
             {ORR_NPY_I32, 1, "|i1", "|i1", ORR_NARROW_I8},   {ORR_NPY_I32, 1, "|u1", "|u1", ORR_NARROW_U8},
             {ORR_NPY_I32, 2, "<i2", ">i2", ORR_NARROW_I16},  {ORR_NPY_I32, 2, "<u2", ">u2", ORR_NARROW_U16},
             {ORR_NPY_I64, 4, "<u4", ">u4", ORR_NARROW_U32},  {ORR_NPY_I64, 8, "<u8", ">u8", ORR_NARROW_U64},
             {ORR_NPY_F32, 2, "<f2", ">f2", ORR_NARROW_F16}};
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
    size_t type; /* row of types */
    bool big_endian;
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
    for (size_t i = 0; i < 2 * TYPES; ++i) {
        char quoted[8];
        dictionary->big_endian = i >= TYPES;
        snprintf(quoted, sizeof quoted, "'%s'", i < TYPES ? types[i].descr : types[i - TYPES].big_endian);
        if (!accept(dictionary, quoted)) continue;
        dictionary->type = i % TYPES;
        out->dtype = types[dictionary->type].type;
        return ORR_OK;
    }
    return malformed(dictionary, "a type of real or whole numbers, such as '<f4', '<f8', '<i4' or '<i8'");
}

static orr_status read_dimension(struct dictionary *dictionary, int64_t *out)
{
    int64_t value = 0;
    accept(dictionary, "");
    const char first = *dictionary->at, second = first ? dictionary->at[1] : '\0';
    if (first < '0' || first > '9' || (first == '0' && second >= '0' && second <= '9'))
        return malformed(dictionary, "a dimension");
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

/* The ten bytes before the dictionary, which say how long it is. */
static orr_status read_preamble(struct orr_file_reader *reader, size_t *length, struct orr_error *err)
{
    unsigned char preamble[PREAMBLE] = {0};
    const size_t n = reader->left < PREAMBLE ? (size_t)reader->left : PREAMBLE;
    ORR_TRY(orr_file_reader_take(reader, preamble, n, err));
    if (n < PREAMBLE || memcmp(preamble, magic, 6) != 0)
        return orr_fail(err, ORR_EFORMAT, "%s: is not a .npy file (it does not begin with \\x93NUMPY)", reader->path);
    if (preamble[6] != 1 || preamble[7] != 0)
        return orr_fail(err, ORR_EFORMAT, "%s: is of .npy version %d.%d, expected 1.0", reader->path, preamble[6],
                        preamble[7]);
    *length = preamble[8] | (size_t)preamble[9] << 8;
    if (*length == 0 || *length > HEADER_MAX || *length > reader->left)
        return orr_fail(err, ORR_EFORMAT, "%s: its header of %zu bytes is empty, longer than %d or than the file",
                        reader->path, *length, HEADER_MAX);
    return ORR_OK;
}

orr_status orr_npy_read_head(struct orr_file_reader *file, struct orr_npy_head *out, struct orr_error *err)
{
    const char *path = file->path;
    char header[HEADER_MAX + 1];
    size_t length = 0;
    struct orr_npy_head head = {.type = 0};
    struct orr_array *array = &head.array;
    ORR_TRY(read_preamble(file, &length, err));
    ORR_TRY(orr_file_reader_take(file, header, length, err));
    header[length] = '\0';
    if (header[length - 1] != '\n' || strlen(header) != length || strchr(header, '\n') != header + length - 1)
        return orr_fail(err, ORR_EFORMAT, "%s: its header is not one line of text", path);
    struct dictionary dictionary = {header, path, 0, false, err};
    ORR_TRY(read_dictionary(&dictionary, array));
    if (orr_npy_bytes(array->dtype, array->rank, array->dim, &head.bytes, err) != ORR_OK)
        return orr_fail(err, ORR_EFORMAT, "%s: the shape in its header has more elements than memory can hold", path);
    head.type = dictionary.type;
    head.big_endian = dictionary.big_endian;
    head.count = head.bytes / orr_npy_type_bytes(array->dtype);
    head.bytes = head.count * types[head.type].bytes;
    if (head.bytes != file->left)
        return orr_fail(err, ORR_EFORMAT, "%s: holds %" PRIu64 " bytes of data, its shape needs %zu", path, file->left,
                        head.bytes);
    *out = head;
    return ORR_OK;
}

/* Reverse the bytes of each element. */
static void swap(char *data, size_t bytes, size_t element)
{
    for (char *at = data; at < data + bytes; at += element)
        for (size_t i = 0; i < element / 2; ++i) {
            const char byte = at[i];
            at[i] = at[element - 1 - i];
            at[element - 1 - i] = byte;
        }
}

/* Numbers of a narrow type into an array of their own. */
static orr_status widen(const struct orr_npy_head *head, const char *path, struct orr_array *array,
                        struct orr_error *err)
{
    const size_t bytes = head->count * orr_npy_type_bytes(array->dtype);
    void *narrow = array->data;
    array->data = orr_memory_aligned(bytes, 64);
    const bool fit = array->data && orr_widen(types[head->type].narrow, narrow, head->count, array->data);
    orr_memory_free(narrow);
    if (!array->data) return orr_memory_out(err, path, bytes);
    return fit ? ORR_OK : orr_fail(err, ORR_EFORMAT, "%s: holds a whole number of 2^63 or more", path);
}

static orr_status read_numbers(struct orr_file_reader *file, const struct orr_npy_head *head, struct orr_array *array,
                               struct orr_error *err)
{
    array->data = orr_memory_aligned(head->bytes, 64);
    if (!array->data) return orr_memory_out(err, file->path, head->bytes);
    ORR_TRY(orr_file_reader_take(file, array->data, head->bytes, err));
    if (head->big_endian) swap(array->data, head->bytes, types[head->type].bytes);
    return types[head->type].narrow ? widen(head, file->path, array, err) : ORR_OK;
}

orr_status orr_npy_read_body(struct orr_file_reader *file, const struct orr_npy_head *head, struct orr_array *out,
                             struct orr_error *err)
{
    struct orr_array array = head->array;
    const orr_status status = read_numbers(file, head, &array, err);
    if (status == ORR_OK)
        *out = array;
    else
        orr_array_fini(&array);
    return status;
}

orr_status orr_npy_read(const char *path, struct orr_array *out, struct orr_error *err)
{
    struct orr_file_reader file;
    struct orr_npy_head head;
    ORR_TRY(orr_file_reader_open(&file, path, err));
    orr_status status = orr_npy_read_head(&file, &head, err);
    if (status == ORR_OK) status = orr_npy_read_body(&file, &head, out, err);
    orr_file_reader_close(&file);
    return status;
}

void orr_array_fini(struct orr_array *array)
{
    orr_memory_free(array->data);
    array->data = NULL;
}
