/* A locale whose decimal point is a comma, made on the spot: none need be installed. */
#ifndef ORRERY_TESTS_COMMA_LOCALE_H
#define ORRERY_TESTS_COMMA_LOCALE_H

#include <stdbool.h>

/* Make it and set it for all categories; false, with a line that says SKIPPED, where localedef is missing. The caller
 * sets "C" again. */
bool comma_locale_set(void);

#endif
