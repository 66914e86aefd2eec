/* What a plugin says of itself, checked before any of its other functions is called. */
#include "base/loader.h"
#include "base/params.h"
#include "orrery/backend.h"
#include "orrery/probe.h"
#include "orrery/simulator.h"

#include <string.h>

struct operation {
    const char *name;
    size_t offset;
};

#define OPERATION(type, field)                                                                                         \
    {                                                                                                                  \
#field, offsetof(struct type, field)                                                                           \
    }

static const struct operation backend_operations[] = {
    OPERATION(orr_backend_ops, device_count), OPERATION(orr_backend_ops, device_info),
    OPERATION(orr_backend_ops, open),         OPERATION(orr_backend_ops, close),
    OPERATION(orr_backend_ops, alloc),        OPERATION(orr_backend_ops, free),
    OPERATION(orr_backend_ops, write),        OPERATION(orr_backend_ops, read),
    OPERATION(orr_backend_ops, supports),     OPERATION(orr_backend_ops, run),
    OPERATION(orr_backend_ops, finish),       {NULL, 0}};

static const struct operation simulator_operations[] = {OPERATION(orr_simulator_ops, create),
                                                        OPERATION(orr_simulator_ops, destroy),
                                                        OPERATION(orr_simulator_ops, observed),
                                                        OPERATION(orr_simulator_ops, hidden),
                                                        OPERATION(orr_simulator_ops, constant),
                                                        OPERATION(orr_simulator_ops, generate),
                                                        {NULL, 0}};

static const struct operation probe_operations[] = {
    OPERATION(orr_probe_ops, create), OPERATION(orr_probe_ops, destroy), OPERATION(orr_probe_ops, measure), {NULL, 0}};

/* Function pointers of every type have one size and one NULL on the machines that dlopen serves. */
static bool present(const void *ops, uint32_t size, size_t offset)
{
    void (*function)(void);
    if (size < offset + sizeof function) return false;
    memcpy(&function, (const char *)ops + offset, sizeof function);
    return function != NULL;
}

static orr_status check_ops(const struct orr_plugin *plugin, struct orr_error *err)
{
    if (!plugin->ops) return orr_fail(err, ORR_EINVAL, "its table of functions (ops) is NULL");
    const struct operation *required = plugin->kind == ORR_BACKEND     ? backend_operations
                                       : plugin->kind == ORR_SIMULATOR ? simulator_operations
                                                                       : probe_operations;
    uint32_t size;
    memcpy(&size, plugin->ops, sizeof size);
    for (; required->name; ++required) {
        if (size < required->offset + sizeof(void (*)(void)))
            return orr_fail(err, ORR_EINVAL,
                            "its ops->size is %u bytes, too small for the required \"%s\": set it to sizeof the struct",
                            (unsigned)size, required->name);
        if (!present(plugin->ops, size, required->offset))
            return orr_fail(err, ORR_EINVAL, "its required function \"%s\" is NULL", required->name);
    }
    if (plugin->kind != ORR_BACKEND || !present(plugin->ops, size, offsetof(struct orr_backend_ops, prepare)))
        return ORR_OK;
    if (!present(plugin->ops, size, offsetof(struct orr_backend_ops, execute)) ||
        !present(plugin->ops, size, offsetof(struct orr_backend_ops, discard)))
        return orr_fail(err, ORR_EINVAL, "it has \"prepare\" but not both \"execute\" and \"discard\"");
    return ORR_OK;
}

static const char *sanitizer_name(uint32_t build)
{
    if (build & ORR_BUILD_ASAN) return "AddressSanitizer";
    if (build & ORR_BUILD_TSAN) return "ThreadSanitizer";
    if (build & ORR_BUILD_MSAN) return "MemorySanitizer";
    return build ? "unknown build flags" : "no sanitizer";
}

static orr_status check_interface(const struct orr_plugin *plugin, struct orr_error *err)
{
    if (plugin->magic != ORR_ABI_MAGIC)
        return orr_fail(err, ORR_EABI, "its magic number is %#x, expected %#x: it is no Orrery plugin",
                        (unsigned)plugin->magic, ORR_ABI_MAGIC);
    if (plugin->size < sizeof *plugin)
        return orr_fail(err, ORR_EABI, "its struct orr_plugin is %u bytes, expected at least %zu: set .size",
                        (unsigned)plugin->size, sizeof *plugin);
    if (plugin->abi_major != ORR_ABI_MAJOR)
        return orr_fail(err, ORR_EABI, "it was built for plugin interface %u, this engine has %d: rebuild it",
                        (unsigned)plugin->abi_major, ORR_ABI_MAJOR);
    if (plugin->abi_minor > ORR_ABI_MINOR)
        return orr_fail(err, ORR_EABI, "it needs plugin interface %d.%u or later, this engine has %d.%d: update Orrery",
                        ORR_ABI_MAJOR, (unsigned)plugin->abi_minor, ORR_ABI_MAJOR, ORR_ABI_MINOR);
    if (plugin->build != ORR_BUILD_FLAGS)
        return orr_fail(err, ORR_EABI, "it was built with %s, this engine with %s: build both alike",
                        sanitizer_name(plugin->build), sanitizer_name(ORR_BUILD_FLAGS));
    return ORR_OK;
}

static orr_status check_identity(const struct orr_plugin *plugin, uint32_t kind, const char *name,
                                 struct orr_error *err)
{
    const char *own = plugin->kind <= ORR_PROBE ? orr_plugin_kind_name((enum orr_plugin_kind)plugin->kind) : NULL;
    if (!own)
        return orr_fail(err, ORR_EINVAL, "its kind is %u, which this engine does not know", (unsigned)plugin->kind);
    if (kind && plugin->kind != kind)
        return orr_fail(err, ORR_EINVAL, "it is a %s, but a %s was asked for", own,
                        orr_plugin_kind_name((enum orr_plugin_kind)kind));
    if (!plugin->name || !*plugin->name) return orr_fail(err, ORR_EINVAL, "it has no name");
    if (strspn(plugin->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(plugin->name))
        return orr_fail(err, ORR_EINVAL, "its name \"%.60s\" has other characters than a-z, 0-9 and _", plugin->name);
    if (name && strcmp(plugin->name, name) != 0)
        return orr_fail(err, ORR_EINVAL, "it calls itself \"%.60s\", but \"%.60s\" was asked for", plugin->name, name);
    if (!plugin->version) return orr_fail(err, ORR_EINVAL, "its version is NULL");
    if (!plugin->summary) return orr_fail(err, ORR_EINVAL, "its summary is NULL");
    if (!plugin->source) return orr_fail(err, ORR_EINVAL, "its source is NULL");
    if (!plugin->license) return orr_fail(err, ORR_EINVAL, "its license is NULL");
    return ORR_OK;
}

orr_status orr_plugin_check(const struct orr_plugin *plugin, uint32_t kind, const char *name, struct orr_error *err)
{
    ORR_TRY(check_interface(plugin, err));
    ORR_TRY(check_identity(plugin, kind, name, err));
    if (!plugin->params)
        return orr_fail(err, ORR_EINVAL, "its parameter table is NULL: give one with only ORR_PARAM_END");
    const orr_status status = orr_params_check_table(plugin->params, err);
    if (status != ORR_OK) {
        (void)orr_error_prefix(err, "its parameter table");
        return status;
    }
    return check_ops(plugin, err);
}
