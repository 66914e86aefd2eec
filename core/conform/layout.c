/* Memory for one call: guards around every operand, poison in every result, everything read back and compared.
 *
 * Guards hold one byte value throughout and are longer than any row, so that reading past an operand shows in results:
 * NaN and index -1 in buffers of their own, 8e37 in one buffer. A number near zero or far below it would be lost in a
 * maximum or a sum of exponentials.
 */
#include "conform/layout.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { GUARD_BYTES = 256, GUARD_APART = 0xFF, GUARD_PACKED = 0x7E, OPERANDS = ORR_IN_MAX + ORR_OUT_MAX };
/* A quiet NaN with a payload that no operation makes; as i32 a number that no case has. */
#define POISON UINT32_C(0x7FC0DEAD)

/* Operand i: input i, or result i - n_in. */
struct operand {
    uint32_t buffer;
    size_t offset, bytes;
    bool result, shared; /* shared: its memory is another operand's */
};
struct site {
    const struct orr_trial *t;
    const struct orr_layout *layout;
    struct orr_open_device *device;
    uint32_t n, n_buffers;
    struct operand operand[OPERANDS];
    size_t bytes[OPERANDS];
    unsigned char *before[OPERANDS], *after[OPERANDS];
    struct orr_buffer *buffer[OPERANDS];
    struct orr_call call;
    void *program;
};

static uint32_t dtype_of(const struct orr_numbers *a, uint32_t real) { return a->whole ? (uint32_t)ORR_I32 : real; }

static const struct orr_numbers *array_of(const struct orr_trial *t, uint32_t i)
{
    return i < t->c.n_in ? &t->in[i] : &t->out[i - t->c.n_in];
}

static size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

/* The operand whose memory operand i takes, or i itself. */
static uint32_t owner_of(const struct site *s, uint32_t i)
{
    const uint32_t n_in = s->t->c.n_in;
    if (i >= n_in && (s->layout->alias >> (i - n_in) & 1u)) return i - n_in;
    return i == 1 && s->t->c.values == ORR_VALUES_EQUAL ? 0 : i;
}

/* One row of the widest operand and more. */
static size_t guard_bytes(const struct site *s)
{
    size_t widest = 0;
    for (uint32_t i = 0; i < s->n; ++i) {
        const struct orr_shape *shape = &array_of(s->t, i)->shape;
        const size_t row = shape->rank ? (size_t)shape->dim[shape->rank - 1] : 1;
        if (row > widest) widest = row;
    }
    return GUARD_BYTES + widest * orr_dtype_bytes(s->layout->real);
}

static void place_operands(struct site *s)
{
    const size_t align = s->device->info.align ? s->device->info.align : 64;
    size_t at = 0;
    s->n = s->t->c.n_in + s->t->c.n_out;
    const size_t guard = guard_bytes(s);
    for (uint32_t i = 0; i < s->n; ++i) {
        struct operand *o = &s->operand[i];
        const struct orr_numbers *a = array_of(s->t, i);
        const uint32_t owner = owner_of(s, i);
        const size_t size = orr_dtype_bytes(dtype_of(a, s->layout->real));
        *o = (struct operand){.bytes = a->count * size, .result = i >= s->t->c.n_in, .shared = owner != i};
        if (o->shared) {
            o->buffer = s->operand[owner].buffer;
            o->offset = s->operand[owner].offset;
            s->operand[owner].result = s->operand[owner].result || o->result;
            continue;
        }
        if (s->layout->kind == ORR_LAYOUT_APART) at = 0;
        o->buffer = s->layout->kind == ORR_LAYOUT_APART ? s->n_buffers++ : 0;
        o->offset = s->layout->kind == ORR_LAYOUT_APART ? round_up(guard, align)
                                                        : round_up(at + guard, size) + (2 * i + 1) * size;
        at = o->offset + o->bytes;
        s->bytes[o->buffer] = round_up(at + guard, align);
    }
    if (s->layout->kind == ORR_LAYOUT_PACKED) s->n_buffers = 1;
}

