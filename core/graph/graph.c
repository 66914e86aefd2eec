/* The graph's arrays: creating, cloning, and the builders that make no operation.
 *
 * In: names, shapes and handles, which are checked; the first error is latched. Out: inputs, views, names, batches,
 * cuts and places, none of which computes anything; a place that cannot be given by moving costs a copy. */
#include "graph/graph.h"

#include "base/memory.h"
#include "graph/append.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

orr_status orr_graph_create(uint32_t real, struct orr_graph **out, struct orr_error *err)
{
    *out = NULL;
    if (real != ORR_F32 && real != ORR_F64)
        return orr_fail(err, ORR_EDTYPE, "a graph's reals are f32 or f64, not %s", orr_dtype_name(real));
    struct orr_graph *g = orr_memory_array(1, sizeof(*g));
    if (!g) return orr_memory_out(err, "a graph", sizeof(*g));
    g->real = real;
    *out = g;
    return ORR_OK;
}

void orr_graph_destroy(struct orr_graph *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n_values; ++i)
        orr_memory_free(g->value[i].name);
    for (size_t i = 0; i < g->n_cuts; ++i)
        orr_memory_free(g->cut[i].name);
    orr_memory_free(g->value);
    orr_memory_free(g->node);
    orr_memory_free(g->storage);
    orr_memory_free(g->cut);
    orr_memory_free(g);
}

static orr_status copy_array(void **to, const void *from, size_t count, size_t size, struct orr_error *err)
{
    *to = orr_memory_array(count, size);
    if (!*to) return orr_memory_out(err, "a copy of a graph", count * size);
    if (count) memcpy(*to, from, count * size);
    return ORR_OK;
}

static orr_status copy_graph(const struct orr_graph *g, struct orr_graph *copy, struct orr_error *err)
{
    ORR_TRY(copy_array((void **)&copy->node, g->node, g->n_nodes, sizeof(*g->node), err));
    ORR_TRY(copy_array((void **)&copy->storage, g->storage, g->n_storages, sizeof(*g->storage), err));
    ORR_TRY(copy_array((void **)&copy->value, g->value, g->n_values, sizeof(*g->value), err));
    ORR_TRY(copy_array((void **)&copy->cut, g->cut, g->n_cuts, sizeof(*g->cut), err));
    copy->n_nodes = copy->node_capacity = g->n_nodes;
    copy->n_storages = copy->storage_capacity = g->n_storages;
    copy->value_capacity = g->n_values;
    copy->cut_capacity = g->n_cuts;
    /* Counts grow with the names, so that a failure half-way frees only what is the copy's own. */
    for (; copy->n_values < g->n_values; ++copy->n_values) {
        const char *name = g->value[copy->n_values].name;
        copy->value[copy->n_values].name = name ? orr_memory_text(name) : NULL;
        if (name && !copy->value[copy->n_values].name) return orr_memory_out(err, "a name", strlen(name));
    }
    for (; copy->n_cuts < g->n_cuts; ++copy->n_cuts) {
        copy->cut[copy->n_cuts].name = orr_memory_text(g->cut[copy->n_cuts].name);
        if (!copy->cut[copy->n_cuts].name) return orr_memory_out(err, "a name", 1);
    }
    copy->error = g->error;
    return ORR_OK;
}

