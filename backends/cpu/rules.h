/* By which groups of rows each operation may be cut into parts. */
#ifndef CPU_RULES_H
#define CPU_RULES_H

#include "cpu.h"

/* A call cut into groups: what each operand is to a part (job.h). */
struct cpu_cut {
    int64_t groups; /* 0: the call is run whole */
    bool flat;      /* rows mean nothing: tensors with as many elements as out[0] are taken as one axis */
    uint8_t in[ORR_IN_MAX], out[ORR_OUT_MAX]; /* enum cpu_role */
};

/* Cut a supported call into `groups` >= 1 groups of rows of dim[0]; false, and nothing is changed, where its operation
 * or a shape does not allow it, or a tensor is empty. */
bool cpu_cut_rows(const struct orr_call *call, int64_t groups, struct cpu_cut *cut);
/* The same by rows, or elements, of the call's own: as many as there are. */
bool cpu_cut_alone(const struct orr_call *call, struct cpu_cut *cut);

#endif
