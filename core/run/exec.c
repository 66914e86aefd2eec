/* Executing a plan: buffers allocated and bound once, then programs run by prepare/execute or call by call.
 *
 * In: a graph, an open device, host arrays for kept values. Out: host arrays; or the first value that is not finite.
 * Reals are converted from and to double on the host. */
#include "run/exec.h"

#include "base/memory.h"
#include "graph/optable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct orr_exec {
    struct orr_open_device *device;
    struct orr_plan *plan;
    bool keep_all;
    struct orr_buffer **buffer;    /* one for each of the plan's */
    struct orr_call *call;         /* the plan's, with buffers filled in */
    const struct orr_call **calls; /* pointers to them, as prepare wants them */
    void **program;                /* prepared ones; NULL where the backend has no prepare */
    double *staging;               /* for conversion to and from double: enough for the largest value used so far */
    size_t staging_bytes;
};

/* --- creating -------------------------------------------------------------------------------- */

static bool device_supports(void *context, const struct orr_call *call)
{
    struct orr_open_device *device = context;
    return device->ops->supports(device->handle, call);
}

void orr_exec_target(struct orr_open_device *device, bool keep_all, struct orr_plan_target *target)
{
    *target = (struct orr_plan_target){.supports = device_supports,
                                       .context = device,
                                       .align = device->info.align,
                                       .max_alloc = device->info.max_alloc,
                                       .memory_bytes = device->info.memory_bytes,
                                       .dtypes = device->info.dtypes,
                                       .plans_scratch = device->info.plans_scratch && !keep_all,
                                       .keep_all = keep_all};
}

static orr_status zero_buffer(struct orr_exec *exec, size_t b, const void *zeros, size_t n_zeros, struct orr_error *err)
{
    const uint64_t bytes = exec->plan->buffer_bytes[b];
    for (uint64_t at = 0; at < bytes; at += n_zeros) {
        struct orr_error own = {.code = ORR_OK};
        const size_t n = bytes - at < n_zeros ? (size_t)(bytes - at) : n_zeros;
        const orr_status status =
            exec->device->ops->write(exec->device->handle, exec->buffer[b], (size_t)at, zeros, n, &own);
        if (status != ORR_OK) return orr_device_failed(exec->device, status, "clearing memory", &own, err);
        exec->device->bytes_written += n;
    }
    return ORR_OK;
}

static orr_status allocate(struct orr_exec *exec, struct orr_error *err)
{
    const size_t n = exec->plan->n_buffers, n_zeros = (size_t)1 << 20;
    exec->buffer = orr_memory_array(n, sizeof(struct orr_buffer *));
    void *zeros = orr_memory_array(1, n_zeros);
    orr_status status = exec->buffer && zeros ? ORR_OK : orr_memory_out(err, "buffers", n_zeros);
    for (size_t b = 0; b < n && status == ORR_OK; ++b) {
        status = orr_device_alloc(exec->device, (size_t)exec->plan->buffer_bytes[b], &exec->buffer[b], err);
        if (status == ORR_OK) status = zero_buffer(exec, b, zeros, n_zeros, err);
    }
    orr_memory_free(zeros);
    return status;
}

static void bind_tensor(const struct orr_exec *exec, struct orr_tensor *t)
{
    const struct orr_plan_place *place = &exec->plan->place[t->storage];
    if (place->buffer == ORR_NONE) return;
    t->buffer = exec->buffer[place->buffer];
    t->offset += place->offset;
}

static orr_status bind_calls(struct orr_exec *exec, struct orr_error *err)
{
    const size_t n = exec->plan->n_calls;
    exec->call = orr_memory_array(n, sizeof(*exec->call));
    exec->calls = orr_memory_array(n, sizeof(*exec->calls));
    if (!exec->call || !exec->calls) return orr_memory_out(err, "calls", n * sizeof(*exec->call));
    for (size_t i = 0; i < n; ++i) {
        exec->call[i] = exec->plan->call[i];
        exec->calls[i] = &exec->call[i];
        for (uint32_t k = 0; k < exec->call[i].n_in; ++k)
            bind_tensor(exec, &exec->call[i].in[k]);
        for (uint32_t k = 0; k < exec->call[i].n_out; ++k)
            bind_tensor(exec, &exec->call[i].out[k]);
    }
    return ORR_OK;
}

