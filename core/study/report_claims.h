/* What a report says of each claim: one sentence, with the estimate, its interval, and which reading supports it. */
#ifndef ORR_STUDY_REPORT_CLAIMS_H
#define ORR_STUDY_REPORT_CLAIMS_H

#include "study/html.h"
#include "study/report_readings.h"

/* A wide interval holds much: that a number lies in it is consistent with it, and no more. */
enum orr_verdict { ORR_SUPPORTED, ORR_CONSISTENT, ORR_CONTRADICTED, ORR_OPEN, ORR_VERDICTS };
extern const char *const orr_verdict_names[ORR_VERDICTS];

/* Add the sentences to page as lists: what training adds by the sound reading, then published values of the recipe.
 * Failures are kept in page and returned. ENOMEM. */
ORR_CHECKED orr_status orr_report_claims(const struct orr_reporting *r, struct orr_html *page);
/* Begin an item of such a list, with its verdict. */
void orr_report_claim_begin(struct orr_html *page, enum orr_verdict verdict);

/* Digits to print a claim and its estimate with: the recipe's, or as many more as tell the claimed value, the estimate
 * and the ends of the interval that it is held against from each other. */
int orr_report_claim_digits(const struct orr_reporting *r, const struct orr_recipe_expectation *claim,
                            const struct orr_mean *mean);

/* How many values of the recipe come to each verdict; returns how many that is in all. */
size_t orr_report_claims_count(const struct orr_reporting *r, size_t count[ORR_VERDICTS]);
/* Claims of the recipe that are about none of the finished points. */
size_t orr_report_claims_elsewhere(const struct orr_reporting *r);

/* The sign that the interval of a mean leaves no doubt of; 0: none. */
int orr_report_sign(const struct orr_mean *mean);

#endif
