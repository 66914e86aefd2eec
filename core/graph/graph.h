/* A computation as data: values, the nodes that produce them, and the storages they live in.
 *
 * Values are dense, row-major, rank 0 to 4, and identified by an orr_handle. A value is a range of a storage; a view is
 * another range of the same storage with a shape of its own, so reshapes and parameter blocks cost nothing. Every
 * operation is a row of orrery/ops.def; what the engine knows of it beside that is a row of graph/rules.def.
 *
 * The functions that programs may call too are in orrery/orrery.h. Builders latch the first error in the graph and
 * return ORR_NONE from then on, so that model code reads like equations. A graph is used by one thread at a time.
 */
#ifndef ORR_GRAPH_GRAPH_H
#define ORR_GRAPH_GRAPH_H

#include "base/error.h"
#include "orrery/orrery.h"

/* The one node kind that is not in ops.def: out[0] is a range of in[0]'s memory. */
enum { ORR_NODE_VIEW = 0 };

struct orr_graph_value {
    char *name; /* hook point or parameter; NULL: none */
    struct orr_shape shape;
    int32_t storage;
    uint64_t offset; /* bytes into the storage */
    int32_t node;    /* that produces it; ORR_NONE: an input */
};

struct orr_graph_node {
    uint32_t op; /* enum orr_op, or ORR_NODE_VIEW */
    uint32_t n_in, n_out;
    orr_handle in[ORR_IN_MAX], out[ORR_OUT_MAX];
    struct orr_attr attr;
    bool stops_gradient; /* views only */
};

struct orr_graph_storage {
    uint64_t bytes;
    bool kept; /* read or written from outside, or alive from one run to the next */
};

/* Nodes from `first` on belong to a program of this name. */
struct orr_graph_cut {
    char *name;
    int32_t first;
};

struct orr_graph {
    uint32_t real; /* ORR_F32 or ORR_F64: the type of every real value */
    struct orr_graph_value *value;
    struct orr_graph_node *node;
    struct orr_graph_storage *storage;
    struct orr_graph_cut *cut;
    size_t n_values, n_nodes, n_storages, n_cuts;
    size_t value_capacity, node_capacity, storage_capacity, cut_capacity;
    struct orr_error error; /* the first failure; code ORR_OK while there is none */
};

/* A file of graph text is no longer than this. */
enum { ORR_GRAPH_BYTES = 1 << 22 };
/* Read a file of the text that orr_graph_parse takes. The caller destroys *out. EIO; EFORMAT with the path and the
 * line; ENOMEM. Any thread. */
ORR_CHECKED orr_status orr_graph_load(const char *path, struct orr_graph **out, struct orr_error *err);
/* A copy that shares nothing with g. Handles mean the same in both. The caller destroys *out. */
ORR_CHECKED orr_status orr_graph_clone(const struct orr_graph *g, struct orr_graph **out, struct orr_error *err);
/* Latch an error (a builder outside this directory found its arguments wrong); returns ORR_NONE. */
orr_handle orr_graph_reject(struct orr_graph *g, orr_status code, const char *fmt, ...) ORR_PRINTF(3, 4);

/* NULL for ORR_NONE or a handle of another graph. Valid until the graph grows. */
const struct orr_graph_value *orr_graph_value(const struct orr_graph *g, orr_handle v);

int64_t orr_shape_count(const struct orr_shape *shape);  /* elements */
uint64_t orr_shape_bytes(const struct orr_shape *shape); /* elements times the bytes of one */
uint64_t orr_dtype_bytes(uint32_t dtype);                /* 0 for a number that is no dtype */
const char *orr_dtype_name(uint32_t dtype);              /* "f32"; "unknown" for a number that is no dtype */
/* "f32[3,4]" into text. */
void orr_shape_print(const struct orr_shape *shape, char *text, size_t size);

#endif