static bool prepares(const struct orr_exec *exec)
{
    return ORR_HAS(exec->device->ops, prepare) && ORR_HAS(exec->device->ops, execute);
}

static orr_status prepare(struct orr_exec *exec, struct orr_error *err)
{
    const struct orr_plan *plan = exec->plan;
    if (exec->device->info.plans_scratch && !prepares(exec))
        return orr_fail(err, ORR_EBUG, "backend '%s' says that it plans scratch memory but has no prepare and execute",
                        exec->device->plugin->name);
    if (!prepares(exec)) return ORR_OK;
    exec->program = orr_memory_array(plan->n_programs, sizeof(*exec->program));
    if (!exec->program) return orr_memory_out(err, "programs", plan->n_programs * sizeof(*exec->program));
    for (size_t p = 0; p < plan->n_programs; ++p) {
        struct orr_error own = {.code = ORR_OK};
        if (plan->program[p].count == 0) continue;
        const orr_status status = exec->device->ops->prepare(exec->device->handle, exec->calls + plan->program[p].first,
                                                             plan->program[p].count, &exec->program[p], &own);
        if (status != ORR_OK) return orr_device_failed(exec->device, status, "preparing a program", &own, err);
    }
    return ORR_OK;
}

orr_status orr_exec_create(const struct orr_graph *g, struct orr_open_device *device,
                           const struct orr_exec_options *options, struct orr_exec **out, struct orr_error *err)
{
    struct orr_plan_target target;
    struct orr_exec *exec = orr_memory_array(1, sizeof(*exec));
    *out = NULL;
    if (!exec) return orr_memory_out(err, "an executor", sizeof(*exec));
    exec->device = device;
    exec->keep_all = options && options->keep_all;
    orr_exec_target(device, exec->keep_all, &target);
    orr_status status = orr_plan_create(g, &target, &exec->plan, err);
    if (status == ORR_OK) status = allocate(exec, err);
    if (status == ORR_OK) status = bind_calls(exec, err);
    if (status == ORR_OK) status = prepare(exec, err);
    if (status != ORR_OK) {
        orr_exec_destroy(exec);
        return status;
    }
    *out = exec;
    return ORR_OK;
}

void orr_exec_destroy(struct orr_exec *exec)
{
    if (!exec) return;
    if (exec->program && ORR_HAS(exec->device->ops, discard))
        for (size_t p = 0; p < exec->plan->n_programs; ++p)
            if (exec->program[p]) exec->device->ops->discard(exec->device->handle, exec->program[p]);
    if (exec->buffer)
        for (size_t b = 0; b < exec->plan->n_buffers; ++b)
            orr_device_free(exec->device, exec->buffer[b], (size_t)exec->plan->buffer_bytes[b]);
    orr_memory_free(exec->program);
    orr_memory_free(exec->calls);
    orr_memory_free(exec->call);
    orr_memory_free(exec->buffer);
    orr_memory_free(exec->staging);
    orr_plan_destroy(exec->plan);
    orr_memory_free(exec);
}

/* --- reading and writing --------------------------------------------------------------------- */

struct range {
    const struct orr_graph_value *value;
    struct orr_buffer *buffer;
    size_t at, bytes;
};

/* Where a value of the lowered graph is on the device. */
static orr_status locate(const struct orr_exec *exec, orr_handle v, struct range *range, struct orr_error *err)
{
    const struct orr_graph_value *value = orr_graph_value(exec->plan->graph, v);
    if (!value) return orr_fail(err, ORR_EINVAL, "%%%d is no value of this graph", (int)v);
    const struct orr_plan_place *place = &exec->plan->place[value->storage];
    if (place->buffer == ORR_NONE || !exec->plan->graph->storage[value->storage].kept)
        return orr_fail(err, ORR_EINVAL, "%s (%%%d) is scratch: ask for it with orr_graph_keep before planning",
                        value->name ? value->name : "this value", (int)v);
    *range = (struct range){value, exec->buffer[place->buffer], (size_t)(place->offset + value->offset),
                            (size_t)orr_shape_bytes(&value->shape)};
    return ORR_OK;
}

