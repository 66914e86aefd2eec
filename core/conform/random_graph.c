/* Drawing graphs: a pool of values, and one operation after another on values of the pool.
 *
 * Operations are scaled so that values stay near one and small errors stay small: what two devices then disagree on is
 * a fault in an operation, in where its memory lies, or in the order in which things ran.
 */
#include "conform/random_graph.h"

#include "base/memory.h"
#include "graph/build.h"
#include "graph/optable.h"
#include "orrery/random.h"

#include <math.h>

/* Each step adds up to seven operations. */
enum { STEPS = ORR_RANDOM_GRAPH_LENGTH / 7, POOL = 3 * STEPS + 8 };

struct maker {
    struct orr_graph *g;
    uint64_t seed;
    uint32_t stream, drawn;
    orr_handle pool[POOL]; /* real matrices */
    uint32_t n;
    orr_handle index; /* i32 (5), -1 to 1 */
};

static uint32_t draw(struct maker *m, uint32_t below)
{
    uint32_t word[4];
    orr_random_block(m->seed, UINT32_C(0x30000000) + m->stream, 0, m->drawn++, word);
    return orr_random_below(word[0], below);
}

static orr_handle any(struct maker *m) { return m->pool[draw(m, m->n)]; }

static const struct orr_shape *shape_of(const struct maker *m, orr_handle v) { return orr_shape_of(m->g, v); }

static orr_handle scaled(struct maker *m, orr_handle v, double scale) { return orr_affine(m->g, v, scale, 0.0); }

static orr_handle vector(struct maker *m, int64_t n)
{
    const struct orr_shape shape = {.dtype = m->g->real, .rank = 1, .dim = {n}};
    return orr_fill(m->g, &shape, 0.5 + 0.25 * draw(m, 4));
}

static orr_handle constant(struct maker *m, int64_t rows, int64_t columns)
{
    const struct orr_shape shape = {.dtype = m->g->real, .rank = 2, .dim = {rows, columns}};
    return orr_fill(m->g, &shape, 0.25 * (1 + draw(m, 4)));
}

/* A value of v's shape from the pool, v itself if there is no other. */
static orr_handle mate(struct maker *m, orr_handle v)
{
    const uint32_t first = draw(m, m->n);
    for (uint32_t k = 0; k < m->n; ++k) {
        const orr_handle w = m->pool[(first + k) % m->n];
        if (w != v && orr_shape_equal(shape_of(m, w), shape_of(m, v))) return w;
    }
    return v;
}

static orr_handle arithmetic(struct maker *m, orr_handle v)
{
    static const uint32_t ops[] = {ORR_OP_TANH, ORR_OP_ERF, ORR_OP_SILU, ORR_OP_NEG, ORR_OP_COPY};
    struct orr_graph *g = m->g;
    const orr_handle w = mate(m, v);
    switch (draw(m, 9)) {
    case 0:
        return scaled(m, orr_add(g, v, w), 0.6);
    case 1:
        return scaled(m, orr_sub(g, v, w), 0.6);
    case 2:
        return orr_mul(g, orr_unary(g, ORR_OP_TANH, v), w);
    case 3:
        return orr_div(g, v, orr_affine(g, orr_mul(g, w, w), 1.0, 1.0));
    case 4:
        return orr_maximum(g, v, w);
    case 5:
        return orr_unary(g, ORR_OP_EXP, orr_unary(g, ORR_OP_TANH, v));
    case 6:
        return orr_unary(g, draw(m, 2) ? ORR_OP_SQRT : ORR_OP_LOG, orr_affine(g, orr_mul(g, v, v), 1.0, 0.5));
    case 7: /* far below zero 1 + erf cancels, and a lowered GELU has no digits left */
        return orr_unary(g, ORR_OP_GELU, orr_affine(g, orr_unary(g, ORR_OP_TANH, v), 2.0, 0.0));
    default:
        return orr_unary(g, (enum orr_op)ops[draw(m, sizeof(ops) / sizeof(ops[0]))], v);
    }
}

static orr_handle along_rows(struct maker *m, orr_handle v)
{
    struct orr_graph *g = m->g;
    const int64_t rows = shape_of(m, v)->dim[0], width = shape_of(m, v)->dim[1], dim[2] = {rows, width};
    switch (draw(m, 6)) {
    case 0:
        return orr_softmax(g, v);
    case 1:
        return scaled(m, orr_log_softmax(g, v), 0.3);
    case 2:
        return orr_layernorm(g, v, vector(m, width), vector(m, width), 0.1);
    case 3:
        return orr_rmsnorm(g, v, vector(m, width), 0.1);
    case 4:
        return orr_broadcast(g, scaled(m, orr_sum(g, v, draw(m, 2)), 1.0 / sqrt((double)(rows + width))), 2, dim);
    default:
        return orr_broadcast(g, orr_max(g, v, draw(m, 2)), 2, dim);
    }
}

