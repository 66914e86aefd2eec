/* Appending one operation, and the helpers of gradient rules and lowerings that combine a few.
 *
 * In: the operation's number, handles, attributes; checked against its row, shapes derived by its rule. Out: a node,
 * and its outputs in storages of their own or, for an update in place, in that of an input. */
#include "graph/append.h"
#include "graph/build.h"
#include "graph/optable.h"

#include <string.h>

static bool inputs_are_sound(struct orr_graph *g, const struct orr_op_info *op, const orr_handle *in, uint32_t n_in)
{
    if (g->error.code != ORR_OK) return false;
    if (n_in != op->n_in) {
        orr_graph_reject(g, ORR_EINVAL, "%s takes %u inputs, not %u", op->name, op->n_in, n_in);
        return false;
    }
    for (uint32_t k = 0; k < n_in; ++k)
        if (!orr_graph_has(g, in[k], op->name)) return false;
    return true;
}

/* The rule's shapes must be what the caller asked for, where it asked. */
static bool derive_shapes(struct orr_graph *g, const struct orr_op_info *op, const orr_handle *in,
                          const struct orr_attr *attr, const struct orr_shape *wanted, struct orr_shape *out)
{
    struct orr_shape shapes[ORR_IN_MAX];
    for (uint32_t k = 0; k < op->n_in; ++k)
        shapes[k] = g->value[in[k]].shape;
    const struct orr_shape_site site = {.name = op->name,
                                        .real = g->real,
                                        .n_in = op->n_in,
                                        .n_out = op->n_out,
                                        .in = shapes,
                                        .attr = attr,
                                        .wanted = wanted != NULL,
                                        .out = out,
                                        .err = &g->error};
    if (wanted) memcpy(out, wanted, op->n_out * sizeof(*out));
    if (op->rule->shape(&site) != ORR_OK) return false;
    for (uint32_t k = 0; k < op->n_out; ++k) {
        if (!orr_graph_shape_is_sound(g, &out[k], op->name)) return false;
        if (wanted && !orr_shape_equal(&wanted[k], &out[k])) {
            char text[2][64];
            orr_shape_print(&wanted[k], text[0], sizeof(text[0]));
            orr_shape_print(&out[k], text[1], sizeof(text[1]));
            orr_graph_reject(g, ORR_ESHAPE, "%s: output %u is %s, not %s", op->name, k, text[1], text[0]);
            return false;
        }
    }
    return true;
}

static orr_handle append_output(struct orr_graph *g, const struct orr_op_info *op, uint32_t k,
                                const struct orr_shape *shape, const orr_handle *in, uint32_t alias)
{
    struct orr_graph_value value = {.shape = *shape, .node = (int32_t)g->n_nodes};
    if (alias & (1u << k)) {
        if (!(op->alias & (1u << k)) || !orr_shape_equal(shape, &g->value[in[k]].shape))
            return orr_graph_reject(g, ORR_EINVAL, "%s: output %u cannot take the place of input %u", op->name, k, k);
        for (uint32_t j = 0; j < op->n_in; ++j)
            if (j != k && orr_graph_overlap(&g->value[in[j]], &g->value[in[k]]))
                return orr_graph_reject(g, ORR_EINVAL,
                                        "%s: output %u would overwrite input %u, which is read too: copy it", op->name,
                                        k, j);
        value.storage = g->value[in[k]].storage;
        value.offset = g->value[in[k]].offset;
    } else {
        value.storage = orr_graph_append_storage(g, orr_shape_bytes(shape), false);
    }
    return orr_graph_append_value(g, &value);
}

