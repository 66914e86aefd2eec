/* What the files of the CPU backend share: the device, its buffers, the engine's services. */
#ifndef CPU_H
#define CPU_H

#include "kernels/job.h"

struct orr_buffer {
    size_t bytes;
    unsigned char *data; /* aligned to CPU_ALIGN */
};

struct cpu_pool;

struct orr_device {
    const struct cpu_kernels *kernels; /* of the instruction set in use */
    struct cpu_pool *pool;
    bool watching; /* the time of each call is kept */
    struct orr_counters counters;
};

/* The table of the engine, set by the first orr_plugin_query and never changed. */
extern const struct orr_host *cpu_host;

#define CPU_FAIL(err, ...) cpu_host->fail(err, __VA_ARGS__)

/* Return from the calling function unless `expression` is ORR_OK. */
#define CPU_TRY(expression)                                                                                            \
    do {                                                                                                               \
        const orr_status status_ = (expression);                                                                       \
        if (status_ != ORR_OK) return status_;                                                                         \
    } while (0)

/* The name of an operation as in ops.def, "unknown operation" for a number that has no row. */
const char *cpu_op_name(uint32_t op);

/* Does the backend take these element types, sizes and attributes, which are known to fit one another? Any thread. */
bool cpu_supports(const struct cpu_kernels *kernels, const struct orr_call *call);
/* The same of a call that is to be run, and whether its tensors have memory and lie inside of it; err says what is
 * wrong: EUNSUPPORTED or EINVAL. Tensors without a buffer are taken where `scratch` is true. */
ORR_CHECKED orr_status cpu_check(const struct cpu_kernels *kernels, const struct orr_call *call, bool scratch,
                                 struct orr_error *err);

static inline uint64_t cpu_bytes(const struct orr_tensor *t) { return (uint64_t)orr_tensor_elements(t) * 4; }

#endif
