/* Restricted edit distance (Damerau 1964; Wagner and Fischer 1974) over words of at most WORD_MAX characters. */
#include "base/suggest.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 63, WHOLE = 2 };

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

static unsigned exchange(char a, char b)
{
    if (a == b) return 0;
    return tolower((unsigned char)a) == tolower((unsigned char)b) ? WHOLE / 2 : WHOLE;
}

/* In units of half an edit. */
static unsigned distance(const char *a, size_t m, const char *b, size_t n)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= n; ++j)
        last[j] = WHOLE * (unsigned)j;
    for (size_t i = 1; i <= m; ++i) {
        now[0] = WHOLE * (unsigned)i;
        for (size_t j = 1; j <= n; ++j) {
            now[j] = least(last[j], now[j - 1]) + WHOLE;
            now[j] = least(now[j], last[j - 1] + exchange(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + WHOLE);
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[n];
}

const char *orr_suggest(const char *word, const char *const *known, size_t n)
{
    const size_t length = strlen(word);
    if (length > WORD_MAX) return NULL;
    const char *nearest = NULL;
    unsigned best = 0;
    for (size_t i = 0; i < n; ++i) {
        const size_t other = strlen(known[i]);
        if (other > WORD_MAX) continue;
        const unsigned d = distance(word, length, known[i], other);
        /* Near: at most a third of the longer word is wrong, one letter of a short one. */
        const size_t longer = length > other ? length : other;
        const unsigned near = WHOLE * (unsigned)(longer < 3 ? 1 : (longer + 2) / 3);
        if (d > near || d >= WHOLE * longer || (nearest && d >= best)) continue;
        nearest = known[i];
        best = d;
    }
    return nearest;
}
