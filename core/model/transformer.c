/* The regression transformer as a graph: parameters, forward pass, hook points.
 *
 * In: sizes, views of the parameters, coordinates (batch, time, n_input). Out: predictions (batch, time, n_output). The
 * decoder of Vaswani et al. 2017 with its norms first and its initial values as in GPT-2 (Radford et al. 2019). */
#include "model/transformer.h"

#include "base/memory.h"
#include "graph/build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYERNORM_EPS 1e-5

/* --- parameters ------------------------------------------------------------------------------ */

static orr_status check_sizes(const struct orr_transformer *m, struct orr_error *err)
{
    const struct {
        const char *name;
        int64_t value, min, max;
    } size[] = {{"n_layer", m->n_layer, 0, 1024},          {"n_head", m->n_head, 1, 65536},
                {"n_embd", m->n_embd, 1, 65536},           {"block_size", m->block_size, 1, 1 << 20},
                {"n_input", m->n_input, 1, 65536},         {"n_output", m->n_output, 1, 65536},
                {"window", m->window, 0, (int64_t)1 << 40}};
    for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); ++i)
        if (size[i].value < size[i].min || size[i].value > size[i].max)
            return orr_fail(err, ORR_EINVAL, "model.%s is %lld; it must be %lld to %lld", size[i].name,
                            (long long)size[i].value, (long long)size[i].min, (long long)size[i].max);
    if (m->n_embd % m->n_head != 0)
        return orr_fail(err, ORR_EINVAL,
                        "model.n_embd %lld does not divide into model.n_head %lld heads: choose a multiple",
                        (long long)m->n_embd, (long long)m->n_head);
    return ORR_OK;
}

struct list {
    struct orr_parameters *p;
    struct orr_error *err;
    orr_status status;
};

static void add(struct list *l, const char *prefix, const char *name, uint32_t rank, int64_t rows, int64_t columns,
                bool transposed, double mean, double deviation)
{
    char full[160];
    if (l->status != ORR_OK) return;
    snprintf(full, sizeof(full), "%s%s", prefix, name);
    l->status = orr_parameters_add(l->p, full, rank, rows, columns, transposed, mean, deviation, l->err);
}

static void add_linear(struct list *l, const char *prefix, const char *name, int64_t in, int64_t out, double deviation)
{
    char full[96];
    snprintf(full, sizeof(full), "%s.weight", name);
    add(l, prefix, full, 2, in, out, true, 0.0, deviation);
    snprintf(full, sizeof(full), "%s.bias", name);
    add(l, prefix, full, 1, out, 1, false, 0.0, 0.0);
}

static void add_norm(struct list *l, const char *prefix, const char *name, int64_t n)
{
    char full[96];
    snprintf(full, sizeof(full), "%s.weight", name);
    add(l, prefix, full, 1, n, 1, false, 1.0, 0.0);
    snprintf(full, sizeof(full), "%s.bias", name);
    add(l, prefix, full, 1, n, 1, false, 0.0, 0.0);
}

orr_status orr_transformer_parameters(const struct orr_transformer *m, struct orr_parameters *p, struct orr_error *err)
{
    const int64_t n = m->n_embd;
    struct list l = {p, err, ORR_OK};
    ORR_TRY(check_sizes(m, err));
    const double projection = 0.02 / sqrt(2.0 * (double)(m->n_layer ? m->n_layer : 1));
    add_linear(&l, "", "input_embedding", m->n_input, n, 0.02);
    add(&l, "", "transformer.wpe.weight", 2, m->block_size, n, false, 0.0, 0.02);
    for (int64_t layer = 0; layer < m->n_layer; ++layer) {
        char prefix[48];
        snprintf(prefix, sizeof(prefix), "transformer.h.%lld.", (long long)layer);
        add_norm(&l, prefix, "ln_1", n);
        add_linear(&l, prefix, "attn.c_attn", n, 3 * n, 0.02);
        add_linear(&l, prefix, "attn.c_proj", n, n, projection);
        add_norm(&l, prefix, "ln_2", n);
        add_linear(&l, prefix, "mlp.c_fc", n, 4 * n, 0.02);
        add_linear(&l, prefix, "mlp.c_proj", 4 * n, n, projection);
    }
    add_norm(&l, "", "transformer.ln_f", n);
    add_linear(&l, "", "output_head", n, m->n_output, 0.02);
    return l.status;
}

