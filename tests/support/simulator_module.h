/* Loads one simulator for its tests, without the engine.
 *
 * In: the path of a module. Out: its operations, and settings that are changed by key. The host table is that of
 * fake_study.h, so that a failure points at the plugin.
 */
#ifndef ORRERY_TESTS_SIMULATOR_MODULE_H
#define ORRERY_TESTS_SIMULATOR_MODULE_H

#include "orrery/plugin.h"
#include "orrery/simulator.h"

struct simulator_module {
    const struct orr_plugin *plugin;
    const struct orr_simulator_ops *ops;
};

enum { SIMULATOR_PARAMETERS_MAX = 32 };
struct simulator_settings {
    union orr_value value[SIMULATOR_PARAMETERS_MAX]; /* in the order of the module's table */
};

/* Loads the module whose path is in the environment variable `variable`. 0, or -1 with one line on stderr. */
int simulator_module_load(const char *variable, struct simulator_module *out);

/* The place of `key` in the module's table; -1 with one line on stderr when there is none. */
int simulator_parameter(const struct simulator_module *module, const char *key);

/* What the module's table says where the user says nothing; strings are borrowed from it. */
struct simulator_settings simulator_defaults(const struct simulator_module *module);

/* Sets a bool (0 or not 0), whole or real parameter; an unknown key is a line on stderr and no change. */
void simulator_set(const struct simulator_module *module, struct simulator_settings *settings, const char *key,
                   double value);

#endif
