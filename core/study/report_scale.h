/* How much training a report is about, beside the recipe's full job. */
#ifndef ORR_STUDY_REPORT_SCALE_H
#define ORR_STUDY_REPORT_SCALE_H

#include "study/report_tables.h"

/* Groups with a finished point: points that differ by more than their seed. */
size_t orr_report_groups(const struct orr_gathered *gathered);

/* Input points that each seed was trained on, as a share of the full job's, which has one seed. NaN: nothing was
 * trained, or the full job is not known. */
double orr_report_share(const struct orr_gathered *gathered);

/* "Trained on 60 input points in all, 30 with each of 2 seeds: 3 times smaller than the full job (90)." */
void orr_report_scale(const struct orr_gathered *gathered, char *text, size_t size);

#endif
