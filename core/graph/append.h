/* Appending to a graph's arrays and moving what lies in them: for this directory and for lowering, which rebuilds a
 * graph node by node.
 *
 * In: a graph and a finished record. Out: its index, or ORR_NONE with the error latched. */
#ifndef ORR_GRAPH_APPEND_H
#define ORR_GRAPH_APPEND_H

#include "graph/graph.h"

/* Each returns the new index, or ORR_NONE with the error latched. */
int32_t orr_graph_append_storage(struct orr_graph *g, uint64_t bytes, bool kept);
orr_handle orr_graph_append_value(struct orr_graph *g, const struct orr_graph_value *value); /* without its name */
int32_t orr_graph_append_node(struct orr_graph *g, const struct orr_graph_node *node);

/* Is v a value of g? Latches an error that begins with what if not; false also after an earlier error. */
bool orr_graph_has(struct orr_graph *g, orr_handle v, const char *what);
/* Latches an error if not: rank, element type, sizes, batch. */
bool orr_graph_shape_is_sound(struct orr_graph *g, const struct orr_shape *shape, const char *what);

/* Make everything that lives in storage `from` live in storage `to`, `offset` bytes further on; `from` is left empty.
 */
void orr_graph_move_storage(struct orr_graph *g, int32_t from, int32_t to, uint64_t offset);
/* Append a copy of v that lives where `place` says (its storage and offset); returns it. */
orr_handle orr_graph_append_copy(struct orr_graph *g, orr_handle v, const struct orr_graph_value *place);
/* Do two values share a byte? What has no bytes shares none. */
bool orr_graph_overlap(const struct orr_graph_value *a, const struct orr_graph_value *b);
/* Does v fill a scratch storage of its own, so that it can be moved? */
bool orr_graph_fills_storage(const struct orr_graph *g, orr_handle v);

/* orr_graph_verify that also tells the node at fault; *node is left alone where no single node is. */
ORR_CHECKED orr_status orr_graph_verify_at(const struct orr_graph *g, size_t *node, struct orr_error *err);

/* The longest name of a value or a cut, with its terminating zero. */
enum { ORR_GRAPH_NAME_SIZE = 256 };

#endif
