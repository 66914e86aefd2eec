/* What orrery doctor can tell without asking a driver: libraries, vendor files, device nodes and who may open them. */
#include "cli/doctor.h"
#include "cli/graphics.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- libraries --------------------------------------------------------------------------------------------------- */

/* Opening a driver runs its code: in a child, so that a crash is a finding. "" when it opens, else why not. */
static void try_library(const char *name, char *reason, size_t size)
{
    int ends[2], status = 0;
    size_t n = 0;
    reason[0] = '\0';
    if (pipe(ends) != 0) {
        snprintf(reason, size, "it could not be tried: %s", strerror(errno));
        return;
    }
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const char *text = dlopen(name, RTLD_NOW | RTLD_LOCAL) ? NULL : dlerror();
        _exit(text && write(ends[1], text, strlen(text)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    close(ends[1]);
    for (ssize_t got = 1; child > 0 && got > 0 && n + 1 < size; n += (size_t)(got > 0 ? got : 0))
        got = read(ends[0], reason + n, size - 1 - n);
    reason[n] = '\0';
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        snprintf(reason, size, "it could not be tried: %s", strerror(errno));
        return;
    }
    if (WIFSIGNALED(status)) snprintf(reason, size, "it crashes when it is opened (signal %d)", WTERMSIG(status));
}

static void check_loader(void)
{
    char reason[300];
    try_library("libOpenCL.so.1", reason, sizeof reason);
    if (!reason[0]) {
        orr_doctor_good("OpenCL loader: libOpenCL.so.1");
        return;
    }
    orr_doctor_bad("OpenCL loader: %s", reason);
    orr_doctor_install(ORR_PACKAGE_LOADER);
}

static void check_clblast(void)
{
    char reason[300];
    try_library("libclblast.so.1", reason, sizeof reason);
    if (!reason[0]) {
        orr_doctor_good("CLBlast (large matrix products on GPUs): libclblast.so.1");
        return;
    }
    orr_doctor_note("CLBlast: %s", reason);
    orr_doctor_line("own kernels compute every matrix product; large ones on a GPU may be faster with CLBlast:");
    orr_doctor_install(ORR_PACKAGE_CLBLAST);
}

void orr_doctor_libraries(void)
{
    check_loader();
    check_clblast();
}

/* --- vendor files ------------------------------------------------------------------------------------------------ */

static void check_vendor_file(const char *path)
{
    char library[512] = "", reason[300];
    FILE *file = fopen(path, "r");
    if (!file) {
        orr_doctor_bad("vendor file %s cannot be read: %s", path, strerror(errno));
        return;
    }
    if (!fgets(library, sizeof library, file)) library[0] = '\0';
    fclose(file);
    library[strcspn(library, "\r\n")] = '\0';
    if (library[0])
        try_library(library, reason, sizeof reason);
    else
        snprintf(reason, sizeof reason, "it is empty and names no driver");
    if (!reason[0]) {
        orr_doctor_good("vendor file %s: %s", path, library);
    } else {
        orr_doctor_bad("vendor file %s: %s", path, reason);
        orr_doctor_line("reinstall the package that owns it: dpkg -S, rpm -qf or pacman -Qo says which");
    }
    if (strstr(path, "rusticl") && !secure_getenv("RUSTICL_ENABLE"))
        orr_doctor_line("shows no device, since RUSTICL_ENABLE is not set");
}

/* A path of a vendor file or of a directory of them, or the name of one in the usual directory. */
static void check_variable(const char *given)
{
    char path[600];
    snprintf(path, sizeof path, "%s%s", strchr(given, '/') ? "" : "/etc/OpenCL/vendors/", given);
    if (access(path, F_OK) != 0) {
        orr_doctor_bad("OCL_ICD_VENDORS=%s names nothing that exists, and hides all drivers", given);
        orr_doctor_line("unset OCL_ICD_VENDORS");
        return;
    }
    orr_doctor_line("OCL_ICD_VENDORS=%s decides which drivers are seen; unset it to see all", given);
    if (strchr(given, '/') && strstr(given, ".icd")) check_vendor_file(path);
}

void orr_doctor_vendor_files(void)
{
    const char *given = secure_getenv("OCL_ICD_VENDORS");
    glob_t found = {.gl_pathc = 0};
    if (given) check_variable(given);
    if (glob("/etc/OpenCL/vendors/*.icd", 0, NULL, &found) != 0 || found.gl_pathc == 0) {
        orr_doctor_bad("no driver is installed: /etc/OpenCL/vendors has no *.icd file");
        orr_doctor_line("for a GPU see below; a driver that computes on the processor:");
        orr_doctor_install(ORR_PACKAGE_CPU);
    }
    for (size_t i = 0; i < found.gl_pathc; ++i)
        check_vendor_file(found.gl_pathv[i]);
    globfree(&found);
}

/* --- graphics ---------------------------------------------------------------------------------------------------- */

struct vendor {
    const char *id, *name;
    enum orr_package package;
    const char *files;   /* vendor files of its drivers, as patterns */
    const char *rusticl; /* what RUSTICL_ENABLE calls it */
};
static const struct vendor vendors[] = {
    {"0x1002", "AMD", ORR_PACKAGE_AMD, "/etc/OpenCL/vendors/{amdocl*,rusticl}.icd", "radeonsi"},
    {"0x8086", "Intel", ORR_PACKAGE_INTEL, "/etc/OpenCL/vendors/{intel*,rusticl}.icd", "iris"},
    {"0x10de", "NVIDIA", ORR_PACKAGE_NVIDIA, "/etc/OpenCL/vendors/{nvidia*,rusticl}.icd", "nouveau"},
};
enum { VENDORS = sizeof vendors / sizeof vendors[0] };
static bool present[VENDORS]; /* whether there is a card */

static bool exists(const char *pattern)
{
    glob_t found = {.gl_pathc = 0};
    const bool any = glob(pattern, GLOB_BRACE, NULL, &found) == 0 && found.gl_pathc > 0;
    globfree(&found);
    return any;
}

/* A card's PCI vendor, and whether a driver of that vendor is there. */
static void check_card(const char *path)
{
    char id[32] = "";
    FILE *file = fopen(path, "r");
    if (!file || !fgets(id, sizeof id, file)) id[0] = '\0';
    if (file) fclose(file);
    id[strcspn(id, "\n")] = '\0';
    for (size_t v = 0; v < VENDORS; ++v) {
        if (strcmp(id, vendors[v].id) != 0) continue;
        present[v] = true;
        if (exists(vendors[v].files)) {
            orr_doctor_good("%s GPU, with an OpenCL driver", vendors[v].name);
        } else {
            orr_doctor_bad("%s GPU, but no OpenCL driver for it", vendors[v].name);
            orr_doctor_install(vendors[v].package);
        }
    }
}

static void check_node(const char *path)
{
    struct stat info;
    if (access(path, R_OK | W_OK) == 0) {
        orr_doctor_good("%s can be opened", path);
        return;
    }
    orr_doctor_bad("%s cannot be opened by this user: %s", path, strerror(errno));
    if (stat(path, &info) != 0 || info.st_gid == 0 || (info.st_mode & 0060) != 0060) {
        orr_doctor_line("no group may open it: reinstall its driver, whose udev rules decide that, and restart");
        return;
    }
    const struct group *group = getgrgid(info.st_gid);
    if (group)
        orr_doctor_line("sudo usermod -aG %s $USER      (then log out and in again)", group->gr_name);
    else
        orr_doctor_line("its group %u has no name here; in a container, start it with --group-add %u",
                        (unsigned)info.st_gid, (unsigned)info.st_gid);
}

void orr_doctor_graphics(void)
{
    glob_t cards = {.gl_pathc = 0};
    bool any = false;
    if (glob("/sys/class/drm/card[0-9]/device/vendor", 0, NULL, &cards) == 0)
        for (size_t i = 0; i < cards.gl_pathc; ++i)
            check_card(cards.gl_pathv[i]);
    globfree(&cards);
    for (size_t n = 0; orr_graphics_nodes[n]; ++n) {
        glob_t found = {.gl_pathc = 0};
        if (glob(orr_graphics_nodes[n], 0, NULL, &found) == 0)
            for (size_t i = 0; i < found.gl_pathc; ++i, any = true)
                check_node(found.gl_pathv[i]);
        globfree(&found);
    }
    if (any) return;
    orr_doctor_line("no GPU: the kernel offers neither /dev/dri/renderD* nor /dev/nvidia*");
    orr_doctor_line("in a container, start it with --device /dev/dri (NVIDIA: --gpus all)");
}

static bool rusticl_is_off(void)
{
    return exists("/etc/OpenCL/vendors/*rusticl*.icd") && !secure_getenv("RUSTICL_ENABLE");
}

void orr_doctor_hidden_graphics(void)
{
    for (size_t v = 0; v < VENDORS; ++v) {
        if (!present[v]) continue;
        orr_doctor_bad("%s GPU, but no GPU among the OpenCL devices", vendors[v].name);
        if (rusticl_is_off()) orr_doctor_line("export RUSTICL_ENABLE=%s", vendors[v].rusticl);
        orr_doctor_line("%s", rusticl_is_off() ? "or install another driver:" : "install its driver:");
        orr_doctor_install(vendors[v].package);
    }
}

void orr_doctor_no_device(void)
{
    orr_doctor_bad("the drivers show no device");
    if (rusticl_is_off()) orr_doctor_line("export RUSTICL_ENABLE=radeonsi      (AMD; Intel: iris; NVIDIA: nouveau)");
    orr_doctor_line("to compute on the processor:");
    orr_doctor_install(ORR_PACKAGE_CPU);
}