/* --- forward --------------------------------------------------------------------------------- */

struct forward {
    struct orr_graph *g;
    const struct orr_transformer *m;
    const struct orr_parameters *p;
    const orr_handle *view;
    bool open_attention;
    int64_t layer;
};

static orr_handle parameter(const struct forward *f, const char *name)
{
    const struct orr_parameter *item = orr_parameters_find(f->p, name);
    return item ? f->view[item - f->p->item] : orr_graph_reject(f->g, ORR_EINVAL, "no parameter '%s'", name);
}

/* "transformer.h.N.<name>" inside a block, the name itself outside. */
static orr_handle block_parameter(const struct forward *f, const char *name)
{
    char full[128];
    if (f->layer < 0)
        snprintf(full, sizeof(full), "%s", name);
    else
        snprintf(full, sizeof(full), "transformer.h.%lld.%s", (long long)f->layer, name);
    return parameter(f, full);
}

static orr_handle hook(const struct forward *f, const char *name, orr_handle v)
{
    char full[96];
    if (f->layer < 0)
        snprintf(full, sizeof(full), "%s", name);
    else
        snprintf(full, sizeof(full), "blocks.%lld.%s", (long long)f->layer, name);
    orr_graph_name(f->g, v, full);
    return v;
}

static orr_handle linear(const struct forward *f, const char *name, orr_handle x)
{
    char weight[64], bias[64];
    snprintf(weight, sizeof(weight), "%s.weight", name);
    snprintf(bias, sizeof(bias), "%s.bias", name);
    return orr_linear(f->g, x, block_parameter(f, weight), block_parameter(f, bias));
}

static orr_handle norm(const struct forward *f, const char *name, orr_handle x)
{
    char gain[64], bias[64];
    snprintf(gain, sizeof(gain), "%s.weight", name);
    snprintf(bias, sizeof(bias), "%s.bias", name);
    return orr_layernorm(f->g, x, block_parameter(f, gain), block_parameter(f, bias), LAYERNORM_EPS);
}

static orr_handle attention(const struct forward *f, orr_handle x)
{
    const struct orr_attention a = {.causal = true,
                                    .window = f->m->window,
                                    .heads = f->m->n_head,
                                    .scale = 1.0 / sqrt((double)(f->m->n_embd / f->m->n_head))};
    const orr_handle qkv = hook(f, "attn.qkv", linear(f, "attn.c_attn", x));
    orr_handle z;
    if (f->open_attention) {
        struct orr_attention_parts parts = {ORR_NONE, ORR_NONE, ORR_NONE, ORR_NONE, ORR_NONE, ORR_NONE};
        z = orr_attention_open(f->g, qkv, &a, &parts);
        hook(f, "attn.hook_q", parts.q);
        hook(f, "attn.hook_k", parts.k);
        hook(f, "attn.hook_v", parts.v);
        hook(f, "attn.hook_pattern", parts.pattern);
    } else {
        z = orr_attention(f->g, qkv, &a);
    }
    return hook(f, "hook_attn_out", linear(f, "attn.c_proj", hook(f, "attn.hook_z", z)));
}

static orr_handle mlp(const struct forward *f, orr_handle x)
{
    const orr_handle pre = hook(f, "mlp.hook_pre", linear(f, "mlp.c_fc", x));
    const orr_handle post = hook(f, "mlp.hook_post", orr_unary(f->g, ORR_OP_SILU, pre));
    return hook(f, "hook_mlp_out", linear(f, "mlp.c_proj", post));
}

/* The residual stream enters block 0 as hook_pos_embed and any other as the block before left it: a value has one name,
 * so hook_resid_pre is a view of it. */
static orr_handle block(const struct forward *f, orr_handle x)
{
    const struct orr_graph_value *value = orr_graph_value(f->g, x);
    if (!value) return ORR_NONE;
    const struct orr_shape shape = value->shape;
    x = hook(f, "hook_resid_pre", orr_graph_view(f->g, x, 0, shape.rank, shape.dim));
    const orr_handle first = hook(f, "ln1.hook_normalized", norm(f, "ln_1", x));
    x = hook(f, "hook_resid_mid", orr_add(f->g, x, attention(f, first)));
    const orr_handle second = hook(f, "ln2.hook_normalized", norm(f, "ln_2", x));
    return hook(f, "hook_resid_post", orr_add(f->g, x, mlp(f, second)));
}

