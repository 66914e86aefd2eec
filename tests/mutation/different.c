/* Backends that are right and work otherwise than the reference: ORRERY_VARIANT names one.
 *
 * A validator that flags one of these would send an author after a fault that is not there. So that none is right by
 * being the reference, each shows its difference: by other numbers, or by counting how often it acted otherwise. The
 * count is appended to the file that ORRERY_ACTED names when a device is closed.
 */
#include "different.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    "none",
#define VARIANT(name, ...) #name,
#include "variants.def"
#undef VARIANT
};

enum different_variant different_chosen;
struct orr_backend_ops different_real;
static struct orr_backend_ops ops;
static struct orr_plugin plugin;
static atomic_ullong acted;

void different_acted(uint64_t times) { atomic_fetch_add(&acted, times); }

static void report_acts(void)
{
    const char *path = getenv("ORRERY_ACTED");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%llu\n", atomic_exchange(&acted, 0));
    fclose(file);
}

/* --- devices ------------------------------------------------------------------------------------- */

static uint32_t device_count(void) { return different_chosen == DIFFERENT_two_devices ? 2 : 1; }

static orr_status device_info(uint32_t index, struct orr_device_info *out, struct orr_error *err)
{
    struct orr_device_info info = {.size = sizeof info};
    if (different_chosen == DIFFERENT_silent && index > 0) return ORR_EINVAL;
    const orr_status status = different_real.device_info(index < device_count() ? 0 : index, &info, err);
    if (status != ORR_OK) return status;
    info.size = out->size;
    if (different_chosen == DIFFERENT_large_alignment) info.align = 4096;
    if (different_chosen == DIFFERENT_small_buffers) info.max_alloc = UINT64_C(2) << 20;
    if (different_chosen == DIFFERENT_f32_only) info.dtypes = 1u << ORR_F32 | 1u << ORR_I32;
    info.flushes_denormals = different_chosen == DIFFERENT_flushed_denormals;
    info.plans_scratch = different_chosen == DIFFERENT_plans_scratch;
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ORR_OK;
}

static orr_status device_open(uint32_t index, const union orr_value *param, struct orr_device **out,
                              struct orr_error *err)
{
    if (different_chosen == DIFFERENT_silent && index > 0) {
        different_acted(1);
        return ORR_EINVAL;
    }
    if (different_chosen == DIFFERENT_older_interface) different_acted(1);
    if (different_chosen == DIFFERENT_two_devices && index == 1) different_acted(1);
    return different_real.open(index < device_count() ? 0 : index, param, out, err);
}

static void device_close(struct orr_device *dev)
{
    different_real.close(dev);
    report_acts();
}

/* --- calls ------------------------------------------------------------------------------------------ */

static bool is_f64(const struct orr_call *call)
{
    bool found = false;
    for (uint32_t k = 0; k < call->n_in; ++k)
        found = found || call->in[k].dtype == ORR_F64;
    for (uint32_t k = 0; k < call->n_out; ++k)
        found = found || call->out[k].dtype == ORR_F64;
    return found;
}

static bool supports(struct orr_device *dev, const struct orr_call *call)
{
    static const bool composite[ORR_OP_COUNT_] = {
#define PRIM                                           false
#define COMP                                           true
#define ORR_OP(id, NAME, name, n_in, n_out, kind, ...) [id] = kind,
#include "orrery/ops.def"
#undef ORR_OP
    };
    const bool lowers = different_chosen == DIFFERENT_lowered || different_chosen == DIFFERENT_lowered_coarse;
    const bool refused = (lowers && call->op < ORR_OP_COUNT_ && composite[call->op]) ||
                         (different_chosen == DIFFERENT_f32_only && is_f64(call));
    if (refused) different_acted(1);
    return !refused && different_real.supports(dev, call);
}

/* A value that fills its storage begins where storages do: offsets of views may be any. */
static bool is_aligned(const struct orr_tensor *t)
{
    const uint64_t bytes = (uint64_t)reference_count(t) * reference_size(t->dtype);
    if (!t->buffer || !bytes || bytes != t->storage_bytes) return true;
    different_acted(1);
    return t->offset % 4096 == 0 && (uintptr_t)t->buffer->data % 4096 == 0;
}

static orr_status check_alignment(const struct orr_call *call, struct orr_error *err)
{
    bool aligned = true;
    for (uint32_t k = 0; k < call->n_in; ++k)
        aligned = is_aligned(&call->in[k]) && aligned;
    for (uint32_t k = 0; k < call->n_out; ++k)
        aligned = is_aligned(&call->out[k]) && aligned;
    return aligned ? ORR_OK : REFERENCE_FAIL(err, ORR_EINVAL, "a storage does not begin at a multiple of 4096 bytes");
}

orr_status different_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    if (different_chosen == DIFFERENT_f32_only && is_f64(call)) {
        different_acted(1);
        return REFERENCE_FAIL(err, ORR_EDTYPE, "this device has no f64");
    }
    if (different_chosen == DIFFERENT_large_alignment) {
        const orr_status status = check_alignment(call, err);
        if (status != ORR_OK) return status;
    }
    /* What cannot be run is left to the reference, which says why. */
    if (call->out[0].dtype == ORR_F32 && different_real.supports(dev, call) && different_compute(call)) return ORR_OK;
    const orr_status status = different_real.run(dev, call, err);
    if (status == ORR_OK && call->out[0].dtype == ORR_F32) different_change_results(call);
    return status;
}

/* --- the plugin ------------------------------------------------------------------------------------- */

/* Behind the end of a shorter table: an engine that calls these reads what is not there. */
static orr_status no_prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                             struct orr_error *err)
{
    (void)dev;
    (void)calls;
    (void)n;
    (void)program;
    return REFERENCE_FAIL(err, ORR_EBUG, "prepare is called, which lies beyond the size of the table");
}

static orr_status no_execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    (void)dev;
    (void)program;
    return REFERENCE_FAIL(err, ORR_EBUG, "execute is called, which lies beyond the size of the table");
}

static void cut_table(void)
{
    ops.size = offsetof(struct orr_backend_ops, prepare);
    ops.prepare = no_prepare;
    ops.execute = no_execute;
}

static void change(const struct orr_plugin *reference)
{
    const char *name = getenv("ORRERY_VARIANT");
    for (size_t k = 0; name && k < sizeof names / sizeof *names; ++k)
        if (strcmp(name, names[k]) == 0) different_chosen = (enum different_variant)k;
    different_real = *(const struct orr_backend_ops *)reference->ops;
    ops = different_real;
    ops.device_count = device_count;
    ops.device_info = device_info;
    ops.open = device_open;
    ops.close = device_close;
    ops.supports = supports;
    ops.run = different_run;
    different_set_buffers(&ops);
    different_set_queue(&ops);
    different_set_programs(&ops);
    if (different_chosen == DIFFERENT_older_interface) cut_table();
    plugin = *reference;
    plugin.name = "different";
    plugin.summary = "the reference, right but otherwise";
    plugin.ops = &ops;
}

/* The reference's own query, renamed by the build. */
const struct orr_plugin *reference_query(const struct orr_host *host);

const struct orr_plugin *orr_plugin_query(const struct orr_host *host)
{
    if (!plugin.magic) change(reference_query(host));
    return &plugin;
}
