/* Rows on processors with vectors, groups elsewhere, unless ORRERY_KERNELS says which. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

static orr_status read_forced(const char *forced, const struct opencl_found *found, struct opencl_variant *out,
                              struct orr_error *err)
{
    out->groups = strcmp(forced, "groups") == 0;
    if (!out->groups && strcmp(forced, "rows") != 0)
        return OPENCL_FAIL(err, ORR_EINVAL, "ORRERY_KERNELS is \"%s\": expected rows or groups, or nothing", forced);
    if (out->groups && out->group < OPENCL_GROUP)
        return OPENCL_FAIL(err, ORR_EUNSUPPORTED,
                           "ORRERY_KERNELS is groups: the device allows groups of %zu items, and they need %d",
                           out->group, OPENCL_GROUP);
    /* Mesa's own compiler, between OpenCL C and LLVM, does not come back from attention by rows. */
    if (!out->groups && strstr(found->info.driver, "rusticl"))
        return OPENCL_FAIL(
            err, ORR_EUNSUPPORTED,
            "ORRERY_KERNELS is rows: compiling them does not end with this driver (%s): leave it out, or "
            "say groups",
            found->info.driver);
    opencl_host->log(ORR_LOG_INFO, "opencl", "ORRERY_KERNELS: kernels by %s", forced);
    return ORR_OK;
}

orr_status opencl_variant_choose(const struct opencl_found *found, struct opencl_variant *out, struct orr_error *err)
{
    const char *forced = getenv("ORRERY_KERNELS");
    cl_uint width = 0;
    cl_ulong local_bytes = 0;
    size_t group = 0;
    OPENCL_CALL("opening the device", clGetDeviceInfo, found->device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width,
                &width, NULL);
    OPENCL_CALL("opening the device", clGetDeviceInfo, found->device, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local_bytes,
                &local_bytes, NULL);
    OPENCL_CALL("opening the device", clGetDeviceInfo, found->device, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group,
                &group, NULL);
    /* A processor whose driver has no vectors would only take long to compile kernels of them. */
    *out = (struct opencl_variant){.groups = (found->class != OPENCL_CPU || width < 2) && group >= OPENCL_GROUP,
                                   .width = width >= 16  ? 16
                                            : width >= 8 ? 8
                                                         : 4,
                                   .local_bytes = local_bytes,
                                   .group = group};
    return forced && forced[0] ? read_forced(forced, found, out, err) : ORR_OK;
}
