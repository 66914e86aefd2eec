/* `orrery validate`: prove a backend against the reference, operation by operation.
 *
 * A check is an operation, a kind of graph, or a part of the interface. Checks run in a child process with a time
 * limit for each case, so that a crash or a hang of the backend is a finding like any other; this process never loads
 * the backend.
 */
#ifndef ORR_CONFORM_CONFORM_H
#define ORR_CONFORM_CONFORM_H

#include "conform/case.h"

#include <stdio.h>

enum orr_check_family { ORR_CHECK_OPERATION, ORR_CHECK_GRAPH, ORR_CHECK_INTERFACE };

enum orr_check_state {
    ORR_CHECK_NOT_TESTED,
    ORR_CHECK_PASSED,  /* an operation: the device has it */
    ORR_CHECK_LOWERED, /* composed of other operations by the engine */
    ORR_CHECK_MISSING, /* a primitive that the device lacks */
    ORR_CHECK_WRONG,
    ORR_CHECK_CRASHED,
    ORR_CHECK_HUNG
};

struct orr_check_result {
    char name[48];
    enum orr_check_family family;
    enum orr_check_state state;
    uint32_t cases, failed, lowered, left_out; /* run; of these wrong, and lowered; not run on this device */
    uint32_t too_large;                        /* layouts of cases that no buffer of the device holds */
    uint32_t wide;                             /* of the cases, those that ran in f64 too */
    double worst;                              /* error as a share of what is allowed; below 0: nothing compared */
    int64_t worst_case;
    int64_t failed_case; /* the first; -1: none */
    char failure[900];   /* what was wrong with it */
    char note[300];      /* measured but not judged, or why it was not tested */
    double noise; /* the largest share of a norm that was allowed for rounding, as noise on the reference moves it */
    double seconds;
};

/* What a backend says of itself. */
struct orr_check_device {
    char plugin[64], version[64], path[1024], name[64], vendor[64], driver[64];
    uint64_t memory_bytes, max_alloc;
    uint32_t index, count, kind, align, dtypes;
    bool plans_scratch, flushes_denormals, prepares, measures;
};

struct orr_conform {
    const char *backend; /* "name", "name:which" or a path */
    const char *checks;  /* globs with commas between them, of names of checks; NULL: all */
    int64_t only_case;   /* -1: all */
    const char *graph;   /* path of a graph's text: only that; NULL: none */
    uint64_t seed;
    enum orr_conform_level level;
    bool fail_fast;
    double time_limit; /* seconds for one case; also for opening and closing the device */
    /* Called after each check; may be NULL. */
    void (*watch)(void *context, const struct orr_check_result *result);
    void *watch_context;
};

struct orr_conform_report {
    const struct orr_conform *asked; /* borrowed */
    bool opened;
    struct orr_check_device device; /* when opened */
    struct orr_check_result *result;
    size_t count;
    size_t n_tested, n_wrong, n_crashed; /* wrong: also missing; crashed: also hung */
    char reason[1024];                   /* why orr_conform_run failed; "": all passed */
    double seconds;
};

/* Run the checks. *out is the caller's, also on failure (orr_conform_report_fini).
 * ORR_OK: all passed. ENUMERIC: some are wrong. EDEVICE: the backend crashed or hung. EUNSUPPORTED: no such backend or
 * device, or nothing was tested. EINVAL, EIO, ENOMEM: the check itself could not be made. Not for several threads. */
ORR_CHECKED orr_status orr_conform_run(const struct orr_conform *conform, struct orr_conform_report *out,
                                       struct orr_error *err);
void orr_conform_report_fini(struct orr_conform_report *report);

/* The command that repeats the first failure of a check. */
void orr_conform_command(const struct orr_conform *asked, const struct orr_check_result *result, char *text,
                         size_t size);
const char *orr_check_state_name(const struct orr_check_result *result);

/* The report as text to be pasted into an issue, as JSON, and as JUnit's XML. */
void orr_conform_print(const struct orr_conform_report *report, FILE *to);
ORR_CHECKED orr_status orr_conform_write_json(const struct orr_conform_report *report, const char *path,
                                              struct orr_error *err);
ORR_CHECKED orr_status orr_conform_write_junit(const struct orr_conform_report *report, const char *path,
                                               struct orr_error *err);

#endif
