/* YAML to tree, from the events of libyaml. Everything a recipe does not need is refused with its place. */
#include "base/config_tree.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *text;
    size_t size;
    const char *file;
    bool places;
    struct orr_error *err;
};

static orr_status fail_at(const struct reader *reader, yaml_mark_t mark, const char *what)
{
    if (!reader->places) return orr_fail(reader->err, ORR_EFORMAT, "%s", what);
    return orr_fail(reader->err, ORR_EFORMAT, "%s:%zu:%zu: %s", reader->file, mark.line + 1, mark.column + 1, what);
}

/* The reader of libyaml knows the byte only, not the line. */
static yaml_mark_t mark_of_offset(const struct reader *reader, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < reader->size; ++i) {
        ++mark.column;
        if (reader->text[i] != '\n') continue;
        ++mark.line;
        mark.column = 0;
    }
    return mark;
}

static bool line_has_tab(const struct reader *reader, size_t line)
{
    const char *at = reader->text, *end = at + reader->size;
    for (; line > 0 && at; --line) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at) ++at;
    }
    if (!at) return false;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    return memchr(at, '\t', (size_t)((stop ? stop : end) - at)) != NULL;
}

static orr_status parser_failed(const struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "this is not YAML";
    char text[256];
    if (parser->error == YAML_MEMORY_ERROR) return orr_memory_out(reader->err, "the YAML parser", 0);
    if (parser->error == YAML_READER_ERROR) {
        snprintf(text, sizeof text, "%s: the file must be UTF-8 text", problem);
        return fail_at(reader, mark_of_offset(reader, parser->problem_offset), text);
    }
    const bool tab = line_has_tab(reader, parser->problem_mark.line);
    snprintf(text, sizeof text, "%s%s%s%s", parser->context ? parser->context : "", parser->context ? ", " : "",
             problem, tab ? " (this line holds a tab: indent by spaces)" : "");
    return fail_at(reader, parser->problem_mark, text);
}

static orr_status next_event(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(&reader->parser, event) ? ORR_OK : parser_failed(reader);
}

/* Nodes come without anchors and tags, and without a zero inside a text. */
static orr_status check_event(const struct reader *reader, const yaml_event_t *event)
{
    static const char anchored[] = "anchors and aliases are not supported: write the value out";
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(reader, event->start_mark, anchored);
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
            return fail_at(reader, event->start_mark, "a text must not hold a zero byte");
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor) return fail_at(reader, event->start_mark, anchored);
    if (tag) return fail_at(reader, event->start_mark, "tags (\"!...\") are not supported: write the plain value");
    return ORR_OK;
}

static orr_status check_key(const struct reader *reader, const yaml_event_t *event, const struct orr_config_node *map)
{
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(reader, event->start_mark, "a key must be a single word, not a list or a map");
    ORR_TRY(check_event(reader, event));
    const char *key = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    char text[ORR_CONFIG_KEY_LENGTH + 128];
    if (length == 0 || length > ORR_CONFIG_KEY_LENGTH) {
        snprintf(text, sizeof text, "a key has 1 to %d characters, this one has %zu", ORR_CONFIG_KEY_LENGTH, length);
        return fail_at(reader, event->start_mark, text);
    }
    if (map->count == ORR_CONFIG_KEYS) {
        snprintf(text, sizeof text, "more than %d keys in one map", ORR_CONFIG_KEYS);
        return fail_at(reader, event->start_mark, text);
    }
    const struct orr_config_node *first = orr_config_node_child(map, key, length);
    if (!first) return ORR_OK;
    snprintf(text, sizeof text, "the key \"%s\" is given twice (first in line %d): keep one", key, first->line);
    return fail_at(reader, event->start_mark, text);
}

static orr_status read_node(struct reader *reader, const yaml_event_t *event, size_t depth, const char *key,
                            yaml_mark_t place, struct orr_config_node **out);

/* A key and its value; `key` is the event of the key. */
static orr_status read_pair(struct reader *reader, const yaml_event_t *key, size_t depth, struct orr_config_node *map)
{
    ORR_TRY(check_key(reader, key, map));
    yaml_event_t value;
    ORR_TRY(next_event(reader, &value));
    struct orr_config_node *child = NULL;
    orr_status status =
        read_node(reader, &value, depth + 1, (const char *)key->data.scalar.value, key->start_mark, &child);
    yaml_event_delete(&value);
    ORR_TRY(status);
    status = orr_config_node_append(map, child, reader->err);
    if (status != ORR_OK) orr_config_node_destroy(child);
    return status;
}

static orr_status read_item(struct reader *reader, const yaml_event_t *event, size_t depth,
                            struct orr_config_node *list)
{
    struct orr_config_node *child = NULL;
    ORR_TRY(read_node(reader, event, depth + 1, NULL, event->start_mark, &child));
    const orr_status status = orr_config_node_append(list, child, reader->err);
    if (status != ORR_OK) orr_config_node_destroy(child);
    return status;
}

static orr_status read_children(struct reader *reader, size_t depth, struct orr_config_node *node)
{
    for (;;) {
        yaml_event_t event;
        ORR_TRY(next_event(reader, &event));
        const bool end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        orr_status status = ORR_OK;
        if (!end)
            status = node->kind == ORR_CONFIG_MAP ? read_pair(reader, &event, depth, node)
                                                  : read_item(reader, &event, depth, node);
        yaml_event_delete(&event);
        if (end || status != ORR_OK) return status;
    }
}

