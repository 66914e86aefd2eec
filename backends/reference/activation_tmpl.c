/* GELU (by erf: Hendrycks and Gimpel 2016) and SiLU, with gradients; inputs and result alike in dims, dy first.
 *
 * Where a factor has vanished (x at or near -infinity) the product is 0, not infinity times 0.
 */
#include "template.h"

#include <math.h>

static double vanishing(double x, double factor)
{
    return factor == 0 ? 0 : x * factor; /* NaN == 0 is false, so NaN goes on */
}

/* P(Z < x) of the standard normal distribution, exact in the lower tail too. */
static double normal_below(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

static double normal_density(double x) { return 0.39894228040143267794 * exp(-0.5 * x * x); }

/* 1 / (1 + exp(-x)) without overflow. */
static double sigmoid(double x)
{
    const double small = exp(-fabs(x));
    return (x >= 0 ? 1 : small) / (1 + small);
}

KERNEL(GELU)
{
    const element *in = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i) {
        const double x = (double)in[i];
        out[i] = (element)vanishing(x, normal_below(x));
    }
    return ORR_OK;
}

KERNEL(GELU_GRAD)
{
    const element *dy = reference_data(&call->in[0]), *in = reference_data(&call->in[1]);
    element *out = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i) {
        const double x = (double)in[i];
        out[i] = (element)((double)dy[i] * (normal_below(x) + vanishing(x, normal_density(x))));
    }
    return ORR_OK;
}

KERNEL(SILU)
{
    const element *in = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i) {
        const double x = (double)in[i];
        out[i] = (element)vanishing(x, sigmoid(x));
    }
    return ORR_OK;
}

KERNEL(SILU_GRAD)
{
    const element *dy = reference_data(&call->in[0]), *in = reference_data(&call->in[1]);
    element *out = reference_data(&call->out[0]);
    const int64_t count = reference_count(&call->out[0]);
    for (int64_t i = 0; i < count; ++i) {
        const double x = (double)in[i], s = sigmoid(x);
        out[i] = (element)((double)dy[i] * (s + vanishing(x, s * sigmoid(-x))));
    }
    return ORR_OK;
}
