/* Lists of names and globs against the names that exist; the nearest name is by Levenshtein distance.
 *
 * In: text of a parameter. Out: chosen names, or a message that lists the known ones.
 */
#include "select.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 127, LONGEST_LISTING = 280 };

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t edit_distance(const char *a, const char *b)
{
    uint32_t row[LONGEST_NAME + 1];
    const uint32_t n = (uint32_t)strnlen(b, LONGEST_NAME);
    for (uint32_t j = 0; j <= n; ++j)
        row[j] = j;
    for (uint32_t i = 0; a[i]; ++i) {
        uint32_t diagonal = row[0];
        row[0] = i + 1;
        for (uint32_t j = 0; j < n; ++j) {
            const uint32_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = smaller(replaced, smaller(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

static orr_status fail_unknown(const struct orr_host *host, const char *parameter, const char *entry,
                               const char *const *known, uint32_t n_known, struct orr_error *err)
{
    char listing[LONGEST_LISTING + 1] = "";
    size_t used = 0;
    uint32_t nearest = 0;
    bool full = false;

    if (n_known == 0)
        return host->fail(err, ORR_EINVAL, "linear: %s: nothing matches \"%s\": this study has none", parameter, entry);
    for (uint32_t i = 0; i < n_known; ++i) {
        if (edit_distance(entry, known[i]) < edit_distance(entry, known[nearest])) nearest = i;
        if (full) continue;
        const size_t length = strlen(known[i]) + 2;
        full = used + length + 5 > LONGEST_LISTING;
        if (full) {
            snprintf(listing + used, sizeof listing - used, "%s...", i ? ", " : "");
            continue;
        }
        snprintf(listing + used, sizeof listing - used, "%s%s", i ? ", " : "", known[i]);
        used += i ? length : length - 2;
    }
    return host->fail(err, ORR_EINVAL, "linear: %s: nothing matches \"%s\" (nearest: %s); known: %s", parameter, entry,
                      known[nearest], listing);
}

static orr_status select_entry(const struct orr_host *host, const char *parameter, const char *entry,
                               const char *const *known, uint32_t n_known, bool *chosen, struct orr_error *err)
{
    bool matched = false;
    for (uint32_t i = 0; i < n_known; ++i)
        if (strcmp(entry, known[i]) == 0 || fnmatch(entry, known[i], 0) == 0) chosen[i] = matched = true;
    return matched ? ORR_OK : fail_unknown(host, parameter, entry, known, n_known, err);
}

orr_status linear_select(const struct orr_host *host, const char *parameter, const char *list, const char *const *known,
                         uint32_t n_known, bool *chosen, struct orr_error *err)
{
    while (*list) {
        char entry[LONGEST_NAME + 1];
        list += strspn(list, ", \t");
        const size_t length = strcspn(list, ", \t");
        if (length == 0) break;
        if (length > LONGEST_NAME)
            return host->fail(err, ORR_EINVAL,
                              "linear: %s: an entry of %zu characters, at most %d are allowed: %.40s...", parameter,
                              length, LONGEST_NAME, list);
        memcpy(entry, list, length);
        entry[length] = '\0';
        list += length;
        const orr_status status = select_entry(host, parameter, entry, known, n_known, chosen, err);
        if (status != ORR_OK) return status;
    }
    return ORR_OK;
}
