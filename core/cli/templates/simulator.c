/* The simulator `example`: a mass on a spring.
 *
 * In: the range of its frequency. Out: position (observed), velocity and force (hidden), frequency and amplitude
 * (constant over a trajectory). Closed form: x = a cos(w t + phase).
 */
#include "orrery/simulator.h"

#include <math.h>

static const struct orr_host *host; /* memory, errors, log and random numbers of the engine */

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

/* Columns in the order in which generate writes them. */
static const struct orr_field observed_fields[] = {{"x", "length", "Position."}};
static const struct orr_field hidden_fields[] = {{"v", "length/time", "Velocity."},
                                                 {"force", "length/time^2", "Force on a unit mass."}};
static const struct orr_field constant_fields[] = {{"frequency", "radian/time", "Angular frequency."},
                                                   {"amplitude", "length", "Largest position."}};

static const struct orr_field *observed(const struct orr_simulator *sim, uint32_t *n)
{
    (void)sim;
    *n = sizeof observed_fields / sizeof *observed_fields;
    return observed_fields;
}

static const struct orr_field *hidden(const struct orr_simulator *sim, uint32_t *n)
{
    (void)sim;
    *n = sizeof hidden_fields / sizeof *hidden_fields;
    return hidden_fields;
}

static const struct orr_field *constant(const struct orr_simulator *sim, uint32_t *n)
{
    (void)sim;
    *n = sizeof constant_fields / sizeof *constant_fields;
    return constant_fields;
}

/* Three numbers in [0, 1) that depend on seed and trajectory alone, so that any order and any thread gives the same. */
static void draw(uint64_t seed, uint64_t trajectory, double out[3])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)trajectory, (uint32_t)(trajectory >> 32), 0, 0};
    uint32_t word[4];
    host->philox(key, counter, word);
    for (int k = 0; k < 3; ++k)
        out[k] = word[k] / 4294967296.0;
}

static orr_status generate(const struct orr_simulator *sim, uint64_t seed, uint64_t first, uint32_t count,
                           uint32_t steps, double *time, double *seen, double *unseen, double *fixed,
                           struct orr_error *err)
{
    (void)err;
    for (uint32_t s = 0; time && s < steps; ++s)
        time[s] = s * sim->dt;
    for (uint64_t k = 0; k < count; ++k) {
        double u[3];
        draw(seed, first + k, u);
        const double w = sim->min + (sim->max - sim->min) * u[0], a = 0.5 + u[1], phase = 6.283185307179586 * u[2];
        if (fixed) {
            fixed[2 * k] = w;
            fixed[2 * k + 1] = a;
        }
        for (uint32_t s = 0; s < steps; ++s) {
            const double angle = w * (s * sim->dt) + phase;
            const uint64_t row = k * steps + s;
            if (seen) seen[row] = a * cos(angle);
            if (unseen) {
                unseen[2 * row] = -a * w * sin(angle);
                unseen[2 * row + 1] = -w * w * a * cos(angle);
            }
        }
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
    .magic = ORR_ABI_MAGIC,
    .size = sizeof plugin,
    .abi_major = ORR_ABI_MAJOR,
    .abi_minor = ORR_ABI_MINOR,
    .kind = ORR_SIMULATOR,
    .build = ORR_BUILD_FLAGS,
    .name = "example",
    .version = "0.1.0",
    .summary = "a mass on a spring",
    .source = "unknown",
    .license = "unknown",
    .params = params,
    .ops = &ops,
};

const struct orr_plugin *orr_plugin_query(const struct orr_host *lent)
{
    host = lent;
    return &plugin;
}
