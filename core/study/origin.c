/* The origin of a point, so that numbers of two devices never mix and none is credited to the wrong one. */
#include "study/origin.h"

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "train/checkpoint.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a file's trajectories come from, as far as it says so. Takes origin, which may be NULL. */
static json_t *describe_file(json_t *origin, const struct orr_recording *recording)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, recording->seed);
    json_t *file = json_pack("{s:s}", "data_checksum", recording->checksum);
    json_t *simulator = recording->simulator ? json_pack("{s:s,s:s,s:s,s:s}", "data_simulator", recording->simulator,
                                                         "data_simulator_version", recording->version,
                                                         "data_parameters", recording->parameters, "data_seed", seed)
                                             : json_object();
    const bool described = json_object_update(origin, file) == 0 && json_object_update(origin, simulator) == 0;
    json_decref(file);
    json_decref(simulator);
    if (described) return origin;
    json_decref(origin);
    return NULL;
}

static json_t *describe(const struct orr_recipe *recipe, const struct orr_open_device *device)
{
    const struct orr_plugin *backend = device->plugin, *simulator = recipe->simulator.plugin;
    json_t *origin =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "format", "orrery-origin-1", "orrery", ORR_VERSION, "backend",
                  backend->name, "backend_version", backend->version, "device", device->info.name, "driver",
                  device->info.driver, "simulator", simulator->name, "simulator_version", simulator->version);
    return recipe->recording ? describe_file(origin, recipe->recording) : origin;
}

static orr_status is_begun(const char *directory, const char *origin, bool *begun, struct orr_error *err)
{
    uint64_t *steps;
    size_t count;
    *begun = false;
    if (access(origin, F_OK) != 0) return ORR_OK;
    ORR_TRY(orr_checkpoint_list(directory, &steps, &count, err));
    orr_memory_free(steps);
    char *summary = orr_memory_print("%s/summary.json", directory);
    if (!summary) return orr_memory_out(err, "a path", strlen(directory) + 16);
    *begun = count > 0 || access(summary, F_OK) == 0;
    orr_memory_free(summary);
    return ORR_OK;
}

static orr_status compare(const char *path, const json_t *there, json_t *here, struct orr_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(here, key, value)
    {
        const char *before = json_string_value(json_object_get(there, key));
        if (!before) return orr_fail(err, ORR_EFORMAT, "%s: not the origin of a point: %s is missing", path, key);
        if (strcmp(before, json_string_value(value)) != 0)
            return orr_fail(
                err, ORR_EINVAL,
                "%s: this point was begun with %s \"%s\", and here it is \"%s\": go on with what it was begun "
                "with (--device), or choose another directory with --out",
                path, key, before, json_string_value(value));
    }
    return ORR_OK;
}

static orr_status write_origin(const char *path, const json_t *origin, struct orr_error *err)
{
    char *text;
    ORR_TRY(orr_json_print(origin, JSON_INDENT(2), "origin.json", &text, err));
    const orr_status status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

static orr_status claim(const char *directory, const char *path, json_t *here, struct orr_error *err)
{
    bool begun;
    ORR_TRY(is_begun(directory, path, &begun, err));
    if (!begun) return write_origin(path, here, err);
    json_error_t why;
    json_t *there = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!there) return orr_fail(err, ORR_EFORMAT, "%s: not the origin of a point: %s", path, why.text);
    const orr_status status = compare(path, there, here, err);
    json_decref(there);
    return status;
}

orr_status orr_origin_claim(const char *directory, const struct orr_recipe *recipe,
                            const struct orr_open_device *device, struct orr_error *err)
{
    char *path = orr_memory_print("%s/origin.json", directory);
    json_t *here = describe(recipe, device);
    const orr_status status =
        path && here ? claim(directory, path, here, err) : orr_memory_out(err, "origin.json", strlen(directory));
    json_decref(here);
    orr_memory_free(path);
    return status;
}
