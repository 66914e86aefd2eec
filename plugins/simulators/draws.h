/* Random parameters of a trajectory: pure functions of the seed and its number.
 *
 * In: seed, number, ranges. Out: uniform numbers. Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011), lent by the host.
 */
#ifndef ORRERY_PLUGINS_DRAWS_H
#define ORRERY_PLUGINS_DRAWS_H

#include "orrery/plugin.h"

#include <math.h>

struct range {
    double min, max;
};

/* EINVAL where a range ends before it begins; simulator and name are for the message. */
static inline orr_status draws_check(const struct orr_host *host, const struct range *range, const char *simulator,
                                     const char *name, struct orr_error *err)
{
    if (range->min <= range->max) return ORR_OK;
    return host->fail(err, ORR_EINVAL,
                      "%s: %s_min %.17g is greater than %s_max %.17g: lower %s_min or raise %s_max "
                      "(equal values fix it)",
                      simulator, name, range->min, name, range->max, name, name);
}

/* 4 * blocks random words of trajectory k. The last counter word keeps them apart from those of a training run with the
 * same seed, whose last word is 0. */
static inline void draws_words(const struct orr_host *host, uint64_t seed, uint64_t k, uint32_t blocks, uint32_t *word)
{
    enum { STREAM = 1 };
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (uint32_t block = 0; block < blocks; ++block) {
        const uint32_t counter[4] = {block, (uint32_t)k, (uint32_t)(k >> 32), STREAM};
        host->philox(key, counter, &word[4 * block]);
    }
}

/* Uniform on [0, 1): 53 bits out of two words. */
static inline double draws_uniform(const uint32_t word[2])
{
    return (double)(((uint64_t)word[0] << 32 | word[1]) >> 11) * 0x1p-53;
}

/* Rounding must not carry a draw past the end of its range; equal ends are returned exactly. */
static inline double draws_from(const struct range *range, const uint32_t word[2])
{
    return fmin(range->min + draws_uniform(word) * (range->max - range->min), range->max);
}

#endif
