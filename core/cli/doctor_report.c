/* How orrery doctor writes what it found, and what to install where. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <string.h>

static int problems;

struct packages {
    const char *debian, *fedora, *arch;
    const char *debian_note, *fedora_note; /* what the command needs first, or NULL */
};

static const struct packages packages[ORR_PACKAGES] = {
    [ORR_PACKAGE_LOADER] = {"ocl-icd-libopencl1", "ocl-icd", "ocl-icd"},
    [ORR_PACKAGE_CLBLAST] = {"libclblast1", "clblast", "clblast"},
    [ORR_PACKAGE_AMD] = {"mesa-opencl-icd", "rocm-opencl", "rocm-opencl-runtime",
                         "Debian 12's Mesa is too old for AMD: apt install -t bookworm-backports mesa-opencl-icd",
                         NULL},
    [ORR_PACKAGE_INTEL] = {"intel-opencl-icd", "intel-compute-runtime", "intel-compute-runtime"},
    [ORR_PACKAGE_NVIDIA] = {"nvidia-opencl-icd", "xorg-x11-drv-nvidia-cuda", "opencl-nvidia",
                            "Debian: needs \"contrib non-free\" in the package sources",
                            "Fedora: needs RPM Fusion (rpmfusion.org/Configuration)"},
    [ORR_PACKAGE_CPU] = {"pocl-opencl-icd", "pocl", "pocl"},
};

__attribute__((format(printf, 2, 0))) static void say(const char *head, const char *fmt, va_list args)
{
    fputs(head, stdout);
    vprintf(fmt, args);
    putchar('\n');
}

void orr_doctor_line(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say("         ", fmt, args);
    va_end(args);
}

void orr_doctor_good(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say("ok       ", fmt, args);
    va_end(args);
}

void orr_doctor_note(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say("note     ", fmt, args);
    va_end(args);
}

void orr_doctor_bad(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    ++problems;
    say("PROBLEM  ", fmt, args);
    va_end(args);
}

int orr_doctor_problems(void) { return problems; }

/* Which distribution, or one that it is like, from /etc/os-release. */
static bool is_like(const char *name)
{
    char line[256];
    bool found = false;
    FILE *file = fopen("/etc/os-release", "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = (strncmp(line, "ID=", 3) == 0 || strncmp(line, "ID_LIKE=", 8) == 0) && strstr(line, name);
    if (file) fclose(file);
    return found;
}

void orr_doctor_install(enum orr_package package)
{
    const struct packages *p = &packages[package];
    const bool debian = is_like("debian"), fedora = is_like("fedora"), arch = is_like("arch");
    const bool unknown = !debian && !fedora && !arch;
    if (debian || unknown) orr_doctor_line("sudo apt install %s%s", p->debian, unknown ? "      (Debian, Ubuntu)" : "");
    if (fedora || unknown) orr_doctor_line("sudo dnf install %s%s", p->fedora, unknown ? "      (Fedora)" : "");
    if (p->debian_note && (debian || unknown)) orr_doctor_line("%s", p->debian_note);
    if (p->fedora_note && (fedora || unknown)) orr_doctor_line("%s", p->fedora_note);
    if (arch || unknown) orr_doctor_line("sudo pacman -S %s%s", p->arch, unknown ? "      (Arch)" : "");
}
