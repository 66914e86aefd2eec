/* Windows of a split: which points the model is shown, and where.
 *
 * Starts are drawn by selection sampling (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S), so they come
 * out in order, are distinct, and need no memory.
 */
#include "base/memory.h"
#include "data/dataset.h"
#include "orrery/random.h"

/* The last counter word of these draws. Training has 0 there, simulators choose their own. */
enum { WINDOW_DRAWS = 0x57494E44 };

/* Choose `wanted` of 0 .. places-1 for trajectory k and write them as rows from `row` on. */
static void draw_starts(uint64_t seed, uint64_t k, uint32_t places, uint32_t wanted, int64_t row, int32_t *start)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t word[4] = {0};
    uint32_t chosen = 0;
    for (uint32_t place = 0; place < places && chosen < wanted; ++place) {
        if (place % 4 == 0) {
            const uint32_t counter[4] = {place / 4, (uint32_t)k, (uint32_t)(k >> 32), WINDOW_DRAWS};
            orr_random_philox(key, counter, word);
        }
        if (orr_random_below(word[place % 4], places - place) < wanted - chosen)
            start[chosen++] = (int32_t)(row + place);
    }
}

orr_status orr_windows_create(const struct orr_dataset *data, enum orr_split split, struct orr_windows *out,
                              struct orr_error *err)
{
    *out = (struct orr_windows){.start = NULL};
    const struct orr_data_config *c = &data->config;
    const bool whole = c->context == c->steps;
    const uint32_t places = whole ? 1 : c->steps - c->context;
    uint32_t wanted = c->steps / c->context;
    if (wanted > places) wanted = places;

    const uint64_t first = split == ORR_TRAIN ? 0 : data->n_train;
    const uint64_t end = split == ORR_TRAIN ? data->n_train : c->trajectories;
    const size_t count = (size_t)(end - first) * wanted;
    int32_t *start = orr_memory_array(count, sizeof *start);
    if (!start) return orr_memory_out(err, "windows", count * sizeof *start);
    for (uint64_t k = first; k < end; ++k)
        draw_starts(c->seed, k, places, wanted, (int64_t)(k * c->steps), start + (k - first) * wanted);
    *out = (struct orr_windows){
        .start = start, .count = count, .length = whole ? c->steps - 1 : c->context, .whole = whole};
    return ORR_OK;
}

void orr_windows_fini(struct orr_windows *windows)
{
    orr_memory_free(windows->start);
    *windows = (struct orr_windows){.start = NULL};
}