static void write_image(const struct site *s, uint32_t i, unsigned char *to)
{
    const struct orr_numbers *a = array_of(s->t, i);
    if (a->whole) {
        memcpy(to, a->whole, a->count * sizeof(int32_t));
    } else if (s->layout->real == ORR_F64) {
        memcpy(to, a->real, a->count * sizeof(double));
    } else {
        for (size_t e = 0; e < a->count; ++e) {
            const float x = (float)a->real[e];
            memcpy(to + e * sizeof(x), &x, sizeof(x));
        }
    }
}

static orr_status make_images(struct site *s, struct orr_error *err)
{
    const int guard = s->layout->kind == ORR_LAYOUT_APART ? GUARD_APART : GUARD_PACKED;
    for (uint32_t b = 0; b < s->n_buffers; ++b) {
        s->before[b] = orr_memory_aligned(s->bytes[b], 64);
        s->after[b] = orr_memory_aligned(s->bytes[b], 64);
        if (!s->before[b] || !s->after[b]) return orr_memory_out(err, "the memory of a case", s->bytes[b]);
        memset(s->before[b], guard, s->bytes[b]);
    }
    for (uint32_t i = 0; i < s->n; ++i) {
        const struct operand *o = &s->operand[i];
        unsigned char *to = s->before[o->buffer] + o->offset;
        const uint32_t poison = POISON;
        if (i < s->t->c.n_in) write_image(s, i, to);
        if (i >= s->t->c.n_in && !o->shared)
            for (size_t at = 0; at + sizeof(poison) <= o->bytes; at += sizeof(poison))
                memcpy(to + at, &poison, sizeof(poison));
    }
    return ORR_OK;
}

static void fill_tensor(const struct orr_numbers *a, uint32_t real, struct orr_tensor *t)
{
    *t = (struct orr_tensor){.rank = a->shape.rank, .dtype = dtype_of(a, real), .flags = ORR_KEPT};
    memcpy(t->dim, a->shape.dim, sizeof(t->dim));
    t->storage_bytes = a->count * orr_dtype_bytes(t->dtype);
}

void orr_layout_call(const struct orr_trial *t, uint32_t real, struct orr_call *call)
{
    *call = (struct orr_call){
        .size = sizeof(*call), .op = t->c.op, .n_in = t->c.n_in, .n_out = t->c.n_out, .attr = t->c.attr};
    for (uint32_t i = 0; i < t->c.n_in + t->c.n_out; ++i) {
        struct orr_tensor *tensor = i < t->c.n_in ? &call->in[i] : &call->out[i - t->c.n_in];
        fill_tensor(array_of(t, i), real, tensor);
        tensor->storage = i;
    }
}

struct orr_tensor orr_layout_line(struct orr_buffer *buffer, int64_t n, uint32_t storage)
{
    return (struct orr_tensor){.buffer = buffer,
                               .storage_bytes = (uint64_t)n * sizeof(float),
                               .dim = {n},
                               .rank = 1,
                               .dtype = ORR_F32,
                               .storage = storage,
                               .flags = ORR_KEPT};
}

static void bind_call(struct site *s)
{
    orr_layout_call(s->t, s->layout->real, &s->call);
    for (uint32_t i = 0; i < s->n; ++i) {
        struct orr_tensor *t = i < s->t->c.n_in ? &s->call.in[i] : &s->call.out[i - s->t->c.n_in];
        const struct operand *o = &s->operand[i];
        t->buffer = s->buffer[o->buffer];
        t->offset = o->offset;
        t->storage = o->buffer;
        t->storage_bytes = s->bytes[o->buffer];
    }
}

