/* report.md: what was run, losses, scores and other findings beside their controls, claims, and every seed.
 *
 * Points that differ by seed only are one group: its numbers are means with their 95 % intervals.
 */
#ifndef ORR_STUDY_REPORT_H
#define ORR_STUDY_REPORT_H

#include "study/gathered.h"
#include "study/report_sources.h"

/* Append the report to text. gathered has a finished point. */
ORR_CHECKED orr_status orr_report_print(const struct orr_gathered *gathered, struct orr_text *text,
                                        struct orr_error *err);

/* Print the report, and where several sources were gathered what made each, into report.md of a directory, and of a
 * sweep or of several directories findings.csv and summary.json beside it. Of one run it is the same wherever the run
 * lies. *text is the report, the caller's (orr_text_fini), also
 * where writing failed. */
ORR_CHECKED orr_status orr_report_write(const struct orr_gathered *gathered, const struct orr_report_sources *sources,
                                        const char *directory, struct orr_text *text, struct orr_error *err);

#endif
