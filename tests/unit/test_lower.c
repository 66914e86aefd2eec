/* Composites against their lowerings: outputs and gradients in double, outputs in single, a whole model, updates in
 * place; and what is said of a device that lacks primitives. */
#include "base/memory.h"
#include "graph/optable.h"
#include "op_cases.h"
#include "plan/plan.h"

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* Both compute the same formula in double: some tens of roundings of 2^-53 on sums of about a hundred terms, each of
 * about 1, also where the result is much smaller. */
#define TOLERANCE 1e-12

struct results {
    double *value[ORR_OUT_MAX + ORR_IN_MAX];
    size_t count[ORR_OUT_MAX + ORR_IN_MAX], n;
    size_t n_lowered;
    bool used[256];
};

/* Outputs, then gradients with respect to the real inputs where there are any. */
static void compute(const struct orr_case *c, uint32_t real, struct orr_open_device *device, struct results *out)
{
    struct op_run r;
    struct orr_exec *exec;
    struct orr_error err = {.code = ORR_OK};
    orr_handle wanted[ORR_OUT_MAX + ORR_IN_MAX], wrt[ORR_IN_MAX], grad[ORR_IN_MAX];
    uint32_t n_wrt = 0;
    memset(out, 0, sizeof(*out));
    op_run_build(&r, c, real);
    for (uint32_t k = 0; k < r.n_out; ++k)
        if (orr_shape_of(r.g, r.out[k])->dtype == real) wanted[out->n++] = r.out[k];
    for (uint32_t k = 0; k < r.n_in; ++k)
        if (r.input[k]) wrt[n_wrt++] = r.in[k];
    if (orr_op_is_differentiable(orr_op_by_id(c->op)) && r.loss != ORR_NONE) {
        orr_graph_gradient(r.g, r.loss, wrt, n_wrt, grad);
        for (uint32_t k = 0; k < n_wrt; ++k)
            wanted[out->n++] = grad[k];
    }
    for (size_t k = 0; k < out->n; ++k)
        orr_graph_keep(r.g, wanted[k]);
    for (size_t k = 0; k < r.g->n_nodes; ++k)
        out->used[r.g->node[k].op] = true;
    if (orr_exec_create(r.g, device, NULL, &exec, &err) != ORR_OK)
        fail_msg("%s case %u: %s", orr_op_by_id(c->op)->name, c->number, err.text);
    out->n_lowered = orr_exec_plan(exec)->n_lowered;
    op_run_write(&r, exec);
    if (orr_exec_run(exec, &err) != ORR_OK) fail_msg("%s", err.text);
    for (size_t k = 0; k < out->n; ++k) {
        out->count[k] = (size_t)orr_shape_count(orr_shape_of(r.g, wanted[k]));
        out->value[k] = orr_memory_array(out->count[k], sizeof(double));
        assert_non_null(out->value[k]);
        assert_int_equal(orr_exec_read_real(exec, wanted[k], out->value[k], out->count[k], &err), ORR_OK);
    }
    orr_exec_destroy(exec);
    op_run_free(&r);
}

static void release(struct results *r)
{
    for (size_t k = 0; k < r->n; ++k)
        orr_memory_free(r->value[k]);
}

static double relative(const double *a, const double *b, size_t n)
{
    double difference = 0.0, norm = 0.0;
    for (size_t e = 0; e < n; ++e) {
        difference += (a[e] - b[e]) * (a[e] - b[e]);
        norm += b[e] * b[e];
    }
    return sqrt(difference / norm);
}

static void compare_value(const struct orr_case *c, size_t k, const double *lowered, const double *native, size_t count)
{
    double difference = 0.0, norm = 0.0;
    for (size_t e = 0; e < count; ++e) {
        if (!isfinite(native[e])) {
            /* A constant that is no number, or infinite, stays what it is. */
            if (isnan(native[e]) ? !isnan(lowered[e]) : lowered[e] != native[e])
                fail_msg("%s case %u, value %zu: %g, expected %g", orr_op_by_id(c->op)->name, c->number, k, lowered[e],
                         native[e]);
            continue;
        }
        difference = hypot(difference, lowered[e] - native[e]);
        norm = hypot(norm, native[e]);
    }
    const double allowed = TOLERANCE * (norm + sqrt((double)count));
    if (!(difference <= allowed))
        fail_msg("%s case %u, value %zu: %.3g from the native one, allowed %.3g", orr_op_by_id(c->op)->name, c->number,
                 k, difference, allowed);
}

/* Two devices: one whole, one that has primitives only. */
struct devices {
    struct orr_loader *loader;
    struct orr_open_device *whole, *primitive;
};

