/* The engine's own models, a classifier over indices, and a chain of the other composites. */
#include "conform/models.h"

#include "graph/build.h"
#include "model/model.h"

#include <stdio.h>
#include <string.h>

struct wanted {
    orr_handle v[ORR_MODEL_GRADIENTS];
    size_t n;
};

/* A parameter: an input whose gradient is wanted. */
static orr_handle parameter(struct orr_model_graph *m, struct wanted *w, const char *name, uint32_t rank,
                            const int64_t *dim)
{
    const orr_handle v = orr_graph_input(m->g, name, m->g->real, rank, dim);
    snprintf(m->parameter[w->n], sizeof(m->parameter[0]), "%s", name);
    w->v[w->n++] = v;
    return v;
}

/* One of the engine's own models with its loss, at fewer positions than it could have. */
static orr_status whole_model(struct orr_model_graph *m, struct wanted *w, const struct orr_model *sizes,
                              struct orr_error *err)
{
    const int64_t shape[3] = {3, 7, sizes->n_input};
    struct orr_parameters p = {0};
    orr_status status = orr_model_parameters(sizes, &p, err);
    if (status == ORR_OK) status = orr_parameters_arrange(&p, NULL, 0, err);
    if (status == ORR_OK && p.count > ORR_MODEL_GRADIENTS) status = orr_fail(err, ORR_EBUG, "too many parameters");
    if (status == ORR_OK) {
        const uint32_t dtype = sizes->vocab_size ? ORR_I32 : m->g->real;
        const orr_handle x = orr_graph_input(m->g, "x", dtype, 3, shape);
        const orr_handle y = orr_graph_input(m->g, "y", dtype, 3, shape);
        orr_graph_set_batch(m->g, x, (uint32_t)shape[0]);
        orr_graph_set_batch(m->g, y, (uint32_t)shape[0]);
        const orr_handle block = orr_graph_input(m->g, "parameters", m->g->real, 1, &p.elements);
        orr_parameters_views(m->g, &p, block, w->v);
        m->loss = orr_model_loss(m->g, sizes, orr_model_forward(m->g, sizes, &p, w->v, x, false), y);
        w->n = p.count;
        for (size_t i = 0; i < p.count; ++i)
            snprintf(m->parameter[i], sizeof(m->parameter[i]), "%s", p.item[i].name);
    }
    orr_parameters_fini(&p);
    return status;
}

/* Indices -> embedding -> attention -> GELU -> classes, with ignored targets. */
static void classifier(struct orr_model_graph *m, struct wanted *w)
{
    enum { BATCH = 3, TIME = 10, WIDTH = 12, CLASSES = 7 };
    struct orr_graph *g = m->g;
    const int64_t tokens[2] = {BATCH, TIME}, table[2] = {CLASSES, WIDTH}, wide[2] = {WIDTH, 3 * WIDTH};
    const int64_t three = 3 * WIDTH, width = WIDTH, classes = CLASSES, head[2] = {WIDTH, CLASSES};
    const struct orr_attention attention = {.causal = true, .window = 4, .heads = 3, .scale = 0.5};
    const orr_handle input = orr_graph_input(g, "tokens", ORR_I32, 2, tokens);
    const orr_handle target = orr_graph_input(g, "targets", ORR_I32, 2, tokens);
    orr_graph_set_batch(g, input, BATCH);
    orr_graph_set_batch(g, target, BATCH);
    const orr_handle x = orr_gather(g, parameter(m, w, "table", 2, table), input, 0);
    const orr_handle qkv = orr_linear(g, x, parameter(m, w, "qkv", 2, wide), parameter(m, w, "qkv bias", 1, &three));
    const orr_handle y = orr_add(g, x, orr_attention(g, qkv, &attention));
    const orr_handle unit = orr_rmsnorm(g, y, parameter(m, w, "gain", 1, &width), 1e-2);
    const orr_handle logits = orr_linear(g, orr_unary(g, ORR_OP_GELU, unit), parameter(m, w, "head", 2, head),
                                         parameter(m, w, "head bias", 1, &classes));
    m->loss = orr_cross_entropy(g, logits, target);
}

