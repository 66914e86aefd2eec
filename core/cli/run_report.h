/* The report at the end of a run: the same as that of `orrery report` of its directory. */
#ifndef ORR_CLI_RUN_REPORT_H
#define ORR_CLI_RUN_REPORT_H

#include "study/report.h"

/* Gather a run directory, write its report and print it. page: report.html and figures too. */
ORR_CHECKED orr_status orr_run_report(const char *directory, bool page, struct orr_error *err);

/* Print what implementations computed the matrix products of all points; nothing where no backend counted. */
void orr_print_products(const struct orr_gathered *gathered);

#endif