static void open_devices(struct devices *d)
{
    struct orr_error err = {.code = ORR_OK};
    d->whole = op_device_open(&d->loader);
    assert_int_equal(orr_device_open(d->loader, "reference", &d->primitive, &err), ORR_OK);
    op_device_refuse_composites(d->primitive);
}

static void close_devices(struct devices *d)
{
    orr_device_close(d->whole);
    orr_device_close(d->primitive);
    orr_loader_destroy(d->loader);
}

static void every_composite(void **state)
{
    (void)state;
    struct devices d;
    bool covered[256] = {false};
    size_t n_ops;
    const struct orr_op_info *ops = orr_op_list(&n_ops);
    open_devices(&d);
    struct orr_case c = {.op = 0};
    while (op_case_next(&c)) {
        struct results native, lowered;
        compute(&c, ORR_F64, d.whole, &native);
        compute(&c, ORR_F64, d.primitive, &lowered);
        if (orr_op_by_id(c.op)->composite) assert_true(lowered.n_lowered > 0);
        for (size_t k = 0; k < native.n; ++k)
            compare_value(&c, k, lowered.value[k], native.value[k], native.count[k]);
        for (size_t k = 0; k < n_ops; ++k)
            covered[ops[k].id] = covered[ops[k].id] || native.used[ops[k].id];
        release(&native);
        release(&lowered);
    }
    for (size_t k = 0; k < n_ops; ++k)
        if (!covered[ops[k].id]) fail_msg("%s appears in no small case of conform/cases.def", ops[k].name);
    close_devices(&d);
}

/* In f32 a lowering rounds after every primitive and subtracts numbers of the size of its inputs, here about 1, so it
 * keeps ops.def's tolerance as an absolute one: n units in the last place, or u times the terms, of numbers of size 1
 * or of the largest of the result. The reference's primitives, each rounded once, come to at most 0.2 of it. */
static double allowed_in_single(const struct orr_op_info *op, const double *truth, size_t count)
{
    double largest = 1.0;
    for (size_t e = 0; e < count; ++e)
        largest = fmax(largest, fabs(truth[e]));
    return (op->tolerance_kind == ORR_TOLERANCE_ABS ? op->tolerance : ldexp(op->tolerance, -24)) * largest;
}

static void every_composite_in_single(void **state)
{
    (void)state;
    struct devices d;
    open_devices(&d);
    struct orr_case c = {.op = 0};
    while (op_case_next(&c)) {
        const struct orr_op_info *op = orr_op_by_id(c.op);
        struct results truth, lowered;
        if (!op->composite) continue;
        compute(&c, ORR_F64, d.whole, &truth);
        compute(&c, ORR_F32, d.primitive, &lowered);
        for (size_t k = 0; k < op->n_out; ++k) {
            const double allowed = allowed_in_single(op, truth.value[k], truth.count[k]);
            for (size_t e = 0; e < truth.count[k]; ++e)
                if (!(fabs(lowered.value[k][e] - truth.value[k][e]) <= allowed))
                    fail_msg("%s case %u, output %zu [%zu]: %.9g, in double %.9g, allowed %.3g", op->name, c.number, k,
                             e, lowered.value[k][e], truth.value[k][e], allowed);
        }
        release(&truth);
        release(&lowered);
    }
    close_devices(&d);
}

enum { ROWS = 2, CLASSES = 3, MASKED_VALUES = 1 + ROWS * CLASSES };

