/* The codes of OpenCL and CLBlast in words: name, and what it usually means to somebody who only wants to train. */
#include "library.h"

#include <string.h>

struct code {
    int code;
    const char *name, *meaning;
};

#define MEMORY "the device is out of memory: lower the batch, the context or n_embd, or close what else uses it"
#define SICK   "the driver gave up, often after a reset or a time limit of the display: see dmesg"
#define BUG    "this should not happen: please report it"

/* clang-format off */
static const struct code codes[] = {
    {-1, "CL_DEVICE_NOT_FOUND", "the platform has no such device"},
    {-2, "CL_DEVICE_NOT_AVAILABLE", "the device is in use or switched off"},
    {-3, "CL_COMPILER_NOT_AVAILABLE", "the driver comes without its compiler: install the complete one"},
    {-4, "CL_MEM_OBJECT_ALLOCATION_FAILURE", MEMORY},
    {-5, "CL_OUT_OF_RESOURCES", "memory of the device, registers or a time limit of the display ran out: close other "
                                "programs that use it, or lower the batch"},
    {-6, "CL_OUT_OF_HOST_MEMORY", "the driver is out of memory"},
    {-11, "CL_BUILD_PROGRAM_FAILURE", "the driver's compiler refused a kernel"},
    {-12, "CL_MAP_FAILURE", MEMORY},
    {-13, "CL_MISALIGNED_SUB_BUFFER_OFFSET", BUG},
    {-14, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", SICK},
    {-30, "CL_INVALID_VALUE", BUG},
    {-33, "CL_INVALID_DEVICE", "the device has gone"},
    {-34, "CL_INVALID_CONTEXT", SICK},
    {-35, "CL_INVALID_QUEUE_PROPERTIES", BUG},
    {-36, "CL_INVALID_COMMAND_QUEUE", SICK},
    {-38, "CL_INVALID_MEM_OBJECT", BUG},
    {-42, "CL_INVALID_BINARY", BUG},
    {-43, "CL_INVALID_BUILD_OPTIONS", "if CLBLAST_BUILD_OPTIONS is set, unset it or end it with a space"},
    {-44, "CL_INVALID_PROGRAM", BUG},
    {-45, "CL_INVALID_PROGRAM_EXECUTABLE", BUG},
    {-46, "CL_INVALID_KERNEL_NAME", BUG},
    {-47, "CL_INVALID_KERNEL_DEFINITION", BUG},
    {-48, "CL_INVALID_KERNEL", BUG},
    {-49, "CL_INVALID_ARG_INDEX", BUG},
    {-50, "CL_INVALID_ARG_VALUE", BUG},
    {-51, "CL_INVALID_ARG_SIZE", BUG},
    {-52, "CL_INVALID_KERNEL_ARGS", BUG},
    {-53, "CL_INVALID_WORK_DIMENSION", BUG},
    {-54, "CL_INVALID_WORK_GROUP_SIZE", "a kernel wants larger work-groups than the device has (CLBlast's want 64, and 256 for large products, at "
                                        "least): update the driver or take another device (orrery devices lists them)"},
    {-55, "CL_INVALID_WORK_ITEM_SIZE", "as CL_INVALID_WORK_GROUP_SIZE: update the driver or take another device"},
    {-56, "CL_INVALID_GLOBAL_OFFSET", BUG},
    {-57, "CL_INVALID_EVENT_WAIT_LIST", BUG},
    {-58, "CL_INVALID_EVENT", BUG},
    {-59, "CL_INVALID_OPERATION", BUG},
    {-60, "CL_INVALID_GL_OBJECT", BUG},
    {-61, "CL_INVALID_BUFFER_SIZE", "one buffer is larger than the device allows: lower the batch or the context"},
    {-62, "CL_INVALID_MIP_LEVEL", BUG},
    {-63, "CL_INVALID_GLOBAL_WORK_SIZE", BUG},
    {-64, "CL_INVALID_PROPERTY", BUG},
    {-1001, "CL_PLATFORM_NOT_FOUND_KHR", "no OpenCL driver is installed"},
    {-9999, "NVIDIA's illegal read or write", SICK},
    {CLBlastInvalidLocalMemUsage, "CLBlastInvalidLocalMemUsage", "the device has too little local memory for CLBlast: "
                                                                 "use another device"},
    {CLBlastInsufficientMemoryA, "CLBlastInsufficientMemoryA", BUG},
    {CLBlastInsufficientMemoryB, "CLBlastInsufficientMemoryB", BUG},
    {CLBlastInsufficientMemoryC, "CLBlastInsufficientMemoryC", BUG},
    {CLBlastInsufficientMemoryTemp, "CLBlastInsufficientMemoryTemp", BUG},
    {CLBlastDatabaseError, "CLBlastDatabaseError", "CLBlast does not know the device: try a newer CLBlast"},
    {CLBlastUnknownError, "CLBlastUnknownError", "see the driver's own messages"},
    {CLBlastUnexpectedError, "CLBlastUnexpectedError", "see the driver's own messages"},
};
/* clang-format on */

static const struct code *find(int code)
{
    static const struct code unknown = {0, "unknown code", "the driver's documentation may know it"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; ++i)
        if (codes[i].code == code) return &codes[i];
    return &unknown;
}

const char *opencl_code_name(int code) { return find(code)->name; }

orr_status opencl_fail(struct orr_error *err, const char *call, int code, const char *doing)
{
    const struct code *known = find(code);
    const bool memory = strcmp(known->meaning, MEMORY) == 0 || code == CL_OUT_OF_HOST_MEMORY || code == -61;
    return OPENCL_FAIL(err, memory ? ORR_ENOMEM : ORR_EDEVICE, "%s: %s returned %s (%d): %s", doing, call, known->name,
                       code, known->meaning);
}