static orr_status upload(struct site *s, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    for (uint32_t b = 0; b < s->n_buffers; ++b) {
        ORR_TRY(orr_device_alloc(s->device, s->bytes[b], &s->buffer[b], err));
        const orr_status status =
            s->device->ops->write(s->device->handle, s->buffer[b], 0, s->before[b], s->bytes[b], &own);
        if (status != ORR_OK) return orr_device_failed(s->device, status, "writing", &own, err);
    }
    return ORR_OK;
}

static orr_status download(struct site *s, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    for (uint32_t b = 0; b < s->n_buffers; ++b) {
        const orr_status status =
            s->device->ops->read(s->device->handle, s->buffer[b], 0, s->after[b], s->bytes[b], &own);
        if (status != ORR_OK) return orr_device_failed(s->device, status, "reading", &own, err);
    }
    return ORR_OK;
}

static orr_status run_once(struct site *s, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    const struct orr_backend_ops *ops = s->device->ops;
    const struct orr_call *calls[1] = {&s->call};
    orr_status status = ORR_OK;
    if (s->layout->prepared && !s->program) status = ops->prepare(s->device->handle, calls, 1, &s->program, &own);
    if (status == ORR_OK)
        status = s->layout->prepared ? ops->execute(s->device->handle, s->program, &own)
                                     : ops->run(s->device->handle, &s->call, &own);
    if (status == ORR_OK) status = ops->finish(s->device->handle, &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(s->device, status, s->t->op->name, &own, err);
}

/* --- judging what came back ------------------------------------------------------------------- */

static const struct operand *operand_at(const struct site *s, uint32_t buffer, size_t at, uint32_t *index)
{
    for (uint32_t i = 0; i < s->n; ++i) {
        const struct operand *o = &s->operand[i];
        if (!o->shared && o->buffer == buffer && at >= o->offset && at < o->offset + o->bytes) {
            *index = i;
            return o;
        }
    }
    return NULL;
}

/* The operand that a stray byte is nearest to, and by how much it is missed. */
static void describe_stray(const struct site *s, uint32_t buffer, size_t at, char *text, size_t size)
{
    size_t nearest = SIZE_MAX;
    for (uint32_t i = 0; i < s->n; ++i) {
        const struct operand *o = &s->operand[i];
        if (o->shared || o->buffer != buffer) continue;
        const bool past = at >= o->offset + o->bytes;
        const size_t far = past ? at - o->offset - o->bytes : o->offset - at - 1;
        if (far >= nearest) continue;
        nearest = far;
        snprintf(text, size, "stray write: the byte %zu %s %s %u was changed", far, past ? "past the end of" : "before",
                 i < s->t->c.n_in ? "input" : "result", i < s->t->c.n_in ? i : i - s->t->c.n_in);
    }
}

static void check_image(const struct site *s, uint32_t b, struct orr_outcome *out)
{
    for (size_t at = 0; at < s->bytes[b] && !out->fault[0]; ++at) {
        uint32_t index = 0;
        const struct operand *o = operand_at(s, b, at, &index);
        if (o && o->result) {
            at = o->offset + o->bytes - 1;
        } else if (s->before[b][at] != s->after[b][at]) {
            if (o)
                snprintf(out->fault, sizeof(out->fault), "input %u was changed at byte %zu", index, at - o->offset);
            else
                describe_stray(s, b, at, out->fault, sizeof(out->fault));
        }
    }
}

/* Poison is a NaN, so it would pass where NaN is right. A result in place of an input holds that before. */
static void find_unwritten(const struct site *s, uint32_t k, struct orr_outcome *out)
{
    const uint32_t poison[2] = {POISON, POISON};
    const struct operand *o = &s->operand[s->t->c.n_in + k];
    const size_t size = orr_dtype_bytes(s->call.out[k].dtype);
    for (size_t at = 0; !o->shared && at < o->bytes && !out->fault[0]; at += size)
        if (memcmp(s->after[o->buffer] + o->offset + at, poison, size) == 0)
            snprintf(out->fault, sizeof(out->fault), "element %zu of result %u was not written", at / size, k);
}

static orr_status take_results(const struct site *s, struct orr_outcome *out, struct orr_error *err)
{
    for (uint32_t k = 0; k < s->t->c.n_out; ++k) {
        const struct operand *o = &s->operand[s->t->c.n_in + k];
        out->out[k] = orr_memory_aligned(o->bytes, 64);
        if (!out->out[k]) return orr_memory_out(err, "a result", o->bytes);
        memcpy(out->out[k], s->after[o->buffer] + o->offset, o->bytes);
    }
    return ORR_OK;
}

static orr_status repeat_runs(struct site *s, struct orr_outcome *out, struct orr_error *err)
{
    for (uint32_t r = 0; r < s->layout->repeat && !out->fault[0]; ++r) {
        ORR_TRY(run_once(s, err));
        ORR_TRY(download(s, err));
        for (uint32_t k = 0; k < s->t->c.n_out; ++k) {
            const struct operand *o = &s->operand[s->t->c.n_in + k];
            if (memcmp(out->out[k], s->after[o->buffer] + o->offset, o->bytes) == 0) continue;
            snprintf(out->fault, sizeof(out->fault),
                     "not deterministic: run %u gave other bits in result %u than run 1", r + 2, k);
        }
    }
    return ORR_OK;
}

static void release(struct site *s)
{
    if (s->program && ORR_HAS(s->device->ops, discard)) s->device->ops->discard(s->device->handle, s->program);
    for (uint32_t b = 0; b < s->n_buffers; ++b) {
        orr_device_free(s->device, s->buffer[b], s->bytes[b]);
        orr_memory_free(s->before[b]);
        orr_memory_free(s->after[b]);
    }
}

bool orr_layout_fits(const struct orr_trial *t, struct orr_open_device *device, const struct orr_layout *layout)
{
    struct site s = {.t = t, .layout = layout, .device = device};
    bool fits = true;
    place_operands(&s);
    for (uint32_t b = 0; b < s.n_buffers; ++b)
        fits = fits && (!device->info.max_alloc || s.bytes[b] <= device->info.max_alloc);
    return fits;
}

orr_status orr_layout_run(const struct orr_trial *t, struct orr_open_device *device, const struct orr_layout *layout,
                          struct orr_outcome *out, struct orr_error *err)
{
    struct site s = {.t = t, .layout = layout, .device = device};
    *out = (struct orr_outcome){.status = ORR_OK};
    place_operands(&s);
    orr_status status = make_images(&s, err);
    if (status == ORR_OK) {
        status = upload(&s, err);
        if (status == ORR_OK) {
            bind_call(&s);
            status = run_once(&s, err);
        }
        if (status == ORR_OK) status = download(&s, err);
        out->status = status;
    }
    for (uint32_t b = 0; b < s.n_buffers && status == ORR_OK; ++b)
        check_image(&s, b, out);
    for (uint32_t k = 0; k < t->c.n_out && status == ORR_OK; ++k)
        find_unwritten(&s, k, out);
    if (status == ORR_OK) status = take_results(&s, out, err);
    if (status == ORR_OK && !layout->alias) status = repeat_runs(&s, out, err);
    release(&s);
    return status;
}

void orr_outcome_fini(struct orr_outcome *out)
{
    for (uint32_t k = 0; k < ORR_OUT_MAX; ++k) {
        orr_memory_free(out->out[k]);
        out->out[k] = NULL;
    }
}

void orr_layout_describe(const struct orr_layout *layout, char *text, size_t size)
{
    char alias[32] = "";
    if (layout->alias) snprintf(alias, sizeof(alias), ", in place %#x", layout->alias);
    snprintf(text, size, "%s%s%s%s", layout->kind == ORR_LAYOUT_APART ? "own buffers" : "views of one buffer", alias,
             layout->prepared ? ", prepared" : "", layout->real == ORR_F64 ? ", f64" : "");
}
