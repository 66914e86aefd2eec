/* The transformer as a graph: parameters, forward pass, hook points.
 *
 * In: sizes, views of the parameters, coordinates or tokens (batch, time, n_input). Out: predictions (batch, time,
 * n_output), of tokens logits (batch, time, n_output, vocab_size). The decoder of Vaswani et al. 2017 with its norms
 * first and its initial values as in GPT-2 (Radford et al. 2019); tied embedding: Press and Wolf 2017. */
#include "base/text.h"
#include "graph/build.h"
#include "model/kind.h"

#include <math.h>
#include <stdio.h>

#define LAYERNORM_EPS 1e-5
#define DEVIATION     0.02

/* One column of tokens has one table, which is the output matrix too; more have a table and a head of their own each.
 */
static bool is_tied(const struct orr_model *m) { return m->vocab_size > 0 && m->n_input == 1 && m->n_output == 1; }

/* --- parameters ------------------------------------------------------------------------------ */

static orr_status check_sizes(const struct orr_model *m, struct orr_error *err)
{
    const struct orr_model_size size[] = {
        {"n_layer", m->n_layer, 0, 1024},          {"n_head", m->n_head, 1, 65536},
        {"n_embd", m->n_embd, 1, 65536},           {"block_size", m->block_size, 1, 1 << 20},
        {"n_input", m->n_input, 1, 65536},         {"n_output", m->n_output, 1, 65536},
        {"vocab_size", m->vocab_size, 0, 1 << 24}, {"window", m->window, 0, (int64_t)1 << 40}};
    ORR_TRY(orr_check_sizes(size, sizeof size / sizeof *size, err));
    if (m->n_embd % m->n_head != 0)
        return orr_fail(err, ORR_EINVAL,
                        "model.n_embd %lld does not divide into model.n_head %lld heads: choose a multiple",
                        (long long)m->n_embd, (long long)m->n_head);
    return ORR_OK;
}

static void list_norm(struct orr_listing *l, const char *name, int64_t n)
{
    char full[64];
    snprintf(full, sizeof full, "%s.weight", name);
    orr_list_vector(l, full, n, 1);
    snprintf(full, sizeof full, "%s.bias", name);
    orr_list_vector(l, full, n, 0);
}

/* A matrix (vocab_size, n_embd) for each column. */
static void list_columns(struct orr_listing *l, const struct orr_model *m, const char *name, int64_t columns)
{
    for (int64_t c = 0; c < columns; ++c) {
        char full[64];
        snprintf(full, sizeof full, "%s.%lld.weight", name, (long long)c);
        orr_list_matrix(l, full, m->vocab_size, m->n_embd, false, DEVIATION);
    }
}

static void list_embedding(struct orr_listing *l, const struct orr_model *m)
{
    if (is_tied(m))
        orr_list_matrix(l, "transformer.wte.weight", m->vocab_size, m->n_embd, false, DEVIATION);
    else if (m->vocab_size)
        list_columns(l, m, "transformer.wte", m->n_input);
    else
        orr_list_linear(l, "input_embedding", m->n_input, m->n_embd, DEVIATION);
}

static void list_block(struct orr_listing *l, const struct orr_model *m, int64_t layer)
{
    const int64_t n = m->n_embd;
    const double projection = DEVIATION / sqrt(2.0 * (double)m->n_layer);
    snprintf(l->prefix, sizeof l->prefix, "transformer.h.%lld.", (long long)layer);
    list_norm(l, "ln_1", n);
    orr_list_linear(l, "attn.c_attn", n, 3 * n, DEVIATION);
    orr_list_linear(l, "attn.c_proj", n, n, projection);
    list_norm(l, "ln_2", n);
    orr_list_linear(l, "mlp.c_fc", n, 4 * n, DEVIATION);
    orr_list_linear(l, "mlp.c_proj", 4 * n, n, projection);
    l->prefix[0] = '\0';
}

static orr_status list_parameters(const struct orr_model *m, struct orr_parameters *p, struct orr_error *err)
{
    struct orr_listing l = {.p = p, .err = err};
    ORR_TRY(check_sizes(m, err));
    list_embedding(&l, m);
    orr_list_matrix(&l, "transformer.wpe.weight", m->block_size, m->n_embd, false, DEVIATION);
    for (int64_t layer = 0; layer < m->n_layer; ++layer)
        list_block(&l, m, layer);
    list_norm(&l, "transformer.ln_f", m->n_embd);
    if (m->vocab_size && !is_tied(m)) list_columns(&l, m, "output_head", m->n_output);
    if (!m->vocab_size) orr_list_linear(&l, "output_head", m->n_embd, m->n_output, DEVIATION);
    return l.status;
}

