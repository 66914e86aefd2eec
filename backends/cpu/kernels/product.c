/* Matrix products: MATMUL (with transposes and leading dims) and LINEAR (a layer with bias).
 *
 * The columns and the inner axis are cut into blocks, a block into rows of tiles (Goto and van de Geijn 2008). Sums run
 * over a block in order in single precision; blocks are added in order.
 */
#include "product.h"

#include "math.h"

/* --- after the product ------------------------------------------------------------------------------------------- */

CPU_INLINE vec finished(uint32_t op, vec value, vec at)
{
    switch (op) {
    case ORR_OP_SILU:
        return vec_silu(value);
    case ORR_OP_GELU:
        return vec_gelu(value);
    case ORR_OP_SILU_GRAD:
        return value * vec_silu_slope(at);
    default:
        return value * vec_gelu_slope(at);
    }
}

/* c = what op makes of `from`, and of `at` where it is a slope. c may be `from`. */
CPU_INLINE void finish_row(uint32_t op, const float *from, const float *at, float *c, int64_t columns)
{
    int64_t j = 0;
    for (; j + LANES <= columns; j += LANES)
        vec_store(c + j, finished(op, vec_load(from + j), at ? vec_load(at + j) : (vec){0}));
    if (j < columns) {
        const int64_t some = columns - j;
        const vec place = at ? vec_load_some(at + j, some) : (vec){0};
        vec_store_some(c + j, finished(op, vec_load_some(from + j, some), place), some);
    }
}

static void finish_silu(const float *from, const float *at, float *c, int64_t columns)
{
    (void)at;
    finish_row(ORR_OP_SILU, from, NULL, c, columns);
}

static void finish_gelu(const float *from, const float *at, float *c, int64_t columns)
{
    (void)at;
    finish_row(ORR_OP_GELU, from, NULL, c, columns);
}

static void finish_silu_slope(const float *from, const float *at, float *c, int64_t columns)
{
    finish_row(ORR_OP_SILU_GRAD, from, at, c, columns);
}

static void finish_gelu_slope(const float *from, const float *at, float *c, int64_t columns)
{
    finish_row(ORR_OP_GELU_GRAD, from, at, c, columns);
}

typedef void (*finish_function)(const float *from, const float *at, float *c, int64_t columns);

static finish_function finish_of(const struct cpu_after *after)
{
    if (after->activation) return after->activation == ORR_OP_SILU ? finish_silu : finish_gelu;
    if (after->slope) return after->slope == ORR_OP_SILU_GRAD ? finish_silu_slope : finish_gelu_slope;
    return NULL;
}

/* --- blocks ------------------------------------------------------------------------------------------------------ */

/* Columns [column, column + columns) and steps [step, step + steps) of the inner axis. */
struct block {
    int64_t column, columns, step, steps;
    const float *panels; /* whole panels of b; and the last, which may be narrower, where it lies elsewhere */
    const float *last;
    int64_t panel_stride, stride, last_stride; /* from panel to panel; from step to step */
};

/* Is b packed, block by block? A panel whose lines are 4 KiB apart would have a few places in a cache, and be read
 * again by every tile. */
static bool packs(int64_t rows, int64_t columns, bool a_turned, bool b_turned)
{
    return b_turned || (a_turned && rows >= 64 && columns % 1024 == 0);
}

/* Where the panels of a block are, after packing what has to be. */
static void find_panels(const struct product *p, struct block *b)
{
    const int64_t whole = b->columns / PANEL * PANEL, rest = b->columns - whole;
    b->last_stride = whole_vectors(rest);
    if (p->packed || packs(p->rows, p->columns, p->a_turned, p->b_turned)) {
        /* Panels that are packed here hold the steps of this block alone. */
        const int64_t steps = p->packed ? p->inner : b->steps;
        b->panel_stride = steps * PANEL;
        b->stride = PANEL;
        b->panels = p->packed ? p->packed + b->column * p->inner + b->step * PANEL : p->scratch;
        b->last = p->packed ? p->packed + (b->column + whole) * p->inner + b->step * b->last_stride
                            : p->scratch + steps * whole;
        const int64_t stride = p->b_turned ? p->inner : p->columns;
        const float *from = p->b + (p->b_turned ? b->column * stride + b->step : b->step * stride + b->column);
        if (!p->packed) product_pack(from, stride, p->b_turned, b->steps, b->columns, p->scratch);
        return;
    }
    b->panel_stride = PANEL;
    b->stride = p->columns;
    b->panels = p->b + b->step * p->columns + b->column;
    b->last = b->panels + whole;
    if (rest == b->last_stride) {
        b->last_stride = p->columns;
        return;
    }
    product_pack(b->last, p->columns, false, b->steps, rest, p->scratch);
    b->last = p->scratch;
}