orr_handle orr_graph_apply(struct orr_graph *g, uint32_t id, const orr_handle *in, uint32_t n_in,
                           const struct orr_attr *attr, const struct orr_shape *wanted, uint32_t alias, orr_handle *out)
{
    static const struct orr_attr no_attributes;
    const struct orr_op_info *op = orr_op_by_id(id);
    struct orr_graph_node node = {.op = id, .n_in = n_in};
    struct orr_shape shape[ORR_OUT_MAX] = {{0}};
    if (out && op)
        for (uint32_t k = 0; k < op->n_out; ++k)
            out[k] = ORR_NONE;
    if (!op) return orr_graph_reject(g, ORR_EINVAL, "%u is no operation", id);
    node.attr = attr ? *attr : no_attributes;
    if (!inputs_are_sound(g, op, in, n_in) || !derive_shapes(g, op, in, &node.attr, wanted, shape)) return ORR_NONE;
    node.n_out = op->n_out;
    for (uint32_t k = 0; k < n_in; ++k)
        node.in[k] = in[k];
    for (uint32_t k = 0; k < op->n_out; ++k)
        node.out[k] = append_output(g, op, k, &shape[k], in, alias);
    orr_graph_append_node(g, &node);
    if (g->error.code != ORR_OK) return ORR_NONE;
    if (out) memcpy(out, node.out, op->n_out * sizeof(*out));
    return node.out[0];
}

const struct orr_shape *orr_shape_of(const struct orr_graph *g, orr_handle v)
{
    static const struct orr_shape empty;
    const struct orr_graph_value *value = orr_graph_value(g, v);
    return value ? &value->shape : &empty;
}

orr_handle orr_apply1(struct orr_graph *g, uint32_t op, orr_handle a, const struct orr_attr *attr)
{
    return orr_graph_apply(g, op, &a, 1, attr, NULL, 0, NULL);
}

orr_handle orr_apply2(struct orr_graph *g, uint32_t op, orr_handle a, orr_handle b, const struct orr_attr *attr)
{
    const orr_handle in[2] = {a, b};
    return orr_graph_apply(g, op, in, 2, attr, NULL, 0, NULL);
}

orr_handle orr_reshape(struct orr_graph *g, orr_handle v, uint32_t rank, const int64_t *dim)
{
    const struct orr_shape wanted = orr_shape_make(orr_shape_of(g, v)->dtype, rank, dim);
    if (g->error.code == ORR_OK && orr_shape_count(&wanted) != orr_shape_count(orr_shape_of(g, v))) {
        char text[2][64];
        orr_shape_print(orr_shape_of(g, v), text[0], sizeof(text[0]));
        orr_shape_print(&wanted, text[1], sizeof(text[1]));
        return orr_graph_reject(g, ORR_ESHAPE, "reshape: %s does not have the elements of %s", text[0], text[1]);
    }
    return orr_graph_view(g, v, 0, rank, dim);
}

orr_handle orr_reshape_like(struct orr_graph *g, orr_handle x, orr_handle like)
{
    const struct orr_shape shape = *orr_shape_of(g, like);
    const struct orr_shape *now = orr_shape_of(g, x);
    bool same = now->rank == shape.rank;
    for (uint32_t k = 0; same && k < shape.rank; ++k)
        same = now->dim[k] == shape.dim[k];
    return same ? x : orr_reshape(g, x, shape.rank, shape.dim);
}

orr_handle orr_as_matrix(struct orr_graph *g, orr_handle x)
{
    const struct orr_shape shape = *orr_shape_of(g, x);
    if (shape.rank == 2) return x;
    const int64_t dim[2] = {orr_shape_rows(&shape), orr_shape_last(&shape)};
    return orr_reshape(g, x, 2, dim);
}

orr_handle orr_sum_last(struct orr_graph *g, orr_handle x)
{
    const uint32_t rank = orr_shape_of(g, x)->rank;
    return orr_sum(g, x, rank ? rank - 1 : 0);
}

orr_handle orr_repeat_last(struct orr_graph *g, orr_handle x, int64_t width)
{
    struct orr_shape shape = *orr_shape_of(g, x);
    if (shape.rank == 0) return orr_graph_reject(g, ORR_ESHAPE, "repeat: a scalar has no last axis");
    shape.dim[shape.rank - 1] = width;
    return orr_broadcast(g, x, shape.rank, shape.dim);
}

orr_handle orr_scalar_like(struct orr_graph *g, orr_handle scalar, orr_handle like)
{
    const struct orr_shape shape = *orr_shape_of(g, like);
    return orr_broadcast(g, orr_reshape(g, scalar, 0, NULL), shape.rank, shape.dim);
}

orr_handle orr_sum_rows(struct orr_graph *g, orr_handle x)
{
    const int64_t width = orr_shape_last(orr_shape_of(g, x));
    return orr_reshape(g, orr_sum(g, orr_as_matrix(g, x), 0), 1, &width);
}
