/* The table of cases and their inputs from Philox, and the two-layer model. */
#include "op_cases.h"

#include "base/memory.h"
#include "graph/optable.h"
#include "model/transformer.h"
#include "orrery/random.h"

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define REAL(rank, ...)           {INPUT_REAL, rank, {__VA_ARGS__}, 0}
#define POSITIVE(rank, ...)       {INPUT_POSITIVE, rank, {__VA_ARGS__}, 0}
#define MASKED(rank, ...)         {INPUT_MASKED, rank, {__VA_ARGS__}, 0}
#define INDEX(below, rank, ...)   {INPUT_INDEX, rank, {__VA_ARGS__}, below}
#define STEP()                    {INPUT_STEP, 0, {0}, 0}
#define I(...)                    .attr.i = {__VA_ARGS__}
#define F(...)                    .attr.f = {__VA_ARGS__}
#define WANTED(type, r, ...)      .wanted = {.dtype = type, .rank = r, .dim = {__VA_ARGS__}}

/* WANTED's type 0 stands for the graph's reals. */
const struct op_case op_cases[] = {
    {.op = ORR_OP_FILL, .in = {{0}}, F(1.5), WANTED(0, 2, 3, 4)},
    {.op = ORR_OP_COPY, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_NEG, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_EXP, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_LOG, .in = {POSITIVE(2, 3, 5)}},
    {.op = ORR_OP_SQRT, .in = {POSITIVE(2, 3, 5)}},
    {.op = ORR_OP_TANH, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_ERF, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_ADD, .in = {REAL(2, 3, 5), REAL(2, 3, 5)}},
    {.op = ORR_OP_SUB, .in = {REAL(2, 3, 5), REAL(2, 3, 5)}},
    {.op = ORR_OP_MUL, .in = {REAL(2, 3, 5), REAL(2, 3, 5)}},
    {.op = ORR_OP_DIV, .in = {REAL(2, 3, 5), POSITIVE(2, 3, 5)}},
    {.op = ORR_OP_MAXIMUM, .in = {REAL(2, 3, 5), REAL(2, 3, 5)}},
    {.op = ORR_OP_STEP, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_SUM, .in = {REAL(3, 2, 3, 5)}, I(0)},
    {.op = ORR_OP_SUM, .in = {REAL(3, 2, 3, 5)}, I(1)},
    {.op = ORR_OP_SUM, .in = {REAL(3, 2, 3, 5)}, I(2)},
    {.op = ORR_OP_MAX, .in = {REAL(3, 2, 3, 5)}, I(1)},
    {.op = ORR_OP_MAX, .in = {REAL(2, 3, 7)}, I(1)},
    {.op = ORR_OP_BROADCAST, .in = {REAL(3, 1, 3, 1)}, WANTED(0, 3, 4, 3, 5)},
    {.op = ORR_OP_PERMUTE, .in = {REAL(4, 2, 3, 4, 5)}, I(2, 0, 3, 1)},
    {.op = ORR_OP_SLICE, .in = {REAL(2, 6, 5)}, I(0, 2), WANTED(0, 2, 3, 5)},
    {.op = ORR_OP_SLICE, .in = {REAL(3, 2, 3, 7)}, I(2, 1), WANTED(0, 3, 2, 3, 4)},
    {.op = ORR_OP_PAD, .in = {REAL(2, 3, 5)}, I(1, 2), WANTED(0, 2, 3, 9)},
    {.op = ORR_OP_CAST, .in = {REAL(2, 3, 5)}, WANTED(0, 2, 3, 5)},
    {.op = ORR_OP_MATMUL, .in = {REAL(2, 3, 4), REAL(2, 4, 5)}, I(0, 0)},
    {.op = ORR_OP_MATMUL, .in = {REAL(2, 4, 3), REAL(2, 4, 5)}, I(1, 0)},
    {.op = ORR_OP_MATMUL, .in = {REAL(2, 3, 4), REAL(2, 5, 4)}, I(0, 1)},
    {.op = ORR_OP_MATMUL, .in = {REAL(2, 4, 3), REAL(2, 5, 4)}, I(1, 1)},
    {.op = ORR_OP_MATMUL, .in = {REAL(4, 2, 2, 3, 4), REAL(4, 2, 2, 5, 4)}, I(0, 1)},
    {.op = ORR_OP_MATMUL, .in = {REAL(3, 2, 4, 3), REAL(3, 2, 4, 5)}, I(1, 0)},
    {.op = ORR_OP_GATHER, .in = {REAL(2, 7, 3), INDEX(7, 2, 2, 4)}, I(0)},
    {.op = ORR_OP_GATHER, .in = {REAL(2, 7, 3), INDEX(5, 1, 4)}, I(3)},
    {.op = ORR_OP_SCATTER_ADD, .in = {REAL(2, 7, 3), INDEX(7, 1, 5), REAL(2, 5, 3)}, I(0)},
    {.op = ORR_OP_SCATTER_ADD, .in = {REAL(2, 7, 3), INDEX(6, 1, 4), REAL(3, 4, 2, 3)}, I(2)},
    {.op = ORR_OP_ONE_HOT, .in = {INDEX(5, 1, 6)}, I(5)},
    {.op = ORR_OP_RANDOM_INT, .in = {STEP()}, I(77, 3, 1000), WANTED(ORR_I32, 1, 9)},
    {.op = ORR_OP_RANDOM_NORMAL, .in = {STEP()}, I(77, 4), F(0.5), WANTED(0, 2, 3, 5)},
    {.op = ORR_OP_PUT, .in = {REAL(2, 4, 3), STEP(), REAL(1, 3)}},
    {.op = ORR_OP_AFFINE, .in = {REAL(2, 3, 5)}, F(1.75, -0.5)},
    {.op = ORR_OP_GELU, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_SILU, .in = {REAL(2, 3, 5)}},
    {.op = ORR_OP_SOFTMAX, .in = {REAL(3, 2, 3, 5)}},
    {.op = ORR_OP_LOG_SOFTMAX, .in = {REAL(3, 2, 3, 5)}},
    {.op = ORR_OP_LAYERNORM, .in = {REAL(3, 2, 3, 8), REAL(1, 8), REAL(1, 8)}, F(1e-5)},
    {.op = ORR_OP_LAYERNORM, .in = {REAL(1, 8), REAL(1, 8), REAL(1, 8)}, F(1e-5)},
    {.op = ORR_OP_RMSNORM, .in = {REAL(3, 2, 3, 8), REAL(1, 8)}, F(1e-5)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 2, 7, 12)}, I(1, 0, 2), F(0.7)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 2, 7, 12)}, I(1, 3, 1), F(0.7)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 2, 7, 12)}, I(0, 3, 2), F(0.7)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 2, 7, 12)}, I(0, 0, 4), F(0.7)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 3, 1, 6)}, I(1, 1, 1), F(0.7)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 1, 5, 6)}, I(1, 9, 1), F(0.7)},
    {.op = ORR_OP_MSE, .in = {REAL(2, 3, 5), REAL(2, 3, 5)}},
    {.op = ORR_OP_XENT, .in = {REAL(3, 2, 3, 5), INDEX(5, 2, 2, 3)}},
    {.op = ORR_OP_LINEAR, .in = {REAL(3, 2, 3, 4), REAL(2, 4, 6), REAL(1, 6)}},
    {.op = ORR_OP_LINEAR, .in = {REAL(1, 4), REAL(2, 4, 6), REAL(1, 6)}},
    {.op = ORR_OP_ADAMW, .in = {REAL(1, 9), REAL(1, 9), POSITIVE(1, 9), REAL(1, 9), POSITIVE(1, 4)}, F(0.9, 0.999, 1e-8, 0.1)},
    /* A class that is masked out. */
    {.op = ORR_OP_SOFTMAX, .in = {MASKED(2, 3, 5)}},
    {.op = ORR_OP_XENT, .in = {MASKED(3, 2, 3, 5), INDEX(4, 2, 2, 3)}},
    /* Nothing at all along one axis. */
    {.op = ORR_OP_ADD, .in = {REAL(2, 0, 5), REAL(2, 0, 5)}},
    {.op = ORR_OP_SUM, .in = {REAL(2, 3, 0)}, I(1)},
    {.op = ORR_OP_BROADCAST, .in = {REAL(2, 1, 0)}, WANTED(0, 2, 4, 0)},
    {.op = ORR_OP_PAD, .in = {REAL(2, 3, 0)}, I(1, 2), WANTED(0, 2, 3, 4)},
    {.op = ORR_OP_MATMUL, .in = {REAL(2, 3, 0), REAL(2, 0, 5)}, I(0, 0)},
    {.op = ORR_OP_GATHER, .in = {REAL(2, 7, 3), INDEX(7, 1, 0)}, I(0)},
    {.op = ORR_OP_SCATTER_ADD, .in = {REAL(2, 7, 3), INDEX(7, 1, 0), REAL(2, 0, 3)}, I(0)},
    {.op = ORR_OP_GELU, .in = {REAL(1, 0)}},
    {.op = ORR_OP_SILU, .in = {REAL(1, 0)}},
    {.op = ORR_OP_SOFTMAX, .in = {REAL(2, 3, 0)}},
    {.op = ORR_OP_SOFTMAX, .in = {REAL(2, 0, 3)}},
    {.op = ORR_OP_LOG_SOFTMAX, .in = {REAL(2, 3, 0)}},
    {.op = ORR_OP_LAYERNORM, .in = {REAL(2, 0, 8), REAL(1, 8), REAL(1, 8)}, F(1e-5)},
    {.op = ORR_OP_RMSNORM, .in = {REAL(2, 0, 8), REAL(1, 8)}, F(1e-5)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 2, 0, 6)}, I(1, 0, 2), F(0.7)},
    {.op = ORR_OP_ATTENTION, .in = {REAL(3, 0, 3, 6)}, I(0, 2, 1), F(0.7)},
    {.op = ORR_OP_MSE, .in = {REAL(2, 0, 5), REAL(2, 0, 5)}},
    {.op = ORR_OP_XENT, .in = {REAL(2, 0, 5), INDEX(5, 1, 0)}},
    {.op = ORR_OP_LINEAR, .in = {REAL(2, 0, 4), REAL(2, 4, 6), REAL(1, 6)}},
    {.op = ORR_OP_LINEAR, .in = {REAL(2, 3, 0), REAL(2, 0, 6), REAL(1, 6)}},
    {.op = ORR_OP_ADAMW, .in = {REAL(1, 0), REAL(1, 0), POSITIVE(1, 0), REAL(1, 0), POSITIVE(1, 4)}, F(0.9, 0.999, 1e-8, 0.1)},
};
/* clang-format on */
const size_t n_op_cases = sizeof(op_cases) / sizeof(op_cases[0]);

