/* Seeds as users write them, one by one. */
#include "study/seeds.h"

#include "base/memory.h"
#include "base/number.h"
#include "study/text.h"

#include <inttypes.h>
#include <string.h>

struct range {
    int64_t first, last;
};

static orr_status fail(const char *seeds, struct orr_error *err)
{
    return orr_fail(err, ORR_EINVAL,
                    "--seeds %s: write whole numbers from 0, or ranges of them, such as 0,1,2 or 100..109", seeds);
}

/* A seed is at most 9e18, 19 characters: what is longer is none. */
static bool read_seed(const char *text, size_t length, int64_t *seed)
{
    char copy[24];
    if (length >= sizeof copy) return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return orr_number_integer(copy, seed) && *seed >= 0;
}

/* `item` is one seed or one range of the list `seeds`. */
static orr_status read_range(const char *seeds, const char *item, size_t length, struct range *range,
                             struct orr_error *err)
{
    const char *dots = memmem(item, length, "..", 2);
    const size_t before = dots ? (size_t)(dots - item) : length;
    if (!read_seed(item, before, &range->first)) return fail(seeds, err);
    range->last = range->first;
    if (dots && !read_seed(dots + 2, length - before - 2, &range->last)) return fail(seeds, err);
    if (range->last >= range->first) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "--seeds %s: the range %.*s ends before it begins: write %" PRId64 "..%" PRId64,
                    seeds, (int)length, item, range->last, range->first);
}

static orr_status add_range(const char *seeds, const struct range *range, size_t *count, struct orr_text *list,
                            struct orr_error *err)
{
    const uint64_t more = (uint64_t)(range->last - range->first) + 1;
    if (more > ORR_SEEDS_MAX - *count)
        return orr_fail(err, ORR_EINVAL, "--seeds %s: these are more than %d seeds: give fewer", seeds, ORR_SEEDS_MAX);
    for (uint64_t i = 0; i < more; ++i)
        ORR_TRY(orr_text_add(list, err, "%s%" PRId64, list->length ? "," : "", range->first + (int64_t)i));
    *count += (size_t)more;
    return ORR_OK;
}

orr_status orr_seeds_list(const char *text, char **list, struct orr_error *err)
{
    struct orr_text all = {.data = NULL};
    orr_status status = ORR_OK;
    size_t count = 0;
    *list = NULL;
    for (const char *item = text;; ++item) {
        const size_t length = strcspn(item, ",");
        struct range range;
        status = read_range(text, item, length, &range, err);
        if (status == ORR_OK) status = add_range(text, &range, &count, &all, err);
        item += length;
        if (status != ORR_OK || !*item) break;
    }
    if (status == ORR_OK)
        *list = all.data;
    else
        orr_text_fini(&all);
    return status;
}
