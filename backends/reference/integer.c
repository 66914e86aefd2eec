/* The operations whose result is i32: the table, and addition (which wraps round, where the others are shared). */
#define REFERENCE_ELEMENT i32
#include "template.h"

KERNEL(ADD)
{
    const element *a = reference_data(&call->in[0]);
    const element *b = reference_data(&call->in[1]);
    element *out = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i)
        out[i] = (element)((uint32_t)a[i] + (uint32_t)b[i]);
    return ORR_OK;
}

const reference_kernel reference_kernels_i32[ORR_OP_COUNT_] = {
    [ORR_OP_FILL] = KERNEL_NAME(FILL),       [ORR_OP_COPY] = KERNEL_NAME(COPY),
    [ORR_OP_ADD] = KERNEL_NAME(ADD),         [ORR_OP_BROADCAST] = KERNEL_NAME(BROADCAST),
    [ORR_OP_PERMUTE] = KERNEL_NAME(PERMUTE), [ORR_OP_SLICE] = KERNEL_NAME(SLICE),
    [ORR_OP_PAD] = KERNEL_NAME(PAD),         [ORR_OP_GATHER] = KERNEL_NAME(GATHER),
    [ORR_OP_PUT] = KERNEL_NAME(PUT),         [ORR_OP_RANDOM_INT] = KERNEL_NAME(RANDOM_INT),
    [ORR_OP_CAST] = KERNEL_NAME(CAST),
};
