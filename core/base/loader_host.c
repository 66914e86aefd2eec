/* The functions that the engine lends to plugins, and the names of plugin kinds. */
#include "base/loader.h"
#include "base/log.h"
#include "base/memory.h"
#include "orrery/random.h"

static void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    orr_random_philox(key, counter, out);
}

const struct orr_host *orr_loader_host(void)
{
    static const struct orr_host host = {
        .size = sizeof host,
        .abi_major = ORR_ABI_MAJOR,
        .abi_minor = ORR_ABI_MINOR,
        .alloc = orr_memory_aligned,
        .dealloc = orr_memory_free,
        .log = orr_log,
        .fail = orr_fail,
        .philox = philox,
    };
    return &host;
}

const char *orr_plugin_kind_name(enum orr_plugin_kind kind)
{
    switch (kind) {
    case ORR_BACKEND:
        return "backend";
    case ORR_SIMULATOR:
        return "simulator";
    case ORR_PROBE:
        return "probe";
    }
    return NULL;
}
