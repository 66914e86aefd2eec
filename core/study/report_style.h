/* The style sheet of report.html. */
#ifndef ORR_STUDY_REPORT_STYLE_H
#define ORR_STUDY_REPORT_STYLE_H

extern const char orr_report_style[];

#endif
