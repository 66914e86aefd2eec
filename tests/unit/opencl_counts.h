/* Counts of the calls of OpenCL that a test's backend makes. The program must export its functions. */
#ifndef OPENCL_COUNTS_H
#define OPENCL_COUNTS_H

struct opencl_counts {
    unsigned created, released; /* kernels, buffers and parts of them, and references to them */
    unsigned arguments, launches, transfers, waits, other;
};
extern struct opencl_counts opencl_counts;

#endif
