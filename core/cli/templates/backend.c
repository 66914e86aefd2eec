/* The backend `example`: every primitive of Orrery in plain C on the host, and nothing else.
 *
 * In: orrery/backend.h. Out: one shared object that exports orr_plugin_query. An operation is a function that gives
 * one element of its result, in double; `run` rounds and stores them one after another: right first, fast later.
 * Composites (softmax, attention, ...) are made of these primitives by the engine.
 */
#include "orrery/backend.h"

#include "orrery/random.h"

#include <math.h>
#include <string.h>

static const struct orr_host *host; /* memory, errors and log of the engine */

/* --- one number of a tensor, f32 or i32. A buffer is its bytes: struct orr_buffer stays undefined --------- */

static void *data(const struct orr_tensor *t) { return (unsigned char *)t->buffer + t->offset; }

static double load(const struct orr_tensor *t, int64_t e)
{
    return t->dtype == ORR_I32 ? ((const int32_t *)data(t))[e] : (double)((const float *)data(t))[e];
}

/* i32 as CAST wants it: cut towards zero, within its range, NaN as 0. */
static void store(const struct orr_tensor *t, int64_t e, double x)
{
    if (t->dtype == ORR_I32)
        ((int32_t *)data(t))[e] = isnan(x) ? 0 : (int32_t)fmax(INT32_MIN, fmin(x, INT32_MAX));
    else
        ((float *)data(t))[e] = (float)x;
}

/* --- arithmetic: element e of a result -------------------------------------------------------------------- */

static double first(const struct orr_call *call, int64_t e) { return load(&call->in[0], e); }
static double second(const struct orr_call *call, int64_t e) { return load(&call->in[1], e); }

static double fill(const struct orr_call *call, int64_t e) { return call->attr.f[0]; }
static double copy(const struct orr_call *call, int64_t e) { return first(call, e); }
static double negate(const struct orr_call *call, int64_t e) { return -first(call, e); }
static double exponential(const struct orr_call *call, int64_t e) { return exp(first(call, e)); }
static double logarithm(const struct orr_call *call, int64_t e) { return log(first(call, e)); }
static double root(const struct orr_call *call, int64_t e) { return sqrt(first(call, e)); }
static double hyperbolic_tangent(const struct orr_call *call, int64_t e) { return tanh(first(call, e)); }
static double error_function(const struct orr_call *call, int64_t e) { return erf(first(call, e)); }
static double add(const struct orr_call *call, int64_t e) { return first(call, e) + second(call, e); }
static double subtract(const struct orr_call *call, int64_t e) { return first(call, e) - second(call, e); }
static double multiply(const struct orr_call *call, int64_t e) { return first(call, e) * second(call, e); }
static double divide(const struct orr_call *call, int64_t e) { return first(call, e) / second(call, e); }
static double larger(double x, double y) { return x > y || isnan(x) ? x : y; }
static double maximum(const struct orr_call *call, int64_t e) { return larger(first(call, e), second(call, e)); }
static double step(const struct orr_call *call, int64_t e) { return isnan(first(call, e)) ? NAN : first(call, e) > 0; }

static double affine(const struct orr_call *call, int64_t e)
{
    return (double)(float)call->attr.f[0] * first(call, e) + (double)(float)call->attr.f[1];
}

/* SUM MAX along axis i[0]. */
static double reduce(const struct orr_call *call, int64_t e)
{
    const struct orr_tensor *in = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t length = in->dim[axis], inner = orr_tensor_span(in, axis + 1, in->rank);
    double all = call->op == ORR_OP_SUM ? 0 : -INFINITY;
    for (int64_t k = 0; k < length; ++k) {
        const double x = load(in, (e / inner * length + k) * inner + e % inner);
        all = call->op == ORR_OP_SUM ? all + x : larger(all, x);
    }
    return all;
}

