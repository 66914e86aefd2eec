/* Status codes and the caller-owned error: how every fallible function of the engine reports.
 *
 * The text is written once, where the fault is seen: what was wrong, the value, what was expected, what to do.
 */
#ifndef ORR_BASE_ERROR_H
#define ORR_BASE_ERROR_H

#include "orrery/plugin.h"

/* Write code and text into err (may be NULL) and return code. Any thread. */
orr_status orr_fail(struct orr_error *err, orr_status code, const char *fmt, ...) ORR_PRINTF(3, 4);

/* Put "prefix: " before the text of err, for context that only a caller knows; returns err's code,
 * which is EBUG for NULL: where err may be NULL, keep the status that it goes with and return that. */
orr_status orr_error_prefix(struct orr_error *err, const char *fmt, ...) ORR_PRINTF(2, 3);

/* "EINVAL", "ESHAPE", ...; "unknown status" for a number outside the list. */
const char *orr_status_name(orr_status code);

/* Return from the calling function when expr is not ORR_OK. */
#define ORR_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        const orr_status orr_try_status_ = (expr);                                                                     \
        if (orr_try_status_ != ORR_OK) return orr_try_status_;                                                         \
    } while (0)

#endif
