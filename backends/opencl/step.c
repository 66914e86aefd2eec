/* Running a step: by the operation that does all of it. */
#include "fuse.h"

static const struct orr_tensor *given(const struct orr_tensor *t) { return t->buffer ? t : NULL; }

static orr_status run_product(struct orr_device *dev, const struct opencl_step *step, struct orr_error *err)
{
    const struct opencl_epilogue more = {.before = given(&step->before),
                                         .activation = step->activation,
                                         .slope = step->slope,
                                         .at = given(&step->at),
                                         .residual = given(&step->residual),
                                         .sums = given(&step->sums)};
    return opencl_product(dev, &step->call, &more, err);
}

/* The operation, with the residual added to its first result. */
static orr_status run_with_residual(struct orr_device *dev, const struct opencl_step *step, struct orr_error *err)
{
    const struct orr_call *call = &step->call;
    switch (call->op) {
    case ORR_OP_LAYERNORM_GRAD:
        return opencl_layernorm_grad(dev, call, &step->residual, err);
    case ORR_OP_RMSNORM_GRAD:
        return opencl_rmsnorm_grad(dev, call, &step->residual, err);
    default:
        return opencl_random_normal(dev, call, &step->residual, err);
    }
}

orr_status opencl_step_run(struct orr_device *dev, const struct opencl_step *step, struct orr_error *err)
{
    const bool fused = step->activation || step->slope || step->residual.buffer || step->sums.buffer || step->shift;
    if (!fused) return opencl_run(dev, &step->call, err);
    if (step->call.op == ORR_OP_GATHER) return opencl_gather(dev, &step->call, step->shift, err);
    const bool product = step->call.op == ORR_OP_MATMUL || step->call.op == ORR_OP_LINEAR;
    const orr_status status = product ? run_product(dev, step, err) : run_with_residual(dev, step, err);
    return status == ORR_OK ? ORR_OK : opencl_failed_in(step->call.op, status, err);
}