/* --- embedding and head ---------------------------------------------------------------------- */

static orr_handle column_parameter(const struct orr_building *b, const char *name, int64_t column)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%lld.weight", name, (long long)column);
    return orr_built_parameter(b, full);
}

/* The row of its token for each column, added up: input (batch, time, n_input) -> (batch, time, n_embd). */
static orr_handle embed_tokens(const struct orr_building *b, orr_handle input)
{
    const int64_t *dim = orr_graph_value(b->g, input)->shape.dim, positions[2] = {dim[0], dim[1]};
    if (is_tied(b->m))
        return orr_gather(b->g, orr_built_parameter(b, "transformer.wte.weight"),
                          orr_reshape(b->g, input, 2, positions), 0);
    orr_handle sum = ORR_NONE;
    for (int64_t c = 0; c < b->m->n_input; ++c) {
        const orr_handle token = orr_reshape(b->g, orr_slice(b->g, input, 2, c, 1), 2, positions);
        const orr_handle row = orr_gather(b->g, column_parameter(b, "transformer.wte", c), token, 0);
        sum = c ? orr_add(b->g, sum, row) : row;
    }
    return sum;
}

static orr_handle embed(const struct orr_building *b, orr_handle input)
{
    const orr_handle x = orr_built_hook(
        b, "hook_embed", b->m->vocab_size ? embed_tokens(b, input) : orr_built_linear(b, "input_embedding", input));
    const struct orr_graph_value *value = orr_graph_value(b->g, x);
    if (!value) return ORR_NONE;
    const struct orr_shape shape = value->shape;
    const orr_handle table = orr_built_parameter(b, "transformer.wpe.weight");
    const orr_handle rows = shape.dim[1] == b->m->block_size ? table : orr_slice(b->g, table, 0, 0, shape.dim[1]);
    return orr_built_hook(b, "hook_pos_embed", orr_add(b->g, x, orr_broadcast(b->g, rows, shape.rank, shape.dim)));
}

/* (n_output * vocab_size, n_embd): the heads one below the other, so that one product gives the logits of all columns
 * where they belong. Putting them there copies them, which is little beside the product where batch * time is large. */
static orr_handle head_matrix(const struct orr_building *b)
{
    const int64_t rows = b->m->n_output * b->m->vocab_size;
    if (is_tied(b->m)) return orr_built_parameter(b, "transformer.wte.weight");
    orr_handle all = ORR_NONE;
    for (int64_t c = 0; c < b->m->n_output; ++c) {
        const orr_handle head = column_parameter(b, "output_head", c);
        if (b->m->n_output == 1) return head;
        const orr_handle placed = orr_pad(b->g, head, 0, c * b->m->vocab_size, rows);
        all = c ? orr_add(b->g, all, placed) : placed;
    }
    return all;
}

/* x (batch, time, n_embd) -> (batch, time, n_output, vocab_size) */
static orr_handle logits(const struct orr_building *b, orr_handle x)
{
    const struct orr_graph_value *value = orr_graph_value(b->g, x);
    if (!value) return ORR_NONE;
    const int64_t *dim = value->shape.dim, out[4] = {dim[0], dim[1], b->m->n_output, b->m->vocab_size};
    const int64_t flat[2] = {dim[0] * dim[1], dim[2]};
    const orr_handle rows = orr_reshape(b->g, x, 2, flat);
    return orr_reshape(b->g, orr_matmul(b->g, rows, head_matrix(b), false, true), 4, out);
}

/* --- blocks ---------------------------------------------------------------------------------- */

