/* Whole small models as graphs, for the checks of gradients and interfaces. */
#ifndef ORR_CONFORM_MODELS_H
#define ORR_CONFORM_MODELS_H

#include "graph/graph.h"

enum { ORR_MODELS = 7, ORR_MODEL_GRADIENTS = 40 };

struct orr_model_graph {
    struct orr_graph *g; /* the caller's */
    const char *name;
    orr_handle loss, gradient[ORR_MODEL_GRADIENTS]; /* kept; gradients of the loss by every parameter */
    char parameter[ORR_MODEL_GRADIENTS][96];
    size_t n;
};

/* Model `which` (below ORR_MODELS) in f32, forward and backward. Inputs may hold anything near unit scale. */
ORR_CHECKED orr_status orr_model_graph(uint32_t which, struct orr_model_graph *out, struct orr_error *err);

#endif
