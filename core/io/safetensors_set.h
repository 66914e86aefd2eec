/* Inside of safetensors: the set that safetensors.c holds and safetensors_load.c fills. */
#ifndef ORR_IO_SAFETENSORS_SET_H
#define ORR_IO_SAFETENSORS_SET_H

#include "io/safetensors.h"

#include <jansson.h>

/* The format allows headers of 100,000,000 bytes. A parsed one takes up to 80 times its bytes; one of 8 MiB has room
 * for 60,000 tensors. */
enum { ORR_SAFETENSORS_HEADER_MAX = 8 << 20 };
#define ORR_SAFETENSORS_METADATA "__metadata__"

struct orr_safetensors_entry {
    struct orr_safetensors_tensor tensor;
    char *name;
    void *copy; /* of data that the file has in a narrower type, or not aligned for its own; else NULL */
};

struct orr_safetensors {
    struct orr_safetensors_entry *entries;
    size_t count, capacity;
    json_t *metadata; /* an object of strings */
    char *file;       /* the data of a loaded file, which tensors point into */
};

/* "F32" and so on; NULL for a type that is not stored. */
const char *orr_safetensors_type_name(uint32_t dtype);

/* Append a tensor whose shape has been checked; the name is copied. */
ORR_CHECKED orr_status orr_safetensors_append(struct orr_safetensors *set, const struct orr_safetensors_tensor *tensor,
                                              struct orr_error *err);

#endif
