/* The plugin: the reference's functions, with the fault that ORRERY_FAULT names put in front of one of them.
 *
 * A fault called <op>_<what> replaces run for that operation in f32 (or i32 where it has no other result); the faults
 * of the interface are here.
 */
#include "faulty.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault {
    FAULT_none,
#define FAULT(name, ...) FAULT_##name,
#include "faults.def"
#undef FAULT
};

static const struct {
    const char *name;
    faulty_run run;
} faults[] = {
    [FAULT_none] = {"none", faulty_real_run},
#define FAULT(name, ...) [FAULT_##name] = {#name, fault_##name},
#include "faults.def"
#undef FAULT
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

static enum fault chosen;
static uint32_t chosen_op; /* 0: all */
static struct orr_backend_ops real, ops;
static struct orr_plugin plugin;

orr_status faulty_real_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    return real.run(dev, call, err);
}

static orr_status run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    const bool planted = call->out[0].dtype != ORR_F64 && (!chosen_op || call->op == chosen_op);
    const bool moves = call->op != ORR_OP_RANDOM_INT && call->op != ORR_OP_CAST && call->out[0].dtype == ORR_I32;
    return planted && !moves ? faults[chosen].run(dev, call, err) : real.run(dev, call, err);
}

/* --- faults of the interface -------------------------------------------------------------------- */

FAULTY_RUN(pad_missing) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(program_order) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(program_last_call) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(supports_everything) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(info_too_long) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(read_ignores_offset) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(alloc_status) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(free_clears_other) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(close_crashes) { return faulty_real_run(dev, call, err); }
FAULTY_RUN(open_any_index) { return faulty_real_run(dev, call, err); }

/* A file in the current directory: it outlives the process. */
static const char lost_device[] = "faulty-device-is-lost";

FAULTY_RUN(rmsnorm_loses_device)
{
    FILE *marker = fopen(lost_device, "w");
    if (marker) fclose(marker);
    exit(7);
}

static struct orr_device *first_device;
static uint32_t n_open;
static bool in_program;

FAULTY_RUN(second_device) { return n_open > 1 && dev == first_device ? ORR_OK : faulty_real_run(dev, call, err); }

FAULTY_RUN(run_adds_in_bulk)
{
    return !in_program && call->op == ORR_OP_LINEAR ? ORR_OK : faulty_real_run(dev, call, err);
}

static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    if (chosen == FAULT_supports_everything) return true;
    if (chosen == FAULT_pad_missing && call->op == ORR_OP_PAD) return false;
    return real.supports(dev, call);
}

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    struct orr_device_info info = {.size = sizeof info};
    const orr_status status = real.device_info(index, &info, err);
    if (status != ORR_OK) return status;
    if (chosen == FAULT_info_too_long)
        *out = info;
    else
        memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    if (chosen == FAULT_rmsnorm_loses_device && access(lost_device, F_OK) == 0)
        return reference_host->fail(err, ORR_EDEVICE, "the device is lost");
    const orr_status status = real.open(chosen == FAULT_open_any_index ? 0 : index, param, out, err);
    if (status != ORR_OK) return status;
    if (!n_open++) first_device = *out;
    return ORR_OK;
}

static void device_close(struct orr_device *dev)
{
    if (chosen == FAULT_close_crashes) raise(SIGSEGV);
    --n_open;
    real.close(dev);
}

static struct orr_buffer *previous;

static orr_status buffer_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    const orr_status status = real.alloc(dev, bytes, out, err);
    previous = status == ORR_OK ? *out : NULL;
    if (status != ORR_OK && chosen == FAULT_alloc_status) {
        *out = NULL;
        return ORR_OK;
    }
    return status;
}

static void buffer_free(struct orr_device *dev, struct orr_buffer *buf)
{
    if (chosen == FAULT_free_clears_other && previous && previous != buf) memset(previous->data, 0, previous->bytes);
    if (previous == buf) previous = NULL;
    real.free(dev, buf);
}

static orr_status buffer_read(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                              struct orr_error *err)
{
    return real.read(dev, buf, chosen == FAULT_read_ignores_offset ? 0 : at, dst, n, err);
}

struct program {
    size_t n;
    struct orr_call call[];
};

static orr_status prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                          struct orr_error *err)
{
    struct program *p = reference_host->alloc(sizeof *p + n * sizeof p->call[0], 64);
    (void)dev;
    if (!p) return reference_host->fail(err, ORR_ENOMEM, "out of memory for a program");
    p->n = n;
    for (size_t i = 0; i < n; ++i)
        p->call[i] = *calls[i];
    *program = p;
    return ORR_OK;
}

static orr_status execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    const struct program *p = program;
    orr_status status = ORR_OK;
    const bool last_first = chosen == FAULT_program_order && p->n > 1;
    const size_t end = chosen == FAULT_program_last_call && p->n > 1 ? p->n - 1 : p->n;
    in_program = true;
    for (size_t i = 0; i < end && status == ORR_OK; ++i)
        status = run(dev, &p->call[last_first ? (i + p->n - 1) % p->n : i], err);
    in_program = false;
    return status;
}

static void discard(struct orr_device *dev, void *program)
{
    (void)dev;
    reference_host->dealloc(program);
}

/* --- the plugin --------------------------------------------------------------------------------- */

static const char *const op_names[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, ...) [id] = name,
#include "orrery/ops.def"
#undef ORR_OP
};

/* The operation whose name, with '_', begins the fault's: the longest. */
static uint32_t op_of(const char *fault)
{
    uint32_t best = 0;
    size_t longest = 0;
    for (uint32_t op = 0; op < ORR_OP_COUNT_; ++op) {
        const size_t n = op_names[op] ? strlen(op_names[op]) : 0;
        if (n <= longest || strncmp(fault, op_names[op], n) != 0 || fault[n] != '_') continue;
        longest = n;
        best = op;
    }
    return best;
}

static void plant(const struct orr_plugin *reference)
{
    const char *name = getenv("ORRERY_FAULT");
    for (int k = 0; name && k < N_FAULTS; ++k)
        if (strcmp(name, faults[k].name) == 0) chosen = (enum fault)k;
    chosen_op = op_of(faults[chosen].name);
    real = *(const struct orr_backend_ops *)reference->ops;
    ops = real;
    ops.run = run;
    ops.supports = supports;
    ops.device_info = device_info;
    ops.open = device_open;
    ops.close = device_close;
    ops.alloc = buffer_alloc;
    ops.free = buffer_free;
    ops.read = buffer_read;
    if (chosen == FAULT_program_order || chosen == FAULT_program_last_call || chosen == FAULT_run_adds_in_bulk) {
        ops.prepare = prepare;
        ops.execute = execute;
        ops.discard = discard;
    }
    plugin = *reference;
    plugin.name = "faulty";
    plugin.summary = "the reference with one planted fault";
    plugin.ops = &ops;
}

/* The reference's own query, renamed by the build. */
const struct orr_plugin *reference_query(const struct orr_host *host);

const struct orr_plugin *orr_plugin_query(const struct orr_host *host)
{
    if (!plugin.magic) plant(reference_query(host));
    return &plugin;
}
