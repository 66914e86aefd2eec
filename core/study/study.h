/* A study: one network of one point, offered to probes through orrery/probe.h.
 *
 * Activations are captured in batches of windows, as many sites at once as fit into the cache. What a probe borrowed
 * stays valid until its measure returns; then the cache is emptied if it has outgrown its bound.
 */
#ifndef ORR_STUDY_STUDY_H
#define ORR_STUDY_STUDY_H

#include "study/findings.h"
#include "study/forward.h"
#include "study/sample.h"

#include <signal.h>

struct orr_study_config {
    const struct orr_network *network;
    struct orr_sample *sample;
    const char *const *sites; /* of a network; the control has raw_inputs and raw_inputs_squared */
    uint32_t n_sites;
    size_t cache_bytes;
    const char *directory;             /* where probes save arrays: <directory>/arrays/; NULL: nowhere */
    const volatile sig_atomic_t *stop; /* set: calls return ORR_ECANCELLED; NULL: never */
};

/* On success the caller destroys *out; network and sample must outlive it. One thread at a time. */
ORR_CHECKED orr_status orr_study_create(const struct orr_study_config *config, struct orr_study_state **out,
                                        struct orr_error *err);
void orr_study_destroy(struct orr_study_state *study); /* NULL is fine */

/* What a probe is given. Borrowed. */
const struct orr_study *orr_study_face(const struct orr_study_state *study);

/* Create a probe, let it measure, append what it emits to findings, destroy it. Errors are the probe's, with its label
 * and the network's name in front. */
ORR_CHECKED orr_status orr_study_measure(struct orr_study_state *study, const struct orr_recipe_plugin *probe,
                                         struct orr_findings *findings, struct orr_error *err);

/* Mean loss of the prediction of clean inputs, over the positions that training counts: squared error, or of tokens
 * cross-entropy in nats. The control without a network repeats the last point; of tokens it knows how often each
 * occurs in the training data, with one added to every count so that none is impossible. */
ORR_CHECKED orr_status orr_study_loss(struct orr_study_state *study, enum orr_split split, double *loss,
                                      struct orr_error *err);

/* Every site at the last position as <directory>/activations/<network>/<split>/<site>.npy. */
ORR_CHECKED orr_status orr_study_save_activations(struct orr_study_state *study, const char *directory,
                                                  struct orr_error *err);
/* The columns of the same rows as <directory>/activations/columns/<split>/<column>.npy. */
ORR_CHECKED orr_status orr_study_save_columns(struct orr_study_state *study, const char *directory,
                                              struct orr_error *err);

#endif
