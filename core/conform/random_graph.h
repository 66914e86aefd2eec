/* Random graphs of operations: a pure function of (seed, number, length). */
#ifndef ORR_CONFORM_RANDOM_GRAPH_H
#define ORR_CONFORM_RANDOM_GRAPH_H

#include "graph/graph.h"

/* No graph has more operations. */
enum { ORR_RANDOM_GRAPH_LENGTH = 168 };

/* The first `length` operations of graph `number` in f32, or all where it has fewer, each well conditioned and of unit
 * scale; every result that nothing reads is kept. The caller destroys *out. */
ORR_CHECKED orr_status orr_random_graph(uint64_t seed, uint32_t number, uint32_t length, struct orr_graph **out,
                                        struct orr_error *err);

#endif
