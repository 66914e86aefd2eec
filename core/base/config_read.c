/* Typed values out of a configuration, with messages that begin with the place and the dotted path. */
#include "base/config.h"
#include "base/number.h"
#include "base/suggest.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LIST_SIZE = 256, PATH_SIZE = 160 };

/* Append " text" pieces as far as they fit; the whole stays terminated. */
static void add(char *to, size_t size, const char *text)
{
    const size_t at = strlen(to);
    snprintf(to + at, size - at, "%s", text);
}

static void write_path(const struct orr_config_node *node, char *path, size_t size)
{
    if (!node->parent) return;
    write_path(node->parent, path, size);
    if (*path) add(path, size, ".");
    if (node->key) {
        add(path, size, node->key);
        return;
    }
    size_t i = 0;
    while (node->parent->children[i] != node)
        ++i;
    char index[24];
    snprintf(index, sizeof index, "%zu", i);
    add(path, size, index);
}

orr_status orr_config_fail(const struct orr_config_node *node, struct orr_error *err, orr_status code, const char *fmt,
                           ...)
{
    char message[sizeof err->text], path[PATH_SIZE] = "", place[32] = "";
    va_list arguments;
    va_start(arguments, fmt);
    if (vsnprintf(message, sizeof message, fmt, arguments) < 0) message[0] = '\0';
    va_end(arguments);
    write_path(node, path, sizeof path);
    if (node->line > 0) snprintf(place, sizeof place, ":%d:%d", node->line, node->column);
    return orr_fail(err, code, "%s%s: %s%s%s", node->file, place, path, *path ? ": " : "", message);
}

/* A scalar with something in it, or the reason why not. */
static orr_status scalar(const struct orr_config_node *node, const char *expected, struct orr_error *err)
{
    if (node->kind != ORR_CONFIG_SCALAR)
        return orr_config_fail(node, err, ORR_EINVAL, "is a %s, expected %s",
                               node->kind == ORR_CONFIG_LIST ? "list" : "map", expected);
    if (!*node->text) return orr_config_fail(node, err, ORR_EINVAL, "has no value, expected %s", expected);
    return ORR_OK;
}

/* "a whole number, at least 1" and the like; an end that is as far as numbers go is not worth words. */
static void describe(char *text, size_t size, const char *type, const char *min, const char *max)
{
    if (min && max)
        snprintf(text, size, "%s from %s to %s", type, min, max);
    else if (min || max)
        snprintf(text, size, "%s, %s %s", type, min ? "at least" : "at most", min ? min : max);
    else
        snprintf(text, size, "%s", type);
}

orr_status orr_config_int(const struct orr_config_node *node, int64_t min, int64_t max, int64_t *out,
                          struct orr_error *err)
{
    char low[24], high[24], expected[128];
    int64_t value;
    snprintf(low, sizeof low, "%" PRId64, min);
    snprintf(high, sizeof high, "%" PRId64, max);
    describe(expected, sizeof expected, "a whole number", min > INT64_MIN ? low : NULL, max < INT64_MAX ? high : NULL);
    ORR_TRY(scalar(node, expected, err));
    double real;
    if (!orr_number_integer(node->text, &value) && orr_number_real(node->text, &real) && fabs(real - floor(real)) <= 0)
        return orr_config_fail(node, err, ORR_EINVAL, "\"%.80s\": write it in digits: expected %s", node->text,
                               expected);
    if (!orr_number_integer(node->text, &value))
        return orr_config_fail(node, err, ORR_EINVAL, "\"%.80s\" is not a whole number: expected %s", node->text,
                               expected);
    if (value < min || value > max)
        return orr_config_fail(node, err, ORR_EINVAL, "%" PRId64 " is out of range: expected %s", value, expected);
    *out = value;
    return ORR_OK;
}

orr_status orr_config_real(const struct orr_config_node *node, double min, double max, double *out,
                           struct orr_error *err)
{
    char low[ORR_NUMBER_SIZE], high[ORR_NUMBER_SIZE], expected[128];
    double value;
    orr_number_print(min, low);
    orr_number_print(max, high);
    describe(expected, sizeof expected, "a number", min > -DBL_MAX ? low : NULL, max < DBL_MAX ? high : NULL);
    ORR_TRY(scalar(node, expected, err));
    if (!orr_number_real(node->text, &value))
        return orr_config_fail(node, err, ORR_EINVAL, "\"%.80s\" is not a finite number: expected %s", node->text,
                               expected);
    if (value < min || value > max)
        return orr_config_fail(node, err, ORR_EINVAL, "%s is out of range: expected %s", node->text, expected);
    *out = value;
    return ORR_OK;
}

orr_status orr_config_bool(const struct orr_config_node *node, bool *out, struct orr_error *err)
{
    ORR_TRY(scalar(node, "true or false", err));
    const bool yes = strcmp(node->text, "true") == 0;
    if (!yes && strcmp(node->text, "false") != 0)
        return orr_config_fail(node, err, ORR_EINVAL, "\"%.80s\" is not true or false", node->text);
    *out = yes;
    return ORR_OK;
}

orr_status orr_config_text(const struct orr_config_node *node, const char **out, struct orr_error *err)
{
    ORR_TRY(scalar(node, "a text", err));
    *out = node->text;
    return ORR_OK;
}

static bool is_known(const char *key, const char *const *known, size_t n)
{
    for (size_t i = 0; i < n; ++i)
        if (strcmp(known[i], key) == 0) return true;
    return false;
}

orr_status orr_config_check_keys(const struct orr_config_node *map, const char *const *known, size_t n,
                                 struct orr_error *err)
{
    if (map->kind == ORR_CONFIG_SCALAR && !*map->text) return ORR_OK;
    if (map->kind != ORR_CONFIG_MAP)
        return orr_config_fail(map, err, ORR_EINVAL, "is a %s, expected a map of keys",
                               map->kind == ORR_CONFIG_LIST ? "list" : "single value");
    for (size_t i = 0; i < map->count; ++i) {
        const struct orr_config_node *child = map->children[i];
        if (is_known(child->key, known, n)) continue;
        char list[LIST_SIZE] = "";
        for (size_t k = 0; k < n; ++k) {
            add(list, sizeof list, k ? ", " : "");
            add(list, sizeof list, known[k]);
        }
        const char *near = orr_suggest(child->key, known, n);
        return orr_config_fail(child, err, ORR_EINVAL, "unknown key \"%.80s\"%s%s%s: expected %s%s", child->key,
                               near ? ", did you mean \"" : "", near ? near : "", near ? "\"" : "",
                               n ? "one of " : "none here", list);
    }
    return ORR_OK;
}
