/* safetensors files: named dense tensors after a JSON header (checkpoints, foreign weights).
 *
 * Format: github.com/huggingface/safetensors. Types F32, F64, I32, I64; rank 0 to 4. Written tensors stand in the order
 * of their addition. An object belongs to one thread at a time.
 */
#ifndef ORR_IO_SAFETENSORS_H
#define ORR_IO_SAFETENSORS_H

#include "io/npy.h"

struct orr_safetensors;

struct orr_safetensors_tensor {
    const char *name;
    uint32_t dtype, rank; /* enum orr_npy_type; 0 to 4 */
    int64_t dim[ORR_RANK_MAX];
    const void *data; /* row-major */
    size_t bytes;
};

/* An empty set of tensors, to be filled and saved. On success *out is the caller's. */
ORR_CHECKED orr_status orr_safetensors_create(struct orr_safetensors **out, struct orr_error *err);

/* Free the set and what it loaded; NULL is allowed. */
void orr_safetensors_destroy(struct orr_safetensors *set);

/* Add a tensor; name and dim are copied, data is borrowed until the set is destroyed. EINVAL: the name is taken, empty,
 * "__metadata__" or not UTF-8; EDTYPE, ESHAPE, ENOMEM. */
ORR_CHECKED orr_status orr_safetensors_add(struct orr_safetensors *set, const char *name, uint32_t dtype, uint32_t rank,
                                           const int64_t *dim, const void *data, struct orr_error *err);

/* Set a text of the header's metadata; both are copied, the last setting of a key holds. EINVAL: not UTF-8;
 * ENOMEM. */
ORR_CHECKED orr_status orr_safetensors_set_metadata(struct orr_safetensors *set, const char *key, const char *text,
                                                    struct orr_error *err);

/* Write the set atomically; the same set gives the same bytes. EIO, EINVAL, ENOMEM. */
ORR_CHECKED orr_status orr_safetensors_save(const struct orr_safetensors *set, const char *path, struct orr_error *err);

/* Read and check a whole file; tensors of F16 and BF16 become F32. On success *out is the caller's. EIO; EFORMAT says
 * what in the file is wrong; ENOMEM, never EFORMAT, where memory is short. */
ORR_CHECKED orr_status orr_safetensors_load(const char *path, struct orr_safetensors **out, struct orr_error *err);

/* The same from an open file that stands at its beginning. */
ORR_CHECKED orr_status orr_safetensors_load_from(struct orr_file_reader *file, struct orr_safetensors **out,
                                                 struct orr_error *err);

/* How many tensors there are. */
size_t orr_safetensors_count(const struct orr_safetensors *set);

/* Tensor i in the order of the file, or NULL past the end. Borrowed until the set changes. */
const struct orr_safetensors_tensor *orr_safetensors_tensor(const struct orr_safetensors *set, size_t i);

/* The tensor of this name, or NULL. */
const struct orr_safetensors_tensor *orr_safetensors_find(const struct orr_safetensors *set, const char *name);

/* The metadata text of this key, or NULL. */
const char *orr_safetensors_metadata(const struct orr_safetensors *set, const char *key);

#endif
