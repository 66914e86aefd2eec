/* A set of named tensors and its writing: length of the header (8 bytes), the header as JSON, padded by spaces to a
 * multiple of 8, then the data without gaps. Format: github.com/huggingface/safetensors. */
#include "io/safetensors.h"

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/json.h"
#include "io/safetensors_set.h"

#include <stdlib.h>
#include <string.h>

const char *orr_safetensors_type_name(uint32_t dtype)
{
    switch (dtype) {
    case ORR_NPY_F32:
        return "F32";
    case ORR_NPY_F64:
        return "F64";
    case ORR_NPY_I32:
        return "I32";
    case ORR_NPY_I64:
        return "I64";
    default:
        return NULL;
    }
}

orr_status orr_safetensors_create(struct orr_safetensors **out, struct orr_error *err)
{
    struct orr_safetensors *set = orr_memory_array(1, sizeof *set);
    if (set) set->metadata = json_object();
    if (!set || !set->metadata) {
        orr_memory_free(set);
        return orr_memory_out(err, "a set of tensors", sizeof *set);
    }
    *out = set;
    return ORR_OK;
}

void orr_safetensors_destroy(struct orr_safetensors *set)
{
    if (!set) return;
    for (size_t i = 0; i < set->count; ++i) {
        orr_memory_free(set->entries[i].name);
        orr_memory_free(set->entries[i].copy);
    }
    orr_memory_free(set->entries);
    orr_memory_free(set->file);
    json_decref(set->metadata);
    orr_memory_free(set);
}

orr_status orr_safetensors_append(struct orr_safetensors *set, const struct orr_safetensors_tensor *tensor,
                                  struct orr_error *err)
{
    void *array = set->entries;
    const orr_status grown = orr_memory_grow(&array, &set->capacity, set->count + 1, sizeof *set->entries, err);
    set->entries = array;
    ORR_TRY(grown);
    struct orr_safetensors_entry entry = {.tensor = *tensor, .name = orr_memory_text(tensor->name)};
    if (!entry.name) return orr_memory_out(err, "a tensor's name", strlen(tensor->name) + 1);
    entry.tensor.name = entry.name;
    set->entries[set->count++] = entry;
    return ORR_OK;
}

orr_status orr_safetensors_add(struct orr_safetensors *set, const char *name, uint32_t dtype, uint32_t rank,
                               const int64_t *dim, const void *data, struct orr_error *err)
{
    struct orr_safetensors_tensor tensor = {.name = name, .dtype = dtype, .rank = rank, .data = data};
    if (!orr_text_is_utf8(name))
        return orr_fail(err, ORR_EINVAL, "the tensor's name \"%.60s\" is not UTF-8 text", name);
    if (!*name || strcmp(name, ORR_SAFETENSORS_METADATA) == 0)
        return orr_fail(err, ORR_EINVAL, "\"%s\" cannot be a tensor's name", name);
    if (orr_safetensors_find(set, name))
        return orr_fail(err, ORR_EINVAL, "the tensor \"%s\" is there already: names are unique in a file", name);
    const orr_status status = orr_npy_bytes(dtype, rank, dim, &tensor.bytes, err);
    if (status != ORR_OK) {
        (void)orr_error_prefix(err, "tensor \"%s\"", name);
        return status;
    }
    if (rank > 0) memcpy(tensor.dim, dim, rank * sizeof *dim);
    return orr_safetensors_append(set, &tensor, err);
}

orr_status orr_safetensors_set_metadata(struct orr_safetensors *set, const char *key, const char *text,
                                        struct orr_error *err)
{
    if (!orr_text_is_utf8(key) || !orr_text_is_utf8(text))
        return orr_fail(err, ORR_EINVAL, "the metadata \"%.60s\" is not UTF-8 text", key);
    if (json_object_set_new(set->metadata, key, json_string(text)) == 0) return ORR_OK;
    return orr_memory_out(err, "metadata", strlen(key) + strlen(text));
}

/* {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}; NULL when out of memory. */
static json_t *describe(const struct orr_safetensors_tensor *tensor, size_t begin)
{
    json_t *shape = json_array();
    for (uint32_t i = 0; shape && i < tensor->rank; ++i)
        if (json_array_append_new(shape, json_integer(tensor->dim[i])) != 0) {
            json_decref(shape);
            shape = NULL;
        }
    if (!shape) return NULL;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", orr_safetensors_type_name(tensor->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + tensor->bytes));
}

static json_t *describe_all(const struct orr_safetensors *set)
{
    json_t *header = json_object();
    bool good = header != NULL;
    size_t at = 0;
    if (good && json_object_size(set->metadata) > 0)
        good = json_object_set(header, ORR_SAFETENSORS_METADATA, set->metadata) == 0;
    for (size_t i = 0; good && i < set->count; ++i) {
        const struct orr_safetensors_tensor *tensor = &set->entries[i].tensor;
        good = json_object_set_new(header, tensor->name, describe(tensor, at)) == 0;
        at += tensor->bytes;
    }
    if (good) return header;
    json_decref(header);
    return NULL;
}

static orr_status write(const struct orr_safetensors *set, const char *header, struct orr_file_writer *writer,
                        struct orr_error *err)
{
    static const char spaces[] = "        ";
    const size_t text = strlen(header), padding = (8 - text % 8) % 8;
    const uint64_t length = text + padding;
    ORR_TRY(orr_file_writer_append(writer, &length, sizeof length, err)); /* little-endian, as npy.c asserts */
    ORR_TRY(orr_file_writer_append(writer, header, text, err));
    ORR_TRY(orr_file_writer_append(writer, spaces, padding, err));
    for (size_t i = 0; i < set->count; ++i)
        ORR_TRY(orr_file_writer_append(writer, set->entries[i].tensor.data, set->entries[i].tensor.bytes, err));
    return ORR_OK;
}

orr_status orr_safetensors_save(const struct orr_safetensors *set, const char *path, struct orr_error *err)
{
    json_t *json = describe_all(set);
    char *header = NULL;
    orr_status status = json ? orr_json_print(json, JSON_COMPACT, "a header of tensors", &header, err)
                             : orr_fail(err, ORR_ENOMEM, "out of memory for the header of %s", path);
    json_decref(json);
    ORR_TRY(status);
    struct orr_file_writer *writer = NULL;
    if (strlen(header) > ORR_SAFETENSORS_HEADER_MAX - 8)
        status = orr_fail(err, ORR_EINVAL, "%s: the header would exceed %d bytes: fewer tensors or less metadata", path,
                          ORR_SAFETENSORS_HEADER_MAX);
    if (status == ORR_OK) status = orr_file_writer_open(path, &writer, err);
    if (status == ORR_OK) status = write(set, header, writer, err);
    if (status == ORR_OK)
        status = orr_file_writer_commit(writer, err);
    else
        orr_file_writer_discard(writer);
    free(header);
    return status;
}

size_t orr_safetensors_count(const struct orr_safetensors *set) { return set->count; }

const struct orr_safetensors_tensor *orr_safetensors_tensor(const struct orr_safetensors *set, size_t i)
{
    return i < set->count ? &set->entries[i].tensor : NULL;
}

const struct orr_safetensors_tensor *orr_safetensors_find(const struct orr_safetensors *set, const char *name)
{
    for (size_t i = 0; i < set->count; ++i)
        if (strcmp(set->entries[i].name, name) == 0) return &set->entries[i].tensor;
    return NULL;
}

const char *orr_safetensors_metadata(const struct orr_safetensors *set, const char *key)
{
    return json_string_value(json_object_get(set->metadata, key));
}
