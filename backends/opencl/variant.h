/* Which of two forms of a kernel a device runs: by rows (an item computes with vectors in registers, no barrier), for
 * processors; by groups (a work-group shares local memory), for everything else. ORRERY_KERNELS=rows|groups forces.
 */
#ifndef OPENCL_VARIANT_H
#define OPENCL_VARIANT_H

#include "discover.h"

struct opencl_variant {
    bool groups;
    int width;            /* of a vector where rows are computed: 4, 8 or 16 */
    uint64_t local_bytes; /* local memory of a group */
    size_t group;         /* most items of a group */
};

/* EINVAL: ORRERY_KERNELS is neither; the text lists what it may be. */
ORR_CHECKED orr_status opencl_variant_choose(const struct opencl_found *found, struct opencl_variant *out,
                                             struct orr_error *err);

#endif
