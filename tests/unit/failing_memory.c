/* malloc, calloc, realloc and posix_memalign of the program that this is linked into. */
#include "failing_memory.h"

#include "expect.h"

#include <errno.h>
#include <stdlib.h>

struct failing_memory memory = {.fail_at = -1};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || ORR_SANITIZER_(address_sanitizer) ||              \
    ORR_SANITIZER_(thread_sanitizer)
#else

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

static bool refused(void)
{
    if (memory.fail_at < 0) return false;
    const long call = memory.calls++;
    if (memory.from_then_on ? call < memory.fail_at : call != memory.fail_at) return false;
    errno = ENOMEM;
    return true;
}

ORR_EXPORT void *malloc(size_t bytes) { return refused() ? NULL : __libc_malloc(bytes); }

ORR_EXPORT void *calloc(size_t count, size_t bytes) { return refused() ? NULL : __libc_calloc(count, bytes); }

ORR_EXPORT void *realloc(void *p, size_t bytes) { return refused() ? NULL : __libc_realloc(p, bytes); }

ORR_EXPORT int posix_memalign(void **out, size_t align, size_t bytes)
{
    void *p = refused() ? NULL : __libc_memalign(align, bytes);
    if (!p) return ENOMEM;
    *out = p;
    return 0;
}

#endif
