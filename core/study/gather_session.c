/* env.json of a point, which says where it was computed, and of a run, which says what was asked. */
#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "study/gathered.h"
#include "study/shell_quote.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BYTES_MAX = 1 << 26 };

/* The caller's (json_decref); NULL and ORR_OK where there is none. */
static orr_status load(const char *directory, json_t **out, struct orr_error *err)
{
    char *text;
    size_t length;
    *out = NULL;
    char *path = orr_memory_print("%s/env.json", directory);
    if (!path) return orr_memory_out(err, "a path", strlen(directory));
    orr_status status = ORR_OK;
    if (access(path, F_OK) == 0) {
        status = orr_file_read(path, BYTES_MAX, &text, &length, err);
        if (status == ORR_OK) {
            status = orr_json_parse(text, length, path, out, err);
            orr_memory_free(text);
        }
    }
    orr_memory_free(path);
    return status;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void add_provider(struct orr_gathered_place *place, const json_t *products)
{
    const char *name = text_at(products, "by");
    size_t i = 0;
    while (i < place->n_providers && strcmp(place->provider[i].name, name) != 0)
        ++i;
    if (i == ORR_PROVIDERS_MAX || !*name) return;
    struct orr_gathered_provider *provider = &place->provider[i];
    if (i == place->n_providers) {
        snprintf(provider->name, sizeof provider->name, "%s", name);
        ++place->n_providers;
    }
    provider->products += fmax(number(products, "products"), 0);
    provider->multiply_adds += fmax(number(products, "multiply_adds"), 0);
}

static void take_plugins(struct orr_gathered_place *place, const json_t *plugins)
{
    size_t used = 0;
    place->plugins[0] = '\0';
    for (size_t i = 0; i < json_array_size(plugins) && used < sizeof place->plugins; ++i) {
        const json_t *plugin = json_array_get(plugins, i);
        used += (size_t)snprintf(place->plugins + used, sizeof place->plugins - used, "%s%s %s", i ? ", " : "",
                                 text_at(plugin, "name"), text_at(plugin, "version"));
    }
}

static void take_session(struct orr_gathered_place *place, const json_t *session)
{
    const json_t *device = json_object_get(session, "device");
    const json_t *products = json_object_get(json_object_get(session, "work"), "products");
    const double seconds = number(session, "seconds");
    snprintf(place->orrery, sizeof place->orrery, "%s", text_at(session, "orrery"));
    snprintf(place->device, sizeof place->device, "%s:%d (%s)", text_at(device, "backend"),
             (int)json_integer_value(json_object_get(device, "index")), text_at(device, "name"));
    snprintf(place->driver, sizeof place->driver, "%s", text_at(device, "driver"));
    snprintf(place->processor, sizeof place->processor, "%s", text_at(json_object_get(session, "host"), "processor"));
    take_plugins(place, json_object_get(session, "plugins"));
    if (seconds > 0) place->seconds += seconds;
    for (size_t i = 0; i < json_array_size(products); ++i)
        add_provider(place, json_array_get(products, i));
}

orr_status orr_gathered_read_place(struct orr_gathered_place *place, const char *directory, struct orr_error *err)
{
    json_t *json;
    ORR_TRY(load(directory, &json, err));
    const json_t *sessions = json_object_get(json, "sessions");
    for (size_t i = 0; i < json_array_size(sessions); ++i)
        take_session(place, json_array_get(sessions, i));
    json_decref(json);
    return ORR_OK;
}

/* ---- a run ---- */

static orr_status take_command(struct orr_gathered *gathered, const json_t *words, struct orr_error *err)
{
    const size_t n = json_array_size(words);
    const char **word = orr_memory_array(n, sizeof *word);
    if (!word) return orr_memory_out(err, "a command", n * sizeof *word);
    for (size_t i = 0; i < n; ++i) {
        const char *text = json_string_value(json_array_get(words, i));
        word[i] = text ? text : "";
    }
    const orr_status status = orr_shell_quote(word, n, &gathered->command, err);
    orr_memory_free(word);
    return status;
}

static orr_status take_run(struct orr_gathered *gathered, const json_t *session, struct orr_error *err)
{
    const double tokens = number(session, "full_tokens");
    if (!gathered->command && json_object_get(session, "command"))
        ORR_TRY(take_command(gathered, json_object_get(session, "command"), err));
    snprintf(gathered->size, sizeof gathered->size, "%s", text_at(session, "size"));
    gathered->full_tokens = tokens > 0 ? tokens : 0;
    return ORR_OK;
}

orr_status orr_gathered_read_run(struct orr_gathered *gathered, const char *directory, struct orr_error *err)
{
    json_t *json;
    orr_status status = ORR_OK;
    ORR_TRY(load(directory, &json, err));
    const json_t *sessions = json_object_get(json, "sessions");
    for (size_t i = 0; status == ORR_OK && i < json_array_size(sessions); ++i)
        status = take_run(gathered, json_array_get(sessions, i), err);
    json_decref(json);
    return status;
}
