/* Text that grows: for files and reports that are put together piece by piece. */
#ifndef ORR_STUDY_TEXT_H
#define ORR_STUDY_TEXT_H

#include "base/error.h"

/* Zero it first; data is NULL until something was added, then ends with a zero. */
struct orr_text {
    char *data;
    size_t length, capacity;
};

/* Append a printf. ENOMEM. */
ORR_CHECKED orr_status orr_text_add(struct orr_text *text, struct orr_error *err, const char *fmt, ...)
    ORR_PRINTF(3, 4);
/* Free it; it is then empty. */
void orr_text_fini(struct orr_text *text);

#endif