static orr_status read_node(struct reader *reader, const yaml_event_t *event, size_t depth, const char *key,
                            yaml_mark_t place, struct orr_config_node **out)
{
    ORR_TRY(check_event(reader, event));
    if (depth > ORR_CONFIG_DEPTH) {
        char text[64];
        snprintf(text, sizeof text, "nested deeper than %d", ORR_CONFIG_DEPTH);
        return fail_at(reader, event->start_mark, text);
    }
    enum orr_config_kind kind = ORR_CONFIG_SCALAR;
    if (event->type == YAML_SEQUENCE_START_EVENT) kind = ORR_CONFIG_LIST;
    if (event->type == YAML_MAPPING_START_EVENT) kind = ORR_CONFIG_MAP;
    const char *text = kind == ORR_CONFIG_SCALAR ? (const char *)event->data.scalar.value : NULL;
    struct orr_config_node *node;
    ORR_TRY(orr_config_node_create(kind, key, text, text ? event->data.scalar.length : 0, &node, reader->err));
    node->file = reader->file;
    node->line = reader->places ? (int)place.line + 1 : 0;
    node->column = reader->places ? (int)place.column + 1 : 0;
    const orr_status status = kind == ORR_CONFIG_SCALAR ? ORR_OK : read_children(reader, depth, node);
    if (status == ORR_OK)
        *out = node;
    else
        orr_config_node_destroy(node);
    return status;
}

/* Stream start, at most one document, stream end. */
static orr_status read_stream(struct reader *reader, struct orr_config_node **out)
{
    for (;;) {
        yaml_event_t event;
        ORR_TRY(next_event(reader, &event));
        const yaml_event_type_t type = event.type;
        orr_status status = ORR_OK;
        if (type == YAML_DOCUMENT_START_EVENT && *out)
            status = fail_at(reader, event.start_mark, "a second document begins here: one is expected");
        else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                 type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT)
            status = read_node(reader, &event, 1, NULL, event.start_mark, out);
        yaml_event_delete(&event);
        if (status != ORR_OK || type == YAML_STREAM_END_EVENT) return status;
    }
}

orr_status orr_config_parse_node(const char *text, size_t n, const char *file, bool places,
                                 struct orr_config_node **out, struct orr_error *err)
{
    *out = NULL;
    /* libyaml takes a byte order mark for a column, and so the second line for another block. */
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t skipped = n >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    struct reader reader = {.text = text + skipped, .size = n - skipped, .file = file, .places = places, .err = err};
    if (n > ORR_CONFIG_BYTES)
        return orr_fail(err, ORR_EFORMAT, "%s: larger than %d bytes: this is no recipe", file, ORR_CONFIG_BYTES);
    if (!yaml_parser_initialize(&reader.parser)) return orr_memory_out(err, "the YAML parser", sizeof reader.parser);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.text, reader.size);
    const orr_status status = read_stream(&reader, out);
    yaml_parser_delete(&reader.parser);
    if (status == ORR_OK) return ORR_OK;
    orr_config_node_destroy(*out);
    *out = NULL;
    return status;
}

static orr_status parse(const char *text, size_t n, const char *name, struct orr_config **out, struct orr_error *err)
{
    struct orr_config *config = orr_memory_array(1, sizeof *config);
    if (!config) return orr_memory_out(err, "a configuration", sizeof *config);
    const char *file = NULL;
    orr_status status = orr_config_own_file(config, name, &file, err);
    if (status == ORR_OK) status = orr_config_parse_node(text, n, file, true, &config->root, err);
    if (status == ORR_OK && config->root && config->root->kind == ORR_CONFIG_SCALAR && !*config->root->text) {
        orr_config_node_destroy(config->root); /* "---" and nothing */
        config->root = NULL;
    }
    if (status == ORR_OK && !config->root) {
        status = orr_config_node_create(ORR_CONFIG_MAP, NULL, NULL, 0, &config->root, err);
        if (status == ORR_OK) {
            config->root->file = file;
            config->root->line = config->root->column = 1;
        }
    }
    if (status == ORR_OK && config->root->kind != ORR_CONFIG_MAP)
        status = orr_fail(err, ORR_EFORMAT, "%s:%d:%d: a map of keys (\"key: value\") is expected", file,
                          config->root->line, config->root->column);
    if (status == ORR_OK)
        *out = config;
    else
        orr_config_destroy(config);
    return status;
}

orr_status orr_config_parse(const char *text, const char *name, struct orr_config **out, struct orr_error *err)
{
    return parse(text, strlen(text), name, out, err);
}

/* All of fd, or one byte more than a recipe may have; *text is the caller's, also on failure. A pipe has no size to ask
 * for. */
static orr_status read_all(int fd, const char *path, char **text, size_t *n, struct orr_error *err)
{
    enum { PIECE = 4096 };
    size_t capacity = 0;
    while (*n <= ORR_CONFIG_BYTES) {
        void *array = *text;
        const orr_status grown = orr_memory_grow(&array, &capacity, *n + PIECE, 1, err);
        *text = array;
        ORR_TRY(grown);
        const ssize_t got = read(fd, *text + *n, PIECE);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return orr_fail(err, ORR_EIO, "%s: cannot be read: %s", path, strerror(errno));
        if (got == 0) break;
        *n += (size_t)got;
    }
    return ORR_OK;
}

orr_status orr_config_load(const char *path, struct orr_config **out, struct orr_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return orr_fail(err, ORR_EIO, "%s: cannot be opened: %s: check the name and its permissions", path,
                        strerror(errno));
    char *text = NULL;
    size_t n = 0;
    orr_status status = read_all(fd, path, &text, &n, err);
    close(fd);
    if (status == ORR_OK) status = parse(text, n, path, out, err);
    orr_memory_free(text);
    return status;
}
