/* Tree to YAML: block style, two spaces a level, lists of scalars on one line. Whatever is not plainly plain is quoted,
 * so that parsing gives the same tree back. */
#include "base/config_tree.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* Latches the first failure, so that writing reads like the text it makes. */
struct writer {
    char *text;
    size_t size, capacity;
    struct orr_error *err;
    orr_status status;
};

static void put(struct writer *writer, const char *text, size_t n)
{
    if (writer->status != ORR_OK) return;
    void *array = writer->text;
    writer->status = orr_memory_grow(&array, &writer->capacity, writer->size + n + 1, 1, writer->err);
    writer->text = array;
    if (writer->status != ORR_OK) return;
    memcpy(writer->text + writer->size, text, n);
    writer->size += n;
}

static void put_text(struct writer *writer, const char *text) { put(writer, text, strlen(text)); }

static void indent(struct writer *writer, size_t columns)
{
    for (size_t i = 0; i < columns; ++i)
        put(writer, " ", 1);
}

static bool word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Needs no quotes as a key, a value and an item of a list: [+-./]word and then also single inner spaces. */
static bool plain(const char *text)
{
    const bool marked = *text && strchr("+-./", *text);
    if (!word_character(text[marked])) return false;
    for (const char *c = text + marked; *c; ++c)
        if (!word_character(*c) && !strchr("+-./", *c) && !(*c == ' ' && c[1] != ' ' && c[1] != '\0')) return false;
    return true;
}

/* Decode one UTF-8 character of a valid text; its length in bytes. */
static size_t decode(const unsigned char *c, uint32_t *point)
{
    if (c[0] < 0x80) {
        *point = c[0];
        return 1;
    }
    const size_t n = c[0] >= 0xF0 ? 4 : c[0] >= 0xE0 ? 3 : 2;
    *point = c[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; ++i)
        *point = *point << 6 | (c[i] & 0x3Fu);
    return n;
}

/* YAML's printable characters, less line breaks, the byte order mark and what quotes give a meaning. */
static bool raw_in_quotes(uint32_t point)
{
    if (point < 0xA0) return point >= 0x20 && point < 0x7F && point != '"' && point != '\\';
    return point != 0x2028 && point != 0x2029 && point != 0xFEFF && !(point >= 0xFFFE && point <= 0xFFFF);
}

static void put_quoted(struct writer *writer, const char *text)
{
    put(writer, "\"", 1);
    for (const char *c = text; *c;) {
        uint32_t point;
        char escape[16];
        const size_t n = decode((const unsigned char *)c, &point);
        if (raw_in_quotes(point)) {
            put(writer, c, n);
        } else {
            /* As short as can be: a key of ORR_CONFIG_KEY_LENGTH must stay below YAML's 1,024 characters for one. */
            snprintf(escape, sizeof escape,
                     point <= 0xFF     ? "\\x%02X"
                     : point <= 0xFFFF ? "\\u%04X"
                                       : "\\U%08X",
                     (unsigned)point);
            put_text(writer, escape);
        }
        c += n;
    }
    put(writer, "\"", 1);
}

static void put_scalar(struct writer *writer, const char *text)
{
    if (plain(text))
        put_text(writer, text);
    else
        put_quoted(writer, text);
}

/* On the line of its key or dash: scalars, empty maps and lists, lists of scalars. */
static bool on_one_line(const struct orr_config_node *node)
{
    if (node->count == 0) return true;
    if (node->kind == ORR_CONFIG_MAP) return false;
    for (size_t i = 0; i < node->count; ++i)
        if (node->children[i]->kind != ORR_CONFIG_SCALAR) return false;
    return true;
}

static void put_line(struct writer *writer, const struct orr_config_node *node)
{
    if (node->kind == ORR_CONFIG_SCALAR) {
        put_scalar(writer, node->text);
    } else if (node->kind == ORR_CONFIG_MAP) {
        put_text(writer, "{}");
    } else {
        put(writer, "[", 1);
        for (size_t i = 0; i < node->count; ++i) {
            if (i > 0) put_text(writer, ", ");
            put_scalar(writer, node->children[i]->text);
        }
        put(writer, "]", 1);
    }
    put(writer, "\n", 1);
}

/* The children of a map or list; the first may stand behind the dash that its parent wrote. */
static void put_block(struct writer *writer, const struct orr_config_node *node, size_t column, bool behind_dash)
{
    for (size_t i = 0; i < node->count; ++i) {
        const struct orr_config_node *child = node->children[i];
        if (i > 0 || !behind_dash) indent(writer, column);
        if (node->kind == ORR_CONFIG_MAP) {
            put_scalar(writer, child->key);
            put(writer, ":", 1);
        } else {
            put(writer, "-", 1);
        }
        if (on_one_line(child)) {
            put(writer, " ", 1);
            put_line(writer, child);
        } else if (node->kind == ORR_CONFIG_MAP) {
            put(writer, "\n", 1);
            put_block(writer, child, column + 2, false);
        } else {
            put(writer, " ", 1);
            put_block(writer, child, column + 2, true);
        }
    }
}

orr_status orr_config_write(const struct orr_config_node *node, char **text, struct orr_error *err)
{
    struct writer writer = {.err = err};
    if (on_one_line(node))
        put_line(&writer, node);
    else
        put_block(&writer, node, 0, false);
    if (writer.status != ORR_OK) {
        orr_memory_free(writer.text);
        return writer.status;
    }
    writer.text[writer.size] = '\0'; /* put keeps room for it */
    *text = writer.text;
    return ORR_OK;
}