orr_status orr_graph_clone(const struct orr_graph *g, struct orr_graph **out, struct orr_error *err)
{
    ORR_TRY(orr_graph_create(g->real, out, err));
    const orr_status status = copy_graph(g, *out, err);
    if (status != ORR_OK) {
        orr_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}

orr_status orr_graph_status(const struct orr_graph *g, struct orr_error *err)
{
    if (g->error.code == ORR_OK) return ORR_OK;
    return orr_fail(err, g->error.code, "%s", g->error.text);
}

orr_handle orr_graph_reject(struct orr_graph *g, orr_status code, const char *fmt, ...)
{
    if (g->error.code != ORR_OK) return ORR_NONE;
    va_list args;
    va_start(args, fmt);
    vsnprintf(g->error.text, sizeof(g->error.text), fmt, args);
    va_end(args);
    g->error.code = code;
    return ORR_NONE;
}

const struct orr_graph_value *orr_graph_value(const struct orr_graph *g, orr_handle v)
{
    return v >= 0 && (size_t)v < g->n_values ? &g->value[v] : NULL;
}

bool orr_graph_has(struct orr_graph *g, orr_handle v, const char *what)
{
    if (g->error.code != ORR_OK) return false;
    if (orr_graph_value(g, v)) return true;
    orr_graph_reject(g, ORR_EINVAL, "%s: %%%d is no value of this graph (it has %zu)", what, (int)v, g->n_values);
    return false;
}

int32_t orr_graph_append_storage(struct orr_graph *g, uint64_t bytes, bool kept)
{
    if (g->error.code != ORR_OK) return ORR_NONE;
    if (orr_memory_grow((void **)&g->storage, &g->storage_capacity, g->n_storages + 1, sizeof(*g->storage),
                        &g->error) != ORR_OK)
        return ORR_NONE;
    g->storage[g->n_storages] = (struct orr_graph_storage){.bytes = bytes, .kept = kept};
    return (int32_t)g->n_storages++;
}

orr_handle orr_graph_append_value(struct orr_graph *g, const struct orr_graph_value *value)
{
    if (g->error.code != ORR_OK) return ORR_NONE;
    if (orr_memory_grow((void **)&g->value, &g->value_capacity, g->n_values + 1, sizeof(*g->value), &g->error) !=
        ORR_OK)
        return ORR_NONE;
    g->value[g->n_values] = *value;
    g->value[g->n_values].name = NULL;
    return (orr_handle)g->n_values++;
}

int32_t orr_graph_append_node(struct orr_graph *g, const struct orr_graph_node *node)
{
    if (g->error.code != ORR_OK) return ORR_NONE;
    if (orr_memory_grow((void **)&g->node, &g->node_capacity, g->n_nodes + 1, sizeof(*g->node), &g->error) != ORR_OK)
        return ORR_NONE;
    g->node[g->n_nodes] = *node;
    return (int32_t)g->n_nodes++;
}

/* Bounds that keep every byte count far from overflow. */
bool orr_graph_shape_is_sound(struct orr_graph *g, const struct orr_shape *shape, const char *what)
{
    const int64_t limit = INT64_C(1) << 40;
    if (shape->rank > ORR_RANK_MAX) {
        orr_graph_reject(g, ORR_ESHAPE, "%s: rank %u is above %d", what, shape->rank, ORR_RANK_MAX);
        return false;
    }
    if (orr_dtype_bytes(shape->dtype) == 0) {
        orr_graph_reject(g, ORR_EDTYPE, "%s: %u is no element type", what, shape->dtype);
        return false;
    }
    if (shape->dtype != ORR_I32 && shape->dtype != g->real) {
        orr_graph_reject(g, ORR_EDTYPE, "%s: %s in a graph of %s", what, orr_dtype_name(shape->dtype),
                         orr_dtype_name(g->real));
        return false;
    }
    int64_t count = 1;
    for (uint32_t k = 0; k < shape->rank; ++k) {
        /* A dim of 0 counts as 1: the product of the others is computed too, when rows are counted. */
        const int64_t dim = shape->dim[k] ? shape->dim[k] : 1;
        if (dim < 0 || dim > limit || count > limit / dim) {
            orr_graph_reject(g, ORR_ESHAPE, "%s: dimension %u is %lld; sizes are 0 or more and at most 2^40 elements",
                             what, k, (long long)shape->dim[k]);
            return false;
        }
        count *= dim;
    }
    if (shape->batch && (shape->rank == 0 || shape->dim[0] % shape->batch != 0)) {
        orr_graph_reject(g, ORR_ESHAPE, "%s: %lld rows are not %u equal groups", what,
                         shape->rank ? (long long)shape->dim[0] : 1LL, shape->batch);
        return false;
    }
    return true;
}

orr_handle orr_graph_input(struct orr_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    struct orr_graph_value value = {.shape = {.dtype = dtype, .rank = rank}, .node = ORR_NONE};
    for (uint32_t k = 0; k < rank && k < ORR_RANK_MAX; ++k)
        value.shape.dim[k] = dim[k];
    if (g->error.code != ORR_OK || !orr_graph_shape_is_sound(g, &value.shape, name ? name : "input")) return ORR_NONE;
    value.storage = orr_graph_append_storage(g, orr_shape_bytes(&value.shape), true);
    const orr_handle v = orr_graph_append_value(g, &value);
    if (name) orr_graph_name(g, v, name);
    return g->error.code == ORR_OK ? v : ORR_NONE;
}

/* The batch of a view: rows keep their groups when the whole value is folded or unfolded along dim 0. */
static uint32_t batch_of_view(const struct orr_shape *base, const struct orr_shape *view)
{
    if (!base->batch || view->rank == 0 || orr_shape_count(base) != orr_shape_count(view)) return 0;
    return view->dim[0] % base->batch == 0 ? base->batch : 0;
}

static orr_handle append_view(struct orr_graph *g, orr_handle v, int64_t first, uint32_t rank, const int64_t *dim,
                              bool stops_gradient)
{
    if (!orr_graph_has(g, v, "view")) return ORR_NONE;
    struct orr_graph_value value = g->value[v];
    const struct orr_shape base = value.shape;
    value.shape = (struct orr_shape){.dtype = base.dtype, .rank = rank};
    for (uint32_t k = 0; k < rank && k < ORR_RANK_MAX; ++k)
        value.shape.dim[k] = dim[k];
    if (!orr_graph_shape_is_sound(g, &value.shape, "view")) return ORR_NONE;
    const int64_t count = orr_shape_count(&value.shape), available = orr_shape_count(&base);
    if (first < 0 || first > available || count > available - first)
        return orr_graph_reject(g, ORR_ESHAPE, "view: elements %lld to %lld do not lie in a value of %lld",
                                (long long)first, (long long)(first + count), (long long)available);
    value.shape.batch = batch_of_view(&base, &value.shape);
    value.offset += (uint64_t)first * orr_dtype_bytes(base.dtype);
    value.node = (int32_t)g->n_nodes;
    const orr_handle view = orr_graph_append_value(g, &value);
    const struct orr_graph_node node = {.op = ORR_NODE_VIEW,
                                        .n_in = 1,
                                        .n_out = 1,
                                        .in = {v},
                                        .out = {view},
                                        .attr.i = {first},
                                        .stops_gradient = stops_gradient};
    orr_graph_append_node(g, &node);
    return g->error.code == ORR_OK ? view : ORR_NONE;
}

orr_handle orr_graph_view(struct orr_graph *g, orr_handle v, int64_t first, uint32_t rank, const int64_t *dim)
{
    return append_view(g, v, first, rank, dim, false);
}

orr_handle orr_graph_stop_gradient(struct orr_graph *g, orr_handle v)
{
    if (!orr_graph_has(g, v, "stop_gradient")) return ORR_NONE;
    const struct orr_shape shape = g->value[v].shape;
    return append_view(g, v, 0, shape.rank, shape.dim, true);
}

void orr_graph_keep(struct orr_graph *g, orr_handle v)
{
    if (orr_graph_has(g, v, "keep")) g->storage[g->value[v].storage].kept = true;
}

/* A copy of a name of sound length, or NULL with the error latched. */
static char *copy_name(struct orr_graph *g, const char *name)
{
    if (g->error.code != ORR_OK) return NULL;
    if (name[0] == '\0' || strlen(name) >= ORR_GRAPH_NAME_SIZE) {
        orr_graph_reject(g, ORR_EINVAL, "name: '%.40s' has %zu characters; names have 1 to %d", name, strlen(name),
                         ORR_GRAPH_NAME_SIZE - 1);
        return NULL;
    }
    char *copy = orr_memory_text(name);
    if (!copy) orr_graph_reject(g, ORR_ENOMEM, "out of memory for the name '%s'", name);
    return copy;
}

void orr_graph_name(struct orr_graph *g, orr_handle v, const char *name)
{
    if (!orr_graph_has(g, v, "name")) return;
    char *copy = copy_name(g, name);
    if (!copy) return;
    orr_memory_free(g->value[v].name);
    g->value[v].name = copy;
}

void orr_graph_set_batch(struct orr_graph *g, orr_handle v, uint32_t groups)
{
    if (!orr_graph_has(g, v, "batch")) return;
    struct orr_shape shape = g->value[v].shape;
    shape.batch = groups;
    if (orr_graph_shape_is_sound(g, &shape, "batch")) g->value[v].shape = shape;
}

void orr_graph_cut(struct orr_graph *g, const char *name)
{
    char *copy = copy_name(g, name);
    if (!copy) return;
    if (orr_memory_grow((void **)&g->cut, &g->cut_capacity, g->n_cuts + 1, sizeof(*g->cut), &g->error) != ORR_OK) {
        orr_memory_free(copy);
        return;
    }
    g->cut[g->n_cuts++] = (struct orr_graph_cut){.name = copy, .first = (int32_t)g->n_nodes};
}

orr_handle orr_graph_find(const struct orr_graph *g, const char *name)
{
    for (size_t i = g->n_values; i-- > 0;)
        if (g->value[i].name && strcmp(g->value[i].name, name) == 0) return (orr_handle)i;
    return ORR_NONE;
}

bool orr_graph_fills_storage(const struct orr_graph *g, orr_handle v)
{
    const struct orr_graph_value *value = &g->value[v];
    const struct orr_graph_storage *storage = &g->storage[value->storage];
    return !storage->kept && value->offset == 0 && orr_shape_bytes(&value->shape) == storage->bytes;
}

void orr_graph_move_storage(struct orr_graph *g, int32_t from, int32_t to, uint64_t offset)
{
    for (size_t i = 0; i < g->n_values; ++i) {
        if (g->value[i].storage != from) continue;
        g->value[i].storage = to;
        g->value[i].offset += offset;
    }
    g->storage[from].bytes = 0;
}

orr_handle orr_graph_append_copy(struct orr_graph *g, orr_handle v, const struct orr_graph_value *place)
{
    if (g->error.code != ORR_OK) return ORR_NONE;
    const struct orr_graph_value value = {
        .shape = g->value[v].shape, .storage = place->storage, .offset = place->offset, .node = (int32_t)g->n_nodes};
    const orr_handle copy = orr_graph_append_value(g, &value);
    const struct orr_graph_node node = {.op = ORR_OP_COPY, .n_in = 1, .n_out = 1, .in = {v}, .out = {copy}};
    orr_graph_append_node(g, &node);
    return g->error.code == ORR_OK ? copy : ORR_NONE;
}

bool orr_graph_overlap(const struct orr_graph_value *a, const struct orr_graph_value *b)
{
    const uint64_t a_bytes = orr_shape_bytes(&a->shape), b_bytes = orr_shape_bytes(&b->shape);
    return a->storage == b->storage && a_bytes && b_bytes && a->offset < b->offset + b_bytes &&
           b->offset < a->offset + a_bytes;
}

/* Does a node, from the one that makes v on, read or write what is in place? Then v may arrive there only now. */
static bool in_use_since(const struct orr_graph *g, orr_handle v, const struct orr_graph_value *place)
{
    bool made = false;
    for (size_t i = 0; i < g->n_nodes; ++i) {
        const struct orr_graph_node *node = &g->node[i];
        if (node->op == ORR_NODE_VIEW) continue;
        for (uint32_t k = 0; k < node->n_out; ++k)
            made = made || g->value[node->out[k]].storage == g->value[v].storage;
        for (uint32_t k = 0; made && k < node->n_in; ++k)
            if (orr_graph_overlap(&g->value[node->in[k]], place)) return true;
        for (uint32_t k = 0; made && k < node->n_out; ++k)
            if (orr_graph_overlap(&g->value[node->out[k]], place)) return true;
    }
    return false;
}

orr_handle orr_graph_place(struct orr_graph *g, orr_handle v, orr_handle place)
{
    if (!orr_graph_has(g, v, "place") || !orr_graph_has(g, place, "place")) return ORR_NONE;
    const struct orr_graph_value value = g->value[v], target = g->value[place];
    if (orr_shape_count(&value.shape) != orr_shape_count(&target.shape) || value.shape.dtype != target.shape.dtype ||
        !g->storage[target.storage].kept)
        return orr_graph_reject(g, ORR_ESHAPE, "place: %%%d does not fit the kept place %%%d", (int)v, (int)place);
    if (value.storage == target.storage && value.offset == target.offset) return v;
    if (!orr_graph_fills_storage(g, v) || in_use_since(g, v, &target)) return orr_graph_append_copy(g, v, &target);
    orr_graph_move_storage(g, value.storage, target.storage, target.offset);
    return v;
}