static orr_handle norm(const struct orr_building *b, const char *name, orr_handle x)
{
    char gain[64], bias[64];
    snprintf(gain, sizeof gain, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    return orr_layernorm(b->g, x, orr_built_parameter(b, gain), orr_built_parameter(b, bias), LAYERNORM_EPS);
}

static orr_handle attention(const struct orr_building *b, orr_handle x)
{
    const struct orr_attention a = {.causal = true,
                                    .window = b->m->window,
                                    .heads = b->m->n_head,
                                    .scale = 1.0 / sqrt((double)(b->m->n_embd / b->m->n_head))};
    const orr_handle qkv = orr_built_hook(b, "attn.qkv", orr_built_linear(b, "attn.c_attn", x));
    orr_handle z;
    if (b->open_attention) {
        struct orr_attention_parts parts = {ORR_NONE, ORR_NONE, ORR_NONE, ORR_NONE, ORR_NONE, ORR_NONE};
        z = orr_attention_open(b->g, qkv, &a, &parts);
        orr_built_hook(b, "attn.hook_q", parts.q);
        orr_built_hook(b, "attn.hook_k", parts.k);
        orr_built_hook(b, "attn.hook_v", parts.v);
        orr_built_hook(b, "attn.hook_pattern", parts.pattern);
    } else {
        z = orr_attention(b->g, qkv, &a);
    }
    return orr_built_hook(b, "hook_attn_out", orr_built_linear(b, "attn.c_proj", orr_built_hook(b, "attn.hook_z", z)));
}

/* Numbers go through SiLU, tokens through GELU, as in the two models of arXiv 2602.06923. */
static orr_handle mlp(const struct orr_building *b, orr_handle x)
{
    const enum orr_op activation = b->m->vocab_size ? ORR_OP_GELU : ORR_OP_SILU;
    const orr_handle pre = orr_built_hook(b, "mlp.hook_pre", orr_built_linear(b, "mlp.c_fc", x));
    const orr_handle post = orr_built_hook(b, "mlp.hook_post", orr_unary(b->g, activation, pre));
    return orr_built_hook(b, "hook_mlp_out", orr_built_linear(b, "mlp.c_proj", post));
}

/* The residual stream enters block 0 as hook_pos_embed and any other as the block before left it: a value has one name,
 * so hook_resid_pre is a view of it. */
static orr_handle block(const struct orr_building *b, orr_handle x)
{
    const struct orr_graph_value *value = orr_graph_value(b->g, x);
    if (!value) return ORR_NONE;
    const struct orr_shape shape = value->shape;
    x = orr_built_hook(b, "hook_resid_pre", orr_graph_view(b->g, x, 0, shape.rank, shape.dim));
    const orr_handle first = orr_built_hook(b, "ln1.hook_normalized", norm(b, "ln_1", x));
    x = orr_built_hook(b, "hook_resid_mid", orr_add(b->g, x, attention(b, first)));
    const orr_handle second = orr_built_hook(b, "ln2.hook_normalized", norm(b, "ln_2", x));
    return orr_built_hook(b, "hook_resid_post", orr_add(b->g, x, mlp(b, second)));
}

static orr_handle forward(struct orr_building *b, orr_handle input)
{
    orr_handle x = embed(b, input);
    for (int64_t layer = 0; layer < b->m->n_layer; ++layer) {
        snprintf(b->prefix, sizeof b->prefix, "transformer.h.%lld.", (long long)layer);
        snprintf(b->hook_prefix, sizeof b->hook_prefix, "blocks.%lld.", (long long)layer);
        x = block(b, x);
    }
    b->prefix[0] = b->hook_prefix[0] = '\0';
    x = orr_built_hook(b, "ln_final.hook_normalized", norm(b, "transformer.ln_f", x));
    return orr_built_hook(b, "hook_output", b->m->vocab_size ? logits(b, x) : orr_built_linear(b, "output_head", x));
}

/* --- hook points ----------------------------------------------------------------------------- */

static const char *const block_hooks[] = {"hook_resid_pre", "ln1.hook_normalized", "attn.hook_q",  "attn.hook_k",
                                          "attn.hook_v",    "attn.hook_pattern",   "attn.hook_z",  "hook_attn_out",
                                          "hook_resid_mid", "ln2.hook_normalized", "mlp.hook_pre", "mlp.hook_post",
                                          "hook_mlp_out",   "hook_resid_post"};

static void list_hooks(const struct orr_model *m, struct orr_naming *n)
{
    orr_add_name(n, "hook_embed");
    orr_add_name(n, "hook_pos_embed");
    for (int64_t layer = 0; layer < m->n_layer; ++layer)
        for (size_t k = 0; k < sizeof block_hooks / sizeof *block_hooks; ++k)
            orr_add_name(n, "blocks.%lld.%s", (long long)layer, block_hooks[k]);
    orr_add_name(n, "ln_final.hook_normalized");
    orr_add_name(n, "hook_output");
}

static bool hook_is_usual(const char *name)
{
    static const char *const usual[] = {"hook_embed",       "hook_pos_embed",          ".hook_attn_out",
                                        ".hook_mlp_out",    ".ln2.hook_normalized",    ".mlp.hook_post",
                                        ".hook_resid_post", "ln_final.hook_normalized"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; ++i)
        if (orr_text_ends_with(name, usual[i])) return true;
    return false;
}

const struct orr_kind orr_kind_transformer = {list_parameters, forward, list_hooks, hook_is_usual};