/* All tiles of a block. `raw`: where sums go, which is c unless it is to keep what comes after. */
static void run_block(const struct product *p, const struct block *b, float *raw)
{
    const finish_function finish = b->step + b->steps == p->inner ? finish_of(p->after) : NULL;
    const int64_t tiles = (p->rows + TILE_ROWS - 1) / TILE_ROWS;
    int64_t row = 0;
    for (int64_t i = 0; i < tiles; ++i) {
        /* Tiles of nearly equal size: a narrow one would wait for its own sums. */
        const int64_t rows = (p->rows - row + tiles - i - 1) / (tiles - i);
        const int64_t at = row * p->columns + b->column;
        struct tile t = {.a = p->a + (p->a_turned ? b->step * p->rows + row : row * p->inner + b->step),
                         .a_stride = p->a_turned ? p->rows : p->inner,
                         .b_stride = b->stride,
                         .c_stride = p->columns,
                         .inner = b->steps,
                         .columns = PANEL};
        const float *plus = b->step || p->add ? raw : p->after->residual;
        for (int64_t j = 0; j < b->columns; j += PANEL) {
            t.b = b->panels + j / PANEL * b->panel_stride;
            if (b->columns - j < PANEL) {
                t.columns = b->columns - j;
                t.b = b->last;
                t.b_stride = b->last_stride;
            }
            t.start = p->bias && b->step == 0 ? p->bias + b->column + j : NULL;
            t.plus = plus ? plus + at + j : NULL;
            t.c = raw + at + j;
            product_tiles[p->a_turned][(t.columns + LANES - 1) / LANES - 1][rows - 1](&t);
        }
        for (int64_t r = 0; finish && r < rows; ++r) {
            const int64_t begin = at + r * p->columns;
            finish(raw + begin, p->after->at ? p->after->at + begin : NULL, p->c + begin, b->columns);
        }
        row += rows;
    }
}

static void multiply(const struct product *p)
{
    float *raw = p->after->before ? p->after->before : p->c;
    const int64_t columns = column_block(p->inner), steps = inner_block(p->inner);
    for (int64_t column = 0; column < p->columns; column += columns)
        for (int64_t step = 0; step == 0 || step < p->inner; step += steps) {
            struct block b = {.column = column,
                              .columns = p->columns - column < columns ? p->columns - column : columns,
                              .step = step,
                              .steps = p->inner - step < steps ? p->inner - step : steps};
            find_panels(p, &b);
            run_block(p, &b, raw);
        }
}

/* A result so narrow that most of a vector would be idle, of operands that allow its rows to be its columns. */
static bool is_narrow(int64_t rows, int64_t columns, bool a_turned, bool b_turned)
{
    return a_turned && !b_turned && 2 * columns <= LANES && columns < rows;
}

/* c turned is b turned x a. Nothing comes after. */
static void multiply_narrow(const struct product *p)
{
    struct product q = *p;
    q.rows = p->columns;
    q.columns = p->rows;
    q.a = p->b;
    q.b = p->a;
    q.c = p->scratch;
    q.scratch = p->scratch + p->rows * p->columns;
    q.add = false;
    multiply(&q);
    for (int64_t i = 0; i < p->rows; ++i)
        for (int64_t j = 0; j < p->columns; ++j)
            p->c[i * p->columns + j] = (p->add ? p->c[i * p->columns + j] : 0.0f) + q.c[j * p->rows + i];
}

/* Floats of scratch for find_panels. A part of a call may have less of the inner axis, and so wider blocks. */
static size_t product_scratch(int64_t inner, int64_t columns, bool packed)
{
    const int64_t steps = inner < inner_most(inner) ? inner : inner_most(inner);
    const int64_t narrowest = steps * PANEL, all = steps * whole_vectors(columns);
    const int64_t most = narrowest > BLOCK_FLOATS ? narrowest : BLOCK_FLOATS;
    return (size_t)(!packed ? narrowest : all < most ? all : most);
}

/* --- operations -------------------------------------------------------------------------------------------------- */

static size_t packed_floats(const struct orr_call *call, bool turned)
{
    const struct orr_tensor *b = &call->in[1];
    return (size_t)(b->dim[turned] * whole_vectors(b->dim[!turned]));
}

static void pack_operand(const struct cpu_view *b, bool turned, float *packed)
{
    product_pack(b->data, b->dim[1], turned, b->dim[turned], b->dim[!turned], packed);
}

