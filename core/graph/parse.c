/* Reads back what print.c writes. Text may be hostile: every number is bounded, and the verifier judges the result.
 *
 * A value without "@s3+0" gets a storage of its own, so that a graph written by hand needs no storage lines. Names of
 * values in the text must be %0, %1, ... in the order in which they are made.
 */
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "graph/append.h"
#include "graph/optable.h"
#include "io/file.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *at;   /* within the current line */
    const char *name; /* of the text, for messages */
    int line;
    struct orr_graph *g;
    struct orr_error *err;
    int *node_line; /* where each node was written */
    size_t node_line_capacity;
};

static orr_status wrong(const struct parser *p, const char *expected)
{
    char seen[24];
    size_t n = 0;
    while (n + 1 < sizeof(seen) && p->at[n] && p->at[n] != '\n') {
        seen[n] = isprint((unsigned char)p->at[n]) ? p->at[n] : '?';
        ++n;
    }
    seen[n] = '\0';
    return orr_fail(p->err, ORR_EFORMAT, "%s:%d: expected %s, found '%s'", p->name, p->line, expected, seen);
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
        ++p->at;
}

static bool accept_prefix(struct parser *p, const char *prefix)
{
    skip_blanks(p);
    const size_t n = strlen(prefix);
    if (strncmp(p->at, prefix, n) != 0) return false;
    p->at += n;
    return true;
}

/* A whole word: "kept" does not accept the beginning of "kepter". */
static bool accept(struct parser *p, const char *word)
{
    const char *start = p->at;
    if (!accept_prefix(p, word)) return false;
    const char last = word[strlen(word) - 1];
    if (!isalnum((unsigned char)last) || !(isalnum((unsigned char)*p->at) || *p->at == '_')) return true;
    p->at = start;
    return false;
}

static bool at_end(struct parser *p)
{
    skip_blanks(p);
    return *p->at == '\0' || *p->at == '\n' || *p->at == '#';
}

static orr_status expect(struct parser *p, const char *word, const char *expected)
{
    return accept(p, word) ? ORR_OK : wrong(p, expected);
}

static orr_status whole(struct parser *p, int64_t min, int64_t max, int64_t *out)
{
    skip_blanks(p);
    char *end = NULL;
    errno = 0;
    const long long v = isdigit((unsigned char)*p->at) || *p->at == '-' ? strtoll(p->at, &end, 10) : 0;
    if (!end || end == p->at || errno || v < min || v > max) return wrong(p, "a whole number within bounds");
    p->at = end;
    *out = v;
    return ORR_OK;
}

/* A number in the C locale's form, or inf or nan: attributes may be infinite. */
static orr_status real(struct parser *p, double *out)
{
    char text[40];
    size_t n = 0;
    skip_blanks(p);
    while (n + 1 < sizeof(text) && p->at[n] && strchr("+-.0123456789aefinxy", p->at[n])) {
        text[n] = p->at[n];
        ++n;
    }
    text[n] = '\0';
    const bool negative = text[0] == '-';
    if (strcmp(text + negative, "inf") == 0)
        *out = negative ? -(double)INFINITY : (double)INFINITY;
    else if (strcmp(text + negative, "nan") == 0)
        *out = (double)NAN;
    else if (!orr_number_real(text, out))
        return wrong(p, "a number");
    p->at += n;
    return ORR_OK;
}

static orr_status quoted(struct parser *p, char *text, size_t size)
{
    ORR_TRY(expect(p, "\"", "a name in double quotes"));
    size_t n = 0;
    for (; *p->at && *p->at != '\n' && *p->at != '"'; ++p->at) {
        const bool escaped = *p->at == '\\' && p->at[1] && p->at[1] != '\n';
        if (escaped) ++p->at;
        if (n + 1 >= size) return wrong(p, "a shorter name");
        text[n++] = *p->at == 'n' && escaped ? '\n' : *p->at;
    }
    text[n] = '\0';
    if (!orr_text_is_utf8(text)) return wrong(p, "the end of a name in UTF-8");
    return expect(p, "\"", "a closing quote");
}

