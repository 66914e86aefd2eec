/* Patches: a graph rebuilt with its values changed at named sites, for causal tests of what a network uses.
 *
 * At a site of width w the activation x of a position becomes: set, v; add, x + scale v; scale, scale x; project out,
 * x - v (v.x)/(v.v).
 */
#ifndef ORR_STUDY_PATCH_H
#define ORR_STUDY_PATCH_H

#include "graph/build.h"
#include "orrery/probe.h"
#include "run/exec.h"

/* Vectors that the patched graph reads. */
struct orr_patched_vector {
    orr_handle value;
    double *data;
    size_t count;
};

struct orr_patched {
    struct orr_patched_vector *vector;
    size_t n_vectors;
};

/* Replace *g by a graph in which the sites are patched, in order; *moved[i] are handles that are translated. Every site
 * must be (batch, time, width) or its folding. EINVAL, EUNSUPPORTED, ENOMEM. patched is the caller's to release, also
 * on failure. */
ORR_CHECKED orr_status orr_patched_apply(struct orr_patched *patched, struct orr_graph **g,
                                         const struct orr_patch *patches, uint32_t n, uint32_t batch, uint32_t time,
                                         orr_handle *const *moved, size_t n_moved, struct orr_error *err);
void orr_patched_fini(struct orr_patched *patched);

/* Write the vectors into an executable made from the graph. */
ORR_CHECKED orr_status orr_patched_upload(const struct orr_patched *patched, struct orr_exec *exec,
                                          struct orr_error *err);

#endif
