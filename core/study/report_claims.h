/* What a report says of each claim: one sentence, with the estimate, its interval, and which reading supports it. */
#ifndef ORR_STUDY_REPORT_CLAIMS_H
#define ORR_STUDY_REPORT_CLAIMS_H

#include "study/html.h"
#include "study/report_readings.h"

/* Add the sentences to page as lists: published values of the recipe, then what an analysis lets one say of the sound
 * reading. Failures are kept in page and returned. ENOMEM. */
ORR_CHECKED orr_status orr_report_claims(const struct orr_reporting *r, struct orr_html *page);

/* Claims of the recipe that are about none of the finished points. */
size_t orr_report_claims_elsewhere(const struct orr_reporting *r);

#endif