static orr_status dtype(struct parser *p, uint32_t *out)
{
    static const uint32_t known[] = {ORR_F32, ORR_I32, ORR_F64, ORR_BF16, ORR_F16};
    skip_blanks(p);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        const char *name = orr_dtype_name(known[i]);
        if (strncmp(p->at, name, strlen(name)) != 0) continue;
        p->at += strlen(name);
        *out = known[i];
        return ORR_OK;
    }
    return wrong(p, "an element type (f32, f64, i32)");
}

/* "f32[2,3] @s0+0 batch=2 keep "name"": all but the type and the sizes may be left out. Where there is no "@s0+0", v
 * keeps the storage that it came with, or gets one of its own. */
static orr_status value(struct parser *p, struct orr_graph_value *v, char *name, size_t size)
{
    const int64_t limit = INT64_C(1) << 40;
    const bool is_input = v->node == ORR_NONE;
    int64_t number = 0, offset = 0, batch = 0;
    name[0] = '\0';
    ORR_TRY(dtype(p, &v->shape.dtype));
    ORR_TRY(expect(p, "[", "'[' and the sizes"));
    while (!accept(p, "]")) {
        if (v->shape.rank == ORR_RANK_MAX) return wrong(p, "at most 4 sizes");
        if (v->shape.rank) ORR_TRY(expect(p, ",", "',' or ']'"));
        ORR_TRY(whole(p, 0, limit, &v->shape.dim[v->shape.rank++]));
    }
    if (accept_prefix(p, "@s")) {
        ORR_TRY(whole(p, 0, (int64_t)p->g->n_storages - 1, &number));
        ORR_TRY(expect(p, "+", "'+' and the offset in bytes"));
        ORR_TRY(whole(p, 0, INT64_C(1) << 50, &offset));
        v->storage = (int32_t)number;
        v->offset = (uint64_t)offset;
    }
    if (accept(p, "batch=")) ORR_TRY(whole(p, 1, UINT32_MAX, &batch));
    v->shape.batch = (uint32_t)batch;
    if (!orr_graph_shape_is_sound(p->g, &v->shape, "value")) return orr_graph_status(p->g, p->err);
    const bool keep = accept(p, "keep");
    if (*p->at == ' ' && p->at[1] == '"') skip_blanks(p);
    if (*p->at == '"') ORR_TRY(quoted(p, name, size));
    if (v->storage == ORR_NONE) v->storage = orr_graph_append_storage(p->g, orr_shape_bytes(&v->shape), is_input);
    if (keep && v->storage >= 0) p->g->storage[v->storage].kept = true;
    return orr_graph_status(p->g, p->err);
}

static orr_status handle(struct parser *p, int64_t max, orr_handle *out)
{
    int64_t number = 0;
    ORR_TRY(expect(p, "%", "a value such as %0"));
    ORR_TRY(whole(p, 0, max, &number));
    *out = (orr_handle)number;
    return ORR_OK;
}

static orr_status attributes(struct parser *p, struct orr_attr *attr)
{
    if (!accept(p, "{")) return ORR_OK;
    if (accept(p, "i="))
        for (int k = 0; k < 8; ++k) {
            ORR_TRY(whole(p, INT64_MIN, INT64_MAX, &attr->i[k]));
            if (!accept(p, ",")) break;
        }
    if (accept(p, "f="))
        for (int k = 0; k < 4; ++k) {
            ORR_TRY(real(p, &attr->f[k]));
            if (!accept(p, ",")) break;
        }
    return expect(p, "}", "'}' after the attributes");
}

