/* Which devices there are, the best first: discrete GPUs, integrated GPUs, accelerators, CPUs; then what cannot be
 * used.
 */
#ifndef OPENCL_DISCOVER_H
#define OPENCL_DISCOVER_H

#include "library.h"

enum opencl_class { OPENCL_DISCRETE_GPU, OPENCL_INTEGRATED_GPU, OPENCL_ACCELERATOR, OPENCL_CPU };

struct opencl_found {
    cl_platform_id platform;
    cl_device_id device;
    uint32_t platform_number, device_number; /* as the loader and the platform count them */
    enum opencl_class class;
    const char *refused; /* why it cannot be used, or NULL */
    struct orr_device_info info;
};

/* How many devices there are. Looked for once a process; any thread. Without a loader, or without any platform: 0, and
 * one warning in the log says which. */
uint32_t opencl_found_count(void);

/* NULL (err filled) when there are not so many. Static; never freed. */
const struct opencl_found *opencl_found_device(uint32_t index, struct orr_error *err);

#endif