/* One of the things that may come after a product, or none. */
static bool takes_one(const struct cpu_after *after)
{
    if (after->before && !after->activation) return false;
    if (after->activation && after->activation != ORR_OP_SILU && after->activation != ORR_OP_GELU) return false;
    if (after->slope && after->slope != ORR_OP_SILU_GRAD && after->slope != ORR_OP_GELU_GRAD) return false;
    return (after->activation != 0) + (after->slope != 0) + (after->residual != NULL) <= 1;
}

/* a (.., m, k) x b (.., k, n) -> (.., m, n); i[0]: a is given as (.., k, m); i[1]: b is given as (.., n, k). */
static void run_matmul(const struct cpu_job *job)
{
    const struct cpu_view *a = &job->in[0], *out = &job->out[0];
    const uint32_t rank = out->rank;
    struct product p = {.rows = out->dim[rank - 2],
                        .columns = out->dim[rank - 1],
                        .a_turned = job->call->attr.i[0] != 0,
                        .b_turned = job->call->attr.i[1] != 0,
                        .packed = job->packed[1],
                        .add = job->add,
                        .after = &job->after,
                        .scratch = job->scratch};
    p.inner = a->dim[rank - 1 - p.a_turned];
    const int64_t products = cpu_span(out, 0, rank - 2);
    for (int64_t i = 0; i < products; ++i) {
        p.a = (const float *)a->data + i * p.rows * p.inner;
        p.b = (const float *)job->in[1].data + i * p.inner * p.columns;
        p.c = (float *)out->data + i * p.rows * p.columns;
        if (is_narrow(p.rows, p.columns, p.a_turned, p.b_turned))
            multiply_narrow(&p);
        else
            multiply(&p);
    }
}

static size_t matmul_scratch(const struct orr_call *call, int64_t groups, int64_t count)
{
    (void)groups, (void)count;
    const struct orr_tensor *a = &call->in[0], *out = &call->out[0];
    const bool a_turned = call->attr.i[0] != 0, b_turned = call->attr.i[1] != 0;
    const int64_t rows = out->dim[out->rank - 2], columns = out->dim[out->rank - 1],
                  inner = a->dim[a->rank - 1 - a_turned];
    if (is_narrow(rows, columns, a_turned, b_turned))
        return sizeof(float) * ((size_t)(rows * columns) + product_scratch(inner, rows, false));
    return sizeof(float) * product_scratch(inner, columns, packs(rows, columns, a_turned, b_turned));
}

/* Of weights, which meet many rows. */
static size_t matmul_pack_floats(const struct orr_call *call, uint32_t k)
{
    return k == 1 && call->in[1].rank == 2 && !call->attr.i[0] ? packed_floats(call, call->attr.i[1] != 0) : 0;
}

static void matmul_pack(const struct orr_call *call, uint32_t k, const struct cpu_view *in, float *packed)
{
    (void)k;
    pack_operand(in, call->attr.i[1] != 0, packed);
}

static bool matmul_takes_after(const struct orr_call *call, const struct cpu_after *after)
{
    return call->out[0].rank == 2 && !call->attr.i[0] && takes_one(after);
}

const struct cpu_kernel CPU_KERNEL(MATMUL) = {.run = run_matmul,
                                              .scratch = matmul_scratch,
                                              .pack_floats = matmul_pack_floats,
                                              .pack = matmul_pack,
                                              .takes_after = matmul_takes_after};

/* x (.., in), W (in, out), b (out) -> (.., out). */
static void run_linear(const struct cpu_job *job)
{
    const struct cpu_view *weight = &job->in[1];
    const struct product p = {.rows = cpu_rows(&job->in[0]),
                              .inner = weight->dim[0],
                              .columns = weight->dim[1],
                              .a = job->in[0].data,
                              .b = weight->data,
                              .packed = job->packed[1],
                              .bias = job->in[2].data,
                              .after = &job->after,
                              .c = job->out[0].data,
                              .scratch = job->scratch};
    multiply(&p);
}

static size_t linear_scratch(const struct orr_call *call, int64_t groups, int64_t count)
{
    (void)groups, (void)count;
    return sizeof(float) * product_scratch(call->in[1].dim[0], call->in[1].dim[1], false);
}

static size_t linear_pack_floats(const struct orr_call *call, uint32_t k)
{
    return k == 1 ? packed_floats(call, false) : 0;
}

static void linear_pack(const struct orr_call *call, uint32_t k, const struct cpu_view *in, float *packed)
{
    (void)call, (void)k;
    pack_operand(in, false, packed);
}

static bool linear_takes_after(const struct orr_call *call, const struct cpu_after *after)
{
    (void)call;
    return takes_one(after);
}

const struct cpu_kernel CPU_KERNEL(LINEAR) = {.run = run_linear,
                                              .scratch = linear_scratch,
                                              .pack_floats = linear_pack_floats,
                                              .pack = linear_pack,
                                              .takes_after = linear_takes_after};
