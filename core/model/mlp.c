/* The MLP as a graph: parameters, forward pass, hook points.
 *
 * In: sizes, views of the parameters, coordinates (batch, time, n_input). Out: predictions (batch, time, n_output).
 * Initial weights N(0, 1 / inputs of the layer) as in LeCun et al. 1998, so that signals neither die out nor grow. */
#include "base/text.h"
#include "graph/build.h"
#include "model/kind.h"

#include <math.h>
#include <stdio.h>

static orr_status check_sizes(const struct orr_model *m, struct orr_error *err)
{
    const struct orr_model_size size[] = {{"n_layer", m->n_layer, 1, 1024},
                                          {"n_embd", m->n_embd, 1, 65536},
                                          {"block_size", m->block_size, 1, 1 << 20},
                                          {"n_input", m->n_input, 1, 65536},
                                          {"n_output", m->n_output, 1, 65536}};
    if (m->vocab_size)
        return orr_fail(err, ORR_EUNSUPPORTED,
                        "an mlp takes numbers, not tokens of %lld bins: leave data.bins out, or choose another "
                        "model.kind",
                        (long long)m->vocab_size);
    if (m->window)
        return orr_fail(err, ORR_EINVAL, "model.window is %lld: an mlp has no attention, leave it out",
                        (long long)m->window);
    return orr_check_sizes(size, sizeof size / sizeof *size, err);
}

static void list_layer(struct orr_listing *l, const char *name, int64_t in, int64_t out)
{
    orr_list_linear(l, name, in, out, 1 / sqrt((double)in));
}

static orr_status list_parameters(const struct orr_model *m, struct orr_parameters *p, struct orr_error *err)
{
    struct orr_listing l = {.p = p, .err = err};
    ORR_TRY(check_sizes(m, err));
    for (int64_t layer = 0; layer < m->n_layer; ++layer) {
        char name[32];
        snprintf(name, sizeof name, "layers.%lld", (long long)layer);
        list_layer(&l, name, layer ? m->n_embd : m->block_size * m->n_input, m->n_embd);
    }
    list_layer(&l, "output_head", m->n_embd, m->n_output);
    return l.status;
}

/* --- forward --------------------------------------------------------------------------------- */

/* x (batch, time, n): at each position the sum over it and all before it, by doubling the stretch that is summed. */
static orr_handle running_sum(struct orr_graph *g, orr_handle x, int64_t time)
{
    for (int64_t stretch = 1; stretch < time; stretch *= 2)
        x = orr_add(g, x, orr_pad(g, orr_slice(g, x, 1, 0, time - stretch), 1, stretch, time));
    return x;
}

/* The points before and at each position times their own rows of the weight. Zeros for later points add nothing, so
 * that the sum of each point's part up to the position is the whole product. */
static orr_handle first_layer(const struct orr_building *b, orr_handle input)
{
    static const int64_t turned[] = {1, 0, 2};
    const struct orr_shape shape = orr_graph_value(b->g, input)->shape;
    const int64_t time = shape.dim[1], rows[3] = {time, b->m->n_input, b->m->n_embd};
    const int64_t out[3] = {shape.dim[0], time, b->m->n_embd};
    const orr_handle weight = orr_graph_view(b->g, orr_built_parameter(b, "layers.0.weight"), 0, 3, rows);
    const orr_handle parts = orr_matmul(b->g, orr_permute(b->g, input, turned), weight, false, false);
    const orr_handle by_window = orr_permute(b->g, parts, turned);
    if (shape.batch) orr_graph_set_batch(b->g, by_window, shape.batch);
    const orr_handle bias = orr_broadcast(b->g, orr_built_parameter(b, "layers.0.bias"), 3, out);
    return orr_add(b->g, running_sum(b->g, by_window, time), bias);
}

static orr_handle forward(struct orr_building *b, orr_handle input)
{
    orr_handle x = input;
    for (int64_t layer = 0; layer < b->m->n_layer; ++layer) {
        char name[32];
        snprintf(name, sizeof name, "layers.%lld", (long long)layer);
        snprintf(b->hook_prefix, sizeof b->hook_prefix, "%s.", name);
        x = orr_built_hook(b, "hook_pre", layer ? orr_built_linear(b, name, x) : first_layer(b, x));
        x = orr_built_hook(b, "hook_post", orr_unary(b->g, ORR_OP_SILU, x));
    }
    b->hook_prefix[0] = '\0';
    return orr_built_hook(b, "hook_output", orr_built_linear(b, "output_head", x));
}

/* --- hook points ----------------------------------------------------------------------------- */

static void list_hooks(const struct orr_model *m, struct orr_naming *n)
{
    for (int64_t layer = 0; layer < m->n_layer; ++layer) {
        orr_add_name(n, "layers.%lld.hook_pre", (long long)layer);
        orr_add_name(n, "layers.%lld.hook_post", (long long)layer);
    }
    orr_add_name(n, "hook_output");
}

static bool hook_is_usual(const char *name) { return orr_text_ends_with(name, ".hook_post"); }

const struct orr_kind orr_kind_mlp = {list_parameters, forward, list_hooks, hook_is_usual};
