/* Reading safetensors: nothing in the file is believed before it is checked. The tensors must tile the data exactly. */
#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "io/safetensors_set.h"
#include "io/widen.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tensor as the header describes it; offsets count from the end of the header. */
struct claim {
    struct orr_safetensors_tensor tensor;
    uint64_t begin, end;
    size_t order; /* in the header */
    enum orr_narrow narrow;
};

static enum orr_narrow narrow_of_name(const char *name)
{
    if (strcmp(name, "F16") == 0) return ORR_NARROW_F16;
    return strcmp(name, "BF16") == 0 ? ORR_NARROW_BF16 : ORR_NARROW_NONE;
}

static uint32_t type_of_name(const char *name)
{
    if (narrow_of_name(name)) return orr_narrow_becomes(narrow_of_name(name));
    static const uint32_t types[] = {ORR_NPY_F32, ORR_NPY_F64, ORR_NPY_I32, ORR_NPY_I64};
    for (size_t i = 0; i < sizeof types / sizeof *types; ++i)
        if (strcmp(orr_safetensors_type_name(types[i]), name) == 0) return types[i];
    return 0;
}

/* A whole number that is not negative. */
static bool natural(const json_t *json, int64_t *out)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0) return false;
    *out = json_integer_value(json);
    return true;
}

static orr_status read_shape(const char *name, const json_t *shape, struct orr_safetensors_tensor *tensor,
                             struct orr_error *err)
{
    if (!json_is_array(shape)) return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": \"shape\" is not a list", name);
    if (json_array_size(shape) > ORR_RANK_MAX)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": rank %zu is more than %d", name, json_array_size(shape),
                        ORR_RANK_MAX);
    tensor->rank = (uint32_t)json_array_size(shape);
    for (uint32_t i = 0; i < tensor->rank; ++i)
        if (!natural(json_array_get(shape, i), &tensor->dim[i]))
            return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": dimension %u is not a whole number from 0", name,
                            (unsigned)i);
    return ORR_OK;
}

static orr_status read_claim(const char *name, const json_t *json, struct claim *claim, struct orr_error *err)
{
    const json_t *dtype = json_object_get(json, "dtype"), *offsets = json_object_get(json, "data_offsets");
    const json_t *shape = json_object_get(json, "shape");
    int64_t begin, end;
    if (!*name) return orr_fail(err, ORR_EFORMAT, "a tensor has an empty name");
    if (!json_is_object(json) || json_object_size(json) != 3 || !dtype || !shape || !offsets)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": expected \"dtype\", \"shape\" and \"data_offsets\"", name);
    claim->tensor = (struct orr_safetensors_tensor){.name = name};
    claim->tensor.dtype = json_is_string(dtype) ? type_of_name(json_string_value(dtype)) : 0;
    if (!claim->tensor.dtype)
        return orr_fail(err, ORR_EFORMAT,
                        "tensor \"%.80s\": type \"%.16s\" is not supported: F64, F32, F16, BF16, I64 and I32 are", name,
                        json_is_string(dtype) ? json_string_value(dtype) : "?");
    claim->narrow = narrow_of_name(json_string_value(dtype));
    ORR_TRY(read_shape(name, shape, &claim->tensor, err));
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &begin) ||
        !natural(json_array_get(offsets, 1), &end) || end < begin)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": \"data_offsets\" is not [begin, end]", name);
    claim->begin = (uint64_t)begin;
    claim->end = (uint64_t)end;
    if (orr_npy_bytes(claim->tensor.dtype, claim->tensor.rank, claim->tensor.dim, &claim->tensor.bytes, err) != ORR_OK)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": its shape has more elements than memory can hold", name);
    const size_t element = orr_npy_type_bytes(claim->tensor.dtype);
    const size_t needed = claim->tensor.bytes / element * (claim->narrow ? orr_narrow_bytes(claim->narrow) : element);
    if (claim->end - claim->begin != needed)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": has %" PRIu64 " bytes, its shape needs %zu", name,
                        claim->end - claim->begin, needed);
    return ORR_OK;
}

