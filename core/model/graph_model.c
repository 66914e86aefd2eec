/* A model from graph text: what it promises is checked, and its nodes are built again where they are wanted.
 *
 * In: text that may be hostile, sizes. Out: parameters, a forward pass in the element type of the graph it is built
 * into, names of hook points; or an error that names the line. */
#include "base/memory.h"
#include "base/text.h"
#include "graph/build.h"
#include "model/graph_text.h"
#include "model/kind.h"

#include <string.h>

/* No sizes that a model is likely to have, so that they tell which axes are the batch. */
enum { UNLIKELY_BATCH = 251, OTHER_BATCH = 239 };
#define DEVIATION 0.02

/* The text read for one batch and one length of window. */
struct reading {
    const struct orr_model *m;
    int64_t batch, time;
    struct orr_graph *g;
    orr_handle input, output;
};

/* --- what a model's text must be ------------------------------------------------------------- */

static orr_status fail_at(const struct reading *r, orr_handle v, struct orr_error *err, const char *what)
{
    char shape[96];
    const struct orr_graph_value *value = &r->g->value[v];
    orr_shape_print(&value->shape, shape, sizeof shape);
    return orr_fail(err, ORR_EFORMAT, "%s:%d: %%%d%s%s%s, %s, %s", r->m->graph_name,
                    orr_graph_text_line(r->m->graph, v), (int)v, value->name ? " \"" : "",
                    value->name ? value->name : "", value->name ? "\"" : "", shape, what);
}

static bool is_input(const struct reading *r, orr_handle v) { return r->g->value[v].node == ORR_NONE; }

/* Names become names of files and columns. */
static orr_status check_name(const struct reading *r, orr_handle v, struct orr_error *err)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    const char *name = r->g->value[v].name;
    if (!name) return ORR_OK;
    if (name[0] == '.' || name[strspn(name, fit)])
        return fail_at(r, v, err, "has a name with other characters than letters, digits, _ - and . (not first)");
    if (orr_graph_find(r->g, name) != v) return fail_at(r, v, err, "has a name that a later value has too");
    return ORR_OK;
}

static bool has_dims(const struct orr_shape *shape, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    bool same = shape->dtype == dtype && shape->rank == rank;
    for (uint32_t k = 0; same && k < rank; ++k)
        same = shape->dim[k] == dim[k];
    return same;
}

/* What checkpoints call something else. */
static bool is_reserved(const char *name)
{
    return strcmp(name, "losses") == 0 || strcmp(name, "__metadata__") == 0 || strncmp(name, "optimizer.", 10) == 0;
}

static orr_status check_input(struct reading *r, orr_handle v, struct orr_error *err)
{
    const struct orr_graph_value *value = &r->g->value[v];
    const int64_t dim[3] = {r->batch, r->time, r->m->n_input};
    if (!value->name) return fail_at(r, v, err, "is an input without a name: it is a parameter, name it");
    if (strcmp(value->name, "input") == 0) {
        r->input = v;
        if (has_dims(&value->shape, r->m->vocab_size ? ORR_I32 : r->g->real, 3, dim)) return ORR_OK;
        return fail_at(r, v, err,
                       r->m->vocab_size ? "must be i32[batch,time,n_input]: the data are tokens"
                                        : "must be real, [batch,time,n_input]: the data are numbers");
    }
    if (strlen(value->name) >= ORR_PARAMETER_NAME_SIZE)
        return fail_at(r, v, err, "is a parameter, whose name has at most 95 characters");
    if (is_reserved(value->name))
        return fail_at(r, v, err,
                       "has a name that checkpoints need for something else (losses, __metadata__ and optimizer.*): "
                       "call the parameter something else");
    if (value->shape.dtype != r->g->real || value->shape.rank < 1 || value->shape.rank > 2)
        return fail_at(r, v, err, "is a parameter, which is real and has one axis or two (a view gives it others)");
    return ORR_OK;
}

static orr_status check_output(struct reading *r, struct orr_error *err)
{
    const int64_t dim[4] = {r->batch, r->time, r->m->n_output, r->m->vocab_size};
    r->output = orr_graph_find(r->g, "hook_output");
    if (r->output == ORR_NONE || is_input(r, r->output))
        return orr_fail(err, ORR_EFORMAT,
                        "%s: no operation makes a value named \"hook_output\": name the prediction so",
                        r->m->graph_name);
    if (has_dims(&r->g->value[r->output].shape, r->g->real, r->m->vocab_size ? 4 : 3, dim)) return ORR_OK;
    return fail_at(r, r->output, err,
                   r->m->vocab_size ? "must be real, [batch,time,n_output,vocab_size]: logits"
                                    : "must be real, [batch,time,n_output]");
}

/* A forward pass leaves its parameters and its data as they are. */
static orr_status check_writes(const struct reading *r, orr_handle v, struct orr_error *err)
{
    const struct orr_graph *g = r->g;
    if (is_input(r, v) || g->node[g->value[v].node].op == ORR_NODE_VIEW) return ORR_OK;
    for (size_t i = 0; i < g->n_values; ++i)
        if (is_input(r, (orr_handle)i) && g->value[i].storage == g->value[v].storage)
            return fail_at(r, v, err, "overwrites an input: a model leaves its inputs as they are");
    return ORR_OK;
}