static orr_status operation(struct parser *p, struct orr_graph_node *node)
{
    char word[40];
    size_t n = 0;
    skip_blanks(p);
    while (n + 1 < sizeof(word) && (isalnum((unsigned char)p->at[n]) || p->at[n] == '_')) {
        word[n] = p->at[n];
        ++n;
    }
    word[n] = '\0';
    const struct orr_op_info *op = orr_op_by_name(word);
    const bool is_view = strcmp(word, "view") == 0 || strcmp(word, "stop_gradient") == 0;
    if (!op && !is_view) return wrong(p, "an operation");
    p->at += n;
    node->op = op ? op->id : ORR_NODE_VIEW;
    node->stops_gradient = word[0] == 's' && is_view;
    while (!at_end(p) && *p->at == '%') {
        if (node->n_in == ORR_IN_MAX) return wrong(p, "at most 6 inputs");
        ORR_TRY(handle(p, (int64_t)p->g->n_values - 1, &node->in[node->n_in++]));
        if (!accept(p, ",")) break;
    }
    return attributes(p, &node->attr);
}

static orr_status outputs(struct parser *p, struct orr_graph_node *node)
{
    char name[ORR_GRAPH_NAME_SIZE];
    ORR_TRY(expect(p, ":", "':' and the shapes of the outputs"));
    const uint32_t n_out = node->n_out;
    for (uint32_t k = 0; k < n_out; ++k) {
        struct orr_graph_value v = {.node = (int32_t)p->g->n_nodes, .storage = ORR_NONE};
        if (node->op == ORR_NODE_VIEW && node->n_in == 1) {
            const struct orr_graph_value *base = &p->g->value[node->in[0]];
            v.storage = base->storage;
            v.offset = base->offset + (uint64_t)node->attr.i[0] * orr_dtype_bytes(base->shape.dtype);
        }
        if (k) ORR_TRY(expect(p, ",", "',' and the next output"));
        ORR_TRY(value(p, &v, name, sizeof(name)));
        node->out[k] = orr_graph_append_value(p->g, &v);
        if (name[0]) orr_graph_name(p->g, node->out[k], name);
    }
    ORR_TRY(orr_memory_grow((void **)&p->node_line, &p->node_line_capacity, p->g->n_nodes + 1, sizeof(*p->node_line),
                            p->err));
    p->node_line[p->g->n_nodes] = p->line;
    orr_graph_append_node(p->g, node);
    return orr_graph_status(p->g, p->err);
}

static orr_status input(struct parser *p, uint32_t n_out)
{
    char name[ORR_GRAPH_NAME_SIZE];
    struct orr_graph_value v = {.node = ORR_NONE, .storage = ORR_NONE};
    if (n_out != 1) return wrong(p, "one value for an input");
    ORR_TRY(expect(p, ":", "':' and the shape of the input"));
    ORR_TRY(value(p, &v, name, sizeof(name)));
    const orr_handle h = orr_graph_append_value(p->g, &v);
    if (name[0]) orr_graph_name(p->g, h, name);
    return orr_graph_status(p->g, p->err);
}

static orr_status assignment(struct parser *p)
{
    struct orr_graph_node node = {0};
    do {
        orr_handle h;
        if (node.n_out == ORR_OUT_MAX) return wrong(p, "at most 4 outputs");
        ORR_TRY(handle(p, INT32_MAX, &h));
        if ((size_t)h != p->g->n_values + node.n_out)
            return orr_fail(p->err, ORR_EFORMAT, "%s:%d: this value must be called %%%zu, not %%%d", p->name, p->line,
                            p->g->n_values + node.n_out, (int)h);
        ++node.n_out;
    } while (accept(p, ","));
    ORR_TRY(expect(p, "=", "'='"));
    if (accept(p, "input")) return input(p, node.n_out);
    ORR_TRY(operation(p, &node));
    return outputs(p, &node);
}

