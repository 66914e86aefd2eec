/* Small cases of core/conform as graphs, and the two-layer model. */
#include "op_cases.h"

#include "base/memory.h"
#include "graph/optable.h"
#include "model/model.h"
#include "orrery/random.h"

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 20260101, MOST_ELEMENTS = 168 };

static bool is_suitable(const struct orr_case *c)
{
    int64_t most = 0;
    for (uint32_t k = 0; k < c->n_in; ++k) {
        const int64_t count = orr_shape_count(&c->in[k].shape);
        most = count > most ? count : most;
        if (c->in[k].kind == ORR_INPUT_DERIVED) return false;
    }
    for (uint32_t k = 0; k < c->n_out; ++k)
        most = orr_shape_count(&c->out[k]) > most ? orr_shape_count(&c->out[k]) : most;
    return most <= MOST_ELEMENTS && (c->values == ORR_VALUES_UNIT || c->values == ORR_VALUES_MASKED);
}

bool op_case_next(struct orr_case *c)
{
    struct orr_error err = {.code = ORR_OK};
    uint32_t op = c->op, number = op ? c->number + 1 : 0;
    for (; op < ORR_OP_COUNT_; ++op, number = 0)
        for (; number < orr_case_count(op); ++number) {
            if (orr_case_get(op, number, c, &err) != ORR_OK) fail_msg("%s", err.text);
            if (is_suitable(c)) return true;
        }
    return false;
}

static void draw_normal(uint32_t stream, size_t count, double *real)
{
    for (size_t e = 0; e < count; ++e) {
        uint32_t word[4];
        orr_random_block(SEED, stream, 0, (uint32_t)e, word);
        real[e] = (double)orr_random_normal(word[0]);
    }
}

static void add_input(struct op_run *r, const struct orr_case *c, uint32_t k)
{
    const struct orr_shape *shape = &c->in[k].shape;
    const size_t count = (size_t)orr_shape_count(shape);
    const bool real = !shape->dtype;
    r->in[k] = orr_graph_input(r->g, NULL, real ? r->g->real : shape->dtype, shape->rank, shape->dim);
    r->input[k] = real ? orr_memory_array(count, sizeof(double)) : NULL;
    r->index[k] = real ? NULL : orr_memory_array(count, sizeof(int32_t));
    assert_true(r->input[k] || r->index[k]);
    orr_case_fill(c, k, SEED, r->input[k], r->index[k]);
}

/* sum(weight * out[0]) as one number; out[0] must be real. */
static void add_loss(struct op_run *r)
{
    const struct orr_shape shape = *orr_shape_of(r->g, r->out[0]);
    const int64_t flat[2] = {1, orr_shape_count(&shape)};
    r->loss = r->weight = ORR_NONE;
    if (shape.dtype != r->g->real) return;
    r->weight = orr_graph_input(r->g, NULL, shape.dtype, shape.rank, shape.dim);
    const orr_handle product = orr_reshape(r->g, orr_mul(r->g, r->out[0], r->weight), 2, flat);
    r->loss = orr_reshape(r->g, orr_sum(r->g, product, 1), 0, NULL);
    r->weights = orr_memory_array((size_t)flat[1], sizeof(double));
    assert_non_null(r->weights);
    draw_normal(1000, (size_t)flat[1], r->weights);
}

void op_run_build(struct op_run *r, const struct orr_case *c, uint32_t real)
{
    const struct orr_op_info *op = orr_op_by_id(c->op);
    struct orr_error err = {.code = ORR_OK};
    struct orr_shape wanted = c->wanted;
    memset(r, 0, sizeof(*r));
    assert_int_equal(orr_graph_create(real, &r->g, &err), ORR_OK);
    for (r->n_in = 0; r->n_in < c->n_in; ++r->n_in)
        add_input(r, c, r->n_in);
    const bool has_wanted = wanted.rank || wanted.dtype;
    if (has_wanted && !wanted.dtype) wanted.dtype = real;
    orr_graph_apply(r->g, c->op, r->in, r->n_in, &c->attr, has_wanted ? &wanted : NULL, 0, r->out);
    r->n_out = c->n_out;
    if (orr_graph_status(r->g, &err) != ORR_OK) fail_msg("%s case %u: %s", op->name, c->number, err.text);
    add_loss(r);
    if (orr_graph_verify(r->g, &err) != ORR_OK) fail_msg("%s case %u: %s", op->name, c->number, err.text);
}

