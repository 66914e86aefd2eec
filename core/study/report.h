/* The printed report of a run: what it is, losses, scores and other findings beside their controls, and claims. */
#ifndef ORR_STUDY_REPORT_H
#define ORR_STUDY_REPORT_H

#include "study/run.h"

struct orr_report {
    const struct orr_run *run; /* points that are not done are left out */
    const char *device;        /* "reference:0 (...)" */
    const char *size;          /* NULL: none was chosen */
    double full_tokens;        /* of the recipe's full size; 0: it has none */
    const char *weights;       /* what was probed instead of training; NULL: it was trained */
};

/* Append the report to text. */
ORR_CHECKED orr_status orr_report_print(const struct orr_report *report, struct orr_text *text, struct orr_error *err);

#endif
