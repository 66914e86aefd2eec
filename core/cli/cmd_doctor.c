/* orrery doctor: why no GPU is found, or what is wrong with it, each problem with the command that mends it.
 *
 * Everything goes to stdout, what backends log too, so that the whole can be pasted into a report. Drivers are asked in
 * a child: some of them crash.
 */
#include "base/log.h"
#include "base/memory.h"
#include "cli/doctor.h"
#include "cli/verbs.h"
#include "run/device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct orr_option options[] = {{NULL, NULL, NULL}};

/* Exit codes of the child, beside success: a device can be used, and all is well. */
enum { NOTHING_USABLE = 10, SOME_USABLE = 11 };

/* Whole numbers so small that sums of products of them are exact in any order. */
static float left(size_t i) { return (float)(i % 7); }
static float right(size_t i) { return (float)(i % 5); }

static float expected(uint32_t op, size_t n, size_t i)
{
    if (op == ORR_OP_ADD) return left(i) + right(i);
    float sum = 0;
    for (size_t k = 0; k < n; ++k)
        sum += left(i / n * n + k) * right(k * n + i % n);
    return sum;
}

/* Runs op on two matrices (n, n) in value's two halves, and checks every number, or every 61st of many; the result
 * overwrites the first. */
static orr_status check_operation(struct orr_open_device *device, struct orr_buffer *const buffer[3], uint32_t op,
                                  size_t n, float *value, struct orr_error *err)
{
    const struct orr_backend_ops *ops = device->ops;
    const size_t count = n * n, bytes = count * sizeof *value, stride = count < 1000 ? 1 : 61;
    struct orr_call call = {.size = sizeof call, .op = op, .n_in = 2, .n_out = 1};
    for (size_t i = 0; i < 3; ++i)
        *(i < 2 ? &call.in[i] : &call.out[0]) = (struct orr_tensor){.buffer = buffer[i],
                                                                    .storage_bytes = bytes,
                                                                    .dim = {(int64_t)n, (int64_t)n},
                                                                    .rank = 2,
                                                                    .dtype = ORR_F32,
                                                                    .storage = (uint32_t)i,
                                                                    .flags = ORR_KEPT};
    for (size_t i = 0; i < count; ++i) {
        value[i] = left(i);
        value[count + i] = right(i);
    }
    ORR_TRY(ops->write(device->handle, buffer[0], 0, value, bytes, err));
    ORR_TRY(ops->write(device->handle, buffer[1], 0, value + count, bytes, err));
    ORR_TRY(ops->run(device->handle, &call, err));
    ORR_TRY(ops->read(device->handle, buffer[2], 0, value, bytes, err));
    for (size_t i = 0; i < count; i += stride)
        if (value[i] != expected(op, n, i))
            return orr_fail(err, ORR_EDEVICE, "it computes wrongly: element %zu of a %s (%zu, %zu) is %g, expected %g",
                            i, op == ORR_OP_ADD ? "sum" : "product", n, n, (double)value[i],
                            (double)expected(op, n, i));
    return ORR_OK;
}

/* One of our kernels, and a small and a large product, which CLBlast computes in two ways. */
static orr_status check_numbers(struct orr_open_device *device, struct orr_error *err)
{
    enum { LARGEST = 1000 };
    static const struct {
        uint32_t op;
        size_t n;
    } checks[] = {{ORR_OP_ADD, LARGEST}, {ORR_OP_MATMUL, 17}, {ORR_OP_MATMUL, LARGEST}};
    const size_t count = (size_t)LARGEST * LARGEST, bytes = count * sizeof(float);
    struct orr_buffer *buffer[3] = {NULL, NULL, NULL};
    float *value = orr_memory_array(2 * count, sizeof *value);
    orr_status status = value ? ORR_OK : orr_memory_out(err, "numbers to check", 2 * bytes);
    for (size_t i = 0; i < 3 && status == ORR_OK; ++i)
        status = orr_device_alloc(device, bytes, &buffer[i], err);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && status == ORR_OK; ++i)
        status = check_operation(device, buffer, checks[i].op, checks[i].n, value, err);
    for (size_t i = 0; i < 3; ++i)
        orr_device_free(device, buffer[i], bytes);
    orr_memory_free(value);
    return status;
}

static enum orr_package driver_of(const struct orr_device_info *info)
{
    if (info->kind == 0) return ORR_PACKAGE_CPU;
    if (strcasestr(info->vendor, "nvidia")) return ORR_PACKAGE_NVIDIA;
    return strcasestr(info->vendor, "intel") ? ORR_PACKAGE_INTEL : ORR_PACKAGE_AMD;
}

static void device_failed(const char *name, const struct orr_device_info *info, const struct orr_error *err)
{
    orr_doctor_bad("%s: %s: %s", name, info->name, err->text);
    orr_doctor_line("install the newest driver for it, or take another device (orrery devices lists them):");
    orr_doctor_install(driver_of(info));
}