void op_run_write(const struct op_run *r, struct orr_exec *exec)
{
    struct orr_error err = {.code = ORR_OK};
    for (uint32_t k = 0; k < r->n_in; ++k) {
        const struct orr_shape *shape = orr_shape_of(r->g, r->in[k]);
        const orr_status status =
            r->input[k] ? orr_exec_write_real(exec, r->in[k], r->input[k], (size_t)orr_shape_count(shape), &err)
                        : orr_exec_write(exec, r->in[k], r->index[k], orr_shape_bytes(shape), &err);
        if (status != ORR_OK) fail_msg("%s", err.text);
    }
    if (r->weight != ORR_NONE &&
        orr_exec_write_real(exec, r->weight, r->weights, (size_t)orr_shape_count(orr_shape_of(r->g, r->weight)),
                            &err) != ORR_OK)
        fail_msg("%s", err.text);
}

void op_run_free(struct op_run *r)
{
    for (uint32_t k = 0; k < r->n_in; ++k) {
        orr_memory_free(r->input[k]);
        orr_memory_free(r->index[k]);
    }
    orr_memory_free(r->weights);
    orr_graph_destroy(r->g);
}

static void draw_model(struct model_run *r)
{
    const size_t count = (size_t)r->p.elements;
    r->values = orr_memory_array(count, sizeof(*r->values));
    assert_non_null(r->values);
    draw_normal(1001, MODEL_DATA, r->data[0]);
    draw_normal(1002, MODEL_DATA, r->data[1]);
    draw_normal(1003, count, r->values);
    for (size_t e = 0; e < count; ++e)
        r->values[e] = (double)(float)(0.3 * r->values[e]);
}

void model_run_build(struct model_run *r, uint32_t real, bool open_attention)
{
    const struct orr_model sizes = {
        .n_layer = 2, .n_head = 2, .n_embd = 8, .block_size = 6, .n_input = 2, .n_output = 2, .window = 4};
    const int64_t shape[3] = {3, 5, 2};
    struct orr_error err = {.code = ORR_OK};
    orr_handle view[MODEL_PARAMETERS];
    memset(r, 0, sizeof(*r));
    assert_int_equal(orr_model_parameters(&sizes, &r->p, &err), ORR_OK);
    assert_int_equal(orr_parameters_arrange(&r->p, NULL, 0, &err), ORR_OK);
    assert_in_range(r->p.count, 1, MODEL_PARAMETERS);
    assert_int_equal(orr_graph_create(real, &r->g, &err), ORR_OK);
    r->x = orr_graph_input(r->g, "x", real, 3, shape);
    r->y = orr_graph_input(r->g, "y", real, 3, shape);
    r->block = orr_graph_input(r->g, "parameters", real, 1, &r->p.elements);
    r->block_grad = orr_graph_input(r->g, "gradients", real, 1, &r->p.elements);
    orr_graph_set_batch(r->g, r->x, 3);
    orr_parameters_views(r->g, &r->p, r->block, view);
    r->loss = orr_mse(r->g, orr_model_forward(r->g, &sizes, &r->p, view, r->x, open_attention), r->y);
    orr_graph_keep(r->g, r->loss);
    orr_graph_gradient(r->g, r->loss, view, r->p.count, r->grad);
    for (size_t i = 0; i < r->p.count; ++i) {
        const struct orr_parameter *item = &r->p.item[i];
        const orr_handle place = orr_graph_view(r->g, r->block_grad, item->first, item->rank, item->dim);
        r->grad[i] = orr_graph_place(r->g, r->grad[i], place);
    }
    if (orr_graph_verify(r->g, &err) != ORR_OK) fail_msg("%s", err.text);
    draw_model(r);
}

void model_run_write(const struct model_run *r, struct orr_exec *exec)
{
    struct orr_error err = {.code = ORR_OK};
    if (orr_exec_write_real(exec, r->x, r->data[0], MODEL_DATA, &err) != ORR_OK ||
        orr_exec_write_real(exec, r->y, r->data[1], MODEL_DATA, &err) != ORR_OK ||
        orr_exec_write_real(exec, r->block, r->values, (size_t)r->p.elements, &err) != ORR_OK)
        fail_msg("%s", err.text);
}

void model_run_free(struct model_run *r)
{
    orr_memory_free(r->values);
    orr_parameters_fini(&r->p);
    orr_graph_destroy(r->g);
}

struct orr_open_device *op_device_open(struct orr_loader **loader)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_open_device *device = NULL;
    const char *name = getenv("ORRERY_TEST_DEVICE");
    if (orr_loader_create(loader, &err) != ORR_OK ||
        orr_device_open(*loader, name ? name : "reference", &device, &err) != ORR_OK)
        fail_msg("%s", err.text);
    return device;
}

static bool primitives_only(struct orr_device *device, const struct orr_call *call)
{
    (void)device;
    return !orr_op_by_id(call->op)->composite;
}

void op_device_refuse_composites(struct orr_open_device *device)
{
    static struct orr_backend_ops ops;
    memset(&ops, 0, sizeof(ops));
    memcpy(&ops, device->ops, device->ops->size < sizeof(ops) ? device->ops->size : sizeof(ops));
    ops.supports = primitives_only;
    device->ops = &ops;
}
