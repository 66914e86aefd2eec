/* Programs: fused, rehearsed (everything is compiled, and scratch gets its size), and recorded; then executed. */
#include "prepare.h"

#include "fuse.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Second passes that the step's operands wait for. */
static orr_status join_before(struct orr_device *dev, const struct opencl_step *step, struct orr_error *err)
{
    const struct opencl_accesses a = opencl_accesses_of(step);
    for (size_t i = 0; i < a.n_in + a.n_out; ++i) {
        const struct orr_tensor *t = i < a.n_in ? a.in[i] : a.out[i - a.n_in];
        OPENCL_TRY(opencl_join_before(dev, t->buffer->memory, t->offset, t->offset + opencl_bytes(t), err));
    }
    return ORR_OK;
}

static orr_status run_steps(struct orr_device *dev, const struct opencl_plan *plan, struct opencl_record *record,
                            struct orr_error *err)
{
    for (size_t i = 0; i < plan->count; ++i) {
        const struct opencl_step *step = &plan->step[i];
        if (step->done || step->constant) continue;
        record->call = step->first;
        record->op = step->call.op;
        OPENCL_TRY(join_before(dev, step, err));
        OPENCL_TRY(opencl_step_run(dev, step, err));
    }
    return opencl_join_all(dev, err);
}

/* Everything but the work: kernels are compiled and scratch is allocated before the first step, not during it. */
static orr_status rehearse(struct orr_device *dev, const struct opencl_plan *plan, struct opencl_record *record,
                           struct orr_error *err)
{
    dev->rehearsing = true;
    dev->rehearsal = record;
    const orr_status status = run_steps(dev, plan, record, err);
    dev->rehearsing = false;
    dev->rehearsal = NULL;
    OPENCL_TRY(status);
    return opencl_partials_reserve(dev, record->most_partials, err);
}

/* The scratch of the device is that of all its programs, which run one after the other; one that is outgrown lives on
 * as long as a program is bound to it. */
static orr_status record_steps(struct orr_device *dev, const struct opencl_plan *plan, struct opencl_record *record,
                               struct orr_error *err)
{
    if (dev->scratch) OPENCL_TRY(opencl_record_keep(record, dev->scratch, true, err));
    if (dev->partials) OPENCL_TRY(opencl_record_keep(record, dev->partials, true, err));
    dev->recording = record;
    const orr_status status = run_steps(dev, plan, record, err);
    dev->recording = NULL;
    return status;
}

static orr_status make_constants(struct orr_device *dev, const struct opencl_plan *plan, struct opencl_record *record,
                                 struct orr_error *err)
{
    cl_int code = CL_SUCCESS;
    if (plan->constant_bytes == 0) return ORR_OK;
    record->constants.bytes = (size_t)plan->constant_bytes;
    record->constants.memory = cl.clCreateBuffer(dev->context, CL_MEM_READ_WRITE, record->constants.bytes, NULL, &code);
    if (!record->constants.memory) return opencl_fail(err, "clCreateBuffer", code, "constants of a program");
    OPENCL_TRY(opencl_record_keep(record, record->constants.memory, false, err));
    for (size_t i = 0; i < plan->count; ++i)
        if (plan->step[i].constant) OPENCL_TRY(opencl_run(dev, &plan->step[i].call, err));
    return ORR_OK;
}

static bool fuses(const struct orr_call *const *calls, size_t n)
{
    const char *forced = secure_getenv("ORRERY_FUSE");
    if (forced && strcmp(forced, "0") == 0) return false;
    /* What is not supported says so when it is run. */
    for (size_t i = 0; i < n; ++i)
        if (!opencl_supports(calls[i])) return false;
    return true;
}

static orr_status fill_record(struct orr_device *dev, const struct orr_call *const *calls, size_t n,
                              struct opencl_record *record, struct orr_error *err)
{
    struct opencl_plan plan;
    size_t steps = 0;
    OPENCL_TRY(opencl_plan_create(calls, n, &record->constants, &plan, err));
    if (fuses(calls, n)) opencl_plan_fuse(dev, &plan);
    orr_status status = make_constants(dev, &plan, record, err);
    if (status == ORR_OK) status = rehearse(dev, &plan, record, err);
    if (status == ORR_OK) status = record_steps(dev, &plan, record, err);
    for (size_t i = 0; i < n; ++i)
        steps += !plan.step[i].done && !plan.step[i].constant;
    opencl_host->dealloc(plan.step);
    if (status == ORR_OK)
        opencl_host->log(ORR_LOG_DEBUG, "opencl", "a program of %zu calls is %zu steps, %zu launches", n, steps,
                         record->count);
    return status;
}

orr_status opencl_prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                          struct orr_error *err)
{
    const double start = now();
    struct opencl_record *record = opencl_record_create(n);
    if (!record) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: a program of %zu calls", n);
    const orr_status status = fill_record(dev, calls, n, record, err);
    if (status != ORR_OK) {
        opencl_record_destroy(dev, record);
        return status;
    }
    dev->compiling += now() - start;
    *program = record;
    return ORR_OK;
}

/* Some drivers compile a kernel only when it is launched: the first execution is waited for, and counted as well. */
static orr_status tell_compiled(struct orr_device *dev, double start, struct orr_error *err)
{
    OPENCL_CALL("compiling", clFinish, dev->queue);
    opencl_host->log(ORR_LOG_INFO, "opencl", "compiling kernels, and the first step, took %.1f s",
                     dev->compiling + now() - start);
    dev->compiled = true;
    return ORR_OK;
}

orr_status opencl_execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    const double start = dev->compiled ? 0 : now();
    OPENCL_TRY(opencl_record_execute(dev, program, err));
    return dev->compiled || !dev->told ? ORR_OK : tell_compiled(dev, start, err);
}

void opencl_discard(struct orr_device *dev, void *program) { opencl_record_destroy(dev, program); }

orr_status opencl_elapsed(struct orr_device *dev, void *program, double *seconds, struct orr_error *err)
{
    return opencl_record_elapsed(dev, program, seconds, err);
}
