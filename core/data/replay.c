/* A simulator that gives back what a file holds. */
#include "data/replay.h"

#include "base/memory.h"

#include <inttypes.h>
#include <string.h>

struct orr_simulator {
    const struct orr_recording *recording;
};

orr_status orr_replay_create(const struct orr_recording *recording, struct orr_simulator **out, struct orr_error *err)
{
    *out = orr_memory_array(1, sizeof **out);
    if (!*out) return orr_memory_out(err, "a recording", sizeof **out);
    (*out)->recording = recording;
    return ORR_OK;
}

static void destroy(struct orr_simulator *sim) { orr_memory_free(sim); }

static const struct orr_field *fields(const struct orr_recording_columns *columns, uint32_t *n)
{
    *n = columns->count;
    return columns->field;
}

static const struct orr_field *observed_columns(const struct orr_simulator *sim, uint32_t *n)
{
    return fields(&sim->recording->observed, n);
}

static const struct orr_field *hidden_columns(const struct orr_simulator *sim, uint32_t *n)
{
    return fields(&sim->recording->hidden, n);
}

static const struct orr_field *constant_columns(const struct orr_simulator *sim, uint32_t *n)
{
    return fields(&sim->recording->constant, n);
}

/* The first `wanted` of `steps` points of each of count trajectories. */
static void copy(const struct orr_recording_columns *from, uint64_t first, uint32_t count, uint32_t steps,
                 uint32_t wanted, double *to)
{
    const size_t width = from->count;
    for (uint64_t k = 0; to && width > 0 && k < count; ++k)
        memcpy(to + k * wanted * width, from->number + (first + k) * steps * width, wanted * width * sizeof *to);
}

static orr_status generate(const struct orr_simulator *sim, uint64_t seed, uint64_t first, uint32_t count,
                           uint32_t steps, double *time, double *observed, double *hidden, double *constant,
                           struct orr_error *err)
{
    const struct orr_recording *recording = sim->recording;
    (void)seed;
    if (first > recording->trajectories || count > recording->trajectories - first || steps > recording->steps)
        return orr_fail(err, ORR_EINVAL,
                        "%s: %" PRIu32 " points of trajectories %" PRIu64 " to %" PRIu64
                        " were asked for, and it has %" PRIu64 " trajectories of %" PRIu32 " points",
                        recording->path, steps, first, first + count - 1, recording->trajectories, recording->steps);
    if (time) memcpy(time, recording->time, steps * sizeof *time);
    copy(&recording->observed, first, count, recording->steps, steps, observed);
    copy(&recording->hidden, first, count, recording->steps, steps, hidden);
    copy(&recording->constant, first, count, 1, 1, constant);
    return ORR_OK;
}

static const struct orr_simulator_ops ops = {.size = sizeof ops,
                                             .destroy = destroy,
                                             .observed = observed_columns,
                                             .hidden = hidden_columns,
                                             .constant = constant_columns,
                                             .generate = generate};

static const struct orr_param params[] = {
    {"checksum", ORR_PARAM_STRING, "", 0, 0, "1", "FNV-1a of the file, hexadecimal."},
    {.type = ORR_PARAM_END},
};

const struct orr_plugin orr_replay_plugin = {.magic = ORR_ABI_MAGIC,
                                             .size = sizeof orr_replay_plugin,
                                             .abi_major = ORR_ABI_MAJOR,
                                             .kind = ORR_SIMULATOR,
                                             .build = ORR_BUILD_FLAGS,
                                             .name = "file",
                                             .version = "1",
                                             .summary = "Trajectories that a file holds",
                                             .source = "the file",
                                             .license = "MIT",
                                             .params = params,
                                             .ops = &ops};
