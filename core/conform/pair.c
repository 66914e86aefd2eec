/* Widening a graph, running it on both devices, comparing values. */
#include "conform/pair.h"

#include "base/memory.h"
#include "conform/distance.h"
#include "orrery/random.h"

#include <math.h>
#include <string.h>

orr_status orr_graph_widen(const struct orr_graph *g, struct orr_graph **out, struct orr_error *err)
{
    if (g->real != ORR_F32) return orr_fail(err, ORR_EDTYPE, "this graph is not in f32");
    ORR_TRY(orr_graph_clone(g, out, err));
    struct orr_graph *wide = *out;
    wide->real = ORR_F64;
    for (size_t i = 0; i < wide->n_storages; ++i) {
        bool real = false, whole = false;
        for (size_t v = 0; v < wide->n_values; ++v) {
            if (wide->value[v].storage != (int32_t)i) continue;
            real = real || wide->value[v].shape.dtype == ORR_F32;
            whole = whole || wide->value[v].shape.dtype == ORR_I32;
        }
        if (real && whole) {
            orr_graph_destroy(wide);
            *out = NULL;
            return orr_fail(err, ORR_EUNSUPPORTED, "storage s%zu holds both f32 and i32 values", i);
        }
        if (real) wide->storage[i].bytes *= 2;
    }
    for (size_t v = 0; v < wide->n_values; ++v)
        if (wide->value[v].shape.dtype == ORR_F32) {
            wide->value[v].shape.dtype = ORR_F64;
            wide->value[v].offset *= 2;
        }
    return ORR_OK;
}

orr_status orr_pair_init(struct orr_session *s, struct orr_graph *g, struct orr_pair *out, struct orr_error *err)
{
    *out = (struct orr_pair){.narrow = g};
    ORR_TRY(orr_graph_status(g, err));
    ORR_TRY(orr_graph_verify(g, err));
    ORR_TRY(orr_graph_widen(g, &out->wide, err));
    ORR_TRY(orr_exec_create(out->wide, s->truth, NULL, &out->truth, err));
    return orr_exec_create(g, s->device, NULL, &out->tested, err);
}

void orr_pair_fini(struct orr_pair *p)
{
    orr_exec_destroy(p->tested);
    orr_exec_destroy(p->truth);
    orr_graph_destroy(p->narrow);
    orr_graph_destroy(p->wide);
    *p = (struct orr_pair){.narrow = NULL};
}

orr_status orr_pair_write(struct orr_pair *p, orr_handle v, const double *data, size_t n, struct orr_error *err)
{
    double *rounded = orr_memory_array(n, sizeof(*rounded));
    if (!rounded) return orr_memory_out(err, "an input", n * sizeof(*rounded));
    for (size_t e = 0; e < n; ++e)
        rounded[e] = (double)(float)data[e];
    orr_status status = orr_exec_write_real(p->tested, v, rounded, n, err);
    if (status == ORR_OK) status = orr_exec_write_real(p->truth, v, rounded, n, err);
    orr_memory_free(rounded);
    return status;
}

orr_status orr_pair_write_whole(struct orr_pair *p, orr_handle v, const int32_t *data, size_t n, struct orr_error *err)
{
    ORR_TRY(orr_exec_write(p->tested, v, data, n * sizeof(*data), err));
    return orr_exec_write(p->truth, v, data, n * sizeof(*data), err);
}

static orr_status fill_input(struct orr_pair *p, orr_handle v, uint64_t seed, double scale, struct orr_error *err)
{
    const struct orr_shape *shape = &p->narrow->value[v].shape;
    const size_t n = (size_t)orr_shape_count(shape);
    const bool whole = shape->dtype == ORR_I32;
    double *real = orr_memory_array(n, sizeof(*real));
    int32_t *index = orr_memory_array(n, sizeof(*index));
    orr_status status = real && index ? ORR_OK : orr_memory_out(err, "an input", n * sizeof(*real));
    for (size_t e = 0; e < n && status == ORR_OK; ++e) {
        uint32_t word[4];
        orr_random_block(seed, UINT32_C(0x20000000) + (uint32_t)v, 0, (uint32_t)e, word);
        real[e] = scale * (double)orr_random_normal(word[0]);
        index[e] = (int32_t)orr_random_below(word[0], 3) - 1;
    }
    if (status == ORR_OK)
        status = whole ? orr_pair_write_whole(p, v, index, n, err) : orr_pair_write(p, v, real, n, err);
    orr_memory_free(real);
    orr_memory_free(index);
    return status;
}

orr_status orr_pair_fill(struct orr_pair *p, uint64_t seed, double scale, struct orr_error *err)
{
    for (size_t v = 0; v < p->narrow->n_values; ++v)
        if (p->narrow->value[v].node == ORR_NONE) ORR_TRY(fill_input(p, (orr_handle)v, seed, scale, err));
    return ORR_OK;
}

orr_status orr_pair_run(struct orr_pair *p, struct orr_error *err)
{
    ORR_TRY(orr_exec_run(p->truth, err));
    ORR_TRY(orr_exec_run(p->tested, err));
    return orr_exec_finish(p->tested, err);
}

orr_status orr_pair_distance(struct orr_pair *p, orr_handle v, double *distance, struct orr_error *err)
{
    const struct orr_shape *shape = &p->narrow->value[v].shape;
    const size_t n = (size_t)orr_shape_count(shape);
    double *a = orr_memory_array(n, sizeof(*a)), *b = orr_memory_array(n, sizeof(*b));
    orr_status status = a && b ? ORR_OK : orr_memory_out(err, "a comparison", n * 2 * sizeof(*a));
    if (status == ORR_OK && shape->dtype == ORR_I32) {
        status = orr_exec_read(p->tested, v, a, n * sizeof(int32_t), err);
        if (status == ORR_OK) status = orr_exec_read(p->truth, v, b, n * sizeof(int32_t), err);
        *distance = n && memcmp(a, b, n * sizeof(int32_t)) ? HUGE_VAL : 0.0;
    } else if (status == ORR_OK) {
        status = orr_exec_read_real(p->tested, v, a, n, err);
        if (status == ORR_OK) status = orr_exec_read_real(p->truth, v, b, n, err);
        *distance = orr_distance_relative(a, b, n, 1e-6);
    }
    orr_memory_free(a);
    orr_memory_free(b);
    return status;
}