/* What the others leave out: softmax and its logarithm, layernorm of wide rows, products of batches, reductions. */
static void chain(struct orr_model_graph *m, struct wanted *w)
{
    struct orr_graph *g = m->g;
    const int64_t stack[3] = {2, 9, 5}, weight[3] = {2, 5, 17}, row = 17;
    const orr_handle a = parameter(m, w, "a", 3, stack), b = parameter(m, w, "b", 3, weight);
    const orr_handle product = orr_matmul(g, orr_unary(g, ORR_OP_TANH, a), b, false, false);
    const orr_handle unit =
        orr_layernorm(g, product, parameter(m, w, "gain", 1, &row), parameter(m, w, "bias", 1, &row), 1e-2);
    const orr_handle mixed = orr_mul(g, orr_softmax(g, unit), orr_unary(g, ORR_OP_SILU, unit));
    const orr_handle top = orr_max(g, orr_add(g, mixed, orr_log_softmax(g, product)), 1);
    const orr_handle joined = orr_sum(g, orr_unary(g, ORR_OP_ERF, top), 0);
    const struct orr_shape shape = g->error.code == ORR_OK ? orr_graph_value(g, joined)->shape : (struct orr_shape){0};
    m->loss = orr_mse(g, joined, orr_fill(g, &shape, 0.25));
}

static const struct {
    const char *name;
    void (*build)(struct orr_model_graph *m, struct wanted *w); /* NULL: of these sizes */
    struct orr_model sizes;
} models[ORR_MODELS] = {
    {.name = "transformer",
     .sizes = {.n_layer = 2, .n_head = 2, .n_embd = 16, .block_size = 9, .n_input = 2, .n_output = 2}},
    {.name = "transformer with a window",
     .sizes = {.n_layer = 2, .n_head = 2, .n_embd = 16, .block_size = 9, .n_input = 2, .n_output = 2, .window = 3}},
    {.name = "classifier", .build = classifier},
    {.name = "chain", .build = chain},
    {.name = "transformer of tokens",
     .sizes = {.n_layer = 1, .n_head = 2, .n_embd = 16, .block_size = 9, .n_input = 1, .n_output = 1, .vocab_size = 5}},
    {.name = "transformer of tokens in two columns",
     .sizes = {.n_layer = 1, .n_head = 2, .n_embd = 16, .block_size = 9, .n_input = 2, .n_output = 2, .vocab_size = 5}},
    {.name = "mlp",
     .sizes = {.kind = ORR_MODEL_MLP, .n_layer = 2, .n_embd = 16, .block_size = 9, .n_input = 2, .n_output = 2}},
};

orr_status orr_model_graph(uint32_t which, struct orr_model_graph *out, struct orr_error *err)
{
    struct wanted w = {.n = 0};
    *out = (struct orr_model_graph){.loss = ORR_NONE};
    if (which >= ORR_MODELS) return orr_fail(err, ORR_EINVAL, "model %u of %d", which, ORR_MODELS);
    out->name = models[which].name;
    ORR_TRY(orr_graph_create(ORR_F32, &out->g, err));
    orr_status status = ORR_OK;
    if (models[which].build)
        models[which].build(out, &w);
    else
        status = whole_model(out, &w, &models[which].sizes, err);
    if (status == ORR_OK) {
        orr_graph_gradient(out->g, out->loss, w.v, w.n, out->gradient);
        orr_graph_keep(out->g, out->loss);
        for (out->n = 0; out->n < w.n; ++out->n)
            orr_graph_keep(out->g, out->gradient[out->n]);
        status = orr_graph_status(out->g, err);
    }
    if (status == ORR_OK) return ORR_OK;
    orr_graph_destroy(out->g);
    out->g = NULL;
    return status;
}
