/* Listing parameters, layers and hook names: what every kind of model does in the same way. */
#include "model/parts.h"

#include "base/memory.h"
#include "graph/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- parameters ------------------------------------------------------------------------------ */

enum { NAME_SIZE = 160 };

static void add(struct orr_listing *l, const char *name, const char *suffix, uint32_t rank, int64_t rows,
                int64_t columns, bool transposed, double mean, double deviation)
{
    char full[NAME_SIZE];
    if (l->status != ORR_OK) return;
    snprintf(full, sizeof full, "%s%s%s", l->prefix, name, suffix);
    l->status = orr_parameters_add(l->p, full, rank, rows, columns, transposed, mean, deviation, l->err);
}

void orr_list_vector(struct orr_listing *l, const char *name, int64_t n, double value)
{
    add(l, name, "", 1, n, 1, false, value, 0);
}

void orr_list_matrix(struct orr_listing *l, const char *name, int64_t rows, int64_t columns, bool transposed,
                     double deviation)
{
    add(l, name, "", 2, rows, columns, transposed, 0, deviation);
}

void orr_list_linear(struct orr_listing *l, const char *name, int64_t in, int64_t out, double deviation)
{
    add(l, name, ".weight", 2, in, out, true, 0, deviation);
    add(l, name, ".bias", 1, out, 1, false, 0, 0);
}

orr_status orr_check_sizes(const struct orr_model_size *size, size_t n, struct orr_error *err)
{
    for (size_t i = 0; i < n; ++i)
        if (size[i].value < size[i].least || size[i].value > size[i].greatest)
            return orr_fail(err, ORR_EINVAL, "model.%s is %lld; it must be %lld to %lld", size[i].name,
                            (long long)size[i].value, (long long)size[i].least, (long long)size[i].greatest);
    return ORR_OK;
}

/* --- forward --------------------------------------------------------------------------------- */

orr_handle orr_built_parameter(const struct orr_building *b, const char *name)
{
    char full[NAME_SIZE];
    snprintf(full, sizeof full, "%s%s", b->prefix, name);
    const struct orr_parameter *item = orr_parameters_find(b->p, full);
    return item ? b->view[item - b->p->item] : orr_graph_reject(b->g, ORR_EINVAL, "no parameter '%s'", full);
}

orr_handle orr_built_linear(const struct orr_building *b, const char *name, orr_handle x)
{
    char weight[NAME_SIZE], bias[NAME_SIZE];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    return orr_linear(b->g, x, orr_built_parameter(b, weight), orr_built_parameter(b, bias));
}

orr_handle orr_built_hook(const struct orr_building *b, const char *name, orr_handle v)
{
    char full[NAME_SIZE];
    snprintf(full, sizeof full, "%s%s", b->hook_prefix, name);
    orr_graph_name(b->g, v, full);
    return v;
}

/* --- hook points ----------------------------------------------------------------------------- */

void orr_add_name(struct orr_naming *n, const char *fmt, ...)
{
    char name[NAME_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    if (n->status == ORR_OK)
        n->status = orr_memory_grow((void **)&n->name, &n->capacity, n->count + 1, sizeof *n->name, n->err);
    if (n->status != ORR_OK) return;
    n->name[n->count] = orr_memory_text(name);
    if (n->name[n->count])
        ++n->count;
    else
        n->status = orr_memory_out(n->err, "a hook name", sizeof name);
}