static orr_status storage(struct parser *p)
{
    int64_t number = 0, bytes = 0;
    if (!accept_prefix(p, "s")) return wrong(p, "a storage such as s0");
    ORR_TRY(whole(p, (int64_t)p->g->n_storages, (int64_t)p->g->n_storages, &number));
    ORR_TRY(whole(p, 0, INT64_C(1) << 50, &bytes));
    orr_graph_append_storage(p->g, (uint64_t)bytes, accept(p, "kept"));
    return orr_graph_status(p->g, p->err);
}

static orr_status line(struct parser *p)
{
    char name[ORR_GRAPH_NAME_SIZE];
    if (at_end(p)) return ORR_OK;
    if (accept(p, "storage")) {
        ORR_TRY(storage(p));
    } else if (accept(p, "cut")) {
        ORR_TRY(quoted(p, name, sizeof(name)));
        orr_graph_cut(p->g, name);
    } else {
        ORR_TRY(assignment(p));
    }
    ORR_TRY(orr_graph_status(p->g, p->err));
    return at_end(p) ? ORR_OK : wrong(p, "the end of the line");
}

static orr_status lines(struct parser *p)
{
    while (*p->at) {
        const orr_status status = line(p);
        /* Faults of the parser's own have the place already; what the graph's arrays found has not. */
        if (status != ORR_OK && p->g->error.code != ORR_OK) {
            orr_error_prefix(p->err, "%s:%d", p->name, p->line);
            return status == ORR_ENOMEM ? status : (p->err->code = ORR_EFORMAT);
        }
        if (status != ORR_OK) return status;
        const char *next = strchr(p->at, '\n');
        if (!next) break;
        p->at = next + 1;
        ++p->line;
    }
    return ORR_OK;
}

/* The verifier speaks of broken invariants; in a file from outside they are faults of the file, at a line. */
static orr_status judge(struct parser *p)
{
    struct orr_error own = {.code = ORR_OK};
    size_t node = SIZE_MAX;
    const orr_status status = orr_graph_verify_at(p->g, &node, &own);
    if (status == ORR_OK) return ORR_OK;
    if (status == ORR_ENOMEM) return orr_fail(p->err, status, "%s", own.text);
    if (node < p->g->n_nodes) return orr_fail(p->err, ORR_EFORMAT, "%s:%d: %s", p->name, p->node_line[node], own.text);
    return orr_fail(p->err, ORR_EFORMAT, "%s: %s", p->name, own.text);
}

orr_status orr_graph_parse(const char *text, const char *name, struct orr_graph **out, struct orr_error *err)
{
    struct parser p = {.at = text, .name = name, .line = 1, .err = err};
    uint32_t type = 0;
    *out = NULL;
    while (at_end(&p) && *p.at) {
        const char *next = strchr(p.at, '\n');
        if (!next) break;
        p.at = next + 1;
        ++p.line;
    }
    ORR_TRY(expect(&p, "graph", "'graph f32' or 'graph f64' first"));
    const char *type_at = p.at;
    ORR_TRY(dtype(&p, &type));
    if (type != ORR_F32 && type != ORR_F64) {
        p.at = type_at;
        return wrong(&p, "f32 or f64");
    }
    if (!at_end(&p)) return wrong(&p, "the end of the line");
    ORR_TRY(orr_graph_create(type, &p.g, err));
    orr_status status = lines(&p);
    if (status == ORR_OK) status = judge(&p);
    orr_memory_free(p.node_line);
    if (status != ORR_OK)
        orr_graph_destroy(p.g);
    else
        *out = p.g;
    return status;
}

orr_status orr_graph_load(const char *path, struct orr_graph **out, struct orr_error *err)
{
    char *text = NULL;
    size_t n = 0;
    *out = NULL;
    ORR_TRY(orr_file_read(path, ORR_GRAPH_BYTES, &text, &n, err));
    const size_t length = strlen(text);
    const orr_status status = length == n
                                  ? orr_graph_parse(text, path, out, err)
                                  : orr_fail(err, ORR_EFORMAT, "%s: byte %zu is zero: this is no text", path, length);
    orr_memory_free(text);
    return status;
}
