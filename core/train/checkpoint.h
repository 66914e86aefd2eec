/* Checkpoints: a run's state as a safetensors file that PyTorch opens, in
 * DIRECTORY/checkpoints/step-<steps>.safetensors.
 *
 * Tensors: every parameter under nanoGPT's name in PyTorch's layout, F32; the optimiser's state blocks (elements), in
 * the layout of the block: optimizer.first_moment and optimizer.second_moment of AdamW, optimizer.velocity of SGD with
 * momentum; losses (steps), F64. A run in double also has optimizer.parameters, the block in F64. Metadata: format,
 * format_version, step, recipe, checksum; model: model (its kind), model_graph (hash of its text), vocab_size (with
 * tokens), n_layer, n_head, n_embd, block_size, input_dim, output_dim, window, real; training: seed, steps, batch_kind,
 * batch, noise, schedule and its numbers, optimiser and its numbers, parameter_order; data: simulator,
 * simulator_parameters, data_* (data_bins: hash of the bins).
 */
#ifndef ORR_TRAIN_CHECKPOINT_H
#define ORR_TRAIN_CHECKPOINT_H

#include "train/state.h"

/* Steps of the checkpoints in a directory, ascending; *steps is the caller's (orr_memory_free), NULL for none. A
 * directory that does not exist holds none. */
ORR_CHECKED orr_status orr_checkpoint_list(const char *directory, uint64_t **steps, size_t *count,
                                           struct orr_error *err);

/* The path of one; the caller's (orr_memory_free); NULL when out of memory. */
char *orr_checkpoint_path(const char *directory, uint64_t step);

/* Write the state (which must be finite) and the losses of its steps, atomically, and remove all but the newest two
 * and a final one. before: steps of the state that was saved or loaded before this one; others newer than that are
 * damaged ones that the load passed over, and get the name *.damaged. EIO: what was there before survives. */
ORR_CHECKED orr_status orr_checkpoint_save(const struct orr_train_job *job, const struct orr_parameters *p,
                                           const struct orr_train_state *state, const double *losses, uint64_t before,
                                           struct orr_error *err);

/* Read the newest good one into state and losses (job's steps); *found is false where there is none, and both are then
 * unchanged. A damaged one is passed over with a warning and left as it is, and the one before it is taken.
 * EINVAL when it belongs to another run; ENOMEM. */
ORR_CHECKED orr_status orr_checkpoint_load(const struct orr_train_job *job, const struct orr_parameters *p,
                                           struct orr_train_state *state, double *losses, bool *found,
                                           struct orr_error *err);

/* Read the parameters of one that was kept: block is the caller's (elements). EFORMAT, EINVAL: as above; EIO; ENOMEM.
 */
ORR_CHECKED orr_status orr_checkpoint_parameters(const struct orr_train_job *job, const struct orr_parameters *p,
                                                 uint64_t step, float *block, struct orr_error *err);

#endif
