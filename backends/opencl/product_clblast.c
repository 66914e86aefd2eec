/* Matrix products by CLBlast's plain single-precision product on aligned sub-buffers.
 *
 * Many small products are a loop of plain ones. An operand that does not begin at a multiple of the device's alignment,
 * or whose matrices are not such a multiple apart, is copied to scratch first, and a result is copied back. When both
 * operands are given transposed the first is turned while it is copied. What is to be done to the result beside is a
 * launch of its own.
 */
#include "product.h"

#include <stdio.h>

/* The matrices of one operand: `elements` each, `stride` bytes apart, from byte `first` of memory. */
struct operand {
    const struct orr_tensor *tensor;
    uint64_t elements;
    cl_mem memory;
    uint64_t first, stride;
    bool staged, turned;
};

/* A product and where its operands lie; ta and tb are of the operands as CLBlast gets them. */
struct work {
    uint64_t count, m, n, k;
    bool ta, tb;
    struct operand a, b, c;
    struct {
        uint64_t first, bytes; /* in scratch */
        cl_mem part;           /* NULL when CLBlast needs none */
    } temporary;
    cl_mem part[3]; /* of a, b and c: the matrices of one product */
};

static uint64_t aligned(const struct orr_device *dev, uint64_t bytes)
{
    return (bytes + dev->align - 1) / dev->align * dev->align;
}

/* Bytes [first, first + bytes) of memory, as an object of its own; the caller releases it. */
static orr_status part_of(cl_mem memory, uint64_t first, uint64_t bytes, cl_mem *out, struct orr_error *err)
{
    const cl_buffer_region region = {.origin = (size_t)first, .size = (size_t)bytes};
    cl_int code = CL_SUCCESS;
    *out = cl.clCreateSubBuffer(memory, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    return *out ? ORR_OK : opencl_fail(err, "clCreateSubBuffer", code, "product");
}

/* What one call of CLBlast computes: a block of the result from a range of the inner axis. */
struct block {
    uint64_t row, column, inner; /* where it begins */
    uint64_t m, n, k;
};

/* What CLBlast wants to know of a block, in elements: where each operand's part begins, and the length of its rows. */
struct layout {
    size_t a, b, c, a_row, b_row, c_row;
};

static struct layout layout_of(const struct work *p, const struct block *at)
{
    return (struct layout){.a = (size_t)(p->ta ? at->inner * p->m + at->row : at->row * p->k + at->inner),
                           .b = (size_t)(p->tb ? at->column * p->k + at->inner : at->inner * p->n + at->column),
                           .c = (size_t)(at->row * p->n + at->column),
                           .a_row = (size_t)(p->ta ? p->m : p->k),
                           .b_row = (size_t)(p->tb ? p->k : p->n),
                           .c_row = (size_t)p->n};
}

static CLBlastTranspose turned(bool yes) { return yes ? CLBlastTransposeYes : CLBlastTransposeNo; }

static orr_status product_failed(const char *call, CLBlastStatusCode code, const struct block *at,
                                 struct orr_error *err)
{
    char what[96];
    snprintf(what, sizeof what, "product of (%llu, %llu) and (%llu, %llu)", (unsigned long long)at->m,
             (unsigned long long)at->k, (unsigned long long)at->k, (unsigned long long)at->n);
    return opencl_fail(err, call, (int)code, what);
}

/* The size of a block: the largest axis is halved until the work is bounded. Depends on shapes and launch_work only. */
static struct block block_size(const struct orr_device *dev, const struct work *p)
{
    struct block size = {.m = p->m, .n = p->n, .k = p->k};
    const uint64_t most = dev->launch_work * PRODUCT_WORK;
    while (size.m * size.n * size.k > most) {
        uint64_t *largest = size.m >= size.n ? &size.m : &size.n;
        if (size.k > *largest) largest = &size.k;
        *largest = (*largest + 1) / 2;
    }
    return size;
}

/* Does fn for every block of the product, in order; those of the inner axis follow each other. */
typedef orr_status (*block_function)(struct orr_device *dev, struct work *p, const struct block *at,
                                     struct orr_error *err);
static orr_status each_block(struct orr_device *dev, struct work *p, block_function fn, struct orr_error *err)
{
    const struct block size = block_size(dev, p);
    struct block at;
    for (at.row = 0; at.row < p->m; at.row += size.m)
        for (at.column = 0; at.column < p->n; at.column += size.n)
            for (at.inner = 0; at.inner < p->k; at.inner += size.k) {
                at.m = p->m - at.row < size.m ? p->m - at.row : size.m;
                at.n = p->n - at.column < size.n ? p->n - at.column : size.n;
                at.k = p->k - at.inner < size.k ? p->k - at.inner : size.k;
                OPENCL_TRY(fn(dev, p, &at, err));
            }
    return ORR_OK;
}

/* Raises p->temporary.bytes to what CLBlast needs beside the operands of a block. */
static orr_status measure(struct orr_device *dev, struct work *p, const struct block *at, struct orr_error *err)
{
    const struct layout l = layout_of(p, at);
    size_t bytes = 0;
    const CLBlastStatusCode code = clblast.CLBlastSGemmTempBufferSize(
        CLBlastLayoutRowMajor, turned(p->ta), turned(p->tb), (size_t)at->m, (size_t)at->n, (size_t)at->k, l.a, l.a_row,
        l.b, l.b_row, l.c, l.c_row, &dev->queue, &bytes);
    if (code != CLBlastSuccess) return product_failed("CLBlastSGemmTempBufferSize", code, at, err);
    if (bytes > p->temporary.bytes) p->temporary.bytes = bytes;
    return ORR_OK;
}

/* One call of CLBlast, on p->part. Its temporaries lie in scratch, since the queue is in order: otherwise it would
 * allocate them anew in every call, and hold those of every call that is queued. */
static orr_status multiply(struct orr_device *dev, struct work *p, const struct block *at, struct orr_error *err)
{
    const struct layout l = layout_of(p, at);
    const CLBlastStatusCode code = clblast.CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, turned(p->ta), turned(p->tb), (size_t)at->m, (size_t)at->n, (size_t)at->k, 1.0f,
        p->part[0], l.a, l.a_row, p->part[1], l.b, l.b_row, at->inner ? 1.0f : 0.0f, p->part[2], l.c, l.c_row,
        &dev->queue, NULL, p->temporary.part);
    if (code != CLBlastSuccess) return product_failed("CLBlastSgemmWithTempBuffer", code, at, err);
    return opencl_queued(dev, 4, (at->m * at->n * at->k + PRODUCT_WORK - 1) / PRODUCT_WORK, err);
}

