/* Opening devices by name, and backend calls whose failures say which device they came from.
 *
 * In: "backend:which", as on a command line. Out: an open device with what it says of itself, buffers, whose bytes are
 * counted, and what the device has done since. */
#include "run/device.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/params.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "backend:which" in two; the colon counts only after the last slash of a path. */
static orr_status split_name(const char *text, char *backend, size_t size, const char **which, struct orr_error *err)
{
    const char *slash = strrchr(text, '/');
    const char *colon = strchr(slash ? slash : text, ':');
    const size_t n = colon ? (size_t)(colon - text) : strlen(text);
    if (n == 0 || n >= size)
        return orr_fail(err, ORR_EINVAL,
                        "device '%s': expected BACKEND or BACKEND:WHICH, such as reference or opencl:0", text);
    memcpy(backend, text, n);
    backend[n] = '\0';
    *which = colon ? colon + 1 : "";
    return ORR_OK;
}

static bool contains(const char *text, const char *part) { return strcasestr(text, part) != NULL; }

/* A backend whose devices belong to platforms begins their driver text with PLATFORM.DEVICE. */
static bool has_address(const struct orr_device_info *info, const char *which)
{
    const size_t n = strlen(which);
    return strncmp(info->driver, which, n) == 0 && info->driver[n] == ' ' && strchr(which, '.');
}

/* Who makes the processor is part of a CPU device's name; a vendor alone asks for its GPU, and never gets less. */
static bool is_vendor(const char *which)
{
    static const char *const vendors[] = {"amd", "intel", "nvidia"};
    for (size_t v = 0; v < sizeof(vendors) / sizeof(vendors[0]); ++v)
        if (strcasecmp(which, vendors[v]) == 0) return true;
    return false;
}

/* A number that is no index may still be part of a name, as in a card called 3090. */
static bool matches(const struct orr_device_info *info, uint32_t index, uint32_t count, const char *which)
{
    static const char *const kinds[] = {"cpu", "gpu", "other"};
    int64_t number;
    if (orr_number_integer(which, &number) && number >= 0 && number < count) return number == index;
    for (uint32_t k = 0; k < 3; ++k)
        if (strcasecmp(which, kinds[k]) == 0) return info->kind == k;
    if (has_address(info, which)) return true;
    if (info->kind == 0 && is_vendor(which)) return false;
    /* Digits in a driver text are its version. */
    const bool word = strpbrk(which, "0123456789") == NULL;
    return contains(info->name, which) || contains(info->vendor, which) || (word && contains(info->driver, which));
}

static void terminate(struct orr_device_info *info)
{
    info->name[sizeof(info->name) - 1] = '\0';
    info->vendor[sizeof(info->vendor) - 1] = '\0';
    info->driver[sizeof(info->driver) - 1] = '\0';
}

orr_status orr_device_describe(const struct orr_backend_ops *ops, uint32_t index, struct orr_device_info *info,
                               struct orr_error *err)
{
    memset(info, 0, sizeof(*info));
    info->size = sizeof(*info);
    struct orr_error own = {.code = ORR_OK};
    const orr_status status = ops->device_info(index, info, &own);
    terminate(info);
    if (status == ORR_OK) return ORR_OK;
    return orr_fail(err, status, "device %u: %s", index, own.text[0] ? own.text : "the backend gave no reason");
}

static orr_status choose(const struct orr_backend_ops *ops, const char *backend, const char *which, uint32_t *index,
                         struct orr_device_info *info, struct orr_error *err)
{
    char found[300] = "";
    size_t at = 0;
    const uint32_t count = ops->device_count();
    for (uint32_t i = 0; i < count; ++i) {
        ORR_TRY(orr_device_describe(ops, i, info, err));
        if (which[0] == '\0' || matches(info, i, count, which)) {
            *index = i;
            return ORR_OK;
        }
        if (at < sizeof(found))
            at += (size_t)snprintf(found + at, sizeof(found) - at, "%s%u: %s", at ? ", " : "", i, info->name);
    }
    if (count == 0)
        return orr_fail(err, ORR_EUNSUPPORTED, "backend '%s' finds no device on this machine (orrery doctor says why)",
                        backend);
    if (is_vendor(which))
        return orr_fail(err, ORR_EUNSUPPORTED,
                        "backend '%s' has no device '%s' that is not a processor; it has %s (%s:cpu takes a processor)",
                        backend, which, found, backend);
    return orr_fail(err, ORR_EUNSUPPORTED, "backend '%s' has no device '%s'; it has %s", backend, which, found);
}

static orr_status open_chosen(struct orr_open_device *device, struct orr_error *err)
{
    const size_t n = orr_params_count(device->plugin->params);
    union orr_value *values = orr_memory_array(n, sizeof(*values));
    if (!values) return orr_memory_out(err, "backend parameters", n * sizeof(*values));
    struct orr_error own = {.code = ORR_OK};
    orr_status status = orr_params_defaults(device->plugin->params, values, err);
    if (status == ORR_OK) {
        status = device->ops->open(device->index, values, &device->handle, &own);
        if (status != ORR_OK)
            orr_fail(err, status, "cannot open %s device %u (%s): %s", device->plugin->name, device->index,
                     device->info.name, own.text[0] ? own.text : "the backend gave no reason");
    }
    orr_memory_free(values);
    return status;
}