/* The loss and its gradients where logits of the classes that are no targets are minus infinity. */
static void run_masked(struct orr_open_device *device, double *value)
{
    static const double logit[ROWS * CLASSES] = {-0.5, -HUGE_VAL, 1.25, 0.75, -HUGE_VAL, -HUGE_VAL};
    const int64_t dim[2] = {ROWS, CLASSES};
    const struct orr_attr first_class = {.f = {0.0}};
    const struct orr_shape targets = orr_shape_make(ORR_I32, 1, dim);
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g;
    struct orr_exec *exec;
    orr_handle grad;
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "logits", ORR_F64, 2, dim);
    const orr_handle target = orr_graph_apply(g, ORR_OP_FILL, NULL, 0, &first_class, &targets, 0, NULL);
    const orr_handle loss = orr_cross_entropy(g, x, target);
    orr_graph_gradient(g, loss, &x, 1, &grad);
    orr_graph_keep(g, loss);
    orr_graph_keep(g, grad);
    if (orr_exec_create(g, device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
    assert_int_equal(orr_exec_write_real(exec, x, logit, ROWS * CLASSES, &err), ORR_OK);
    assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
    assert_int_equal(orr_exec_read_real(exec, loss, value, 1, &err), ORR_OK);
    assert_int_equal(orr_exec_read_real(exec, grad, value + 1, ROWS * CLASSES, &err), ORR_OK);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
}

static void masked_classes(void **state)
{
    (void)state;
    struct devices d;
    double native[MASKED_VALUES], lowered[MASKED_VALUES];
    open_devices(&d);
    run_masked(d.whole, native);
    run_masked(d.primitive, lowered);
    for (int e = 0; e < MASKED_VALUES; ++e)
        if (!(fabs(lowered[e] - native[e]) <= TOLERANCE))
            fail_msg("value %d: %.17g, natively %.17g", e, lowered[e], native[e]);
    close_devices(&d);
}

static bool refuses_composites(void *context, const struct orr_call *call)
{
    (void)context;
    return !orr_op_by_id(call->op)->composite;
}

/* --- a whole model --------------------------------------------------------------------------- */

/* Every value keeps its place's size, its batch and its name. */
static void expect_same_values(const struct orr_graph *g, const struct orr_plan *plan)
{
    size_t n_names = 0;
    for (size_t v = 0; v < g->n_values; ++v) {
        const struct orr_graph_value *before = &g->value[v], *after = orr_graph_value(plan->graph, plan->map[v]);
        assert_non_null(after);
        assert_true(orr_shape_equal(&after->shape, &before->shape));
        if (after->shape.batch != before->shape.batch)
            fail_msg("%%%zu has batch %u, not %u", v, after->shape.batch, before->shape.batch);
        if (!before->name) continue;
        ++n_names;
        if (!after->name || strcmp(after->name, before->name) != 0)
            fail_msg("%%%zu is called %s, not %s", v, after->name ? after->name : "nothing", before->name);
    }
    assert_true(n_names > 20);
}

static void run_model(struct orr_open_device *device, struct model_run *r, double *gradient)
{
    struct orr_exec *exec;
    struct orr_error err = {.code = ORR_OK};
    if (orr_exec_create(r->g, device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
    expect_same_values(r->g, orr_exec_plan(exec));
    model_run_write(r, exec);
    if (orr_exec_run(exec, &err) != ORR_OK) fail_msg("%s", err.text);
    assert_int_equal(orr_exec_read_real(exec, r->block_grad, gradient, (size_t)r->p.elements, &err), ORR_OK);
    orr_exec_destroy(exec);
}

/* Gradients placed in one block arrive there, each at its offset, whether their producers are lowered or not. */
static void a_whole_model(void **state)
{
    (void)state;
    struct devices d;
    struct model_run r;
    model_run_build(&r, ORR_F64, false);
    const size_t count = (size_t)r.p.elements;
    double *native = orr_memory_array(count, sizeof(*native)), *lowered = orr_memory_array(count, sizeof(*lowered));
    assert_true(native && lowered);
    open_devices(&d);
    run_model(d.whole, &r, native);
    run_model(d.primitive, &r, lowered);
    const double worst = relative(lowered, native, count);
    if (!(worst <= TOLERANCE)) fail_msg("relative distance %.3g, allowed %.3g", worst, TOLERANCE);
    orr_memory_free(native);
    orr_memory_free(lowered);
    model_run_free(&r);
    close_devices(&d);
}

/* What a program says of a composite's output holds for what takes its place: batch, name, and that it is kept. */
static void what_is_said_of_an_output_holds(void **state)
{
    (void)state;
    const struct orr_plan_target target = {.supports = refuses_composites};
    const int64_t dim[2] = {6, 4};
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g;
    struct orr_plan *plan;
    assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 2, dim), y = orr_softmax(g, x);
    orr_graph_set_batch(g, y, 3);
    orr_graph_name(g, y, "y");
    orr_graph_keep(g, y);
    if (orr_plan_create(g, &target, &plan, &err) != ORR_OK) fail_msg("%s", err.text);
    assert_int_equal(plan->n_lowered, 1);
    const struct orr_graph_value *lowered = orr_graph_value(plan->graph, plan->map[y]);
    assert_int_equal(lowered->shape.batch, 3);
    assert_string_equal(lowered->name, "y");
    assert_true(plan->graph->storage[lowered->storage].kept);
    orr_plan_destroy(plan);
    orr_graph_destroy(g);
}

/* --- updates in place ------------------------------------------------------------------------ */

enum { N = 5 };

/* AdamW on a parameter, two moments and a gradient that are storages of their own or parts of one block. */
static void build_update(struct orr_graph **out, bool in_one_block, orr_handle *in)
{
    const struct orr_adamw a = {0.9, 0.999, 1e-8, 0.1};
    const int64_t n = N, four = 4, all = 4 * N;
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g;
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    const orr_handle block = orr_graph_input(g, NULL, ORR_F64, 1, &all);
    for (int k = 0; k < 4; ++k)
        in[k] = in_one_block ? orr_graph_view(g, block, k * n, 1, &n) : orr_graph_input(g, NULL, ORR_F64, 1, &n);
    in[4] = orr_graph_input(g, NULL, ORR_F64, 1, &four);
    orr_adamw_in_place(g, &a, in[0], in[1], in[2], in[3], in[4]);
    *out = g;
}

static void run_update(struct orr_open_device *device, bool in_one_block, double result[3][N])
{
    static const double start[4][N] = {
        {1, -2, 3, -4, 5}, {.1, .2, -.3, .4, .5}, {.5, .4, .3, .2, .1}, {1, 2, -3, .5, 0}};
    static const double row[4] = {0.01, 1.5, 2.5, 0.0};
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g;
    struct orr_exec *exec;
    orr_handle in[5];
    build_update(&g, in_one_block, in);
    if (orr_exec_create(g, device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
    for (int k = 0; k < 4; ++k)
        assert_int_equal(orr_exec_write_real(exec, in[k], start[k], N, &err), ORR_OK);
    assert_int_equal(orr_exec_write_real(exec, in[4], row, 4, &err), ORR_OK);
    assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
    for (int k = 0; k < 3; ++k)
        assert_int_equal(orr_exec_read_real(exec, in[k], result[k], N, &err), ORR_OK);
    assert_true(relative(result[0], start[0], N) > 1e-3);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
}

static void update_in_place(void **state)
{
    (void)state;
    struct devices d;
    double native[3][N], lowered[3][N];
    open_devices(&d);
    for (int in_one_block = 0; in_one_block < 2; ++in_one_block) {
        run_update(d.whole, in_one_block, native);
        run_update(d.primitive, in_one_block, lowered);
        for (int k = 0; k < 3; ++k) {
            const double worst = relative(lowered[k], native[k], N);
            if (!(worst <= TOLERANCE)) fail_msg("output %d: relative distance %.3g", k, worst);
        }
    }
    close_devices(&d);
}

/* The lowering of an update reads all that it needs of a block before it writes any part of it. */
static void reads_come_before_the_update(void **state)
{
    (void)state;
    const struct orr_plan_target target = {.supports = refuses_composites};
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g, *lowered;
    orr_handle in[5], *map;
    size_t n_lowered, n_writes = 0;
    build_update(&g, true, in);
    const int32_t block = g->value[in[0]].storage;
    if (orr_plan_lower(g, &target, &lowered, &map, &n_lowered, &err) != ORR_OK) fail_msg("%s", err.text);
    for (size_t i = 0; i < lowered->n_nodes; ++i) {
        const struct orr_graph_node *node = &lowered->node[i];
        if (node->op == ORR_NODE_VIEW) continue;
        for (uint32_t k = 0; k < node->n_in; ++k)
            if (n_writes && lowered->value[node->in[k]].storage == block)
                fail_msg("node %zu (%s) reads the block after its first update", i, orr_op_by_id(node->op)->name);
        n_writes += lowered->value[node->out[0]].storage == block;
    }
    assert_int_equal(n_writes, 3);
    orr_memory_free(map);
    orr_graph_destroy(lowered);
    orr_graph_destroy(g);
}

/* --- what is missing ------------------------------------------------------------------------- */

static bool no_tanh(void *context, const struct orr_call *call)
{
    (void)context;
    return call->op != ORR_OP_TANH && call->op != ORR_OP_ERF;
}

/* However many there are, each missing operation is named, with how often and an example of its shapes. */
static void missing_primitives_are_all_named(void **state)
{
    (void)state;
    static const char *const expected[] = {"tanh x30", "erf x1", "f32[64,100,512]", "f32[3,5]"};
    const struct orr_plan_target target = {.supports = no_tanh};
    const int64_t large[3] = {64, 100, 512}, small[2] = {3, 5};
    struct orr_graph *g;
    struct orr_plan *plan;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 3, large), y = orr_graph_input(g, "y", ORR_F32, 2, small);
    for (int k = 0; k < 30; ++k)
        orr_unary(g, ORR_OP_TANH, x);
    orr_unary(g, ORR_OP_ERF, y);
    assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_EUNSUPPORTED);
    for (size_t k = 0; k < sizeof(expected) / sizeof(expected[0]); ++k)
        if (!strstr(err.text, expected[k])) fail_msg("'%s' lacks '%s'", err.text, expected[k]);
    orr_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_composite),
        cmocka_unit_test(every_composite_in_single),
        cmocka_unit_test(masked_classes),
        cmocka_unit_test(a_whole_model),
        cmocka_unit_test(what_is_said_of_an_output_holds),
        cmocka_unit_test(update_in_place),
        cmocka_unit_test(reads_come_before_the_update),
        cmocka_unit_test(missing_primitives_are_all_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
