/* Appending to a graph's arrays: for this directory and for lowering, which rebuilds a graph node by node. */
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

#endif
