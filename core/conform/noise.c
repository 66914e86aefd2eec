/* The reference with noise from Philox on what it computes, and how far that moves a lowered operation. */
#include "conform/noise.h"

#include "base/memory.h"
#include "conform/check.h"
#include "conform/layout.h"
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

static bool noisy_supports(struct orr_device *dev, const struct orr_call *call)
{
    return !orr_op_by_id(call->op)->composite && noisy.real->supports(dev, call);
}

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
    *ops = *truth->ops;
    ops->supports = noisy_supports;
    ops->run = noisy_run;
    ops->size = offsetof(struct orr_backend_ops, prepare);
    *out = *truth;
    out->ops = ops;
    out->info.plans_scratch = false; /* run is all that it has */
}

static double distance_of(const struct orr_numbers *want, const float *got)
{
    double difference = 0.0, norm = 0.0;
    for (size_t e = 0; e < want->count; ++e) {
        if (!isfinite(want->real[e]) || !isfinite(got[e])) continue;
        difference += ((double)got[e] - want->real[e]) * ((double)got[e] - want->real[e]);
        norm += want->real[e] * want->real[e];
    }
    return norm > 0.0 ? sqrt(difference / norm) : 0.0;
}

orr_status orr_noise_measure(const struct orr_trial *t, uint32_t k, const struct orr_open_device *truth,
                             double *distance, struct orr_error *err)
{
    struct orr_open_device device;
    struct orr_backend_ops ops;
    orr_status status = ORR_OK;
    *distance = 0.0;
    orr_noise_device(truth, &device, &ops);
    for (int i = 0; i < DRAWS && t->out[k].real && status == ORR_OK; ++i) {
        struct orr_outcome outcome;
        status = orr_trial_run_graph(t, &device, &outcome, err);
        if (status == ORR_OK) *distance = fmax(*distance, distance_of(&t->out[k], outcome.out[k]));
        orr_outcome_fini(&outcome);
    }
    return status;
}
