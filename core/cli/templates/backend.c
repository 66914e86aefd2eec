/* The backend `example`: every primitive of Orrery in plain C on the host, and nothing else.
 *
 * In: orrery/backend.h. Out: one shared object that exports orr_plugin_query. Composites (softmax, attention, ...) are
 * composed of primitives by the engine; take them one by one in `supports` and `run` where your device is faster.
 */
#include "orrery/backend.h"

#include "orrery/random.h"

#include <math.h>
#include <string.h>

enum { ALIGN = 64 };

static const struct orr_host *host; /* memory, errors and log of the engine */

struct orr_device {
    uint32_t index;
};

struct orr_buffer {
    unsigned char *data;
};

/* --- tensors ------------------------------------------------------------------------------------------ */

static void *at(const struct orr_tensor *t) { return t->buffer->data + t->offset; }

static int64_t span(const struct orr_tensor *t, int64_t from, int64_t to)
{
    int64_t n = 1;
    for (int64_t k = from; k < to; ++k)
        n *= t->dim[k];
    return n;
}

static int64_t count(const struct orr_tensor *t) { return span(t, 0, t->rank); }

/* Elements between neighbours along each axis, of a tensor as four axes; missing ones come first. */
static void strides(const struct orr_tensor *t, int64_t dim[4], int64_t step[4])
{
    int64_t next = 1;
    for (int k = 3; k >= 0; --k) {
        const int axis = k - 4 + (int)t->rank;
        dim[k] = axis >= 0 ? t->dim[axis] : 1;
        step[k] = next;
        next *= dim[k];
    }
}

/* --- moving numbers: f32 and i32 are both words of four bytes ----------------------------------------------- */

static void copy_words(const int64_t n[4], uint32_t *to, const int64_t to_step[4], const uint32_t *from,
                       const int64_t from_step[4])
{
    for (int64_t a = 0; a < n[0]; ++a)
        for (int64_t b = 0; b < n[1]; ++b)
            for (int64_t c = 0; c < n[2]; ++c)
                for (int64_t d = 0; d < n[3]; ++d)
                    to[a * to_step[0] + b * to_step[1] + c * to_step[2] + d * to_step[3]] =
                        from[a * from_step[0] + b * from_step[1] + c * from_step[2] + d * from_step[3]];
}

/* COPY BROADCAST PERMUTE SLICE PAD: the same loop with other steps. */
static void move(const struct orr_call *call)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    const int64_t *i = call->attr.i;
    int64_t in_dim[4], in_step[4], out_dim[4], out_step[4], from[4];
    uint32_t *to = at(out), *source = at(in);
    strides(in, in_dim, in_step);
    strides(out, out_dim, out_step);
    memcpy(from, in_step, sizeof from);
    for (int k = 0; k < 4; ++k) {
        const int axis = k - 4 + (int)in->rank;
        if (call->op == ORR_OP_BROADCAST && in_dim[k] == 1) from[k] = 0;
        if (call->op == ORR_OP_PERMUTE && axis >= 0) from[k] = in_step[i[axis] + 4 - in->rank];
        if (call->op == ORR_OP_SLICE && axis == i[0]) source += i[1] * in_step[k];
        if (call->op == ORR_OP_PAD && axis == i[0]) to += i[1] * out_step[k];
    }
    if (call->op == ORR_OP_PAD) memset(at(out), 0, (size_t)count(out) * 4);
    copy_words(call->op == ORR_OP_PAD ? in_dim : out_dim, to, out_step, source, from);
}

/* GATHER SCATTER_ADD PUT: rows of a table by index; -1 is a gap. */
static void rows(const struct orr_call *call)
{
    const struct orr_tensor *table = &call->in[0];
    const int64_t run = call->op != ORR_OP_PUT && call->attr.i[0] > 1 ? call->attr.i[0] : 1;
    const int64_t width = span(table, 1, table->rank), block = run * width, n = count(&call->in[1]);
    const int32_t *index = at(&call->in[1]);
    uint32_t *out = at(&call->out[0]);
    const uint32_t *from = at(&call->in[0]);
    if (call->op != ORR_OP_GATHER && out != from) memcpy(out, from, (size_t)count(table) * 4);
    for (int64_t k = 0; k < n && block; ++k) {
        if (call->op == ORR_OP_PUT) {
            const int64_t row = (index[0] % table->dim[0] + table->dim[0]) % table->dim[0];
            memcpy(out + row * width, at(&call->in[2]), (size_t)width * 4);
        } else if (call->op == ORR_OP_GATHER) {
            if (index[k] < 0) memset(out + k * block, 0, (size_t)block * 4);
            if (index[k] >= 0) memcpy(out + k * block, from + index[k] * width, (size_t)block * 4);
        } else if (index[k] >= 0) {
            float *sum = (float *)out + index[k] * width;
            for (int64_t j = 0; j < block; ++j)
                sum[j] += ((const float *)at(&call->in[2]))[k * block + j];
        }
    }
}