static orr_status read_metadata(struct orr_safetensors *set, const json_t *metadata, struct orr_error *err)
{
    if (!json_is_object(metadata)) return orr_fail(err, ORR_EFORMAT, ORR_SAFETENSORS_METADATA " is not a map of texts");
    for (void *at = json_object_iter((json_t *)(uintptr_t)metadata); at;
         at = json_object_iter_next((json_t *)(uintptr_t)metadata, at)) {
        const char *text = json_string_value(json_object_iter_value(at));
        if (!text)
            return orr_fail(err, ORR_EFORMAT, ORR_SAFETENSORS_METADATA ": \"%.80s\" is not a text",
                            json_object_iter_key(at));
        ORR_TRY(orr_safetensors_set_metadata(set, json_object_iter_key(at), text, err));
    }
    return ORR_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1; /* empty tensors before the one that begins there */
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Sort the claims and check that they tile `bytes` bytes of data without gap or overlap. */
static orr_status tile(struct claim *claims, size_t n, uint64_t bytes, struct orr_error *err)
{
    uint64_t at = 0;
    if (n > 0) qsort(claims, n, sizeof *claims, by_offset);
    for (size_t i = 0; i < n; ++i) {
        const struct orr_safetensors_tensor *tensor = &claims[i].tensor;
        if (claims[i].begin != at)
            return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": begins at %" PRIu64 ", expected %" PRIu64 ": %s",
                            tensor->name, claims[i].begin, at,
                            claims[i].begin < at ? "tensors overlap" : "bytes before it belong to no tensor");
        if (claims[i].end > bytes)
            return orr_fail(err, ORR_EFORMAT,
                            "tensor \"%.80s\": ends at %" PRIu64 ", but the file has %" PRIu64
                            " bytes of data: it is cut short",
                            tensor->name, claims[i].end, bytes);
        at = claims[i].end;
    }
    if (at == bytes) return ORR_OK;
    return orr_fail(err, ORR_EFORMAT, "the last %" PRIu64 " bytes belong to no tensor", bytes - at);
}

/* Callers read data as float, double or integers: where the file has it in a narrower type, or its packing does not
 * align it, it is copied. */
static orr_status make_readable(struct orr_safetensors_entry *entry, enum orr_narrow narrow, struct orr_error *err)
{
    struct orr_safetensors_tensor *tensor = &entry->tensor;
    const size_t element = orr_npy_type_bytes(tensor->dtype);
    if (!narrow && (uintptr_t)tensor->data % element == 0) return ORR_OK;
    entry->copy = orr_memory_aligned(tensor->bytes, 64);
    if (!entry->copy) return orr_memory_out(err, entry->name, tensor->bytes);
    if (narrow)
        (void)orr_widen(narrow, tensor->data, tensor->bytes / element, entry->copy);
    else
        memcpy(entry->copy, tensor->data, tensor->bytes);
    tensor->data = entry->copy;
    return ORR_OK;
}

static orr_status read_claims(struct orr_safetensors *set, json_t *header, struct claim *claims, size_t *n,
                              struct orr_error *err)
{
    for (void *at = json_object_iter(header); at; at = json_object_iter_next(header, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, ORR_SAFETENSORS_METADATA) == 0) {
            ORR_TRY(read_metadata(set, json_object_iter_value(at), err));
            continue;
        }
        claims[*n].order = *n;
        ORR_TRY(read_claim(name, json_object_iter_value(at), &claims[*n], err));
        ++*n;
    }
    return ORR_OK;
}

