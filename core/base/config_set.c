/* Changing a configuration: one value at a dotted path (--set), or a whole map laid over it (sizes of a recipe). */
#include "base/config.h"
#include "base/config_tree.h"
#include "base/memory.h"

#include <string.h>

static size_t depth(const struct orr_config_node *node)
{
    size_t n = 0;
    for (; node; node = node->parent)
        ++n;
    return n;
}

static size_t height(const struct orr_config_node *node)
{
    size_t highest = 0;
    for (size_t i = 0; i < node->count; ++i) {
        const size_t h = height(node->children[i]);
        if (h > highest) highest = h;
    }
    return highest + 1;
}

/* node gets the content of value, which is freed; key and place in the tree stay. */
static void take_content(struct orr_config_node *node, struct orr_config_node *value)
{
    orr_config_node_clear(node);
    node->kind = value->kind;
    node->text = value->text;
    node->count = value->count;
    node->children = value->children;
    node->file = value->file;
    node->line = value->line;
    node->column = value->column;
    for (size_t i = 0; i < node->count; ++i)
        node->children[i]->parent = node;
    orr_config_free_text(value->key);
    orr_memory_free(value);
}

static orr_status set_key(struct orr_config_node *node, const char *key, size_t length, struct orr_error *err)
{
    char *copy = orr_config_text_copy(key, length);
    if (!copy) return orr_memory_out(err, "a key", length + 1);
    orr_config_free_text(node->key);
    node->key = copy;
    return ORR_OK;
}

/* Wrap *value in the maps that path names, so that *value becomes the node for path's first part. */
static orr_status wrap(const char *path, struct orr_config_node **value, struct orr_error *err)
{
    const char *end = path + strlen(path);
    for (;;) {
        const char *begin = end;
        while (begin > path && begin[-1] != '.')
            --begin;
        if (begin == end || end - begin > ORR_CONFIG_KEY_LENGTH)
            return orr_fail(err, ORR_EINVAL, "\"%s\" is not a path: every key between dots has 1 to %d characters",
                            path, ORR_CONFIG_KEY_LENGTH);
        ORR_TRY(set_key(*value, begin, (size_t)(end - begin), err));
        if (begin == path) return ORR_OK;
        struct orr_config_node *map;
        ORR_TRY(orr_config_node_create(ORR_CONFIG_MAP, NULL, NULL, 0, &map, err));
        map->file = (*value)->file;
        map->line = (*value)->line;
        map->column = (*value)->column;
        const orr_status appended = orr_config_node_append(map, *value, err);
        if (appended != ORR_OK) {
            orr_config_node_destroy(map);
            return appended;
        }
        *value = map;
        end = begin - 1;
    }
}

/* Append *value below `at` under a path of which nothing exists yet. */
static orr_status attach_new(struct orr_config_node *at, const char *path, struct orr_config_node **value,
                             struct orr_error *err)
{
    size_t index;
    const char *rest = NULL;
    const bool empty = at->kind == ORR_CONFIG_SCALAR && !*at->text;
    if (at->kind == ORR_CONFIG_SCALAR && !empty)
        return orr_fail(err, ORR_EINVAL, "%s: there is nothing below it to set: it is the single value \"%.60s\"",
                        at->key ? at->key : path, at->text);
    if (at->kind == ORR_CONFIG_LIST) {
        if (!orr_config_list_index(path, &index, &rest) || index != at->count)
            return orr_fail(err, ORR_EINVAL, "%s: \"%.60s\" is not an item of this list: use 0 to %zu",
                            at->key ? at->key : "the list", path, at->count);
        orr_config_free_text((*value)->key);
        (*value)->key = NULL;
        if (rest) {
            ORR_TRY(wrap(rest, value, err));
            struct orr_config_node *item;
            ORR_TRY(orr_config_node_create(ORR_CONFIG_MAP, NULL, NULL, 0, &item, err));
            const orr_status appended = orr_config_node_append(item, *value, err);
            if (appended != ORR_OK) {
                orr_config_node_destroy(item);
                return appended;
            }
            item->file = (*value)->file;
            *value = item;
        }
    } else {
        ORR_TRY(wrap(path, value, err));
    }
    if (depth(at) + height(*value) > ORR_CONFIG_DEPTH)
        return orr_fail(err, ORR_EINVAL, "\"%.60s\" would be nested deeper than %d", path, ORR_CONFIG_DEPTH);
    ORR_TRY(orr_config_node_append(at, *value, err));
    if (empty) {
        orr_config_free_text(at->text);
        at->text = NULL;
        at->kind = ORR_CONFIG_MAP;
    }
    return ORR_OK;
}

