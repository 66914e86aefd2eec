/* A command as one would type it again. */
#ifndef ORR_STUDY_SHELL_QUOTE_H
#define ORR_STUDY_SHELL_QUOTE_H

#include "base/error.h"

/* The words with spaces between them, in single quotes where a shell would change them. *out is the caller's
 * (orr_memory_free). ENOMEM. */
ORR_CHECKED orr_status orr_shell_quote(const char *const *word, size_t n, char **out, struct orr_error *err);

#endif
