/* Rows chosen by number: gather, scatter_add, one_hot, put; and the random ops, which share the step counter.
 *
 * Tables are (rows, ..), indices i32 of any shape, -1 for no row. Gather and scatter_add are each other's transpose,
 * hence each other's gradient. Random numbers are Philox's (Salmon, Moraes, Dror and Shaw 2011): orrery/random.h. */
#include "graph/build.h"
#include "graph/optable.h"

static orr_status need_index(const struct orr_shape_site *s, uint32_t k)
{
    return s->in[k].dtype == ORR_I32 ? ORR_OK : orr_shape_fail(s, ORR_EDTYPE, "input %u must be i32", k);
}

static int64_t row_size(const struct orr_shape *table)
{
    int64_t size = 1;
    for (uint32_t k = 1; k < table->rank; ++k)
        size *= table->dim[k];
    return size;
}

static int64_t span_of(const struct orr_attr *attr) { return attr->i[0] > 0 ? attr->i[0] : 1; }

/* (index dims, [span,] row dims). */
orr_status orr_shape_rule_gather(const struct orr_shape_site *s)
{
    const struct orr_shape *table = &s->in[0], *index = &s->in[1];
    ORR_TRY(need_index(s, 1));
    if (table->rank == 0) return orr_shape_fail(s, ORR_ESHAPE, "the table has no rows");
    const bool has_span_axis = s->attr->i[0] > 0;
    if (s->attr->i[0] < 0 || index->rank + has_span_axis + table->rank - 1 > ORR_RANK_MAX)
        return orr_shape_fail(s, ORR_ESHAPE, "span %lld gives more than %d axes", (long long)s->attr->i[0],
                              ORR_RANK_MAX);
    struct orr_shape out = {.dtype = table->dtype, .batch = index->batch};
    for (uint32_t k = 0; k < index->rank; ++k)
        out.dim[out.rank++] = index->dim[k];
    if (has_span_axis) out.dim[out.rank++] = s->attr->i[0];
    for (uint32_t k = 1; k < table->rank; ++k)
        out.dim[out.rank++] = table->dim[k];
    if (index->rank == 0) out.batch = 0;
    s->out[0] = out;
    return ORR_OK;
}

orr_status orr_shape_rule_scatter_add(const struct orr_shape_site *s)
{
    const struct orr_shape *table = &s->in[0];
    ORR_TRY(need_index(s, 1));
    if (table->rank == 0 || table->dtype != s->real || s->in[2].dtype != s->real)
        return orr_shape_fail(s, ORR_EDTYPE, "expected real table (rows, ..) and real rows");
    /* Divided rather than multiplied: a span read from a file may be anything. */
    const int64_t numbers = orr_shape_count(&s->in[2]), width = row_size(table), span = span_of(s->attr);
    const int64_t rows = width ? numbers / width : 0;
    if ((width ? numbers % width : numbers) != 0 ||
        (width && (rows % span || rows / span != orr_shape_count(&s->in[1]))))
        return orr_shape_fail(s, ORR_ESHAPE, "%lld numbers are not rows of %lld, %lld for each index",
                              (long long)numbers, (long long)width, (long long)span);
    s->out[0] = *table;
    s->out[0].batch = 0;
    return ORR_OK;
}

orr_status orr_shape_rule_one_hot(const struct orr_shape_site *s)
{
    ORR_TRY(need_index(s, 0));
    if (s->attr->i[0] < 0 || s->in[0].rank + 1 > ORR_RANK_MAX)
        return orr_shape_fail(s, ORR_ESHAPE, "%lld classes", (long long)s->attr->i[0]);
    s->out[0] = s->in[0];
    s->out[0].dtype = s->real;
    s->out[0].dim[s->out[0].rank++] = s->attr->i[0];
    return ORR_OK;
}

orr_status orr_shape_rule_put(const struct orr_shape_site *s)
{
    const struct orr_shape *ring = &s->in[0];
    ORR_TRY(need_index(s, 1));
    if (ring->rank == 0 || ring->dim[0] == 0 || orr_shape_count(&s->in[1]) != 1 || s->in[2].dtype != ring->dtype ||
        orr_shape_count(&s->in[2]) != row_size(ring))
        return orr_shape_fail(s, ORR_ESHAPE, "expected a ring (rows, ..), one row number, one row");
    s->out[0] = *ring;
    s->out[0].batch = 0;
    return ORR_OK;
}

