/* What a report answers first: whether scores change with the context through training, where they cross, whether other
 * claimed numbers change with the context, and how published values fare. */
#ifndef ORR_STUDY_REPORT_ANSWERS_H
#define ORR_STUDY_REPORT_ANSWERS_H

#include "study/report_claims.h"

struct orr_answer {
    enum orr_verdict verdict;
    char head[256], text[640]; /* a sentence, and the numbers behind it */
};

struct orr_answers {
    struct orr_answer *item;
    size_t count, capacity;
    char basis[320]; /* how many points and seeds, and by which analysis */
};

/* In plain sentences, with intervals where there are several seeds; what cannot be told is said so. *out is empty but
 * for basis where the recipe claims nothing and names no analysis. Released by orr_answers_fini. ENOMEM. */
ORR_CHECKED orr_status orr_answers_of(const struct orr_reporting *r, struct orr_answers *out);
void orr_answers_fini(struct orr_answers *answers);

/* As a part of report.md, and of the page. ENOMEM. */
ORR_CHECKED orr_status orr_answers_print(const struct orr_reporting *r);
ORR_CHECKED orr_status orr_answers_show(const struct orr_reporting *r, struct orr_html *page);

#endif
