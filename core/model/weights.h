/* Weights as files: a model's parameters under nanoGPT's names in PyTorch's layout, in a safetensors file.
 *
 * The model's sizes are the file's metadata, as texts: n_layer, n_head, n_embd, block_size; input_dim (columns of
 * numbers), or vocab_size (tokens of one column, or of input_dim columns); output_dim and window where they differ from
 * input_dim and 0; model, transformer (also where it is missing) or mlp. What a file does not say of sizes may be given
 * beside it. seed: of the training's initial weights, where the file says it.
 */
#ifndef ORR_MODEL_WEIGHTS_H
#define ORR_MODEL_WEIGHTS_H

#include "model/model.h"

enum orr_weights_size {
    ORR_WEIGHTS_N_LAYER,
    ORR_WEIGHTS_N_HEAD,
    ORR_WEIGHTS_N_EMBD,
    ORR_WEIGHTS_BLOCK_SIZE,
    ORR_WEIGHTS_INPUT_DIM,
    ORR_WEIGHTS_VOCAB_SIZE,
    ORR_WEIGHTS_OUTPUT_DIM,
    ORR_WEIGHTS_WINDOW,
    ORR_WEIGHTS_SIZES
};
/* Keys of the metadata, by enum orr_weights_size. */
extern const char *const orr_weights_size_names[ORR_WEIGHTS_SIZES];

struct orr_weights {
    struct orr_model model;
    struct orr_parameters parameters; /* arranged; weight decay applies to all */
    double *block;                    /* (parameters.elements), padding 0 */
    uint32_t real;                    /* ORR_F64 where the file has a tensor of F64, else ORR_F32 */
    bool has_head;                    /* the tied output matrix stands in the file once more, as lm_head.weight */
};

/* The sizes of a model of which a file has the weights. given: by enum orr_weights_size, negative where nothing is
 * given; a value that contradicts the file is an error. EIO, EFORMAT; EINVAL: sizes that are missing. Any thread. */
ORR_CHECKED orr_status orr_weights_sizes(const char *path, const int64_t given[ORR_WEIGHTS_SIZES],
                                         struct orr_model *out, struct orr_error *err);
/* The seed that the training of a file's weights began with, by its metadata; -1 where it does not say. EIO, EFORMAT.
 * Any thread. */
ORR_CHECKED orr_status orr_weights_seed(const char *path, int64_t *seed, struct orr_error *err);
/* Read a file. Tensors beside the parameters are errors, except the causal masks of nanoGPT (attn.bias), a tied output
 * matrix (lm_head.weight, equal to transformer.wte.weight or in its place), and the optimiser's state in a checkpoint
 * of this engine. On success the caller releases *out; otherwise it is zeroed. EIO; EFORMAT names file, tensor, and the
 * shape found and expected, or the element that is not finite; EINVAL: sizes that are missing, or that no model has;
 * ENOMEM. Any thread. */
ORR_CHECKED orr_status orr_weights_read(const char *path, const int64_t given[ORR_WEIGHTS_SIZES],
                                        struct orr_weights *out, struct orr_error *err);
/* The same for a model whose sizes are known: the file's metadata is not looked at. Texts of *model are borrowed. */
ORR_CHECKED orr_status orr_weights_read_as(const char *path, const struct orr_model *model, struct orr_weights *out,
                                           struct orr_error *err);
/* Does every weight stay finite in `real`, ORR_F32 or ORR_F64? path: the file they were read from, for the text.
 * EFORMAT names tensor and element. Any thread. */
ORR_CHECKED orr_status orr_weights_check_real(const struct orr_weights *weights, const char *path, uint32_t real,
                                              struct orr_error *err);
void orr_weights_fini(struct orr_weights *weights); /* zeroed is fine */

/* Write values of a block of the same layout (parameters, or their gradients) under the parameters' names, with the
 * sizes as metadata, atomically. real: ORR_F32 or ORR_F64, the type of the tensors. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_weights_write(const char *path, const struct orr_weights *weights, const double *block,
                                         uint32_t real, struct orr_error *err);

#endif
