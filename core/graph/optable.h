/* What the engine knows of each operation: the public row of orrery/ops.def and the private one of graph/rules.def.
 *
 * Beside the rows, the sites that rules read and write, and the helpers that they are made of: for graph/op_*.c, and
 * for whoever walks a graph. */
#ifndef ORR_GRAPH_OPTABLE_H
#define ORR_GRAPH_OPTABLE_H

#include "graph/graph.h"

enum orr_tolerance_kind { ORR_TOLERANCE_EXACT, ORR_TOLERANCE_ULP, ORR_TOLERANCE_SUM, ORR_TOLERANCE_ABS };

/* A shape rule reads in and attr, and writes out (dtype, rank, dim, batch). Where `wanted` is set out comes filled in
 * with the shapes that the caller asked for; rules that cannot derive a shape read it from there. */
struct orr_shape_site {
    const char *name;
    uint32_t real;
    uint32_t n_in, n_out;
    const struct orr_shape *in;
    const struct orr_attr *attr;
    bool wanted;
    struct orr_shape *out;
    struct orr_error *err;
};
typedef orr_status (*orr_shape_rule)(const struct orr_shape_site *site);

/* A gradient rule appends nodes to g and writes din[k] for the inputs in `needed`; ORR_NONE means no gradient. */
struct orr_gradient_site {
    struct orr_graph *g;
    struct orr_graph_node node;
    uint32_t needed;              /* bit k: in[k] */
    orr_handle dout[ORR_OUT_MAX]; /* ORR_NONE: nothing depends on out[k] */
    orr_handle din[ORR_IN_MAX];
};
typedef void (*orr_gradient_rule)(struct orr_gradient_site *site);

/* A lowering appends to g what computes the same outputs from node's inputs (handles of g) and writes out[]. */
typedef void (*orr_lower_rule)(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out);

/* Floating-point operations of a call, counting exp and the like as one. */
typedef double (*orr_flops_rule)(const struct orr_call *call);

/* A row of rules.def. */
struct orr_op_rule {
    orr_shape_rule shape;
    orr_gradient_rule gradient;
    orr_lower_rule lower;
    orr_flops_rule flops;
};

struct orr_op_info {
    uint32_t id;
    const char *name;
    uint32_t n_in, n_out;
    bool composite;
    uint32_t alias; /* bit k: out[k] may be exactly in[k] */
    enum orr_tolerance_kind tolerance_kind;
    double tolerance;
    const struct orr_op_rule *rule;
};

/* NULL for a number or name that is no operation. */
const struct orr_op_info *orr_op_by_id(uint32_t id);
const struct orr_op_info *orr_op_by_name(const char *name);
/* Has it a gradient rule that builds something? */
bool orr_op_is_differentiable(const struct orr_op_info *op);
/* Every operation in the order of ops.def. */
const struct orr_op_info *orr_op_list(size_t *count);

/* For shape rules: ESHAPE or EDTYPE with the op's name and the shapes of its inputs after the text. */
orr_status orr_shape_fail(const struct orr_shape_site *site, orr_status code, const char *fmt, ...) ORR_PRINTF(3, 4);
bool orr_shape_equal(const struct orr_shape *a, const struct orr_shape *b); /* dtype and dims, not batch */
struct orr_shape orr_shape_make(uint32_t dtype, uint32_t rank, const int64_t *dim);
int64_t orr_shape_rows(const struct orr_shape *s); /* product of all dims but the last */
int64_t orr_shape_last(const struct orr_shape *s); /* last dim; 1 for a scalar */

double orr_tensor_count(const struct orr_tensor *t); /* elements */

/* For gradient rules and lowerings. */
const struct orr_shape *orr_shape_of(const struct orr_graph *g, orr_handle v); /* never NULL; empty after an error */
/* Apply op to inputs with attributes, no wanted shape: the common case. */
orr_handle orr_apply1(struct orr_graph *g, uint32_t op, orr_handle a, const struct orr_attr *attr);
orr_handle orr_apply2(struct orr_graph *g, uint32_t op, orr_handle a, orr_handle b, const struct orr_attr *attr);
/* Sum over the last axis, that axis kept as 1, and its repeat back to width. */
orr_handle orr_sum_last(struct orr_graph *g, orr_handle x);
orr_handle orr_repeat_last(struct orr_graph *g, orr_handle x, int64_t width);
/* x (.., n) as (rows, n). */
orr_handle orr_as_matrix(struct orr_graph *g, orr_handle x);
/* Reshape to the shape of like. */
orr_handle orr_reshape_like(struct orr_graph *g, orr_handle x, orr_handle like);
/* One element repeated to the shape of like. */
orr_handle orr_scalar_like(struct orr_graph *g, orr_handle scalar, orr_handle like);
/* Sum over every axis but the last: (n). */
orr_handle orr_sum_rows(struct orr_graph *g, orr_handle x);

/* The rule functions that rules.def names. */
#define ORR_RULE(NAME, SHAPE, GRADIENT, LOWER, FLOPS)                                                                  \
    orr_status orr_shape_rule_##SHAPE(const struct orr_shape_site *site);                                              \
    void orr_gradient_rule_##GRADIENT(struct orr_gradient_site *site);                                                 \
    void orr_lower_rule_##LOWER(struct orr_graph *g, const struct orr_graph_node *node, orr_handle *out);              \
    double orr_flops_rule_##FLOPS(const struct orr_call *call);
#include "graph/rules.def"
#undef ORR_RULE

#endif
