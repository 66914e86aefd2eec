/* Host memory: overflow-checked, zeroed, and aligned where asked. Everything is free()-able. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *orr_memory_aligned(size_t bytes, size_t align)
{
    if (align == 0 || (align & (align - 1)) != 0) return NULL;
    if (align < sizeof(void *)) align = sizeof(void *);
    void *p = NULL;
    return posix_memalign(&p, align, bytes ? bytes : 1) == 0 ? p : NULL;
}

void *orr_memory_array(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    return calloc(bytes ? bytes : 1, 1);
}

orr_status orr_memory_grow(void **array, size_t *capacity, size_t need, size_t size, struct orr_error *err)
{
    if (need <= *capacity) return ORR_OK;
    size_t next = *capacity > SIZE_MAX / 2 ? need : *capacity * 2;
    if (next < 8) next = 8;
    if (next < need) next = need;
    size_t bytes;
    if (__builtin_mul_overflow(next, size, &bytes)) return orr_memory_out(err, "an array", SIZE_MAX);
    char *p = realloc(*array, bytes);
    if (!p) return orr_memory_out(err, "an array", bytes);
    memset(p + *capacity * size, 0, bytes - *capacity * size);
    *array = p;
    *capacity = next;
    return ORR_OK;
}

char *orr_memory_text(const char *text) { return strdup(text); }

char *orr_memory_print(const char *fmt, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, fmt);
    const int length = vasprintf(&text, fmt, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

void orr_memory_free(void *p) { free(p); }

orr_status orr_memory_out(struct orr_error *err, const char *what, size_t bytes)
{
    if (bytes == SIZE_MAX)
        return orr_fail(err, ORR_ENOMEM, "out of memory: more bytes than can be counted for %s", what);
    return orr_fail(err, ORR_ENOMEM, "out of memory: %zu bytes for %s", bytes, what);
}
