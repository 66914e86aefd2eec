/* Composites against their lowerings, in double, forwards and through their gradients; and updates in place. */
#include "base/memory.h"
#include "graph/optable.h"
#include "op_cases.h"
#include "plan/plan.h"

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* Both compute the same formula in double: some tens of roundings of 2^-53 on sums of about a hundred terms. */
#define TOLERANCE 1e-12

struct results {
    double *value[ORR_OUT_MAX + ORR_IN_MAX];
    size_t count[ORR_OUT_MAX + ORR_IN_MAX], n;
    size_t n_lowered;
    bool used[256];
};

/* Outputs, then gradients with respect to the real inputs where there are any. */
static void compute(size_t i, struct orr_open_device *device, struct results *out)
{
    struct op_run r;
    struct orr_exec *exec;
    struct orr_error err = {.code = ORR_OK};
    orr_handle wanted[ORR_OUT_MAX + ORR_IN_MAX], wrt[ORR_IN_MAX], grad[ORR_IN_MAX];
    uint32_t n_wrt = 0;
    memset(out, 0, sizeof(*out));
    op_run_build(&r, i, ORR_F64);
    for (uint32_t k = 0; k < r.n_out; ++k)
        if (orr_shape_of(r.g, r.out[k])->dtype == ORR_F64) wanted[out->n++] = r.out[k];
    for (uint32_t k = 0; k < r.n_in; ++k)
        if (r.input[k]) wrt[n_wrt++] = r.in[k];
    if (orr_op_is_differentiable(orr_op_by_id(op_cases[i].op))) {
        orr_graph_gradient(r.g, r.loss, wrt, n_wrt, grad);
        for (uint32_t k = 0; k < n_wrt; ++k)
            wanted[out->n++] = grad[k];
    }
    for (size_t k = 0; k < out->n; ++k)
        orr_graph_keep(r.g, wanted[k]);
    for (size_t k = 0; k < r.g->n_nodes; ++k)
        out->used[r.g->node[k].op] = true;
    if (orr_exec_create(r.g, device, NULL, &exec, &err) != ORR_OK)
        fail_msg("case %zu (%s): %s", i, orr_op_by_id(op_cases[i].op)->name, err.text);
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

static void every_composite(void **state)
{
    (void)state;
    struct orr_loader *loader;
    struct orr_open_device *whole = op_device_open(&loader), *primitive = NULL;
    struct orr_error err = {.code = ORR_OK};
    bool covered[256] = {false};
    size_t n_ops;
    const struct orr_op_info *ops = orr_op_list(&n_ops);
    assert_int_equal(orr_device_open(loader, "reference", &primitive, &err), ORR_OK);
    op_device_refuse_composites(primitive);
    for (size_t i = 0; i < n_op_cases; ++i) {
        struct results native, lowered;
        compute(i, whole, &native);
        compute(i, primitive, &lowered);
        if (orr_op_by_id(op_cases[i].op)->composite) assert_true(lowered.n_lowered > 0);
        for (size_t k = 0; k < native.n; ++k) {
            const double worst = relative(lowered.value[k], native.value[k], native.count[k]);
            if (!(worst <= TOLERANCE))
                fail_msg("case %zu (%s), value %zu: relative distance %.3g, allowed %.3g", i,
                         orr_op_by_id(op_cases[i].op)->name, k, worst, TOLERANCE);
        }
        for (size_t k = 0; k < n_ops; ++k)
            covered[ops[k].id] = covered[ops[k].id] || native.used[ops[k].id];
        release(&native);
        release(&lowered);
    }
    for (size_t k = 0; k < n_ops; ++k)
        if (!covered[ops[k].id]) fail_msg("%s appears in no case of op_cases.c", ops[k].name);
    orr_device_close(whole);
    orr_device_close(primitive);
    orr_loader_destroy(loader);
}

/* AdamW in place: the lowering must read all that it needs before it overwrites its inputs. */
static void update_in_place(void **state)
{
    (void)state;
    enum { N = 5 };
    const struct orr_adamw a = {0.9, 0.999, 1e-8, 0.1};
    const int64_t n = N, four = 4;
    double start[4][N] = {{1, -2, 3, -4, 5}, {.1, .2, -.3, .4, .5}, {.5, .4, .3, .2, .1}, {1, 2, -3, .5, 0}};
    const double row[4] = {0.01, 1.5, 2.5, 0.0};
    double result[2][3][N];
    for (int lowered = 0; lowered < 2; ++lowered) {
        struct orr_loader *loader;
        struct orr_open_device *device = op_device_open(&loader);
        struct orr_error err = {.code = ORR_OK};
        struct orr_graph *g;
        struct orr_exec *exec;
        orr_handle in[4];
        if (lowered) op_device_refuse_composites(device);
        assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
        for (int k = 0; k < 4; ++k)
            in[k] = orr_graph_input(g, NULL, ORR_F64, 1, &n);
        const orr_handle schedule = orr_graph_input(g, NULL, ORR_F64, 1, &four);
        orr_adamw_in_place(g, &a, in[0], in[1], in[2], in[3], schedule);
        if (orr_exec_create(g, device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
        for (int k = 0; k < 4; ++k)
            assert_int_equal(orr_exec_write_real(exec, in[k], start[k], N, &err), ORR_OK);
        assert_int_equal(orr_exec_write_real(exec, schedule, row, 4, &err), ORR_OK);
        assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
        for (int k = 0; k < 3; ++k)
            assert_int_equal(orr_exec_read_real(exec, in[k], result[lowered][k], N, &err), ORR_OK);
        orr_exec_destroy(exec);
        orr_graph_destroy(g);
        orr_device_close(device);
        orr_loader_destroy(loader);
    }
    for (int k = 0; k < 3; ++k) {
        const double worst = relative(result[1][k], result[0][k], N);
        if (!(worst <= TOLERANCE)) fail_msg("output %d: relative distance %.3g", k, worst);
    }
    assert_true(relative(result[0][0], start[0], N) > 1e-3);
}

static bool no_tanh(void *context, const struct orr_call *call)
{
    (void)context;
    return call->op != ORR_OP_TANH && call->op != ORR_OP_ERF;
}

static void missing_primitives_are_all_named(void **state)
{
    (void)state;
    const struct orr_plan_target target = {.supports = no_tanh};
    const int64_t dim[2] = {3, 5};
    struct orr_graph *g;
    struct orr_plan *plan;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 2, dim);
    orr_unary(g, ORR_OP_TANH, x);
    orr_unary(g, ORR_OP_ERF, x);
    assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "2 operations"));
    assert_non_null(strstr(err.text, "tanh(f32[3,5])"));
    assert_non_null(strstr(err.text, "erf(f32[3,5])"));
    orr_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_composite),
        cmocka_unit_test(update_in_place),
        cmocka_unit_test(missing_primitives_are_all_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
