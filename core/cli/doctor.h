/* What orrery doctor looks at, and the commands that it recommends. */
#ifndef ORR_CLI_DOCTOR_H
#define ORR_CLI_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

enum orr_package {
    ORR_PACKAGE_LOADER,  /* libOpenCL.so.1 */
    ORR_PACKAGE_CLBLAST, /* libclblast.so.1 */
    ORR_PACKAGE_AMD,     /* drivers */
    ORR_PACKAGE_INTEL,
    ORR_PACKAGE_NVIDIA,
    ORR_PACKAGE_CPU,
    ORR_PACKAGES
};

/* "ok" and a line; "note" and a line, where something is missing that others stand in for; or "PROBLEM", a line, and
 * what mends it, which is counted. */
void orr_doctor_good(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void orr_doctor_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void orr_doctor_bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* An indented line: a command to type, or a fact that is neither good nor bad. */
void orr_doctor_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The command that installs a package here, and what it needs first; on an unknown distribution those for Debian,
 * Fedora and Arch. */
void orr_doctor_install(enum orr_package package);
/* Problems so far. */
int orr_doctor_problems(void);

/* The loader, and CLBlast, which may be missing, as shared objects. */
void orr_doctor_libraries(void);
/* Vendor files (*.icd) and the drivers they name; variables that hide them. */
void orr_doctor_vendor_files(void);
/* GPUs that the kernel knows, and whether this user may open them. */
void orr_doctor_graphics(void);
/* Call where no device is a GPU: is there one, after orr_doctor_graphics, it is a problem that its driver hides it. */
void orr_doctor_hidden_graphics(void);
/* Call where there is no device at all: a problem, and what brings one. */
void orr_doctor_no_device(void);

#endif
