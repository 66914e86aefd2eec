/* Reading safetensors: nothing in the file is believed before it is checked. The tensors must tile the data exactly. */
#include "base/memory.h"
#include "io/file.h"
#include "io/safetensors_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tensor as the header describes it; offsets count from the end of the header. */
struct claim {
    struct orr_safetensors_tensor tensor;
    uint64_t begin, end;
    size_t order; /* in the header */
};

static uint32_t type_of_name(const char *name)
{
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
                        "tensor \"%.80s\": type \"%.16s\" is not supported: F32, F64, I32 and I64 are", name,
                        json_is_string(dtype) ? json_string_value(dtype) : "?");
    ORR_TRY(read_shape(name, shape, &claim->tensor, err));
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &begin) ||
        !natural(json_array_get(offsets, 1), &end) || end < begin)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": \"data_offsets\" is not [begin, end]", name);
    claim->begin = (uint64_t)begin;
    claim->end = (uint64_t)end;
    if (orr_npy_bytes(claim->tensor.dtype, claim->tensor.rank, claim->tensor.dim, &claim->tensor.bytes, err) != ORR_OK)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": its shape has more elements than memory can hold", name);
    if (claim->end - claim->begin != claim->tensor.bytes)
        return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": has %" PRIu64 " bytes, its shape needs %zu", name,
                        claim->end - claim->begin, claim->tensor.bytes);
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

/* Check that the claims tile `bytes` bytes of data without gap or overlap, and add them to the set. */
static orr_status place(struct orr_safetensors *set, struct claim *claims, size_t n, const char *data, size_t bytes,
                        struct orr_error *err)
{
    uint64_t at = 0;
    if (n > 0) qsort(claims, n, sizeof *claims, by_offset);
    for (size_t i = 0; i < n; ++i) {
        struct orr_safetensors_tensor *tensor = &claims[i].tensor;
        if (claims[i].begin != at)
            return orr_fail(err, ORR_EFORMAT, "tensor \"%.80s\": begins at %" PRIu64 ", expected %" PRIu64 ": %s",
                            tensor->name, claims[i].begin, at,
                            claims[i].begin < at ? "tensors overlap" : "bytes before it belong to no tensor");
        if (claims[i].end > bytes)
            return orr_fail(err, ORR_EFORMAT,
                            "tensor \"%.80s\": ends at %" PRIu64
                            ", but the file has %zu bytes of data: it is cut short",
                            tensor->name, claims[i].end, bytes);
        tensor->data = data + at;
        at = claims[i].end;
        ORR_TRY(orr_safetensors_append(set, tensor, err));
    }
    if (at == bytes) return ORR_OK;
    return orr_fail(err, ORR_EFORMAT, "the last %" PRIu64 " bytes belong to no tensor", bytes - at);
}

/* Callers read data as float, double or integers: where the file's packing does not align it, copy it. */
static orr_status align(struct orr_safetensors *set, struct orr_error *err)
{
    for (size_t i = 0; i < set->count; ++i) {
        struct orr_safetensors_entry *entry = &set->entries[i];
        if ((uintptr_t)entry->tensor.data % orr_npy_type_bytes(entry->tensor.dtype) == 0) continue;
        entry->copy = orr_memory_aligned(entry->tensor.bytes, 64);
        if (!entry->copy) return orr_memory_out(err, entry->name, entry->tensor.bytes);
        memcpy(entry->copy, entry->tensor.data, entry->tensor.bytes);
        entry->tensor.data = entry->copy;
    }
    return ORR_OK;
}

static orr_status read_header(struct orr_safetensors *set, json_t *header, const char *data, size_t bytes,
                              struct orr_error *err)
{
    size_t n = 0;
    struct claim *claims = orr_memory_array(json_object_size(header), sizeof *claims);
    if (!claims) return orr_memory_out(err, "a header", json_object_size(header) * sizeof *claims);
    orr_status status = ORR_OK;
    for (void *at = json_object_iter(header); at && status == ORR_OK; at = json_object_iter_next(header, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, ORR_SAFETENSORS_METADATA) == 0) {
            status = read_metadata(set, json_object_iter_value(at), err);
            continue;
        }
        claims[n].order = n;
        status = read_claim(name, json_object_iter_value(at), &claims[n], err);
        ++n;
    }
    if (status == ORR_OK) status = place(set, claims, n, data, bytes, err);
    orr_memory_free(claims);
    if (status == ORR_OK) status = align(set, err);
    return status;
}

/* jansson may call a token that it found no memory for "invalid". The text is so only if it is once more, with memory
 * at hand: a sound file must never be taken for a damaged one. */
static orr_status parse_header(const char *text, size_t length, json_t **header, struct orr_error *err)
{
    json_error_t problem;
    const size_t room = 64 * length + 4096;
    *header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (*header) return ORR_OK;
    void *at_hand = orr_memory_aligned(room, 64);
    orr_memory_free(at_hand);
    if (at_hand) *header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (*header) return ORR_OK;
    if (!at_hand || !problem.text[0]) return orr_memory_out(err, "a header", room);
    return orr_fail(err, ORR_EFORMAT, "the header is not valid JSON: %s (byte %d)", problem.text, problem.position);
}

static orr_status read_file(struct orr_safetensors *set, size_t n, struct orr_error *err)
{
    uint64_t length;
    json_t *header;
    if (n < ORR_SAFETENSORS_LENGTH)
        return orr_fail(err, ORR_EFORMAT, "%zu bytes are too few for a safetensors file", n);
    memcpy(&length, set->file, sizeof length);
    if (length > ORR_SAFETENSORS_HEADER_MAX)
        return orr_fail(err, ORR_EFORMAT, "a header of %" PRIu64 " bytes is more than %d: this is no safetensors file",
                        length, ORR_SAFETENSORS_HEADER_MAX);
    if (length > n - ORR_SAFETENSORS_LENGTH)
        return orr_fail(err, ORR_EFORMAT, "the header has %" PRIu64 " bytes, the file only %zu more: it is cut short",
                        length, n - ORR_SAFETENSORS_LENGTH);
    const char *text = set->file + ORR_SAFETENSORS_LENGTH;
    if (length == 0 || *text != '{') return orr_fail(err, ORR_EFORMAT, "the header does not begin with '{'");
    ORR_TRY(parse_header(text, (size_t)length, &header, err));
    const orr_status status = read_header(set, header, text + length, n - ORR_SAFETENSORS_LENGTH - (size_t)length, err);
    json_decref(header);
    return status;
}

orr_status orr_safetensors_load(const char *path, struct orr_safetensors **out, struct orr_error *err)
{
    struct orr_safetensors *set;
    size_t n;
    ORR_TRY(orr_safetensors_create(&set, err));
    orr_status status = orr_file_read(path, PTRDIFF_MAX, &set->file, &n, err);
    if (status == ORR_OK) {
        status = read_file(set, n, err);
        if (status != ORR_OK && status != ORR_ENOMEM) orr_error_prefix(err, "%s", path);
    }
    if (status == ORR_OK)
        *out = set;
    else
        orr_safetensors_destroy(set);
    return status;
}
