/* What the writer and the reader of checkpoints share: used by checkpoint*.c only. */
#ifndef ORR_TRAIN_CHECKPOINT_FORMAT_H
#define ORR_TRAIN_CHECKPOINT_FORMAT_H

#include "io/safetensors.h"
#include "train/checkpoint.h"

/* The element type of the job's blocks, ORR_F32 or ORR_F64. */
uint32_t orr_checkpoint_real(const struct orr_train_job *job);

/* "optimizer.<block>", the name of a state block's tensor, into name, which is returned. */
enum { ORR_CHECKPOINT_NAME = 64 };
const char *orr_checkpoint_block(const struct orr_optimiser_block *block, char name[ORR_CHECKPOINT_NAME]);

/* The shape of a parameter in a file: PyTorch's [out, in] for linear weights. */
void orr_checkpoint_shape(const struct orr_parameter *item, int64_t dim[2]);

/* Put all metadata on a set whose tensors are complete. */
ORR_CHECKED orr_status orr_checkpoint_describe(struct orr_safetensors *set, const struct orr_train_job *job,
                                               const struct orr_parameters *p, uint64_t step, struct orr_error *err);

/* EFORMAT: damaged, not of this step, or no checkpoint. EINVAL: sound, but of another run than job's. */
ORR_CHECKED orr_status orr_checkpoint_check(const struct orr_safetensors *set, const struct orr_train_job *job,
                                            const struct orr_parameters *p, uint64_t step, const char *path,
                                            struct orr_error *err);

#endif