static orr_status locate_original(const struct orr_exec *exec, orr_handle v, size_t bytes, struct range *range,
                                  struct orr_error *err)
{
    if (v < 0 || (size_t)v >= exec->plan->n_map)
        return orr_fail(err, ORR_EINVAL, "%%%d is no value of this graph", (int)v);
    ORR_TRY(locate(exec, exec->plan->map[v], range, err));
    if (bytes == range->bytes) return ORR_OK;
    return orr_fail(err, ORR_ESHAPE, "%s (%%%d) has %zu bytes, not %zu",
                    range->value->name ? range->value->name : "value", (int)v, range->bytes, bytes);
}

static orr_status write_range(struct orr_exec *exec, const struct range *r, const void *data, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    if (r->bytes == 0) return ORR_OK;
    const orr_status status = exec->device->ops->write(exec->device->handle, r->buffer, r->at, data, r->bytes, &own);
    if (status != ORR_OK) return orr_device_failed(exec->device, status, "writing", &own, err);
    exec->device->bytes_written += r->bytes;
    return ORR_OK;
}

static orr_status read_range(struct orr_exec *exec, const struct range *r, void *data, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    if (r->bytes == 0) return ORR_OK;
    const orr_status status = exec->device->ops->read(exec->device->handle, r->buffer, r->at, data, r->bytes, &own);
    if (status != ORR_OK) return orr_device_failed(exec->device, status, "reading", &own, err);
    exec->device->bytes_read += r->bytes;
    return ORR_OK;
}

orr_status orr_exec_write(struct orr_exec *exec, orr_handle v, const void *data, size_t bytes, struct orr_error *err)
{
    struct range r;
    ORR_TRY(locate_original(exec, v, bytes, &r, err));
    return write_range(exec, &r, data, err);
}

orr_status orr_exec_read(struct orr_exec *exec, orr_handle v, void *data, size_t bytes, struct orr_error *err)
{
    struct range r;
    ORR_TRY(locate_original(exec, v, bytes, &r, err));
    return read_range(exec, &r, data, err);
}

static orr_status stage(struct orr_exec *exec, size_t bytes, struct orr_error *err)
{
    if (bytes <= exec->staging_bytes) return ORR_OK;
    orr_memory_free(exec->staging);
    exec->staging_bytes = 0;
    exec->staging = orr_memory_aligned(bytes, 64);
    if (!exec->staging) return orr_memory_out(err, "conversion to double", bytes);
    exec->staging_bytes = bytes;
    return ORR_OK;
}

/* Real values only; `range` gets the place of v, checked to hold count elements. */
static orr_status locate_real(struct orr_exec *exec, orr_handle v, size_t count, struct range *range,
                              struct orr_error *err)
{
    if (v < 0 || (size_t)v >= exec->plan->n_map)
        return orr_fail(err, ORR_EINVAL, "%%%d is no value of this graph", (int)v);
    ORR_TRY(locate(exec, exec->plan->map[v], range, err));
    const uint32_t dtype = range->value->shape.dtype;
    if (dtype != ORR_F32 && dtype != ORR_F64)
        return orr_fail(err, ORR_EDTYPE, "%%%d holds %s, not real numbers", (int)v, orr_dtype_name(dtype));
    if (count * orr_dtype_bytes(dtype) == range->bytes) return stage(exec, range->bytes, err);
    return orr_fail(err, ORR_ESHAPE, "%%%d has %lld elements, not %zu", (int)v,
                    (long long)orr_shape_count(&range->value->shape), count);
}

orr_status orr_exec_write_real(struct orr_exec *exec, orr_handle v, const double *data, size_t count,
                               struct orr_error *err)
{
    struct range r;
    ORR_TRY(locate_real(exec, v, count, &r, err));
    if (r.value->shape.dtype == ORR_F64) return write_range(exec, &r, data, err);
    float *single = (float *)exec->staging;
    for (size_t i = 0; i < count; ++i)
        single[i] = (float)data[i];
    return write_range(exec, &r, single, err);
}

orr_status orr_exec_read_real(struct orr_exec *exec, orr_handle v, double *data, size_t count, struct orr_error *err)
{
    struct range r;
    ORR_TRY(locate_real(exec, v, count, &r, err));
    if (r.value->shape.dtype == ORR_F64) return read_range(exec, &r, data, err);
    const float *single = (const float *)exec->staging;
    ORR_TRY(read_range(exec, &r, exec->staging, err));
    for (size_t i = 0; i < count; ++i)
        data[i] = (double)single[i];
    return ORR_OK;
}

