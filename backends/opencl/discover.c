/* Enumerating platforms and devices, and judging by what they can do: no list of vendors, in or out. */
#include "discover.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLATFORMS_MAX = 16, DEVICES_MAX = 64 };
/* Every index then fits 31 bits, and every offset 64. */
static const uint64_t largest_buffer = UINT64_C(8) << 30;

static struct opencl_found found[DEVICES_MAX];
static uint32_t found_count;
static pthread_once_t found_once = PTHREAD_ONCE_INIT;

static void device_text(cl_device_id device, cl_device_info what, char *text, size_t size)
{
    char long_text[1024] = "";
    if (cl.clGetDeviceInfo(device, what, sizeof long_text - 1, long_text, NULL) != CL_SUCCESS) long_text[0] = '\0';
    const char *start = long_text + strspn(long_text, " ");
    snprintf(text, size, "%.*s", (int)size - 1, start);
}

static void platform_text(cl_platform_id platform, cl_platform_info what, char *text, size_t size)
{
    char long_text[1024] = "";
    if (cl.clGetPlatformInfo(platform, what, sizeof long_text - 1, long_text, NULL) != CL_SUCCESS) long_text[0] = '\0';
    snprintf(text, size, "%.*s", (int)size - 1, long_text);
}

static cl_ulong device_number(cl_device_id device, cl_device_info what, size_t size)
{
    union {
        cl_uint narrow;
        cl_ulong wide;
    } value = {.wide = 0};
    if (cl.clGetDeviceInfo(device, what, size, &value, NULL) != CL_SUCCESS) return 0;
    return size == sizeof value.narrow ? value.narrow : value.wide;
}

static bool device_flag(cl_device_id device, cl_device_info what)
{
    return device_number(device, what, sizeof(cl_bool)) != 0;
}

/* A device may say that it is several things at once (Oclgrind does): then it is a processor that imitates. */
static enum opencl_class classify(cl_device_id device)
{
    const cl_ulong type = device_number(device, CL_DEVICE_TYPE, sizeof(cl_device_type));
    if (type & CL_DEVICE_TYPE_CPU) return OPENCL_CPU;
    if (!(type & CL_DEVICE_TYPE_GPU)) return OPENCL_ACCELERATOR;
    return device_flag(device, CL_DEVICE_HOST_UNIFIED_MEMORY) ? OPENCL_INTEGRATED_GPU : OPENCL_DISCRETE_GPU;
}

static const char *refuse(cl_device_id device)
{
    char version[64];
    int major = 0, minor = 0;
    device_text(device, CL_DEVICE_VERSION, version, sizeof version);
    char profile[64];
    device_text(device, CL_DEVICE_PROFILE, profile, sizeof profile);
    if (!device_flag(device, CL_DEVICE_AVAILABLE)) return "its driver says that it is not available";
    if (!device_flag(device, CL_DEVICE_COMPILER_AVAILABLE))
        return "its driver comes without a compiler: install the complete driver";
    if (sscanf(version, "OpenCL %d.%d", &major, &minor) != 2 || major * 10 + minor < 12)
        return "its driver is older than OpenCL 1.2: update it";
    if (strcmp(profile, "FULL_PROFILE") != 0) return "it has the embedded profile only, whose arithmetic is less exact";
    if (!device_flag(device, CL_DEVICE_ENDIAN_LITTLE)) return "it is not little-endian";
    return NULL;
}

/* The driver text begins with PLATFORM.DEVICE, by which the device can be chosen too. */
static void describe(struct opencl_found *f)
{
    char platform[64], driver[64];
    struct orr_device_info *info = &f->info;
    const cl_device_id id = f->device;
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(id, CL_DRIVER_VERSION, driver, sizeof driver);
    platform_text(f->platform, CL_PLATFORM_NAME, platform, sizeof platform);
    snprintf(info->driver, sizeof info->driver, "%u.%u %.30s %.24s", f->platform_number, f->device_number, platform,
             driver);
    info->memory_bytes = device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    info->max_alloc = device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    if (info->max_alloc == 0 || info->max_alloc > largest_buffer) info->max_alloc = largest_buffer;
    info->align = (uint32_t)(device_number(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof(cl_uint)) / 8);
    if (info->align < 128) info->align = 128;
    info->kind = f->class == OPENCL_CPU ? 0 : f->class == OPENCL_ACCELERATOR ? 2 : 1;
    info->dtypes = 1u << ORR_F32 | 1u << ORR_I32;
    info->flushes_denormals =
        !(device_number(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(cl_device_fp_config)) & CL_FP_DENORM);
}

static void add_platform(cl_platform_id platform, uint32_t number)
{
    cl_device_id id[DEVICES_MAX];
    cl_uint count = 0;
    const cl_int code = cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, DEVICES_MAX, id, &count);
    if (code != CL_SUCCESS || count == 0) {
        char name[64];
        platform_text(platform, CL_PLATFORM_NAME, name, sizeof name);
        opencl_host->log(ORR_LOG_DEBUG, "opencl", "platform %u (%s) has no devices%s", number, name,
                         strcasestr(name, "rusticl") ? ": export RUSTICL_ENABLE=radeonsi (Intel: iris; NVIDIA: nouveau)"
                                                     : "");
        return;
    }
    for (cl_uint d = 0; d < count && d < DEVICES_MAX && found_count < DEVICES_MAX; ++d) {
        struct opencl_found *f = &found[found_count++];
        *f =
            (struct opencl_found){.platform = platform, .device = id[d], .platform_number = number, .device_number = d};
        f->class = classify(id[d]);
        f->refused = refuse(id[d]);
        describe(f);
    }
}

static int better_first(const void *a, const void *b)
{
    const struct opencl_found *x = a, *y = b;
    if (!x->refused != !y->refused) return x->refused ? 1 : -1;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    if (x->platform_number != y->platform_number) return x->platform_number < y->platform_number ? -1 : 1;
    return x->device_number < y->device_number ? -1 : 1;
}

static void look(void)
{
    struct orr_error err = {.code = ORR_OK};
    cl_platform_id platform[PLATFORMS_MAX];
    cl_uint count = 0;
    if (opencl_library_load(&err) != ORR_OK) {
        opencl_host->log(ORR_LOG_WARN, "opencl", "%s", err.text);
        return;
    }
    /* Without any driver the loader fails with -1001 and leaves count as it was. */
    if (cl.clGetPlatformIDs(PLATFORMS_MAX, platform, &count) != CL_SUCCESS) count = 0;
    for (cl_uint p = 0; p < count && p < PLATFORMS_MAX; ++p)
        add_platform(platform[p], p);
    qsort(found, found_count, sizeof found[0], better_first);
    if (found_count == 0)
        opencl_host->log(ORR_LOG_WARN, "opencl",
                         "no OpenCL device: %u platforms are installed (orrery doctor says what is missing)", count);
}

uint32_t opencl_found_count(void)
{
    pthread_once(&found_once, look);
    return found_count;
}

const struct opencl_found *opencl_found_device(uint32_t index, struct orr_error *err)
{
    const uint32_t count = opencl_found_count();
    if (index < count) return &found[index];
    OPENCL_FAIL(err, ORR_EINVAL, "device %u does not exist: OpenCL has %u here", index, count);
    return NULL;
}
