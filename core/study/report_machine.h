/* What a page says of the machine: times, devices, versions, and whose products were computed with. */
#ifndef ORR_STUDY_REPORT_MACHINE_H
#define ORR_STUDY_REPORT_MACHINE_H

#include "study/html.h"
#include "study/report_tables.h"

/* Add the part of the page, with its heading. Failures are kept in page and returned. ENOMEM. */
ORR_CHECKED orr_status orr_report_machine(const struct orr_reporting *r, struct orr_html *page);

#endif
