/* The directory that `orrery forward` writes: all of its files, or after a failure none. */
#ifndef ORR_CLI_FORWARD_WRITE_H
#define ORR_CLI_FORWARD_WRITE_H

#include "io/npy.h"

struct orr_forward_output {
    char *directory; /* NULL: not open */
    bool made;       /* it was not there before */
    char **file;     /* paths of what was begun; owned */
    size_t n_files, capacity;
};

/* EINVAL: directory is a file, or holds what `orrery forward` writes. */
ORR_CHECKED orr_status orr_forward_output_check(const char *directory, struct orr_error *err);

/* Make the directory. *out is to be closed, also after a failure of anything here. */
ORR_CHECKED orr_status orr_forward_output_open(struct orr_forward_output *out, const char *directory,
                                               struct orr_error *err);
/* Keep all files, or remove those that were begun, and directories that are then empty and were made here. */
void orr_forward_output_close(struct orr_forward_output *out, bool keep); /* zeroed is fine */

/* The path of a file that will be written, such as "activations/hook_embed.npy"; borrowed. */
ORR_CHECKED orr_status orr_forward_output_path(struct orr_forward_output *out, const char *name, const char **path,
                                               struct orr_error *err);
/* Write a .npy file; loss.json. */
ORR_CHECKED orr_status orr_forward_output_array(struct orr_forward_output *out, const char *name,
                                                const struct orr_array *array, struct orr_error *err);
ORR_CHECKED orr_status orr_forward_output_loss(struct orr_forward_output *out, double loss, struct orr_error *err);

#endif
