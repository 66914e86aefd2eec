/* orrery plugins: every plugin that was found, and why those that were refused were; the parameters of one. */
#include "base/loader.h"
#include "base/memory.h"
#include "base/params.h"
#include "base/suggest.h"
#include "cli/verbs.h"
#include "study/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct orr_option options[] = {
    {"--json", NULL, "as JSON"},
    {NULL, NULL, NULL},
};

enum { NAMES_MAX = 256 };

struct listing {
    const char *wanted; /* a name, or NULL for all */
    json_t *json;       /* NULL: print */
    size_t count;
    const char *names[NAMES_MAX]; /* all that were met, for "did you mean" */
    size_t n_names;
};

/* ---- text ---- */

static const char *type_name(enum orr_param_type type)
{
    static const char *const name[] = {"", "true or false", "whole number", "number", "text"};
    return name[type];
}

static void print_parameter(const struct orr_param *p)
{
    printf("    %s: %s", p->key, type_name(p->type));
    if (p->type == ORR_PARAM_INT || p->type == ORR_PARAM_REAL) {
        printf(" from %.15g to %.15g", p->min, p->max);
        if (strcmp(p->unit, "1") != 0) printf(" %s", p->unit);
    }
    printf(", default %s\n      %s\n", *p->fallback ? p->fallback : "none", p->doc);
}

static void print_plugin(const struct listing *list, const char *path, const struct orr_plugin *plugin)
{
    printf("%-9s  %-10s  %-7s  ABI %u.%u  %s\n", orr_plugin_kind_name((enum orr_plugin_kind)plugin->kind), plugin->name,
           plugin->version, plugin->abi_major, plugin->abi_minor, path);
    if (!list->wanted) return;
    printf("    %s\n    source: %s; licence: %s\n", plugin->summary, plugin->source, plugin->license);
    printf("  parameters:%s\n", plugin->params->type == ORR_PARAM_END ? " none" : "");
    for (const struct orr_param *p = plugin->params; p->type != ORR_PARAM_END; ++p)
        print_parameter(p);
}

/* ---- JSON ---- */

static json_t *parameters(const struct orr_param *p)
{
    json_t *list = json_array();
    for (; p->type != ORR_PARAM_END; ++p) {
        json_t *one = json_pack("{s:s,s:s,s:s,s:s,s:s}", "key", p->key, "type", type_name(p->type), "default",
                                p->fallback, "unit", p->unit, "doc", p->doc);
        if (one && (p->type == ORR_PARAM_INT || p->type == ORR_PARAM_REAL)) {
            json_object_set_new(one, "min", json_real(p->min));
            json_object_set_new(one, "max", json_real(p->max));
        }
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *as_json(const char *path, const struct orr_plugin *plugin, const struct orr_error *reason)
{
    if (!plugin)
        return json_pack("{s:o,s:b,s:o}", "path", orr_json_text(path), "usable", 0, "reason",
                         orr_json_text(reason ? reason->text : ""));
    return json_pack("{s:o,s:b,s:s,s:s,s:s,s:i,s:i,s:s,s:s,s:s,s:o}", "path", orr_json_text(path), "usable", 1, "kind",
                     orr_plugin_kind_name((enum orr_plugin_kind)plugin->kind), "name", plugin->name, "version",
                     plugin->version, "abi_major", (int)plugin->abi_major, "abi_minor", (int)plugin->abi_minor,
                     "summary", plugin->summary, "source", plugin->source, "license", plugin->license, "parameters",
                     parameters(plugin->params));
}

static orr_status visit(const char *path, const struct orr_plugin *plugin, const struct orr_error *reason,
                        void *context)
{
    struct listing *list = context;
    if (plugin && list->n_names < NAMES_MAX) list->names[list->n_names++] = plugin->name;
    if (list->wanted && (!plugin || strcmp(plugin->name, list->wanted) != 0)) return ORR_OK;
    ++list->count;
    if (list->json)
        json_array_append_new(list->json, as_json(path, plugin, reason));
    else if (plugin)
        print_plugin(list, path, plugin);
    else
        printf("refused    %s\n    %s\n", path, reason ? reason->text : "");
    return ORR_OK;
}

static orr_status none_found(const struct listing *list, struct orr_error *err)
{
    if (!list->wanted)
        return orr_fail(err, ORR_EUNSUPPORTED,
                        "no plugin was found in ORRERY_PLUGIN_PATH, %s and %s: name their directories, absolute and "
                        "separated by colons, in ORRERY_PLUGIN_PATH",
                        ORR_BACKEND_DIR, ORR_PLUGIN_DIR);
    const char *near = orr_suggest(list->wanted, list->names, list->n_names);
    return orr_fail(err, ORR_EINVAL, "there is no plugin called \"%s\"%s%s%s", list->wanted,
                    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct orr_loader *loader;
    struct listing list = {.json = orr_arguments_count(command->arguments, "--json") ? json_array() : NULL};
    if (command->arguments->n_words) {
        const orr_status status = orr_command_word(command, "plugin", &list.wanted, err);
        if (status != ORR_OK) {
            json_decref(list.json);
            return status;
        }
    }
    orr_status status = orr_loader_create(&loader, err);
    if (status == ORR_OK) {
        status = orr_loader_scan(loader, visit, &list, err);
        orr_loader_destroy(loader);
    }
    if (status == ORR_OK && list.count == 0 && (!list.json || list.wanted)) status = none_found(&list, err);
    if (status == ORR_OK && list.json) {
        char *text = json_dumps(list.json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        if (text) printf("%s\n", text);
        if (!text) status = orr_memory_out(err, "a list of plugins", 0);
        free(text);
    }
    json_decref(list.json);
    return status;
}

const struct orr_verb orr_verb_plugins = {
    .name = "plugins",
    .words = "[NAME]",
    .summary = "List backends, simulators and probes, or all about one",
    .more = NULL,
    .options = options,
    .run = run,
};
