/* Comma-separated lists of names and globs, as in `targets: a,b,force_*`, against the names that exist.
 *
 * In: the list and the known names. Out: which are chosen; an entry that matches nothing is an error with a suggestion.
 */
#ifndef ORR_PROBES_SELECT_H
#define ORR_PROBES_SELECT_H

#include "orrery/plugin.h"

/* Set chosen[i] for every known[i] that an entry of `list` matches; the rest of `chosen` stays as it is. Entries are
 * names or fnmatch(3) patterns; blanks around them are ignored. ORR_EINVAL, naming `parameter`, the entry and the
 * nearest known name, when an entry matches nothing. Any thread. */
orr_status linear_select(const struct orr_host *host, const char *parameter, const char *list, const char *const *known,
                         uint32_t n_known, bool *chosen, struct orr_error *err) ORR_CHECKED;

#endif
