/* Weights from a file in the place of trained ones. */
#ifndef ORR_STUDY_GIVEN_H
#define ORR_STUDY_GIVEN_H

#include "model/model.h"

/* The tensors of the file at path, which must be those of model, into a block laid out as p: the caller's array of
 * p->elements, zeroed. Doubles are rounded to floats. EFORMAT, EIO: as orr_weights_read_as. */
ORR_CHECKED orr_status orr_given_block(const char *path, const struct orr_model *model, const struct orr_parameters *p,
                                       float *block, struct orr_error *err);

#endif
