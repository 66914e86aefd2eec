/* The configuration tree: nodes, dotted paths, removing. */
#include "base/config.h"

#include "base/config_tree.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

orr_status orr_config_own_file(struct orr_config *config, const char *name, const char **out, struct orr_error *err)
{
    for (size_t i = 0; i < config->n_files; ++i) {
        *out = config->files[i];
        if (strcmp(*out, name) == 0) return ORR_OK;
    }
    void *files = config->files;
    const orr_status grown =
        orr_memory_grow(&files, &config->files_capacity, config->n_files + 1, sizeof *config->files, err);
    config->files = files;
    ORR_TRY(grown);
    char *copy = orr_memory_text(name);
    if (!copy) return orr_memory_out(err, "a file name", strlen(name) + 1);
    config->files[config->n_files++] = copy;
    *out = copy;
    return ORR_OK;
}

char *orr_config_text_copy(const char *text, size_t length)
{
    char *copy = orr_memory_array(length + 1, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

orr_status orr_config_node_create(enum orr_config_kind kind, const char *key, const char *text, size_t length,
                                  struct orr_config_node **out, struct orr_error *err)
{
    struct orr_config_node *node = orr_memory_array(1, sizeof *node);
    if (!node) return orr_memory_out(err, "a configuration node", sizeof *node);
    node->kind = kind;
    node->key = key ? orr_memory_text(key) : NULL;
    node->text = text ? orr_config_text_copy(text, length) : NULL;
    if ((key && !node->key) || (text && !node->text)) {
        orr_config_node_destroy(node);
        return orr_memory_out(err, "a configuration node", length + 1);
    }
    *out = node;
    return ORR_OK;
}

void orr_config_free_text(const char *text) { orr_memory_free((void *)(uintptr_t)text); }

void orr_config_node_clear(struct orr_config_node *node)
{
    orr_config_free_text(node->text);
    for (size_t i = 0; i < node->count; ++i)
        orr_config_node_destroy(node->children[i]);
    orr_memory_free(node->children);
}

void orr_config_node_destroy(struct orr_config_node *node)
{
    if (!node) return;
    orr_config_node_clear(node);
    orr_config_free_text(node->key);
    orr_memory_free(node);
}

orr_status orr_config_node_append(struct orr_config_node *parent, struct orr_config_node *child, struct orr_error *err)
{
    /* Capacity is the power of two at or above count, so that it need not be stored. */
    size_t capacity = parent->count;
    if (parent->count == 0 || (parent->count >= 8 && (parent->count & (parent->count - 1)) == 0)) {
        void *children = parent->children;
        const orr_status grown =
            orr_memory_grow(&children, &capacity, parent->count + 1, sizeof *parent->children, err);
        parent->children = children;
        ORR_TRY(grown);
    }
    parent->children[parent->count++] = child;
    child->parent = parent;
    return ORR_OK;
}

void orr_config_destroy(struct orr_config *config)
{
    if (!config) return;
    orr_config_node_destroy(config->root);
    for (size_t i = 0; i < config->n_files; ++i)
        orr_memory_free(config->files[i]);
    orr_memory_free(config->files);
    orr_memory_free(config);
}

const struct orr_config_node *orr_config_root(const struct orr_config *config) { return config->root; }

struct orr_config_node *orr_config_node_child(const struct orr_config_node *map, const char *key, size_t length)
{
    for (size_t i = 0; i < map->count; ++i) {
        const char *own = map->children[i]->key;
        if (own && strlen(own) == length && memcmp(own, key, length) == 0) return map->children[i];
    }
    return NULL;
}

bool orr_config_list_index(const char *path, size_t *index, const char **rest)
{
    if (!isdigit((unsigned char)*path) || strcspn(path, ".") > 9) return false;
    char *end;
    *index = strtoul(path, &end, 10);
    if (*end && *end != '.') return false;
    *rest = *end ? end + 1 : NULL;
    return true;
}

struct orr_config_node *orr_config_step(const struct orr_config_node *at, const char *path, const char **rest)
{
    size_t index;
    if (at->kind == ORR_CONFIG_LIST)
        return orr_config_list_index(path, &index, rest) && index < at->count ? at->children[index] : NULL;
    struct orr_config_node *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < at->count; ++i) {
        const char *key = at->children[i]->key;
        const size_t length = strlen(key);
        if (length < longest || strncmp(path, key, length) != 0 || (path[length] && path[length] != '.')) continue;
        found = at->children[i];
        longest = length;
        *rest = path[length] ? path + length + 1 : NULL;
    }
    return found;
}

const struct orr_config_node *orr_config_find(const struct orr_config_node *map, const char *dotted_path)
{
    const char *rest = *dotted_path ? dotted_path : NULL;
    while (map && rest)
        map = orr_config_step(map, rest, &rest);
    return map;
}

orr_status orr_config_remove(struct orr_config *config, const char *dotted_path)
{
    const struct orr_config_node *node = orr_config_find(config->root, dotted_path);
    if (!node || node == config->root) return ORR_EINVAL;
    struct orr_config_node *parent = node->parent;
    size_t i = 0;
    while (parent->children[i] != node)
        ++i;
    orr_config_node_destroy(parent->children[i]);
    --parent->count;
    memmove(&parent->children[i], &parent->children[i + 1], (parent->count - i) * sizeof *parent->children);
    return ORR_OK;
}
