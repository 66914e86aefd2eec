/* A model, whatever its kind: sizes, parameters, a forward pass, a loss and hook points.
 *
 * Kinds: the decoder of nanoGPT on numbers (regression) or on tokens, a plain MLP, and a graph written as text.
 */
#ifndef ORR_MODEL_MODEL_H
#define ORR_MODEL_MODEL_H

#include "model/parameters.h"

enum orr_model_kind { ORR_MODEL_TRANSFORMER, ORR_MODEL_MLP, ORR_MODEL_GRAPH, ORR_MODEL_KINDS };
extern const char *const orr_model_kind_names[ORR_MODEL_KINDS]; /* as in recipes */

struct orr_model {
    enum orr_model_kind kind;
    int64_t n_layer, n_head, n_embd;
    int64_t block_size;        /* the longest context; of a transformer, rows of the position table */
    int64_t n_input, n_output; /* columns */
    int64_t window;            /* attention sees the last `window` positions; 0: all */
    int64_t vocab_size;        /* tokens of each column; 0: columns are numbers */
    const char *graph;         /* of ORR_MODEL_GRAPH: its text, borrowed; otherwise NULL */
    const char *graph_name;    /* what messages call that text */
};

/* Check sizes and list the parameters with their initial values. p: zeroed. */
ORR_CHECKED orr_status orr_model_parameters(const struct orr_model *m, struct orr_parameters *p, struct orr_error *err);

/* input (batch, time, n_input), time <= block_size: real, or with a vocabulary i32 of 0 .. vocab_size-1. Result: real
 * (batch, time, n_output), or logits (batch, time, n_output, vocab_size). views: as from orr_parameters_views.
 * open_attention: build attention from primitives, so that attn.hook_q|k|v|pattern exist. */
orr_handle orr_model_forward(struct orr_graph *g, const struct orr_model *m, const struct orr_parameters *p,
                             const orr_handle *views, orr_handle input, bool open_attention);

/* Mean squared error over all numbers; with a vocabulary mean cross-entropy over all targets (i32, of the prediction's
 * dims without the last) that are not -1. */
orr_handle orr_model_loss(struct orr_graph *g, const struct orr_model *m, orr_handle prediction, orr_handle target);

/* Names of all hook points, in forward order; texts are the caller's to free with orr_model_hooks_free. */
ORR_CHECKED orr_status orr_model_hooks(const struct orr_model *m, char ***names, size_t *count, struct orr_error *err);
void orr_model_hooks_free(char **names, size_t count);
/* Is this hook of the model among the sites that are studied unless a recipe names others? */
bool orr_model_hook_is_usual(const struct orr_model *m, const char *name);
/* Does this hook exist only when attention is opened? */
bool orr_model_hook_is_inside_attention(const char *name);

#endif
