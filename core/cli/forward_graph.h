/* Given weights and one batch as a graph on a device: prediction, hook points, loss, gradients, steps of AdamW. */
#ifndef ORR_CLI_FORWARD_GRAPH_H
#define ORR_CLI_FORWARD_GRAPH_H

#include "cli/forward_array.h"
#include "graph/build.h"
#include "io/npy.h"
#include "model/weights.h"
#include "run/exec.h"

struct orr_forward_job {
    const struct orr_weights *weights;
    const struct orr_forward_array *input, *target; /* target NULL: neither loss nor gradients nor steps */
    const char *const *hooks;                       /* to be readable */
    size_t n_hooks;
    bool gradients;
    bool steps; /* AdamW is wanted; it may be repeated */
    int64_t n_steps;
    double learning_rate, weight_decay;
    uint32_t real; /* ORR_F32 or ORR_F64: what is computed in */
    struct orr_open_device *device;
};

struct orr_forward_graph {
    struct orr_graph *graph;
    struct orr_exec *exec;
    orr_handle input, target, parameters, first_moment, second_moment, gradient, schedule, step;
    orr_handle prediction, loss;
    orr_handle *hook; /* (n_hooks) */
};

/* Build, compile and upload. On success the caller releases *out. EINVAL: the target does not fit the prediction;
 * EUNSUPPORTED: the device does not compute in this type; the device's own errors. */
ORR_CHECKED orr_status orr_forward_graph_init(const struct orr_forward_job *job, struct orr_forward_graph *out,
                                              struct orr_error *err);
void orr_forward_graph_fini(struct orr_forward_graph *f); /* zeroed is fine */

/* Forward and backward: what was asked for is then readable. */
ORR_CHECKED orr_status orr_forward_graph_run(struct orr_forward_graph *f, struct orr_error *err);
/* All steps of AdamW on this batch, the first with the gradients of orr_forward_graph_run. Parameters that are not
 * finite afterwards are ENUMERIC; block: (elements), caller's. */
ORR_CHECKED orr_status orr_forward_graph_train(struct orr_forward_graph *f, const struct orr_forward_job *job,
                                               double *block, struct orr_error *err);

/* A value as an array of its shape, in the graph's real type; *out is the caller's (orr_array_fini). */
ORR_CHECKED orr_status orr_forward_graph_read(const struct orr_forward_graph *f, orr_handle v, struct orr_array *out,
                                              struct orr_error *err);

#endif