/* (.., m, k) x (.., k, n); with i[0] the first is (.., k, m), with i[1] the second (.., n, k). */
static double matmul(const struct orr_call *call, int64_t e)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    const bool turn_a = call->attr.i[0], turn_b = call->attr.i[1];
    const int64_t m = out->dim[out->rank - 2], n = out->dim[out->rank - 1], k = in->dim[in->rank - 1 - turn_a];
    const int64_t matrix = e / (m * n), row = e / n % m, column = e % n;
    double sum = 0;
    for (int64_t j = 0; j < k; ++j)
        sum += first(call, matrix * m * k + (turn_a ? j * m + row : row * k + j)) *
               second(call, matrix * k * n + (turn_b ? column * k + j : j * n + column));
    return sum;
}

/* --- moving and making ------------------------------------------------------------------------------------ */

/* BROADCAST PERMUTE SLICE PAD: find the place in the input axis by axis; beside the input PAD has zeros. */
static double move(const struct orr_call *call, int64_t e)
{
    const struct orr_tensor *in = &call->in[0], *out = &call->out[0];
    const int64_t *i = call->attr.i;
    int64_t from = 0;
    for (uint32_t k = out->rank; k-- > 0; e /= out->dim[k]) {
        const uint32_t axis = call->op == ORR_OP_PERMUTE ? (uint32_t)i[k] : k;
        int64_t at = e % out->dim[k];
        if (call->op == ORR_OP_BROADCAST && in->dim[k] == 1) at = 0;
        if (call->op == ORR_OP_SLICE && k == i[0]) at += i[1];
        if (call->op == ORR_OP_PAD && k == i[0]) at -= i[1];
        if (at < 0 || at >= in->dim[axis]) return 0;
        from += at * orr_tensor_span(in, axis + 1, in->rank);
    }
    return load(in, from);
}

/* Numbers in a row of the table, and in what one index stands for: i[0] consecutive rows (0: one). */
static int64_t row_size(const struct orr_call *call) { return orr_tensor_span(&call->in[0], 1, call->in[0].rank); }
static int64_t block_size(const struct orr_call *call)
{
    return row_size(call) * (call->attr.i[0] ? call->attr.i[0] : 1);
}

static double gather(const struct orr_call *call, int64_t e)
{
    const int64_t row = (int64_t)second(call, e / block_size(call));
    return row < 0 ? 0 : first(call, row * row_size(call) + e % block_size(call));
}

static double scatter_add(const struct orr_call *call, int64_t e)
{
    double sum = first(call, e);
    for (int64_t k = 0; k < orr_tensor_elements(&call->in[1]); ++k) {
        const int64_t row = (int64_t)second(call, k), at = e - row * row_size(call);
        if (row >= 0 && at >= 0 && at < block_size(call)) sum += load(&call->in[2], k * block_size(call) + at);
    }
    return sum;
}

static double put(const struct orr_call *call, int64_t e)
{
    const int64_t rows = call->in[0].dim[0], row = ((int64_t)second(call, 0) % rows + rows) % rows;
    return e / row_size(call) == row ? load(&call->in[2], e % row_size(call)) : first(call, e);
}

static double one_hot(const struct orr_call *call, int64_t e)
{
    return first(call, e / call->attr.i[0]) == (double)(e % call->attr.i[0]);
}

static uint32_t random_word(const struct orr_call *call, int64_t e)
{
    uint32_t word[4];
    const uint32_t step_count = (uint32_t)(int32_t)first(call, 0);
    orr_random_block((uint64_t)call->attr.i[0], (uint32_t)call->attr.i[1], step_count, (uint32_t)(e / 4), word);
    return word[e % 4];
}

static double random_int(const struct orr_call *call, int64_t e)
{
    return orr_random_below(random_word(call, e), (uint32_t)call->attr.i[2]);
}

static double random_normal(const struct orr_call *call, int64_t e)
{
    const float normal = (float)call->attr.f[0] * orr_random_normal(random_word(call, e));
    return (double)normal;
}

/* --- running ---------------------------------------------------------------------------------------------- */

