/* The reference with noise from Philox on what it computes, and how far that moves a lowered operation. */
#include "conform/noise.h"

#include "base/memory.h"
#include "conform/check.h"
#include "conform/distance.h"
#include "conform/layout.h"
#include "conform/lesser_device.h"
#include "orrery/random.h"

#include <math.h>
#include <stddef.h>

#define NOISE (16.0 / 16777216.0)
/* One number may be drawn almost without noise; that all of these are is rare. */
enum { DRAWS = 8 };

/* A child runs one check at a time. */
static struct {
    const struct orr_backend_ops *real;
    uint32_t drawn;
} noisy;

static orr_status add_noise(struct orr_device *dev, const struct orr_tensor *t, struct orr_error *err)
{
    const struct orr_shape shape = orr_shape_make(t->dtype, t->rank, t->dim);
    const size_t n = (size_t)orr_shape_count(&shape), bytes = n * sizeof(float);
    float *x = orr_memory_array(n, sizeof(*x));
    if (!x) return orr_memory_out(err, "noise", bytes);
    orr_status status = noisy.real->read(dev, t->buffer, (size_t)t->offset, x, bytes, err);
    for (size_t e = 0; e < n; ++e) {
        uint32_t word[4];
        orr_random_block(1, UINT32_C(0x50000000), noisy.drawn, (uint32_t)e, word);
        x[e] = (float)((double)x[e] * (1.0 + NOISE * ((double)word[0] / 2147483648.0 - 1.0)));
    }
    ++noisy.drawn;
    if (status == ORR_OK) status = noisy.real->write(dev, t->buffer, (size_t)t->offset, x, bytes, err);
    orr_memory_free(x);
    return status;
}

static orr_status noisy_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    ORR_TRY(noisy.real->run(dev, call, err));
    for (uint32_t k = 0; k < call->n_out; ++k)
        if (call->out[k].dtype == ORR_F32) ORR_TRY(add_noise(dev, &call->out[k], err));
    return ORR_OK;
}

void orr_noise_device(const struct orr_open_device *truth, struct orr_open_device *out, struct orr_backend_ops *ops)
{
    noisy.real = truth->ops;
    noisy.drawn = 0;
    *out = orr_device_lesser(truth, ops);
    ops->supports = orr_supports_primitives;
    ops->run = noisy_run;
    ops->size = offsetof(struct orr_backend_ops, prepare);
    out->info.plans_scratch = false; /* run is all that it has */
}

orr_status orr_noise_measure(const struct orr_trial *t, uint32_t k, const struct orr_open_device *truth,
                             double *distance, struct orr_error *err)
{
    struct orr_open_device device;
    struct orr_backend_ops ops;
    orr_status status = ORR_OK;
    double *noisy_result = orr_memory_array(t->out[k].count, sizeof(*noisy_result));
    *distance = 0.0;
    if (!noisy_result) return orr_memory_out(err, "noise", t->out[k].count * sizeof(*noisy_result));
    orr_noise_device(truth, &device, &ops);
    for (int i = 0; i < DRAWS && t->out[k].real && status == ORR_OK; ++i) {
        struct orr_outcome outcome;
        status = orr_trial_run_graph(t, &device, &outcome, err);
        for (size_t e = 0; status == ORR_OK && e < t->out[k].count; ++e)
            noisy_result[e] = (double)((const float *)outcome.out[k])[e];
        if (status == ORR_OK)
            *distance = fmax(*distance, orr_distance_relative(noisy_result, t->out[k].real, t->out[k].count, 1e-12));
        orr_outcome_fini(&outcome);
    }
    orr_memory_free(noisy_result);
    return status;
}