static void draw(const struct op_input *in, uint32_t stream, size_t count, double *real, int32_t *index)
{
    for (size_t e = 0; e < count; ++e) {
        uint32_t word[4];
        orr_random_block(20260101, stream, 0, (uint32_t)e, word);
        if (in->kind == INPUT_REAL || in->kind == INPUT_MASKED) real[e] = (double)orr_random_normal(word[0]);
        if (in->kind == INPUT_MASKED && (e + 1) % (size_t)in->dim[in->rank - 1] == 0) real[e] = -HUGE_VAL;
        if (in->kind == INPUT_POSITIVE) real[e] = (double)(float)(0.5 + 1.5 * (double)word[0] / 4294967296.0);
        if (in->kind == INPUT_INDEX) index[e] = e == 1 ? -1 : (int32_t)orr_random_below(word[0], (uint32_t)in->below);
        if (in->kind == INPUT_STEP) index[e] = 6;
    }
}

static void add_input(struct op_run *r, const struct op_input *in, uint32_t k, uint32_t stream)
{
    const bool real = in->kind != INPUT_INDEX && in->kind != INPUT_STEP;
    r->in[k] = orr_graph_input(r->g, NULL, real ? r->g->real : ORR_I32, in->rank, in->dim);
    const size_t count = (size_t)orr_shape_count(orr_shape_of(r->g, r->in[k]));
    r->input[k] = real ? orr_memory_array(count, sizeof(double)) : NULL;
    r->index[k] = real ? NULL : orr_memory_array(count, sizeof(int32_t));
    assert_true(r->input[k] || r->index[k]);
    draw(in, stream, count, r->input[k], r->index[k]);
}

