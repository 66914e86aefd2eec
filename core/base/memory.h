/* Host memory: overflow-checked, zeroed, and aligned where asked. NULL means out of memory; nothing aborts. */
#ifndef ORR_BASE_MEMORY_H
#define ORR_BASE_MEMORY_H

#include "base/error.h"

/* bytes aligned to align (a power of two), not zeroed; NULL when out of memory. bytes 0 gives a valid pointer. */
void *orr_memory_aligned(size_t bytes, size_t align);

/* count zeroed elements of size bytes; NULL when out of memory or when count * size overflows. count 0 gives a valid
 * pointer. */
void *orr_memory_array(size_t count, size_t size);

/* Grow *array (elements of size bytes, *capacity of them) to hold at least need; new elements are zeroed. */
ORR_CHECKED orr_status orr_memory_grow(void **array, size_t *capacity, size_t need, size_t size, struct orr_error *err);

/* A copy of text; NULL when out of memory. */
char *orr_memory_text(const char *text);

/* A printf into memory of its own; NULL when out of memory. */
char *orr_memory_print(const char *fmt, ...) ORR_PRINTF(1, 2);

/* p from any function here, or NULL. */
void orr_memory_free(void *p);

/* "out of memory: BYTES bytes for WHAT": the one sentence for a NULL from above. SIZE_MAX: the count overflowed. */
ORR_CHECKED orr_status orr_memory_out(struct orr_error *err, const char *what, size_t bytes);

#endif
