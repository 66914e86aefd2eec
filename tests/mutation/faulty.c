/* The plugin: the reference's functions, with the fault that ORRERY_FAULT names put in front of one of them.
 *
 * A fault called <op>_<what> replaces run for that operation in f32 (in f64 for <op>_wide_<what>; or i32 where it has
 * no other result, or is called <op>_whole).
 */
#include "faulty.h"

#include <stdlib.h>
#include <string.h>

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

enum faulty_fault faulty_chosen;
struct orr_backend_ops faulty_real;
static uint32_t chosen_op; /* 0: all */
static struct orr_backend_ops ops;
static struct orr_plugin plugin;

orr_status faulty_real_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    return faulty_real.run(dev, call, err);
}

orr_status faulty_run_call(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    const bool whole = call->out[0].dtype == ORR_I32 && call->op != ORR_OP_RANDOM_INT && call->op != ORR_OP_CAST;
    const bool wide = faulty_chosen == FAULT_matmul_wide_in_float;
    const bool planted = (call->out[0].dtype == ORR_F64) == wide && (!chosen_op || call->op == chosen_op) &&
                         whole == (faulty_chosen == FAULT_slice_whole);
    return planted ? faults[faulty_chosen].run(dev, call, err) : faulty_real.run(dev, call, err);
}

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
        if (strcmp(name, faults[k].name) == 0) faulty_chosen = (enum faulty_fault)k;
    chosen_op = op_of(faults[faulty_chosen].name);
    faulty_real = *(const struct orr_backend_ops *)reference->ops;
    ops = faulty_real;
    ops.run = faulty_run_call;
    faulty_set_interface(&ops);
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
