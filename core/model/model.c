/* The kinds of model behind one face.
 *
 * In: sizes and a kind. Out: what that kind lists, builds and names. */
#include "model/model.h"

#include "base/memory.h"
#include "base/text.h"
#include "graph/build.h"
#include "model/kind.h"

static const struct orr_kind *const kinds[ORR_MODEL_KINDS] = {
    [ORR_MODEL_TRANSFORMER] = &orr_kind_transformer,
    [ORR_MODEL_MLP] = &orr_kind_mlp,
    [ORR_MODEL_GRAPH] = &orr_kind_graph,
};

const char *const orr_model_kind_names[ORR_MODEL_KINDS] = {"transformer", "mlp", "graph"};

orr_status orr_model_parameters(const struct orr_model *m, struct orr_parameters *p, struct orr_error *err)
{
    return kinds[m->kind]->parameters(m, p, err);
}

orr_handle orr_model_forward(struct orr_graph *g, const struct orr_model *m, const struct orr_parameters *p,
                             const orr_handle *views, orr_handle input, bool open_attention)
{
    struct orr_building b = {.g = g, .m = m, .p = p, .view = views, .open_attention = open_attention};
    const struct orr_graph_value *value = orr_graph_value(g, input);
    if (g->error.code != ORR_OK || !value) return orr_graph_reject(g, ORR_EINVAL, "model: no input");
    const uint32_t dtype = m->vocab_size ? ORR_I32 : g->real;
    if (value->shape.rank != 3 || value->shape.dim[2] != m->n_input || value->shape.dim[1] > m->block_size ||
        value->shape.dtype != dtype)
        return orr_graph_reject(g, ORR_ESHAPE, "%s: expected input (batch, time, %lld) of %s, time up to %lld",
                                orr_model_kind_names[m->kind], (long long)m->n_input, orr_dtype_name(dtype),
                                (long long)m->block_size);
    return kinds[m->kind]->forward(&b, input);
}

orr_handle orr_model_loss(struct orr_graph *g, const struct orr_model *m, orr_handle prediction, orr_handle target)
{
    return m->vocab_size ? orr_cross_entropy(g, prediction, target) : orr_mse(g, prediction, target);
}

orr_status orr_model_hooks(const struct orr_model *m, char ***names, size_t *count, struct orr_error *err)
{
    struct orr_naming n = {.err = err};
    kinds[m->kind]->hooks(m, &n);
    if (n.status != ORR_OK) {
        orr_model_hooks_free(n.name, n.count);
        return n.status;
    }
    *names = n.name;
    *count = n.count;
    return ORR_OK;
}

void orr_model_hooks_free(char **names, size_t count)
{
    if (!names) return;
    for (size_t i = 0; i < count; ++i)
        orr_memory_free(names[i]);
    orr_memory_free(names);
}

bool orr_model_hook_is_usual(const struct orr_model *m, const char *name)
{
    return kinds[m->kind]->hook_is_usual(name);
}

bool orr_model_hook_is_inside_attention(const char *name)
{
    static const char *const inside[] = {".attn.hook_q", ".attn.hook_k", ".attn.hook_v", ".attn.hook_pattern"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; ++i)
        if (orr_text_ends_with(name, inside[i])) return true;
    return false;
}
