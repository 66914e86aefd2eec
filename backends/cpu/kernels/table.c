/* The table of all kernels of one instruction set, made from ops.def: a row without a kernel does not link. */
#include "kernel.h"

#define CPU_TEXT_(word) #word
#define CPU_TEXT(word)  CPU_TEXT_(word)

extern const struct cpu_kernels CPU_NAME(kernels);

const struct cpu_kernels CPU_NAME(kernels) = {
    .name = CPU_TEXT(CPU_ISA),
    .lanes = CPU_LANES,
    .kernel =
        {
#define ORR_OP(id, NAME, ...) [id] = &CPU_KERNEL(NAME),
#include "orrery/ops.def"
#undef ORR_OP
        },
};
