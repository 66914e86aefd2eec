/* Shapes: element types, counts and bytes, texts such as "f32[3,4]", and the helpers that shape rules share.
 *
 * In: a shape. Out: a number or a text. Products of dims cannot overflow, since orr_graph_shape_is_sound bounds every
 * shape that gets into a graph. */
#include "graph/optable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t orr_dtype_bytes(uint32_t dtype)
{
    switch (dtype) {
    case ORR_F32:
    case ORR_I32:
        return 4;
    case ORR_F64:
        return 8;
    case ORR_F16:
    case ORR_BF16:
        return 2;
    default:
        return 0;
    }
}

const char *orr_dtype_name(uint32_t dtype)
{
    switch (dtype) {
    case ORR_F32:
        return "f32";
    case ORR_I32:
        return "i32";
    case ORR_F64:
        return "f64";
    case ORR_F16:
        return "f16";
    case ORR_BF16:
        return "bf16";
    default:
        return "unknown";
    }
}

int64_t orr_shape_count(const struct orr_shape *shape)
{
    int64_t count = 1;
    for (uint32_t k = 0; k < shape->rank; ++k)
        count *= shape->dim[k];
    return count;
}

uint64_t orr_shape_bytes(const struct orr_shape *shape)
{
    return (uint64_t)orr_shape_count(shape) * orr_dtype_bytes(shape->dtype);
}

int64_t orr_shape_last(const struct orr_shape *s) { return s->rank ? s->dim[s->rank - 1] : 1; }

int64_t orr_shape_rows(const struct orr_shape *s)
{
    int64_t rows = 1;
    for (uint32_t k = 0; k + 1 < s->rank; ++k)
        rows *= s->dim[k];
    return rows;
}

double orr_tensor_count(const struct orr_tensor *t)
{
    double count = 1.0;
    for (uint32_t k = 0; k < t->rank; ++k)
        count *= (double)t->dim[k];
    return count;
}

bool orr_shape_equal(const struct orr_shape *a, const struct orr_shape *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    for (uint32_t k = 0; k < a->rank; ++k)
        if (a->dim[k] != b->dim[k]) return false;
    return true;
}

struct orr_shape orr_shape_make(uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    struct orr_shape shape = {.dtype = dtype, .rank = rank};
    for (uint32_t k = 0; k < rank && k < ORR_RANK_MAX; ++k)
        shape.dim[k] = dim[k];
    return shape;
}

void orr_shape_print(const struct orr_shape *shape, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "%s[", orr_dtype_name(shape->dtype));
    for (uint32_t k = 0; k < shape->rank && at < size; ++k)
        at += (size_t)snprintf(text + at, size - at, k ? ",%lld" : "%lld", (long long)shape->dim[k]);
    if (at < size) snprintf(text + at, size - at, "]");
}

orr_status orr_shape_fail(const struct orr_shape_site *site, orr_status code, const char *fmt, ...)
{
    char what[256], inputs[224] = "";
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    size_t at = 0;
    for (uint32_t k = 0; k < site->n_in && at + 1 < sizeof(inputs); ++k) {
        char one[64];
        orr_shape_print(&site->in[k], one, sizeof(one));
        at += (size_t)snprintf(inputs + at, sizeof(inputs) - at, "%s%s", k ? ", " : "", one);
    }
    return orr_fail(site->err, code, "%s(%s): %s", site->name, inputs, what);
}
