/* OpenCL and CLBlast, found when they are first needed: the program starts, and lists this backend, without them. */
#ifndef OPENCL_LIBRARY_H
#define OPENCL_LIBRARY_H

#define CL_TARGET_OPENCL_VERSION 120
#include "orrery/backend.h"

#include <CL/cl.h>
#include <clblast_c.h>

struct opencl_library {
#define ENTRY(name) __typeof__(name) *name;
#include "entries.def"
#undef ENTRY
};

/* Of CLBlast, the plain product and nothing else: its strided-batched one gives wrong numbers where an operand has an
 * offset or a stride (1.5.3, and still in 1.7.0-dev), so neither batched form is ever looked up. */
struct opencl_clblast {
    __typeof__(CLBlastSgemmWithTempBuffer) *CLBlastSgemmWithTempBuffer;
    __typeof__(CLBlastSGemmTempBufferSize) *CLBlastSGemmTempBufferSize;
    __typeof__(CLBlastClearCache) *CLBlastClearCache;
};

extern struct opencl_library cl;
extern struct opencl_clblast clblast;
/* The table of the engine, set by the first orr_plugin_query and never changed. */
extern const struct orr_host *opencl_host;

/* Fill in cl and clblast, once a process; any thread. EUNSUPPORTED says what is missing and what to install. */
ORR_CHECKED orr_status opencl_library_load(struct orr_error *err);
ORR_CHECKED orr_status opencl_clblast_load(struct orr_error *err);

/* Report that `call` returned `code`: names both, says what the code usually means, and then `doing`. Out of memory is
 * ENOMEM, everything else EDEVICE. Codes of CLBlast too. */
orr_status opencl_fail(struct orr_error *err, const char *call, int code, const char *doing);

/* The name of a code, "unknown code" for what has none. */
const char *opencl_code_name(int code);

#define OPENCL_FAIL(err, ...) opencl_host->fail(err, __VA_ARGS__)

/* Return from the calling function unless `expression` is ORR_OK. */
#define OPENCL_TRY(expression)                                                                                         \
    do {                                                                                                               \
        const orr_status status_ = (expression);                                                                       \
        if (status_ != ORR_OK) return status_;                                                                         \
    } while (0)

/* Call a function of the loader that returns its code. */
#define OPENCL_CALL(doing, name, ...)                                                                                  \
    do {                                                                                                               \
        const cl_int code_ = cl.name(__VA_ARGS__);                                                                     \
        if (code_ != CL_SUCCESS) return opencl_fail(err, #name, code_, doing);                                         \
    } while (0)

#endif
