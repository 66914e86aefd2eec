/* Parameter lists: layout of the block, initial values from Philox, and file order.
 *
 * In: names, shapes, means and deviations; patterns of those that are decayed, which come first. Out: where each lies
 * in the block, views of it, and N(mean, deviation^2) values, the same bits on every device (orrery/random.h). */
#include "model/parameters.h"

#include "base/memory.h"
#include "orrery/random.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* Every parameter begins at a multiple of this many elements, 1 KiB of floats: a backend that needs aligned operands,
 * as sub-buffers of OpenCL are, can then use a weight where it lies. */
enum { PARAMETER_ALIGN = 256 };
enum { FIRST_PARAMETER_STREAM = 1000 };

void orr_parameters_fini(struct orr_parameters *p)
{
    orr_memory_free(p->item);
    *p = (struct orr_parameters){0};
}

orr_status orr_parameters_add(struct orr_parameters *p, const char *name, uint32_t rank, int64_t rows, int64_t columns,
                              bool transposed, double mean, double deviation, struct orr_error *err)
{
    ORR_TRY(orr_memory_grow((void **)&p->item, &p->capacity, p->count + 1, sizeof(*p->item), err));
    struct orr_parameter *item = &p->item[p->count];
    if ((size_t)snprintf(item->name, sizeof(item->name), "%s", name) >= sizeof(item->name))
        return orr_fail(err, ORR_EINVAL, "parameter name '%s' is longer than %zu characters", name,
                        sizeof(item->name) - 1);
    item->rank = rank;
    item->dim[0] = rows;
    item->dim[1] = rank > 1 ? columns : 1;
    item->transposed = transposed;
    item->mean = mean;
    item->deviation = deviation;
    ++p->count;
    return ORR_OK;
}

static int64_t elements_of(const struct orr_parameter *p) { return p->dim[0] * p->dim[1]; }

static orr_status mark_decayed(struct orr_parameters *p, const char *pattern, struct orr_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; ++i) {
        if (fnmatch(pattern, p->item[i].name, 0) != 0) continue;
        p->item[i].decayed = true;
        ++n;
    }
    if (n) return ORR_OK;
    char names[360] = "";
    size_t at = 0;
    for (size_t i = 0; i < p->count && at < sizeof(names); ++i)
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "", p->item[i].name);
    return orr_fail(err, ORR_EINVAL, "no parameter matches the weight-decay pattern '%s'; there are %s", pattern,
                    names);
}

static int64_t place_part(struct orr_parameters *p, bool decayed, int64_t at)
{
    for (size_t i = 0; i < p->count; ++i) {
        if (p->item[i].decayed != decayed) continue;
        p->item[i].first = at;
        at += (elements_of(&p->item[i]) + PARAMETER_ALIGN - 1) / PARAMETER_ALIGN * PARAMETER_ALIGN;
    }
    return at;
}

orr_status orr_parameters_arrange(struct orr_parameters *p, const char *const *patterns, size_t n_patterns,
                                  struct orr_error *err)
{
    for (size_t i = 0; i < p->count; ++i)
        p->item[i].decayed = false;
    for (size_t i = 0; i < n_patterns; ++i)
        ORR_TRY(mark_decayed(p, patterns[i], err));
    p->decayed_elements = place_part(p, true, 0);
    p->elements = place_part(p, false, p->decayed_elements);
    return ORR_OK;
}

int64_t orr_parameters_numbers(const struct orr_parameters *p, bool only_decayed)
{
    int64_t numbers = 0;
    for (size_t i = 0; i < p->count; ++i)
        if (p->item[i].decayed || !only_decayed) numbers += elements_of(&p->item[i]);
    return numbers;
}

const struct orr_parameter *orr_parameters_find(const struct orr_parameters *p, const char *name)
{
    for (size_t i = 0; i < p->count; ++i)
        if (strcmp(p->item[i].name, name) == 0) return &p->item[i];
    return NULL;
}

void orr_parameters_initialise(const struct orr_parameters *p, uint64_t seed, float *block)
{
    memset(block, 0, (size_t)p->elements * sizeof(*block));
    for (size_t i = 0; i < p->count; ++i) {
        const struct orr_parameter *item = &p->item[i];
        float *value = block + item->first;
        uint32_t word[4] = {0};
        for (int64_t k = 0; k < elements_of(item); ++k) {
            if (k % 4 == 0) orr_random_block(seed, (uint32_t)(FIRST_PARAMETER_STREAM + i), 0, (uint32_t)(k / 4), word);
            /* Two roundings in a fixed order, so that the bits are the same everywhere. */
            const float scaled = (float)item->deviation * orr_random_normal(word[k % 4]);
            value[k] = item->deviation > 0.0 ? (float)item->mean + scaled : (float)item->mean;
        }
    }
}

void orr_parameters_views(struct orr_graph *g, const struct orr_parameters *p, orr_handle block, orr_handle *views)
{
    for (size_t i = 0; i < p->count; ++i) {
        views[i] = orr_graph_view(g, block, p->item[i].first, p->item[i].rank, p->item[i].dim);
        orr_graph_name(g, views[i], p->item[i].name);
    }
}

void orr_parameter_to_file(const struct orr_parameter *p, const float *block, float *file)
{
    const float *from = block + p->first;
    for (int64_t r = 0; r < p->dim[0]; ++r)
        for (int64_t c = 0; c < p->dim[1]; ++c)
            file[p->transposed ? c * p->dim[0] + r : r * p->dim[1] + c] = from[r * p->dim[1] + c];
}

void orr_parameter_from_file(const struct orr_parameter *p, const float *file, float *block)
{
    float *to = block + p->first;
    for (int64_t r = 0; r < p->dim[0]; ++r)
        for (int64_t c = 0; c < p->dim[1]; ++c)
            to[r * p->dim[1] + c] = file[p->transposed ? c * p->dim[0] + r : r * p->dim[1] + c];
}
