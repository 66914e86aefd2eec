/* Inside of the configuration: what config.c (tree), config_set.c (changes), config_parse.c and config_write.c (YAML),
 * and config_read.c (typed values) share. */
#ifndef ORR_BASE_CONFIG_TREE_H
#define ORR_BASE_CONFIG_TREE_H

#include "base/config.h"

/* A key longer than the first could not be written back as a plain YAML key; more keys than the second in one map are
 * no recipe. */
enum { ORR_CONFIG_KEY_LENGTH = 255, ORR_CONFIG_KEYS = 1024 };

struct orr_config {
    struct orr_config_node *root;
    char **files; /* every name that nodes borrow as `file` */
    size_t n_files, files_capacity;
};

/* The configuration's own copy of a file name. */
ORR_CHECKED orr_status orr_config_own_file(struct orr_config *config, const char *name, const char **out,
                                           struct orr_error *err);

/* Make a detached node; key and text (length bytes; NULL unless a scalar) are copied. */
ORR_CHECKED orr_status orr_config_node_create(enum orr_config_kind kind, const char *key, const char *text,
                                              size_t length, struct orr_config_node **out, struct orr_error *err);

/* Free a detached node and all below it; NULL is allowed. */
void orr_config_node_destroy(struct orr_config_node *node);

/* Make child the last of parent, which owns it from then on; on failure the caller still does. */
ORR_CHECKED orr_status orr_config_node_append(struct orr_config_node *parent, struct orr_config_node *child,
                                              struct orr_error *err);

/* Free what a node owns except its key. */
void orr_config_node_clear(struct orr_config_node *node);

/* Nodes own their texts, which are const for readers only. */
char *orr_config_text_copy(const char *text, size_t length);
void orr_config_free_text(const char *text);

/* True, the item's number and what is left of path (NULL at the end), when its first part is a number. */
bool orr_config_list_index(const char *path, size_t *index, const char **rest);

/* One step down path: the child whose key is the longest that path begins with, and what is left (NULL at the end). */
struct orr_config_node *orr_config_step(const struct orr_config_node *at, const char *path, const char **rest);

/* The child of this very key, or NULL. */
struct orr_config_node *orr_config_node_child(const struct orr_config_node *map, const char *key, size_t length);

/* Parse one YAML document into a detached node of any kind; an empty document gives NULL. With places false, nodes
 * carry no line and column. */
ORR_CHECKED orr_status orr_config_parse_node(const char *text, size_t n, const char *file, bool places,
                                             struct orr_config_node **out, struct orr_error *err);

#endif
