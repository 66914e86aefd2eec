/* One builder an operation: equations over a graph. Meanings and shapes are in orrery/ops.def and orrery/backend.h.
 *
 * All latch errors in the graph and return ORR_NONE after one. A graph is used by one thread at a time.
 */
#ifndef ORR_GRAPH_BUILD_H
#define ORR_GRAPH_BUILD_H

#include "graph/graph.h"

/* Constants and data movement. */
orr_handle orr_fill(struct orr_graph *g, const struct orr_shape *shape, double x); /* every element x */
orr_handle orr_copy(struct orr_graph *g, orr_handle v);
orr_handle orr_reshape(struct orr_graph *g, orr_handle v, uint32_t rank, const int64_t *dim); /* same count */
/* v with dims of 1 put in front until it has dim's rank, then repeated to dim. */
orr_handle orr_broadcast(struct orr_graph *g, orr_handle v, uint32_t rank, const int64_t *dim);
orr_handle orr_permute(struct orr_graph *g, orr_handle v, const int64_t *axis); /* out axis k is in axis[k] */
orr_handle orr_slice(struct orr_graph *g, orr_handle v, uint32_t axis, int64_t start, int64_t count);
orr_handle orr_pad(struct orr_graph *g, orr_handle v, uint32_t axis, int64_t start, int64_t size); /* zeros elsewhere */
orr_handle orr_cast(struct orr_graph *g, orr_handle v, uint32_t dtype);
/* Rows of table (rows, ...) at index (...): (index dims, [span,] row dims); span 0: one row each, no axis for it. */
orr_handle orr_gather(struct orr_graph *g, orr_handle table, orr_handle index, int64_t span);
orr_handle orr_one_hot(struct orr_graph *g, orr_handle index, int64_t classes);

/* Arithmetic, element by element; shapes equal. */
orr_handle orr_unary(struct orr_graph *g, enum orr_op op, orr_handle x); /* NEG EXP LOG SQRT TANH ERF STEP GELU SILU */
orr_handle orr_add(struct orr_graph *g, orr_handle a, orr_handle b);
orr_handle orr_sub(struct orr_graph *g, orr_handle a, orr_handle b);
orr_handle orr_mul(struct orr_graph *g, orr_handle a, orr_handle b);
orr_handle orr_div(struct orr_graph *g, orr_handle a, orr_handle b);
orr_handle orr_maximum(struct orr_graph *g, orr_handle a, orr_handle b);
orr_handle orr_affine(struct orr_graph *g, orr_handle x, double scale, double shift);

/* Reductions over one axis, kept as 1. */
orr_handle orr_sum(struct orr_graph *g, orr_handle x, uint32_t axis);
orr_handle orr_max(struct orr_graph *g, orr_handle x, uint32_t axis);

/* Products. */
orr_handle orr_matmul(struct orr_graph *g, orr_handle a, orr_handle b, bool transpose_a, bool transpose_b);
orr_handle orr_linear(struct orr_graph *g, orr_handle x, orr_handle weight, orr_handle bias);

/* Composites. */
orr_handle orr_softmax(struct orr_graph *g, orr_handle x);
orr_handle orr_log_softmax(struct orr_graph *g, orr_handle x);
orr_handle orr_layernorm(struct orr_graph *g, orr_handle x, orr_handle gain, orr_handle bias, double eps);
orr_handle orr_rmsnorm(struct orr_graph *g, orr_handle x, orr_handle gain, double eps);
struct orr_attention {
    bool causal;
    int64_t window; /* keys t - window + 1 .. t; 0: all */
    int64_t heads;
    double scale; /* of the scores; 1 / sqrt(channel / heads) by custom */
};
/* qkv (batch, time, 3*channel) -> (batch, time, channel). */
orr_handle orr_attention(struct orr_graph *g, orr_handle qkv, const struct orr_attention *a);
/* The same from primitives, with its insides: q, k, v, z (batch, time, heads, channel/heads), scores and pattern
 * (batch, heads, time, time). */
struct orr_attention_parts {
    orr_handle q, k, v, scores, pattern, z;
};
orr_handle orr_attention_open(struct orr_graph *g, orr_handle qkv, const struct orr_attention *a,
                              struct orr_attention_parts *parts);
orr_handle orr_mse(struct orr_graph *g, orr_handle x, orr_handle target);                /* scalar */
orr_handle orr_cross_entropy(struct orr_graph *g, orr_handle logits, orr_handle target); /* scalar */

/* Random numbers, fixed by (seed, stream, step, element); step: one i32. */
orr_handle orr_random_integers(struct orr_graph *g, orr_handle step, uint64_t seed, uint32_t stream, int64_t below,
                               uint32_t rank, const int64_t *dim);
orr_handle orr_random_normals(struct orr_graph *g, orr_handle step, uint64_t seed, uint32_t stream, double scale,
                              uint32_t rank, const int64_t *dim);

/* Updates of carried state, in place. */
orr_handle orr_put(struct orr_graph *g, orr_handle ring, orr_handle row, orr_handle x); /* ring[row mod rows] = x */
orr_handle orr_add_in_place(struct orr_graph *g, orr_handle state, orr_handle x);
struct orr_adamw {
    double beta1, beta2, eps, weight_decay;
};
void orr_adamw_in_place(struct orr_graph *g, const struct orr_adamw *a, orr_handle parameter, orr_handle first_moment,
                        orr_handle second_moment, orr_handle gradient, orr_handle schedule_row);

#endif
