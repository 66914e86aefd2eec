/* Rebuilding a graph node by node, with the patched value in the place of the site's own for all that follows. */
#include "study/patch.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* The rebuilding of one graph. map: handle of the old graph -> handle of the new one. */
struct rebuild {
    const struct orr_graph *from;
    struct orr_graph *to;
    orr_handle *map;
    struct orr_patched *patched;
    const struct orr_patch *patches;
    uint32_t n_patches;
    int64_t batch, time;
    bool *done; /* (n_patches) */
};

/* ---- vectors ---- */

/* A new input of the graph with these numbers; n == 0 ends in an error of the graph. */
static orr_handle add_vector(struct rebuild *r, const double *data, int64_t n, uint32_t rank, const int64_t *dim)
{
    struct orr_patched_vector *vector = &r->patched->vector[r->patched->n_vectors];
    vector->data = orr_memory_array((size_t)n, sizeof *vector->data);
    if (!vector->data)
        return orr_graph_reject(r->to, ORR_ENOMEM, "out of memory for a patch of %lld numbers", (long long)n);
    memcpy(vector->data, data, (size_t)n * sizeof *data);
    vector->count = (size_t)n;
    vector->value = orr_graph_input(r->to, NULL, r->to->real, rank, dim);
    ++r->patched->n_vectors;
    return vector->value;
}

/* The patch's vector as (1, width), of unit length if asked for. */
static orr_handle patch_vector(struct rebuild *r, const struct orr_patch *patch, int64_t width, bool unit)
{
    const int64_t dim[] = {1, width};
    if (!patch->vector) return orr_graph_reject(r->to, ORR_EINVAL, "the patch at %s has no vector", patch->site);
    double square = 0;
    for (int64_t i = 0; i < width; ++i)
        square += patch->vector[i] * patch->vector[i];
    if (unit && !(square > 0))
        return orr_graph_reject(r->to, ORR_EINVAL, "the patch at %s projects out a vector of length 0", patch->site);
    const orr_handle v = add_vector(r, patch->vector, width, 2, dim);
    return unit ? orr_affine(r->to, v, 1 / sqrt(square), 0) : v;
}

/* 1 at the last position, 0 before: (time, 1). */
static orr_handle last_position(struct rebuild *r)
{
    const int64_t dim[] = {r->time, 1};
    double *mask = orr_memory_array((size_t)r->time, sizeof *mask);
    if (!mask) return orr_graph_reject(r->to, ORR_ENOMEM, "out of memory for a patch");
    mask[r->time - 1] = 1;
    const orr_handle value = add_vector(r, mask, r->time, 2, dim);
    orr_memory_free(mask);
    return value;
}

/* ---- one patch ---- */

/* x: (positions, width) */
static orr_handle changed(struct rebuild *r, const struct orr_patch *patch, orr_handle x, const int64_t flat[2])
{
    struct orr_graph *g = r->to;
    orr_handle v;
    switch (patch->verb) {
    case ORR_PATCH_SET:
        return orr_broadcast(g, patch_vector(r, patch, flat[1], false), 2, flat);
    case ORR_PATCH_ADD:
        v = orr_affine(g, patch_vector(r, patch, flat[1], false), patch->scale, 0);
        return orr_add(g, x, orr_broadcast(g, v, 2, flat));
    case ORR_PATCH_SCALE:
        return orr_affine(g, x, patch->scale, 0);
    case ORR_PATCH_PROJECT_OUT:
        v = patch_vector(r, patch, flat[1], true);
        return orr_sub(g, x, orr_matmul(g, orr_matmul(g, x, v, false, true), v, false, false));
    }
    return orr_graph_reject(g, ORR_EINVAL, "patch verb %d at %s is not known", (int)patch->verb, patch->site);
}

static orr_handle apply_patch(struct rebuild *r, const struct orr_patch *patch, orr_handle x)
{
    struct orr_graph *g = r->to;
    const struct orr_graph_value *value = orr_graph_value(g, x);
    if (!value) return ORR_NONE;
    const struct orr_shape shape = value->shape;
    const int64_t positions = r->batch * r->time, width = orr_shape_count(&shape) / positions;
    const bool folded = shape.rank == 2 && shape.dim[0] == positions;
    if (!folded && !(shape.rank >= 3 && shape.dim[0] == r->batch && shape.dim[1] == r->time))
        return orr_graph_reject(g, ORR_EUNSUPPORTED,
                                "%s cannot be patched: its numbers do not lie by window and position; patch a site "
                                "before or after it",
                                patch->site);
    const int64_t flat[2] = {positions, width}, deep[3] = {r->batch, r->time, width};
    orr_handle y = changed(r, patch, orr_reshape(g, x, 2, flat), flat);
    if (patch->where == ORR_LAST_POSITION) {
        const orr_handle mask = orr_broadcast(g, last_position(r), 3, deep);
        const orr_handle kept = orr_mul(g, orr_affine(g, mask, -1, 1), orr_reshape(g, x, 3, deep));
        y = orr_add(g, orr_mul(g, mask, orr_reshape(g, y, 3, deep)), kept);
    }
    y = orr_reshape(g, y, shape.rank, shape.dim);
    if (shape.batch) orr_graph_set_batch(g, y, shape.batch);
    orr_graph_name(g, y, patch->site);
    return y;
}