static orr_status check(struct reading *r, struct orr_error *err)
{
    r->input = ORR_NONE;
    if (r->g->n_cuts)
        return orr_fail(err, ORR_EFORMAT, "%s: a model is one program: remove cut \"%s\"", r->m->graph_name,
                        r->g->cut[0].name);
    for (size_t i = 0; i < r->g->n_values; ++i) {
        const orr_handle v = (orr_handle)i;
        ORR_TRY(check_name(r, v, err));
        if (is_input(r, v)) ORR_TRY(check_input(r, v, err));
        ORR_TRY(check_writes(r, v, err));
    }
    if (r->input == ORR_NONE)
        return orr_fail(err, ORR_EFORMAT, "%s: no input is named \"input\": name the data so", r->m->graph_name);
    return check_output(r, err);
}

/* On success the caller destroys r->g. */
static orr_status read_text(struct reading *r, struct orr_error *err)
{
    char *text = NULL;
    if (!r->m->graph) return orr_fail(err, ORR_EINVAL, "a model of kind graph needs its text: give model.graph");
    ORR_TRY(orr_graph_text_expand(r->m, r->batch, r->time, &text, err));
    orr_status status = orr_graph_parse(text, r->m->graph_name, &r->g, err);
    orr_memory_free(text);
    ORR_TRY(status);
    status = check(r, err);
    if (status != ORR_OK) orr_graph_destroy(r->g);
    return status;
}

/* --- at two sizes ---------------------------------------------------------------------------- */

/* The longest window and the next shorter one, in other batches: what is right in both depends on batch and time as it
 * should. Neither is longer, since a text may hold a table of `context` rows. */
struct lengths {
    struct reading longest, shorter;
};

static orr_status check_same_parameters(const struct lengths *l, struct orr_error *err)
{
    const struct orr_graph *g = l->longest.g;
    for (size_t i = 0; i < g->n_values; ++i) {
        const orr_handle v = (orr_handle)i;
        const struct orr_shape *a = &g->value[i].shape, *b = &l->shorter.g->value[i].shape;
        if (is_input(&l->longest, v) && v != l->longest.input && !has_dims(a, b->dtype, b->rank, b->dim))
            return fail_at(&l->longest, v, err, "is a parameter whose shape changes with batch or time");
    }
    return ORR_OK;
}

static void lengths_fini(struct lengths *l)
{
    orr_graph_destroy(l->longest.g);
    orr_graph_destroy(l->shorter.g);
}

/* On success the caller ends l with lengths_fini. */
static orr_status read_lengths(const struct orr_model *m, struct lengths *l, struct orr_error *err)
{
    const int64_t longest = m->block_size, shorter = longest > 1 ? longest - 1 : 1;
    *l = (struct lengths){{.m = m, .batch = UNLIKELY_BATCH, .time = longest},
                          {.m = m, .batch = OTHER_BATCH, .time = shorter}};
    ORR_TRY(read_text(&l->longest, err));
    orr_status status = read_text(&l->shorter, err);
    if (status == ORR_EFORMAT)
        (void)orr_error_prefix(err, "with windows of %d points, which are good at %d", (int)shorter, (int)longest);
    if (status == ORR_OK) {
        status = check_same_parameters(l, err);
        if (status != ORR_OK) orr_graph_destroy(l->shorter.g);
    }
    if (status != ORR_OK) orr_graph_destroy(l->longest.g);
    return status;
}

/* --- parameters ------------------------------------------------------------------------------ */

static orr_status check_sizes(const struct orr_model *m, struct orr_error *err)
{
    const struct orr_model_size size[] = {
        {"n_embd", m->n_embd, 0, 1 << 24},         {"n_head", m->n_head, 0, 1 << 24},
        {"block_size", m->block_size, 1, 1 << 20}, {"n_input", m->n_input, 1, 65536},
        {"n_output", m->n_output, 1, 65536},       {"vocab_size", m->vocab_size, 0, 1 << 24}};
    return orr_check_sizes(size, sizeof size / sizeof *size, err);
}

/* Gains begin at 1, other vectors at 0, matrices at random. */
static void list_parameter(struct orr_listing *l, const struct orr_graph_value *value)
{
    const bool is_gain = orr_text_ends_with(value->name, "gain") || orr_text_ends_with(value->name, "weight");
    if (value->shape.rank == 1)
        orr_list_vector(l, value->name, value->shape.dim[0], is_gain ? 1 : 0);
    else
        orr_list_matrix(l, value->name, value->shape.dim[0], value->shape.dim[1], false, DEVIATION);
}

