/* orrery devices: what every backend finds on this machine. */
#include "base/memory.h"
#include "cli/verbs.h"
#include "run/device.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const struct orr_option options[] = {
    {"--json", NULL, "as JSON"},
    {NULL, NULL, NULL},
};

struct listing {
    json_t *json; /* NULL: print */
    size_t count;
};

static const char *kind_name(uint32_t kind) { return kind == 0 ? "cpu" : kind == 1 ? "gpu" : "other"; }

static void add(struct listing *list, const struct orr_plugin *plugin, uint32_t index,
                const struct orr_device_info *info)
{
    ++list->count;
    if (!list->json) {
        printf("%s:%" PRIu32 "  %s, %s, %s", plugin->name, index, info->name, kind_name(info->kind), info->vendor);
        if (info->memory_bytes) printf(", %.1f GiB", (double)info->memory_bytes / (double)(1 << 30));
        printf(", driver %s\n", info->driver);
        return;
    }
    json_array_append_new(list->json,
                          json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:b}", "backend", plugin->name, "index",
                                    (int)index, "name", info->name, "vendor", info->vendor, "driver", info->driver,
                                    "kind", kind_name(info->kind), "memory_bytes", (json_int_t)info->memory_bytes,
                                    "max_alloc", (json_int_t)info->max_alloc, "align", (json_int_t)info->align,
                                    "plans_scratch", (int)info->plans_scratch));
}

/* A backend that cannot say what it has is reported, and the others still are. */
static orr_status visit(const char *path, const struct orr_plugin *plugin, const struct orr_error *reason,
                        void *context)
{
    (void)reason; /* orrery plugins tells why a file was refused */
    if (!plugin || plugin->kind != ORR_BACKEND) return ORR_OK;
    const struct orr_backend_ops *ops = plugin->ops;
    const uint32_t n = ORR_HAS(ops, device_count) ? ops->device_count() : 0;
    for (uint32_t i = 0; i < n; ++i) {
        struct orr_device_info info;
        struct orr_error why;
        if (orr_device_describe(ops, i, &info, &why) == ORR_OK)
            add(context, plugin, i, &info);
        else
            fprintf(stderr, "%s:%" PRIu32 ": %s (%s)\n", plugin->name, i, why.text, path);
    }
    return ORR_OK;
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct orr_loader *loader;
    if (command->arguments->n_words)
        return orr_fail(err, ORR_EINVAL, "\"%s\": this verb takes no words", command->arguments->word[0]);
    struct listing list = {.json = orr_arguments_count(command->arguments, "--json") ? json_array() : NULL};
    orr_status status = orr_loader_create(&loader, err);
    if (status == ORR_OK) {
        status = orr_loader_scan(loader, visit, &list, err);
        orr_loader_destroy(loader);
    }
    if (status == ORR_OK && list.json) {
        char *text = json_dumps(list.json, JSON_INDENT(2));
        if (text) printf("%s\n", text);
        if (!text) status = orr_memory_out(err, "a list of devices", 0);
        free(text);
    } else if (status == ORR_OK && list.count == 0) {
        status = orr_fail(err, ORR_EUNSUPPORTED, "no backend offers a device: orrery plugins tells what was looked at");
    }
    json_decref(list.json);
    return status;
}

const struct orr_verb orr_verb_devices = {
    .name = "devices",
    .words = "",
    .summary = "List what can be computed on",
    .more = "The first column is what --device and ORRERY_DEVICE take.\n",
    .options = options,
    .run = run,
};