/* The bytes behind the header, once the claims are known to fit them. */
static orr_status read_data(struct orr_safetensors *set, struct orr_file_reader *reader, const struct claim *claims,
                            size_t n, struct orr_error *err)
{
    const size_t bytes = (size_t)reader->left;
    set->file = orr_memory_aligned(bytes, 64);
    if (!set->file) return orr_memory_out(err, reader->path, bytes);
    ORR_TRY(orr_file_reader_take(reader, set->file, bytes, err));
    for (size_t i = 0; i < n; ++i) {
        struct orr_safetensors_tensor tensor = claims[i].tensor;
        tensor.data = set->file + claims[i].begin;
        ORR_TRY(orr_safetensors_append(set, &tensor, err));
        ORR_TRY(make_readable(&set->entries[set->count - 1], claims[i].narrow, err));
    }
    return ORR_OK;
}

static orr_status fill(struct orr_safetensors *set, struct orr_file_reader *reader, json_t *header,
                       struct orr_error *err)
{
    size_t n = 0;
    struct claim *claims = orr_memory_array(json_object_size(header), sizeof *claims);
    if (!claims) return orr_memory_out(err, "a header", json_object_size(header) * sizeof *claims);
    orr_status status = read_claims(set, header, claims, &n, err);
    if (status == ORR_OK) status = tile(claims, n, reader->left, err);
    if (status == ORR_OK) status = read_data(set, reader, claims, n, err);
    orr_memory_free(claims);
    return status;
}

/* The header's length and, in *text, its bytes, which the caller frees. */
static orr_status read_text(struct orr_file_reader *reader, char **text, size_t *n, struct orr_error *err)
{
    uint64_t length;
    if (reader->left < sizeof length)
        return orr_fail(err, ORR_EFORMAT, "%" PRIu64 " bytes are too few for a safetensors file", reader->left);
    ORR_TRY(orr_file_reader_take(reader, &length, sizeof length, err)); /* little-endian, as npy.c asserts */
    if (length > ORR_SAFETENSORS_HEADER_MAX)
        return orr_fail(err, ORR_EFORMAT, "a header of %" PRIu64 " bytes is more than %d: this is no safetensors file",
                        length, ORR_SAFETENSORS_HEADER_MAX);
    if (length > reader->left)
        return orr_fail(err, ORR_EFORMAT,
                        "the header has %" PRIu64 " bytes, the file only %" PRIu64 " more: it is cut short", length,
                        reader->left);
    *n = (size_t)length;
    *text = orr_memory_array(*n, 1);
    if (!*text) return orr_memory_out(err, "a header", *n);
    return orr_file_reader_take(reader, *text, *n, err);
}

static orr_status read_file(struct orr_safetensors *set, struct orr_file_reader *reader, struct orr_error *err)
{
    char *text = NULL;
    size_t length = 0;
    json_t *header = NULL;
    orr_status status = read_text(reader, &text, &length, err);
    if (status == ORR_OK && (length == 0 || *text != '{'))
        status = orr_fail(err, ORR_EFORMAT, "the header does not begin with '{'");
    if (status == ORR_OK) status = orr_json_parse(text, length, "the header", &header, err);
    orr_memory_free(text);
    if (status == ORR_OK) status = fill(set, reader, header, err);
    json_decref(header);
    return status;
}

orr_status orr_safetensors_load_from(struct orr_file_reader *file, struct orr_safetensors **out, struct orr_error *err)
{
    struct orr_safetensors *set;
    ORR_TRY(orr_safetensors_create(&set, err));
    const orr_status status = read_file(set, file, err);
    if (status == ORR_EFORMAT || status == ORR_EINVAL) orr_error_prefix(err, "%s", file->path);
    if (status == ORR_OK)
        *out = set;
    else
        orr_safetensors_destroy(set);
    return status;
}

orr_status orr_safetensors_load(const char *path, struct orr_safetensors **out, struct orr_error *err)
{
    struct orr_file_reader file;
    ORR_TRY(orr_file_reader_open(&file, path, err));
    const orr_status status = orr_safetensors_load_from(&file, out, err);
    orr_file_reader_close(&file);
    return status;
}
