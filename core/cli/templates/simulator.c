/* The simulator `example`: a mass on a spring.
 *
 * In: the range of its frequency. Out: position (observed), velocity and force (hidden), frequency and amplitude
 * (constant over a trajectory). Closed form: x = a cos(w t + phase).
 */
#include "orrery/simulator.h"

#include "orrery/random.h"

#include <math.h>

static const struct orr_host *host; /* memory, errors and log of the engine */

enum { FREQUENCY_MIN, FREQUENCY_MAX, DT };

static const struct orr_param params[] = {
    [FREQUENCY_MIN] = {"frequency_min", ORR_PARAM_REAL, "0.5", 1e-3, 1e3, "radian/time", "Smallest angular frequency."},
    [FREQUENCY_MAX] = {"frequency_max", ORR_PARAM_REAL, "2", 1e-3, 1e3, "radian/time", "Largest angular frequency."},
    [DT] = {"dt", ORR_PARAM_REAL, "0.1", 1e-9, 1e6, "time", "Time between samples."},
    {.type = ORR_PARAM_END},
};

struct orr_simulator {
    double min, max, dt;
};

static orr_status create(const union orr_value *param, struct orr_simulator **out, struct orr_error *err)
{
    const struct orr_simulator wanted = {param[FREQUENCY_MIN].r, param[FREQUENCY_MAX].r, param[DT].r};
    if (wanted.min > wanted.max)
        return host->fail(err, ORR_EINVAL, "example: frequency_min %g is greater than frequency_max %g: exchange them",
                          wanted.min, wanted.max);
    *out = host->alloc(sizeof **out, 16);
    if (!*out) return host->fail(err, ORR_ENOMEM, "example: out of memory");
    **out = wanted;
    return ORR_OK;
}

static void destroy(struct orr_simulator *sim) { host->dealloc(sim); }

/* Columns, in the order in which generate writes them. */
static const struct orr_field *observed(const struct orr_simulator *sim, uint32_t *n)
{
    static const struct orr_field fields[] = {{"x", "length", "Position."}};
    *n = sizeof fields / sizeof *fields;
    return fields;
}

static const struct orr_field *hidden(const struct orr_simulator *sim, uint32_t *n)
{
    static const struct orr_field fields[] = {{"v", "length/time", "Velocity."},
                                              {"force", "length/time^2", "Force on a unit mass."}};
    *n = sizeof fields / sizeof *fields;
    return fields;
}

static const struct orr_field *constant(const struct orr_simulator *sim, uint32_t *n)
{
    static const struct orr_field fields[] = {{"frequency", "radian/time", "Angular frequency."},
                                              {"amplitude", "length", "Largest position."}};
    *n = sizeof fields / sizeof *fields;
    return fields;
}

/* Random number `which` (0 to 3) of a trajectory, in [0, 1): of (seed, trajectory) alone, whatever else is asked for.
 */
static double draw(uint64_t seed, uint64_t trajectory, int which)
{
    uint32_t word[4];
    orr_random_block(seed, 0, (uint32_t)(trajectory >> 32), (uint32_t)trajectory, word);
    return word[which] / 4294967296.0;
}

/* Any of the arrays may be NULL: not wanted. */
static orr_status generate(const struct orr_simulator *sim, uint64_t seed, uint64_t first, uint32_t count,
                           uint32_t steps, double *time, double *seen, double *unseen, double *fixed,
                           struct orr_error *err)
{
    for (uint32_t s = 0; time && s < steps; ++s)
        time[s] = s * sim->dt;
    for (uint64_t k = 0; k < count; ++k) {
        const double w = sim->min + (sim->max - sim->min) * draw(seed, first + k, 0);
        const double a = 0.5 + draw(seed, first + k, 1), phase = 6.283185307179586 * draw(seed, first + k, 2);
        for (uint32_t s = 0; s < steps; ++s) {
            const double angle = w * (s * sim->dt) + phase;
            if (seen) *seen++ = a * cos(angle);
            if (unseen) *unseen++ = -a * w * sin(angle);
            if (unseen) *unseen++ = -w * w * a * cos(angle);
        }
        if (fixed) *fixed++ = w;
        if (fixed) *fixed++ = a;
    }
    return ORR_OK;
}

static const struct orr_simulator_ops ops = {
    .size = sizeof ops,
    .create = create,
    .destroy = destroy,
    .observed = observed,
    .hidden = hidden,
    .constant = constant,
    .generate = generate,
};

static const struct orr_plugin plugin = {
    .name = "example",
    .version = "0.1.0",
    .summary = "a mass on a spring",
    .source = "unknown",
    .license = "unknown",
    .params = params,
    .ops = &ops,
    ORR_PLUGIN_HEAD(ORR_SIMULATOR),
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
