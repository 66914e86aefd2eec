/* A simulator from a motion: parameters, draws, columns, trajectories, energy. */
#include "motion.h"

#include "draws.h"

#include <stdio.h>
#include <string.h>

const struct orr_host *_Atomic motion_host;

struct orr_simulator {
    struct range range[MOTION_DRAWN_MAX];
    double dt;
    uint32_t n_observed, n_hidden, n_constant;
};

/* "omega" for the range that begins with parameter omega_min. */
static orr_status check_range(const struct range *range, const char *first_key, struct orr_error *err)
{
    char name[40];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(first_key) - strlen("_min")), first_key);
    return draws_check(motion_host, range, motion.name, name, err);
}

static orr_status create(const union orr_value *param, struct orr_simulator **out, struct orr_error *err)
{
    const uint32_t n = motion.drawn;
    struct orr_simulator wanted = {.dt = param[2 * n].r};
    *out = NULL;
    for (uint32_t i = 0; i < n; ++i) {
        wanted.range[i] = (struct range){param[2 * i].r, param[2 * i + 1].r};
        const orr_status status = check_range(&wanted.range[i], motion.params[2 * i].key, err);
        if (status) return status;
    }
    const uint32_t dimensions = motion.dimensions > 1 ? (uint32_t)param[2 * n + 1].i : 1;
    wanted.n_observed = motion.n_observed * dimensions / motion.dimensions;
    wanted.n_hidden = motion.n_hidden * dimensions / motion.dimensions;
    wanted.n_constant = motion.n_constant * dimensions / motion.dimensions;

    struct orr_simulator *sim = motion_host->alloc(sizeof *sim, _Alignof(struct orr_simulator));
    if (!sim)
        return motion_host->fail(err, ORR_ENOMEM, "%s: no memory for a simulator of %zu bytes", motion.name,
                                 sizeof *sim);
    *sim = wanted;
    *out = sim;
    return ORR_OK;
}

static void destroy(struct orr_simulator *sim) { motion_host->dealloc(sim); }

static const struct orr_field *observed_columns(const struct orr_simulator *sim, uint32_t *n)
{
    *n = sim->n_observed;
    return motion.observed;
}

static const struct orr_field *hidden_columns(const struct orr_simulator *sim, uint32_t *n)
{
    *n = sim->n_hidden;
    return motion.hidden;
}

static const struct orr_field *constant_columns(const struct orr_simulator *sim, uint32_t *n)
{
    *n = sim->n_constant;
    return motion.constant;
}

/* The first n of `from` into row `row` of an array that may not be wanted. */
static void put(const double *from, uint32_t n, size_t row, double *to)
{
    if (to) memcpy(to + row * n, from, n * sizeof *to);
}

static orr_status generate(const struct orr_simulator *sim, uint64_t seed, uint64_t first, uint32_t count,
                           uint32_t steps, double *time, double *observed, double *hidden, double *constant,
                           struct orr_error *err)
{
    (void)err;
    for (uint32_t i = 0; time && i < steps; ++i)
        time[i] = i * sim->dt;
    for (size_t k = 0; k < count; ++k) {
        uint32_t word[2 * MOTION_DRAWN_MAX];
        double drawn[MOTION_DRAWN_MAX], a[MOTION_COLUMNS_MAX], b[MOTION_COLUMNS_MAX];
        draws_words(motion_host, seed, first + k, (motion.drawn + 1) / 2, word);
        for (uint32_t i = 0; i < motion.drawn; ++i)
            drawn[i] = draws_from(&sim->range[i], &word[2 * i]);
        motion.constants(drawn, a);
        put(a, sim->n_constant, k, constant);
        for (uint32_t i = 0; (observed || hidden) && i < steps; ++i) {
            motion.at(drawn, i * sim->dt, a, b);
            put(a, sim->n_observed, k * steps + i, observed);
            put(b, sim->n_hidden, k * steps + i, hidden);
        }
    }
    return ORR_OK;
}

static orr_status invariant(const struct orr_simulator *sim, const double *observed, const double *hidden,
                            uint32_t steps, double *out, struct orr_error *err)
{
    const uint32_t n = sim->n_observed;
    const bool accelerated = sim->n_hidden >= 2 * n;
    if (!observed || !hidden)
        return motion_host->fail(err, ORR_EINVAL,
                                 "%s: the energy needs the observed and the hidden columns; %s is NULL", motion.name,
                                 observed ? "hidden" : "observed");
    for (uint32_t i = 0; i < steps; ++i) {
        const double *x = observed + (size_t)i * n, *v = hidden + (size_t)i * sim->n_hidden;
        double twice = 0;
        for (uint32_t c = 0; c < n; ++c)
            twice += v[c] * v[c] - (accelerated ? x[c] * v[n + c] : 0);
        out[i] = 0.5 * twice;
    }
    return ORR_OK;
}

const struct orr_simulator_ops motion_ops = {.size = sizeof motion_ops,
                                             .create = create,
                                             .destroy = destroy,
                                             .observed = observed_columns,
                                             .hidden = hidden_columns,
                                             .constant = constant_columns,
                                             .generate = generate,
                                             .invariant = invariant};