static orr_status list_parameters(const struct orr_model *m, struct orr_parameters *p, struct orr_error *err)
{
    struct lengths read;
    struct orr_listing l = {.p = p, .err = err};
    ORR_TRY(check_sizes(m, err));
    ORR_TRY(read_lengths(m, &read, err));
    const struct reading *r = &read.longest;
    for (size_t i = 0; i < r->g->n_values; ++i)
        if (is_input(r, (orr_handle)i) && (orr_handle)i != r->input) list_parameter(&l, &r->g->value[i]);
    lengths_fini(&read);
    if (l.status == ORR_OK && p->count == 0)
        return orr_fail(err, ORR_EFORMAT, "%s: no input beside \"input\": there is no parameter to train",
                        m->graph_name);
    return l.status;
}

/* --- forward --------------------------------------------------------------------------------- */

static orr_handle parameter_view(const struct orr_building *b, const struct reading *r, orr_handle v)
{
    const struct orr_graph_value *value = &r->g->value[v];
    const struct orr_parameter *p = orr_parameters_find(b->p, value->name);
    if (p && has_dims(&value->shape, r->g->real, p->rank, p->dim)) return b->view[p - b->p->item];
    struct orr_error why = {.code = ORR_OK};
    const orr_status status = fail_at(r, v, &why, "is a parameter whose shape changes with batch or time");
    return orr_graph_reject(b->g, status, "%s", why.text);
}

/* The node again in b's graph, on map of its inputs. Reals are of that graph's type; batches follow from the input's.
 */
static void build_node(const struct orr_building *b, const struct reading *r, const struct orr_graph_node *node,
                       orr_handle *map)
{
    orr_handle in[ORR_IN_MAX], out[ORR_OUT_MAX];
    struct orr_shape wanted[ORR_OUT_MAX];
    for (uint32_t k = 0; k < node->n_in; ++k)
        in[k] = map[node->in[k]];
    for (uint32_t k = 0; k < node->n_out; ++k) {
        out[k] = ORR_NONE;
        wanted[k] = r->g->value[node->out[k]].shape;
        wanted[k].batch = 0;
        if (wanted[k].dtype == r->g->real) wanted[k].dtype = b->g->real;
    }
    if (node->op != ORR_NODE_VIEW)
        orr_graph_apply(b->g, node->op, in, node->n_in, &node->attr, wanted, 0, out);
    else
        out[0] = orr_graph_view(b->g, in[0], node->attr.i[0], wanted[0].rank, wanted[0].dim);
    if (node->stops_gradient) out[0] = orr_graph_stop_gradient(b->g, out[0]);
    for (uint32_t k = 0; k < node->n_out && b->g->error.code == ORR_OK; ++k) {
        const char *name = r->g->value[node->out[k]].name;
        map[node->out[k]] = out[k];
        if (name) orr_graph_name(b->g, out[k], name);
    }
}

static orr_handle build(const struct orr_building *b, const struct reading *r, orr_handle input)
{
    orr_handle *map = orr_memory_array(r->g->n_values, sizeof *map);
    if (!map) return orr_graph_reject(b->g, ORR_ENOMEM, "out of memory for the values of %s", r->m->graph_name);
    for (size_t i = 0; i < r->g->n_values; ++i) {
        const orr_handle v = (orr_handle)i;
        if (is_input(r, v)) map[i] = v == r->input ? input : parameter_view(b, r, v);
    }
    for (size_t i = 0; i < r->g->n_nodes && b->g->error.code == ORR_OK; ++i)
        build_node(b, r, &r->g->node[i], map);
    const orr_handle output = b->g->error.code == ORR_OK ? map[r->output] : ORR_NONE;
    orr_memory_free(map);
    return output;
}

static orr_handle forward(struct orr_building *b, orr_handle input)
{
    const struct orr_shape *shape = &orr_graph_value(b->g, input)->shape;
    struct reading r = {.m = b->m, .batch = shape->dim[0], .time = shape->dim[1]};
    struct orr_error err = {.code = ORR_OK};
    const orr_status status = read_text(&r, &err);
    if (status != ORR_OK) return orr_graph_reject(b->g, status, "%s", err.text);
    const orr_handle output = build(b, &r, input);
    orr_graph_destroy(r.g);
    return output;
}

/* --- hook points ----------------------------------------------------------------------------- */

/* (batch, time, ..) or (batch*time, ..), so that it has a row for each position. */
static bool lies_by_position(const struct reading *r, const struct orr_shape *shape)
{
    if (shape->rank >= 2 && shape->dim[0] == r->batch && shape->dim[1] == r->time) return true;
    return shape->rank >= 1 && shape->dim[0] == r->batch * r->time;
}

static void list_hooks(const struct orr_model *m, struct orr_naming *n)
{
    struct lengths read;
    n->status = read_lengths(m, &read, n->err);
    if (n->status != ORR_OK) return;
    for (size_t i = 0; i < read.longest.g->n_values; ++i) {
        const struct orr_graph_value *value = &read.longest.g->value[i];
        if (value->node != ORR_NONE && value->name && lies_by_position(&read.longest, &value->shape) &&
            lies_by_position(&read.shorter, &read.shorter.g->value[i].shape))
            orr_add_name(n, "%s", value->name);
    }
    lengths_fini(&read);
}

static bool hook_is_usual(const char *name)
{
    (void)name;
    return true;
}

const struct orr_kind orr_kind_graph = {list_parameters, forward, list_hooks, hook_is_usual};