/* --- running --------------------------------------------------------------------------------- */

static orr_status run_failed(const struct orr_exec *exec, size_t call, orr_status status, const struct orr_error *own,
                             struct orr_error *err)
{
    const struct orr_call *c = &exec->call[call];
    const struct orr_graph *g = exec->plan->graph;
    const struct orr_graph_value *out = &g->value[g->node[exec->plan->call_node[call]].out[0]];
    char what[256], shape[96];
    orr_shape_print(&out->shape, shape, sizeof(shape));
    snprintf(what, sizeof(what), "%s to %s%s%s (node %d)", orr_op_by_id(c->op)->name, shape, out->name ? " " : "",
             out->name ? out->name : "", (int)exec->plan->call_node[call]);
    return orr_device_failed(exec->device, status, what, own, err);
}

orr_status orr_exec_run_program(struct orr_exec *exec, size_t program, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    if (program >= exec->plan->n_programs)
        return orr_fail(err, ORR_EINVAL, "program %zu of %zu", program, exec->plan->n_programs);
    const struct orr_plan_program *p = &exec->plan->program[program];
    if (exec->program) {
        if (!exec->program[program]) return ORR_OK;
        const orr_status status = exec->device->ops->execute(exec->device->handle, exec->program[program], &own);
        return status == ORR_OK ? ORR_OK : orr_device_failed(exec->device, status, p->name, &own, err);
    }
    for (size_t i = p->first; i < p->first + p->count; ++i) {
        const orr_status status = exec->device->ops->run(exec->device->handle, &exec->call[i], &own);
        if (status != ORR_OK) return run_failed(exec, i, status, &own, err);
    }
    return ORR_OK;
}

orr_status orr_exec_run(struct orr_exec *exec, struct orr_error *err)
{
    for (size_t p = 0; p < exec->plan->n_programs; ++p)
        ORR_TRY(orr_exec_run_program(exec, p, err));
    return ORR_OK;
}