orr_status orr_device_open(struct orr_loader *loader, const char *name, struct orr_open_device **out,
                           struct orr_error *err)
{
    char backend[4096];
    const char *which = "";
    const struct orr_plugin *plugin = NULL;
    *out = NULL;
    ORR_TRY(split_name(name, backend, sizeof(backend), &which, err));
    ORR_TRY(orr_loader_find(loader, ORR_BACKEND, backend, &plugin, err));
    struct orr_open_device *device = orr_memory_array(1, sizeof(*device));
    if (!device) return orr_memory_out(err, "a device", sizeof(*device));
    device->plugin = plugin;
    device->ops = plugin->ops;
    orr_status status = choose(device->ops, backend, which, &device->index, &device->info, err);
    if (status == ORR_OK) status = open_chosen(device, err);
    if (status != ORR_OK) {
        orr_memory_free(device);
        return status;
    }
    *out = device;
    return ORR_OK;
}

void orr_device_close(struct orr_open_device *device)
{
    if (!device) return;
    device->ops->close(device->handle);
    orr_memory_free(device);
}

orr_status orr_device_failed(const struct orr_open_device *device, orr_status status, const char *what,
                             const struct orr_error *own, struct orr_error *err)
{
    return orr_fail(err, status, "%s (%s): %s: %s", device->plugin->name, device->info.name, what,
                    own->text[0] ? own->text : "the backend gave no reason");
}

orr_status orr_device_alloc(struct orr_open_device *device, size_t bytes, struct orr_buffer **out,
                            struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    char what[64];
    *out = NULL;
    const orr_status status = device->ops->alloc(device->handle, bytes, out, &own);
    if (status == ORR_OK && *out) {
        device->buffer_bytes += bytes;
        return ORR_OK;
    }
    snprintf(what, sizeof(what), "allocating %zu bytes", bytes);
    return orr_device_failed(device, status == ORR_OK ? ORR_EBUG : status, what, &own, err);
}

void orr_device_free(struct orr_open_device *device, struct orr_buffer *buffer, size_t bytes)
{
    if (!buffer) return;
    device->ops->free(device->handle, buffer);
    device->buffer_bytes -= bytes;
}

/* --- what it has done ------------------------------------------------------------------------ */

/* Of a backend's answer only what can be true is kept. */
static void make_sound(struct orr_counters *counters)
{
    if (counters->n_providers > ORR_PROVIDERS_MAX) counters->n_providers = ORR_PROVIDERS_MAX;
    for (uint32_t k = 0; k < ORR_PROVIDERS_MAX; ++k)
        counters->provider[k].name[sizeof(counters->provider[k].name) - 1] = '\0';
}

bool orr_device_counters(const struct orr_open_device *device, struct orr_counters *out)
{
    *out = (struct orr_counters){
        .size = sizeof(*out), .bytes_written = device->bytes_written, .bytes_read = device->bytes_read};
    if (!ORR_HAS(device->ops, counters)) return false;
    device->ops->counters(device->handle, out);
    make_sound(out);
    return true;
}

void orr_counters_since(const struct orr_counters *before, struct orr_counters *now)
{
    now->launches -= before->launches;
    now->library_calls -= before->library_calls;
    now->bytes_written -= before->bytes_written;
    now->bytes_read -= before->bytes_read;
    for (uint32_t k = 0; k < before->n_providers && k < now->n_providers; ++k) {
        now->provider[k].products -= before->provider[k].products;
        now->provider[k].multiply_adds -= before->provider[k].multiply_adds;
    }
}

void orr_counters_print_products(const struct orr_counters *counters, char *text, size_t size)
{
    uint64_t products = 0;
    double work = 0;
    size_t at = 0;
    for (uint32_t k = 0; k < counters->n_providers; ++k) {
        products += counters->provider[k].products;
        work += (double)counters->provider[k].multiply_adds;
    }
    snprintf(text, size, "none");
    for (uint32_t k = 0; k < counters->n_providers && at < size; ++k) {
        const struct orr_provider *p = &counters->provider[k];
        if (p->products)
            at += (size_t)snprintf(text + at, size - at, "%s%s %.3g %% (%llu of %llu)", at ? ", " : "", p->name,
                                   work > 0 ? 100.0 * (double)p->multiply_adds / work : 0.0,
                                   (unsigned long long)p->products, (unsigned long long)products);
    }
}

/* --- its clock ------------------------------------------------------------------------------- */

bool orr_device_keeps_time(const struct orr_open_device *device)
{
    return ORR_HAS(device->ops, prepare) && ORR_HAS(device->ops, execute) && ORR_HAS(device->ops, elapsed);
}

orr_status orr_device_watch(struct orr_open_device *device, bool on, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    if (!orr_device_keeps_time(device))
        return orr_fail(err, ORR_EUNSUPPORTED,
                        "%s (%s) does not tell how long its calls take: its backend has no \"elapsed\" "
                        "(orrery/backend.h); choose another device",
                        device->plugin->name, device->info.name);
    if (!ORR_HAS(device->ops, watch)) return ORR_OK;
    const orr_status status = device->ops->watch(device->handle, on, &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(device, status, "keeping time", &own, err);
}