/* Put value at path; it belongs to the tree afterwards, or is freed. */
static orr_status attach(struct orr_config_node *root, const char *path, struct orr_config_node *value,
                         struct orr_error *err)
{
    struct orr_config_node *at = root;
    const char *left = path, *rest = NULL;
    struct orr_config_node *child;
    while ((child = orr_config_step(at, left, &rest)) && rest) {
        at = child;
        left = rest;
    }
    orr_status status = ORR_OK;
    if (!child)
        status = attach_new(at, left, &value, err);
    else if (depth(at) + height(value) > ORR_CONFIG_DEPTH)
        status = orr_fail(err, ORR_EINVAL, "\"%.60s\" would be nested deeper than %d", path, ORR_CONFIG_DEPTH);
    else
        take_content(child, value);
    if (status != ORR_OK) orr_config_node_destroy(value);
    return status;
}

orr_status orr_config_set(struct orr_config *config, const char *dotted_path, const char *yaml_value,
                          const char *origin, struct orr_error *err)
{
    const char *file;
    struct orr_config_node *value;
    ORR_TRY(orr_config_own_file(config, origin, &file, err));
    orr_status status = orr_config_parse_node(yaml_value, strlen(yaml_value), file, false, &value, err);
    if (status == ORR_OK && !value) {
        status = orr_config_node_create(ORR_CONFIG_SCALAR, NULL, "", 0, &value, err);
        if (status == ORR_OK) value->file = file;
    } else if (status != ORR_OK) {
        if (status != ORR_ENOMEM) (void)orr_error_prefix(err, "%s %s", origin, dotted_path);
        return status;
    }
    ORR_TRY(status);
    status = attach(config->root, dotted_path, value, err);
    if (status != ORR_OK) (void)orr_error_prefix(err, "%s", origin);
    return status;
}

static orr_status clone(struct orr_config *config, const struct orr_config_node *node, struct orr_config_node **out,
                        struct orr_error *err)
{
    struct orr_config_node *copy;
    ORR_TRY(orr_config_node_create(node->kind, node->key, node->text, node->text ? strlen(node->text) : 0, &copy, err));
    orr_status status = orr_config_own_file(config, node->file, &copy->file, err);
    copy->line = node->line;
    copy->column = node->column;
    for (size_t i = 0; status == ORR_OK && i < node->count; ++i) {
        struct orr_config_node *child;
        status = clone(config, node->children[i], &child, err);
        if (status != ORR_OK) break;
        status = orr_config_node_append(copy, child, err);
        if (status != ORR_OK) orr_config_node_destroy(child);
    }
    if (status == ORR_OK)
        *out = copy;
    else
        orr_config_node_destroy(copy);
    return status;
}

/* Inside a map keys are meant to the letter: "sweep: {data.context: ...}" stays one key. */
static orr_status merge_map(struct orr_config *config, struct orr_config_node *onto, const struct orr_config_node *map,
                            struct orr_error *err)
{
    for (size_t i = 0; i < map->count; ++i) {
        const struct orr_config_node *from = map->children[i];
        struct orr_config_node *old = orr_config_node_child(onto, from->key, strlen(from->key));
        if (old && old->kind == ORR_CONFIG_MAP && from->kind == ORR_CONFIG_MAP) {
            ORR_TRY(merge_map(config, old, from, err));
            continue;
        }
        struct orr_config_node *copy;
        ORR_TRY(clone(config, from, &copy, err));
        orr_status status = ORR_OK;
        if (depth(onto) + height(copy) > ORR_CONFIG_DEPTH)
            status = orr_fail(err, ORR_EINVAL, "\"%.60s\" would be nested deeper than %d", from->key, ORR_CONFIG_DEPTH);
        else if (old)
            take_content(old, copy);
        else
            status = orr_config_node_append(onto, copy, err);
        if (status != ORR_OK) {
            orr_config_node_destroy(copy);
            return status;
        }
    }
    return ORR_OK;
}

orr_status orr_config_merge(struct orr_config *config, const struct orr_config_node *map, struct orr_error *err)
{
    if (map->kind == ORR_CONFIG_SCALAR && !*map->text) return ORR_OK;
    if (map->kind != ORR_CONFIG_MAP) return orr_config_fail(map, err, ORR_EINVAL, "a map of keys is expected here");
    for (size_t i = 0; i < map->count; ++i) {
        const struct orr_config_node *from = map->children[i];
        /* The tree is the configuration's own, however the path was found. */
        struct orr_config_node *old = (struct orr_config_node *)(uintptr_t)orr_config_find(config->root, from->key);
        if (old && old->kind == ORR_CONFIG_MAP && from->kind == ORR_CONFIG_MAP) {
            ORR_TRY(merge_map(config, old, from, err));
            continue;
        }
        struct orr_config_node *copy;
        ORR_TRY(clone(config, from, &copy, err));
        const orr_status status = attach(config->root, from->key, copy, err);
        if (status != ORR_OK) {
            (void)orr_error_prefix(err, "%s:%d:%d", from->file, from->line, from->column);
            return status;
        }
    }
    return ORR_OK;
}
