/* The rule for indices, in one place: -1 is a gap, everything else must be in range. */
#ifndef REFERENCE_INDEX_H
#define REFERENCE_INDEX_H

#include "reference.h"

/* Consecutive rows an index stands for: attribute 0, where 0 means 1. */
static inline int64_t reference_index_run(const struct orr_call *call)
{
    return call->attr.i[0] > 1 ? call->attr.i[0] : 1;
}

/* Every element of index (i32) is -1 or from 0 to last. Errors: ORR_EINVAL naming index, position and bound. */
static inline orr_status reference_index_check(const struct orr_call *call, const struct orr_tensor *index,
                                               int64_t last, struct orr_error *err)
{
    const int32_t *at = reference_data(index);
    const int64_t count = reference_count(index);
    for (int64_t k = 0; k < count; ++k)
        if (at[k] != -1 && (at[k] < 0 || at[k] > last))
            return REFERENCE_FAIL(err, ORR_EINVAL, "%s: index %d at position %lld is out of range: at most %lld, or -1",
                                  reference_op_name(call->op), at[k], (long long)k, (long long)last);
    return ORR_OK;
}

#endif
