/* A range of independent items, cut into contiguous parts that threads work on at once.
 *
 * Parts are fixed in advance, so that which item fails first does not depend on timing.
 */
#include "data/ranges.h"

#include "base/memory.h"
#include "base/threads.h"

#include <pthread.h>

struct part {
    pthread_t thread;
    bool started;
    orr_ranges_visit visit;
    void *context;
    uint64_t first, count;
    orr_status status;
    struct orr_error error;
};

static void *run_part(void *argument)
{
    struct part *part = argument;
    part->status = part->visit(part->context, part->first, part->count, &part->error);
    return NULL;
}

/* The first parts take the remainder, one item each. */
static void cut(struct part *part, uint32_t n, uint64_t total, orr_ranges_visit visit, void *context)
{
    uint64_t first = 0;
    for (uint32_t i = 0; i < n; ++i) {
        part[i].visit = visit;
        part[i].context = context;
        part[i].first = first;
        part[i].count = total / n + (i < total % n);
        first += part[i].count;
    }
}

orr_status orr_ranges_run(uint64_t total, uint32_t threads, orr_ranges_visit visit, void *context,
                          struct orr_error *err)
{
    if (total == 0) return ORR_OK;
    uint32_t n = threads ? threads : orr_threads_processors();
    if (n > total) n = (uint32_t)total;

    struct part *part = orr_memory_array(n, sizeof *part);
    if (!part) return orr_memory_out(err, "the threads' work", n * sizeof *part);
    cut(part, n, total, visit, context);
    for (uint32_t i = 1; i < n; ++i)
        part[i].started = pthread_create(&part[i].thread, NULL, run_part, &part[i]) == 0;
    run_part(&part[0]);
    for (uint32_t i = 1; i < n; ++i) {
        if (part[i].started)
            pthread_join(part[i].thread, NULL);
        else
            run_part(&part[i]);
    }

    orr_status status = ORR_OK;
    for (uint32_t i = 0; i < n && status == ORR_OK; ++i) {
        status = part[i].status;
        if (status != ORR_OK && err) *err = part[i].error;
    }
    orr_memory_free(part);
    return status;
}