static orr_status multiply_blocks(struct orr_device *dev, const void *state, struct orr_error *err)
{
    struct work work = *(const struct work *)state;
    return each_block(dev, &work, multiply, err);
}

/* Whatever is queued keeps what it needs of them. */
static void release_parts(struct orr_device *dev, void *state)
{
    const struct work *p = state;
    (void)dev;
    for (int i = 0; i < 3; ++i)
        if (p->part[i]) cl.clReleaseMemObject(p->part[i]);
    if (p->temporary.part) cl.clReleaseMemObject(p->temporary.part);
}

/* The i-th product. */
static orr_status multiply_one(struct orr_device *dev, const struct work *p, uint64_t i, cl_mem scratch,
                               struct orr_error *err)
{
    const struct operand *const operands[3] = {&p->a, &p->b, &p->c};
    struct work one = *p;
    orr_status status = ORR_OK;
    one.part[0] = one.part[1] = one.part[2] = one.temporary.part = NULL;
    if (p->temporary.bytes) status = part_of(scratch, p->temporary.first, p->temporary.bytes, &one.temporary.part, err);
    for (int k = 0; k < 3 && status == ORR_OK; ++k)
        status = part_of(operands[k]->memory, operands[k]->first + i * operands[k]->stride, operands[k]->elements * 4,
                         &one.part[k], err);
    const struct opencl_foreign foreign = {multiply_blocks, release_parts, &one, sizeof one};
    if (status == ORR_OK) return opencl_queue_foreign(dev, &foreign, err);
    release_parts(dev, &one);
    return status;
}

