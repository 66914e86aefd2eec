/* The readings of a run's scores: by which probe, on which split, and what for. */
#ifndef ORR_STUDY_REPORT_READINGS_H
#define ORR_STUDY_REPORT_READINGS_H

#include "study/report_tables.h"

enum orr_reading_kind {
    ORR_READING_FAITHFUL, /* what published numbers are of */
    ORR_READING_SOUND,    /* of an analysis that was fixed beforehand */
    ORR_READING_CONTROL,  /* of shuffled targets */
    ORR_READING_OTHER,
};

struct orr_reading {
    enum orr_reading_kind kind;
    const char *probe, *split;
};

enum { ORR_READINGS_MAX = 16 };

/* Every reading that some finished point has a score of: in the recipe's order of probes, at most ORR_READINGS_MAX. */
size_t orr_readings_of(const struct orr_reporting *r, struct orr_reading reading[ORR_READINGS_MAX]);
/* "faithful reading: probe linear-single, in sample" */
void orr_reading_print(const struct orr_reading *reading, char *text, size_t size);
/* Finished points whose seeds lie below the first that the analysis may be judged by. */
size_t orr_report_early(const struct orr_reporting *r);
/* Is it the name of a score, or of a contrast? */
bool orr_reading_is_score(const struct orr_recipe *recipe, const char *quantity);

#endif
