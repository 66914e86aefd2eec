/* The decoder of nanoGPT with pre-norm blocks, for regression: coordinates in, coordinates out.
 *
 * Per block x += Attention(LN1(x)); x += MLP(LN2(x)); a final LayerNorm; a linear head. MLP is n -> 4n, SiLU, 4n -> n.
 * Biases everywhere. Values carry the hook names of TransformerLens; hook_normalized is taken after gain and bias.
 */
#ifndef ORR_MODEL_TRANSFORMER_H
#define ORR_MODEL_TRANSFORMER_H

#include "model/parameters.h"

struct orr_transformer {
    int64_t n_layer, n_head, n_embd;
    int64_t block_size; /* rows of the position table: the longest context */
    int64_t n_input, n_output;
    int64_t window; /* attention sees the last `window` positions; 0: all */
};

/* Check sizes (n_embd divisible by n_head, ...) and list the parameters with nanoGPT's initialisation: weights
 * N(0, 0.02^2), c_proj.weight N(0, (0.02/sqrt(2 n_layer))^2), biases 0, LayerNorm 1 and 0. p: zeroed. */
ORR_CHECKED orr_status orr_transformer_parameters(const struct orr_transformer *m, struct orr_parameters *p,
                                                  struct orr_error *err);

/* input (batch, time, n_input) -> prediction (batch, time, n_output), time <= block_size. views: as from
 * orr_parameters_views. open_attention: build attention from primitives, so that attn.hook_q|k|v|pattern exist. */
orr_handle orr_transformer_forward(struct orr_graph *g, const struct orr_transformer *m, const struct orr_parameters *p,
                                   const orr_handle *views, orr_handle input, bool open_attention);

/* Names of all hook points, in forward order; texts are the caller's to free with orr_transformer_hooks_free. */
ORR_CHECKED orr_status orr_transformer_hooks(const struct orr_transformer *m, char ***names, size_t *count,
                                             struct orr_error *err);
void orr_transformer_hooks_free(char **names, size_t count);
/* Does this hook exist only when attention is opened? */
bool orr_transformer_hook_is_inside_attention(const char *name);

#endif
