/* report.html: what was asked, claims, figures, tables, timings and the command, in one file that needs no other. */
#ifndef ORR_STUDY_REPORT_HTML_H
#define ORR_STUDY_REPORT_HTML_H

#include "study/gathered.h"
#include "study/report_sources.h"

/* Write report.html and figures/ into a directory. gathered has a finished point, and was read from the sources. That
 * gnuplot is missing or fails is said in the page and is no failure. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_report_html_write(const struct orr_gathered *gathered,
                                             const struct orr_report_sources *sources, const char *directory,
                                             struct orr_error *err);

#endif