/* FILL CAST ONE_HOT RANDOM_INT RANDOM_NORMAL: numbers made from a few others. */
static void make(const struct orr_call *call)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    const bool whole = out->dtype == ORR_I32;
    const int64_t *i = call->attr.i;
    const int32_t *index = call->n_in ? at(in) : NULL;
    float *real = at(out);
    int32_t *number = at(out);
    uint32_t word[4] = {0};
    for (int64_t e = 0; e < count(out); ++e) {
        double x = call->op == ORR_OP_FILL ? call->attr.f[0] : 0;
        if (call->op == ORR_OP_CAST) x = in->dtype == ORR_I32 ? index[e] : (double)((const float *)at(in))[e];
        if (call->op == ORR_OP_ONE_HOT) x = index[e / i[0]] == e % i[0];
        if ((call->op == ORR_OP_RANDOM_INT || call->op == ORR_OP_RANDOM_NORMAL) && e % 4 == 0)
            orr_random_block((uint64_t)i[0], (uint32_t)i[1], (uint32_t)*index, (uint32_t)(e / 4), word);
        if (call->op == ORR_OP_RANDOM_INT) x = orr_random_below(word[e % 4], (uint32_t)i[2]);
        if (call->op == ORR_OP_RANDOM_NORMAL) x = (double)((float)call->attr.f[0] * orr_random_normal(word[e % 4]));
        if (whole) number[e] = isnan(x) ? 0 : x >= INT32_MAX ? INT32_MAX : x <= INT32_MIN ? INT32_MIN : (int32_t)x;
        if (!whole) real[e] = (float)x;
    }
}

/* --- arithmetic ----------------------------------------------------------------------------------------- */

static float element(const struct orr_call *call, float a, float b)
{
    switch (call->op) {
    case ORR_OP_NEG:
        return -a;
    case ORR_OP_EXP:
        return expf(a);
    case ORR_OP_LOG:
        return logf(a);
    case ORR_OP_SQRT:
        return sqrtf(a);
    case ORR_OP_TANH:
        return tanhf(a);
    case ORR_OP_ERF:
        return erff(a);
    case ORR_OP_STEP:
        return a > 0 ? 1 : a <= 0 ? 0 : a; /* NaN stays */
    case ORR_OP_AFFINE:
        return (float)call->attr.f[0] * a + (float)call->attr.f[1];
    case ORR_OP_ADD:
        return a + b;
    case ORR_OP_SUB:
        return a - b;
    case ORR_OP_MUL:
        return a * b;
    case ORR_OP_DIV:
        return a / b;
    default:
        return a > b || isnan(a) ? a : b; /* MAXIMUM */
    }
}

static void elements(const struct orr_call *call)
{
    const float *a = at(&call->in[0]), *b = call->n_in > 1 ? at(&call->in[1]) : a;
    float *out = at(&call->out[0]);
    const int64_t n = count(&call->out[0]);
    for (int64_t e = 0; e < n; ++e) {
        if (call->out[0].dtype == ORR_I32)
            ((int32_t *)out)[e] = ((const int32_t *)a)[e] + ((const int32_t *)b)[e]; /* ADD alone */
        else
            out[e] = element(call, a[e], b[e]);
    }
}

/* SUM MAX along axis i[0]. Sums in double stay within their bound however long the axis is. */
static void reduce(const struct orr_call *call)
{
    const struct orr_tensor *x = &call->in[0];
    const int64_t axis = call->attr.i[0], length = x->dim[axis], inner = span(x, axis + 1, x->rank);
    const float *in = at(x);
    float *out = at(&call->out[0]);
    for (int64_t e = 0; e < count(&call->out[0]); ++e) {
        const float *from = in + e / inner * length * inner + e % inner;
        double sum = 0;
        float most = -INFINITY;
        for (int64_t k = 0; k < length; ++k) {
            sum += (double)from[k * inner];
            if (from[k * inner] > most || isnan(from[k * inner])) most = from[k * inner];
            if (isnan(most)) break;
        }
        out[e] = call->op == ORR_OP_SUM ? (float)sum : most;
    }
}

/* MATMUL: i[0] the first is (.., k, m), i[1] the second is (.., n, k). */
static void multiply(const struct orr_call *call)
{
    const struct orr_tensor *a = &call->in[0], *out = &call->out[0];
    const bool ta = call->attr.i[0], tb = call->attr.i[1];
    const int64_t m = out->dim[out->rank - 2], n = out->dim[out->rank - 1], k = a->dim[a->rank - 1 - ta];
    const float *left = at(a), *right = at(&call->in[1]);
    float *to = at(out);
    for (int64_t p = 0; p < span(out, 0, out->rank - 2); ++p, left += m * k, right += k * n)
        for (int64_t row = 0; row < m; ++row)
            for (int64_t column = 0; column < n; ++column) {
                double sum = 0;
                for (int64_t j = 0; j < k; ++j)
                    sum += (double)left[ta ? j * m + row : row * k + j] *
                           (double)right[tb ? column * k + j : j * n + column];
                *to++ = (float)sum;
            }
}