/* clang-format off */
static double (*const element_of[ORR_OP_COUNT_])(const struct orr_call *call, int64_t e) = {
    [ORR_OP_FILL] = fill,    [ORR_OP_COPY] = copy,       [ORR_OP_CAST] = copy,       [ORR_OP_ONE_HOT] = one_hot,
    [ORR_OP_NEG] = negate,   [ORR_OP_EXP] = exponential, [ORR_OP_LOG] = logarithm,   [ORR_OP_SQRT] = root,
    [ORR_OP_STEP] = step,    [ORR_OP_AFFINE] = affine,   [ORR_OP_ADD] = add,         [ORR_OP_SUB] = subtract,
    [ORR_OP_MUL] = multiply, [ORR_OP_DIV] = divide,      [ORR_OP_MAXIMUM] = maximum, [ORR_OP_SUM] = reduce,
    [ORR_OP_MAX] = reduce,   [ORR_OP_MATMUL] = matmul,   [ORR_OP_PUT] = put,         [ORR_OP_GATHER] = gather,
    [ORR_OP_SLICE] = move,   [ORR_OP_PAD] = move,        [ORR_OP_PERMUTE] = move,    [ORR_OP_BROADCAST] = move,
    [ORR_OP_TANH] = hyperbolic_tangent, [ORR_OP_ERF] = error_function,       [ORR_OP_SCATTER_ADD] = scatter_add,
    [ORR_OP_RANDOM_INT] = random_int,   [ORR_OP_RANDOM_NORMAL] = random_normal,
};
/* clang-format on */

static bool is_known(const struct orr_tensor *t) { return t->dtype == ORR_F32 || t->dtype == ORR_I32; }

/* What is refused here the engine lowers, or reports as missing. Add composites to the table where you are faster. */
static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    bool known = call->op < ORR_OP_COUNT_ && element_of[call->op] && is_known(&call->out[0]);
    for (uint32_t k = 0; k < call->n_in; ++k)
        known = known && is_known(&call->in[k]);
    return known;
}

static orr_status run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    if (!supports(dev, call))
        return host->fail(err, ORR_EUNSUPPORTED, "example: operation %u: not a primitive on f32 and i32", call->op);
    /* In place too: no function reads another element than e of the input that the result may lie in. */
    for (int64_t e = 0; e < orr_tensor_elements(&call->out[0]); ++e)
        store(&call->out[0], e, element_of[call->op](call, e));
    return ORR_OK;
}

/* Wait here for queued work, and report what went wrong in it. */
static orr_status finish(struct orr_device *dev, struct orr_error *err) { return ORR_OK; }

/* --- the device and its memory ---------------------------------------------------------------------------- */

enum { ALIGN = 64 }; /* bytes */

struct orr_device {
    uint32_t index; /* a real one has a queue, compiled kernels, ... */
};

static uint32_t device_count(void) { return 1; }

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    const struct orr_device_info info = {.size = out->size,
                                         .name = "example device",
                                         .vendor = "example",
                                         .driver = "none",
                                         .align = ALIGN,
                                         .dtypes = 1u << ORR_F32 | 1u << ORR_I32};
    if (index) return host->fail(err, ORR_EINVAL, "example: there is no device %u, only 0", index);
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info); /* an older engine has room for less */
    return ORR_OK;
}

/* param: the values of `params` below, in its order. */
static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    if (index) return host->fail(err, ORR_EINVAL, "example: there is no device %u, only 0", index);
    *out = host->alloc(sizeof **out, ALIGN);
    if (!*out) return host->fail(err, ORR_ENOMEM, "example: out of memory");
    (*out)->index = index;
    return ORR_OK;
}

static void device_close(struct orr_device *dev) { host->dealloc(dev); }

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    *out = host->alloc(bytes, ALIGN);
    return *out ? ORR_OK : host->fail(err, ORR_ENOMEM, "example: out of memory: %zu bytes for a buffer", bytes);
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buffer) { host->dealloc(buffer); }

static orr_status buffer_write(struct orr_device *dev, struct orr_buffer *buffer, size_t at, const void *from, size_t n,
                               struct orr_error *err)
{
    memcpy((unsigned char *)buffer + at, from, n);
    return ORR_OK;
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buffer, size_t at, void *to, size_t n,
                              struct orr_error *err)
{
    memcpy(to, (unsigned char *)buffer + at, n);
    return ORR_OK;
}

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
    .name = "example",
    .version = "0.1.0",
    .summary = "every primitive in plain C",
    .source = "unknown",
    .license = "unknown",
    .params = params,
    .ops = &ops,
    ORR_PLUGIN_HEAD(ORR_BACKEND),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
