/* The table of kernels of one element type, made from ops.def: a row without a kernel does not link. */
#include "template.h"

const reference_kernel REFERENCE_PASTE(reference_kernels, REFERENCE_ELEMENT)[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, ...) [id] = KERNEL_NAME(NAME),
#include "orrery/ops.def"
#undef ORR_OP
};
