/* A computation as data: values, the nodes that produce them, and the storages they live in.
 *
 * Values are dense, row-major, rank 0 to 4, and identified by an orr_handle. A value is a range of a storage; a view is
 * another range of the same storage with a shape of its own, so reshapes and parameter blocks cost nothing. Every
 * operation is a row of orrery/ops.def; what the engine knows of it beside that is a row of graph/rules.def.
 *
 * Builders latch the first error in the graph and return ORR_NONE from then on, so that model code reads like
 * equations; orr_graph_status tells at the end. A graph is used by one thread at a time.
 */
#ifndef ORR_GRAPH_GRAPH_H
#define ORR_GRAPH_GRAPH_H

#include "base/error.h"
#include "orrery/backend.h"

typedef int32_t orr_handle; /* a value of a graph */
enum { ORR_NONE = -1 };

/* The one node kind that is not in ops.def: out[0] is a range of in[0]'s memory. */
enum { ORR_NODE_VIEW = 0 };

struct orr_shape {
    uint32_t dtype; /* enum orr_dtype */
    uint32_t rank;
    int64_t dim[ORR_RANK_MAX];
    uint32_t batch; /* see struct orr_tensor; 0: not batched */
};

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

/* An empty graph whose real values are of type real (ORR_F32 or ORR_F64). The caller destroys *out. */
ORR_CHECKED orr_status orr_graph_create(uint32_t real, struct orr_graph **out, struct orr_error *err);
/* A copy that shares nothing with g. Handles mean the same in both. */
ORR_CHECKED orr_status orr_graph_clone(const struct orr_graph *g, struct orr_graph **out, struct orr_error *err);
void orr_graph_destroy(struct orr_graph *g); /* NULL is fine */

/* The first error that a builder met, or ORR_OK. */
ORR_CHECKED orr_status orr_graph_status(const struct orr_graph *g, struct orr_error *err);
/* Latch an error (a builder outside this directory found its arguments wrong); returns ORR_NONE. */
orr_handle orr_graph_reject(struct orr_graph *g, orr_status code, const char *fmt, ...) ORR_PRINTF(3, 4);

/* A kept storage filled from outside (data, parameters, state). name may be NULL; it is copied. */
orr_handle orr_graph_input(struct orr_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dim);
/* Another shape for the range of v that begins `first` elements in. dtype is v's. Differentiable. */
orr_handle orr_graph_view(struct orr_graph *g, orr_handle v, int64_t first, uint32_t rank, const int64_t *dim);
/* The same elements, and no gradient through it. */
orr_handle orr_graph_stop_gradient(struct orr_graph *g, orr_handle v);

/* Append one operation. wanted: shapes of the outputs, or NULL where the rule derives them from the inputs. alias: bit
 * k puts out[k] exactly where in[k] is (an update of carried state), which ops.def must allow. out may be NULL. Returns
 * the first output. */
orr_handle orr_graph_apply(struct orr_graph *g, uint32_t op, const orr_handle *in, uint32_t n_in,
                           const struct orr_attr *attr, const struct orr_shape *wanted, uint32_t alias,
                           orr_handle *out);

/* Make v, produced by a node into scratch of its own, live in the memory of place (same shape in bytes, kept).
 * Where v cannot be moved a copy is appended. Returns the value that lives there. */
orr_handle orr_graph_place(struct orr_graph *g, orr_handle v, orr_handle place);
/* Keep v readable from outside after a run. */
void orr_graph_keep(struct orr_graph *g, orr_handle v);
/* Give v a name (copied); the latest bearer of a name is the one orr_graph_find returns. */
void orr_graph_name(struct orr_graph *g, orr_handle v, const char *name);
/* Say that dim 0 of v is `groups` independent groups of rows. */
void orr_graph_set_batch(struct orr_graph *g, orr_handle v, uint32_t groups);
/* Begin a program named name: what follows runs separately from what went before. */
void orr_graph_cut(struct orr_graph *g, const char *name);

/* ORR_NONE when no value bears the name. */
orr_handle orr_graph_find(const struct orr_graph *g, const char *name);
/* NULL for ORR_NONE or a handle of another graph. Valid until the graph grows. */
const struct orr_graph_value *orr_graph_value(const struct orr_graph *g, orr_handle v);
int64_t orr_shape_count(const struct orr_shape *shape); /* elements */
uint64_t orr_shape_bytes(const struct orr_shape *shape);
uint64_t orr_dtype_bytes(uint32_t dtype); /* 0 for a number that is no dtype */
const char *orr_dtype_name(uint32_t dtype);
/* "f32[3,4]" into text. */
void orr_shape_print(const struct orr_shape *shape, char *text, size_t size);

/* Append the gradients of loss (one element) with respect to the values in wrt; grad[i] is ORR_NONE where loss does
 * not depend on wrt[i]. Gradients have the shape of their values. */
void orr_graph_gradient(struct orr_graph *g, orr_handle loss, const orr_handle *wrt, size_t n, orr_handle *grad);

/* Check every promise of this header: order, shapes by the rules, ranges, batches, aliases, and that nothing reads a
 * value whose memory was overwritten since. EBUG (or the builder's error) names the first node that breaks one. */
ORR_CHECKED orr_status orr_graph_verify(const struct orr_graph *g, struct orr_error *err);

/* Text that orr_graph_parse reads back to an equal graph; *text is the caller's (orr_memory_free). */
ORR_CHECKED orr_status orr_graph_print(const struct orr_graph *g, char **text, struct orr_error *err);
/* name is for messages, "name:line: ...". */
ORR_CHECKED orr_status orr_graph_parse(const char *text, const char *name, struct orr_graph **out,
                                       struct orr_error *err);
/* The graph in Graphviz's DOT language; *text is the caller's. */
ORR_CHECKED orr_status orr_graph_print_dot(const struct orr_graph *g, char **text, struct orr_error *err);

#endif
