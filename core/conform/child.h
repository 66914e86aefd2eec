/* Running checks in child processes, one after another, a new one after each crash. */
#ifndef ORR_CONFORM_CHILD_H
#define ORR_CONFORM_CHILD_H

#include "conform/check.h"

/* The name of the entry for a backend that falls while it is closed; it stands behind those of the checks. */
#define ORR_CHECK_CLOSING "interface/close"

/* Run checks first .. of the list until the child ends. *next is the check to go on with (count: all are done), results
 * are filled in as they come (the report has room for one more). *opened is set, with device, when the backend could be
 * opened. Failures are those of orr_conform_run before any check ran: EUNSUPPORTED (no such backend or device), EDEVICE
 * (it crashed or hung there).
 */
ORR_CHECKED orr_status orr_child_run(const struct orr_conform *asked, const struct orr_check *check, size_t count,
                                     size_t first, struct orr_conform_report *report, size_t *next,
                                     struct orr_error *err);

#endif