static orr_status random_shape(const struct orr_shape_site *s, uint32_t dtype)
{
    ORR_TRY(need_index(s, 0));
    if (!s->wanted) return orr_shape_fail(s, ORR_EINVAL, "needs the shape of its output");
    if (s->attr->i[1] < 0 || s->attr->i[1] > UINT32_MAX)
        return orr_shape_fail(s, ORR_EINVAL, "stream %lld: 0 to 2^32-1", (long long)s->attr->i[1]);
    if (orr_shape_count(&s->in[0]) != 1) return orr_shape_fail(s, ORR_ESHAPE, "the step is one number");
    /* One counter word numbers the blocks of four. */
    if (orr_shape_count(&s->out[0]) > (INT64_C(1) << 34))
        return orr_shape_fail(s, ORR_ESHAPE, "more than 2^34 random numbers");
    s->out[0].dtype = dtype;
    return ORR_OK;
}

orr_status orr_shape_rule_random_int(const struct orr_shape_site *s)
{
    if (s->attr->i[2] < 1 || s->attr->i[2] > INT32_MAX)
        return orr_shape_fail(s, ORR_EINVAL, "below must be 1 to 2^31-1, not %lld", (long long)s->attr->i[2]);
    return random_shape(s, ORR_I32);
}

orr_status orr_shape_rule_random_normal(const struct orr_shape_site *s) { return random_shape(s, s->real); }

double orr_flops_rule_random(const struct orr_call *call) { return 8.0 * orr_tensor_count(&call->out[0]); }

/* --- gradients ------------------------------------------------------------------------------- */

void orr_gradient_rule_gather(struct orr_gradient_site *s)
{
    if (!(s->needed & 1u)) return;
    struct orr_shape table = *orr_shape_of(s->g, s->node.in[0]);
    table.batch = 0;
    const orr_handle in[3] = {orr_fill(s->g, &table, 0.0), s->node.in[1], s->dout[0]};
    s->din[0] = orr_graph_apply(s->g, ORR_OP_SCATTER_ADD, in, 3, &s->node.attr, NULL, 0, NULL);
}

void orr_gradient_rule_scatter_add(struct orr_gradient_site *s)
{
    s->din[0] = s->dout[0];
    if (!(s->needed & 4u)) return;
    const orr_handle rows = orr_apply2(s->g, ORR_OP_GATHER, s->dout[0], s->node.in[1], &s->node.attr);
    s->din[2] = orr_reshape_like(s->g, rows, s->node.in[2]);
}

/* --- builders -------------------------------------------------------------------------------- */

orr_handle orr_gather(struct orr_graph *g, orr_handle table, orr_handle index, int64_t span)
{
    const struct orr_attr attr = {.i = {span}};
    return orr_apply2(g, ORR_OP_GATHER, table, index, &attr);
}

orr_handle orr_one_hot(struct orr_graph *g, orr_handle index, int64_t classes)
{
    const struct orr_attr attr = {.i = {classes}};
    return orr_apply1(g, ORR_OP_ONE_HOT, index, &attr);
}

orr_handle orr_put(struct orr_graph *g, orr_handle ring, orr_handle row, orr_handle x)
{
    const orr_handle in[3] = {ring, row, x};
    return orr_graph_apply(g, ORR_OP_PUT, in, 3, NULL, NULL, 1, NULL);
}

orr_handle orr_random_integers(struct orr_graph *g, orr_handle step, uint64_t seed, uint32_t stream, int64_t below,
                               uint32_t rank, const int64_t *dim)
{
    const struct orr_attr attr = {.i = {(int64_t)seed, stream, below}};
    const struct orr_shape wanted = orr_shape_make(ORR_I32, rank, dim);
    return orr_graph_apply(g, ORR_OP_RANDOM_INT, &step, 1, &attr, &wanted, 0, NULL);
}

orr_handle orr_random_normals(struct orr_graph *g, orr_handle step, uint64_t seed, uint32_t stream, double scale,
                              uint32_t rank, const int64_t *dim)
{
    const struct orr_attr attr = {.i = {(int64_t)seed, stream}, .f = {scale}};
    const struct orr_shape wanted = orr_shape_make(g->real, rank, dim);
    return orr_graph_apply(g, ORR_OP_RANDOM_NORMAL, &step, 1, &attr, &wanted, 0, NULL);
}