orr_status orr_exec_finish(struct orr_exec *exec, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    const orr_status status = exec->device->ops->finish(exec->device->handle, &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(exec->device, status, "waiting", &own, err);
}

orr_status orr_exec_elapsed(struct orr_exec *exec, size_t program, double *seconds, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    if (program >= exec->plan->n_programs)
        return orr_fail(err, ORR_EINVAL, "program %zu of %zu", program, exec->plan->n_programs);
    if (!orr_device_keeps_time(exec->device))
        return orr_fail(err, ORR_EUNSUPPORTED, "%s keeps no time", exec->device->plugin->name);
    if (!exec->program[program]) return ORR_OK;
    const orr_status status = exec->device->ops->elapsed(exec->device->handle, exec->program[program], seconds, &own);
    return status == ORR_OK ? ORR_OK : orr_device_failed(exec->device, status, "reading its clock", &own, err);
}

orr_status orr_exec_describe(struct orr_exec *exec, size_t program, char *text, size_t size, struct orr_error *err)
{
    struct orr_error own = {.code = ORR_OK};
    if (program >= exec->plan->n_programs)
        return orr_fail(err, ORR_EINVAL, "program %zu of %zu", program, exec->plan->n_programs);
    if (size) text[0] = '\0';
    if (!exec->program || !exec->program[program] || !ORR_HAS(exec->device->ops, describe)) return ORR_OK;
    const orr_status status =
        exec->device->ops->describe(exec->device->handle, exec->program[program], text, size, &own);
    if (size) text[size - 1] = '\0';
    return status == ORR_OK ? ORR_OK : orr_device_failed(exec->device, status, "describing a program", &own, err);
}

const struct orr_plan *orr_exec_plan(const struct orr_exec *exec) { return exec->plan; }

/* --- finding what is not finite -------------------------------------------------------------- */

static orr_status scan_value(struct orr_exec *exec, orr_handle v, bool *bad, int64_t *where, double *number,
                             struct orr_error *err)
{
    struct range r;
    *bad = false;
    ORR_TRY(locate(exec, v, &r, err));
    const int64_t count = orr_shape_count(&r.value->shape);
    const bool wide = r.value->shape.dtype == ORR_F64;
    if (!wide && r.value->shape.dtype != ORR_F32) return ORR_OK;
    ORR_TRY(stage(exec, r.bytes, err));
    ORR_TRY(read_range(exec, &r, exec->staging, err));
    for (int64_t i = 0; i < count && !*bad; ++i) {
        *number = wide ? exec->staging[i] : (double)((const float *)exec->staging)[i];
        *bad = !isfinite(*number);
        *where = i;
    }
    return ORR_OK;
}

static bool is_written(const struct orr_graph *g, orr_handle v)
{
    for (size_t i = 0; i < g->n_values; ++i)
        if (g->value[i].storage == g->value[v].storage && g->value[i].node != ORR_NONE &&
            g->node[g->value[i].node].op != ORR_NODE_VIEW)
            return true;
    return false;
}

/* Values that depend on no input: what a mask is made of. */
static bool *find_constants(const struct orr_graph *g)
{
    bool *constant = orr_memory_array(g->n_values, sizeof(*constant));
    if (!constant) return NULL;
    for (size_t i = 0; i < g->n_nodes; ++i) {
        const struct orr_graph_node *node = &g->node[i];
        bool all = true;
        for (uint32_t k = 0; k < node->n_in; ++k)
            all = all && constant[node->in[k]];
        for (uint32_t k = 0; k < node->n_out; ++k)
            constant[node->out[k]] = all;
    }
    return constant;
}

/* The mask of attention is made of minus infinities on purpose, and so is what it is added to. */
static orr_status is_masked(struct orr_exec *exec, const bool *constant, orr_handle v, bool *masked,
                            struct orr_error *err)
{
    const struct orr_graph *g = exec->plan->graph;
    *masked = constant[v];
    if (g->value[v].node == ORR_NONE || g->node[g->value[v].node].op != ORR_OP_ADD) return ORR_OK;
    const struct orr_graph_node *node = &g->node[g->value[v].node];
    for (uint32_t k = 0; k < node->n_in && !*masked; ++k) {
        int64_t where;
        double number;
        if (constant[node->in[k]]) ORR_TRY(scan_value(exec, node->in[k], masked, &where, &number, err));
    }
    return ORR_OK;
}

static void describe_value(const struct orr_graph *g, orr_handle v, double number, int64_t where, char *text,
                           size_t size)
{
    const struct orr_graph_value *value = &g->value[v];
    char shape[96], name[160];
    orr_shape_print(&value->shape, shape, sizeof(shape));
    if (value->name)
        snprintf(name, sizeof(name), "%s", value->name);
    else
        snprintf(name, sizeof(name), "%%%d", (int)v);
    snprintf(text, size, "%s (%s %s) holds %g at element %lld", name,
             value->node == ORR_NONE ? "input" : orr_op_by_id(g->node[value->node].op)->name, shape, number,
             (long long)where);
}

static orr_status find_first(struct orr_exec *exec, const bool *constant, orr_handle *found, char *text, size_t size,
                             struct orr_error *err)
{
    const struct orr_graph *g = exec->plan->graph;
    for (size_t i = 0; i < g->n_values; ++i) {
        const orr_handle v = (orr_handle)i;
        const int32_t node = g->value[v].node;
        double number = 0.0;
        int64_t where = 0;
        bool bad = false, masked = false;
        if (node == ORR_NONE ? is_written(g, v) : g->node[node].op == ORR_NODE_VIEW) continue;
        ORR_TRY(scan_value(exec, v, &bad, &where, &number, err));
        if (bad && isinf(number) && number < 0) ORR_TRY(is_masked(exec, constant, v, &masked, err));
        if (!bad || masked) continue;
        describe_value(g, v, number, where, text, size);
        *found = v;
        return ORR_OK;
    }
    return ORR_OK;
}

orr_status orr_exec_find_not_finite(struct orr_exec *exec, orr_handle *found, char *text, size_t size,
                                    struct orr_error *err)
{
    *found = ORR_NONE;
    if (size) text[0] = '\0';
    if (!exec->keep_all) return orr_fail(err, ORR_EINVAL, "this executor does not keep all values: set keep_all");
    bool *constant = find_constants(exec->plan->graph);
    const orr_status status = constant ? find_first(exec, constant, found, text, size, err)
                                       : orr_memory_out(err, "a scan", exec->plan->graph->n_values);
    orr_memory_free(constant);
    return status;
}