static orr_handle embed(const struct forward *f, orr_handle input)
{
    const orr_handle x = hook(f, "hook_embed", linear(f, "input_embedding", input));
    const struct orr_graph_value *value = orr_graph_value(f->g, x);
    if (!value) return ORR_NONE;
    const struct orr_shape shape = value->shape;
    const orr_handle table = parameter(f, "transformer.wpe.weight");
    const orr_handle rows = shape.dim[1] == f->m->block_size ? table : orr_slice(f->g, table, 0, 0, shape.dim[1]);
    return hook(f, "hook_pos_embed", orr_add(f->g, x, orr_broadcast(f->g, rows, shape.rank, shape.dim)));
}

orr_handle orr_transformer_forward(struct orr_graph *g, const struct orr_transformer *m, const struct orr_parameters *p,
                                   const orr_handle *views, orr_handle input, bool open_attention)
{
    struct forward f = {g, m, p, views, open_attention, -1};
    const struct orr_graph_value *value = orr_graph_value(g, input);
    if (g->error.code != ORR_OK || !value) return orr_graph_reject(g, ORR_EINVAL, "transformer: no input");
    if (value->shape.rank != 3 || value->shape.dim[2] != m->n_input || value->shape.dim[1] > m->block_size)
        return orr_graph_reject(g, ORR_ESHAPE, "transformer: expected input (batch, time, %lld), time up to %lld",
                                (long long)m->n_input, (long long)m->block_size);
    orr_handle x = embed(&f, input);
    for (f.layer = 0; f.layer < m->n_layer; ++f.layer)
        x = block(&f, x);
    f.layer = -1;
    return hook(&f, "hook_output",
                linear(&f, "output_head", hook(&f, "ln_final.hook_normalized", norm(&f, "transformer.ln_f", x))));
}

/* --- hook points ----------------------------------------------------------------------------- */

static const char *const block_hooks[] = {"hook_resid_pre", "ln1.hook_normalized", "attn.hook_q",  "attn.hook_k",
                                          "attn.hook_v",    "attn.hook_pattern",   "attn.hook_z",  "hook_attn_out",
                                          "hook_resid_mid", "ln2.hook_normalized", "mlp.hook_pre", "mlp.hook_post",
                                          "hook_mlp_out",   "hook_resid_post"};
enum { N_BLOCK_HOOKS = sizeof(block_hooks) / sizeof(block_hooks[0]) };

orr_status orr_transformer_hooks(const struct orr_transformer *m, char ***names, size_t *count, struct orr_error *err)
{
    const size_t n = 4 + (size_t)m->n_layer * N_BLOCK_HOOKS;
    char **list = orr_memory_array(n, sizeof(*list));
    size_t at = 0;
    if (!list) return orr_memory_out(err, "hook names", n * sizeof(*list));
    list[at++] = orr_memory_text("hook_embed");
    list[at++] = orr_memory_text("hook_pos_embed");
    for (int64_t layer = 0; layer < m->n_layer; ++layer)
        for (size_t k = 0; k < N_BLOCK_HOOKS; ++k)
            list[at++] = orr_memory_print("blocks.%lld.%s", (long long)layer, block_hooks[k]);
    list[at++] = orr_memory_text("ln_final.hook_normalized");
    list[at++] = orr_memory_text("hook_output");
    for (size_t i = 0; i < n; ++i)
        if (!list[i]) {
            orr_transformer_hooks_free(list, n);
            return orr_memory_out(err, "hook names", n * sizeof(*list));
        }
    *names = list;
    *count = n;
    return ORR_OK;
}

void orr_transformer_hooks_free(char **names, size_t count)
{
    if (!names) return;
    for (size_t i = 0; i < count; ++i)
        orr_memory_free(names[i]);
    orr_memory_free(names);
}

bool orr_transformer_hook_is_inside_attention(const char *name)
{
    static const char *const inside[] = {".attn.hook_q", ".attn.hook_k", ".attn.hook_v", ".attn.hook_pattern"};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); ++i) {
        const size_t n = strlen(name), m = strlen(inside[i]);
        if (n >= m && strcmp(name + n - m, inside[i]) == 0) return true;
    }
    return false;
}
