/* From a graph to something a device can run: lowering, lifetimes, and one arena with a place for every storage.
 *
 * Static memory: lifetimes, then sort by size, then best gap (Pisarchyk and Lee 2020, arXiv 2001.03288). Kept storages
 * have buffers of their own kind that are never shared. Everything is known before anything is allocated.
 */
#ifndef ORR_PLAN_PLAN_H
#define ORR_PLAN_PLAN_H

#include "graph/graph.h"

/* What a plan needs to know of a device. supports may be NULL: everything is supported. */
struct orr_plan_target {
    bool (*supports)(void *context, const struct orr_call *call);
    void *context;
    uint64_t align;        /* bytes; 0: 64 */
    uint64_t max_alloc;    /* largest buffer; 0: unlimited */
    uint64_t memory_bytes; /* of the device; 0: unknown */
    uint32_t dtypes;       /* bit (1 << enum orr_dtype); 0: all */
    bool plans_scratch;    /* the backend places scratch itself */
    bool keep_all;         /* every value in a buffer of its own, readable after a run */
};

struct orr_plan_place {
    int32_t buffer;  /* ORR_NONE: scratch that the backend places itself */
    uint64_t offset; /* bytes into the buffer */
};

struct orr_plan_program {
    const char *name;
    size_t first, count; /* of plan->call */
};

struct orr_plan {
    struct orr_graph *graph; /* lowered; owned */
    orr_handle *map;         /* handle of the original graph -> handle of the lowered one */
    size_t n_map;
    struct orr_plan_place *place; /* one for each storage of graph */
    uint64_t *buffer_bytes;       /* one for each buffer */
    size_t n_buffers;
    struct orr_call *call; /* in order; tensors have offset and storage, buffers are not filled in */
    int32_t *call_node;    /* node of graph for each call */
    size_t n_calls;
    struct orr_plan_program *program;
    size_t n_programs;
    uint64_t kept_bytes, scratch_bytes; /* scratch: the arena; without sharing it would be unshared_bytes */
    uint64_t unshared_bytes;
    size_t n_lowered; /* nodes of the original graph that were replaced by primitives */
};

/* Any thread may plan; a plan is read-only afterwards. Plan g for target. g is not changed. EUNSUPPORTED lists every
 * missing op with its shapes; ENOMEM says what is needed and what there is. The caller destroys *out. */
ORR_CHECKED orr_status orr_plan_create(const struct orr_graph *g, const struct orr_plan_target *target,
                                       struct orr_plan **out, struct orr_error *err);
void orr_plan_destroy(struct orr_plan *plan);

/* kept_bytes + scratch_bytes, as they will be allocated. Of a backend that plans scratch itself only the kept part is
 * known; unshared_bytes bounds the rest from above. */
uint64_t orr_plan_peak_bytes(const struct orr_plan *plan);
/* Arithmetic and traffic of one call when run alone: floating-point operations; bytes read and written. */
double orr_plan_call_flops(const struct orr_call *call);
double orr_plan_call_bytes(const struct orr_call *call);

/* Replace every composite that supports() refuses by its lowering, repeatedly. *map as in struct orr_plan. The caller
 * destroys *out and frees *map (orr_memory_free); on an error both are NULL. */
ORR_CHECKED orr_status orr_plan_lower(const struct orr_graph *g, const struct orr_plan_target *target,
                                      struct orr_graph **out, orr_handle **map, size_t *n_lowered,
                                      struct orr_error *err);
/* The call for node (not a view) of g: shapes, offsets into storages, attributes; buffers NULL. */
void orr_plan_call(const struct orr_graph *g, size_t node, struct orr_call *call);

#endif
