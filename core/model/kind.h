/* A kind of model as a table of functions: what model.c chooses from. For core/model only. */
#ifndef ORR_MODEL_KIND_H
#define ORR_MODEL_KIND_H

#include "model/parts.h"

struct orr_kind {
    /* As orr_model_parameters. */
    orr_status (*parameters)(const struct orr_model *m, struct orr_parameters *p, struct orr_error *err);
    /* As orr_model_forward; input has been checked. */
    orr_handle (*forward)(struct orr_building *b, orr_handle input);
    /* Add the name of every hook point, in forward order. */
    void (*hooks)(const struct orr_model *m, struct orr_naming *n);
    /* Is this one of those among the usual sites? */
    bool (*hook_is_usual)(const char *name);
};

/* The decoder of nanoGPT with its norms first, on numbers or on tokens: per block x += Attention(LN1(x)); x +=
 * MLP(LN2(x)); a last norm and a head. Hooks have the names of TransformerLens; hook_normalized is taken after gain and
 * bias. */
extern const struct orr_kind orr_kind_transformer;
/* n_layer hidden layers of n_embd with SiLU on the points of a window side by side. At position t it sees points 0 ..
 * t, each in its own place, and zeros for those not yet known. */
extern const struct orr_kind orr_kind_mlp;
/* Graph text: the input named "input" is the data, every other input a parameter; the value named hook_output is the
 * prediction, and every named value that lies by window and position is a hook point. docs/models.md has the rules. */
extern const struct orr_kind orr_kind_graph;

#endif