/* sum(weight * out[0]) as one number; out[0] must be real. */
static void add_loss(struct op_run *r, uint32_t stream)
{
    const struct orr_shape shape = *orr_shape_of(r->g, r->out[0]);
    const struct op_input like = {.kind = INPUT_REAL};
    const int64_t flat[2] = {1, orr_shape_count(&shape)};
    r->loss = r->weight = ORR_NONE;
    if (shape.dtype != r->g->real) return;
    r->weight = orr_graph_input(r->g, NULL, shape.dtype, shape.rank, shape.dim);
    const orr_handle product = orr_reshape(r->g, orr_mul(r->g, r->out[0], r->weight), 2, flat);
    r->loss = orr_reshape(r->g, orr_sum(r->g, product, 1), 0, NULL);
    r->weights = orr_memory_array((size_t)flat[1], sizeof(double));
    assert_non_null(r->weights);
    draw(&like, stream, (size_t)flat[1], r->weights, NULL);
}

void op_run_build(struct op_run *r, size_t i, uint32_t real)
{
    const struct op_case *c = &op_cases[i];
    const struct orr_op_info *op = orr_op_by_id(c->op);
    struct orr_error err = {.code = ORR_OK};
    struct orr_shape wanted = c->wanted;
    memset(r, 0, sizeof(*r));
    assert_int_equal(orr_graph_create(real, &r->g, &err), ORR_OK);
    for (r->n_in = 0; r->n_in < op->n_in; ++r->n_in)
        add_input(r, &c->in[r->n_in], r->n_in, (uint32_t)(i * 8 + r->n_in));
    const bool has_wanted = wanted.rank || wanted.dtype;
    if (has_wanted && !wanted.dtype) wanted.dtype = real;
    orr_graph_apply(r->g, c->op, r->in, r->n_in, &c->attr, has_wanted ? &wanted : NULL, 0, r->out);
    r->n_out = op->n_out;
    if (orr_graph_status(r->g, &err) != ORR_OK) fail_msg("case %zu (%s): %s", i, op->name, err.text);
    add_loss(r, (uint32_t)(i * 8 + 7));
    if (orr_graph_verify(r->g, &err) != ORR_OK) fail_msg("case %zu (%s): %s", i, op->name, err.text);
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

bool op_case_is_empty(size_t i)
{
    for (size_t k = 0; k < ORR_IN_MAX; ++k)
        for (uint32_t axis = 0; axis < op_cases[i].in[k].rank; ++axis)
            if (op_cases[i].in[k].dim[axis] == 0) return true;
    return false;
}

static void draw_model(struct model_run *r)
{
    const struct op_input normal = {.kind = INPUT_REAL};
    const size_t count = (size_t)r->p.elements;
    r->values = orr_memory_array(count, sizeof(*r->values));
    assert_non_null(r->values);
    draw(&normal, 1001, MODEL_DATA, r->data[0], NULL);
    draw(&normal, 1002, MODEL_DATA, r->data[1], NULL);
    draw(&normal, 1003, count, r->values, NULL);
    for (size_t e = 0; e < count; ++e)
        r->values[e] = (double)(float)(0.3 * r->values[e]);
}

void model_run_build(struct model_run *r, uint32_t real, bool open_attention)
{
    const struct orr_transformer sizes = {
        .n_layer = 2, .n_head = 2, .n_embd = 8, .block_size = 6, .n_input = 2, .n_output = 2, .window = 4};
    const int64_t shape[3] = {3, 5, 2};
    struct orr_error err = {.code = ORR_OK};
    orr_handle view[MODEL_PARAMETERS];
    memset(r, 0, sizeof(*r));
    assert_int_equal(orr_transformer_parameters(&sizes, &r->p, &err), ORR_OK);
    assert_int_equal(orr_parameters_arrange(&r->p, NULL, 0, &err), ORR_OK);
    assert_in_range(r->p.count, 1, MODEL_PARAMETERS);
    assert_int_equal(orr_graph_create(real, &r->g, &err), ORR_OK);
    r->x = orr_graph_input(r->g, "x", real, 3, shape);
    r->y = orr_graph_input(r->g, "y", real, 3, shape);
    r->block = orr_graph_input(r->g, "parameters", real, 1, &r->p.elements);
    r->block_grad = orr_graph_input(r->g, "gradients", real, 1, &r->p.elements);
    orr_graph_set_batch(r->g, r->x, 3);
    orr_parameters_views(r->g, &r->p, r->block, view);
    r->loss = orr_mse(r->g, orr_transformer_forward(r->g, &sizes, &r->p, view, r->x, open_attention), r->y);
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
