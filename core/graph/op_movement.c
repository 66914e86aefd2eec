/* Moving numbers without arithmetic: fill, copy, broadcast, permute, slice, pad, cast.
 *
 * Each is a linear map that picks or repeats, and its gradient the transposed one: broadcast's is a sum, permute's the
 * inverse permutation, slice's a pad and pad's a slice. */
#include "graph/build.h"
#include "graph/optable.h"

/* --- shapes ---------------------------------------------------------------------------------- */

orr_status orr_shape_rule_broadcast(const struct orr_shape_site *s)
{
    if (!s->wanted) return orr_shape_fail(s, ORR_EINVAL, "needs the shape of its output");
    struct orr_shape *out = &s->out[0];
    if (out->rank != s->in[0].rank) return orr_shape_fail(s, ORR_ESHAPE, "output rank %u differs", out->rank);
    for (uint32_t k = 0; k < out->rank; ++k)
        if (s->in[0].dim[k] != 1 && s->in[0].dim[k] != out->dim[k])
            return orr_shape_fail(s, ORR_ESHAPE, "axis %u has %lld and cannot repeat to %lld", k,
                                  (long long)s->in[0].dim[k], (long long)out->dim[k]);
    out->dtype = s->in[0].dtype;
    out->batch = out->rank && out->dim[0] == s->in[0].dim[0] ? s->in[0].batch : 0;
    return ORR_OK;
}

orr_status orr_shape_rule_permuted(const struct orr_shape_site *s)
{
    uint32_t seen = 0;
    s->out[0] = s->in[0];
    for (uint32_t k = 0; k < s->in[0].rank; ++k) {
        const int64_t axis = s->attr->i[k];
        if (axis < 0 || axis >= s->in[0].rank || (seen & (1u << axis)))
            return orr_shape_fail(s, ORR_EINVAL, "axis %lld at place %u is out of range or named twice",
                                  (long long)axis, k);
        seen |= 1u << axis;
        s->out[0].dim[k] = s->in[0].dim[axis];
    }
    if (s->in[0].rank && s->attr->i[0] != 0) s->out[0].batch = 0;
    return ORR_OK;
}

/* slice: `small` is the output; pad: the input. All axes but i[0] agree and the range lies inside. */
static orr_status range_along_axis(const struct orr_shape_site *s, const struct orr_shape *small,
                                   const struct orr_shape *large)
{
    const int64_t axis = s->attr->i[0], start = s->attr->i[1];
    if (small->rank != large->rank || axis < 0 || axis >= large->rank)
        return orr_shape_fail(s, ORR_ESHAPE, "axis %lld of rank %u", (long long)axis, large->rank);
    for (uint32_t k = 0; k < large->rank; ++k)
        if (k != axis && small->dim[k] != large->dim[k])
            return orr_shape_fail(s, ORR_ESHAPE, "axis %u differs: %lld and %lld", k, (long long)small->dim[k],
                                  (long long)large->dim[k]);
    if (start < 0 || small->dim[axis] > large->dim[axis] - start)
        return orr_shape_fail(s, ORR_ESHAPE, "%lld elements from %lld do not lie in %lld", (long long)small->dim[axis],
                              (long long)start, (long long)large->dim[axis]);
    s->out[0].dtype = s->in[0].dtype;
    s->out[0].batch = axis == 0 ? 0 : s->in[0].batch;
    return ORR_OK;
}

orr_status orr_shape_rule_slice(const struct orr_shape_site *s)
{
    if (!s->wanted) return orr_shape_fail(s, ORR_EINVAL, "needs the shape of its output");
    return range_along_axis(s, &s->out[0], &s->in[0]);
}

orr_status orr_shape_rule_pad(const struct orr_shape_site *s)
{
    if (!s->wanted) return orr_shape_fail(s, ORR_EINVAL, "needs the shape of its output");
    return range_along_axis(s, &s->in[0], &s->out[0]);
}

orr_status orr_shape_rule_cast(const struct orr_shape_site *s)
{
    if (!s->wanted) return orr_shape_fail(s, ORR_EINVAL, "needs the element type of its output");
    const uint32_t dtype = s->out[0].dtype;
    s->out[0] = s->in[0];
    s->out[0].dtype = dtype;
    return ORR_OK;
}

/* --- gradients ------------------------------------------------------------------------------- */

void orr_gradient_rule_broadcast(struct orr_gradient_site *s)
{
    const struct orr_shape in = *orr_shape_of(s->g, s->node.in[0]);
    orr_handle d = s->dout[0];
    for (uint32_t k = 0; k < in.rank; ++k)
        if (in.dim[k] != orr_shape_of(s->g, d)->dim[k]) d = orr_sum(s->g, d, k);
    s->din[0] = d;
}

