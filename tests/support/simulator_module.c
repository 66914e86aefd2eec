/* Loads one simulator for its tests, without the engine. See simulator_module.h. */
#include "simulator_module.h"

#include "fake_study.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int simulator_module_load(const char *variable, struct simulator_module *out)
{
    const char *path = getenv(variable);
    void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    union {
        void *object;
        orr_plugin_query_fn query;
    } symbol = {.object = module ? dlsym(module, ORR_PLUGIN_SYMBOL) : NULL};
    if (!symbol.object) {
        fprintf(stderr, "%s must be the path of a module: %s\n", variable, path ? dlerror() : "it is not set");
        return -1;
    }
    out->plugin = symbol.query(fake_host());
    if (out->plugin->kind != ORR_SIMULATOR) {
        fprintf(stderr, "%s is no simulator: its kind is %u\n", path, (unsigned)out->plugin->kind);
        return -1;
    }
    out->ops = out->plugin->ops;
    return 0;
}

int simulator_parameter(const struct simulator_module *module, const char *key)
{
    for (int i = 0; module->plugin->params[i].type; ++i)
        if (strcmp(module->plugin->params[i].key, key) == 0) return i;
    fprintf(stderr, "simulator %s has no parameter %s\n", module->plugin->name, key);
    return -1;
}

static union orr_value from_text(enum orr_param_type type, const char *text)
{
    union orr_value value = {.s = text};
    if (type == ORR_PARAM_BOOL) value.b = strcmp(text, "true") == 0;
    if (type == ORR_PARAM_INT) value.i = strtoll(text, NULL, 10);
    if (type == ORR_PARAM_REAL) value.r = strtod(text, NULL);
    return value;
}

struct simulator_settings simulator_defaults(const struct simulator_module *module)
{
    struct simulator_settings settings = {0};
    const struct orr_param *p = module->plugin->params;
    for (int i = 0; i < SIMULATOR_PARAMETERS_MAX && p[i].type; ++i)
        settings.value[i] = from_text(p[i].type, p[i].fallback);
    return settings;
}

void simulator_set(const struct simulator_module *module, struct simulator_settings *settings, const char *key,
                   double value)
{
    const int i = simulator_parameter(module, key);
    if (i < 0 || i >= SIMULATOR_PARAMETERS_MAX) return;
    const enum orr_param_type type = module->plugin->params[i].type;
    if (type == ORR_PARAM_BOOL) settings->value[i].b = value != 0;
    if (type == ORR_PARAM_INT) settings->value[i].i = (int64_t)value;
    if (type == ORR_PARAM_REAL) settings->value[i].r = value;
}
