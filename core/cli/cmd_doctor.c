/* orrery doctor: why no GPU is found, or what is wrong with it, each problem with the command that mends it.
 *
 * Everything goes to stdout, what backends log too, so that the whole can be pasted into a report. Drivers are asked in
 * a child: some of them crash.
 */
#include "base/log.h"
#include "cli/doctor.h"
#include "cli/verbs.h"
#include "run/device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct orr_option options[] = {{NULL, NULL, NULL}};

/* Exit codes of the child, beside success: a device can be used, and all is well. */
enum { NOTHING_USABLE = 10, SOME_USABLE = 11 };

/* Opens and closes one device, and says how that went. */
static bool try_device(struct orr_loader *loader, const struct orr_plugin *plugin, uint32_t index)
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
        orr_doctor_bad("%s", err.text);
        return false;
    }
    orr_doctor_good("%s: %s (%s), driver %s, %.1f GiB, largest buffer %.1f GiB, alignment %" PRIu32, name, info.name,
                    info.vendor, info.driver, (double)info.memory_bytes / (double)(1 << 30),
                    (double)info.max_alloc / (double)(1 << 30), info.align);
    orr_device_close(device);
    return true;
}

/* In the child: every device of the OpenCL backend. The exit code says whether one can be used. */
static int try_devices(void)
{
    struct orr_loader *loader = NULL;
    const struct orr_plugin *plugin = NULL;
    struct orr_error err = {.code = ORR_OK};
    uint32_t usable = 0;
    if (orr_loader_create(&loader, &err) != ORR_OK ||
        orr_loader_find(loader, ORR_BACKEND, "opencl", &plugin, &err) != ORR_OK) {
        orr_doctor_bad("the OpenCL backend is not there: %s", err.text);
        return NOTHING_USABLE;
    }
    const struct orr_backend_ops *ops = plugin->ops;
    const uint32_t count = ops->device_count();
    for (uint32_t i = 0; i < count; ++i)
        usable += try_device(loader, plugin, i);
    orr_loader_destroy(loader);
    if (!usable) return NOTHING_USABLE;
    return usable < count ? SOME_USABLE : EXIT_SUCCESS;
}

static orr_status check_devices(bool *well, struct orr_error *err)
{
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) exit(try_devices());
    if (child < 0 || waitpid(child, &status, 0) != child)
        return orr_fail(err, ORR_EIO, "cannot start a process to ask the drivers in");
    if (WIFSIGNALED(status)) {
        orr_doctor_bad("a driver crashed (signal %d)", WTERMSIG(status));
        orr_doctor_line("take the drivers one by one: OCL_ICD_VENDORS=/etc/OpenCL/vendors/NAME.icd orrery doctor");
        return orr_fail(err, ORR_EDEVICE, "a driver crashed");
    }
    *well = WEXITSTATUS(status) == EXIT_SUCCESS && orr_doctor_problems() == 0;
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
    ORR_TRY(orr_log_configure("info", err));
    if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0) return orr_fail(err, ORR_EIO, "the output cannot be shared");
    print_system();
    orr_doctor_libraries();
    orr_doctor_vendor_files();
    orr_doctor_graphics();
    bool well = false;
    const orr_status status = check_devices(&well, err);
    if (status == ORR_OK) printf("\n%s\n", well ? "OpenCL works." : "OpenCL works, but not everything above is well.");
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