void orr_gradient_rule_permute(struct orr_gradient_site *s)
{
    int64_t inverse[ORR_RANK_MAX] = {0};
    const uint32_t rank = orr_shape_of(s->g, s->node.in[0])->rank;
    for (uint32_t k = 0; k < rank; ++k)
        inverse[s->node.attr.i[k]] = k;
    s->din[0] = orr_permute(s->g, s->dout[0], inverse);
}

void orr_gradient_rule_slice(struct orr_gradient_site *s)
{
    const uint32_t axis = (uint32_t)s->node.attr.i[0];
    const int64_t size = orr_shape_of(s->g, s->node.in[0])->dim[axis];
    s->din[0] = orr_pad(s->g, s->dout[0], axis, s->node.attr.i[1], size);
}

void orr_gradient_rule_pad(struct orr_gradient_site *s)
{
    const uint32_t axis = (uint32_t)s->node.attr.i[0];
    const int64_t count = orr_shape_of(s->g, s->node.in[0])->dim[axis];
    s->din[0] = orr_slice(s->g, s->dout[0], axis, s->node.attr.i[1], count);
}

void orr_gradient_rule_cast(struct orr_gradient_site *s)
{
    const uint32_t from = orr_shape_of(s->g, s->node.in[0])->dtype;
    if (from != ORR_I32 && orr_shape_of(s->g, s->dout[0])->dtype != ORR_I32)
        s->din[0] = orr_cast(s->g, s->dout[0], from);
}

/* --- builders -------------------------------------------------------------------------------- */

orr_handle orr_fill(struct orr_graph *g, const struct orr_shape *shape, double x)
{
    const struct orr_attr attr = {.f = {x}};
    return orr_graph_apply(g, ORR_OP_FILL, NULL, 0, &attr, shape, 0, NULL);
}

orr_handle orr_copy(struct orr_graph *g, orr_handle v) { return orr_apply1(g, ORR_OP_COPY, v, NULL); }

orr_handle orr_broadcast(struct orr_graph *g, orr_handle v, uint32_t rank, const int64_t *dim)
{
    const struct orr_shape in = *orr_shape_of(g, v);
    if (g->error.code != ORR_OK || rank > ORR_RANK_MAX || in.rank > rank)
        return orr_graph_reject(g, ORR_ESHAPE, "broadcast: rank %u to rank %u", in.rank, rank);
    struct orr_shape wanted = orr_shape_make(in.dtype, rank, dim);
    if (orr_shape_equal(&in, &wanted)) return v;
    int64_t full[ORR_RANK_MAX];
    for (uint32_t k = 0; k < rank; ++k)
        full[k] = k < rank - in.rank ? 1 : in.dim[k - (rank - in.rank)];
    if (in.rank < rank) v = orr_reshape(g, v, rank, full);
    return orr_graph_apply(g, ORR_OP_BROADCAST, &v, 1, NULL, &wanted, 0, NULL);
}

orr_handle orr_permute(struct orr_graph *g, orr_handle v, const int64_t *axis)
{
    struct orr_attr attr = {{0}, {0}};
    const uint32_t rank = orr_shape_of(g, v)->rank;
    for (uint32_t k = 0; k < rank; ++k)
        attr.i[k] = axis[k];
    return orr_apply1(g, ORR_OP_PERMUTE, v, &attr);
}

static orr_handle range_op(struct orr_graph *g, uint32_t op, orr_handle v, uint32_t axis, int64_t start, int64_t size)
{
    const struct orr_attr attr = {.i = {axis, start}};
    struct orr_shape wanted = *orr_shape_of(g, v);
    wanted.batch = 0;
    if (axis < ORR_RANK_MAX) wanted.dim[axis] = size;
    return orr_graph_apply(g, op, &v, 1, &attr, &wanted, 0, NULL);
}

orr_handle orr_slice(struct orr_graph *g, orr_handle v, uint32_t axis, int64_t start, int64_t count)
{
    return range_op(g, ORR_OP_SLICE, v, axis, start, count);
}

orr_handle orr_pad(struct orr_graph *g, orr_handle v, uint32_t axis, int64_t start, int64_t size)
{
    return range_op(g, ORR_OP_PAD, v, axis, start, size);
}

orr_handle orr_cast(struct orr_graph *g, orr_handle v, uint32_t dtype)
{
    struct orr_shape wanted = *orr_shape_of(g, v);
    wanted.dtype = dtype;
    return orr_graph_apply(g, ORR_OP_CAST, &v, 1, NULL, &wanted, 0, NULL);
}