static orr_handle product(struct maker *m, orr_handle v)
{
    struct orr_graph *g = m->g;
    const int64_t rows = shape_of(m, v)->dim[0], width = shape_of(m, v)->dim[1], columns = 1 + draw(m, 19);
    const double scale = 1.0 / sqrt((double)width);
    if (draw(m, 3) == 0) return scaled(m, orr_linear(g, v, constant(m, width, columns), vector(m, columns)), scale);
    if (draw(m, 2)) return scaled(m, orr_matmul(g, v, mate(m, v), false, true), scale);
    return scaled(m, orr_matmul(g, v, mate(m, v), true, false), 1.0 / sqrt((double)rows));
}

static orr_handle attend(struct maker *m, orr_handle v)
{
    const int64_t rows = shape_of(m, v)->dim[0], width = shape_of(m, v)->dim[1], batch = rows % 2 ? 1 : 2;
    const int64_t dim[3] = {batch, rows / batch, 12}, flat[2] = {rows, 4};
    const struct orr_attention a = {.causal = draw(m, 2), .window = draw(m, 4), .heads = 1 + draw(m, 2), .scale = 0.5};
    const orr_handle qkv = scaled(m, orr_linear(m->g, v, constant(m, width, 12), vector(m, 12)), 0.3);
    return orr_reshape(m->g, orr_attention(m->g, orr_reshape(m->g, qkv, 3, dim), &a), 2, flat);
}

static orr_handle move(struct maker *m, orr_handle v)
{
    static const int64_t swap[2] = {1, 0};
    struct orr_graph *g = m->g;
    const int64_t rows = shape_of(m, v)->dim[0], width = shape_of(m, v)->dim[1];
    const uint32_t axis = draw(m, 2);
    const int64_t size = axis ? width : rows, part = 1 + (int64_t)draw(m, (uint32_t)size);
    const int64_t start = (int64_t)draw(m, (uint32_t)(size - part + 1));
    const int64_t flipped[2] = {width, rows}, whole = rows * width, half[2] = {1, (whole + 1) / 2};
    switch (draw(m, 6)) {
    case 0:
        return orr_permute(g, v, swap);
    case 1:
        return orr_slice(g, v, axis, start, part);
    case 2:
        return orr_pad(g, v, axis, start, size + start + 1);
    case 3:
        return rows < 2 ? v : orr_gather(g, v, m->index, 0);
    case 4:
        return orr_graph_view(g, v, whole - half[1], 2, half);
    default:
        return orr_reshape(g, v, 2, flipped);
    }
}

static bool add_operation(struct maker *m)
{
    const orr_handle v = any(m);
    const uint32_t kind = draw(m, 8);
    const orr_handle made = kind < 3   ? arithmetic(m, v)
                            : kind < 5 ? along_rows(m, v)
                            : kind < 6 ? product(m, v)
                            : kind < 7 ? move(m, v)
                                       : attend(m, v);
    if (made == ORR_NONE) return false;
    /* Small enough to be quick, whatever products and paddings were drawn. */
    if (orr_shape_count(shape_of(m, made)) <= 4096 && m->n < POOL) m->pool[m->n++] = made;
    return true;
}

/* Forget the nodes after the first n, and what belongs to them. Values and storages come in the order of nodes. */
static void cut(struct orr_graph *g, size_t n)
{
    if (n >= g->n_nodes) return;
    size_t values = 0, storages = 0;
    while (values < g->n_values && g->value[values].node < (int32_t)n)
        ++values;
    for (size_t v = 0; v < values; ++v)
        if ((size_t)g->value[v].storage >= storages) storages = (size_t)g->value[v].storage + 1;
    g->n_nodes = n;
    g->n_values = values;
    g->n_storages = storages;
}

/* Values that no node reads, whose storage no other value of the pool writes over, can be looked at. */
static orr_status keep_ends(struct orr_graph *g, struct orr_error *err)
{
    bool *read = orr_memory_array(g->n_values, sizeof(*read));
    if (!read) return orr_memory_out(err, "a random graph", g->n_values);
    for (size_t i = 0; i < g->n_nodes; ++i)
        for (uint32_t k = 0; k < g->node[i].n_in; ++k)
            read[g->node[i].in[k]] = true;
    for (size_t v = 0; v < g->n_values; ++v)
        if (!read[v] && g->value[v].node != ORR_NONE) orr_graph_keep(g, (orr_handle)v);
    orr_memory_free(read);
    return orr_graph_status(g, err);
}

orr_status orr_random_graph(uint64_t seed, uint32_t number, uint32_t length, struct orr_graph **out,
                            struct orr_error *err)
{
    struct maker m = {.seed = seed, .stream = number};
    const int64_t five = 5;
    ORR_TRY(orr_graph_create(ORR_F32, &m.g, err));
    for (uint32_t k = 0; k < 3; ++k) {
        const int64_t dim[2] = {2 + draw(&m, 16), 2 + draw(&m, 32)};
        m.pool[m.n++] = orr_graph_input(m.g, NULL, m.g->real, 2, dim);
    }
    m.index = orr_graph_input(m.g, NULL, ORR_I32, 1, &five);
    for (uint32_t i = 0; i < STEPS && add_operation(&m); ++i)
        continue;
    orr_status status = orr_graph_status(m.g, err);
    if (status == ORR_OK) cut(m.g, length);
    if (status == ORR_OK) status = keep_ends(m.g, err);
    if (status != ORR_OK) {
        orr_graph_destroy(m.g);
        return status;
    }
    *out = m.g;
    return ORR_OK;
}