static void place(const struct orr_device *dev, const struct work *p, struct operand *o, uint64_t *scratch)
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
static orr_status turn(struct orr_device *dev, const struct work *p, struct orr_error *err)
{
    for (uint64_t i = 0; i < p->count; ++i) {
        const struct params_strided params = {.in = opencl_first(p->a.tensor) + (int)(i * p->a.elements),
                                              .y = (int)((p->a.first + i * p->a.stride) / 4),
                                              .dim = {1, 1, (int)p->m, (int)p->k},
                                              .stride = {0, 0, 1, (int)p->m}};
        OPENCL_TRY(opencl_move_strided(dev, params, p->a.tensor->buffer->memory, p->a.memory, err));
    }
    return ORR_OK;
}

static orr_status run(struct orr_device *dev, struct work *p, struct orr_error *err)
{
    struct operand *const operands[] = {&p->a, &p->b, &p->c};
    const int count = (int)p->count;
    uint64_t needed = 0;
    cl_mem scratch = NULL;
    p->a.elements = p->m * p->k;
    p->b.elements = p->k * p->n;
    p->c.elements = p->m * p->n;
    p->a.turned = p->ta && p->tb;
    for (int i = 0; i < 3; ++i)
        place(dev, p, operands[i], &needed);
    if (p->a.turned) p->ta = false;
    OPENCL_TRY(each_block(dev, p, measure, err));
    p->temporary.first = needed;
    needed += p->temporary.bytes;
    OPENCL_TRY(opencl_scratch(dev, (needed + 3) / 4, &scratch, err));
    for (int i = 0; i < 3; ++i)
        if (operands[i]->staged) operands[i]->memory = scratch;
    if (p->a.turned) OPENCL_TRY(turn(dev, p, err));
    for (int i = 0; i < 2; ++i)
        if (operands[i]->staged && !operands[i]->turned)
            OPENCL_TRY(opencl_copy(dev, in_tensor(operands[i]), in_scratch(operands[i]), count,
                                   (int)operands[i]->elements, err));
    for (uint64_t i = 0; i < p->count; ++i)
        OPENCL_TRY(multiply_one(dev, p, i, scratch, err));
    if (!p->c.staged) return ORR_OK;
    return opencl_copy(dev, in_scratch(&p->c), in_tensor(&p->c), count, (int)p->c.elements, err);
}

/* Operands of what lies in scratch. */
orr_status opencl_product_clblast_try(struct orr_device *dev, const struct product *p, struct orr_error *err)
{
    struct work work = {.count = 1, .m = p->m, .n = p->n, .k = p->k, .ta = p->ta && !p->tb, .tb = p->tb};
    struct operand *const operands[3] = {&work.a, &work.b, &work.c};
    cl_mem scratch;
    work.a.elements = p->m * p->k;
    work.b.elements = p->k * p->n;
    work.c.elements = p->m * p->n;
    OPENCL_TRY(each_block(dev, &work, measure, err));
    uint64_t needed = aligned(dev, work.temporary.bytes);
    for (int i = 0; i < 3; ++i) {
        operands[i]->first = needed;
        needed += aligned(dev, operands[i]->elements * 4);
    }
    OPENCL_TRY(opencl_scratch(dev, needed / 4, &scratch, err));
    work.a.memory = work.b.memory = work.c.memory = scratch;
    opencl_compiling(dev, "products");
    const bool rehearsing = dev->rehearsing;
    dev->rehearsing = false;
    const orr_status status = multiply_one(dev, &work, 0, scratch, err);
    dev->rehearsing = rehearsing;
    if (status != ORR_OK) return status;
    OPENCL_CALL("compiling products", clFinish, dev->queue);
    return ORR_OK;
}

orr_status opencl_product_clblast(struct orr_device *dev, const struct product *p, struct orr_error *err)
{
    struct work work = {.count = p->count,
                        .m = p->m,
                        .n = p->n,
                        .k = p->k,
                        .ta = p->ta,
                        .tb = p->tb,
                        .a = {.tensor = p->a},
                        .b = {.tensor = p->b},
                        .c = {.tensor = p->y}};
    struct params_product params = opencl_product_params(p);
    OPENCL_TRY(run(dev, &work, err));
    if (!(params.with & PRODUCT_EPILOGUE)) return ORR_OK;
    params.a = params.y;
    return opencl_product_finish(dev, p, &params, p->y->buffer->memory, err);
}
