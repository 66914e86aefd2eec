/* A graph as text, one line a storage, input, node and cut; and as a picture in Graphviz's DOT language.
 *
 *     graph f32
 *     storage s0 4096 kept
 *     %0 = input : f32[32,32] @s0+0 "weight"
 *     %2 = matmul %1, %0 {i=0,1} : f32[4,32] @s2+0 batch=4
 *     cut "update"
 */
#include "base/memory.h"
#include "base/number.h"
#include "graph/optable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whatever the locale says of decimal points. */
static void print_real(FILE *f, const char *before, double number)
{
    char text[ORR_NUMBER_SIZE];
    fprintf(f, "%s%s", before, orr_number_print(number, text));
}

static void print_attributes(FILE *f, const struct orr_attr *attr)
{
    int n_i = 8, n_f = 4;
    while (n_i > 0 && attr->i[n_i - 1] == 0)
        --n_i;
    while (n_f > 0 && attr->f[n_f - 1] == 0.0 && !signbit(attr->f[n_f - 1]))
        --n_f;
    if (n_i == 0 && n_f == 0) return;
    fputs(" {", f);
    for (int k = 0; k < n_i; ++k)
        fprintf(f, "%s%lld", k ? "," : "i=", (long long)attr->i[k]);
    for (int k = 0; k < n_f; ++k)
        print_real(f, k ? "," : n_i ? " f=" : "f=", attr->f[k]);
    fputc('}', f);
}

static void print_name(FILE *f, const char *name)
{
    fputs(" \"", f);
    for (; *name; ++name) {
        if (*name == '"' || *name == '\\' || *name == '\n') fputc('\\', f);
        fputc(*name == '\n' ? 'n' : *name, f);
    }
    fputc('"', f);
}

static void print_value(FILE *f, const struct orr_graph_value *v)
{
    char shape[96];
    orr_shape_print(&v->shape, shape, sizeof(shape));
    fprintf(f, " %s @s%d+%llu", shape, (int)v->storage, (unsigned long long)v->offset);
    if (v->shape.batch) fprintf(f, " batch=%u", v->shape.batch);
    if (v->name) print_name(f, v->name);
}

static const char *word_of(const struct orr_graph_node *node)
{
    if (node->op == ORR_NODE_VIEW) return node->stops_gradient ? "stop_gradient" : "view";
    return orr_op_by_id(node->op)->name;
}

static void print_node(FILE *f, const struct orr_graph *g, const struct orr_graph_node *node)
{
    for (uint32_t k = 0; k < node->n_out; ++k)
        fprintf(f, "%s%%%d", k ? ", " : "", (int)node->out[k]);
    fprintf(f, " = %s", word_of(node));
    for (uint32_t k = 0; k < node->n_in; ++k)
        fprintf(f, "%s %%%d", k ? "," : "", (int)node->in[k]);
    print_attributes(f, &node->attr);
    fputs(" :", f);
    for (uint32_t k = 0; k < node->n_out; ++k) {
        if (k) fputc(',', f);
        print_value(f, &g->value[node->out[k]]);
    }
    fputc('\n', f);
}

/* Values are numbered in the order of creation, so inputs are printed where they were made. */
static void print_graph(FILE *f, const struct orr_graph *g)
{
    size_t value = 0, cut = 0;
    fprintf(f, "graph %s\n", orr_dtype_name(g->real));
    for (size_t i = 0; i < g->n_storages; ++i)
        fprintf(f, "storage s%zu %llu%s\n", i, (unsigned long long)g->storage[i].bytes,
                g->storage[i].kept ? " kept" : "");
    for (size_t i = 0; i <= g->n_nodes; ++i) {
        for (; value < g->n_values && g->value[value].node == ORR_NONE; ++value) {
            fprintf(f, "%%%zu = input :", value);
            print_value(f, &g->value[value]);
            fputc('\n', f);
        }
        for (; cut < g->n_cuts && (size_t)g->cut[cut].first == i; ++cut) {
            fputs("cut", f);
            print_name(f, g->cut[cut].name);
            fputc('\n', f);
        }
        if (i == g->n_nodes) break;
        print_node(f, g, &g->node[i]);
        value += g->node[i].n_out;
    }
}

/* A name inside a DOT label. */
static void print_label(FILE *f, const char *name)
{
    for (; *name; ++name) {
        if (*name == '"' || *name == '\\') fputc('\\', f);
        fputc(*name == '\n' ? ' ' : *name, f);
    }
}

static void print_dot(FILE *f, const struct orr_graph *g)
{
    fputs("digraph graph_of_operations {\n  rankdir=TB;\n  node [shape=box, fontname=\"monospace\", fontsize=10];\n",
          f);
    for (size_t i = 0; i < g->n_values; ++i) {
        const struct orr_graph_value *v = &g->value[i];
        if (v->node != ORR_NONE) continue;
        char shape[96];
        orr_shape_print(&v->shape, shape, sizeof(shape));
        fprintf(f, "  v%zu [style=filled, fillcolor=lightgrey, label=\"", i);
        print_label(f, v->name ? v->name : "input");
        fprintf(f, "\\n%s\"];\n", shape);
    }
    for (size_t i = 0; i < g->n_nodes; ++i) {
        const struct orr_graph_node *node = &g->node[i];
        const struct orr_graph_value *v = &g->value[node->out[0]];
        char shape[96];
        orr_shape_print(&v->shape, shape, sizeof(shape));
        fprintf(f, "  n%zu [label=\"%s\\n%s\\n", i, word_of(node), shape);
        print_label(f, v->name ? v->name : "");
        fprintf(f, "\"%s];\n", node->op == ORR_NODE_VIEW ? ", style=dashed" : "");
        for (uint32_t k = 0; k < node->n_in; ++k) {
            const int32_t from = g->value[node->in[k]].node;
            if (from == ORR_NONE)
                fprintf(f, "  v%d -> n%zu;\n", (int)node->in[k], i);
            else
                fprintf(f, "  n%d -> n%zu%s;\n", (int)from, i, node->stops_gradient ? " [style=dotted]" : "");
        }
    }
    fputs("}\n", f);
}

static orr_status to_text(const struct orr_graph *g, void (*print)(FILE *, const struct orr_graph *), char **text,
                          struct orr_error *err)
{
    *text = NULL;
    ORR_TRY(orr_graph_status(g, err));
    char *stream_text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&stream_text, &size);
    if (!f) return orr_memory_out(err, "the text of a graph", 1);
    print(f, g);
    const bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(stream_text);
        return orr_memory_out(err, "the text of a graph", size);
    }
    *text = orr_memory_text(stream_text);
    free(stream_text);
    return *text ? ORR_OK : orr_memory_out(err, "the text of a graph", size);
}

orr_status orr_graph_print(const struct orr_graph *g, char **text, struct orr_error *err)
{
    return to_text(g, print_graph, text, err);
}

orr_status orr_graph_print_dot(const struct orr_graph *g, char **text, struct orr_error *err)
{
    return to_text(g, print_dot, text, err);
}

void orr_text_free(char *text) { orr_memory_free(text); }
