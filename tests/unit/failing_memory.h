/* Memory that fails on demand: this program's malloc and its kin stand before the C library's, and fail at one call, or
 * at all from one on. Not under a sanitizer or valgrind, which bring their own (fixture_is_instrumented). */
#ifndef ORR_TEST_FAILING_MEMORY_H
#define ORR_TEST_FAILING_MEMORY_H

#include <stdbool.h>

struct failing_memory {
    long calls, fail_at; /* -1: never */
    bool from_then_on;
};
extern struct failing_memory memory;

#endif
