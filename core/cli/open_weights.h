/* The weights that a command names, with the sizes that it gives beside them. */
#ifndef ORR_CLI_OPEN_WEIGHTS_H
#define ORR_CLI_OPEN_WEIGHTS_H

#include "cli/verbs.h"
#include "model/weights.h"

/* Options of all verbs that take weights: sizes that the file's metadata does not say. */
#define ORR_WEIGHTS_OPTIONS                                                                                            \
    {"--n_layer", "N", "a size that WEIGHTS does not say in its metadata; so the next:"}, {"--n_head", "N", ""},       \
        {"--n_embd", "N", ""}, {"--block_size", "N", "rows of the position table: the longest context"},               \
        {"--input_dim", "N", "columns of a model of numbers"}, {"--vocab_size", "N", "of a model of tokens"},          \
        {"--output_dim", "N", "default: as input_dim"},                                                                \
    {                                                                                                                  \
        "--window", "N", "positions that attention looks back; default 0: all"                                         \
    }

/* The sizes of the model, without its weights. EINVAL as below. */
ORR_CHECKED orr_status orr_open_weights_sizes(const struct orr_command *command, const char *path,
                                              struct orr_model *out, struct orr_error *err);
/* Read the file; *out is the caller's (orr_weights_fini). A file that cannot be read is wrong input: EINVAL. */
ORR_CHECKED orr_status orr_open_weights(const struct orr_command *command, const char *path, struct orr_weights *out,
                                        struct orr_error *err);

#endif
