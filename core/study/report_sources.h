/* The run directories that a report is made of: which recipe and analysis each holds, and the command that made it. */
#ifndef ORR_STUDY_REPORT_SOURCES_H
#define ORR_STUDY_REPORT_SOURCES_H

#include "base/sha256.h"
#include "study/html.h"

struct orr_report_source {
    char *directory, *command;      /* quoted for a shell; NULL: not known */
    char recipe[ORR_SHA256_SIZE];   /* of its recipe.yaml, as sha256sum gives it */
    char analysis[ORR_SHA256_SIZE]; /* of the analysis that the recipe names; "": none */
};

struct orr_report_sources {
    struct orr_report_source *item;
    size_t count;
};

/* Read recipe.yaml and env.json of every directory. Released by orr_report_sources_fini. EIO, EFORMAT, ENOMEM. */
ORR_CHECKED orr_status orr_report_sources_read(const char *const *directory, size_t n, struct orr_report_sources *out,
                                               struct orr_error *err);
void orr_report_sources_fini(struct orr_report_sources *sources);

/* As the last part of report.md of several directories, and of every page. ENOMEM. */
ORR_CHECKED orr_status orr_report_sources_print(const struct orr_report_sources *sources, struct orr_text *text,
                                                struct orr_error *err);
void orr_report_sources_show(const struct orr_report_sources *sources, struct orr_html *page);

#endif
