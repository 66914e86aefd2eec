/* Matrix products, all of them by CLBlast's plain single-precision product at offset 0 of an aligned (sub-)buffer.
 *
 * Many small products are a loop of plain ones. An operand that does not begin at a multiple of the device's alignment,
 * or whose matrices are not such a multiple apart, is copied to scratch first, and a result is copied back. When both
 * operands are given transposed the first is turned while it is copied.
 */
#include "operations.h"

#include <stdio.h>

/* Multiply-adds of one call of CLBlast, as a multiple of launch_work: they cost much less than other visits. */
enum { PRODUCT_WORK = 8 };

/* The matrices of one operand: `elements` each, `stride` bytes apart, from byte `first` of memory. */
struct operand {
    const struct orr_tensor *tensor;
    uint64_t elements;
    cl_mem memory;
    uint64_t first, stride;
    bool staged, turned;
};

/* out (count, m, n) := a (count, m, k) times b (count, k, n); a is given as (k, m) when ta, b as (n, k) when tb. */
struct product {
    uint64_t count, m, n, k;
    bool ta, tb;
    struct operand a, b, c;
};

static uint64_t aligned(const struct orr_device *dev, uint64_t bytes)
{
    return (bytes + dev->align - 1) / dev->align * dev->align;
}

/* The part of `memory` from byte `first` on: the buffer itself where that is its beginning. */
static orr_status part_of(cl_mem memory, uint64_t first, uint64_t elements, cl_mem *out, bool *release,
                          struct orr_error *err)
{
    const cl_buffer_region region = {.origin = (size_t)first, .size = (size_t)(elements * 4)};
    cl_int code = CL_SUCCESS;
    *out = memory;
    *release = false;
    if (first == 0) return ORR_OK;
    *out = cl.clCreateSubBuffer(memory, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (!*out) return opencl_fail(err, "clCreateSubBuffer", code, "product");
    *release = true;
    return ORR_OK;
}

/* One call of CLBlast. Parts are released when what is queued has used them. */
static orr_status multiply(struct orr_device *dev, const struct product *p, uint64_t at_a, uint64_t at_b, uint64_t at_c,
                           float beta, struct orr_error *err)
{
    const uint64_t at[3] = {at_a, at_b, at_c}, elements[3] = {p->m * p->k, p->k * p->n, p->m * p->n};
    const cl_mem whole[3] = {p->a.memory, p->b.memory, p->c.memory};
    cl_mem part[3];
    bool release[3] = {false, false, false};
    orr_status status = ORR_OK;
    for (int i = 0; i < 3 && status == ORR_OK; ++i)
        status = part_of(whole[i], at[i], elements[i], &part[i], &release[i], err);
    if (status == ORR_OK) {
        const CLBlastStatusCode code =
            clblast.CLBlastSgemm(CLBlastLayoutRowMajor, p->ta ? CLBlastTransposeYes : CLBlastTransposeNo,
                                 p->tb ? CLBlastTransposeYes : CLBlastTransposeNo, (size_t)p->m, (size_t)p->n,
                                 (size_t)p->k, 1.0f, part[0], 0, (size_t)(p->ta ? p->m : p->k), part[1], 0,
                                 (size_t)(p->tb ? p->k : p->n), beta, part[2], 0, (size_t)p->n, &dev->queue, NULL);
        char what[96];
        snprintf(what, sizeof what, "product of (%llu, %llu) and (%llu, %llu)", (unsigned long long)p->m,
                 (unsigned long long)p->k, (unsigned long long)p->k, (unsigned long long)p->n);
        if (code != CLBlastSuccess) status = opencl_fail(err, "CLBlastSgemm", (int)code, what);
    }
    for (int i = 0; i < 3; ++i)
        if (release[i]) cl.clReleaseMemObject(part[i]);
    return status == ORR_OK ? opencl_queued(dev, 4, err) : status;
}

/* The i-th product, in pieces whose work is bounded. Pieces are rows of the result, or of the inner axis when a is
 * transposed; they are as many rows as keep every part aligned. */
static orr_status multiply_bounded(struct orr_device *dev, const struct product *p, uint64_t i, struct orr_error *err)
{
    const uint64_t a = p->a.first + i * p->a.stride, b = p->b.first + i * p->b.stride, c = p->c.first + i * p->c.stride;
    const uint64_t limit = dev->launch_work * PRODUCT_WORK, unit = dev->align / 4;
    const uint64_t whole = p->ta ? p->k : p->m, cost = p->ta ? p->m * p->n : p->n * p->k;
    uint64_t rows = limit / cost / unit * unit;
    if (rows == 0) rows = unit;
    for (uint64_t first = 0; first < whole; first += rows) {
        struct product piece = *p;
        const uint64_t count = whole - first < rows ? whole - first : rows;
        if (p->ta) {
            piece.k = count;
            OPENCL_TRY(multiply(dev, &piece, a + first * p->m * 4, b + first * p->n * 4, c, first ? 1.0f : 0.0f, err));
        } else {
            piece.m = count;
            OPENCL_TRY(multiply(dev, &piece, a + first * p->k * 4, b, c + first * p->n * 4, 0.0f, err));
        }
    }
    return ORR_OK;
}

static void place(const struct orr_device *dev, const struct product *p, struct operand *o, uint64_t *scratch)
{
    const bool apart = p->count == 1 || o->elements * 4 % dev->align == 0;
    o->staged = o->turned || o->tensor->offset % dev->align != 0 || !apart;
    o->memory = o->tensor->buffer->memory;
    o->first = o->tensor->offset;
    o->stride = o->elements * 4;
    if (!o->staged) return;
    o->stride = aligned(dev, o->stride);
    o->first = *scratch;
    *scratch += o->stride * p->count;
}

static struct opencl_pieces in_tensor(const struct operand *o)
{
    return (struct opencl_pieces){o->tensor->buffer->memory, opencl_first(o->tensor), (int)o->elements};
}

static struct opencl_pieces in_scratch(const struct operand *o)
{
    return (struct opencl_pieces){o->memory, (int)(o->first / 4), (int)(o->stride / 4)};
}

/* a (k, m) into scratch as (m, k), matrix by matrix. */
static orr_status turn(struct orr_device *dev, const struct product *p, struct orr_error *err)
{
    for (uint64_t i = 0; i < p->count; ++i) {
        const struct params_strided params = {.in = opencl_first(p->a.tensor) + (int)(i * p->a.elements),
                                              .y = (int)((p->a.first + i * p->a.stride) / 4),
                                              .count = (int)p->a.elements,
                                              .dim = {1, 1, (int)p->m, (int)p->k},
                                              .stride = {0, 0, 1, (int)p->m}};
        const struct opencl_launch launch = {.kernel = OPENCL_move_strided,
                                             .params = &params,
                                             .items = p->a.elements,
                                             .buffer = {p->a.tensor->buffer->memory, p->a.memory}};
        OPENCL_TRY(opencl_launch(dev, &launch, err));
    }
    return ORR_OK;
}

static orr_status run_product(struct orr_device *dev, struct product *p, struct orr_error *err)
{
    struct operand *const operands[] = {&p->a, &p->b, &p->c};
    const struct orr_tensor *out = p->c.tensor;
    const int count = (int)p->count;
    uint64_t needed = 0;
    cl_mem scratch = NULL;
    if (p->count == 0 || p->m == 0 || p->n == 0) return ORR_OK;
    if (p->k == 0)
        return opencl_fill(dev, out->buffer->memory, opencl_first(out), (int)(p->count * p->m * p->n), 0, err);
    p->a.elements = p->m * p->k;
    p->b.elements = p->k * p->n;
    p->c.elements = p->m * p->n;
    p->a.turned = p->ta && p->tb;
    for (int i = 0; i < 3; ++i)
        place(dev, p, operands[i], &needed);
    if (needed) OPENCL_TRY(opencl_scratch(dev, needed / 4, &scratch, err));
    for (int i = 0; i < 3; ++i)
        if (operands[i]->staged) operands[i]->memory = scratch;
    if (p->a.turned) OPENCL_TRY(turn(dev, p, err));
    if (p->a.turned) p->ta = false;
    for (int i = 0; i < 2; ++i)
        if (operands[i]->staged && !operands[i]->turned)
            OPENCL_TRY(opencl_copy(dev, in_tensor(operands[i]), in_scratch(operands[i]), count,
                                   (int)operands[i]->elements, err));
    for (uint64_t i = 0; i < p->count && !dev->rehearsing; ++i)
        OPENCL_TRY(multiply_bounded(dev, p, i, err));
    if (!p->c.staged) return ORR_OK;
    return opencl_copy(dev, in_scratch(&p->c), in_tensor(&p->c), count, (int)p->c.elements, err);
}

OPERATION(MATMUL)
{
    const struct orr_tensor *a = &call->in[0], *b = &call->in[1], *out = &call->out[0];
    const uint32_t rank = out->rank;
    const bool ta = call->attr.i[0] != 0, tb = call->attr.i[1] != 0;
    struct product p = {.count = (uint64_t)opencl_span(out, 0, rank - 2),
                        .m = (uint64_t)out->dim[rank - 2],
                        .n = (uint64_t)out->dim[rank - 1],
                        .k = (uint64_t)a->dim[rank - 1 - ta],
                        .ta = ta,
                        .tb = tb,
                        .a = {.tensor = a},
                        .b = {.tensor = b},
                        .c = {.tensor = out}};
    return run_product(dev, &p, err);
}

/* One product of (all rows, in), whatever the rank of x; then the bias is added in place. */
OPERATION(LINEAR)
{
    const struct orr_tensor *x = &call->in[0], *weight = &call->in[1], *bias = &call->in[2], *y = &call->out[0];
    struct product p = {.count = 1,
                        .m = (uint64_t)opencl_rows(x),
                        .n = (uint64_t)weight->dim[1],
                        .k = (uint64_t)weight->dim[0],
                        .a = {.tensor = x},
                        .b = {.tensor = weight},
                        .c = {.tensor = y}};
    OPENCL_TRY(run_product(dev, &p, err));
    const struct params_elementwise params = {
        .b = opencl_first(bias), .c = (int)p.n, .y = opencl_first(y), .count = opencl_count(y)};
    const struct opencl_launch launch = {.kernel = OPENCL_elementwise_add_row,
                                         .params = &params,
                                         .items = (uint64_t)params.count,
                                         .buffer = {bias->buffer->memory, y->buffer->memory}};
    return opencl_launch(dev, &launch, err);
}