/* ---- rebuilding ---- */

/* Names, batches and patches of a value that has just been made. */
static void finish_value(struct rebuild *r, orr_handle old)
{
    const struct orr_graph_value *value = &r->from->value[old];
    if (value->shape.batch) orr_graph_set_batch(r->to, r->map[old], value->shape.batch);
    if (!value->name) return;
    orr_graph_name(r->to, r->map[old], value->name);
    for (uint32_t i = 0; i < r->n_patches; ++i)
        if (strcmp(r->patches[i].site, value->name) == 0) {
            r->map[old] = apply_patch(r, &r->patches[i], r->map[old]);
            r->done[i] = true;
        }
}

static void add_node(struct rebuild *r, const struct orr_graph_node *node)
{
    orr_handle in[ORR_IN_MAX], out[ORR_OUT_MAX];
    struct orr_shape wanted[ORR_OUT_MAX];
    for (uint32_t k = 0; k < node->n_in; ++k)
        in[k] = r->map[node->in[k]];
    const struct orr_graph_value *value = &r->from->value[node->out[0]];
    if (node->op == ORR_NODE_VIEW) {
        const struct orr_graph_value *whole = &r->from->value[node->in[0]];
        const uint64_t first = (value->offset - whole->offset) / orr_dtype_bytes(value->shape.dtype);
        out[0] = node->stops_gradient
                     ? orr_graph_stop_gradient(r->to, in[0])
                     : orr_graph_view(r->to, in[0], (int64_t)first, value->shape.rank, value->shape.dim);
    } else {
        for (uint32_t k = 0; k < node->n_out; ++k)
            wanted[k] = r->from->value[node->out[k]].shape;
        orr_graph_apply(r->to, node->op, in, node->n_in, &node->attr, wanted, 0, out);
    }
    if (r->to->error.code != ORR_OK) return;
    for (uint32_t k = 0; k < node->n_out; ++k) {
        r->map[node->out[k]] = out[k];
        finish_value(r, node->out[k]);
    }
}

static void rebuild_all(struct rebuild *r)
{
    for (size_t v = 0; v < r->from->n_values; ++v) {
        const struct orr_graph_value *value = &r->from->value[v];
        if (value->node != ORR_NONE) continue;
        r->map[v] = orr_graph_input(r->to, value->name, value->shape.dtype, value->shape.rank, value->shape.dim);
        if (value->shape.batch) orr_graph_set_batch(r->to, r->map[v], value->shape.batch);
    }
    for (size_t i = 0; i < r->from->n_nodes && r->to->error.code == ORR_OK; ++i)
        add_node(r, &r->from->node[i]);
    for (uint32_t i = 0; i < r->n_patches; ++i)
        if (!r->done[i]) orr_graph_reject(r->to, ORR_EINVAL, "\"%s\" is not a site of this model", r->patches[i].site);
}

orr_status orr_patched_apply(struct orr_patched *patched, struct orr_graph **g, const struct orr_patch *patches,
                             uint32_t n, uint32_t batch, uint32_t time, orr_handle *const *moved, size_t n_moved,
                             struct orr_error *err)
{
    struct rebuild r = {
        .from = *g, .patched = patched, .patches = patches, .n_patches = n, .batch = batch, .time = time};
    r.map = orr_memory_array((*g)->n_values, sizeof *r.map);
    r.done = orr_memory_array(n, sizeof *r.done);
    patched->vector = orr_memory_array((size_t)n * 2, sizeof *patched->vector);
    orr_status status = ORR_OK;
    if (!r.map || !r.done || !patched->vector) status = orr_memory_out(err, "patches", (*g)->n_values * sizeof *r.map);
    if (status == ORR_OK) status = orr_graph_create((*g)->real, &r.to, err);
    if (status == ORR_OK) {
        rebuild_all(&r);
        for (size_t i = 0; i < n_moved; ++i)
            *moved[i] = r.map[*moved[i]];
        status = orr_graph_status(r.to, err);
        orr_graph_destroy(*g);
        *g = r.to;
    }
    orr_memory_free(r.map);
    orr_memory_free(r.done);
    return status;
}

void orr_patched_fini(struct orr_patched *patched)
{
    for (size_t i = 0; i < patched->n_vectors; ++i)
        orr_memory_free(patched->vector[i].data);
    orr_memory_free(patched->vector);
    *patched = (struct orr_patched){.vector = NULL};
}

orr_status orr_patched_upload(const struct orr_patched *patched, struct orr_exec *exec, struct orr_error *err)
{
    for (size_t i = 0; i < patched->n_vectors; ++i)
        ORR_TRY(orr_exec_write_real(exec, patched->vector[i].value, patched->vector[i].data, patched->vector[i].count,
                                    err));
    return ORR_OK;
}