/* What runs an operation; NULL: the engine lowers it, or says that it is missing. */
static void (*const kernels[ORR_OP_COUNT_])(const struct orr_call *) = {
    [ORR_OP_FILL] = make,          [ORR_OP_CAST] = make,       [ORR_OP_ONE_HOT] = make,   [ORR_OP_RANDOM_INT] = make,
    [ORR_OP_RANDOM_NORMAL] = make, [ORR_OP_COPY] = move,       [ORR_OP_BROADCAST] = move, [ORR_OP_PERMUTE] = move,
    [ORR_OP_SLICE] = move,         [ORR_OP_PAD] = move,        [ORR_OP_GATHER] = rows,    [ORR_OP_SCATTER_ADD] = rows,
    [ORR_OP_PUT] = rows,           [ORR_OP_NEG] = elements,    [ORR_OP_EXP] = elements,   [ORR_OP_LOG] = elements,
    [ORR_OP_SQRT] = elements,      [ORR_OP_TANH] = elements,   [ORR_OP_ERF] = elements,   [ORR_OP_ADD] = elements,
    [ORR_OP_SUB] = elements,       [ORR_OP_MUL] = elements,    [ORR_OP_DIV] = elements,   [ORR_OP_MAXIMUM] = elements,
    [ORR_OP_STEP] = elements,      [ORR_OP_AFFINE] = elements, [ORR_OP_SUM] = reduce,     [ORR_OP_MAX] = reduce,
    [ORR_OP_MATMUL] = multiply,
};

static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    (void)dev; /* buffers are NULL here: only shapes, types and attributes count */
    if (call->op >= ORR_OP_COUNT_ || !kernels[call->op]) return false;
    for (uint32_t k = 0; k < call->n_in; ++k)
        if (call->in[k].dtype != ORR_F32 && call->in[k].dtype != ORR_I32) return false;
    return call->out[0].dtype == ORR_F32 || call->out[0].dtype == ORR_I32;
}

static orr_status run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    if (!supports(dev, call)) return host->fail(err, ORR_EUNSUPPORTED, "example: operation %u", call->op);
    kernels[call->op](call);
    return ORR_OK;
}

static orr_status finish(struct orr_device *dev, struct orr_error *err)
{
    (void)dev; /* wait here for queued work, and report what went wrong in it */
    (void)err;
    return ORR_OK;
}

/* --- devices and memory ----------------------------------------------------------------------------------- */

static uint32_t device_count(void) { return 1; }

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    if (index >= device_count()) return host->fail(err, ORR_EINVAL, "example: device %u does not exist", index);
    const struct orr_device_info info = {.size = out->size, /* an older engine's struct may be shorter */
                                         .name = "example device",
                                         .vendor = "example",
                                         .driver = "none",
                                         .align = ALIGN,
                                         .dtypes = 1u << ORR_F32 | 1u << ORR_I32};
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    (void)param; /* values of `params` below, in that order */
    if (index >= device_count()) return host->fail(err, ORR_EINVAL, "example: device %u does not exist", index);
    *out = host->alloc(sizeof **out, ALIGN);
    if (!*out) return host->fail(err, ORR_ENOMEM, "example: out of memory");
    (*out)->index = index;
    return ORR_OK;
}

static void device_close(struct orr_device *dev) { host->dealloc(dev); }

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    (void)dev;
    *out = host->alloc(sizeof **out, ALIGN);
    if (*out) (*out)->data = host->alloc(bytes ? bytes : 1, ALIGN);
    if (*out && (*out)->data) return ORR_OK;
    host->dealloc(*out);
    return host->fail(err, ORR_ENOMEM, "example: out of memory: %zu bytes for a buffer", bytes);
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buffer)
{
    (void)dev;
    host->dealloc(buffer->data);
    host->dealloc(buffer);
}

static orr_status buffer_write(struct orr_device *dev, struct orr_buffer *buffer, size_t offset, const void *src,
                               size_t n, struct orr_error *err)
{
    (void)dev;
    (void)err;
    memcpy(buffer->data + offset, src, n);
    return ORR_OK;
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buffer, size_t offset, void *dst, size_t n,
                              struct orr_error *err)
{
    (void)dev;
    (void)err;
    memcpy(dst, buffer->data + offset, n);
    return ORR_OK;
}

/* --- the plugin ---------------------------------------------------------------------------------------------- */

static const struct orr_backend_ops ops = {
    .size = sizeof ops,
    .device_count = device_count,
    .device_info = device_info,
    .open = device_open,
    .close = device_close,
    .alloc = buffer_alloc,
    .free = buffer_free,
    .write = buffer_write,
    .read = buffer_read,
    .supports = supports,
    .run = run,
    .finish = finish,
};

static const struct orr_param params[] = {{.type = ORR_PARAM_END}};

static const struct orr_plugin plugin = {
    .magic = ORR_ABI_MAGIC,
    .size = sizeof plugin,
    .abi_major = ORR_ABI_MAJOR,
    .abi_minor = ORR_ABI_MINOR,
    .kind = ORR_BACKEND,
    .build = ORR_BUILD_FLAGS,
    .name = "example",
    .version = "0.1.0",
    .summary = "every primitive in plain C",
    .source = "unknown",
    .license = "unknown",
    .params = params,
    .ops = &ops,
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