/* Opens one device, computes on it, closes it, and says how that went. */
static bool try_device(struct orr_loader *loader, const struct orr_plugin *plugin, uint32_t index, bool *is_gpu)
{
    char name[64];
    struct orr_device_info info;
    struct orr_error err = {.code = ORR_OK};
    struct orr_open_device *device = NULL;
    snprintf(name, sizeof name, "%s:%" PRIu32, plugin->name, index);
    if (orr_device_describe(plugin->ops, index, &info, &err) != ORR_OK) {
        orr_doctor_bad("%s: %s", name, err.text);
        return false;
    }
    if (orr_device_open(loader, name, &device, &err) != ORR_OK) {
        device_failed(name, &info, &err);
        return false;
    }
    const orr_status status = check_numbers(device, &err);
    orr_device_close(device);
    *is_gpu |= status == ORR_OK && info.kind == 1;
    if (status != ORR_OK) {
        device_failed(name, &info, &err);
        return false;
    }
    orr_doctor_good("%s: %s (%s), driver %s, %.1f GiB, largest buffer %.1f GiB, alignment %" PRIu32, name, info.name,
                    info.vendor, info.driver, (double)info.memory_bytes / (double)(1 << 30),
                    (double)info.max_alloc / (double)(1 << 30), info.align);
    return true;
}

/* In the child, which knows the problems found before: every device of the OpenCL backend. The exit code says whether
 * one can be used. */
static int try_devices(void)
{
    struct orr_loader *loader = NULL;
    const struct orr_plugin *plugin = NULL;
    struct orr_error err = {.code = ORR_OK};
    uint32_t usable = 0;
    bool any_gpu = false;
    if (orr_loader_create(&loader, &err) != ORR_OK ||
        orr_loader_find(loader, ORR_BACKEND, "opencl", &plugin, &err) != ORR_OK) {
        orr_doctor_bad("the OpenCL backend is not there: %s", err.text);
        return NOTHING_USABLE;
    }
    const struct orr_backend_ops *ops = plugin->ops;
    const uint32_t count = ops->device_count();
    for (uint32_t i = 0; i < count; ++i)
        usable += try_device(loader, plugin, i, &any_gpu);
    if (!any_gpu) orr_doctor_hidden_graphics();
    if (count == 0) orr_doctor_no_device();
    orr_loader_destroy(loader);
    if (!usable) return NOTHING_USABLE;
    return orr_doctor_problems() ? SOME_USABLE : EXIT_SUCCESS;
}

static orr_status check_devices(bool *well, struct orr_error *err)
{
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const int code = try_devices();
        fflush(stdout);
        _exit(code); /* what drivers do at the end of a process is no finding */
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return orr_fail(err, ORR_EIO, "cannot start a process to ask the drivers in");
    if (WIFSIGNALED(status)) {
        orr_doctor_bad("a driver crashed (signal %d)", WTERMSIG(status));
        orr_doctor_line("take the drivers one by one: OCL_ICD_VENDORS=/etc/OpenCL/vendors/NAME.icd orrery doctor");
        return orr_fail(err, ORR_EDEVICE, "a driver crashed");
    }
    *well = WEXITSTATUS(status) == EXIT_SUCCESS;
    if (WEXITSTATUS(status) == EXIT_SUCCESS || WEXITSTATUS(status) == SOME_USABLE) return ORR_OK;
    return orr_fail(err, ORR_EUNSUPPORTED, "no OpenCL device can be used: the lines above say what to mend");
}

static void print_system(void)
{
    struct utsname system;
    if (uname(&system) == 0)
        orr_doctor_line("orrery %s, %s %s %s", ORR_VERSION, system.sysname, system.release, system.machine);
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    if (command->arguments->n_words)
        return orr_fail(err, ORR_EINVAL, "\"%s\": this verb takes no words", command->arguments->word[0]);
    /* Platforms without devices are a line in the backend's log. */
    ORR_TRY(orr_log_configure("info,debug:opencl", err));
    if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0) return orr_fail(err, ORR_EIO, "the output cannot be shared");
    /* In the order in which they happen, even into a file. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    print_system();
    orr_doctor_libraries();
    orr_doctor_vendor_files();
    orr_doctor_graphics();
    bool well = false;
    const orr_status status = check_devices(&well, err);
    if (status == ORR_OK)
        printf("\n%s\n", well ? "OpenCL works: every device above computed and was right."
                              : "OpenCL works, but not everything above is well.");
    return status;
}

const struct orr_verb orr_verb_doctor = {
    .name = "doctor",
    .words = "",
    .summary = "Say what keeps OpenCL devices from working, and how to mend it",
    .more = "Exit codes: 0 a device can be used, 2 none can, 1 a driver crashed.\n",
    .options = options,
    .run = run,
};
