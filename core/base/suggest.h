/* "Did you mean": the known word nearest to one that was not understood. */
#ifndef ORR_BASE_SUGGEST_H
#define ORR_BASE_SUGGEST_H

#include <stddef.h>

/* The nearest of n known words by edit distance (case counts half; insertion, deletion, exchange and swap of
 * neighbours count one), or NULL when none is near enough to be worth proposing. Borrows from known; the first wins a
 * tie. Any thread. */
const char *orr_suggest(const char *word, const char *const *known, size_t n);

#endif
