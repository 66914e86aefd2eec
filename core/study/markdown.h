/* Words from outside in Markdown: they stay on their line, and what would be markup there is escaped. */
#ifndef ORR_STUDY_MARKDOWN_H
#define ORR_STUDY_MARKDOWN_H

#include "study/text.h"

/* Append words; a backslash, a bar and a < get a backslash before them, and control characters become spaces. ENOMEM.
 */
ORR_CHECKED orr_status orr_markdown_add(struct orr_text *text, const char *words, struct orr_error *err);
/* Is c one of those that get a backslash? */
bool orr_markdown_escapes(char c);

#endif
