/* Trajectories from a file: .npy, .safetensors or .csv, checked whole, held in double.
 *
 * Every trajectory has the same steps 0, 1, ... and the same columns. What the model sees is `observed`; other columns
 * are `constant` where each trajectory has one value of them, else `hidden`.
 */
#ifndef ORR_DATA_RECORDING_H
#define ORR_DATA_RECORDING_H

#include "base/error.h"

/* What a recipe says about a file. Texts are borrowed. */
struct orr_recording_config {
    const char *path;                              /* its end chooses the format */
    const char *tensor;                            /* of a .safetensors that orrery did not write; NULL: the only one */
    const char *const *columns;                    /* names of an array's columns; none: x0, x1, ... */
    const char *const *observed, *const *constant; /* none: all; those that are */
    size_t n_columns, n_observed, n_constant;
    const char *checksum; /* that the file must have; NULL: any */
};

/* Columns of one kind, row-major: (trajectories, steps, count), constant ones (trajectories, count). */
struct orr_recording_columns {
    struct orr_field *field; /* texts are the recording's */
    size_t field_capacity;
    uint32_t count;
    double *number;
    size_t capacity; /* of number */
};

struct orr_recording {
    char *path;
    char checksum[17]; /* FNV-1a of the file, hexadecimal */
    uint64_t trajectories;
    uint32_t steps;
    double *time; /* (steps); the number of the step where the file has no time */
    struct orr_recording_columns observed, hidden, constant;
    /* What made the trajectories, where the file says so; else NULL. parameters: JSON. */
    char *simulator, *version, *parameters;
    uint64_t seed;
    char **text; /* of fields */
    size_t n_text, text_capacity;
};

/* Read and check a file. On success *out is the caller's. EINVAL: config does not fit the file; EIO; EFORMAT names the
 * place and what was expected; ENOMEM. */
ORR_CHECKED orr_status orr_recording_read(const struct orr_recording_config *config, struct orr_recording **out,
                                          struct orr_error *err);
/* Keep only the description: sizes, columns, origin. */
void orr_recording_forget_numbers(struct orr_recording *recording);
void orr_recording_destroy(struct orr_recording *recording); /* NULL is fine */

#endif
