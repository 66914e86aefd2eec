/* Inside of safetensors: the set that safetensors.c holds and safetensors_load.c fills. */
#ifndef ORR_IO_SAFETENSORS_SET_H
#define ORR_IO_SAFETENSORS_SET_H

#include "io/safetensors.h"

#include <jansson.h>

enum { ORR_SAFETENSORS_LENGTH = 8, ORR_SAFETENSORS_HEADER_MAX = 100000000 };
#define ORR_SAFETENSORS_METADATA "__metadata__"

struct orr_safetensors_entry {
    struct orr_safetensors_tensor tensor;
    char *name;
    void *copy; /* of data that is not aligned for its type in the file; else NULL */
};

struct orr_safetensors {
    struct orr_safetensors_entry *entries;
    size_t count, capacity;
    json_t *metadata; /* an object of strings */
    char *file;       /* the bytes of a loaded file, which tensors point into */
};

/* "F32" and so on; NULL for a type that is not stored. */
const char *orr_safetensors_type_name(uint32_t dtype);

/* Append a tensor whose shape has been checked; the name is copied. */
ORR_CHECKED orr_status orr_safetensors_append(struct orr_safetensors *set, const struct orr_safetensors_tensor *tensor,
                                              struct orr_error *err);

#endif
