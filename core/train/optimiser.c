/* Optimisers as graph builders.
 *
 * In: blocks of parameters, state and gradients. Out: nodes that update the first two in place. AdamW: Loshchilov and
 * Hutter 2019 (arXiv 1711.05101). SGD with momentum: Polyak 1964, in the form of Sutskever et al. 2013 that torch
 * documents (rate outside the velocity).
 */
#include "train/optimiser.h"

const char *const orr_optimiser_names[ORR_OPTIMISER_KINDS] = {
    [ORR_OPTIMISER_ADAMW] = "adamw",
    [ORR_OPTIMISER_SGD] = "sgd",
};

static void build_adamw(struct orr_graph *g, const struct orr_optimiser *o, bool decays, orr_handle parameters,
                        const orr_handle *state, orr_handle gradient, orr_handle row)
{
    const struct orr_adamw a = {o->beta1, o->beta2, o->eps, decays ? o->weight_decay : 0};
    orr_adamw_in_place(g, &a, parameters, state[0], state[1], gradient, row);
}

/* x *= scale for a state, in place. */
static orr_handle scale_in_place(struct orr_graph *g, orr_handle state, double scale)
{
    const struct orr_attr attr = {.f = {scale, 0}};
    return orr_graph_apply(g, ORR_OP_AFFINE, &state, 1, &attr, NULL, 1, NULL);
}

/* d = gradient + weight_decay p; with momentum v = momentum v + d, else v = d; p -= rate v. */
static void build_sgd(struct orr_graph *g, const struct orr_optimiser *o, bool decays, orr_handle parameters,
                      const orr_handle *state, orr_handle gradient, orr_handle row)
{
    const struct orr_graph_value *value = orr_graph_value(g, parameters);
    if (!value) return;
    const int64_t one = 1, n = orr_shape_count(&value->shape);
    orr_handle velocity = gradient;
    if (decays && o->weight_decay > 0) velocity = orr_add(g, velocity, orr_affine(g, parameters, o->weight_decay, 0));
    if (o->momentum > 0) velocity = orr_add_in_place(g, scale_in_place(g, state[0], o->momentum), velocity);
    const orr_handle rate = orr_broadcast(g, orr_graph_view(g, row, 0, 1, &one), 1, &n);
    const orr_handle moved[] = {parameters, orr_mul(g, rate, velocity)};
    orr_graph_apply(g, ORR_OP_SUB, moved, 2, NULL, NULL, 1, NULL);
}

static const struct {
    struct orr_optimiser_block block[ORR_OPTIMISER_BLOCKS_MAX];
    uint32_t n_blocks;
    void (*build)(struct orr_graph *g, const struct orr_optimiser *o, bool decays, orr_handle parameters,
                  const orr_handle *state, orr_handle gradient, orr_handle row);
} table[ORR_OPTIMISER_KINDS] = {
    [ORR_OPTIMISER_ADAMW] = {{{"first_moment", "a first moment"}, {"second_moment", "a second moment"}},
                             2,
                             build_adamw},
    [ORR_OPTIMISER_SGD] = {{{"velocity", "a velocity"}}, 1, build_sgd},
};

uint32_t orr_optimiser_blocks(const struct orr_optimiser *o, const struct orr_optimiser_block **block)
{
    *block = table[o->kind].block;
    const bool stateless = o->kind == ORR_OPTIMISER_SGD && !(o->momentum > 0);
    return stateless ? 0 : table[o->kind].n_blocks;
}

void orr_optimiser_build(struct orr_graph *g, const struct orr_optimiser *o, bool decays, orr_handle parameters,
                         const orr_handle *state, orr_handle gradient, orr_handle row)
{
    table[o->kind].build(g, o, decays, parameters, state, gradient, row);
}
