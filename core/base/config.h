/* Recipes: a YAML subset as a tree of scalars, lists and maps in which every node knows where it was written.
 *
 * Refused, with the place: duplicate keys, aliases, anchors and tags, keys that are not scalars, nesting beyond
 * ORR_CONFIG_DEPTH, several documents, text that is not UTF-8, files over ORR_CONFIG_BYTES. An empty document is an
 * empty map. A configuration belongs to one thread at a time; nodes are borrowed from it until they are replaced.
 */
#ifndef ORR_BASE_CONFIG_H
#define ORR_BASE_CONFIG_H

#include "base/error.h"

enum { ORR_CONFIG_DEPTH = 64, ORR_CONFIG_BYTES = 1 << 20 };

enum orr_config_kind { ORR_CONFIG_SCALAR, ORR_CONFIG_LIST, ORR_CONFIG_MAP };

struct orr_config;

/* Read-only outside config*.c. */
struct orr_config_node {
    enum orr_config_kind kind;
    const char *text; /* a scalar's; NULL otherwise. A key without a value has "" */
    const char *key;  /* in a map; NULL in a list and at the root */
    size_t count;     /* of children; 0 for a scalar */
    struct orr_config_node **children;
    struct orr_config_node *parent; /* NULL at the root */
    const char *file;               /* or the origin given to orr_config_set */
    int line, column;               /* from 1 (of the key, in a map); 0 when there is no file */
};

/* Read a file or a text (name stands for the file in messages). On success *out is the caller's, to be destroyed.
 * EIO, EFORMAT (with file:line:column) or ENOMEM. The root is a map. */
ORR_CHECKED orr_status orr_config_load(const char *path, struct orr_config **out, struct orr_error *err);
ORR_CHECKED orr_status orr_config_parse(const char *text, const char *name, struct orr_config **out,
                                        struct orr_error *err);

/* Free the tree; NULL is allowed. */
void orr_config_destroy(struct orr_config *config);

/* The root map; never NULL. */
const struct orr_config_node *orr_config_root(const struct orr_config *config);

/* The node at a dotted path below map ("train.steps"; list items by number: "probes.0.cut"), or NULL. A key that itself
 * holds dots is found by writing it out. "" is map itself; a NULL map gives NULL. */
const struct orr_config_node *orr_config_find(const struct orr_config_node *map, const char *dotted_path);

/* Set one value, parsed as YAML; missing maps are made, and the number one past a list's end appends. origin ("--set")
 * stands for the file in later messages. EINVAL or EFORMAT leave the tree as it was. */
ORR_CHECKED orr_status orr_config_set(struct orr_config *config, const char *dotted_path, const char *yaml_value,
                                      const char *origin, struct orr_error *err);

/* Lay a map (of any configuration; copied) over config: its own keys may be dotted paths ("train.steps: 601"), maps
 * merge key by key, all else replaces. On an error the tree may be partly merged. */
ORR_CHECKED orr_status orr_config_merge(struct orr_config *config, const struct orr_config_node *map,
                                        struct orr_error *err);

/* Remove a node and all below it. EINVAL when there is none, or it is the root. */
orr_status orr_config_remove(struct orr_config *config, const char *dotted_path);

/* *text becomes YAML that parses back to the same tree (same tree, same bytes); free with orr_memory_free. */
ORR_CHECKED orr_status orr_config_write(const struct orr_config_node *node, char **text, struct orr_error *err);

/* Typed reading of a scalar. EINVAL reads `recipe.yaml:12:3: train.steps: "abc" is not a whole number ...`. Ranges
 * include both ends. bool: true or false. text: borrowed from the node, not empty. */
ORR_CHECKED orr_status orr_config_int(const struct orr_config_node *node, int64_t min, int64_t max, int64_t *out,
                                      struct orr_error *err);
ORR_CHECKED orr_status orr_config_real(const struct orr_config_node *node, double min, double max, double *out,
                                       struct orr_error *err);
ORR_CHECKED orr_status orr_config_bool(const struct orr_config_node *node, bool *out, struct orr_error *err);
ORR_CHECKED orr_status orr_config_text(const struct orr_config_node *node, const char **out, struct orr_error *err);

/* Every key of map is one of n known ones, or EINVAL: the place, the key, the nearest known key, the list. A map that
 * was left empty in the file ("model:" and nothing) is an empty map here. */
ORR_CHECKED orr_status orr_config_check_keys(const struct orr_config_node *map, const char *const *known, size_t n,
                                             struct orr_error *err);

/* Write `recipe.yaml:12:3: train.steps: ` and the message into err: for checks that only a caller can make. */
orr_status orr_config_fail(const struct orr_config_node *node, struct orr_error *err, orr_status code, const char *fmt,
                           ...) ORR_PRINTF(4, 5);

#endif
