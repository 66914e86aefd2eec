/* A network's forward pass, compiled for one shape, with chosen sites readable and patches applied on the way.
 *
 * Belongs to one thread at a time; the network, its device and its parameters must outlive it.
 */
#ifndef ORR_STUDY_FORWARD_H
#define ORR_STUDY_FORWARD_H

#include "data/tokens.h"
#include "graph/build.h"
#include "model/model.h"
#include "orrery/probe.h"
#include "run/exec.h"

/* A network as probes see it. model NULL: the control without a network, which repeats the last point. */
struct orr_network {
    const char *name; /* trained, untrained, none */
    const struct orr_model *model;
    const struct orr_parameters *parameters; /* layout of block */
    const float *block;
    struct orr_open_device *device;
    const struct orr_bins *bins; /* of a model on tokens: what its tokens mean */
};

struct orr_forward_config {
    uint32_t batch, time;
    const char *const *sites; /* to be readable */
    uint32_t n_sites;
    const struct orr_patch *patches;
    uint32_t n_patches;
};

struct orr_forward;

/* Compile and upload the parameters. On success the caller destroys *out. EINVAL: a site that the model has not;
 * EUNSUPPORTED: a patch at a site where none can be made; the device's own errors. */
ORR_CHECKED orr_status orr_forward_create(const struct orr_network *network, const struct orr_forward_config *config,
                                          struct orr_forward **out, struct orr_error *err);
void orr_forward_destroy(struct orr_forward *forward); /* NULL is fine */

/* input: (batch, time, n_input). prediction: (batch, time, n_output), or NULL. Both are coordinates: with a vocabulary
 * inputs are turned into tokens, and predictions are the centres of the most likely bins. EINVAL: an input that is nan
 * lies in no bin. */
ORR_CHECKED orr_status orr_forward_run(struct orr_forward *forward, const double *input, double *prediction,
                                       struct orr_error *err);

/* Of a model on tokens, after a run: -ln p of the token of every target, in nats. target and out: (batch, time,
 * n_output), the caller's. */
ORR_CHECKED orr_status orr_forward_surprise(struct orr_forward *forward, const double *target, double *out,
                                            struct orr_error *err);

/* Channels of site i at one position. */
size_t orr_forward_width(const struct orr_forward *forward, uint32_t i);
/* Site i after a run: (batch, time, width), caller's array. Heads and, of a pattern, keys lie side by side. */
ORR_CHECKED orr_status orr_forward_read(struct orr_forward *forward, uint32_t i, double *out, struct orr_error *err);

/* How many windows of `time` points to run at once: enough to keep a device busy, few enough to fit, logits and all. */
uint32_t orr_forward_batch(const struct orr_network *network, size_t windows, uint32_t time);

/* EINVAL: even one window of `time` points (1 or more) has more logits than 2^26, which are half a gibibyte on the
 * host.
 */
ORR_CHECKED orr_status orr_forward_check_logits(const struct orr_model *model, uint32_t time, struct orr_error *err);

#endif
