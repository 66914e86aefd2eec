/* Any text of the system as JSON: paths and command lines need not be UTF-8. */
#ifndef ORR_STUDY_JSON_TEXT_H
#define ORR_STUDY_JSON_TEXT_H

#include <jansson.h>

/* The text, where it is not UTF-8 with every byte beyond ASCII written as \xNN. NULL when there is no memory. */
json_t *orr_json_text(const char *text);

#endif
