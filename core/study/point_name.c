/* Names of points. */
#include "study/point_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The last part of a key where no other ends in the same, otherwise the whole key. */
static const char *short_key(const struct orr_point_keys *keys, size_t i)
{
    const char *key = keys->key[i], *dot = strrchr(key, '.');
    if (!dot) return key;
    for (size_t k = 0; k < keys->n; ++k) {
        const char *other = strrchr(keys->key[k], '.');
        if (k != i && strcmp(other ? other : keys->key[k], dot) == 0) return key;
    }
    return dot + 1;
}

orr_status orr_point_name(const struct orr_point_keys *keys, const char *without, char *name, size_t size,
                          struct orr_error *err)
{
    size_t used = 0;
    name[0] = '\0';
    for (size_t i = 0; i < keys->n; ++i) {
        if (without && strcmp(keys->key[i], without) == 0) continue;
        const int n =
            snprintf(name + used, size - used, "%s%s=%s", used ? "," : "", short_key(keys, i), keys->value[i]);
        if (n < 0 || (size_t)n >= size - used)
            return orr_fail(err, ORR_EINVAL,
                            "the name of a point, \"%s\", is longer than %zu characters: sweep fewer "
                            "keys or shorter values",
                            name, size - 1);
        used += (size_t)n;
    }
    /* It names a directory and is a field of a CSV file. */
    for (char *c = name; *c; ++c)
        if (!isalnum((unsigned char)*c) && !strchr("=,.-+_", *c)) *c = '_';
    return ORR_OK;
}
