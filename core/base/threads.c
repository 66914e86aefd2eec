/* How many threads the program may use: OMP_NUM_THREADS, as every numerical program reads it, else the processors. */
#include "base/threads.h"

#include "base/number.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static const char variable[] = "OMP_NUM_THREADS";

uint32_t orr_threads_processors(void)
{
    cpu_set_t set;
    const int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > ORR_THREADS_MAX ? ORR_THREADS_MAX : (uint32_t)n;
}

static bool read_count(const char *text, uint32_t *count)
{
    int64_t n;
    if (!orr_number_integer(text, &n) || n < 1 || n > ORR_THREADS_MAX) return false;
    *count = (uint32_t)n;
    return true;
}

uint32_t orr_threads_wanted(void)
{
    const char *text = secure_getenv(variable);
    char first[16];
    uint32_t count;
    const size_t n = text ? strcspn(text, ",") : 0;
    if (n == 0 || n >= sizeof first) return orr_threads_processors();
    memcpy(first, text, n);
    first[n] = '\0';
    return read_count(first, &count) ? count : orr_threads_processors();
}

orr_status orr_threads_set(const char *text, struct orr_error *err)
{
    uint32_t count;
    if (!read_count(text, &count))
        return orr_fail(err, ORR_EINVAL, "\"%s\" threads: expected a whole number from 1 to %d", text, ORR_THREADS_MAX);
    return setenv(variable, text, 1) == 0 ? ORR_OK : orr_fail(err, ORR_ENOMEM, "out of memory: setting %s", variable);
}
